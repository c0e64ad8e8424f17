"""Asking the exchange how things stand: of all our orders now and then, of the lost ones often."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from actors.execution import facts, resolution
from actors.execution.cancels import Cancels
from actors.execution.door import Answered, Door
from actors.execution.order_table import OrderTable
from actors.execution.reconciliation import Reconciliation
from actors.execution.searches import Searches
from state.config.settings import OrderSettings
from state.values import ClientOrderId, Pair, TimeNs


class SearchDue(Struct, frozen=True):
    """Ask once more for an order."""

    order: ClientOrderId
    number: int


class ReconcileAgain(Struct, frozen=True):
    """The last comparison could not be completed."""


class Finding:
    """One comparison at a time, and a search for each order that has to be found.

    Args:
        door: The router.
        orders: Those that are known.
        cancels: For what was to be cancelled and may be out.
        settings: The windows of the order protocol.
        compared: Called with the end of each comparison: empty, or why it could not be completed.
    """

    def __init__(
        self,
        door: Door,
        orders: OrderTable,
        cancels: Cancels,
        settings: OrderSettings,
        compared: Callable[[str], None],
    ) -> None:
        self._door = door
        self._orders = orders
        self._cancels = cancels
        self._settings = settings
        self._compared = compared
        self._searches = Searches()
        self._reconciliation: Reconciliation | None = None

    @property
    def is_comparing(self) -> bool:
        """Whether a comparison is under way."""
        return self._reconciliation is not None

    def reconcile(self, cursors: Mapping[Pair, TimeNs]) -> None:
        """Ask the exchange for all that concerns our unsettled orders, and for what is unknown.

        Args:
            cursors: See `Reconciliation`.
        """
        began_ns = self._door.monotonic_ns()
        self._reconciliation = Reconciliation(self._orders.unsettled(), began_ns, cursors)
        for request in self._reconciliation.questions:
            self._door.request(request)

    def heard(self, answered: Answered) -> None:
        """Take an answer for what it says of orders that are looked for or compared."""
        request, outcome, asked_ns = answered.request, answered.outcome, answered.asked_ns
        for name in self._searches.names():
            order = self._orders.get(name)
            if order is not None:
                self._searches.heard(order, request, outcome, asked_ns=asked_ns)
        comparison = self._reconciliation
        if comparison is None or not comparison.heard(request, outcome, asked_ns=asked_ns):
            return
        if comparison.failed:
            self._reconciliation = None
            self._compared(comparison.failed)
            self._door.after(self._settings.query_every_s, ReconcileAgain())
        elif comparison.done:
            self._reconciliation = None
            for question in comparison.vanished():
                self._door.request(question)
            for order in self._orders.unsettled():
                if not resolution.is_found(order):
                    self.look_for(order.client_order_id)
            self._compared("")

    def look_for(self, name: ClientOrderId) -> None:
        """Search until the order is found, or proven never to have been."""
        number = self._searches.begin(name)
        if number is not None:
            self._door.after(0.0, SearchDue(name, number))

    def end(self, name: ClientOrderId) -> None:
        """Search no longer."""
        self._searches.end(name)

    def search(self, due: SearchDue) -> None:
        """Begin another pass, or draw the conclusion of those that are over."""
        name = due.order
        order, search = self._orders.get(name), self._searches.get(name, due.number)
        if search is None:
            return
        if order is None or resolution.is_found(order):
            self._searches.end(name)
            return
        if search.proven_absent and order.venue_order_id is None:
            self._searches.end(name)
            reason = "not found anywhere after it could no longer arrive"
            absent = facts.not_placed(order, reason, self._door.now_ns())
            self._door.record([absent], durable=True)
            return
        clock = self._door.clock
        # A pass that has not heard everything goes on: its answers are the only ones that count.
        if clock is not None and not search.under_way:
            certain_ns = self._door.venue_ns() - clock.uncertainty_ns
            conclusive = resolution.is_conclusive(
                order.intent.expires_at_ns, certain_ns, self._settings
            )
            began_ns = self._door.monotonic_ns()
            self._searches.put(name, search.began(began_ns, conclusive=conclusive))
            for request in resolution.questions(order):
                self._door.request(request)
            if order.cancel is not None:
                self._cancels.send(name)
        self._door.after(self._settings.query_every_s, due)
