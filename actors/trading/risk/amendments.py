"""What may become of a resting order: the rules for amendments. Pure.

An amendment puts another order in the place of one that is there. So what asks for no more, at no
worse a price, passes; anything else is judged whole, as a new order would be while the old one were
not there, and passes whole or not at all.
"""

from actors.trading.risk.rules import Ruling, judge
from actors.trading.risk.view import View
from state.amendment import Shape
from state.exact import difference
from state.messages.orders import AmendProposed, OrderProposed, Refusal, Verdict
from state.order import Order
from state.values import OrderType, Quantity, Session, TimeNs, plain

NOT_AMENDABLE = "NOT_AMENDABLE"
"""See docs/risk-codes.md."""
_NEVER = frozenset({Session.STARTING, Session.STOPPED, Session.EMERGENCY})


def wanted_shape(order: Order, proposed: AmendProposed) -> Shape:
    """Return what `order` would ask for."""
    shape = order.shape
    return Shape(
        shape.quantity if proposed.quantity is None else proposed.quantity,
        shape.price if proposed.price is None else proposed.price,
    )


def judge_amendment(order: Order, proposed: AmendProposed, view: View) -> Ruling:
    """Return whether `order` may become what is proposed.

    Args:
        order: As the journal has it.
        proposed: What is to be changed.
        view: As if the order were not there.
    """
    wanted, shape = wanted_shape(order, proposed), order.shape
    left = Quantity(difference(wanted.quantity, order.filled))
    why = _why_not(order, wanted, left)
    if why is not None:
        told = Refusal(code=NOT_AMENDABLE, limit="an order that rests, changed", value=why)
        return Ruling(verdict=Verdict.DENY, quantity=Quantity(left * 0), refusal=told)
    worse = difference(wanted.price, shape.price) * order.intent.side.sign > 0
    grows = wanted.quantity > shape.quantity
    if not worse and not grows and view.halted is None and view.session not in _NEVER:
        return Ruling(verdict=Verdict.ALLOW, quantity=left)
    ruling = judge(_as_new(order, proposed, wanted, left, view.now_ns), view)
    if ruling.verdict is Verdict.ALLOW or ruling.refusal is None:
        return ruling
    return Ruling(verdict=Verdict.DENY, quantity=ruling.quantity, refusal=ruling.refusal)


def _why_not(order: Order, wanted: Shape, left: Quantity) -> str | None:
    if order.state.is_terminal or order.accepted is None:
        return f"it is {order.state}"
    if order.intent.order_type is not OrderType.LIMIT:
        return "it has no limit price"
    if order.intent.parent is not None:
        return "it is a part of a parent order"
    if order.cancel is not None:
        return "it is being cancelled"
    if order.amending is not None:
        return "it is being amended"
    if wanted == order.shape:
        return "nothing would change"
    if left <= 0:
        return f"{plain(order.filled)} of it are filled"
    return None


def _as_new(
    order: Order, proposed: AmendProposed, wanted: Shape, left: Quantity, now_ns: TimeNs
) -> OrderProposed:
    intent = order.intent
    return OrderProposed(
        decision_id=intent.decision_id,
        trace_id=intent.trace_id,
        pair=intent.pair,
        strategy=intent.strategy,
        side=intent.side,
        order_type=intent.order_type,
        quantity=left,
        price=wanted.price,
        time_in_force=intent.time_in_force,
        reason=proposed.reason,
        worksheet=(),
        proposed_at_ns=now_ns,
        expires_at_ns=proposed.expires_at_ns,
        reply_to=proposed.reply_to,
        purpose=intent.purpose,
    )
