"""How much a book would take, and at what cost: depth near the mid, cost to trade. Pure.

Only verified levels count. What they do not reach is None: insufficient depth is reported and never
extrapolated.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
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
    keys, sizes, first, is_whole = side
    sign = 1.0 if keys and keys[-1] > 0 else -1.0
    centre = sign * mid
    limits = [centre - mid * band / BPS for band in bands]
    place = max(first, bisect_left(keys, limits[-1]))
    prices, values, amounts = _running(keys, sizes, place)
    if (not values or values[-1] < notionals[-1]) and place > first:
        prices, values, amounts = _running(keys, sizes, first)
    depths: list[float | None] = []
    least: list[float] = []
    known = len(keys) - first
    for limit in limits:
        # How many of the best levels lie within the band.
        within = len(keys) - bisect_left(keys, limit)
        reached = min(within, known)
        least.append(values[reached - 1] if reached else 0.0)
        # Where the band takes in all that is verified, more may lie in it, unless there is no more.
        depths.append(least[-1] if within < known or is_whole else None)
    costs = tuple(_cost(prices, values, amounts, one, centre) for one in notionals)
    return SideDepth(tuple(depths), tuple(least), costs)


def _running(
    keys: list[float], sizes: list[float], place: int
) -> tuple[list[float], list[float], list[float]]:
    """Return prices from the best level to `place`, quote and base units up to each of them."""
    end = None if place == 0 else place - 1
    prices = keys[:end:-1]
    if prices and prices[0] < 0:
        prices = [-key for key in prices]
    levels = sizes[:end:-1]
    return prices, list(accumulate(map(mul, prices, levels))), list(accumulate(levels))


def _cost(
    prices: list[float],
    values: list[float],
    amounts: list[float],
    notional: float,
    centre: float,
) -> float | None:
    place = bisect_left(values, notional)
    if place == len(values):
        return None
    before = values[place - 1] if place else 0.0
    filled = amounts[place - 1] if place else 0.0
    average = notional / (filled + (notional - before) / prices[place])
    # A bid is hit below the mid, an ask lifted above it: either way the loss is positive.
    return (1.0 - average / centre) * BPS if centre > 0 else (average / -centre - 1.0) * BPS
