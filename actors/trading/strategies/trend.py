"""Trend with book confirmation: simple, honest, and not expected to beat its fees by itself. Pure.

A fast exponential average of closes above a slow one is an upward trend, measured in basis points
of the slow one. Flat, it is for buying when the trend is strong enough and the book leans to the
bid; long, it is for selling when the trend has turned and the book does not lean against the sale.
Else it has no opinion.
"""

from msgspec import Struct

from state.config.settings import TrendSettings
from state.messages.market import BookMeasured
from state.messages.signals import Opinion, Reason
from state.values import NS_PER_S, Pair, TimeNs

SOURCE = "trend"
BPS = 10_000.0
TOLD_EACH_BOOK_NS = NS_PER_S
"""Its opinion is of one book and formed anew with the next."""


class Averages(Struct, frozen=True, kw_only=True):
    """Two exponential averages of closes, seeded with the mean of their first windows.

    Source: TA-Lib's EMA: alpha = 2 / (window + 1), first value the simple mean of the window.
    """

    fast_window: int
    slow_window: int
    count: int = 0
    fast: float = 0.0
    slow: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether the slow average has seen its whole window."""
        return self.count >= self.slow_window

    @property
    def trend_bps(self) -> float:
        """Fast over slow in basis points of the slow; only when `ready`."""
        return (self.fast - self.slow) / self.slow * BPS

    def apply(self, close: float) -> "Averages":
        """Return the averages after one more closed candle."""
        count = self.count + 1
        return Averages(
            fast_window=self.fast_window,
            slow_window=self.slow_window,
            count=count,
            fast=_average(self.fast, close, count, self.fast_window),
            slow=_average(self.slow, close, count, self.slow_window),
        )


def _average(average: float, close: float, count: int, window: int) -> float:
    if count <= window:
        return average + (close - average) / count
    return average + (close - average) * 2 / (window + 1)


def opinion(
    pair: Pair,
    averages: Averages,
    book: BookMeasured,
    *,
    holds: bool,
    settings: TrendSettings,
) -> Opinion | None:
    """Return what the trend says now: fully for a trade, fully against it, or nothing at all.

    Args:
        pair: Of what.
        averages: Of closed candles only.
        book: The live book; its queue imbalance has to agree.
        holds: Whether something is held that could be sold.
        settings: Of the strategy.

    Returns:
        None while the averages are not warm.
    """
    if not averages.ready:
        return None
    trend, imbalance = averages.trend_bps, book.imbalance
    told = f"trend {trend:+.2f} bps, imbalance {imbalance:+.2f}"
    direction, what = 0.0, "undecided"
    if not holds and trend >= settings.entry_bps and imbalance >= settings.imbalance_min:
        direction, what = 1.0, "upward"
    elif holds and trend <= 0 and imbalance <= -settings.imbalance_min:
        direction, what = -1.0, "turned"
    horizon_s = float(settings.slow_window * settings.timeframe.seconds)
    return Opinion(
        source=SOURCE,
        pair=pair,
        direction=direction,
        confidence=abs(direction),
        horizon_s=horizon_s,
        invalidation=None,
        reasons=(Reason(says=f"{what}: {told}", refers=f"candles:{settings.timeframe}"),),
        as_of_ns=book.event_time_ns,
        expires_at_ns=TimeNs(book.event_time_ns + TOLD_EACH_BOOK_NS),
    )
