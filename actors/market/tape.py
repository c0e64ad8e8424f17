"""What the trades of a day add up to: volumes by side, delta, how often they come. Pure.

The taker's side is what the exchange says. Where it says none, the trade is counted apart. Volumes
are added up in decimal, each as the exchange wrote it, so buys, sells and unknown together are the
volume of the candles to the last digit. Cumulative volume delta is buys less sells since 00:00 UTC.
"""

from collections import deque
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from state.exact import added, difference, total
from state.messages.market import TradePrinted
from state.values import NS_PER_S, ZERO, Side

DAY_NS = 86_400 * NS_PER_S
WINDOW_S = 60
"""Of rates and of the trade imbalance."""


class DayVolumes(Struct, frozen=True):
    """Base units traded on one UTC day."""

    day: int = -1
    """Days since 1970."""
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    unknown: Decimal = ZERO

    @property
    def volume(self) -> Decimal:
        """All of it."""
        return total((self.buys, self.sells, self.unknown))

    @property
    def delta(self) -> Decimal:
        """Buys less sells."""
        return difference(self.buys, self.sells)

    def grown(self, day: int, quantity: float, taker: Side | None) -> "DayVolumes":
        """Return them with one more trade, of the same day or of a later one."""
        base = self if day == self.day else DayVolumes(day)
        amount = Decimal(repr(quantity))
        if taker is Side.BUY:
            return DayVolumes(day, added(base.buys, amount), base.sells, base.unknown)
        if taker is Side.SELL:
            return DayVolumes(day, base.buys, added(base.sells, amount), base.unknown)
        return DayVolumes(day, base.buys, base.sells, added(base.unknown, amount))


class _Second(Struct):
    second: int
    buys: int = 0
    sells: int = 0
    buy_volume: float = 0.0
    sell_volume: float = 0.0


class Recent(NamedTuple):
    """The last minute."""

    buys_per_s: float
    sells_per_s: float
    delta: float
    """Buys less sells, base units."""
    imbalance: float | None
    """Delta over the volume of known side, in [-1, 1]; None where nothing traded."""


class RecentTrades:
    """The trades of the last `WINDOW_S` seconds, in seconds of the exchange's time."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque()
        self._since_s: int | None = None

    def add(self, at_ns: int, quantity: float, taker: Side | None) -> None:
        """Count one trade; one of an earlier second counts in the newest."""
        second = at_ns // NS_PER_S
        if self._since_s is None:
            self._since_s = second
        if not self._seconds or second > self._seconds[-1].second:
            self._seconds.append(_Second(second))
            self._forget(second)
        newest = self._seconds[-1]
        if taker is Side.BUY:
            newest.buys += 1
            newest.buy_volume += quantity
        elif taker is Side.SELL:
            newest.sells += 1
            newest.sell_volume += quantity

    def measured(self, now_ns: int) -> Recent | None:
        """Return the last minute as of `now_ns`; None before a whole one was watched."""
        now_s = now_ns // NS_PER_S
        self._forget(now_s)
        if self._since_s is None or now_s - self._since_s < WINDOW_S:
            return None
        bought = sum(one.buy_volume for one in self._seconds)
        sold = sum(one.sell_volume for one in self._seconds)
        return Recent(
            buys_per_s=sum(one.buys for one in self._seconds) / WINDOW_S,
            sells_per_s=sum(one.sells for one in self._seconds) / WINDOW_S,
            delta=bought - sold,
            imbalance=(bought - sold) / (bought + sold) if bought + sold > 0 else None,
        )

    def _forget(self, now_s: int) -> None:
        while self._seconds and self._seconds[0].second <= now_s - WINDOW_S:
            self._seconds.popleft()


class Execution(NamedTuple):
    """What one taker did at one moment: prints of one side and one time, put together."""

    at_ns: int
    taker: Side
    price: float
    """Of the last print."""
    quantity: float
    notional: float


class Executions:
    """Puts the prints of one order together that took from several makers."""

    def __init__(self) -> None:
        self._open: Execution | None = None

    def add(self, trade: TradePrinted) -> Execution | None:
        """Return the execution that ended before `trade`, if one did."""
        if trade.taker is None:
            return None
        last, value = self._open, trade.price * trade.quantity
        if last is not None and last.taker is trade.taker and last.at_ns == trade.event_time_ns:
            self._open = Execution(
                last.at_ns,
                last.taker,
                trade.price,
                last.quantity + trade.quantity,
                last.notional + value,
            )
            return None
        self._open = Execution(trade.event_time_ns, trade.taker, trade.price, trade.quantity, value)
        return last
