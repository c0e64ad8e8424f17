"""Bars as indicators read them: one at a time, or whole columns of them. Pure."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from state.messages.market import CandleClosed
from state.values import TimeNs

Floats = NDArray[np.float64]

LARGEST = 1e15
"""No price or volume is beyond it: some of TA-Lib's functions lose their head there."""


class BadBar(ValueError):
    """A bar that no indicator may see; the indicator is as it was before."""


class Bar(NamedTuple):
    """One closed (or, for `peek`, forming) candle; prices in quote units, volume in base units."""

    open_time_ns: TimeNs
    open: float
    high: float
    low: float
    close: float
    volume: float

    @classmethod
    def of(cls, candle: CandleClosed) -> "Bar":
        """Return the bar of a candle."""
        return cls(
            candle.open_time_ns,
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            candle.base_volume,
        )

    def checked(self) -> "Bar":
        """Return this bar.

        Raises:
            BadBar: A number is not finite, a price not positive, or high and low do not enclose.
        """
        _, opened, high, low, close, volume = self
        # NaN fails every comparison, so that one chain finds it too.
        whole = 0.0 < low <= opened <= high <= LARGEST and low <= close <= high
        if not (whole and 0.0 <= volume <= LARGEST):
            raise BadBar(f"not a bar: {self}")
        return self


class Columns(NamedTuple):
    """Bars as columns of equal length, oldest first; times int64, all else float64."""

    open_time_ns: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    @classmethod
    def of(cls, bars: Iterable[Bar]) -> "Columns":
        """Return the columns of `bars`."""
        rows = list(bars)
        turned: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 6
        times, *numbers = turned
        floats = [np.array(column, dtype=np.float64) for column in numbers]
        return cls(np.array(times, dtype=np.int64), *floats)

    def rows(self) -> list[Bar]:
        """Return the bars."""
        return [Bar(*row) for row in zip(*(column.tolist() for column in self), strict=True)]

    def part(self, start: int, stop: int) -> "Columns":
        """Return bars [start, stop)."""
        times, *floats = self
        cut = [column[start:stop] for column in floats]
        return Columns(times[start:stop], *cut)

    def checked(self) -> "Columns":
        """Return these columns.

        Raises:
            BadBar: A bar is not one, or times do not rise; named by its number, the first being 1.
        """
        times, opened, high, low, close, volume = self
        if len({len(column) for column in self}) != 1:
            raise BadBar("columns of unequal length")
        good = (low > 0) & (low <= opened) & (opened <= high) & (low <= close) & (close <= high)
        good &= (high <= LARGEST) & (volume >= 0) & (volume <= LARGEST)
        if not good.all():
            place = int(np.argmin(good))
            bar = Bar(*(column[place].item() for column in self))
            raise BadBar(f"row {place + 1}: not a bar: {bar}")
        late = np.flatnonzero(np.diff(times) <= 0)
        if len(late):
            raise BadBar(f"row {late[0] + 2}: its time does not follow the row before")
        return self


def finite(values: Iterable[float]) -> bool:
    """Return whether none of `values` is NaN or infinite."""
    return all(map(isfinite, values))
