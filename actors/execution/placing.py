"""From approval to the wire: durable first, checked last, sent once."""

from msgspec import Struct

from actors import addresses
from actors.execution import facts
from actors.execution.client_ids import client_order_id
from actors.execution.door import Door, has_expired
from actors.execution.order_table import OrderTable
from actors.execution.parents import Parents
from actors.execution.releases import Releases
from state.messages.journal import Entry
from state.messages.orders import (
    ApprovedOrder,
    ChildProposed,
    DecisionDropped,
    OrderIntended,
    ParentIntended,
    Refusal,
)
from state.messages.protection import TriggersReleased
from state.order import Order
from state.values import NS_PER_S, ClientOrderId, Side, TimeNs

NOT_SENT = "NOT_SENT"
"""The code of what was approved and never left, see docs/risk-codes.md."""


class ReleaseOverdue(Struct, frozen=True):
    """The sale that waits for this release has expired."""

    request: int


class Placing:
    """Means orders and places them.

    Args:
        door: The router.
        orders: The orders that are known.
        parents: The parent orders that are known.
        account: Names the account in client order ids.
        expiry_s: How long the exchange may take a placement.
    """

    def __init__(
        self, door: Door, orders: OrderTable, parents: Parents, account: str, expiry_s: float
    ) -> None:
        self._door = door
        self._orders = orders
        self._parents = parents
        self._account = account
        self._expiry_ns = int(expiry_s * NS_PER_S)
        self.releases = Releases("", 0)
        """Sales that wait for what waits at the exchange; the router makes one for each life."""
        self._meant: dict[ClientOrderId, int] = {}
        """Intents on their way to the disk, and where the journal stood when they were made."""

    def approved(self, approved: ApprovedOrder) -> None:
        """Mean what the risk guard approved: an order, or a parent order."""
        name = client_order_id(self._account, approved.decision_id, 1)
        if name in self._meant or self._orders.get(name) is not None:
            return  # The decision has its order; its trader hears of it from the journal.
        reason = self._door.why_not(approved)
        if reason is None and has_expired(approved, self._door):
            reason = "the proposal had expired"
        if reason is not None:
            self._drop(approved, reason)
        elif approved.side is not Side.SELL:
            self._begin(approved)
        elif not self.releases.waits(name):
            # By either clock, as ever: one may leap back.
            left_ns = approved.expires_at_ns - self._door.now_ns()
            steadily_ns = approved.expires_monotonic_ns - self._door.monotonic_ns()
            self._ask_release(name, approved, min(left_ns, steadily_ns) / NS_PER_S)

    def _begin(self, approved: ApprovedOrder) -> None:
        """Have the journal know of the order, or of the parent order, that was approved."""
        if approved.plan is not None:
            self._door.record([self._parents.intended(approved)], durable=True)
            return
        name = client_order_id(self._account, approved.decision_id, 1)
        intent = OrderIntended(
            client_order_id=name,
            pair=approved.pair,
            at_ns=self._door.now_ns(),
            decision_id=approved.decision_id,
            attempt=1,
            trace_id=approved.trace_id,
            strategy=approved.strategy,
            side=approved.side,
            order_type=approved.order_type,
            quantity=approved.quantity,
            price=approved.price,
            time_in_force=approved.time_in_force,
            expires_at_ns=self.expiry(),
            reply_to=approved.reply_to,
            purpose=approved.purpose,
            smallest=approved.smallest,
        )
        self._mean(intent)

    def child(self, proposed: ChildProposed) -> None:
        """Mean what a worker wants of its parent, if the parent allows it."""
        parent = self._parents.get(proposed.decision_id)
        why_not = None if parent is None else self._door.why_not(parent.intent)
        expires_ns = TimeNs(0) if parent is None or why_not else self.expiry()
        child = self._parents.child(proposed, why_not, expires_ns)
        if child is None or child.client_order_id in self._meant:
            return
        if child.side is Side.SELL:
            self._ask_release(child.client_order_id, child, self._expiry_ns / NS_PER_S)
        else:
            self._mean(child)

    def _ask_release(
        self, name: ClientOrderId, sale: ApprovedOrder | OrderIntended, left_s: float
    ) -> None:
        """Have nothing wait at the exchange that could sell the same units."""
        asked = self.releases.question(name, sale)
        self._door.tell(addresses.TRIGGER_KEEPER, asked)
        self._door.after(left_s, ReleaseOverdue(asked.request))

    def released(self, told: TriggersReleased) -> None:
        """Go on with a sale: nothing at the exchange can sell its units for a moment."""
        sale = self.releases.granted(told)
        if sale is None:
            return
        reason = "a trigger order of the pair fired meanwhile" if told.fired else None
        if isinstance(sale, OrderIntended):
            self._child_released(sale, reason)
            return
        reason = reason or self._door.why_not(sale)
        if reason is None and has_expired(sale, self._door):
            reason = "the proposal had expired"
        if reason is not None:
            self._drop(sale, reason)
        else:
            self._begin(sale)

    def _child_released(self, child: OrderIntended, reason: str | None) -> None:
        assert child.parent is not None
        if reason is not None:
            # What the parent was to sell may be sold already: whoever wanted it decides anew.
            self._parents.cancel(child.parent, reason)
        if reason is not None or (reason := self._parents.why_closed(child.parent)) is not None:
            self._parents.denied(child, reason)
        else:
            self._mean(child)

    def overdue(self, late: ReleaseOverdue) -> None:
        """Give a sale up that nobody released in time."""
        sale = self.releases.overdue(late.request)
        reason = "what waits at the exchange could not be taken back in time"
        if isinstance(sale, OrderIntended):
            self._parents.denied(sale, reason)
        elif sale is not None:
            self._drop(sale, reason)

    def expiry(self) -> TimeNs:
        """Return until when the exchange may take what leaves now, by its own clock."""
        return TimeNs(self._door.venue_ns() + self._expiry_ns)

    def recorded(self, intent: OrderIntended, seq: int) -> None:
        """Hear that an intent is on the platter, at `seq`: place it, if it may still be placed."""
        if seq <= self._meant.pop(intent.client_order_id):
            return  # Older than our wish: an earlier life meant it, and sent it.
        # Known from here on, else the exchange's answer could overtake the journal's.
        order = self._orders.apply(intent)
        assert order is not None, "an intent makes an order"
        self._parents.take(order)
        self._send(intent)

    def denied(self, intent: OrderIntended | ParentIntended, reason: str) -> None:
        """Hear that the journal would not take an intent: it never leaves."""
        if isinstance(intent, OrderIntended):
            self._meant.pop(intent.client_order_id)
            if intent.parent is not None:
                self._parents.denied(intent, reason)
                return
        self._drop(intent, reason)

    def _mean(self, intent: OrderIntended) -> None:
        assert self._door.last_seq is not None, "ready before the books came"
        self._meant[intent.client_order_id] = self._door.last_seq
        self._door.record([Entry(event=intent, trace_id=intent.trace_id)], durable=True)

    def _send(self, intent: OrderIntended) -> None:
        reason = self._door.why_not(intent)
        if reason is None and self._door.venue_ns() >= intent.expires_at_ns:
            reason = "its intent came back from the disk too late"
        if reason is None and intent.parent is not None:
            reason = self._parents.why_closed(intent.parent)
        if self.releases.is_over(intent.client_order_id, self._door.monotonic_ns()):
            reason = reason or "the release of its units was over"
        if reason is None:
            self._door.request(facts.placement(intent))
            return
        # It has not left and never will: this is proof, not a guess.
        order = Order(intent=intent)
        self._door.record([facts.not_placed(order, reason, self._door.now_ns())], durable=True)

    def _drop(self, order: ApprovedOrder | OrderIntended | ParentIntended, reason: str) -> None:
        dropped = DecisionDropped(
            decision_id=order.decision_id,
            pair=order.pair,
            refusal=Refusal(code=NOT_SENT, limit="", value=reason),
        )
        self._door.tell(order.reply_to, dropped)
        self._door.tell(addresses.RISK_GUARD, dropped)
