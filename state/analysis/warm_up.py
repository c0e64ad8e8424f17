"""How much history each indicator wants: its value after few bars against that after all. Pure."""

from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct

from state.indicators.bars import Columns
from state.indicators.catalogue import catalogue

BARS = (199, 499, 999)
"""As freqtrade's tool of the same purpose has them."""
CUMULATIVE = frozenset({"obv"})
"""Sums since the first bar: only their changes mean something."""
ENDS = 8
"""At so many bars the values are compared; the largest difference counts."""
ENOUGH = 1e-3
"""Relative: more than this after the most bars is too much."""


class Warmth(Struct, frozen=True, kw_only=True):
    """How far one output is from its value over all history."""

    output: str
    warm_up: int
    """Bars until it says anything."""
    differences: tuple[float | None, ...]
    """Largest relative difference for each of `BARS`, 0.01 is a per cent; None: it says nothing."""
    cumulative: bool

    @property
    def is_settled(self) -> bool:
        """Whether the most bars are enough for it."""
        last = self.differences[-1]
        return self.cumulative or (last is not None and last <= ENOUGH)


def warmth(bars: Columns, told: Callable[[str], None] = lambda _name: None) -> Iterator[Warmth]:
    """Compare every output of the catalogue.

    Args:
        bars: More than the most of `BARS`, by `ENDS` at least.
        told: Called when an indicator is done.

    Raises:
        ValueError: Too few bars.
    """
    count, most = len(bars.close), max(BARS)
    if count < most + ENDS:
        raise ValueError(f"{count} bars are too few: {most + ENDS} are wanted")
    ends = np.unique(np.linspace(most, count, ENDS).astype(int)).tolist()
    for spec in catalogue():
        whole = spec.batch(bars)
        found: list[list[float | None]] = [[] for _ in spec.outputs]
        for length in BARS:
            worst: list[float | None] = [0.0] * len(spec.outputs)
            for end in ends:
                short = spec.batch(bars.part(end - length, end))
                for place, column in enumerate(short):
                    worst[place] = _worse(worst[place], column[-1], whole[place][end - 1])
            for place, value in enumerate(worst):
                found[place].append(value)
        told(spec.name)
        for output, differences in zip(spec.outputs, found, strict=True):
            yield Warmth(
                output=output,
                warm_up=spec.warm_up,
                differences=tuple(differences),
                cumulative=output in CUMULATIVE,
            )


def _worse(worst: float | None, ours: float, theirs: float) -> float | None:
    if worst is None or np.isnan(ours) or np.isnan(theirs):
        return None
    return max(worst, float(abs(ours - theirs) / max(abs(theirs), 1e-12)))
