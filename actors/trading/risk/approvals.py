"""What was approved and the journal does not know yet: counted in full until its fate is known.

An approval is a message. The order router may die with it in hand, and the guard before it was
sent; what it would have sold is held back meanwhile, also from a stop that is met. So the router is
asked what it still has, and the recorder whether all is told that came before: what neither of them
has, nobody can send any more. Pure but for its own memory.
"""

from collections.abc import Collection, Iterator

from msgspec import Struct

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
from state.values import NS_PER_S, ClientOrderId, DecisionId, Pair, TimeNs

HELD_AFTER_EXPIRY_NS = 5 * NS_PER_S
"""An approval the router may still be writing counts this much longer than it may be sent, where
nobody can say what became of it."""
NOT_SENT = "NOT_SENT"
"""The code of what was approved and never left, see docs/risk-codes.md."""
_LIFE = 1_000_000_000
"""Questions of one incarnation: an answer meant for an earlier life is never taken for ours."""


class Moment(Struct, frozen=True):
    """Now, by both clocks: the router looks at one of them, and it may leap."""

    now_ns: TimeNs
    monotonic_ns: int

    def until(self, expires_at_ns: TimeNs) -> "Moment":
        """Return until when what expires then may still come."""
        until_ns = expires_at_ns + HELD_AFTER_EXPIRY_NS
        return Moment(TimeNs(until_ns), self.monotonic_ns + until_ns - self.now_ns)

    def is_past(self, until: "Moment") -> bool:
        """Return whether it is later by both."""
        return self.now_ns > until.now_ns and self.monotonic_ns > until.monotonic_ns


class _Approved(Struct, frozen=True, kw_only=True):
    """An order or parent order that may come."""

    decision: DecisionMade
    reply_to: str
    """Who proposed it; empty where only a guard before us knew."""
    until: Moment


class _Amendment(Struct, frozen=True, kw_only=True):
    """What an order may become."""

    pair: Pair
    shape: Shape
    reply_to: str
    until: Moment


class Approvals:
    """Orders and amendments that were approved, of which no intent is known."""

    def __init__(self) -> None:
        self._orders: dict[DecisionId, _Approved] = {}
        self._amendments: dict[ClientOrderId, _Amendment] = {}

    def begin(self, books: Books, now: Moment) -> None:
        """Take what a guard before us approved, and may be on its way to the router still."""
        for decision in books.decisions:
            if decision.decision_id not in self._orders:
                self.approve(decision, "", now)
        for judged in books.amendments:
            if judged.client_order_id not in self._amendments:
                self._amendments[judged.client_order_id] = _Amendment(
                    pair=judged.pair,
                    shape=Shape(judged.quantity, judged.price),
                    reply_to="",
                    until=now.until(judged.expires_at_ns),
                )

    def approve(self, decision: DecisionMade, reply_to: str, now: Moment) -> None:
        """Count an order from now on."""
        until = now.until(decision.expires_at_ns)
        approved = _Approved(decision=decision, reply_to=reply_to, until=until)
        self._orders[decision.decision_id] = approved

    def approve_amendment(self, approved: ApprovedAmendment, now: Moment) -> None:
        """Count what an order may become from now on."""
        self._amendments[approved.client_order_id] = _Amendment(
            pair=approved.pair,
            shape=Shape(approved.quantity, approved.price),
            reply_to=approved.reply_to,
            until=now.until(approved.expires_at_ns),
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

    def commitments(self, now: Moment) -> list[Commitment]:
        """Return what the orders may take, and forget what can no longer come."""
        for name, one in list(self._orders.items()):
            if now.is_past(one.until):
                del self._orders[name]
        for order, amendment in list(self._amendments.items()):
            if now.is_past(amendment.until):
                del self._amendments[order]
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


class Inquiry:
    """One question at a time: to the router, then to the recorder.

    Args:
        address: Where answers go.
        incarnation: Which life of the guard it is.
    """

    def __init__(self, address: str, incarnation: int) -> None:
        self._address = address
        self._number = incarnation * _LIFE
        self._picked: Picked | None = None

    @property
    def is_open(self) -> bool:
        """Whether an answer is waited for."""
        return self._picked is not None

    def void(self) -> None:
        """Want no answer to the last question any more: what it says may be no proof."""
        self._picked = None

    def question(self, picked: Picked) -> ApprovalsWanted | None:
        """Return what to ask the router; None where there is nothing to ask."""
        self._number += 1
        self._picked = picked or None
        if not picked:
            return None
        return ApprovalsWanted(reply_to=self._address, request=self._number)

    def found(self, held: ApprovalsHeld) -> EchoWanted | None:
        """Take the router's answer; return what to ask the recorder, where it has to be asked.

        What the router has no more it may have handed to the recorder.
        """
        if self._picked is None or held.request != self._number:
            return None
        orders, amendments = self._picked.orders, self._picked.amendments
        gone = Picked(
            orders={name: orders[name] for name in orders.keys() - held.decisions},
            amendments={name: amendments[name] for name in amendments.keys() - held.amendments},
        )
        self._picked = gone or None
        return EchoWanted(number=self._number, reply_to=self._address) if gone else None

    def echoed(self, number: int) -> Picked | None:
        """Take the recorder's answer; return those of which nothing comes."""
        if number != self._number:
            return None
        picked, self._picked = self._picked, None
        return picked
