"""Whether a feature knows the future: with the later bars gone, what it said must stay. Pure."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from msgspec import Struct

from state.analysis.features import Feature
from state.indicators.bars import Columns, Floats

TOLERANCE = 1e-9
"""Of a column's largest value: sums over another number of bars may differ in the last digits."""


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
        whole = _columns(name, feature(bars), count)
        leaks: dict[str, Leak] = {}
        compared = 0
        for cut in places:
            short = _columns(name, feature(bars.part(0, cut + 1)), cut + 1)
            if short.keys() != whole.keys():
                raise ValueError(f"{name}: its columns are others when there are fewer bars")
            for column, values in whole.items():
                compared += cut + 1
                leak = _leak(name, column, cut, values[: cut + 1], short[column])
                if leak is not None:
                    leaks.setdefault(column, leak)
        told(name)
        yield Looked(
            feature=name, columns=len(whole), compared=compared, leaks=tuple(leaks.values())
        )


def _columns(name: str, told: object, count: int) -> dict[str, Floats]:
    if not isinstance(told, Mapping):
        raise ValueError(  # noqa: TRY004 (somebody's feature is wrong, not our call)
            f"{name}: expected columns by name, {{'name': values}}, not {type(told).__name__}"
        )
    columns = {str(key): np.asarray(values, dtype=np.float64) for key, values in told.items()}
    for column, values in columns.items():
        if values.shape != (count,):
            raise ValueError(f"{name}: {column} has not one value a bar")
    return columns


def _leak(feature: str, column: str, cut: int, ours: np.ndarray, theirs: np.ndarray) -> Leak | None:
    # Of the column, not of one: prices may be 1e-9, and what ought to be 0 may be 1e-17.
    scale = np.abs(ours[np.isfinite(ours)]).max(initial=0.0)
    is_other = np.isnan(ours) != np.isnan(theirs)
    is_finite = np.isfinite(ours) & np.isfinite(theirs)
    apart = np.abs(ours[is_finite] - theirs[is_finite])
    is_other[is_finite] = apart > TOLERANCE * scale
    is_other |= (np.isinf(ours) | np.isinf(theirs)) & (ours != theirs)
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
