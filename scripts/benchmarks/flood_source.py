"""An exchange's market stream that floods: a process of its own, as an exchange is.

Run with the names of pairs. It speaks as much WebSocket as our client asks for, acknowledges every
subscription and then tells of each pair ten changes of its book a second. A line `RATE SECONDS` on
its input has it tell so many of the first pair, with a trade to every fifth, for so long; a line of
its output says when that was over (UTC ns), how many it told and how many bytes of them nobody had
taken by then. Its first line of output is its port.
"""

import asyncio
import base64
import hashlib
import json
import sys
import time
from collections.abc import Callable

from scripts.benchmarks.pushes import MARK, PUSHES, TRADE

_USUAL_S = 0.1
_TICK_S = 0.001
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def _framed(data: bytes) -> bytes:
    """Return a text frame as a server sends it."""
    size = len(data)
    if size < 126:
        return bytes((0x81, size)) + data
    return b"\x81\x7e" + size.to_bytes(2, "big") + data


class _Client(asyncio.Protocol):
    def __init__(self, numbers: dict[str, int], joined: Callable[["_Client"], None]) -> None:
        self._joined = joined
        self._numbers = numbers
        """Of each pair's last change: whoever comes back finds the exchange where it is."""
        self._is_open = False
        self._data = b""
        self._subscribed = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # What nobody takes waits here for ever, as far as the other side can tell.
        transport.set_write_buffer_limits(high=1 << 30)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_open:
            head, end, self._data = self._data.partition(b"\r\n\r\n")
            assert end, "a handshake is one piece here"
            self._is_open = True
            key = next(
                line.split(b":", 1)[1].strip()
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"sec-websocket-key:")
            )
            accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - RFC 6455
            self._write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
        while (asked := self._next_frame()) is not None:
            self._answer(json.loads(asked))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.transport = None

    def tell(self, pair: str, count: int) -> None:
        """Push so many changes of a pair's book."""
        told: list[bytes] = []
        begin = self._numbers[pair]
        name, at_ms = pair.encode(), str(time.time_ns() // 1_000_000).encode()
        for number in range(begin, begin + count):
            first = str(1001 + number).encode()
            push = PUSHES[number % len(PUSHES)]
            told.append(_framed(push.replace(b"@", name).replace(b"#", first).replace(MARK, at_ms)))
            if number % 5 == 0:
                trade = TRADE.replace(b"@", name).replace(b"#", first).replace(MARK, at_ms)
                told.append(_framed(trade))
        self._numbers[pair] += count
        self._write(b"".join(told))

    def _answer(self, asked: dict[str, object]) -> None:
        if asked.get("event") not in ("subscribe", "unsubscribe"):
            return
        told = {name: asked[name] for name in ("time", "id", "channel", "event")}
        self._write(_framed(json.dumps(told | {"result": {"status": "success"}}).encode()))
        self._subscribed += asked["event"] == "subscribe"
        if self._subscribed == 4 * len(self._numbers):
            self._joined(self)

    def _next_frame(self) -> bytes | None:
        data = self._data
        if len(data) < 6:
            return None
        size, at = data[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(data[2:4], "big"), 4
        if len(data) < at + 4 + size:
            return None
        mask, body = data[at : at + 4], data[at + 4 : at + 4 + size]
        self._data = data[at + 4 + size :]
        key = (mask * (size // 4 + 1))[:size]
        return (int.from_bytes(body, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")

    def _write(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)


async def _serve(pairs: tuple[str, ...]) -> None:
    loop, numbers = asyncio.get_running_loop(), dict.fromkeys(pairs, 0)
    clients: list[_Client] = []
    server = await loop.create_server(lambda: _Client(numbers, clients.append), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    orders: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(sys.stdin, lambda: orders.put_nowait(sys.stdin.readline()))
    usually_s = loop.time()
    while True:
        await asyncio.sleep(_TICK_S)
        if loop.time() >= usually_s:
            usually_s += _USUAL_S
            for client in clients[-1:]:
                for pair in pairs:
                    client.tell(pair, 1)
        if orders.empty():
            continue
        order = orders.get_nowait()
        if not order:
            return
        rate, seconds = map(float, order.split())
        told, began_s = 0, loop.time()
        while (passed_s := loop.time() - began_s) < seconds:
            due = int(passed_s * rate) - told
            # Whoever lost us comes back, and hears of what is due from then on.
            clients[-1].tell(pairs[0], due)
            told += due
            if loop.time() >= usually_s:
                usually_s += _USUAL_S
                for pair in pairs[1:]:
                    clients[-1].tell(pair, 1)
            await asyncio.sleep(_TICK_S)
        transport = clients[-1].transport
        left = 0 if transport is None else transport.get_write_buffer_size()
        print(time.time_ns(), told, left, flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(tuple(sys.argv[1:])))
