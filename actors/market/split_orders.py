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
    __slots__ = ("deviation_ns", "first_ns", "interval_ns", "last_ns", "pieces", "side", "size")

    def __init__(self, before_ns: int, quantity: float, after: Execution) -> None:
        self.side = after.taker
        self.first_ns, self.last_ns = before_ns, after.at_ns
        self.interval_ns = float(after.at_ns - before_ns)
        self.size = (quantity + after.quantity) / 2
        self.pieces = 2
        self.deviation_ns = 0.0
        """The largest there was."""

    def takes(self, execution: Execution, away_ns: float) -> bool:
        """Go on with one that comes when it should, if it is of the size."""
        if abs(execution.quantity / self.size - 1) > SIZE_TOLERANCE:
            return False
        self.last_ns = execution.at_ns
        self.pieces += 1
        self.deviation_ns = max(self.deviation_ns, abs(away_ns))
        self.interval_ns = (self.last_ns - self.first_ns) / (self.pieces - 1)
        self.size += (execution.quantity - self.size) / self.pieces
        return True


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

    def newest(self, count: int) -> list[tuple[int, float]]:
        """Return time and quantity of the newest `count` of them."""
        return list(zip(self.times_ns[-count:], self.quantities[-count:], strict=True))


class SplitOrders:
    """Looks for them in the executions of one pair, told in their order."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[Side, int], _Sizes] = {}
        """By side and bucket of the size: what is alike lies in the same or in the next one."""

    def add(self, execution: Execution) -> SplitOrder | None:
        """Count one; return the surest order that it is a slice of, None where it is of none."""
        side, bucket = execution.taker, int(log(execution.quantity) / _BUCKET)
        near = [
            sizes
            for number in (bucket - 1, bucket, bucket + 1)
            if (sizes := self._sizes.get((side, number))) is not None
        ]
        taken = [one for sizes in near if sizes.series for one in _going_on(sizes, execution)]
        own = self._sizes.get((side, bucket))
        if own is None:
            own = self._sizes[side, bucket] = _Sizes()
        if not taken:
            # It goes on with nothing that was supposed: suppose what it may be the second slice of.
            own.series += _supposed(execution, near)
            if len(own.series) > SUPPOSED_MAX:
                own.series = _without_twins(own.series)[-SUPPOSED_MAX:]
        own.add(execution)
        orders = [order for one in taken if (order := self._judged(one, near)) is not None]
        return max(orders, key=lambda order: (order.confidence, order.pieces), default=None)

    def _judged(self, series: _Series, near: list[_Sizes]) -> SplitOrder | None:
        if series.pieces < PIECES_MIN:
            return None
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
        confidence = confidence_at(
            sum(
                abs(quantity / size - 1) <= SIZE_TOLERANCE
                for sizes in near
                for quantity in sizes.quantities
            )
        )
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


def _going_on(sizes: _Sizes, execution: Execution) -> list[_Series]:
    """Return the series that this is the next slice of, and forget those whose time is over."""
    at_ns, alive, taken = execution.at_ns, [], []
    for one in sizes.series:
        interval_ns = one.interval_ns
        away_ns = at_ns - one.last_ns - interval_ns
        limit_ns = TIME_TOLERANCE * interval_ns
        if away_ns <= limit_ns:
            alive.append(one)
            if away_ns >= -limit_ns and one.takes(execution, away_ns):
                taken.append(one)
    sizes.series = alive
    return taken


def _supposed(execution: Execution, near: list[_Sizes]) -> list[_Series]:
    """Return a series for each of the last few executions that this one may follow."""
    before = [
        (at_ns, quantity)
        for sizes in near
        for at_ns, quantity in reversed(sizes.newest(PREDECESSORS))
        if INTERVAL_MIN_NS <= execution.at_ns - at_ns <= INTERVAL_MAX_NS
        and abs(quantity / execution.quantity - 1) <= SIZE_TOLERANCE
    ]
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
