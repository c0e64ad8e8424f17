"""Pivots: bars at which the market turned, known only when enough bars after them have closed.

A pivot high is a bar whose high is above those of the `WIDTH` bars before it and not below those of
the `WIDTH` bars after it (of equal highs the first counts); a pivot low likewise (Williams 1995, a
fractal of `WIDTH`). It is confirmed `WIDTH` bars late and never changes. Pure.
"""

from collections import deque
from typing import NamedTuple

from state.indicators.bars import Bar
from state.values import TimeNs

WIDTH = 3


class Pivot(NamedTuple):
    """A confirmed turn."""

    is_high: bool
    price: float
    open_time_ns: TimeNs
    """Opening of the bar that made it."""
    place: int
    """Number of that bar, 0 for the first one fed."""


class PivotFold:
    """Finds pivots, fed with each closed bar once."""

    def __init__(self, width: int = WIDTH) -> None:
        self._width = width
        self._bars: deque[Bar] = deque(maxlen=2 * width + 1)
        self.fed = 0

    def apply(self, bar: Bar) -> tuple[Pivot, ...]:
        """Return the pivots that this bar confirms: none, a high, a low, or both."""
        self._bars.append(bar)
        self.fed += 1
        bars, width = self._bars, self._width
        if len(bars) < 2 * width + 1:
            return ()
        turn = bars[width]
        place = self.fed - 1 - width
        found = []
        high, low = turn.high, turn.low
        before = [bars[n] for n in range(width)]
        after = [bars[n] for n in range(width + 1, 2 * width + 1)]
        if all(one.high < high for one in before) and all(one.high <= high for one in after):
            found.append(
                Pivot(is_high=True, price=high, open_time_ns=turn.open_time_ns, place=place)
            )
        if all(one.low > low for one in before) and all(one.low >= low for one in after):
            found.append(
                Pivot(is_high=False, price=low, open_time_ns=turn.open_time_ns, place=place)
            )
        return tuple(found)
