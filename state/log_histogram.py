"""Counts of whole numbers in buckets whose width grows with the number. Pure.

What HDR histograms do (Tene, "HdrHistogram"), without their array: numbers below 64 have a bucket
each; beyond, each doubling is cut into 32 buckets of equal width. So whatever a bucket holds is
told as its middle, at most 1/64 (1.6 %) off, from nanoseconds to hours, in a few hundred counters
at most. The largest number is kept as it is. Histograms of the same kind can be added up.
"""

from collections.abc import Iterable
from math import ceil

from state.values import NS_PER_S

_SUB_BITS = 5
_LINEAR = 1 << (_SUB_BITS + 1)
"""Numbers below have a bucket each."""
LARGEST = 24 * 3600 * NS_PER_S
"""A day in nanoseconds; larger numbers are counted as that."""
RELATIVE_ERROR = 1 / _LINEAR
"""Most that a told number is off, as a share of the true one."""


def bucket_of(value: int) -> int:
    """Return the number of the bucket that `value`, in [0, LARGEST], falls into."""
    if value < _LINEAR:
        return value
    shift = value.bit_length() - _SUB_BITS - 1
    return (shift << _SUB_BITS) + (value >> shift)


def middle_of(bucket: int) -> float:
    """Return the middle of a bucket."""
    if bucket < _LINEAR:
        return float(bucket)
    shift = (bucket >> _SUB_BITS) - 1
    low = (bucket - (shift << _SUB_BITS)) << shift
    return low + ((1 << shift) - 1) / 2


class LogHistogram:
    """Counts whole numbers from 0 on; a number below 0 is counted as 0."""

    __slots__ = ("_counts", "count", "largest")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.count = 0
        self.largest = 0

    def record(self, value: int) -> None:
        """Count one number."""
        value = 0 if value < 0 else min(value, LARGEST)
        counts, bucket = self._counts, bucket_of(value)
        counts[bucket] = counts.get(bucket, 0) + 1
        self.count += 1
        self.largest = max(self.largest, value)

    def add(self, counts: Iterable[tuple[int, int]], largest: int) -> None:
        """Add what another one counted: (bucket, count) pairs and its largest number."""
        ours = self._counts
        for bucket, count in counts:
            ours[bucket] = ours.get(bucket, 0) + count
            self.count += count
        self.largest = max(self.largest, largest)

    def counts(self) -> tuple[tuple[int, int], ...]:
        """Return what was counted, as (bucket, count) pairs, smallest bucket first."""
        return tuple(sorted(self._counts.items()))

    def clear(self) -> None:
        """Count from nothing again."""
        self._counts.clear()
        self.count = self.largest = 0

    def percentile(self, share: float) -> float | None:
        """Return the number at or below which `share` (in (0, 1]) of all lie; None without any.

        Nearest rank: the smallest number with at least that share at or below it, within 1.6 %.
        """
        if not self.count:
            return None
        left = ceil(share * self.count)
        for bucket, count in self.counts():
            left -= count
            if left <= 0:
                return min(middle_of(bucket), float(self.largest))
        return float(self.largest)
