"""Price orders over REST (gate-protocol.md section 5.6). Pure."""

from decimal import Decimal
from itertools import islice

import msgspec

from adapters.simulated.core.price_orders import PriceOrder, PriceOrderRequest, Rule
from adapters.simulated.core.refusals import invalid_parameter, refusal
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server.calls import Call, signed_route
from adapters.simulated.server.rows import Row, price_order_row
from state.values import OrderType, Side, TimeInForce

_MOST_ROWS = 100
_MOST_SCANNED = 100_000
_ORIGINS = ("", "api", "web", "app")
_WALLETS = ("normal", "margin", "unified")


class TriggerBody(msgspec.Struct, kw_only=True):
    """Which price is waited for, and for how many seconds."""

    price: Decimal
    rule: str
    expiration: int


class PutBody(msgspec.Struct, kw_only=True):
    """The order to be placed then."""

    side: str
    amount: Decimal
    price: Decimal | None = None
    type: str = "limit"
    account: str = "normal"
    time_in_force: str = "gtc"
    text: str | None = None


class PriceOrderBody(msgspec.Struct, kw_only=True):
    """The body of POST /spot/price_orders; members not named here are ignored."""

    trigger: TriggerBody
    put: PutBody
    market: str


def create(call: Call) -> Row:
    """POST /spot/price_orders."""
    armed = call.venue.triggers.arm(
        call.account, _request(call.decoded(PriceOrderBody)), call.now_ns
    )
    return {"id": armed.id, "id_string": str(armed.id)}


def _request(body: PriceOrderBody) -> PriceOrderRequest:
    put = body.put
    # At market nothing can rest: whatever is said of time in force, it is immediate.
    forces = (TimeInForce.GTC, TimeInForce.IOC)
    for name, value, known in (
        ("trigger.rule", body.trigger.rule, tuple(Rule)),
        ("put.side", put.side, tuple(Side)),
        ("put.type", put.type, tuple(OrderType)),
        ("put.time_in_force", put.time_in_force, forces),
        ("put.account", put.account, _WALLETS),
        ("put.text", put.text or "", _ORIGINS),
    ):
        if value not in known:
            raise invalid_parameter(name, value)
    return PriceOrderRequest(
        pair=body.market,
        trigger_price=body.trigger.price,
        rule=Rule(body.trigger.rule),
        expiration_s=body.trigger.expiration,
        side=Side(put.side),
        amount=put.amount,
        price=put.price,
        type=OrderType(put.type),
        time_in_force=TimeInForce(put.time_in_force),
        wallet=put.account,
        text=put.text or "",
    )


def _row(call: Call, order: PriceOrder) -> Row:
    venue = call.venue
    return price_order_row(order, call.account.user_id, venue.switches.price_order_cancelled)


def _market(call: Call) -> str | None:
    name = call.query.get("market")
    return call.venue.pair(name).rules.pair if name else None


def _of_account(call: Call, order: PriceOrder) -> bool:
    return call.query.get("account") in (None, "", order.request.wallet)


def listed(call: Call) -> list[Row]:
    """GET /spot/price_orders: newest first; pages are counted by `offset`."""
    status, market = call.required("status"), _market(call)
    limit = call.number("limit", _MOST_ROWS, least=1, most=_MOST_ROWS)
    offset = call.number("offset", 0)
    triggers, owner = call.venue.triggers, call.account.name
    match status:
        case "open":
            found = reversed(triggers.of(owner, market))
        case "finished":
            found = triggers.ended(owner, market)
        case _:
            raise invalid_parameter("status", status)
    chosen = [order for order in islice(found, _MOST_SCANNED) if _of_account(call, order)]
    return [_row(call, order) for order in chosen[offset : offset + limit]]


def shown(call: Call) -> Row:
    """GET /spot/price_orders/{order_id}."""
    return _row(call, call.venue.triggers.find(call.account.name, call.path["order_id"]))


def cancelled(call: Call) -> Row:
    """DELETE /spot/price_orders/{order_id}."""
    order = call.venue.triggers.cancel(call.account.name, call.path["order_id"], call.now_ns)
    return _row(call, order)


def all_cancelled(call: Call) -> list[Row]:
    """DELETE /spot/price_orders: without a market, of every market."""
    account = call.query.get("account")
    if account and account not in _WALLETS:
        raise refusal("INVALID_PARAM_VALUE", f"account {account} is not enabled")
    doomed = call.venue.triggers.of(call.account.name, _market(call))
    return [
        _row(call, call.venue.triggers.cancel(order.owner, str(order.id), call.now_ns))
        for order in doomed
        if _of_account(call, order)
    ]


ROUTES = (
    signed_route("POST", "/spot/price_orders", create, status=201),
    signed_route("GET", "/spot/price_orders", listed),
    signed_route("DELETE", "/spot/price_orders", all_cancelled, LimitClass.CANCEL),
    signed_route("GET", "/spot/price_orders/{order_id}", shown),
    signed_route("DELETE", "/spot/price_orders/{order_id}", cancelled, LimitClass.CANCEL),
)
