"""What we ask of Gate about one order, as the members of its JSON. Pure.

The same members go into a REST body and into a `req_param`, so both ways ask for the same.
"""

from state.messages.venue import AmendOrder, CancelPlaced, FetchOrder, PlaceOrder
from state.values import plain

Members = dict[str, str]

SPOT = "spot"
"""The account that every call is about by itself."""


def placement(request: PlaceOrder, account: str) -> Members:
    """Return the order to place."""
    members = {
        "text": request.client_order_id,
        "currency_pair": request.pair,
        "type": request.order_type.value,
        "account": account,
        "side": request.side.value,
        "amount": plain(request.quantity),
        "time_in_force": request.time_in_force.value,
    }
    if request.price is not None:
        members["price"] = plain(request.price)
    return members


def amendment(request: AmendOrder) -> Members:
    """Return what is to change: at least one of amount and price."""
    assert request.quantity is not None or request.price is not None, "nothing is to change"
    members: Members = {}
    if request.quantity is not None:
        members["amount"] = plain(request.quantity)
    if request.price is not None:
        members["price"] = plain(request.price)
    return members


def named(request: AmendOrder | CancelPlaced | FetchOrder) -> str:
    """Return the name to ask by: the exchange's where we know it."""
    return request.venue_order_id or request.client_order_id


def addressed(request: AmendOrder | CancelPlaced | FetchOrder, account: str) -> Members:
    """Return how an order is named over the socket."""
    members = {"order_id": named(request), "currency_pair": request.pair}
    return members if account == SPOT else members | {"account": account}
