"""The web application: routes, faults, limits and signatures around the plain handlers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from adapters.simulated.core.refusals import refusal
from adapters.simulated.faults import FaultName, FaultOrder, Site
from adapters.simulated.rate_limits import LimitClass, RateLimited
from adapters.simulated.server import control, rest_private, rest_public
from adapters.simulated.server.calls import Call, Route, query_of
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.signing import SignedRequest, authenticated
from adapters.simulated.server.websocket import serve_socket
from state.errors import VenueRefused

PREFIX = "/api/v4"
_BODY_BYTES = 1 << 20
_encode = msgspec.json.Encoder().encode

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Cut(Exception):
    """No answer shall leave."""


def application(exchange: Exchange) -> web.Application:
    """Return the application that serves `exchange`."""
    app = web.Application(middlewares=[_in_gates_words], client_max_size=_BODY_BYTES)
    for route in (*rest_public.ROUTES, *rest_private.ROUTES):
        app.router.add_route(route.method, PREFIX + route.path, _serve(exchange, route))

    async def socket(request: web.Request) -> web.StreamResponse:
        return await serve_socket(exchange, request)

    app.router.add_get("/ws/v4/", socket)
    app.router.add_get("/ws/v4", socket)
    control.add_routes(app, exchange)
    return app


def _serve(exchange: Exchange, route: Route) -> WebHandler:
    subject = f"{route.method} {route.path}"

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fault = exchange.faults.strike(Site.REQUEST, subject)
        try:
            await _before(fault)
            answer = await _handled(exchange, route, request, body)
            return await _after(fault, answer)
        except _Cut:
            assert request.transport is not None, "a request has a transport while it is served"
            request.transport.abort()
            return web.Response()

    return serve


async def _before(fault: FaultOrder | None) -> None:
    """Misbehave before the request is handled."""
    if fault is None:
        return
    delay_s = fault.delay_ns / 1e9
    match fault.fault:
        case FaultName.REQUEST_LOST:
            await asyncio.sleep(delay_s)
            raise _Cut
        case FaultName.REQUEST_LATE:
            # Whoever called may be gone by then; what was sent still arrives.
            await asyncio.sleep(delay_s)
        case FaultName.SERVER_ERROR:
            raise refusal("SERVER_ERROR", "Internal server error")
        case FaultName.RATE_LIMITED:
            raise refusal("TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")
        case _:
            pass


async def _after(fault: FaultOrder | None, answer: web.Response) -> web.Response:
    """Misbehave after the request was handled."""
    if fault is None:
        return answer
    match fault.fault:
        case FaultName.ANSWER_LOST:
            await asyncio.sleep(fault.delay_ns / 1e9)
            raise _Cut
        case FaultName.ANSWER_LATE:
            await asyncio.sleep(fault.delay_ns / 1e9)
        case FaultName.SERVER_ERROR_ACCEPTED:
            raise refusal("SERVER_ERROR", "Internal server error")
        case _:
            pass
    return answer


async def _handled(
    exchange: Exchange, route: Route, request: web.Request, body: bytes
) -> web.Response:
    now_ns = exchange.now_ns()
    path, _, query = request.raw_path.partition("?")
    call = Call(
        venue=exchange.venue,
        now_ns=now_ns,
        query=query_of(query),
        path=request.match_info,
        headers=request.headers,
        body=body,
    )
    who = request.remote or ""
    if route.signed:
        signed = SignedRequest(method=request.method, path=path, query=query, body=body)
        accounts = exchange.venue.ledger.by_key
        call.signer = authenticated(accounts, request.headers, signed, now_ns)
        who = call.signer.name
    limit_headers = exchange.limits.count(route.limit, _limited_by(route, call, who), now_ns)
    try:
        value = route.handler(call)
    except VenueRefused as refused:
        return _refused(refused, limit_headers)
    if route.signed:
        await exchange.turn_over()
    return _answer(value, route.status, limit_headers)


def _limited_by(route: Route, call: Call, who: str) -> str:
    """Return what the route's limit is counted for."""
    match route.limit:
        case LimitClass.PLACE:
            return f"{who} {_pair_of(call.body)}"
        case LimitClass.CANCEL:
            return who
        case LimitClass.PUBLIC | LimitClass.PRIVATE:
            return f"{who} {route.method} {route.path}"


class _Market(msgspec.Struct):
    currency_pair: str = ""


def _pair_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Market).currency_pair
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _answer(value: Any, status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(
        body=_encode(value), status=status, content_type="application/json", headers=headers
    )


def _refused(refused: VenueRefused, headers: dict[str, str]) -> web.Response:
    body = {"label": refused.label, "message": refused.message}
    return _answer(body, refused.status, headers)


@web.middleware
async def _in_gates_words(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    """Answer every failure as Gate does, a label and a message, and trace every answer."""
    arrived_ns = time.time_ns()
    answer = await _answered(request, handler)
    if not answer.prepared:
        answer.headers["X-Gate-Trace-Id"] = f"{arrived_ns:032x}"
        answer.headers["X-In-Time"] = str(arrived_ns // 1000)
        answer.headers["X-Out-Time"] = str(time.time_ns() // 1000)
    return answer


async def _answered(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    try:
        return await handler(request)
    except VenueRefused as refused:
        return _refused(refused, {})
    except RateLimited as limited:
        return _refused(limited.refusal, limited.headers)
    except web.HTTPNotFound:
        return _refused(refusal("NOT_FOUND", f"no such endpoint: {request.path}"), {})
    except web.HTTPMethodNotAllowed:
        text = f"{request.method} is not allowed on {request.path}"
        return _refused(refusal("METHOD_NOT_ALLOWED", text), {})
    except web.HTTPRequestEntityTooLarge:
        return _refused(refusal("INVALID_REQUEST_BODY", "request body is too large"), {})
