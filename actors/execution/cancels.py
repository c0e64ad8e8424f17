"""Cancels: intents like every other, durable before they leave, and harmless to repeat."""

from actors.execution.door import Door
from actors.execution.order_table import OrderTable
from state.messages.journal import Entry
from state.messages.orders import CancelIntended
from state.messages.venue import CancelPlaced
from state.order import Order
from state.parent_order import ParentOrder
from state.values import ClientOrderId


class Cancels:
    """Ends orders that rest or may rest."""

    def __init__(self, door: Door, orders: OrderTable) -> None:
        self._door = door
        self._orders = orders

    def cancel(self, order: Order, reason: str) -> None:
        """Mean to cancel `order`, or ask the exchange again when that was meant before."""
        if order.state.is_terminal:
            return
        if order.cancel is not None:
            self.send(order.client_order_id)  # Asking again is harmless.
            return
        self._door.record([self.intended(order, reason)], durable=True)

    def cancel_children(self, parent: ParentOrder) -> None:
        """Leave nothing of a cancelled parent at the exchange."""
        if parent.cancel is not None:
            for child in parent.children:
                order = self._orders.get(child.client_order_id)
                if order is not None:
                    self.cancel(order, parent.cancel.reason)

    def intended(self, order: Order, reason: str) -> Entry:
        """Return the fact that `order` is to be cancelled."""
        event = CancelIntended(
            client_order_id=order.client_order_id,
            pair=order.intent.pair,
            at_ns=self._door.now_ns(),
            reason=reason,
        )
        key = f"cancel:{order.client_order_id}"
        return Entry(event=event, key=key, trace_id=order.intent.trace_id)

    def send(self, name: ClientOrderId) -> None:
        """Ask the exchange to cancel, if there may be anything to cancel."""
        order = self._orders.get(name)
        if order is not None and not order.state.is_terminal:
            pair, venue_order_id = order.intent.pair, order.venue_order_id
            self._door.request(
                CancelPlaced(pair=pair, client_order_id=name, venue_order_id=venue_order_id)
            )
