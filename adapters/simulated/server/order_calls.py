"""What calls about orders ask for, and the rows they are answered with. Pure."""

from decimal import Decimal

import msgspec

from adapters.simulated.core.orders import AmendRequest, Order, OrderRequest, SelfTradeAct
from adapters.simulated.core.refusals import invalid_parameter, refusal
from adapters.simulated.server.calls import Call
from adapters.simulated.server.rows import Row, order_row
from state.errors import VenueRefused
from state.values import OrderType, Side, TimeInForce

_MODES = ("ACK", "RESULT", "FULL")
_CLEARING = ("fee", "fee_currency", "point_fee", "gt_fee", "gt_maker_fee", "gt_taker_fee",
             "gt_discount", "rebated_fee", "rebated_fee_currency")  # fmt: skip
_UNSERVED = ("stop_profit", "stop_loss", "auto_borrow")


class OrderBody(msgspec.Struct, kw_only=True):
    """An order as it is asked for; members not named here are ignored, as Gate does."""

    currency_pair: str
    side: str
    amount: Decimal
    type: str = "limit"
    price: Decimal | None = None
    account: str | None = None
    time_in_force: str | None = None
    text: str | None = None
    iceberg: Decimal | None = None
    stp_act: str | None = None
    action_mode: str | None = None
    slippage: Decimal | None = None
    stop_profit: msgspec.Raw | None = None
    stop_loss: msgspec.Raw | None = None
    auto_borrow: bool | None = None


class AmendBody(msgspec.Struct, kw_only=True):
    """What shall change of an order; over REST each member may be in the query instead."""

    order_id: str | None = None
    currency_pair: str | None = None
    account: str | None = None
    amount: Decimal | None = None
    price: Decimal | None = None
    amend_text: str | None = None
    action_mode: str | None = None


class CancelBody(msgspec.Struct, kw_only=True):
    """One order of POST /spot/cancel_batch_orders; `id` may be a client id."""

    currency_pair: str
    id: str
    account: str | None = None


class CountdownBody(msgspec.Struct, kw_only=True):
    """The body of POST /spot/countdown_cancel_all."""

    timeout: int
    currency_pair: str | None = None


def order_request(body: OrderBody, default_text: str) -> OrderRequest:
    """Return what a client's order asks for.

    Args:
        body: As sent.
        default_text: What the order shows where the client gave no `text`.

    Raises:
        VenueRefused: When a member has no meaning here.
    """
    if body.side not in tuple(Side):
        raise invalid_parameter("side", body.side)
    if body.type not in tuple(OrderType):
        raise invalid_parameter("type", body.type)
    if body.time_in_force and body.time_in_force not in tuple(TimeInForce):
        raise invalid_parameter("time_in_force", body.time_in_force)
    if body.slippage is not None and not (body.slippage.is_finite() and body.slippage > 0):
        raise invalid_parameter("slippage", body.slippage)
    for name in _UNSERVED:
        if getattr(body, name):
            raise refusal("INVALID_PARAM_VALUE", f"{name}: not served by this exchange")
    return OrderRequest(
        pair=body.currency_pair,
        side=Side(body.side),
        amount=body.amount,
        price=body.price,
        type=OrderType(body.type),
        time_in_force=TimeInForce(body.time_in_force) if body.time_in_force else None,
        text=body.text,
        wallet=body.account or "",
        slippage=body.slippage,
        iceberg=body.iceberg,
        stp_act=_self_trade_act(body.stp_act),
        default_text=default_text,
    )


def _self_trade_act(text: str | None) -> SelfTradeAct | None:
    if not text or text == "-":
        return None
    if text not in tuple(SelfTradeAct):
        raise invalid_parameter("stp_act", text)
    return SelfTradeAct(text)


def amend_request(body: AmendBody) -> AmendRequest:
    """Return what a client wants changed."""
    return AmendRequest(amount=body.amount, price=body.price, text=body.amend_text)


def checked_mode(text: str | None) -> str:
    """Return an `action_mode`.

    Raises:
        VenueRefused: `INVALID_PARAM_VALUE`.
    """
    if text and text not in _MODES:
        raise invalid_parameter("action_mode", text)
    return text or "FULL"


def answer(call: Call, order: Order, mode: str = "FULL") -> Row:
    """Return the row of an order, as much of it as `mode` asks for."""
    row = order_row(order, call.venue.pairs[order.pair].rules)
    if mode == "ACK":
        return {name: row[name] for name in ("id", "text", "amend_text")}
    if mode == "RESULT":
        return {name: value for name, value in row.items() if name not in _CLEARING}
    return row


SUCCEEDED: Row = {"succeeded": True, "label": "", "message": ""}
"""What a batch adds to the row of what it did."""


def failed(problem: VenueRefused) -> Row:
    """Return what a batch says of what it could not do."""
    return {"succeeded": False, "label": problem.label, "message": problem.message}
