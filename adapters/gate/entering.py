"""Requests as calls over the socket, and their answers as outcomes. Pure."""

from adapters.gate import api_frames, orders
from adapters.gate.api_frames import ApiAnswer, ApiCall, encode_parameters
from adapters.gate.codec import decode_order
from adapters.gate.outcomes import judged
from state.errors import VenueMalformed
from state.messages.venue import (
    AmendOrder,
    CancelPlaced,
    FetchOrder,
    Outcome,
    PlaceOrder,
    Succeeded,
    Unknown,
    VenueRequest,
)
from state.values import NS_PER_MS

Enterable = PlaceOrder | AmendOrder | CancelPlaced | FetchOrder


def enterable(request: VenueRequest) -> Enterable | None:
    """Return `request` where the socket serves it too.

    That a name of ours is not found is a proof that orders are declared absent by, so they are
    asked for by name where Gate documents what the answer means: over REST.
    """
    if isinstance(request, FetchOrder) and request.venue_order_id is None:
        return None
    return request if isinstance(request, Enterable) else None


def call_for(request: Enterable, account: str, expires_ms: int | None) -> ApiCall:
    """Return the call that asks for `request`.

    Args:
        request: What to ask for.
        account: Gate's name for the account.
        expires_ms: When a cancel expires, by the exchange's clock; the others bring their own.
    """
    match request:
        case PlaceOrder():
            channel, members = api_frames.PLACE, orders.placement(request, account)
            expires_ms = request.expires_at_ns // NS_PER_MS
        case AmendOrder():
            channel = api_frames.AMEND
            members = orders.addressed(request, account) | orders.amendment(request)
            expires_ms = request.expires_at_ns // NS_PER_MS
        case CancelPlaced():
            channel, members = api_frames.CANCEL, orders.addressed(request, account)
        case FetchOrder():
            channel, members = api_frames.STATUS, orders.addressed(request, account)
            expires_ms = None
    return ApiCall(channel=channel, parameters=encode_parameters(members), expires_ms=expires_ms)


def outcome_of(answer: ApiAnswer) -> Outcome:
    """Return what an answer proves."""
    failed = judged(answer.status, answer.label, answer.message)
    if failed is not None:
        return failed
    if not 200 <= answer.status < 300:
        return Unknown(reason=f"status {answer.status} without a label")
    try:
        return Succeeded(orders=(decode_order(answer.result),))
    except VenueMalformed as error:
        return Unknown(reason=f"unreadable answer: {error}")
