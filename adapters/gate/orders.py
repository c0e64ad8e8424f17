"""What we ask of Gate about one order, as the members of its JSON. Pure.

The same members go into a REST body and into a `req_param`, so both ways ask for the same.
"""

from typing import Any

from state.messages.venue import AmendOrder, CancelPlaced, FetchOrder, PlaceOrder, PlaceTrigger
from state.values import OrderType, TimeInForce, plain

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


def waiting(request: PlaceTrigger, account: str) -> dict[str, Any]:
    """Return the price order to arm; there the spot account is called `normal`."""
    return {
        "trigger": {
            "price": plain(request.trigger_price),
            "rule": request.rule.value,
            "expiration": request.expiration_s,
        },
        "put": {
            "type": OrderType.LIMIT.value,
            "side": request.side.value,
            "price": plain(request.price),
            "amount": plain(request.quantity),
            "account": "normal" if account == SPOT else account,
            "time_in_force": TimeInForce.IOC.value,
        },
        "market": request.pair,
    }


def named(request: AmendOrder | CancelPlaced | FetchOrder) -> str:
    """Return the name to ask by: the exchange's where we know it."""
    return request.venue_order_id or request.client_order_id


def addressed(request: AmendOrder | CancelPlaced | FetchOrder, account: str) -> Members:
    """Return how an order is named over the socket."""
    members = {"order_id": named(request), "currency_pair": request.pair}
    return members if account == SPOT else members | {"account": account}
