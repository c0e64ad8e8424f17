"""Parent orders in a schedule: meant, worked child by child, cancelled half way, over."""

from random import Random
from typing import Any

from msgspec.structs import replace

from actors.execution.client_ids import client_order_id
from state.messages.orders import ParentCancelIntended, ParentFinished
from state.values import DecisionId, Price, Quantity
from supervisor.risk_proof.facts import intent_of
from supervisor.risk_proof.stage import RiskStage
from supervisor.risk_proof.truth import Deal, Stage, Truth
from supervisor.risk_proof.venue import Venue


class Parents:
    """One per schedule.

    Args:
        venue: The exchange.
        chance: Its chance.
        stage: Where guard and recorder live.
        truth: What was approved.
    """

    def __init__(self, venue: Venue, chance: Random, stage: RiskStage, truth: Truth) -> None:
        self._venue = venue
        self._chance = chance
        self._stage = stage
        self._truth = truth
        stage.on_parent_meant = self._on_meant

    def happen(self, deal: Deal) -> None:
        """Let a parent order come a step further."""
        if deal.stage is not Stage.FLYING:
            return
        child, chance = deal.child, self._chance
        # No child is meant, and no parent ends, before the journal has the end of the one before.
        told = self._stage.parent(deal.order.decision_id)
        is_settled = told is not None and not told.outstanding and told.filled == deal.filled
        if child is None and not is_settled:
            return
        is_under_way = child is not None and child.stage is Stage.MEANT
        if not deal.is_closed and not is_under_way and chance.random() < 0.08:
            deal.is_closed = True
            self._venue.mean(ParentCancelIntended(**self._ours(deal), reason="trial"))
        if child is None:
            self._place(deal)
        elif child.stage is not Stage.MEANT:
            self._venue.work(child)
            if child.stage is Stage.OVER:
                deal.child = None

    def _place(self, deal: Deal) -> None:
        """Mean the next child, or end what has nothing left or had enough."""
        chance, rules = self._chance, self._stage.rules[deal.pair]
        left = deal.order.quantity - deal.filled
        quantity = left if chance.random() < 0.5 else rules.quantity_down(left / 2)
        if deal.is_closed or quantity <= 0 or chance.random() < 0.1:
            self._end(deal)
            return
        better = chance.choice([0, 0, 10]) * rules.price_step * deal.order.side.sign
        order = replace(
            deal.order,
            quantity=Quantity(quantity),
            price=Price(deal.order.price - better),
            plan=None,
        )
        deal.children += 1
        name = client_order_id("child", order.decision_id, deal.children)
        deal.child = Deal(order=order, name=name, number=1, stage=Stage.MEANT, parent=deal)
        self._venue.mean(intent_of(deal.child, self._stage.now_ns))

    def _end(self, deal: Deal) -> None:
        deal.stage = Stage.OVER
        over = ParentFinished(**self._ours(deal), filled=Quantity(deal.filled), reason="trial")
        self._venue.mean(over)

    def _on_meant(self, name: DecisionId) -> None:
        deal = self._truth.deals[name]
        if deal.stage is Stage.MEANT:
            deal.stage = Stage.FLYING

    def knows(self, deal: Deal) -> bool:
        """Whether the disk has the intent of a parent order."""
        decision = deal.order.decision_id
        return deal.order.plan is not None and self._stage.parent(decision) is not None

    def restart(self) -> None:
        """The router died with what it had in hand: a child that is not on disk never was."""
        for deal in self._truth.deals.values():
            child = deal.child
            if child is not None and child.stage is Stage.MEANT:
                if self._stage.knows(child.name):
                    child.stage = Stage.FLYING
                else:
                    deal.child = None
                    deal.children -= 1

    def _ours(self, deal: Deal) -> dict[str, Any]:
        return {
            "decision_id": deal.order.decision_id,
            "pair": deal.pair,
            "at_ns": self._stage.now_ns,
        }
