"""The stub on a port: one process, one line of readiness, loopback only."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import TextIO

from aiohttp import web
from msgspec import Struct

from adapters.simulated.advisor.failures import parse_script
from adapters.simulated.advisor.service import KEY, StubAnswer, StubService
from adapters.simulated.server.process import HOST, listen, loop_run, stopped_by_signals
from state.errors import ConfigurationInvalid

EXCHANGE_PATH = "/oauth2/token/exchange"
_BODY_BYTES = 1 << 20
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StubOptions(Struct, frozen=True, kw_only=True):
    """Everything a stub's process is told."""

    port: int = 0
    seed: int = 1
    script: tuple[str, ...] = ("good",)
    key: str = KEY
    token_life_s: float = 3600.0
    public_key: str | None = None
    exit_with_parent: bool = False


def application(service: StubService) -> web.Application:
    """Return the application that serves `service`, with its control endpoint."""
    app = web.Application(client_max_size=_BODY_BYTES, middlewares=[_in_its_words])

    async def chat(request: web.Request) -> web.StreamResponse:
        return await _sent(request, service.chat(_headers(request), await request.read()))

    async def models(request: web.Request) -> web.StreamResponse:
        verbose = request.query.get("verbose", "").lower() == "true"
        return await _sent(request, service.models(_headers(request), verbose=verbose))

    async def exchange(request: web.Request) -> web.StreamResponse:
        return await _sent(request, service.exchange(await request.read()))

    async def control(request: web.Request) -> web.StreamResponse:
        """Change the script, as `{"script": "good,timeout"}`, and tell what was counted."""
        if request.method == "POST":
            try:
                wanted = json.loads(await request.read())
                service.set_script(parse_script(str(wanted["script"])))
            except (ValueError, KeyError, TypeError, ConfigurationInvalid) as error:
                return web.json_response({"detail": str(error)}, status=422)
        return web.json_response({"script": list(service.script), "counts": service.counts})

    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_post(EXCHANGE_PATH, exchange)
    app.router.add_route("GET", "/control", control)
    app.router.add_route("POST", "/control", control)
    return app


def run(options: StubOptions, out: TextIO) -> None:
    """Serve a stub until SIGINT or SIGTERM; its one line of readiness goes to `out`."""
    loop_run()(_serve(options, out))


async def _serve(options: StubOptions, out: TextIO) -> None:
    stop = stopped_by_signals(exit_with_parent=options.exit_with_parent)
    service = StubService(
        seed=options.seed,
        script=options.script,
        now_ns=time.time_ns,
        keys=(options.key,),
        token_life_s=options.token_life_s,
        public_key=options.public_key,
    )
    runner = web.AppRunner(application(service), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await listen(runner, options.port)
        port = runner.addresses[0][1]
        ready = {
            "ready": True,
            "stub": True,
            "base_url": f"http://{HOST}:{port}/v1",
            "exchange_url": f"http://{HOST}:{port}{EXCHANGE_PATH}",
            "control": f"http://{HOST}:{port}/control",
            "key": options.key,
        }
        out.write(json.dumps(ready) + "\n")
        out.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


async def _sent(request: web.Request, answer: StubAnswer) -> web.StreamResponse:
    if answer.hang:
        await asyncio.Event().wait()
    if answer.cut:
        assert request.transport is not None, "a request has a transport while it is served"
        request.transport.abort()
        return web.Response()
    return web.Response(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers=answer.headers,
    )


def _headers(request: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


@web.middleware
async def _in_its_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what is no endpoint as the service does, and label every answer as a stub's."""
    try:
        answer = await handler(request)
    except web.HTTPException as problem:
        answer = web.json_response({"detail": problem.reason}, status=problem.status)
    if not answer.prepared:
        answer.headers["X-Gatehouse-Stub"] = "yes"
    return answer
