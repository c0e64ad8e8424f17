"""What keepers answer to those who ask: how things stand at that moment."""

from msgspec import Struct

from state.instrument import TradingRules
from state.messages.venue import OrderReport
from state.order import Order
from state.parent_order import ParentOrder
from state.values import ClientOrderId, DecisionId, Pair


class RulesKnown(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the risk guard, and told to who asks: what the exchange allows in a pair."""

    pair: Pair
    rules: TradingRules


class OrdersHeld(Struct, frozen=True, kw_only=True, tag=True):
    """Order router to trader: these may still change or lack fills, oldest first."""

    pair: Pair
    orders: tuple[Order, ...]
    request: int = 0
    """Of the question."""


class ApprovalsWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Risk guard to order router: of what I approved, what may you still have journalled?"""

    reply_to: str
    request: int
    """The guard's own number, echoed."""


class ApprovalsHeld(Struct, frozen=True, kw_only=True, tag=True):
    """Order router to risk guard: of these an intent may still come.

    Nothing comes any more of what it was told before the question and is neither here nor in the
    journal: it was dropped, or lost with an earlier life.
    """

    request: int
    decisions: tuple[DecisionId, ...]
    amendments: tuple[ClientOrderId, ...]
    """Orders whose amendment it is."""


class ParentHeld(Struct, frozen=True, kw_only=True, tag=True):
    """Order router to worker: its parent order as the journal has it, whenever that changes."""

    decision_id: DecisionId
    parent: ParentOrder | None
    """None: it is over, or there never was one."""


class ForeignOrders(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the order router: orders of others that rest in the account, left alone."""

    orders: tuple[OrderReport, ...]


class ForeignOrdersWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the order router: tell me the newest `ForeignOrders`."""

    reply_to: str
