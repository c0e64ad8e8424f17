"""What the exchange does with the orders of a schedule, and the facts of it for the journal."""

from decimal import Decimal
from random import Random
from typing import Any

from actors import addresses
from state.messages.journal import Entry
from state.messages.orders import (
    CancelIntended,
    OrderAccepted,
    OrderFilled,
    OrderFinished,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
)
from state.values import Price, Quantity, Role, Side, TimeNs, TradeId, VenueOrderId, base_of
from supervisor.risk_proof.stage import USDT, Meant, RiskStage
from supervisor.risk_proof.truth import Deal, Stage, Truth


class Venue:
    """One per schedule.

    Args:
        chance: The schedule's.
        stage: Where guard and recorder live.
        truth: What was approved.
    """

    def __init__(self, chance: Random, stage: RiskStage, truth: Truth) -> None:
        self._chance = chance
        self._stage = stage
        self._truth = truth
        self.happened: list[tuple[int, str]] = []
        """When, by the exchange's clock, something was rejected or cancelled."""
        self.unsure: list[Any] = []
        """Facts of orders of which nobody has said that they are on disk."""

    def mean(self, event: Any) -> None:
        """Have a fact of an order journalled."""
        self.unsure.append(event)
        self._stage.tell(addresses.ORDER_ROUTER, Meant(entries=(Entry(event=event),)))

    def work(self, deal: Deal) -> None:
        """Answer, fill or end an order that is out."""
        if deal.stage is Stage.FLYING:
            self._answer(deal)
        elif deal.stage is Stage.RESTING:
            self._trade(deal)

    def _answer(self, deal: Deal) -> None:
        fate = self._chance.random()
        ours = self._ours(deal)
        if deal.is_unknown and fate > 0.6:
            return  # Nobody knows yet.
        if fate < 0.12:
            deal.stage = Stage.OVER
            self.happened.append((self._stage.venue_ns, "rejected"))
            self.mean(OrderRejected(**ours, label="BALANCE_NOT_ENOUGH", message=""))
        elif fate < 0.3 and not deal.is_unknown:
            deal.is_unknown = True
            self.mean(OrderUnknown(**ours, reason="no answer"))
        elif fate < 0.3 and deal.is_unknown:
            deal.stage, deal.is_unknown = Stage.OVER, False
            self.mean(OrderNotPlaced(**ours, reason="not found"))
        else:
            deal.stage, deal.is_unknown = Stage.RESTING, False
            venue = VenueOrderId(f"v-{deal.name}")
            self.mean(OrderAccepted(**ours, venue_order_id=venue))

    def _trade(self, deal: Deal) -> None:
        """Fill it, whole or in part, or cancel it."""
        chance, ours = self._chance, self._ours(deal)
        if chance.random() < 0.15:
            deal.stage = Stage.OVER
            self.happened.append((self._stage.venue_ns, "cancelled"))
            filled = Quantity(deal.filled)
            self.mean(CancelIntended(**ours, reason="trial"))
            self.mean(OrderFinished(**ours, filled_quantity=filled, reason="cancelled"))
            return
        whole, left = chance.random() < 0.6, deal.real.quantity - deal.filled
        quantity = left if whole else self._stage.rules[deal.pair].quantity_down(left / 2)
        price, sign = deal.real.price, deal.order.side.sign
        better = Decimal(chance.choice([0, 0, 1, 5])) / 100
        price = Price(price - sign * better)
        if price <= 0 or not quantity:
            return
        number = deal.trades + 1
        fee = self._truth.fill(deal, quantity, price)
        buys = deal.order.side is Side.BUY
        # A trade is told with the time of the exchange, whatever our clock says.
        at = {"at_ns": TimeNs(self._stage.venue_ns)}
        fill = OrderFilled(
            **ours | at,
            trade_id=TradeId(f"{deal.name}-{number}"),
            venue_order_id=VenueOrderId(f"v-{deal.name}"),
            side=deal.order.side,
            price=Price(price),
            quantity=Quantity(quantity),
            role=Role.TAKER,
            fee=fee,
            fee_currency=base_of(deal.pair) if buys else USDT,
        )
        self.mean(fill)
        if deal.stage is Stage.OVER:
            filled = Quantity(deal.filled)
            self.mean(OrderFinished(**ours, filled_quantity=filled, reason="filled"))

    def _ours(self, deal: Deal) -> dict[str, Any]:
        return {"client_order_id": deal.name, "pair": deal.pair, "at_ns": self._stage.now_ns}
