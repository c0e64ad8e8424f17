"""What is measured of one book over time, beside each book for itself. Pure; for the book analyzer.

Order flow, micro-price and resilience need every change in its turn: after a hole they begin again.
How liquid the pair was in the last week is kept over restarts.
"""

from msgspec import Struct

from actors.market.depth_measures import SideDepth, side_depth
from actors.market.liquidity import DayOfScores, WeekOfScores, score
from actors.market.micro_price import MicroPrice
from actors.market.order_flow import OrderFlow
from actors.market.resilience import Resilience
from state.messages.flow import LiquidityMeasured
from state.messages.market import BookMeasured
from state.order_book import Best, OrderBook
from state.values import NS_PER_S


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

    def apply_depth(self, depth: float, at_ns: int) -> None:
        """Fold the depth near the mid, both sides, quote units."""
        self._resilience.apply(depth, at_ns)

    def is_due(self, now_ns: int) -> bool:
        """Return whether liquidity is to be measured; `now_ns` never goes back."""
        if self._measured_ns is not None and now_ns - self._measured_ns < self._every_ns:
            return False
        self._measured_ns = now_ns
        return True

    def liquidity(self, book: OrderBook, measured: BookMeasured) -> LiquidityMeasured:
        """Return what this book would take, beside what was `measured` of it; count its score."""
        mid, spread = measured.mid, measured.spread_bps
        bids, asks = (side_depth(view, mid) for view in book.views())
        half_life_s = self._resilience.half_life_s()
        points = score(
            spread_bps=spread,
            depth=bids.least[1] + asks.least[1],
            cost_bps=_mean_cost(bids, asks),
            half_life_s=half_life_s,
        )
        percentile, samples = self._week.percentile(points), self._week.count
        self._week.add(points, measured.event_time_ns)
        return LiquidityMeasured(
            pair=measured.pair,
            event_time_ns=measured.event_time_ns,
            seen_time_ns=measured.seen_time_ns,
            sequence=measured.sequence,
            mid=mid,
            spread_bps=spread,
            bid_depth_10=bids.depths[0],
            bid_depth_25=bids.depths[1],
            bid_depth_50=bids.depths[2],
            ask_depth_10=asks.depths[0],
            ask_depth_25=asks.depths[1],
            ask_depth_50=asks.depths[2],
            buy_cost_100=asks.costs[0],
            buy_cost_1000=asks.costs[1],
            buy_cost_10000=asks.costs[2],
            sell_cost_100=bids.costs[0],
            sell_cost_1000=bids.costs[1],
            sell_cost_10000=bids.costs[2],
            half_life_s=half_life_s,
            weighted_imbalance=measured.weighted_imbalance,
            order_flow_depths=measured.order_flow_depths,
            micro_price=measured.micro_price,
            score=points,
            percentile=percentile,
            samples=samples,
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
