"""The web application: Gate's REST paths and WebSocket, and the control endpoints."""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from adapters.simulated.core.refusals import refusal
from adapters.simulated.server import control, rest_private, rest_public
from adapters.simulated.server.answering import Cut, Outcome, answered, refused
from adapters.simulated.server.calls import Call, Route, query_of
from adapters.simulated.server.exchange import Exchange
from adapters.simulated.server.signing import SignedRequest, authenticated
from adapters.simulated.server.websocket import serve_socket
from state.errors import VenueRefused

PREFIX = "/api/v4"
SOCKET_PATHS = ("/ws/v4", "/v4/ws/spot", "/ws/v4/ann")
"""Of the live venue, of the testnet, and of announcements; each serves every channel."""
_BODY_BYTES = 1 << 20
_encode = msgspec.json.Encoder().encode

WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(exchange: Exchange) -> web.Application:
    """Return the application that serves `exchange`."""
    app = web.Application(middlewares=[_in_gates_words(exchange)], client_max_size=_BODY_BYTES)
    for route in (*rest_public.ROUTES, *rest_private.ROUTES):
        app.router.add_route(route.method, PREFIX + route.path, _serve(exchange, route))

    async def socket(request: web.Request) -> web.StreamResponse:
        if exchange.stage.closed:
            raise refusal("TOO_BUSY", "Service is under maintenance")
        return await serve_socket(exchange, request)

    for path in SOCKET_PATHS:
        app.router.add_get(path, socket)
        app.router.add_get(path + "/", socket)
    control.add_routes(app, exchange)
    return app


def _serve(exchange: Exchange, route: Route) -> WebHandler:
    subject = f"{route.method} {route.path}"

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await request.read()

        def arrive(now_ns: int) -> Call:
            return _call(exchange, route, request, body, now_ns)

        try:
            return _as_web(await answered(exchange, route, subject, arrive))
        except Cut:
            assert request.transport is not None, "a request has a transport while it is served"
            request.transport.abort()
            return web.Response()

    return serve


def _call(exchange: Exchange, route: Route, request: web.Request, body: bytes, now_ns: int) -> Call:
    path, _, query = request.raw_path.partition("?")
    call = Call(
        venue=exchange.venue,
        now_ns=now_ns,
        query=query_of(query),
        path=request.match_info,
        headers=request.headers,
        body=body,
        client=request.remote or "",
    )
    if route.signed:
        signed = SignedRequest(method=request.method, path=path, query=query, body=body)
        accounts = exchange.venue.ledger.by_key
        call.signer = authenticated(accounts, request.headers, signed, now_ns)
    return call


def _as_web(outcome: Outcome) -> web.Response:
    return web.Response(
        body=_encode(outcome.value),
        status=outcome.status,
        content_type="application/json",
        headers=outcome.limits,
    )


def _refused(problem: VenueRefused) -> web.Response:
    return _as_web(refused(problem))


def _in_gates_words(exchange: Exchange) -> Middleware:
    """Answer every failure as Gate does, a label and a message, and trace every answer."""

    @web.middleware
    async def middleware(request: web.Request, handler: WebHandler) -> web.StreamResponse:
        arrived_ns = exchange.now_ns()
        answer = await _answered(request, handler)
        if not answer.prepared:
            answer.headers["X-Gate-Trace-Id"] = f"{arrived_ns:032x}"
            answer.headers["X-In-Time"] = str(arrived_ns // 1000)
            answer.headers["X-Out-Time"] = str(exchange.now_ns() // 1000)
        return answer

    return middleware


async def _answered(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    try:
        return await handler(request)
    except VenueRefused as problem:
        return _refused(problem)
    except web.HTTPNotFound:
        return _refused(refusal("NOT_FOUND", f"no such endpoint: {request.path}"))
    except web.HTTPMethodNotAllowed:
        text = f"{request.method} is not allowed on {request.path}"
        return _refused(refusal("METHOD_NOT_ALLOWED", text))
    except web.HTTPRequestEntityTooLarge:
        return _refused(refusal("INVALID_REQUEST_BODY", "request body is too large"))
