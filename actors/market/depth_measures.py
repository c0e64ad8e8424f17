"""How much a book would take, and at what cost: depth near the mid, cost to trade. Pure.

Only verified levels count. What they do not reach is None: insufficient depth is reported and never
extrapolated.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from state.order_book import SideView

BPS = 10_000.0
BANDS = (10.0, 25.0, 50.0)
"""Basis points from the mid within which depth is measured; the last is the widest."""
NOTIONALS = (100.0, 1_000.0, 10_000.0)
"""Quote units whose cost to trade is measured; the last is the largest."""


class SideDepth(NamedTuple):
    """What one side would take."""

    depths: tuple[float | None, ...]
    """Quote units within each of `BANDS`; None where the band reaches beyond what is verified."""
    least: tuple[float, ...]
    """The same as far as is verified: at least so much is there."""
    costs: tuple[float | None, ...]
    """Basis points of the mid that trading each of `NOTIONALS` at once would pay beyond the mid;
    None where not so much is verified."""


def side_depth(
    side: SideView,
    mid: float,
    bands: Sequence[float] = BANDS,
    notionals: Sequence[float] = NOTIONALS,
) -> SideDepth:
    """Return depth and cost of one side.

    Args:
        side: Its verified levels; an ask's keys are negative.
        mid: The mid of the book, quote units.
        bands: Basis points, ascending, > 0.
        notionals: Quote units, ascending, > 0.
    """
    keys, _, values, first, is_whole = side
    sign = 1.0 if keys and keys[-1] > 0 else -1.0
    centre = sign * mid
    depths: list[float | None] = []
    least: list[float] = []
    count = len(keys)
    known, summed, value = count - first, 0, 0.0
    for band in bands:
        # How many of the best levels lie within the band.
        within = count - bisect_left(keys, centre - mid * band / BPS)
        reached = min(within, known)
        if reached > summed:
            end = None if reached == count else -reached - 1
            # From the best level on, whatever the band: the same sum as over all of it at once.
            value = sum(values[-summed - 1 : end : -1], value)
            summed = reached
        least.append(value * sign if reached else 0.0)
        # Where the band takes in all that is verified, more may lie in it, unless there is no more.
        depths.append(least[-1] if within < known or is_whole else None)
    costs = _costs(side, sign, centre, notionals)
    return SideDepth(tuple(depths), tuple(least), costs)


def _costs(
    side: SideView, sign: float, centre: float, notionals: Sequence[float]
) -> tuple[float | None, ...]:
    """Walk the levels, no further than the largest of `notionals` takes."""
    costs: list[float | None] = []
    keys, sizes, _, first, _ = side
    wanted, filled, paid = iter(notionals), 0.0, 0.0
    notional = next(wanted, None)
    for place in range(len(keys) - 1, first - 1, -1):
        if notional is None:
            break
        price, size = keys[place] * sign, sizes[place]
        after = paid + price * size
        while notional is not None and after >= notional:
            average = notional / (filled + (notional - paid) / price)
            # A bid is hit below the mid, an ask lifted above it: either way the loss is positive.
            loss = 1.0 - average / centre if sign > 0 else average / -centre - 1.0
            costs.append(loss * BPS)
            notional = next(wanted, None)
        paid = after
        filled += size
    return (*costs, *(None for _ in range(len(notionals) - len(costs))))
