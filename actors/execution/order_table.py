"""The orders the router knows, found by any of their names. Pure but for its own memory."""

from collections.abc import Iterable

from actors.execution.client_ids import is_ours
from state.messages.orders import OrderEvent, OrderIntended
from state.messages.venue import OrderReport, TradeReport
from state.order import Order, OrderFact
from state.values import ClientOrderId, Pair, VenueOrderId

SETTLED_KEPT = 500
"""Settled orders remembered, so that late reports of them are known for what they are."""


class OrderTable:
    """Every unsettled order and the newest settled ones, each the fold of what is journalled.

    Here what is complete is settled, also where something about it is strange.
    """

    def __init__(self) -> None:
        self._orders: dict[ClientOrderId, Order] = {}
        self._of_venue: dict[tuple[Pair, VenueOrderId], ClientOrderId] = {}
        self._unsettled: dict[ClientOrderId, None] = {}
        self._settled: dict[ClientOrderId, None] = {}

    def begin(self, unsettled: Iterable[Order]) -> None:
        """Take these in the place of all that were not settled."""
        for name in self._unsettled:
            del self._orders[name]
        self._unsettled.clear()
        for order in unsettled:
            self._put(order)

    def apply(self, event: OrderEvent) -> Order | None:
        """Fold one journalled fact; return the order after it, None when it is not known."""
        order = self._orders.get(event.client_order_id)
        if order is None:
            if not isinstance(event, OrderIntended):
                return None
            order = Order(intent=event)
        else:
            order = order.apply(_fact(event))
        self._put(order)
        return order

    def add(self, order: Order) -> None:
        """Take an order that the journal knows and we had forgotten."""
        if order.client_order_id not in self._orders:
            self._put(order)

    def get(self, name: ClientOrderId) -> Order | None:
        """Return the order of our name."""
        return self._orders.get(name)

    def of_report(self, report: OrderReport | TradeReport) -> Order | None:
        """Return the order that the exchange speaks of, by our name or by its own."""
        name = report.client_order_id
        if not is_ours(name):
            known = self._of_venue.get((report.pair, report.venue_order_id))
            if known is None:
                return None
            name = known
        return self._orders.get(name)

    def unsettled(self, pair: Pair | None = None) -> list[Order]:
        """Return the orders that may still change or lack fills, oldest first."""
        orders = (self._orders[name] for name in self._unsettled)
        return [order for order in orders if pair is None or order.intent.pair == pair]

    def alive(self) -> list[Order]:
        """Return the orders that rest or may rest at the exchange, oldest first."""
        return [order for order in self.unsettled() if not order.state.is_terminal]

    def _put(self, order: Order) -> None:
        name = order.client_order_id
        self._orders[name] = order
        if order.venue_order_id is not None:
            self._of_venue[(order.intent.pair, order.venue_order_id)] = name
        if order.is_complete:
            self._unsettled.pop(name, None)
            self._settled[name] = None
            if len(self._settled) > SETTLED_KEPT:
                self._forget(next(iter(self._settled)))
        else:
            self._settled.pop(name, None)
            self._unsettled[name] = None

    def _forget(self, name: ClientOrderId) -> None:
        del self._settled[name]
        order = self._orders.pop(name)
        if order.venue_order_id is not None:
            self._of_venue.pop((order.intent.pair, order.venue_order_id), None)


def _fact(event: OrderEvent) -> OrderFact:
    return event  # type: ignore[return-value]  # every OrderEvent is an OrderFact
