"""Account and orders over REST (gate-protocol.md section 5). Pure functions of venue and call."""

from itertools import islice
from typing import Any

from adapters.simulated.core.orders import Order, OrderRequest
from adapters.simulated.core.refusals import invalid_parameter, missing_parameter, refusal
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server.calls import Call, CountdownBody, OrderBody, Route, one_page
from adapters.simulated.server.rows import Row, balance_row, fee_row, order_row, user_trade_row
from state.values import NS_PER_S, OrderType, Side, TimeInForce

_MOST_OPEN = 100
_MOST_ROWS = 1000
_MOST_SCANNED = 100_000
_WEEK_NS = 7 * 86_400 * NS_PER_S
_MODES = ("ACK", "RESULT", "FULL")
_CLEARING = ("fee", "fee_currency", "point_fee", "gt_fee", "gt_maker_fee", "gt_taker_fee",
             "gt_discount", "rebated_fee", "rebated_fee_currency")  # fmt: skip


def accounts(call: Call) -> list[Row]:
    """GET /spot/accounts."""
    wanted = call.query.get("currency")
    listed = call.venue.switches.zero_balances_listed
    return [
        balance_row(currency, balance)
        for currency, balance in call.account.balances.items()
        if (wanted and currency == wanted) or (not wanted and (balance.total or listed))
    ]


def account_detail(call: Call) -> Row:
    """GET /account/detail."""
    return {
        "user_id": call.account.user_id,
        "ip_whitelist": [],
        "currency_pairs": [],
        "tier": 0,
        "key": {"mode": 1},
        "copy_trading_role": 0,
    }


def wallet_fee(call: Call) -> Row:
    """GET /wallet/fee."""
    if call.query.get("currency_pair"):
        call.venue.pair(call.query["currency_pair"])
    return fee_row(call.account)


def create_order(call: Call) -> Row:
    """POST /spot/orders."""
    body = call.decoded(OrderBody)
    mode = body.action_mode or "FULL"
    if mode not in _MODES:
        raise invalid_parameter("action_mode", mode)
    request = order_request(body, call.default_text)
    order = call.venue.place(call.account, request, call.now_ns, call.expires_ms())
    return _in_mode(_row(call, order), mode)


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
    if body.stp_act and body.stp_act != "-":
        raise refusal("INVALID_PARAM_VALUE", "stp_act: the user is in no STP group")
    if body.iceberg:
        raise refusal("INVALID_PARAM_VALUE", "iceberg: not served by this exchange yet")
    return OrderRequest(
        pair=body.currency_pair,
        side=Side(body.side),
        amount=body.amount,
        price=body.price,
        type=OrderType(body.type),
        time_in_force=TimeInForce(body.time_in_force) if body.time_in_force else None,
        text=body.text,
        wallet=body.account,
        slippage=body.slippage,
        default_text=default_text,
    )


def _row(call: Call, order: Order) -> Row:
    return order_row(order, call.venue.pairs[order.pair].rules)


def _in_mode(row: Row, mode: str) -> Row:
    if mode == "ACK":
        return {name: row[name] for name in ("id", "text", "amend_text")}
    if mode == "RESULT":
        return {name: value for name, value in row.items() if name not in _CLEARING}
    return row


def get_order(call: Call) -> Row:
    """GET /spot/orders/{order_id}: by the venue's id or by text."""
    pair = call.required("currency_pair")
    return _row(call, call.venue.order(call.account, call.path["order_id"], pair, call.now_ns))


def cancel_order(call: Call) -> Row:
    """DELETE /spot/orders/{order_id}: by the venue's id or by text."""
    pair = call.required("currency_pair")
    order = call.venue.cancel(
        call.account, call.path["order_id"], pair, call.now_ns, call.expires_ms()
    )
    return _in_mode(_row(call, order), call.query.get("action_mode") or "FULL")


def cancel_orders(call: Call) -> list[Row]:
    """DELETE /spot/orders: without a pair, of every pair."""
    pair = call.query.get("currency_pair") or None
    cancelled = call.venue.cancel_all(call.account, call.now_ns, pair=pair, side=call.side())
    outcome = {"succeeded": True, "label": "", "message": ""}
    return [{**_row(call, order), **outcome} for order in cancelled]


def list_orders(call: Call) -> list[Row]:
    """GET /spot/orders: open, or finished by the time they ended, newest first."""
    status = call.required("status")
    page = call.number("page", 1, least=1)
    side = call.side()
    if status == "open":
        name = call.required("currency_pair")
        limit = call.number("limit", _MOST_OPEN, least=1, most=_MOST_OPEN)
        pair = call.venue.pair(name).rules.pair
        chosen = [
            order
            for order in reversed(call.venue.index.open_orders(call.account.name))
            if order.pair == pair and side in (None, order.side)
        ]
    elif status == "finished":
        limit = call.number("limit", 100, least=1, most=_MOST_ROWS)
        chosen = _finished(call, side)
    else:
        raise invalid_parameter("status", status)
    return [_row(call, order) for order in one_page(chosen, page, limit)]


def _finished(call: Call, side: Side | None) -> list[Order]:
    name = call.query.get("currency_pair")
    pair = call.venue.pair(name).rules.pair if name else None
    since = call.number("from", 0) * NS_PER_S
    until = call.number("to", 1 << 40) * NS_PER_S + NS_PER_S - 1
    recent = call.venue.index.finished_since(call.account.name, since)
    return [
        order
        for order in islice(recent, _MOST_SCANNED)
        if order.updated_ns <= until and pair in (None, order.pair) and side in (None, order.side)
    ]


def open_orders(call: Call) -> list[Row]:
    """GET /spot/open_orders: every pair with open orders; page and limit count per pair."""
    page = call.number("page", 1, least=1)
    limit = call.number("limit", _MOST_OPEN, least=1, most=_MOST_OPEN)
    grouped: dict[str, list[Order]] = {}
    for order in reversed(call.venue.index.open_orders(call.account.name)):
        grouped.setdefault(order.pair, []).append(order)
    wanted = call.query.get("currency_pair")
    return [
        {
            "currency_pair": pair,
            "total": len(orders),
            "orders": [_row(call, order) for order in one_page(orders, page, limit)],
        }
        for pair, orders in grouped.items()
        if wanted in (None, "", pair)
    ]


def my_trades(call: Call) -> list[Row]:
    """GET /spot/my_trades: the last seven days unless told."""
    name = call.query.get("currency_pair")
    pair = call.venue.pair(name).rules.pair if name else None
    order_id = call.query.get("order_id")
    if order_id and pair is None:
        raise missing_parameter("currency_pair")
    limit = call.number("limit", 100, least=1, most=_MOST_ROWS)
    page = call.number("page", 1, least=1)
    since = call.optional_number("from")
    since_ns = call.now_ns - _WEEK_NS if since is None else since * NS_PER_S
    until_ns = call.number("to", 1 << 40) * NS_PER_S + NS_PER_S - 1
    found = call.venue.index.trades_since(call.account.name, pair, since_ns)
    chosen = [
        trade
        for trade in islice(found, _MOST_SCANNED)
        if trade.time_ns <= until_ns and order_id in (None, "", str(trade.order_id))
    ]
    if not call.venue.switches.my_trades_newest_first:
        chosen.reverse()
    pairs = call.venue.pairs
    return [user_trade_row(each, pairs[each.pair].units) for each in one_page(chosen, page, limit)]


def countdown_cancel_all(call: Call) -> Row:
    """POST /spot/countdown_cancel_all."""
    body = call.decoded(CountdownBody)
    pair = body.currency_pair or None
    return {"triggerTime": call.venue.arm_countdown(call.account, body.timeout, pair, call.now_ns)}


def _signed(
    method: str, path: str, handler: Any, limit: LimitClass = LimitClass.PRIVATE, status: int = 200
) -> Route:
    return Route(method, path, handler, signed=True, limit=limit, status=status)


ROUTES = (
    _signed("GET", "/spot/accounts", accounts),
    _signed("GET", "/account/detail", account_detail),
    _signed("GET", "/wallet/fee", wallet_fee),
    _signed("POST", "/spot/orders", create_order, LimitClass.PLACE, 201),
    _signed("GET", "/spot/orders", list_orders),
    _signed("DELETE", "/spot/orders", cancel_orders, LimitClass.CANCEL),
    _signed("GET", "/spot/orders/{order_id}", get_order),
    _signed("DELETE", "/spot/orders/{order_id}", cancel_order, LimitClass.CANCEL),
    _signed("GET", "/spot/open_orders", open_orders),
    _signed("GET", "/spot/my_trades", my_trades),
    _signed("POST", "/spot/countdown_cancel_all", countdown_cancel_all),
)
