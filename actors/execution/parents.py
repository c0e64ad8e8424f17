"""Parent orders: what their children may take, who works them, and when they are over.

The parent is durable before its first child, and each child before it leaves, by the very way of
every other order. A worker says what to do next; what it says is held against the parent as the
journal has it, so a worker may die, repeat itself or err, and no more than the parent is bought or
sold, never at a worse price.
"""

from collections.abc import Callable, Iterable

from actors import addresses
from actors.execution.client_ids import client_order_id, parent_name
from actors.execution.door import Door
from actors.execution.parent_table import ParentTable
from state.messages.held import ParentHeld
from state.messages.journal import Entry
from state.messages.orders import (
    ApprovedOrder,
    ChildProposed,
    ChildRefused,
    OrderIntended,
    ParentCancelIntended,
    ParentEvent,
    ParentFinished,
    ParentIntended,
    ParentWanted,
    PlanOver,
)
from state.order import Order
from state.parent_order import ParentOrder
from state.values import DecisionId, OrderType, Pair, TimeNs

StartWorker = Callable[[str, DecisionId], object]
"""Makes the request that a worker of this id be started for a parent: the tree's business."""


class Parents:
    """Every parent order that is not over, each the fold of what is journalled.

    Args:
        door: The router.
        account: Names the account in client order ids.
        start_worker: Makes what `addresses.WORKERS` is asked.
    """

    def __init__(self, door: Door, account: str, start_worker: StartWorker) -> None:
        self._door = door
        self._account = account
        self._start_worker = start_worker
        self._parents = ParentTable()
        self._meant: dict[DecisionId, int] = {}
        """The newest child whose intent is on its way to the disk, by number."""
        self._cancelling: dict[DecisionId, str] = {}
        """Those whose cancel is on its way to the disk, and why: no child from now on."""
        self._plans_over: dict[DecisionId, str] = {}
        self._finishing: set[DecisionId] = set()

    def begin(self, parents: Iterable[ParentOrder]) -> None:
        """Take these in the place of all; each is worked on."""
        self._parents.begin(parents)
        self._finishing.clear()
        self.look_after_workers()
        for parent in self._parents.of():
            self._end_if_late(parent)
            self._changed(parent)

    def look_after_workers(self) -> None:
        """See to it that every parent has a worker: asking for one that lives changes nothing."""
        for parent in self._parents.of():
            if parent.finished is None:
                self._ask_for_worker(parent.decision_id)

    def get(self, decision: DecisionId) -> ParentOrder | None:
        """Return a parent that is not over."""
        return self._parents.get(decision)

    def of(self, pair: Pair | None = None) -> list[ParentOrder]:
        """Return the parents of a pair that are not over, or all, oldest first."""
        return self._parents.of(pair)

    # From approval to the children.

    def intended(self, approved: ApprovedOrder) -> Entry:
        """Return the fact that this parent order is begun."""
        assert approved.plan is not None, "an order without a plan is no parent"
        intent = ParentIntended(
            decision_id=approved.decision_id,
            pair=approved.pair,
            at_ns=self._door.now_ns(),
            trace_id=approved.trace_id,
            strategy=approved.strategy,
            side=approved.side,
            quantity=approved.quantity,
            price=approved.price,
            plan=approved.plan,
            reply_to=approved.reply_to,
            purpose=approved.purpose,
            smallest=approved.smallest,
            expires_at_ns=approved.expires_at_ns,
        )
        return Entry(event=intent, trace_id=approved.trace_id)

    def child(
        self, proposed: ChildProposed, why_not: str | None, expires_at_ns: TimeNs
    ) -> OrderIntended | None:
        """Return the intent of a child that may be placed; else its worker hears why not.

        Args:
            proposed: What the worker wants.
            why_not: Why nothing at all may be sent now.
            expires_at_ns: When the exchange is to refuse it, by the exchange's clock.
        """
        decision, number = proposed.decision_id, proposed.number
        parent = self._parents.get(decision)
        if parent is None:
            self._tell_worker(decision)
            return None
        if number != parent.next_number or self._meant.get(decision) == number:
            return None  # Said twice: it is known, or on its way to the disk.
        intent = OrderIntended(
            client_order_id=client_order_id(self._account, decision, number),
            pair=parent.intent.pair,
            at_ns=self._door.now_ns(),
            decision_id=decision,
            attempt=number,
            trace_id=parent.intent.trace_id,
            strategy=parent.intent.strategy,
            side=parent.intent.side,
            order_type=OrderType.LIMIT,
            quantity=proposed.quantity,
            price=proposed.price,
            time_in_force=proposed.time_in_force,
            expires_at_ns=expires_at_ns,
            reply_to=parent.intent.reply_to,
            purpose=parent.intent.purpose,
            smallest=parent.intent.smallest,
            parent=decision,
            touch=proposed.touch,
        )
        reason = why_not or self.objection(intent)
        if reason is not None:
            refused = ChildRefused(decision_id=decision, number=number, reason=reason)
            self._door.tell(proposed.reply_to, refused)
            return None
        self._meant[decision] = number
        return intent

    def objection(self, child: OrderIntended) -> str | None:
        """Return why a child that was not journalled yet must not be, None when it may."""
        assert child.parent is not None
        parent = self._parents.get(child.parent)
        if parent is None:
            return "its parent order is over"
        return self.why_closed(child.parent) or parent.objection(child)

    def why_closed(self, decision: DecisionId) -> str | None:
        """Return why no child of a parent may leave any more, None when one may."""
        parent = self._parents.get(decision)
        if parent is None or parent.finished is not None or decision in self._finishing:
            return "its parent order is over"
        if parent.cancel is not None or decision in self._cancelling:
            return "its parent order was cancelled"
        if decision in self._plans_over:
            return "its parent order's plan is over"
        return None

    def denied(self, child: OrderIntended, reason: str) -> None:
        """Hear that a child that was meant will not be."""
        assert child.parent is not None
        self._meant.pop(child.parent, None)
        refused = ChildRefused(decision_id=child.parent, number=child.attempt, reason=reason)
        self._door.tell(self._worker(child.parent), refused)
        parent = self._parents.get(child.parent)
        if parent is not None:
            self._finish_if_done(parent)  # It may have been the last that the end waited for.

    # The ends of a parent.

    def plan_over(self, over: PlanOver) -> None:
        """Hear that a worker has nothing left to try."""
        parent = self._parents.get(over.decision_id)
        if parent is None:
            self._tell_worker(over.decision_id)
            return
        self._plans_over.setdefault(over.decision_id, over.reason)
        self._finish_if_done(parent)

    def cancel(self, decision: DecisionId, reason: str) -> bool:
        """Let no child of it leave any more; return whether there is such a parent."""
        parent = self._parents.get(decision)
        if parent is None or parent.finished is not None:
            return False
        if parent.cancel is None and decision not in self._cancelling:
            self._cancelling[decision] = reason
            event = ParentCancelIntended(
                decision_id=decision,
                pair=parent.intent.pair,
                at_ns=self._door.now_ns(),
                reason=reason,
            )
            self._record(parent, event, f"parent_cancel:{decision}")
        return True

    # What the journal says.

    def apply(self, event: ParentEvent) -> ParentOrder | None:
        """Fold a fact of a parent; return it as it is now, None when it is not known."""
        is_new = self._parents.get(event.decision_id) is None
        parent = self._parents.apply(event)
        if parent is not None:
            if is_new:
                self._end_if_late(parent)
                self._ask_for_worker(event.decision_id)
            self._changed(parent)
        return parent

    def take(self, child: Order) -> None:
        """Take a child as it stands after a fact of it was journalled."""
        parent = self._parents.take(child)
        if parent is not None:
            self._changed(parent)

    def want(self, wanted: ParentWanted) -> None:
        """Tell a worker how its parent stands."""
        held = ParentHeld(
            decision_id=wanted.decision_id, parent=self._parents.get(wanted.decision_id)
        )
        self._door.tell(wanted.reply_to, held)

    def _end_if_late(self, parent: ParentOrder) -> None:
        """Let an entry be over that comes back from the disk when nobody wants it any more.

        An exit goes on however late it is: a disk that is slow must not keep stops from being
        carried out, and its worst price binds it still.
        """
        intent = parent.intent
        is_late = 0 < intent.expires_at_ns < self._door.now_ns()
        if is_late and not parent.children and not intent.purpose.is_protective:
            self.cancel(parent.decision_id, "its intent came back from the disk too late")

    def _changed(self, parent: ParentOrder) -> None:
        if parent.is_over:
            self._forget(parent.decision_id)
        else:
            self._finish_if_done(parent)
        self._tell_worker(parent.decision_id)

    def _finish_if_done(self, parent: ParentOrder) -> None:
        decision = parent.decision_id
        if parent.finished is not None or decision in self._finishing or parent.outstanding:
            return
        if self._meant.get(decision) == parent.next_number:
            return  # A child is on its way to the disk.
        if not parent.left:
            reason = "filled"
        elif parent.cancel is not None:
            reason = f"cancelled: {parent.cancel.reason}"
        elif decision in self._plans_over:
            reason = self._plans_over[decision]
        else:
            return
        self._finishing.add(decision)
        event = ParentFinished(
            decision_id=decision,
            pair=parent.intent.pair,
            at_ns=self._door.now_ns(),
            filled=parent.filled,
            reason=reason,
            slippage_bps=parent.slippage_bps,
        )
        self._record(parent, event, f"parent_finished:{decision}")

    def _forget(self, decision: DecisionId) -> None:
        self._meant.pop(decision, None)
        self._cancelling.pop(decision, None)
        self._plans_over.pop(decision, None)
        self._finishing.discard(decision)

    def _record(
        self, parent: ParentOrder, event: ParentCancelIntended | ParentFinished, key: str
    ) -> None:
        entry = Entry(event=event, key=key, trace_id=parent.intent.trace_id)
        self._door.record([entry], durable=True)

    def _tell_worker(self, decision: DecisionId) -> None:
        held = ParentHeld(decision_id=decision, parent=self._parents.get(decision))
        self._door.tell(self._worker(decision), held)

    def _ask_for_worker(self, decision: DecisionId) -> None:
        request = self._start_worker(parent_name(self._account, decision), decision)
        self._door.tell_control(addresses.WORKERS, request)

    def _worker(self, decision: DecisionId) -> str:
        return addresses.order_worker(parent_name(self._account, decision))
