"""Several orders in one call (gate-protocol.md sections 5.2 and 5.5). Pure.

A batch as a whole is refused for its form; what is wrong with one order is told in its row.
"""

from collections import Counter

from adapters.simulated.core.refusals import missing_parameter, refusal
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server.calls import Call, signed_route
from adapters.simulated.server.order_calls import (
    SUCCEEDED,
    AmendBody,
    CancelBody,
    OrderBody,
    amend_request,
    answer,
    checked_mode,
    failed,
    order_request,
)
from adapters.simulated.server.rows import Row
from state.errors import VenueRefused

_MOST_PAIRS = 4
_MOST_OF_A_PAIR = 10
_MOST_CANCELS = 20
_MOST_AMENDMENTS = 5


def create_orders(call: Call) -> list[Row]:
    """POST /spot/batch_orders: rows in the order of the request."""
    bodies = call.decoded(list[OrderBody])
    _check_batch(bodies)
    return [_created(call, body) for body in bodies]


def _check_batch(bodies: list[OrderBody]) -> None:
    per_pair = Counter(body.currency_pair for body in bodies)
    if not bodies:
        raise refusal("INVALID_REQUEST_BODY", "a batch needs at least one order")
    if not all(body.text for body in bodies):
        raise missing_parameter("text")
    if len({body.account or "spot" for body in bodies}) > 1:
        raise refusal("MIXED_ACCOUNT_TYPE", "all orders of a batch must be of one account")
    if len(per_pair) > _MOST_PAIRS:
        raise refusal("TOO_MANY_CURRENCY_PAIRS", f"a batch takes at most {_MOST_PAIRS} pairs")
    if max(per_pair.values()) > _MOST_OF_A_PAIR:
        text = f"a batch takes at most {_MOST_OF_A_PAIR} orders of a pair"
        raise refusal("TOO_MANY_ORDERS", text)


def _created(call: Call, body: OrderBody) -> Row:
    try:
        mode = checked_mode(body.action_mode)
        request = order_request(body, call.default_text)
        order = call.venue.place(call.account, request, call.now_ns, call.expires_ms())
    except VenueRefused as problem:
        told = {"text": body.text, "currency_pair": body.currency_pair}
        return {**told, "account": body.account or "spot", **failed(problem)}
    return {**answer(call, order, mode), "order_id": str(order.id), **SUCCEEDED}


def cancel_orders(call: Call) -> list[Row]:
    """POST /spot/cancel_batch_orders."""
    bodies = call.decoded(list[CancelBody])
    if not 0 < len(bodies) <= _MOST_CANCELS:
        raise refusal("TOO_MANY_ORDERS", f"a batch cancels 1 to {_MOST_CANCELS} orders")
    return [_cancelled(call, body) for body in bodies]


def _cancelled(call: Call, body: CancelBody) -> Row:
    told = {"currency_pair": body.currency_pair, "id": body.id, "account": body.account or "spot"}
    try:
        order = call.venue.cancel(
            call.account, body.id, body.currency_pair, call.now_ns, call.expires_ms()
        )
    except VenueRefused as problem:
        return {**told, "text": "", **failed(problem)}
    return {**told, "id": str(order.id), "text": order.text, **SUCCEEDED}


def amend_orders(call: Call) -> list[Row]:
    """POST /spot/amend_batch_orders: one after the other."""
    bodies = call.decoded(list[AmendBody])
    if not 0 < len(bodies) <= _MOST_AMENDMENTS:
        raise refusal("TOO_MANY_ORDERS", f"a batch amends 1 to {_MOST_AMENDMENTS} orders")
    for name in ("order_id", "currency_pair"):
        if not all(getattr(body, name) for body in bodies):
            raise missing_parameter(name)
    return [_amended(call, body) for body in bodies]


def _amended(call: Call, body: AmendBody) -> Row:
    order_id, pair = body.order_id or "", body.currency_pair or ""
    try:
        mode = checked_mode(body.action_mode)
        order = call.venue.amend(
            call.account, order_id, pair, amend_request(body), call.now_ns, call.expires_ms()
        )
    except VenueRefused as problem:
        return {"order_id": order_id, "currency_pair": pair, "text": "", **failed(problem)}
    return {**answer(call, order, mode), "order_id": str(order.id), **SUCCEEDED}


ROUTES = (
    signed_route("POST", "/spot/batch_orders", create_orders, LimitClass.PLACE),
    signed_route("POST", "/spot/cancel_batch_orders", cancel_orders, LimitClass.CANCEL),
    signed_route("POST", "/spot/amend_batch_orders", amend_orders, LimitClass.PLACE),
)
