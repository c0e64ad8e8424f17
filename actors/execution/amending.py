"""Amendments: intents like every other, durable before they leave, never more than one at a time.

While nobody knows whether one was made, both shapes of the order are possible and risk counts the
larger quantity and the worse price. A report with the new shape settles it at any time; one with
the old shape only when it was asked for after the exchange would have refused the amendment.
"""

from actors import addresses
from actors.execution import facts, resolution
from actors.execution.cancels import Cancels
from actors.execution.door import Answered, Door, has_expired
from actors.execution.order_table import OrderTable
from actors.execution.placing import NOT_SENT
from state.amendment import Amendment, Shape
from state.config.settings import OrderSettings
from state.messages.journal import Entry
from state.messages.orders import (
    AmendIntended,
    AmendmentDropped,
    ApprovedAmendment,
    ForeignAmendment,
    Refusal,
)
from state.messages.venue import AmendOrder, OrderReport, Outcome, Refused, Succeeded
from state.order import Order
from state.values import NS_PER_S, ClientOrderId, TimeNs

_NO_CHANGE = "NO_CHANGE"
"""How an amendment is refused that asks for what the order is already."""


class Amending:
    """Means amendments, sends them, and finds out what became of them.

    Args:
        door: The router.
        orders: Those that are known.
        cancels: For what somebody else amended.
        settings: The windows of the order protocol.
    """

    def __init__(
        self, door: Door, orders: OrderTable, cancels: Cancels, settings: OrderSettings
    ) -> None:
        self._door = door
        self._orders = orders
        self._cancels = cancels
        self._settings = settings
        self._meant: dict[ClientOrderId, int] = {}
        """Intents on their way to the disk, and where the journal stood when they were made."""

    def approved(self, approved: ApprovedAmendment) -> None:
        """Mean what the risk guard approved, if the order still is as the guard knew it."""
        order = self._orders.get(approved.client_order_id)
        reason = self._why_not(order, Shape(approved.quantity, approved.price))
        if reason is None and has_expired(approved, self._door):
            reason = "the proposal had expired"
        if order is None or reason is not None:
            self._drop(approved, reason or "it is not known")
            return
        assert self._door.last_seq is not None, "ready before the books came"
        expires_ns = self._door.venue_ns() + int(self._settings.expiry_s * NS_PER_S)
        intent = AmendIntended(
            client_order_id=approved.client_order_id,
            pair=order.intent.pair,
            at_ns=self._door.now_ns(),
            number=len(order.amendments) + 1,
            quantity=approved.quantity,
            price=approved.price,
            expires_at_ns=TimeNs(expires_ns),
            reason=approved.reason,
            reply_to=approved.reply_to,
        )
        self._meant[intent.client_order_id] = self._door.last_seq
        self._door.record([Entry(event=intent, trace_id=order.intent.trace_id)], durable=True)

    def recorded(self, intent: AmendIntended, seq: int) -> None:
        """Hear that an intent is on the platter, at `seq`: send it, if it may still leave."""
        if seq <= self._meant.pop(intent.client_order_id):
            return  # Older than our wish: an earlier life meant it.
        before = self._orders.get(intent.client_order_id)
        order = self._orders.apply(intent)
        if before is None or order is None:
            return  # Settled and forgotten meanwhile: there is nothing left to change.
        reason = self._why_not(before, Shape(intent.quantity, intent.price))
        if reason is None and self._door.venue_ns() >= intent.expires_at_ns:
            reason = "its intent came back from the disk too late"
        if reason is None:
            self._door.request(facts.amendment(before, intent))
            return
        # It has not left and never will: this is proof, not a guess.
        absent = facts.amend_not_made(order, intent.number, reason, self._door.now_ns())
        self._door.record([absent], durable=True)

    def denied(self, intent: AmendIntended, reason: str) -> None:
        """Hear that the journal would not take an intent: it never leaves."""
        self._meant.pop(intent.client_order_id)
        self._drop(intent, reason)

    def answered(self, request: AmendOrder, outcome: Outcome) -> bool:
        """Take the answer to an amendment; return whether the order has to be looked for."""
        order = self._orders.get(request.client_order_id)
        amendment = None if order is None else self._asked_by(request, order)
        if order is None or amendment is None:
            return False  # Asked in an earlier life and settled since.
        number, now_ns = amendment.number, self._door.now_ns()
        if isinstance(outcome, Succeeded):
            # One that shows the order changed has been taken for what it shows.
            assert amendment.intent is not None, "it was asked for, so it was meant"
            return not any(facts.shows(report, amendment.intent) for report in outcome.orders)
        if isinstance(outcome, Refused) and outcome.label != _NO_CHANGE:
            refused = facts.amend_refused(order, number, outcome, now_ns)
            self._door.record([refused], durable=True)
            return outcome.label in resolution.NOT_FOUND
        # That nothing would change is no proof that it is as we knew it: somebody else may have
        # made it just what we wanted.
        reason = outcome.label if isinstance(outcome, Refused) else outcome.reason
        unknown = facts.amend_unknown(order, number, reason, now_ns)
        self._door.record([unknown], durable=True)
        return True

    def shown(self, report: OrderReport, answered: Answered) -> None:
        """Take what a query showed: asked for late enough, either shape is proof."""
        order = self._orders.of_report(report)
        amendment = None if order is None else order.amending
        clock = self._door.clock
        if order is None or amendment is None or amendment.intent is None or clock is None:
            return
        is_old, is_new = (facts.shows(report, one) for one in (order.shape, amendment.intent))
        if not report.open or not (is_old or is_new):
            return
        since_ns = self._door.monotonic_ns() - answered.asked_ns
        asked_ns = self._door.venue_ns() - clock.uncertainty_ns - since_ns
        expires_ns = amendment.intent.expires_at_ns
        if not resolution.is_conclusive(expires_ns, asked_ns, self._settings):
            return
        if is_new:
            self._door.record([facts.amendment_made(order, amendment.intent, report)])
        else:
            reason = "the old shape was shown after it could no longer arrive"
            absent = facts.amend_not_made(order, amendment.number, reason, self._door.now_ns())
            self._door.record([absent], durable=True)

    def objection(self, order: Order, report: OrderReport, told: list[Entry]) -> list[Entry]:
        """Return what belongs to a foreign amendment that `told` tells of: an alert and a cancel.

        What the house did not ask for does not stay. All of it is one record, so that no crash
        leaves the one without the other.
        """
        foreign = [one.event for one in told if isinstance(one.event, ForeignAmendment)]
        if not foreign:
            return []
        [stands], wanted = foreign, order.wanted
        text = (
            f"{order.client_order_id}: {wanted.quantity} at {wanted.price} was asked for, "
            f"somebody else made it {stands.quantity} at {stands.price}"
        )
        # What it is now decides: what was filled may be all that we asked for, and not all of this.
        rests = report.open and not order.apply(stands).state.is_terminal
        text += "; it is cancelled" if rests else "; it has ended"
        entries = [facts.alerting("order_amended_elsewhere", text, self._door.now_ns())]
        if rests and order.cancel is None:
            entries.append(self._cancels.intended(order, "somebody else amended it"))
        return entries

    def _why_not(self, order: Order | None, wanted: Shape) -> str | None:
        if order is None or order.accepted is None or order.state.is_terminal:
            return "there is no such order resting"
        if order.cancel is not None:
            return "it is being cancelled"
        if order.foreign_amendments:
            return "somebody else amended it"
        if order.amending is not None or order.client_order_id in self._meant:
            return "it is being amended"
        if wanted == order.shape:
            return "nothing would change"
        if wanted.quantity <= order.filled:
            return "so much of it is filled"
        return self._door.why_not(order.intent)

    def _asked_by(self, request: AmendOrder, order: Order) -> Amendment | None:
        """Return the amendment that a request stood for: no two of an order have one expiry."""
        for amendment in order.amendments:
            intent = amendment.intent
            if intent is not None and intent.expires_at_ns == request.expires_at_ns:
                return amendment
        return None

    def _drop(self, order: ApprovedAmendment | AmendIntended, reason: str) -> None:
        dropped = AmendmentDropped(
            client_order_id=order.client_order_id,
            pair=order.pair,
            refusal=Refusal(code=NOT_SENT, limit="", value=reason),
        )
        self._door.tell(order.reply_to, dropped)
        self._door.tell(addresses.RISK_GUARD, dropped)
