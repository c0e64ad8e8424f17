"""All that is measured of one pair's trades. Pure; for the flow analyzer.

What belongs to the UTC day, and what takes hours to fill, is kept over restarts; trades that were
told meanwhile are missing then, so the day's sums begin anew and say since when.
"""

from collections import deque

from msgspec import Struct

from actors.market.icebergs import Iceberg, Icebergs
from actors.market.large_trades import LargeTrades
from actors.market.split_orders import SplitOrder, SplitOrders
from actors.market.tape import (
    DAY_NS,
    DayVolumes,
    Execution,
    Executions,
    Quantities,
    RecentTrades,
)
from actors.market.toxicity import BUCKETS_PER_DAY, Vpin, VpinState
from actors.market.volume_profile import VolumeProfile
from state.messages.flow import FlowMeasured, HiddenOrder
from state.messages.market import TradePrinted
from state.order_book import Best
from state.values import NS_PER_S, Pair, Side, TimeNs

MINUTE_NS = 60 * NS_PER_S
HIDDEN_NS = 120 * NS_PER_S
"""A hidden order that was not seen for so long is not told any more."""
HIDDEN_TOLD = 8
UNSUMMED_MAX = 1_024
"""Trades whose volumes wait to be added up."""


class FlowState(Struct, frozen=True):
    """What a restart must not lose."""

    vpin: VpinState | None


class FlowWatch:
    """One pair's trades.

    Args:
        pair: Whose.
        tick: The smallest difference between two prices, quote units.
    """

    def __init__(self, pair: Pair, tick: float) -> None:
        self._pair = pair
        self._tick = tick
        self._vpin: Vpin | None = None
        self._large = LargeTrades()
        self._splits = SplitOrders()
        self._icebergs = Icebergs()
        self._hidden: dict[tuple[object, ...], HiddenOrder] = {}
        self.begin()

    def begin(self) -> None:
        """Begin the sums anew: trades may be missing."""
        self._day = DayVolumes()
        self._unsummed: Quantities = {Side.BUY: [], Side.SELL: [], None: []}
        """Of the day, and not in its sums yet: decimals are dear, and asked for once a second."""
        self._since_ns: int | None = None
        """Since when no trade is missing; None before the first."""
        self._trades = 0
        self._last_id = -1
        self._profile: VolumeProfile | None = None
        self._recent = RecentTrades()
        self._executions = Executions()
        self._icebergs.begin()
        self._minute = -1
        self._footprint: VolumeProfile | None = None
        self._stacked: int | None = None
        self._unusual: deque[tuple[int, float]] = deque()
        """(time, signed score) of the last minute's executions, each larger than those after it."""

    def state(self) -> FlowState | None:
        """Return what to keep; None while there is nothing."""
        return None if self._vpin is None else FlowState(self._vpin.state())

    def restore(self, state: FlowState) -> None:
        """Take over what was kept."""
        self._vpin = None if state.vpin is None else Vpin.of(state.vpin)

    @property
    def knows_volume(self) -> bool:
        """Whether the size of VPIN's buckets is known."""
        return self._vpin is not None

    def volume_told(self, base_volume_24h: float) -> None:
        """Learn how much trades in a day; buckets are of that size from then on."""
        if self._vpin is None and base_volume_24h > 0:
            self._vpin = Vpin(base_volume_24h / BUCKETS_PER_DAY)

    def trade(self, trade: TradePrinted) -> bool:
        """Fold one trade; return whether it is news: one that is told again is not."""
        if trade.trade_id <= self._last_id:
            return False
        self._last_id = trade.trade_id
        at_ns, price, quantity = trade.event_time_ns, trade.price, trade.quantity
        taker, day = trade.taker, at_ns // DAY_NS
        if day > self._day.day:
            self._begin_day(day, at_ns, price)
        # What comes late at midnight belongs to the day that has begun, as in the other sums.
        self._unsummed[taker].append(quantity)
        self._trades += 1
        if self._trades % UNSUMMED_MAX == 0:
            self._sum_up()
        assert self._profile is not None, "a day has begun"
        ticks = round(price / self._tick)
        self._profile.add_at(ticks, quantity, taker)
        self._recent.add(at_ns, quantity, taker)
        minute = at_ns // MINUTE_NS
        if minute > self._minute:
            self._begin_minute(minute, price)
        if self._footprint is not None:
            self._footprint.add_at(ticks, quantity, taker)
        if self._vpin is not None:
            self._vpin.add(quantity, taker)
        if taker is not None:
            self._icebergs.add(at_ns, taker, price, quantity)
        execution = self._executions.add(trade)
        if execution is not None:
            self._fold_execution(execution)
        return True

    def look(self, best: Best, at_ns: int) -> None:
        """Hold the trades against the best levels, at the exchange's time."""
        for iceberg in self._icebergs.look(best, at_ns):
            self._hidden["iceberg", iceberg.side, iceberg.price] = _of_iceberg(iceberg)

    def begin_book(self) -> None:
        """Go on after a hole in the book."""
        self._icebergs.begin()

    def measured(self, at_ns: TimeNs, seen_ns: TimeNs) -> FlowMeasured | None:
        """Return what is known as of `at_ns`, the exchange's time; None before the first trade."""
        if self._since_ns is None or self._profile is None:
            return None
        day, recent = self._sum_up(), self._recent.measured(at_ns)
        area = self._profile.value_area()
        self._forget(at_ns)
        hidden = sorted(self._hidden.values(), key=lambda one: -one.confidence)
        return FlowMeasured(
            pair=self._pair,
            event_time_ns=at_ns,
            seen_time_ns=seen_ns,
            since_ns=TimeNs(self._since_ns),
            trades=self._trades,
            buy_volume=float(day.buys),
            sell_volume=float(day.sells),
            unknown_volume=float(day.unknown),
            cumulative_delta=float(day.delta),
            delta_60s=None if recent is None else recent.delta,
            imbalance_60s=None if recent is None else recent.imbalance,
            buys_per_s=None if recent is None else recent.buys_per_s,
            sells_per_s=None if recent is None else recent.sells_per_s,
            point_of_control=None if area is None else area.point_of_control,
            value_low=None if area is None else area.low,
            value_high=None if area is None else area.high,
            level_width=self._profile.level_width,
            vpin=None if self._vpin is None else self._vpin.value(),
            stacked=self._stacked,
            large_z=self._unusual[0][1] if self._unusual else None,
            hidden=tuple(hidden[:HIDDEN_TOLD]),
        )

    def _sum_up(self) -> DayVolumes:
        self._day = self._day.with_all(self._unsummed)
        for quantities in self._unsummed.values():
            quantities.clear()
        return self._day

    def _begin_day(self, day: int, at_ns: int, price: float) -> None:
        # The first trade ever is where watching began; later days are watched from their midnight.
        self._since_ns = at_ns if self._since_ns is None else day * DAY_NS
        self._trades = 0
        self._profile = VolumeProfile(self._tick, price)
        self._sum_up()  # Of the day that has ended.
        self._day = DayVolumes(day)

    def _begin_minute(self, minute: int, price: float) -> None:
        whole = self._footprint if minute == self._minute + 1 else None
        # The minute in which watching began is not whole.
        if self._minute >= 0 and self._minute * MINUTE_NS >= (self._since_ns or 0):
            self._stacked = 0 if whole is None else whole.stacked()
        self._minute = minute
        self._footprint = VolumeProfile(self._tick, price)

    def _fold_execution(self, execution: Execution) -> None:
        z = self._large.score(execution.notional)
        if z is not None:
            signed = z * execution.taker.sign
            while self._unusual and abs(self._unusual[-1][1]) <= abs(signed):
                self._unusual.pop()
            self._unusual.append((execution.at_ns, signed))
        split = self._splits.add(execution)
        if split is not None:
            self._hidden["split", split.side, split.first_ns] = _of_split(split)

    def _forget(self, now_ns: int) -> None:
        while self._unusual and self._unusual[0][0] <= now_ns - MINUTE_NS:
            self._unusual.popleft()
        self._hidden = {
            key: one for key, one in self._hidden.items() if now_ns - one.last_ns <= HIDDEN_NS
        }


def _of_iceberg(iceberg: Iceberg) -> HiddenOrder:
    return HiddenOrder(
        kind="iceberg",
        side=iceberg.side,
        size=iceberg.peak,
        parts=iceberg.refills,
        price=iceberg.price,
        interval_s=None,
        first_ns=TimeNs(iceberg.first_ns),
        last_ns=TimeNs(iceberg.last_ns),
        confidence=iceberg.confidence,
    )


def _of_split(split: SplitOrder) -> HiddenOrder:
    return HiddenOrder(
        kind="split",
        side=split.side,
        size=split.size,
        parts=split.pieces,
        price=None,
        interval_s=split.interval_s,
        first_ns=TimeNs(split.first_ns),
        last_ns=TimeNs(split.last_ns),
        confidence=split.confidence,
    )
