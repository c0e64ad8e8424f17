"""What an indicator is: bars in, floats out, None until it is warm. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from state.indicators.bars import Bar, Columns, Floats

Values = tuple[float, ...]
"""One float for each output of an indicator."""


class Indicator(ABC):
    """One indicator of one pair and timeframe, fed with each closed bar once, oldest first."""

    @final
    def update(self, bar: Bar) -> Values | None:
        """Return the values as of the closed `bar`, which is kept; None while not warm.

        Raises:
            BadBar: It is no bar; the indicator has not changed.
        """
        return self.feed(bar.checked())

    @final
    def peek(self, bar: Bar) -> Values | None:
        """Return what the values were, were the forming `bar` closed now; nothing is kept.

        Raises:
            BadBar: It is no bar.
        """
        return self.look(bar.checked())

    @abstractmethod
    def feed(self, bar: Bar) -> Values | None:
        """`update` for a bar already checked."""

    @abstractmethod
    def look(self, bar: Bar) -> Values | None:
        """`peek` for a bar already checked."""

    def warm(self, bars: Columns) -> Values | None:
        """Feed a new indicator with checked history at once; returns the last values."""
        values = None
        for bar in bars.rows():
            values = self.feed(bar)
        return values


@dataclass(frozen=True)
class Spec:
    """One indicator of the catalogue: how it is made, both ways, and since when it speaks."""

    name: str
    outputs: tuple[str, ...]
    """Fields of `IndicatorsUpdated`."""
    warm_up: int
    """Bars until the first value: it comes with bar number `warm_up`, index `warm_up - 1`."""
    make: Callable[[], Indicator]
    batch: Callable[[Columns], tuple[Floats, ...]]
    """Whole columns in, one column for each output; NaN while not warm."""
    source: str
    """Whose arithmetic it is, and the definition."""
