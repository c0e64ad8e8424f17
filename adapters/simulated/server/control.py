"""Control endpoints that the real venue does not have: faults, scenarios, accounts, invariants.

They live under /control, outside Gate's paths, for tests and people; nothing here is signed, so the
exchange listens on loopback only.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from adapters.simulated.core.invariants import broken_invariants, checksum
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.refusals import invalid_parameter, refusal
from adapters.simulated.core.units import SCALE, scaled, text_of
from adapters.simulated.core.venue import Venue
from adapters.simulated.faults import CATALOGUE, FaultOrder
from adapters.simulated.scenarios import SCENARIOS, ScenarioOrder
from adapters.simulated.server.calls import decoded
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.pushes import ANNOUNCEMENTS
from adapters.simulated.server.rows import Row, order_row, price_order_row, user_trade_row
from state.errors import ConfigurationInvalid
from state.values import Currency

_encode = msgspec.json.Encoder().encode


def add_routes(app: web.Application, exchange: Exchange) -> None:
    """Add the control endpoints to `app`."""

    def get(path: str, told: Callable[[web.Request], Any]) -> None:
        app.router.add_get(path, _as_json(told))

    async def set_faults(request: web.Request) -> web.StreamResponse:
        exchange.faults.replace(decoded(await request.read(), list[FaultOrder]))
        return _json(_faults(exchange))

    async def set_scenarios(request: web.Request) -> web.StreamResponse:
        orders = decoded(await request.read(), list[ScenarioOrder])
        try:
            exchange.stage.replace(orders, exchange.now_ns())
        except ConfigurationInvalid as problem:
            raise refusal("INVALID_PARAM_VALUE", str(problem)) from None
        return _json(exchange.stage.rows())

    async def disconnect(_request: web.Request) -> web.StreamResponse:
        return _json({"disconnected": exchange.disconnect_all()})

    async def upgrade(request: web.Request) -> web.StreamResponse:
        wanted = decoded(await request.read() or b"{}", Upgrade)
        exchange.finish(exchange.upgrade(wanted.after_ms / 1000))
        return _json({"warned": exchange.connections})

    async def announce(request: web.Request) -> web.StreamResponse:
        wanted = decoded(await request.read(), Announcement)
        if wanted.subject not in ANNOUNCEMENTS:
            raise invalid_parameter("subject", wanted.subject)
        exchange.venue.announce(wanted.subject, wanted.title, wanted.brief, exchange.now_ns())
        return _json({"announced": wanted.title})

    async def fund(request: web.Request) -> web.StreamResponse:
        wanted = decoded(await request.read(), Funds)
        account = _account_named(exchange.venue, wanted.account)
        atoms = scaled(wanted.change, SCALE)
        if not atoms:
            raise invalid_parameter("change", str(wanted.change))
        exchange.venue.ledger.fund(
            account, Currency(wanted.currency), atoms, exchange.now_ns(), wanted.type
        )
        await exchange.turn_over()
        return _json({"account": wanted.account, "currency": wanted.currency})

    async def set_limits(request: web.Request) -> web.StreamResponse:
        wanted = decoded(await request.read(), LimitChange)
        account = _account_named(exchange.venue, wanted.account)
        slowed = exchange.limits.low_fill_ratio
        slowed.add(account.name) if wanted.low_fill_ratio else slowed.discard(account.name)
        return _json({"low_fill_ratio": sorted(slowed)})

    get("/control/faults", lambda _request: _faults(exchange))
    app.router.add_post("/control/faults", set_faults)
    get("/control/faults/catalogue", lambda _request: CATALOGUE)
    get("/control/scenarios", lambda _request: exchange.stage.rows())
    app.router.add_post("/control/scenarios", set_scenarios)
    get("/control/scenarios/catalogue", lambda _request: SCENARIOS)
    get("/control/accounts", lambda _request: _account_names(exchange.venue))
    get("/control/accounts/{name}", lambda request: _account(exchange.venue, request))
    get("/control/invariants", lambda _request: _invariants(exchange.venue))
    get("/control/status", lambda _request: _status(exchange))
    app.router.add_post("/control/disconnect", disconnect)
    app.router.add_post("/control/upgrade", upgrade)
    app.router.add_post("/control/announce", announce)
    app.router.add_post("/control/limits", set_limits)
    app.router.add_post("/control/funds", fund)


class Upgrade(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /control/upgrade."""

    after_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 1000


class LimitChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /control/limits."""

    account: str
    low_fill_ratio: bool
    """Whether it may place 10 orders in 10 s instead of 10 a second."""


class Funds(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /control/funds: a deposit, or a withdrawal where it is negative."""

    account: str
    currency: str
    change: Decimal
    type: str = ""
    """The account book's word for it: deposit or withdraw when empty."""


class Announcement(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /control/announce."""

    subject: str
    title: str
    brief: str = ""


def _json(value: Any) -> web.Response:
    return web.Response(body=_encode(value), content_type="application/json")


def _as_json(
    told: Callable[[web.Request], Any],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        return _json(told(request))

    return answer


def _faults(exchange: Exchange) -> list[Row]:
    return [
        {**msgspec.to_builtins(armed.order), "seen": armed.seen, "struck": armed.struck}
        for armed in exchange.faults.armed
    ]


def _account_names(venue: Venue) -> list[str]:
    return [account.name for account in venue.ledger.accounts.values() if not account.internal]


def _account_named(venue: Venue, name: str) -> Account:
    account = venue.ledger.accounts.get(name)
    if account is None or account.internal:
        raise refusal("NOT_FOUND", f"no account named {name}")
    return account


def _account(venue: Venue, request: web.Request) -> Row:
    """Return every balance, order, price order and fill of an account, oldest first."""
    name = request.match_info["name"]
    account = _account_named(venue, name)
    orders = [*venue.index.finished_since(name, 0), *venue.index.open_orders(name)]
    orders.sort(key=lambda order: order.id)
    armed = [*venue.triggers.ended(name), *venue.triggers.of(name)]
    armed.sort(key=lambda order: order.id)
    spelled = venue.switches.price_order_cancelled
    trades = list(venue.index.trades_since(name, None, 0))[::-1]
    return {
        "name": name,
        "key": account.key,
        "user_id": account.user_id,
        "balances": _balances(account),
        "orders": [order_row(order, venue.pairs[order.pair].rules) for order in orders],
        "price_orders": [price_order_row(each, account.user_id, spelled) for each in armed],
        "trades": [user_trade_row(trade, venue.pairs[trade.pair].units) for trade in trades],
    }


def _balances(account: Account) -> dict[str, Row]:
    return {
        currency: {
            "available": text_of(balance.available),
            "locked": text_of(balance.locked),
            "total": text_of(balance.total),
        }
        for currency, balance in account.balances.items()
    }


def _invariants(venue: Venue) -> Row:
    broken = broken_invariants(venue)
    return {"ok": not broken, "broken": broken, "checksum": checksum(venue)}


def _status(exchange: Exchange) -> Row:
    return {
        "pairs": list(exchange.venue.pairs),
        "connections": exchange.connections,
        "connected": exchange.connected,
        "subscriptions": exchange.hub.subscriptions,
        "open_orders": sum(1 for _ in exchange.venue.index.every_open()),
        "cut_for_slowness": exchange.cut_for_slowness,
    }
