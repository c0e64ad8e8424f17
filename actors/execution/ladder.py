"""The ladder: what a parent order does next to get out whatever it takes. Pure.

Each rung takes what is there within so many basis points of the touch, the next one goes further,
and the last takes everything up to the parent's own price. A rung that never lived, because it was
refused or could not be sent, is tried again; which rung comes next follows from the children alone,
so whoever begins in the middle goes on exactly.
"""

from msgspec import Struct

from state.instrument import TradingRules
from state.messages.orders import Ladder
from state.order import OrderState
from state.parent_order import ParentOrder
from state.values import Price, Quantity, Side, TimeInForce

REJECTIONS_MAX = 3
"""Refusals in a row after which the exchange is taken at its word."""
PASSING = frozenset({"TOO_MANY_REQUESTS", "TOO_BUSY", "REQUEST_EXPIRED", "HALTED", "CLOCK"})
"""Labels that say nothing about the order itself: tried again for much longer."""
PASSING_MAX = 60
BPS = 10_000


class Place(Struct, frozen=True, kw_only=True):
    """Place this child now."""

    quantity: Quantity
    price: Price
    time_in_force: TimeInForce


class Over(Struct, frozen=True, kw_only=True):
    """There is nothing left to try."""

    reason: str


def next_step(
    plan: Ladder, parent: ParentOrder, touch: Price | None, rules: TradingRules
) -> Place | Over:
    """Return what to do now that no child of `parent` is out.

    Args:
        plan: The rungs.
        parent: With all its children.
        touch: Best price of the other side; None when nobody knows it: then the rung has no bound
            but the parent's own price.
        rules: Of its pair.
    """
    rejected = rejections(parent)
    final = [label for label in rejected if label not in PASSING]
    if len(final) >= REJECTIONS_MAX or len(rejected) >= PASSING_MAX:
        return Over(reason=f"rejected {len(rejected)} times: {rejected[-1]}")
    rung = sum(child.state not in _NEVER_LIVED for child in parent.children)
    if rung > len(plan.rungs_bps):
        return Over(reason="nobody takes the rest at its price")
    price = _price(plan, rung, parent, touch, rules)
    quantity = rules.quantity_down(parent.free)
    if quantity < rules.smallest(price):
        return Over(reason="what is left is less than the exchange takes")
    return Place(quantity=quantity, price=price, time_in_force=TimeInForce.IOC)


def _price(
    plan: Ladder, rung: int, parent: ParentOrder, touch: Price | None, rules: TradingRules
) -> Price:
    side, cap = parent.intent.side, parent.intent.price
    if touch is None or rung == len(plan.rungs_bps):
        return cap
    wanted = rules.price_aggressive(touch * (1 + side.sign * plan.rungs_bps[rung] / BPS), side)
    return min(wanted, cap) if side is Side.BUY else max(wanted, cap)


def rejections(parent: ParentOrder) -> list[str]:
    """Return the labels of the newest children, as far back as all were rejected."""
    labels: list[str] = []
    for child in reversed(parent.children):
        if child.state is not OrderState.REJECTED:
            break
        labels.insert(0, child.label)
    return labels


_NEVER_LIVED = frozenset({OrderState.REJECTED, OrderState.NOT_PLACED})
