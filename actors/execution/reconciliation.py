"""Our unsettled orders against the exchange's: what to ask, and when all has been heard. Pure."""

from collections.abc import Iterable

from actors.execution.resolution import LOOK_BACK_NS
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
    """One comparison. Settled orders need none: whatever is still missing belongs to the others."""

    def __init__(self, unsettled: Iterable[Order]) -> None:
        orders = list(unsettled)
        self._rested = [order for order in orders if order.state is OrderState.OPEN]
        self._seen: set[ClientOrderId] = set()
        since: dict[Pair, int] = {}
        for order in orders:
            pair, at_ns = order.intent.pair, order.intent.at_ns
            since[pair] = min(since.get(pair, int(at_ns)), at_ns)
        self.questions: tuple[VenueRequest, ...] = (FetchOpenOrders(), *_of_pairs(since))
        self._waiting = set(self.questions)
        self.failed = ""
        """Why it cannot be completed, empty while it can."""

    @property
    def done(self) -> bool:
        """Whether every question has been answered."""
        return not self._waiting

    def heard(self, request: VenueRequest, outcome: Outcome) -> bool:
        """Take an answer; return whether it is one that this comparison waited for."""
        if request not in self._waiting:
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


def _of_pairs(since: dict[Pair, int]) -> list[VenueRequest]:
    questions: list[VenueRequest] = []
    for pair, at_ns in sorted(since.items()):
        from_ns = TimeNs(at_ns - LOOK_BACK_NS)
        questions.append(FetchTrades(pair=pair, since_ns=from_ns))
        questions.append(FetchFinishedOrders(pair=pair, since_ns=from_ns))
    return questions
