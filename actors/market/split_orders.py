"""Orders that somebody splits: executions of one size at even intervals. Pure; it is inference.

Nobody sees who trades. A parent order that is worked in slices leaves executions of about one size,
at about even times, of one side. For each execution that follows an earlier one of its size, a
series is supposed that goes on at their distance. One that fits in goes on with it; a series that
misses its time is over.

**Confidence.** Were the executions of that size to come at random (Poisson, at the rate at which
they do come), one would fall within the deviation that the series has shown with probability
p = 1 - exp(-rate * 2 * deviation), and all n of them with p^n. The confidence is 1 - p^n * TRIES:
so many series are supposed in a few minutes, and each might have been lucky (Bonferroni).
"""

from array import array
from math import exp, log

from msgspec import Struct

from actors.market.tape import Execution
from state.values import NS_PER_S, Side

SIZE_TOLERANCE = 0.08
"""How far a slice may be from the size of its series, as a share."""
TIME_TOLERANCE = 0.25
"""How far from its time, as a share of the interval."""
QUIET = 0.99 * (1 - TIME_TOLERANCE)
"""Of an interval that is surely before the next slice; what comes later is looked at exactly."""
INTERVAL_MIN_NS = NS_PER_S // 2
INTERVAL_MAX_NS = 120 * NS_PER_S
PIECES_MIN = 6
CONFIDENCE_MIN = 0.95
TRIES = 1_000.0
SUPPOSED_MAX = 8
"""Series of one side and size at a time; of more the oldest is dropped."""
PREDECESSORS = 2
"""Earlier executions of its size that a new one may be the successor of."""
RECENT = 64
"""Executions of a side and size among which they are looked for, and which tell the rate."""
_BUCKET = log(1 + SIZE_TOLERANCE)


class SplitOrder(Struct, frozen=True, kw_only=True):
    """Somebody seems to work an order in slices."""

    side: Side
    size: float
    """Mean of a slice, base units."""
    interval_s: float
    pieces: int
    """Slices seen."""
    first_ns: int
    last_ns: int
    confidence: float
    """In [0, 1]: see above."""


class _Series:
    __slots__ = (
        "deviation_ns",
        "first_ns",
        "interval_ns",
        "last_ns",
        "pieces",
        "quiet_ns",
        "side",
        "size",
    )

    def __init__(self, before_ns: int, quantity: float, after: Execution) -> None:
        self.side = after.taker
        self.first_ns, self.last_ns = before_ns, after.at_ns
        self.interval_ns = float(after.at_ns - before_ns)
        self.quiet_ns = self.last_ns + int(QUIET * self.interval_ns)
        """Until then nothing can go on with it: most are only waiting when they are looked at."""
        self.size = (quantity + after.quantity) / 2
        self.pieces = 2
        self.deviation_ns = 0.0
        """The largest there was."""

    def go_on(self, at_ns: int, quantity: float, away_ns: float) -> None:
        """Go on with one that came when it should, `away_ns` off, and is of the size."""
        self.last_ns = at_ns
        self.pieces = pieces = self.pieces + 1
        self.deviation_ns = max(self.deviation_ns, abs(away_ns))
        self.interval_ns = interval_ns = (at_ns - self.first_ns) / (pieces - 1)
        self.quiet_ns = at_ns + int(QUIET * interval_ns)
        self.size += (quantity - self.size) / pieces


class _Sizes:
    """The executions of one side and of about one size.

    There are hundreds of sizes, and days until a rare one has come `RECENT` times: only times and
    quantities are kept, as bare numbers.
    """

    __slots__ = ("quantities", "series", "times_ns")

    def __init__(self) -> None:
        self.times_ns = array("q")
        self.quantities = array("d")
        self.series: list[_Series] = []

    def add(self, execution: Execution) -> None:
        """Count one more; of more than `RECENT` the oldest is forgotten."""
        self.times_ns.append(execution.at_ns)
        self.quantities.append(execution.quantity)
        if len(self.times_ns) > RECENT:
            del self.times_ns[0], self.quantities[0]


class SplitOrders:
    """Looks for them in the executions of one pair, told in their order."""

    def __init__(self) -> None:
        self._sizes: dict[Side, dict[int, _Sizes]] = {side: {} for side in Side}
        """By side, and bucket of the size: what is alike lies in the same or in the next one."""

    def add(self, execution: Execution) -> SplitOrder | None:
        """Count one; return the surest order that it is a slice of, None where it is of none."""
        by_bucket, bucket = self._sizes[execution.taker], int(log(execution.quantity) / _BUCKET)
        own, near = by_bucket.get(bucket), []
        taken: list[_Series] = []
        for sizes in (by_bucket.get(bucket - 1), own, by_bucket.get(bucket + 1)):
            if sizes is not None:
                near.append(sizes)
                if sizes.series:
                    _go_on(sizes, execution, taken)
        if own is None:
            own = by_bucket[bucket] = _Sizes()
        if not taken:
            # It goes on with nothing that was supposed: suppose what it may be the second slice of.
            own.series += _supposed(execution, near)
            if len(own.series) > SUPPOSED_MAX:
                own.series = _without_twins(own.series)[-SUPPOSED_MAX:]
        own.add(execution)
        if not taken:
            return None
        orders = [
            order
            for one in taken
            if one.pieces >= PIECES_MIN and (order := self._judged(one, near)) is not None
        ]
        return max(orders, key=lambda order: (order.confidence, order.pieces), default=None)

    def _judged(self, series: _Series, near: list[_Sizes]) -> SplitOrder | None:
        watched_ns = max(series.last_ns - min(one.times_ns[0] for one in near), 1)
        # No deviation is smaller than a clock of milliseconds tells.
        within_ns = 2 * max(series.deviation_ns, 0.01 * series.interval_ns)
        # The first two made the series up: they are no evidence.
        evidence = series.pieces - 2

        def confidence_at(count: int) -> float:
            return 1 - TRIES * (1 - exp(-count / watched_ns * within_ns)) ** evidence

        # Were there no others of its size it would be surest: mostly not even then.
        if confidence_at(series.pieces) < CONFIDENCE_MIN:
            return None
        size = series.size
        alike = [
            1
            for sizes in near
            for quantity in sizes.quantities
            if abs(quantity / size - 1) <= SIZE_TOLERANCE
        ]
        confidence = confidence_at(len(alike))
        if confidence < CONFIDENCE_MIN:
            return None
        return SplitOrder(
            side=series.side,
            size=series.size,
            interval_s=series.interval_ns / NS_PER_S,
            pieces=series.pieces,
            first_ns=series.first_ns,
            last_ns=series.last_ns,
            confidence=min(confidence, 1.0),
        )


def _go_on(sizes: _Sizes, execution: Execution, taken: list[_Series]) -> None:
    """Go on with the series that this is the next slice of; forget those whose time is over."""
    at_ns, quantity, over = execution.at_ns, execution.quantity, False
    for one in sizes.series:
        if at_ns <= one.quiet_ns:
            continue
        interval_ns = one.interval_ns
        away_ns = at_ns - one.last_ns - interval_ns
        limit_ns = TIME_TOLERANCE * interval_ns
        if away_ns > limit_ns:
            one.pieces, over = 0, True  # Without pieces it is forgotten below.
        elif away_ns >= -limit_ns and abs(quantity / one.size - 1) <= SIZE_TOLERANCE:
            one.go_on(at_ns, quantity, away_ns)
            taken.append(one)
    if over:
        sizes.series = [one for one in sizes.series if one.pieces]


def _supposed(execution: Execution, near: list[_Sizes]) -> list[_Series]:
    """Return a series for each of the last few executions that this one may follow."""
    at_ns, quantity, before = execution.at_ns, execution.quantity, []
    for sizes in near:
        times_ns, quantities = sizes.times_ns, sizes.quantities
        for place in range(1, min(PREDECESSORS, len(times_ns)) + 1):
            one = times_ns[-place], quantities[-place]
            if (
                INTERVAL_MIN_NS <= at_ns - one[0] <= INTERVAL_MAX_NS
                and abs(one[1] / quantity - 1) <= SIZE_TOLERANCE
            ):
                before.append(one)
    if len(before) > 1:
        before.sort(key=lambda one: -one[0])
    return [_Series(*one, execution) for one in before[:PREDECESSORS]]


def _without_twins(series: list[_Series]) -> list[_Series]:
    """Drop those that have become the same: of equal last slice and about equal interval."""
    kept: dict[tuple[int, int], _Series] = {}
    for one in series:
        key = (one.last_ns, round(one.interval_ns / (NS_PER_S // 10)))
        if key not in kept or kept[key].pieces < one.pieces:
            kept[key] = one
    return list(kept.values())
