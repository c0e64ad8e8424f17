"""The exchange served inside the test's own loop, and a client that signs by itself."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any
from urllib.parse import unquote_plus

import aiohttp
from aiohttp import web

from adapters.simulated.building import build_venue, open_to_public
from adapters.simulated.faults import FaultOrder, FaultPlan
from adapters.simulated.options import ExchangeOptions
from adapters.simulated.rate_limits import RateLimits
from adapters.simulated.server.application import application
from adapters.simulated.server.exchange import Exchange

DEADLINE_S = 10.0


class Served:
    """A running exchange and one client of it."""

    def __init__(self, exchange: Exchange, port: int, session: aiohttp.ClientSession) -> None:
        self.exchange = exchange
        self.host = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}/ws/v4/"
        self.session = session
        account = next(iter(exchange.venue.ledger.by_key.values()))
        self.key, self.secret = account.key, account.secret

    def sign(self, *parts: str) -> str:
        text = "\n".join(parts)
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha512).hexdigest()

    async def send(
        self,
        method: str,
        path: str,
        query: str = "",
        body: Any = None,
        *,
        signed: bool = False,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, Any]:
        """Return (status, decoded body, headers)."""
        path = "/api/v4" + path
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        told = dict(headers or {})
        if signed:
            timestamp = f"{time.time():.6f}"
            digest = hashlib.sha512(data).hexdigest()
            sign = self.sign(method, path, unquote_plus(query), digest, timestamp)
            told = {"KEY": self.key, "Timestamp": timestamp, "SIGN": sign} | told
        url = self.host + path + ("?" + query if query else "")
        from yarl import URL  # noqa: PLC0415 - only here may a query stay as it was written

        request = self.session.request(
            method, URL(url, encoded=True), data=data or None, headers=told
        )
        async with request as answer:
            return answer.status, await answer.json(), answer.headers

    async def get(self, path: str, query: str = "", **more: Any) -> Any:
        """Return the body of a GET that must succeed."""
        status, body, _ = await self.send("GET", path, query, **more)
        assert status == 200, body
        return body

    async def order(self, expected: int = 201, /, **members: Any) -> Any:
        """Place an order and return its row, or the error if `expected` says so."""
        status, row, _ = await self.send("POST", "/spot/orders", body=members, signed=True)
        assert status == expected, row
        return row

    def auth(self, channel: str, event: str, at_s: int) -> dict[str, str]:
        text = f"channel={channel}&event={event}&time={at_s}"
        sign = hmac.new(self.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        return {"method": "api_key", "KEY": self.key, "SIGN": sign}

    def signed_call(self, channel: str, param: str, at_s: int | None = None) -> dict[str, str]:
        """Return the members that sign a call of the WebSocket API."""
        timestamp = str(int(time.time()) if at_s is None else at_s)
        signature = self.sign("api", channel, param, timestamp)
        return {"api_key": self.key, "timestamp": timestamp, "signature": signature}


class Socket:
    """A client's WebSocket, whose messages are waited for with a deadline."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, served: Served) -> None:
        self.socket = socket
        self._served = served

    async def say(self, channel: str, event: str = "", payload: Any = None, **more: Any) -> None:
        message = {"time": int(time.time()), "channel": channel}
        if event:
            message |= {"event": event, "payload": payload}
        await self.socket.send_json(message | more)

    async def hear(self) -> Any:
        message = await asyncio.wait_for(self.socket.receive(), DEADLINE_S)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def heard(self, channel: str, event: str = "update") -> Any:
        """Return the next message of `channel` and `event`."""
        while True:
            message = await self.hear()
            if message["channel"] == channel and message["event"] == event:
                return message

    async def ask(self, channel: str, param: Any = None, **payload: Any) -> None:
        """Send one call of the WebSocket API; `param` may be JSON text, which is sent as it is."""
        text = param if isinstance(param, str) else json.dumps(param)
        members = {"req_id": "r-1"} | payload
        inner = ",".join(f"{json.dumps(name)}:{json.dumps(each)}" for name, each in members.items())
        if param is not None:
            inner += f',"req_param":{text}'
        head = f'{{"time":{int(time.time())},"channel":"{channel}","event":"api"'
        await self.socket.send_str(f'{head},"payload":{{{inner}}}}}')

    async def answered(self) -> Any:
        """Return the next answer of the WebSocket API that is no acknowledgement."""
        while True:
            message = await self.hear()
            if "header" in message and not message.get("ack"):
                return message

    async def asked(self, channel: str, param: Any = None, **payload: Any) -> Any:
        """Make a call that must succeed, and return its result."""
        await self.ask(channel, param, **payload)
        answer = await self.answered()
        assert answer["header"]["status"] == "200", answer
        return answer["data"]["result"]

    async def login(self, param: Any = None) -> Any:
        """Log in with `param` as the text of `req_param`, and return the answer."""
        await self.ask("spot.login", param, **self._served.signed_call("spot.login", param or ""))
        return await self.answered()

    async def subscribe(self, channel: str, payload: Any = None, *, private: bool = False) -> Any:
        at_s = int(time.time())
        more: dict[str, Any] = {"time": at_s, "id": 7}
        if private:
            more["auth"] = self._served.auth(channel, "subscribe", at_s)
        await self.say(channel, "subscribe", payload, **more)
        return await self.heard(channel, "subscribe")


@contextlib.asynccontextmanager
async def serving(
    *faults: FaultOrder,
    rate_limits: bool = False,
    most_queued: int = 5_000,
    most_connections: int = 300,
    **options: Any,
) -> AsyncIterator[Served]:
    """Serve an exchange with one demo account."""
    wanted = ExchangeOptions(**({"pairs": ("BTC_USDT", "ETH_USDT")} | options))
    venue = build_venue(wanted, time.time_ns())
    open_to_public(venue, time.time_ns())
    limits = RateLimits(enforced=rate_limits)
    exchange = Exchange(
        venue,
        FaultPlan(faults, Random(1)),
        limits,
        most_queued=most_queued,
        most_connections=most_connections,
    )
    runner = web.AppRunner(application(exchange), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ticking = asyncio.create_task(exchange.run())
    try:
        async with aiohttp.ClientSession() as session:
            yield Served(exchange, runner.addresses[0][1], session)
    finally:
        exchange.disconnect_all()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await runner.cleanup()


async def until(condition: Callable[[], Any]) -> None:
    """Let everybody else run until `condition` holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on this very loop
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def connected(served: Served, *, suffix: str = "") -> AsyncIterator[Socket]:
    """Open a WebSocket."""
    async with served.session.ws_connect(served.ws_url + suffix) as socket:
        yield Socket(socket, served)
