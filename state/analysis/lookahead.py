"""Whether a feature knows the future: with the later bars gone, what it said must stay. Pure."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from msgspec import Struct

from state.analysis.features import Feature
from state.indicators.bars import Columns

TOLERANCE = 1e-9
"""Relative: sums over another number of bars may differ in the last digits."""


class Leak(Struct, frozen=True, kw_only=True):
    """One column that says something else once the bars after `cut` are gone."""

    feature: str
    column: str
    cut: int
    """The last bar that was left."""
    bar: int
    """The first bar of which something else is said."""
    with_future: float | None
    without: float | None
    """None: it says nothing."""


class Looked(Struct, frozen=True, kw_only=True):
    """What came of one feature."""

    feature: str
    columns: int
    compared: int
    """Values held against one another."""
    leaks: tuple[Leak, ...]
    """One a column at most: the first."""


def look(
    features: Mapping[str, Feature],
    bars: Columns,
    cuts: int = 12,
    told: Callable[[str], None] = lambda _name: None,
) -> Iterator[Looked]:
    """Compute each feature on all of `bars` and on them cut short, and compare.

    Args:
        features: By name.
        bars: Long enough to be warm: at least `cuts` times two.
        cuts: At how many places, spread evenly over the last nine tenths.
        told: Called when a feature is done.

    Raises:
        ValueError: Too few bars, or a feature gives columns of another length.
    """
    count = len(bars.close)
    if count < 2 * cuts:
        raise ValueError(f"{count} bars are too few for {cuts} cuts")
    places = np.unique(np.linspace(count // 10, count - 2, cuts).astype(int)).tolist()
    for name, feature in features.items():
        whole = feature(bars)
        leaks: dict[str, Leak] = {}
        compared = 0
        for cut in places:
            short = feature(bars.part(0, cut + 1))
            for column, values in whole.items():
                if len(values) != count or len(short[column]) != cut + 1:
                    raise ValueError(f"{name}: {column} has not one value a bar")
                compared += cut + 1
                leak = _leak(name, column, cut, values[: cut + 1], short[column])
                if leak is not None:
                    leaks.setdefault(column, leak)
        told(name)
        yield Looked(
            feature=name, columns=len(whole), compared=compared, leaks=tuple(leaks.values())
        )


def _leak(feature: str, column: str, cut: int, ours: np.ndarray, theirs: np.ndarray) -> Leak | None:
    scale = np.maximum(1.0, np.abs(ours))
    is_other = np.isnan(ours) != np.isnan(theirs)
    is_other |= np.abs(ours - theirs) > TOLERANCE * scale
    if not is_other.any():
        return None
    bar = int(np.argmax(is_other))
    return Leak(
        feature=feature,
        column=column,
        cut=cut,
        bar=bar,
        with_future=_said(ours[bar]),
        without=_said(theirs[bar]),
    )


def _said(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
