"""Our unsettled orders against the exchange's: what to ask, and when all has been heard. Pure."""

from collections.abc import Iterable, Mapping

from actors.execution.resolution import LOOK_BACK_NS, look_from
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Outcome,
    Succeeded,
    VenueRequest,
)
from state.order import Order, OrderState
from state.values import ClientOrderId, Pair, TimeNs


class Reconciliation:
    """One comparison. Settled orders need none: whatever is still missing belongs to the others.

    Args:
        unsettled: Our orders.
        began_ns: Now, monotonic: what was asked before says nothing about now.
        cursors: When the newest fill of a pair happened that is known. From a little before it on
            is read what may be ours although the journal does not know it; empty reads only what
            our orders may lack.
    """

    def __init__(
        self,
        unsettled: Iterable[Order],
        began_ns: int,
        cursors: Mapping[Pair, TimeNs] | None = None,
    ) -> None:
        orders = list(unsettled)
        self._began_ns = began_ns
        self._rested = [order for order in orders if order.state is OrderState.OPEN]
        self._seen: set[ClientOrderId] = set()
        known = (cursors or {}).items()
        since = {pair: TimeNs(at_ns - LOOK_BACK_NS) for pair, at_ns in known}
        for order in orders:
            pair, from_ns = order.intent.pair, look_from(order.intent)
            since[pair] = min(since.get(pair, from_ns), from_ns)
        self.questions: tuple[VenueRequest, ...] = (FetchOpenOrders(), *_of_pairs(since))
        self._waiting = set(self.questions)
        self.failed = ""
        """Why it cannot be completed, empty while it can."""

    @property
    def done(self) -> bool:
        """Whether every question has been answered."""
        return not self._waiting

    def heard(self, request: VenueRequest, outcome: Outcome, *, asked_ns: int) -> bool:
        """Take the answer to what was asked at `asked_ns`; return whether it was waited for."""
        if request not in self._waiting or asked_ns < self._began_ns:
            return False
        if not isinstance(outcome, Succeeded):
            self.failed = f"{type(request).__name__}: {outcome}"
            return True
        self._waiting.discard(request)
        self._seen |= {report.client_order_id for report in outcome.orders}
        return True

    def vanished(self) -> list[FetchOrder]:
        """Return what to ask about orders that rested for us and were in no list."""
        return [
            FetchOrder(
                pair=order.intent.pair,
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
            )
            for order in self._rested
            if order.client_order_id not in self._seen
        ]


def _of_pairs(since: dict[Pair, TimeNs]) -> list[VenueRequest]:
    questions: list[VenueRequest] = []
    for pair, from_ns in sorted(since.items()):
        questions.append(FetchTrades(pair=pair, since_ns=from_ns))
        questions.append(FetchFinishedOrders(pair=pair, since_ns=from_ns))
    return questions
