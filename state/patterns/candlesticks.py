"""All candlestick patterns of TA-Lib, by its incremental handles. Pure.

Their tolerances are TA-Lib's candle settings (body, shadow and distance against averages of the 5
or 10 bars before), which belong to the whole process: nobody here changes them.
"""

from collections.abc import Callable
from functools import cache

import talib

from state.indicators.bars import Bar, Columns, Floats
from state.indicators.library import FromTalib, batch, warm_up_of
from state.messages.signals import Direction

_INPUTS = ("open", "high", "low", "close")

UNDECIDED = frozenset(
    {
        "CDLDOJI",
        "CDLHIGHWAVE",
        "CDLLONGLEGGEDDOJI",
        "CDLRICKSHAWMAN",
        "CDLSHORTLINE",
        "CDLSPINNINGTOP",
    }
)
"""Of these TA-Lib's sign is the colour of a body or nothing at all; no textbook takes a side."""
STRONGEST = 200
"""TA-Lib's largest value: a pattern that the next bar confirmed."""


@cache
def names() -> tuple[str, ...]:
    """Return TA-Lib's names of all its candlestick patterns."""
    groups: dict[str, list[str]] = talib.get_function_groups()  # type: ignore[no-untyped-call]
    return tuple(groups["Pattern Recognition"])


class Candlesticks:
    """All patterns of one timeframe, fed with each closed bar once."""

    def __init__(self) -> None:
        self._handles = [(name, FromTalib(name, _INPUTS)) for name in names()]
        self._open: list[tuple[str, Callable[[float, float, float, float], int]]] = []
        """The handles themselves, once all have the bars they need: half the cost."""

    def apply(self, bar: Bar) -> tuple[tuple[str, int], ...]:
        """Return name and TA-Lib's value (-200 to 200) of each pattern that this bar completes.

        Raises:
            BadBar: It is no bar; nothing has changed.
        """
        bar.checked()
        if self._open:
            _, opened, high, low, close, _ = bar
            told = [(name, update(opened, high, low, close)) for name, update in self._open]
            return tuple([one for one in told if one[1]])
        found = []
        for name, handle in self._handles:
            values = handle.feed(bar)
            if values is not None and values[0]:
                found.append((name, int(values[0])))
        self._look_for_handles()
        return tuple(found)

    def warm(self, bars: Columns) -> None:
        """Begin with checked history, all at once."""
        for _, handle in self._handles:
            handle.warm(bars)
        self._look_for_handles()

    def _look_for_handles(self) -> None:
        opened = [(name, one.handle.update) for name, one in self._handles if one.handle]
        if len(opened) == len(self._handles):
            self._open = opened


def direction_of(name: str, value: int) -> Direction:
    """Return what the textbook expects after a pattern of this value."""
    if name in UNDECIDED:
        return Direction.FLAT
    return Direction.UP if value > 0 else Direction.DOWN


def whole(name: str, bars: Columns) -> Floats:
    """Return one pattern's values over whole columns; 0 where there is none or it is not warm."""
    (found,) = batch(name, _INPUTS, bars)
    return found.astype(float)


def warm_up() -> int:
    """Return how many bars the slowest pattern needs."""
    return max(warm_up_of(name) for name in names())
