"""Amendments in a schedule: proposed, approved, meant, and made or not, told or not."""

from decimal import Decimal
from random import Random
from typing import Any, Protocol

from actors import addresses
from state.messages.orders import (
    AmendIntended,
    AmendmentDropped,
    AmendNotMade,
    AmendProposed,
    AmendRefused,
    AmendUnknown,
    ApprovedAmendment,
    OrderAmended,
    Refusal,
)
from state.values import NS_PER_S, ClientOrderId, Pair, Price, Quantity, TimeNs
from supervisor.risk_proof.limits import Limits
from supervisor.risk_proof.stage import PROPOSER, Dropped, RiskStage
from supervisor.risk_proof.truth import Amendment, Deal, Scenery, Stage, Truth
from supervisor.risk_proof.venue import Venue


class Around(Protocol):
    """The schedule, as its amendments see it."""

    def scenery(self, pair: Pair, *, is_quiet: bool) -> Scenery:
        """Return what the guard can see."""
        ...

    def let_expire(self) -> None:
        """Let go of what was approved and not meant in time."""
        ...


class Amending:
    """One per schedule.

    Args:
        around: The schedule.
        venue: The exchange.
        chance: The schedule's.
        stage: Where guard and recorder live.
        truth: What was approved.
        limits: What no approval may exceed.
    """

    def __init__(
        self,
        around: Around,
        venue: Venue,
        chance: Random,
        stage: RiskStage,
        truth: Truth,
        limits: Limits,
    ) -> None:
        self._around = around
        self._mean = venue.mean
        self._chance = chance
        self._stage = stage
        self._truth = truth
        self._limits = limits
        self._seen: dict[ClientOrderId, Scenery] = {}
        """What the guard could see when an amendment was proposed last."""
        stage.on_amendment = self._on_approved
        stage.on_amend_meant = self._on_meant

    def propose(self, *, is_quiet: bool) -> Deal | None:
        """Ask for more or less of an order that rests, at another price or the same.

        Returns:
            The order; None where none rests.
        """
        chance = self._chance
        resting = [one for one in self._truth.open() if one.stage is Stage.RESTING]
        if not resting:
            return None
        deal, rules = chance.choice(resting), self._stage.rules
        size = deal.known.quantity * Decimal(chance.choice(["0.5", "1", "1.2", "2", "6"]))
        off = Decimal(chance.choice([0, 0, 5, -5, 40, -40])) / 10_000
        price = rules[deal.pair].price_passive(deal.known.price * (1 + off), deal.order.side)
        self._seen[deal.name] = self._around.scenery(deal.pair, is_quiet=is_quiet)
        proposed = AmendProposed(
            client_order_id=deal.name,
            pair=deal.pair,
            quantity=rules[deal.pair].quantity_down(size),
            price=price if chance.random() < 0.7 else None,
            reason="trial",
            expires_at_ns=TimeNs(self._stage.now_ns + chance.choice([2, 2, 10]) * NS_PER_S),
            reply_to=PROPOSER,
        )
        self._stage.tell(addresses.RISK_GUARD, proposed)
        return deal

    def _on_approved(self, approved: ApprovedAmendment) -> None:
        deal = self._deal(approved.client_order_id)
        if deal.pending is not None or deal.stage is not Stage.RESTING:
            self._drop(approved)
            return
        self._around.let_expire()
        deal.pending = Amendment(approved, number=deal.amends + 1)
        self._limits.amended(approved, deal, self._seen[deal.name], self._truth)

    def happen(self, deal: Deal) -> None:
        """Let an amendment come a step further."""
        pending, chance = deal.pending, self._chance
        assert pending is not None
        if deal.stage is not Stage.RESTING or pending.stage is Stage.MEANT:
            return
        ours: dict[str, Any] = {
            "client_order_id": deal.name,
            "pair": deal.pair,
            "at_ns": self._stage.now_ns,
            "number": pending.number,
        }
        shape: dict[str, Any] = {
            "quantity": Quantity(pending.asked.quantity),
            "price": Price(pending.asked.price),
        }
        if pending.stage is Stage.APPROVED:
            late = self._stage.has_expired(pending.approved)
            if late or pending.asked.quantity <= deal.filled or chance.random() < 0.1:
                deal.pending = None
                deal.is_doubtful = chance.random() >= 0.8
                if not deal.is_doubtful:  # Else it counts until it is old.
                    self._drop(pending.approved)
                return
            pending.stage, deal.amends = Stage.MEANT, pending.number
            expires_ns = TimeNs(self._stage.venue_ns + 5 * NS_PER_S)
            to_us: dict[str, Any] = {
                "expires_at_ns": expires_ns,
                "reason": "trial",
                "reply_to": PROPOSER,
            }
            self._mean(AmendIntended(**ours, **shape, **to_us))
        elif not pending.is_unknown and chance.random() < 0.3:
            pending.is_unknown = True
            self._mean(AmendUnknown(**ours, reason="no answer"))
        elif pending.is_made:
            deal.amended, deal.pending = pending.asked, None
            self._mean(OrderAmended(**ours, **shape))
        else:
            deal.pending = None
            if pending.is_unknown:
                self._mean(AmendNotMade(**ours, reason="the old shape was shown"))
            else:
                self._mean(AmendRefused(**ours, label="BALANCE_NOT_ENOUGH", message=""))

    def _on_meant(self, name: ClientOrderId) -> None:
        """An intent is on the platter: it leaves, and the exchange makes of it what it likes."""
        pending = self._deal(name).pending
        if pending is not None and pending.stage is Stage.MEANT:
            self._leave(self._deal(name), pending)

    def _leave(self, deal: Deal, pending: Amendment) -> None:
        pending.stage = Stage.FLYING
        pending.is_made = pending.asked.quantity > deal.filled and self._chance.random() < 0.6

    def let_expire(self) -> None:
        """What was approved and not meant in time never leaves, whether anybody says so or not."""
        for deal in self._truth.deals.values():
            pending = deal.pending
            if pending is None or pending.stage is not Stage.APPROVED:
                continue
            if self._stage.has_expired(pending.approved):
                deal.pending = None

    def restart(self) -> None:
        """The router died with what it had in hand; what reached the disk may have left."""
        for deal in self._truth.deals.values():
            pending = deal.pending
            if pending is None or pending.stage is Stage.FLYING:
                continue
            meant = pending.stage is Stage.MEANT
            if meant and self._stage.knows_amendment(deal.name, pending.number):
                self._leave(deal, pending)
            else:
                deal.pending = None

    def _deal(self, name: ClientOrderId) -> Deal:
        return next(one for one in self._truth.deals.values() if one.name == name)

    def _drop(self, approved: ApprovedAmendment) -> None:
        refusal = Refusal(code="NOT_SENT", limit="", value="")
        dropped = AmendmentDropped(
            client_order_id=approved.client_order_id, pair=approved.pair, refusal=refusal
        )
        self._stage.tell(addresses.ORDER_ROUTER, Dropped(dropped=dropped))
