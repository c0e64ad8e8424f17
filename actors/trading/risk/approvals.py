"""What was approved and the journal does not know yet: counted in full until its fate is known.

An approval is a message. The order router may die with it in hand, and the guard before it was
sent; what it would have sold is held back meanwhile, also from a stop that is met. So the router is
asked what it still has, and the recorder whether all is told that came before: what neither of them
has, nobody can send any more. No time is proof: an intent may wait for a disk as long as it likes.
Pure but for its own memory.
"""

from collections.abc import Collection, Iterator

from msgspec import Struct
from msgspec.structs import replace

from actors.execution.placing import NOT_SENT
from actors.trading.exposure import Commitment, of_decision
from state.amendment import Shape
from state.messages.held import ApprovalsHeld, ApprovalsWanted
from state.messages.journal import Books, EchoWanted
from state.messages.orders import (
    AmendmentDropped,
    ApprovedAmendment,
    DecisionDropped,
    DecisionMade,
    Refusal,
)
from state.values import ClientOrderId, DecisionId, Pair

_OPEN_MAX = 100
"""Questions without an answer; the oldest are given up."""
_LIFE = 1_000_000_000
"""Questions of one incarnation: an answer meant for an earlier life is never taken for ours."""


class _Approved(Struct, frozen=True, kw_only=True):
    """An order or parent order that may come."""

    decision: DecisionMade
    reply_to: str
    """Who proposed it; empty where it may be in the journal already, for all that we know."""


class _Amendment(Struct, frozen=True, kw_only=True):
    """What an order may become."""

    pair: Pair
    shape: Shape
    reply_to: str


class Approvals:
    """Orders and amendments that were approved, of which no intent is known."""

    def __init__(self) -> None:
        self._orders: dict[DecisionId, _Approved] = {}
        self._amendments: dict[ClientOrderId, _Amendment] = {}

    def begin(self, books: Books, ours: Collection[DecisionId | ClientOrderId]) -> None:
        """Take what a guard before us approved, and may be on its way to the router still.

        Args:
            books: What the journal comes to.
            ours: Those whose ruling is not written yet.
        """
        intended = {order.intent.decision_id for order in books.orders}
        intended |= {parent.decision_id for parent in books.parents}
        for decision_id in intended.difference(ours):
            self.drop(decision_id)
        for name, one in self._orders.items():
            if one.reply_to and name not in ours:
                self._orders[name] = replace(one, reply_to="")
        for order, one_more in self._amendments.items():
            if one_more.reply_to and order not in ours:
                self._amendments[order] = replace(one_more, reply_to="")
        for decision in books.decisions:
            if decision.decision_id not in self._orders:
                self.approve(decision, "")
        for judged in books.amendments:
            if judged.client_order_id not in self._amendments:
                self._amendments[judged.client_order_id] = _Amendment(
                    pair=judged.pair,
                    shape=Shape(judged.quantity, judged.price),
                    reply_to="",
                )

    def approve(self, decision: DecisionMade, reply_to: str) -> None:
        """Count an order from now on."""
        self._orders[decision.decision_id] = _Approved(decision=decision, reply_to=reply_to)

    def approve_amendment(self, approved: ApprovedAmendment) -> None:
        """Count what an order may become from now on."""
        self._amendments[approved.client_order_id] = _Amendment(
            pair=approved.pair,
            shape=Shape(approved.quantity, approved.price),
            reply_to=approved.reply_to,
        )

    def dropped(self, told: DecisionDropped | AmendmentDropped) -> None:
        """Hear that nothing comes of one."""
        if isinstance(told, DecisionDropped):
            self.drop(told.decision_id)
        else:
            self.drop_amendment(told.client_order_id)

    def drop(self, decision: DecisionId) -> None:
        """Know that its order is in the journal, or that none comes."""
        self._orders.pop(decision, None)

    def drop_amendment(self, name: ClientOrderId) -> None:
        """Know that an amendment is in the journal, or that none comes."""
        self._amendments.pop(name, None)

    def decisions(self) -> Iterator[DecisionMade]:
        """Return those whose orders may come."""
        return (one.decision for one in self._orders.values())

    def is_amending(self, name: ClientOrderId) -> bool:
        """Whether an amendment of that order may come."""
        return name in self._amendments

    def commitments(self) -> list[Commitment]:
        """Return what the orders may take."""
        return [of_decision(one.decision) for one in self._orders.values()]

    def shapes(self) -> dict[ClientOrderId, Shape]:
        """Return what orders may become."""
        return {name: one.shape for name, one in self._amendments.items()}

    def pick(self, but: Collection[DecisionId | ClientOrderId]) -> "Picked":
        """Return those that the router has been told of.

        Args:
            but: Those whose ruling is not written yet: they are still ours to send.
        """
        return Picked(
            orders={name: one for name, one in self._orders.items() if name not in but},
            amendments={name: one for name, one in self._amendments.items() if name not in but},
        )

    def forget(self, picked: "Picked") -> list[tuple[str, DecisionDropped | AmendmentDropped]]:
        """Know that nothing comes of these; return whom to tell what, where that is known."""
        refusal = Refusal(code=NOT_SENT, limit="", value="it was lost on its way")
        told: list[tuple[str, DecisionDropped | AmendmentDropped]] = []
        for decision, one in picked.orders.items():
            if self._orders.get(decision) is one:
                del self._orders[decision]
                pair = one.decision.pair
                dropped = DecisionDropped(decision_id=decision, pair=pair, refusal=refusal)
                told += [(one.reply_to, dropped)] if one.reply_to else []
        for name, amendment in picked.amendments.items():
            if self._amendments.get(name) is amendment:  # A later one may have taken its place.
                del self._amendments[name]
                pair = amendment.pair
                gone = AmendmentDropped(client_order_id=name, pair=pair, refusal=refusal)
                told += [(amendment.reply_to, gone)] if amendment.reply_to else []
        return told


class Picked(Struct, frozen=True):
    """Some approvals, of which it is asked what became of them."""

    orders: dict[DecisionId, _Approved]
    amendments: dict[ClientOrderId, _Amendment]

    def __bool__(self) -> bool:
        return bool(self.orders or self.amendments)

    def without(self, held: ApprovalsHeld) -> "Picked":
        """Return those of which the router has nothing."""
        orders, amendments = self.orders.items(), self.amendments.items()
        return Picked(
            orders={name: one for name, one in orders if name not in held.decisions},
            amendments={name: one for name, one in amendments if name not in held.amendments},
        )


class Inquiry:
    """Questions to the router, and then to the recorder, of what became of approvals.

    Several may be open: one that waits behind a slow disk must not be worth nothing because it was
    asked again meanwhile, and one that was lost must not keep the next from being asked.

    Args:
        address: Where answers go.
        incarnation: Which life of the guard it is.
    """

    def __init__(self, address: str, incarnation: int) -> None:
        self._address = address
        self._number = incarnation * _LIFE
        self._open: dict[int, Picked] = {}
        """What the questions are about."""

    def void(self) -> None:
        """Want no answer to the questions so far: what it says may be no proof."""
        self._open.clear()

    def question(self, picked: Picked) -> ApprovalsWanted | None:
        """Return what to ask the router; None where there is nothing to ask."""
        if not picked:
            return None
        self._number += 1
        self._open[self._number] = picked
        if len(self._open) > _OPEN_MAX:
            del self._open[next(iter(self._open))]
        return ApprovalsWanted(reply_to=self._address, request=self._number)

    def found(self, held: ApprovalsHeld) -> EchoWanted | None:
        """Take the router's answer; return what to ask the recorder, where it has to be asked.

        What the router has no more it may have handed to the recorder.
        """
        picked = self._open.pop(held.request, None)
        if picked is None:
            return None
        gone = picked.without(held)
        if not gone:
            return None
        self._open[held.request] = gone
        return EchoWanted(number=held.request, reply_to=self._address)

    def echoed(self, number: int) -> Picked | None:
        """Take the recorder's answer; return those of which nothing comes."""
        return self._open.pop(number, None)
