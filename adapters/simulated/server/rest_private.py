"""Orders over REST (gate-protocol.md section 5). Pure functions of venue and call."""

from itertools import islice

import msgspec

from adapters.simulated.core.orders import Order
from adapters.simulated.core.refusals import invalid_parameter, missing_parameter
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server import rest_accounts, rest_batches, rest_price_orders
from adapters.simulated.server.calls import Call, one_page, signed_route
from adapters.simulated.server.order_calls import (
    SUCCEEDED,
    AmendBody,
    CountdownBody,
    OrderBody,
    amend_request,
    answer,
    checked_mode,
    order_request,
)
from adapters.simulated.server.rows import Row, user_trade_row
from state.values import NS_PER_S, Side

_MOST_OPEN = 100
_MOST_ROWS = 1000
_MOST_SCANNED = 100_000
_WEEK_NS = 7 * 86_400 * NS_PER_S


def create_order(call: Call) -> Row:
    """POST /spot/orders."""
    body = call.decoded(OrderBody)
    mode = checked_mode(body.action_mode)
    request = order_request(body, call.default_text)
    order = call.venue.place(call.account, request, call.now_ns, call.expires_ms())
    return answer(call, order, mode)


def get_order(call: Call) -> Row:
    """GET /spot/orders/{order_id}: by the venue's id or by text."""
    pair = call.required("currency_pair")
    return answer(call, call.venue.order(call.account, call.path["order_id"], pair, call.now_ns))


def amend_order(call: Call) -> Row:
    """PATCH /spot/orders/{order_id}: members in the body, in the query or in both."""
    told = call.inquired(AmendBody)
    if call.body:
        for name, value in msgspec.structs.asdict(call.decoded(AmendBody)).items():
            if value is not None:
                setattr(told, name, value)
    if not told.currency_pair:
        raise missing_parameter("currency_pair")
    mode = checked_mode(told.action_mode)
    order = call.venue.amend(
        call.account,
        call.path["order_id"],
        told.currency_pair,
        amend_request(told),
        call.now_ns,
        call.expires_ms(),
    )
    return answer(call, order, mode)


def cancel_order(call: Call) -> Row:
    """DELETE /spot/orders/{order_id}: by the venue's id or by text."""
    pair = call.required("currency_pair")
    mode = checked_mode(call.query.get("action_mode"))
    order = call.venue.cancel(
        call.account, call.path["order_id"], pair, call.now_ns, call.expires_ms()
    )
    return answer(call, order, mode)


def cancel_orders(call: Call) -> list[Row]:
    """DELETE /spot/orders: without a pair, of every pair."""
    pair = call.query.get("currency_pair") or None
    mode = checked_mode(call.query.get("action_mode"))
    cancelled = call.venue.cancel_all(
        call.account, call.now_ns, pair=pair, side=call.side(), expires_ms=call.expires_ms()
    )
    return [{**answer(call, order, mode), **SUCCEEDED} for order in cancelled]


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
    return [answer(call, order) for order in one_page(chosen, page, limit)]


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
            "orders": [answer(call, order) for order in one_page(orders, page, limit)],
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
    since_ns, until_ns = call.span()
    if not call.query.get("from"):
        since_ns = min(call.now_ns, until_ns) - _WEEK_NS
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


ROUTES = (
    signed_route("POST", "/spot/orders", create_order, LimitClass.PLACE, 201),
    signed_route("GET", "/spot/orders", list_orders),
    signed_route("DELETE", "/spot/orders", cancel_orders, LimitClass.CANCEL),
    signed_route("GET", "/spot/orders/{order_id}", get_order),
    signed_route("PATCH", "/spot/orders/{order_id}", amend_order, LimitClass.PLACE),
    signed_route("DELETE", "/spot/orders/{order_id}", cancel_order, LimitClass.CANCEL),
    signed_route("GET", "/spot/open_orders", open_orders),
    signed_route("GET", "/spot/my_trades", my_trades),
    signed_route("POST", "/spot/countdown_cancel_all", countdown_cancel_all),
    *rest_batches.ROUTES,
    *rest_price_orders.ROUTES,
    *rest_accounts.ROUTES,
)
