"""How often something happened within the last minute. Pure but for its own memory."""

from collections import deque
from collections.abc import Iterable

from state.messages.orders import CancelIntended, DecisionMade, OrderRejected
from state.messages.risk import Happened, Recent
from state.values import NS_PER_S, Pair, TimeNs

WINDOW_NS = 60 * NS_PER_S


def recent_of(event: object) -> Recent | None:
    """Return what a journalled event counts as against a rate, None where it does not."""
    match event:
        case DecisionMade(approved_quantity=quantity) if quantity:
            kind = Happened.APPROVED
            name = event.decision_id
            return Recent(kind=kind, pair=event.pair, at_ns=event.at_ns, decision=name)
        case OrderRejected():
            kind = Happened.REJECTED
        case CancelIntended():
            kind = Happened.CANCELLED
        case _:
            return None
    return Recent(kind=kind, pair=event.pair, at_ns=event.at_ns)


class Rates:
    """A sliding minute over what happened, by kind, and by kind and pair.

    Moments are of the monotonic clock: no leap of the wall clock empties the minute.
    """

    def __init__(self) -> None:
        self._times: dict[tuple[Happened, Pair | None], deque[int]] = {}

    def begin(self, recent: Iterable[Recent], now_ns: TimeNs, monotonic_ns: int) -> None:
        """Take these in the place of all that is remembered; it is now by either clock."""
        self._times.clear()
        for one in recent:
            age_ns = max(0, now_ns - one.at_ns)
            self.add(one, monotonic_ns - age_ns)

    def add(self, one: Recent, monotonic_ns: int) -> None:
        """Remember one more."""
        for pair in (None, one.pair):
            self._times.setdefault((one.kind, pair), deque()).append(monotonic_ns)

    def within(self, kind: Happened, monotonic_ns: int, pair: Pair | None = None) -> int:
        """Return how often `kind` happened within the last minute, in `pair` or in all."""
        times = self._times.get((kind, pair))
        if times is None:
            return 0
        while times and monotonic_ns - times[0] > WINDOW_NS:
            times.popleft()
        return len(times)
