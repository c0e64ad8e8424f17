"""Trend with book confirmation: simple, honest, and not expected to beat its fees by itself. Pure.

A fast exponential average of closes above a slow one is an upward trend, measured in basis points
of the slow one. Flat, it buys when the trend is strong enough and the book leans to the bid; long,
it sells when the trend has turned and the book does not lean against the sale. It is long or flat.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

BPS = 10_000.0


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


class Action(StrEnum):
    """What the strategy wants."""

    ENTER = "enter"
    EXIT = "exit"


class Wish(Struct, frozen=True, kw_only=True):
    """What to do and why, in words for `explain`."""

    action: Action
    reason: str


def decide(
    *, averages: Averages, imbalance: float, held: Decimal, entry_bps: float, imbalance_min: float
) -> Wish | None:
    """Return what to do now, or None.

    Args:
        averages: Of closed candles only.
        imbalance: Queue imbalance of the live book, in [-1, 1].
        held: Base units held, >= 0.
        entry_bps: Least trend to enter on, >= 0.
        imbalance_min: Least lean of the book towards the trade, in [0, 1].
    """
    if not averages.ready:
        return None
    trend = averages.trend_bps
    told = f"trend {trend:+.2f} bps, imbalance {imbalance:+.2f}"
    if not held and trend >= entry_bps and imbalance >= imbalance_min:
        return Wish(action=Action.ENTER, reason=f"upward: {told}")
    if held and trend <= 0 and imbalance <= -imbalance_min:
        return Wish(action=Action.EXIT, reason=f"turned: {told}")
    return None
