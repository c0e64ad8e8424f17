"""What is measured of one book over time, beside each book for itself. Pure; for the book analyzer.

Order flow, micro-price and resilience need every change in its turn: after a hole they begin again.
How liquid the pair was in the last week is kept over restarts.
"""

from msgspec import Struct

from actors.market.book_measures import (
    WEIGHTS,
    levels_imbalance,
    mid,
    queue_imbalance,
    spread_bps,
    weighted_imbalance,
    weighted_mid,
)
from actors.market.depth_measures import SideDepth, side_depth
from actors.market.liquidity import DayOfScores, WeekOfScores, score
from actors.market.micro_price import MicroPrice
from actors.market.order_flow import OrderFlow
from actors.market.resilience import Resilience
from state.messages.flow import LiquidityMeasured
from state.messages.market import BookMeasured
from state.order_book import Best, OrderBook
from state.values import NS_PER_S, Pair, TimeNs

UNTIMED = TimeNs(0)


class WatchState(Struct, frozen=True):
    """What a restart must not lose: only a week could rebuild it."""

    days: tuple[DayOfScores, ...]
    half_lives: tuple[float, ...]
    """Seconds, oldest first."""


class BookWatch:
    """Watches one pair's book.

    Args:
        every_s: How often liquidity is measured at most.
    """

    def __init__(self, every_s: float) -> None:
        self._every_ns = int(every_s * NS_PER_S)
        self._measured_ns: int | None = None
        self.flow = OrderFlow()
        self.micro = MicroPrice()
        self._resilience = Resilience()
        self._week = WeekOfScores()

    def begin(self) -> None:
        """Go on after a hole: changes may be missing."""
        self.flow.begin()
        self.micro.begin()
        self._resilience.begin()

    def apply(self, best: Best, at_ns: int) -> None:
        """Fold the best levels after one change, at the exchange's time."""
        self.flow.apply(best, at_ns)
        self.micro.apply(best)

    def measured(
        self,
        book: OrderBook,
        pair: Pair,
        depth_bps: float,
        *,
        event_time_ns: TimeNs,
        seen_time_ns: TimeNs,
        now_ns: TimeNs,
        fed_time_ns: TimeNs = UNTIMED,
        polled: bool = False,
    ) -> BookMeasured | None:
        """Return what is measured of every update, and fold its depth.

        None where a side is empty, or the market moved through all of it that is verified: better
        levels may be there, untold.

        Args:
            book: A live one, whose best levels were applied.
            pair: Whose.
            depth_bps: How far from the mid depth is measured.
            event_time_ns: Of the newest change, as the next one.
            seen_time_ns: When its bytes reached us; 0 where nobody measured, which is now.
            now_ns: The time.
            fed_time_ns: When the feed passed it on; 0 where nobody noted.
            polled: Whether the book stands in for a stream.
        """
        best = book.best()
        if best is None:
            return None
        (_, bids, _, first, bids_whole), (_, asks, _, first_ask, asks_whole) = book.views()
        levels, of_asks = len(bids) - first, len(asks) - first_ask
        levels = min(levels, of_asks)
        if levels == 0:
            return None
        bid_depth, ask_depth = book.depth(depth_bps)
        self._resilience.apply(bid_depth + ask_depth, event_time_ns)
        # A side that is known to its end has no more levels than that.
        whole = bids_whole and asks_whole
        order_flow, order_flow_depths = self.flow.measured(event_time_ns)
        bid, bid_size, ask, ask_size = best
        # By position: by name it takes six times as long, a quarter of all that is done here.
        return BookMeasured(
            book.last_id,
            bid,
            bid_size,
            ask,
            ask_size,
            mid(bid, ask),
            weighted_mid(bid, bid_size, ask, ask_size),
            spread_bps(bid, ask),
            queue_imbalance(bid_size, ask_size),
            bid_depth,
            ask_depth,
            depth_bps,
            levels,
            polled,
            levels_imbalance(bids, asks, 5) if whole or levels >= 5 else None,
            weighted_imbalance(bids, asks) if whole or levels >= len(WEIGHTS) else None,
            order_flow,
            order_flow_depths,
            self.micro.price(best),
            fed_time_ns,
            now_ns,
            pair=pair,
            event_time_ns=event_time_ns,
            seen_time_ns=seen_time_ns or now_ns,
        )

    def is_due(self, now_ns: int) -> bool:
        """Return whether liquidity is to be measured; `now_ns` never goes back."""
        if self._measured_ns is not None and now_ns - self._measured_ns < self._every_ns:
            return False
        self._measured_ns = now_ns
        return True

    def liquidity(self, book: OrderBook, measured: BookMeasured) -> LiquidityMeasured:
        """Return what this book would take, beside what was `measured` of it; count its score."""
        middle, spread = measured.mid, measured.spread_bps
        bids, asks = (side_depth(view, middle) for view in book.views())
        half_life_s = self._resilience.half_life_s()
        points = score(
            spread_bps=spread,
            depth=bids.least[1] + asks.least[1],
            cost_bps=_mean_cost(bids, asks),
            half_life_s=half_life_s,
        )
        percentile, samples = self._week.percentile(points), self._week.count
        self._week.add(points, measured.event_time_ns)
        # By position, as above; the depths and costs in the order of their bands and notionals.
        bid_10, bid_25, bid_50 = bids.depths
        ask_10, ask_25, ask_50 = asks.depths
        buy_100, buy_1000, buy_10000 = asks.costs
        sell_100, sell_1000, sell_10000 = bids.costs
        return LiquidityMeasured(
            measured.sequence,
            middle,
            spread,
            bid_10,
            bid_25,
            bid_50,
            ask_10,
            ask_25,
            ask_50,
            buy_100,
            buy_1000,
            buy_10000,
            sell_100,
            sell_1000,
            sell_10000,
            half_life_s,
            measured.weighted_imbalance,
            measured.order_flow_depths,
            measured.micro_price,
            points,
            percentile,
            samples,
            pair=measured.pair,
            event_time_ns=measured.event_time_ns,
            seen_time_ns=measured.seen_time_ns,
        )

    def state(self) -> WatchState | None:
        """Return what to keep; None while nothing was measured."""
        if not self._week.count:
            return None
        return WatchState(self._week.days(), self._resilience.half_lives)

    def restore(self, state: WatchState) -> None:
        """Take over what was kept."""
        self._week = WeekOfScores(state.days)
        self._resilience = Resilience(state.half_lives)


def _mean_cost(bids: SideDepth, asks: SideDepth) -> float | None:
    sell, buy = bids.costs[-1], asks.costs[-1]
    return None if sell is None or buy is None else (sell + buy) / 2
