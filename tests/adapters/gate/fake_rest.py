"""A stand-in for Gate's REST server: answers what the test says and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.clock import SystemClock
from adapters.gate.rest import GateExchange
from adapters.gate.sdk import Timeouts
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import OffsetOfOthers
from state.config.secret import Secret
from state.messages.venue import Outcome, VenueAnswer, VenueRequest

KEY = "gatehouse-test-key"
SECRET = "gatehouse-test-secret"
CREDENTIALS = Credentials(key=Secret(KEY), secret=Secret(SECRET))
QUICK = Timeouts(connect_s=2.0, read_s=2.0, total_s=2.0)

Answer = Callable[[web.Request], web.StreamResponse | Awaitable[web.StreamResponse]]


class FakeRest:
    """Routes to answers; every request is kept, with its body."""

    def __init__(self) -> None:
        self.asked: list[tuple[web.Request, bytes]] = []
        self.answers: dict[tuple[str, str], Answer] = {}
        self.url = ""
        self._arrived = asyncio.Condition()

    def on(self, method: str, path: str, body: Any, *, status: int = 200, **headers: str) -> None:
        """Answer `path` with a fixed body."""
        self.answers[method, path] = lambda _: web.json_response(
            body, status=status, headers=headers
        )

    def bodies(self) -> list[Any]:
        """What was posted, decoded."""
        return [json.loads(body) for _, body in self.asked if body]

    def requests(self) -> list[web.Request]:
        """What was asked, in order."""
        return [request for request, _ in self.asked]

    async def wait_asked(self, count: int) -> None:
        """Wait until `count` requests have arrived."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.asked) >= count)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        async with self._arrived:
            self.asked.append((request, await request.read()))
            self._arrived.notify_all()
        answer = self.answers.get((request.method, request.path.removeprefix("/api/v4")))
        if answer is None:
            return web.json_response({"label": "NOT_FOUND", "message": request.path}, status=404)
        reply = answer(request)
        return await reply if isinstance(reply, Awaitable) else reply


@asynccontextmanager
async def fake_rest() -> AsyncIterator[FakeRest]:
    """Serve a `FakeRest` on a port of its own."""
    fake = FakeRest()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    server = TestServer(app)
    await server.start_server()
    fake.url = str(server.make_url("/api/v4"))
    try:
        yield fake
    finally:
        await server.close()


def exchange(url: str, **options: Any) -> GateExchange:
    """Return the adapter with short time-outs, talking to `url`."""
    defaults: dict[str, Any] = {
        "rest_url": url,
        "credentials": CREDENTIALS,
        "clock": SystemClock(),
        "skew": OffsetOfOthers(lambda: 0),
        "timeouts": QUICK,
    }
    return GateExchange(**(defaults | options))


async def ask(adapter: GateExchange, request: VenueRequest, *, within_s: float = 10) -> Outcome:
    """Return the outcome of the one answer to `request`."""
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[VenueAnswer] = loop.create_future()

    def deliver(answer: VenueAnswer) -> None:
        loop.call_soon_threadsafe(answered.set_result, answer)

    adapter.request(request, deliver)
    answer = await asyncio.wait_for(answered, within_s)
    assert answer.request is request
    return answer.outcome


async def closed(adapter: GateExchange) -> None:
    """Close the adapter without blocking the loop that serves it."""
    assert await asyncio.to_thread(adapter.close, 5)
