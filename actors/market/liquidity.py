"""One number for how well a pair can be traded, and how that compares with its own week. Pure.

The score is the mean of four parts, weighted by `WEIGHTS`, each between 0 (bad) and 1 (good) on a
logarithmic scale between two published ends:

| part | weight | 0 at | 1 at |
|---|---|---|---|
| spread | 0.30 | 50 bps | 0.5 bps |
| depth within 25 bps, both sides | 0.30 | 1,000 quote units | 1,000,000 |
| cost of 10,000 quote units, mean of both sides | 0.25 | 100 bps, or not there | 1 bps |
| half-life after a shock | 0.15 | 60 s | 0.5 s |

While no half-life is known the other three share its weight. Where the depth within 25 bps is not
known because the verified book does not reach so far, what is verified counts: it is at least that.
"""

from collections.abc import Sequence
from math import log
from typing import Annotated

from msgspec import Meta, Struct

from state.values import NS_PER_S

SPREAD_BPS = (50.0, 0.5)
DEPTH_QUOTE = (1e3, 1e6)
COST_BPS = (100.0, 1.0)
HALF_LIFE_S = (60.0, 0.5)
WEIGHTS = {"spread": 0.30, "depth": 0.30, "cost": 0.25, "resilience": 0.15}
"""They add up to 1."""

DAY_NS = 86_400 * NS_PER_S
DAYS = 7
BUCKETS = 101
"""Of the score, a point each: 0 to 100."""
SAMPLES_MIN = 600
"""Fewer are no history to compare with: ten minutes of one a second."""


def scaled(value: float, ends: tuple[float, float]) -> float:
    """Return where `value` lies between the bad and the good end, in [0, 1], logarithmically."""
    bad, good = ends
    low, high = min(ends), max(ends)
    return log(min(max(value, low), high) / bad) / log(good / bad)


def score(
    *, spread_bps: float, depth: float, cost_bps: float | None, half_life_s: float | None
) -> float:
    """Return the liquidity score, in [0, 100].

    Args:
        spread_bps: Of the best prices.
        depth: Quote units within 25 bps of the mid, both sides, as far as is verified.
        cost_bps: Of 10,000 quote units beyond the mid; None where not so much is there.
        half_life_s: After a shock; None where it is not known.
    """
    parts = {
        "spread": scaled(spread_bps, SPREAD_BPS),
        "depth": scaled(depth, DEPTH_QUOTE),
        "cost": 0.0 if cost_bps is None else scaled(cost_bps, COST_BPS),
    }
    if half_life_s is not None:
        parts["resilience"] = scaled(half_life_s, HALF_LIFE_S)
    weight = sum(WEIGHTS[name] for name in parts)
    return 100.0 * sum(WEIGHTS[name] * part for name, part in parts.items()) / weight


class DayOfScores(Struct, frozen=True):
    """How often which score was measured on one UTC day."""

    day: int
    """Days since 1970."""
    counts: Annotated[tuple[int, ...], Meta(min_length=BUCKETS, max_length=BUCKETS)]


class WeekOfScores:
    """The scores of the last seven days: a histogram a day, so memory is bounded."""

    def __init__(self, days: Sequence[DayOfScores] = ()) -> None:
        self._days: dict[int, list[int]] = {one.day: list(one.counts) for one in days}
        self._total: list[int] = [
            sum(column) for column in zip(*self._days.values(), strict=True)
        ] or ([0] * BUCKETS)
        self.count = sum(self._total)

    def days(self) -> tuple[DayOfScores, ...]:
        """Return what to keep, oldest first."""
        return tuple(DayOfScores(day, tuple(self._days[day])) for day in sorted(self._days))

    def add(self, points: float, at_ns: int) -> None:
        """Count a score, in [0, 100]; days more than seven before it are forgotten."""
        day = at_ns // DAY_NS
        counts = self._days.get(day)
        if counts is None:
            counts = self._days[day] = [0] * BUCKETS
            # A clock that leaps may leave days that never grow old: seven are kept at most.
            newest = sorted(self._days)[-DAYS:]
            for old in [one for one in self._days if one <= day - DAYS or one not in newest]:
                gone = self._days.pop(old)
                self._total = [all_ - less for all_, less in zip(self._total, gone, strict=True)]
                self.count -= sum(gone)
        bucket = round(points)
        counts[bucket] += 1
        self._total[bucket] += 1
        self.count += 1

    def percentile(self, points: float) -> float | None:
        """Return the share of the week's scores below this one, in percent, ties counted half.

        None while there are fewer than `SAMPLES_MIN`.
        """
        if self.count < SAMPLES_MIN:
            return None
        bucket = round(points)
        below: float = sum(self._total[:bucket]) + self._total[bucket] / 2
        return 100.0 * below / self.count
