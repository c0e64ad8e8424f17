"""A stand-in for Gate's WebSocket server, and somebody to deliver to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

WITHIN_S = 10


class FakeStreams:
    """Acknowledges what it is told to, pushes what the test says, remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.connections: list[ServerConnection] = []
        self.asked: list[dict[str, Any]] = []
        self.refuse: Callable[[dict[str, Any]], str | None] = lambda _: None
        """Gives the error with which a request is refused, or None."""
        self.echo_ids = True
        self.mute = False
        """Answers nothing at all."""
        self.api: Callable[[dict[str, Any]], list[dict[str, Any]]] = well_done
        """Gives the frames that answer a call of the WebSocket API."""
        self._changed = asyncio.Condition()

    async def serve(self, connection: ServerConnection) -> None:
        """Serve one connection until it ends."""
        async with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        async for data in connection:
            request = json.loads(data)
            async with self._changed:
                self.asked.append(request)
                self._changed.notify_all()
            if not self.mute:
                await self.answer(connection, request)

    async def push(self, channel: str, result: Any, **members: Any) -> None:
        """Push data on the newest connection."""
        frame = {"time": 1700000000, "channel": channel, "event": "update", "result": result}
        await self.send(json.dumps(frame | members))

    async def send(self, data: str | bytes) -> None:
        """Send a frame on the newest connection."""
        await self.connections[-1].send(data)

    async def wait_connections(self, count: int) -> None:
        """Wait until `count` connections were made."""
        await self._wait(lambda: len(self.connections) >= count)

    async def wait_asked(self, wanted: Callable[[dict[str, Any]], bool], count: int = 1) -> None:
        """Wait until `count` requests like that have come."""
        await self._wait(lambda: sum(map(wanted, self.asked)) >= count)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S), self._changed:
            await self._changed.wait_for(condition)

    async def answer(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        """Acknowledge or refuse `request`."""
        if request["channel"] == "spot.ping":
            await connection.send('{"time":1,"channel":"spot.pong","event":"","error":null}')
            return
        if request["event"] == "api":
            for frame in self.api(request):
                await connection.send(json.dumps(frame))
            return
        error = self.refuse(request)
        ack = {
            "time": request["time"],
            "channel": request["channel"],
            "event": request["event"],
            "error": None if error is None else {"code": 2, "message": error},
            # As in real life: what `result` says is not to be believed.
            "result": {"status": "success"},
        }
        if self.echo_ids:
            ack["id"] = request["id"]
        await connection.send(json.dumps(ack))


def answered(request: dict[str, Any], result: Any = None, **header: Any) -> dict[str, Any]:
    """Return an answer of the WebSocket API; a `label` in `header` makes it an error."""
    label = header.pop("label", None)
    data = {"result": result} if label is None else {"errs": {"label": label, "message": "m"}}
    told = {"status": "200", "channel": request["channel"], "event": "api"} | header
    return {"request_id": request["payload"]["req_id"], "header": told, "data": data}


def well_done(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Answer any call as Gate does when all is well; every order has the id 7."""
    if request["channel"] == "spot.login":
        return [answered(request, {"api_key": "k", "uid": "1"})]
    asked = request["payload"]["req_param"]
    order = {
        "id": "7",
        "text": asked.get("text", "t-gh-1"),
        "currency_pair": asked["currency_pair"],
        "side": "buy",
        "amount": asked.get("amount", "1"),
        "price": asked.get("price", "1"),
        "left": asked.get("amount", "1"),
        "status": "open",
        "update_time_ms": 1_700_000_000_000,
    }
    acknowledged = answered(request, request["payload"]) | {"ack": True}
    final = answered(request, order)
    return [acknowledged, final] if request["channel"] == "spot.order_place" else [final]


@asynccontextmanager
async def fake_streams(port: int = 0) -> AsyncIterator[FakeStreams]:
    """Serve a `FakeStreams` on `port`, or on one of its own."""
    fake = FakeStreams()
    async with serve(fake.serve, "127.0.0.1", port, close_timeout=0.2) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        fake.url = f"ws://127.0.0.1:{port}/ws/v4/"
        yield fake


class Inbox:
    """Takes deliveries from the adapter's thread and gives them out in the test's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()

    def __call__(self, message: Any) -> None:
        self._loop.call_soon_threadsafe(self._messages.put_nowait, message)

    async def next(self) -> Any:
        """Return the next message, whatever it is."""
        return await asyncio.wait_for(self._messages.get(), WITHIN_S)

    async def empty(self) -> bool:
        """Return whether nothing has come so far."""
        await asyncio.sleep(0)
        return self._messages.empty()
