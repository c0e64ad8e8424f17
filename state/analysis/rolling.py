"""Columns of bars rolled up into longer bars; only whole ones. Pure."""

import numpy as np

from state.indicators.bars import Columns


def rolled(bars: Columns, length_ns: int) -> Columns:
    """Return the bars of `length_ns` that `bars`, of one shorter length, make up completely."""
    times = bars.open_time_ns
    if len(times) < 2:
        return bars.part(0, 0)
    step_ns = int(np.diff(times).min())
    if step_ns == length_ns:
        return bars
    parts = length_ns // step_ns
    groups = times // length_ns
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    counts = np.diff(np.r_[starts, len(times)])
    whole = counts == parts
    if not whole.any():
        return bars.part(0, 0)
    ends = starts + counts - 1
    return Columns(
        (groups[starts] * length_ns)[whole],
        bars.open[starts][whole],
        np.maximum.reduceat(bars.high, starts)[whole],
        np.minimum.reduceat(bars.low, starts)[whole],
        bars.close[ends][whole],
        np.add.reduceat(bars.volume, starts)[whole],
    )
