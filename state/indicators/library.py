"""Indicators that TA-Lib computes: its incremental handles, and its batch functions. Pure.

A handle cannot be copied to disk; whoever restarts opens it on the bars again.
"""

from functools import cache
from operator import attrgetter
from typing import Any

import numpy as np
import talib
from talib import abstract, stream

from state.indicators.bars import Bar, Columns, Floats
from state.indicators.indicator import Indicator, Values


class FromTalib(Indicator):
    """A handle of `talib.stream`, opened as soon as it has the bars it needs.

    Args:
        name: TA-Lib's name of the function.
        inputs: The columns it reads, in its order.
        parameters: Its settings, by TA-Lib's names.
    """

    def __init__(self, name: str, inputs: tuple[str, ...], **parameters: float) -> None:
        self._make = getattr(stream, name)
        self._parameters = parameters
        self._pick = attrgetter(*inputs)
        self._single = len(inputs) == 1
        self._needed = warm_up_of(name, **parameters)
        self._early: list[Any] = []
        """Inputs of the bars before it could be opened."""
        self.handle: Any = None
        """TA-Lib's own, once it is open."""

    def feed(self, bar: Bar) -> Values | None:
        """Return the values as of the closed `bar`."""
        picked = self._pick(bar)
        if self.handle is not None:
            value = self.handle.update(picked) if self._single else self.handle.update(*picked)
            return value if type(value) is tuple else (value,)
        self._early.append(picked)
        if len(self._early) < self._needed:
            return None
        self.handle = self._opened(self._early)
        self._early = []
        return self._value(self.handle)

    def look(self, bar: Bar) -> Values | None:
        """Return the values, were the forming `bar` closed."""
        picked = self._pick(bar)
        if self.handle is not None:
            value = self.handle.peek(picked) if self._single else self.handle.peek(*picked)
            return value if type(value) is tuple else (value,)
        early = [*self._early, picked]
        return self._value(self._opened(early)) if len(early) >= self._needed else None

    def warm(self, bars: Columns) -> Values | None:
        """Open on the whole history at once."""
        if self._early or self.handle is not None or len(bars.close) < self._needed:
            return super().warm(bars)
        picked = self._pick(bars)
        columns = (picked,) if self._single else picked
        self.handle = self._make(*map(np.ascontiguousarray, columns), **self._parameters)
        return self._value(self.handle)

    def _opened(self, early: list[Any]) -> Any:
        rows = np.array(early, dtype=np.float64)
        columns = (rows,) if self._single else (np.ascontiguousarray(one) for one in rows.T)
        return self._make(*columns, **self._parameters)

    @staticmethod
    def _value(handle: Any) -> Values:
        value = handle.value
        return value if type(value) is tuple else (value,)


@cache
def warm_up_of(name: str, **parameters: float) -> int:
    """Return how many bars a function of TA-Lib needs for its first value."""
    return int(abstract.Function(name, **parameters).lookback) + 1  # type: ignore[attr-defined]


def batch(
    name: str, inputs: tuple[str, ...], bars: Columns, **parameters: float
) -> tuple[Floats, ...]:
    """Return the outputs of a function of TA-Lib over whole columns, NaN while not warm."""
    columns = [np.ascontiguousarray(getattr(bars, one)) for one in inputs]
    found = getattr(talib, name)(*columns, **parameters)
    return found if isinstance(found, tuple) else (found,)
