"""What the trades of a day add up to: volumes by side, delta, how often they come. Pure.

The taker's side is what the exchange says. Where it says none, the trade is counted apart. Volumes
are added up in decimal, each as the exchange wrote it, so buys, sells and unknown together are the
volume of the candles to the last digit. Cumulative volume delta is buys less sells since 00:00 UTC.
"""

from collections import deque
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from state.exact import difference, total
from state.messages.market import TradePrinted
from state.values import NS_PER_S, ZERO, Side

DAY_NS = 86_400 * NS_PER_S
_make = tuple.__new__
"""Half the time of calling a named tuple by its name."""
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

    def with_all(self, quantities: "Quantities") -> "DayVolumes":
        """Return them with more trades of the same day, by taker."""
        return DayVolumes(
            self.day,
            _plus(self.buys, quantities[Side.BUY]),
            _plus(self.sells, quantities[Side.SELL]),
            _plus(self.unknown, quantities[None]),
        )


Quantities = dict[Side | None, list[float]]
"""Base units of trades, by taker."""


def _plus(volume: Decimal, quantities: list[float]) -> Decimal:
    return total((volume, *map(Decimal, map(repr, quantities)))) if quantities else volume


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
        bought = sold = 0.0
        buys = sells = 0
        for one in self._seconds:
            bought += one.buy_volume
            sold += one.sell_volume
            buys += one.buys
            sells += one.sells
        return Recent(
            buys_per_s=buys / WINDOW_S,
            sells_per_s=sells / WINDOW_S,
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
        taker, price, quantity = trade.taker, trade.price, trade.quantity
        if taker is None:
            return None
        last, value, at_ns = self._open, price * quantity, trade.event_time_ns
        if last is not None and last.taker is taker and last.at_ns == at_ns:
            together = (at_ns, taker, price, last.quantity + quantity, last.notional + value)
            self._open = _make(Execution, together)
            return None
        self._open = _make(Execution, (at_ns, taker, price, quantity, value))
        return last
