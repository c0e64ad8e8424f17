"""A line to the exchange that is as long as wanted, and says when orders and cancels pass it.

A process of its own, so that its clock is not held up by what is measured: run with the port of
the exchange and the delay of each direction in ms. Its first line of output is its port; then a
line for each call that passes towards the exchange: `place` or `cancel`, and the monotonic ns.
"""

import asyncio
import sys
import time
from collections import deque

_MARKS = ((b"spot.order_place", "place"), (b"spot.order_cancel", "cancel"))
_REST = ((b"POST /api/v4/spot/orders", "place"), (b"DELETE /api/v4/spot/orders", "cancel"))


class _Side(asyncio.Protocol):
    """One end of a connection: what it says goes to the other end, later."""

    def __init__(self, delay_s: float, watch: bool) -> None:  # noqa: FBT001
        self.other: _Side | None = None
        self.transport: asyncio.Transport | None = None
        self._delay_s = delay_s
        self._watch = watch
        self._frames = b""
        self._is_socket = False
        self._waiting: deque[bytes | None] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._watch:
            self._look(data)
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        self._waiting.append(data)
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._pass)
        else:
            self._pass()

    def _pass(self) -> None:
        data = self._waiting.popleft()
        if self.other is None or self.other.transport is None:
            return
        if data is None:
            self.other.transport.close()
        else:
            self.other.transport.write(data)

    def _look(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        if not self._is_socket:
            for mark, name in _REST:
                if mark in data:
                    print(name, now_ns, flush=True)
            self._is_socket = b"upgrade: websocket" in data.lower()
            return
        self._frames += data
        while (frame := self._next_frame()) is not None:
            for mark, name in _MARKS:
                if mark in frame:
                    print(name, now_ns, flush=True)

    def _next_frame(self) -> bytes | None:
        """Take a whole masked frame off the front and return its payload."""
        frames = self._frames
        if len(frames) < 6:
            return None
        size, at = frames[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(frames[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(frames[2:10], "big"), 10
        if len(frames) < at + 4 + size:
            return None
        mask, body = frames[at : at + 4], frames[at + 4 : at + 4 + size]
        self._frames = frames[at + 4 + size :]
        key = (mask * (size // 4 + 1))[:size]
        return (int.from_bytes(body, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


async def _serve(port: int, delay_s: float) -> None:
    loop = asyncio.get_running_loop()

    class Client(_Side):
        def __init__(self) -> None:
            super().__init__(delay_s, watch=True)

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._early: list[bytes] = []
            self._task = loop.create_task(self._connect())

        def data_received(self, data: bytes) -> None:
            if self.other is None:
                self._early.append(data)
            else:
                super().data_received(data)

        async def _connect(self) -> None:
            _, server = await loop.create_connection(
                lambda: _Side(delay_s, watch=False), "127.0.0.1", port
            )
            server.other, self.other = self, server
            early, self._early = self._early, []
            for data in early:
                super().data_received(data)

    server = await loop.create_server(Client, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
