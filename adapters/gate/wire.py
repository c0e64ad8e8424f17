"""One WebSocket, client's side, over its TCP connection. All of it runs on the socket loop.

What is sent is handed to the transport before `send` returns and goes to the kernel within the same
turn of the loop, and a frame that came is handed on before the next one is looked at: no queue of
ours, no task in between. So whoever checks the halt latch right before `send` knows that nothing
was waited for since, and knows for certain what cannot have left.
"""

import asyncio
import functools
import ssl
from collections.abc import Callable
from math import inf
from typing import cast

import certifi
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from adapters.gate.deframing import Deframer

_BUFFERED_MAX = 256 * 1024
"""Bytes the kernel would not take yet beyond which nothing more is sent."""
_READ_FULL = 240_000
"""A read of so many bytes left more in the kernel: uvloop reads up to 256,000 at once, asyncio a
little more, and what is encrypted is a little longer than what it says."""
_END_OF_HEAD = b"\r\n\r\n"


class WireLost(Exception):
    """The connection could not be made, or is gone; the text says why."""


class Wire(asyncio.Protocol):
    """A connection from its handshake to its end. `dial` makes it."""

    def __init__(
        self,
        url: str,
        frame_bytes_max: int,
        receive: Callable[[bytes], None],
        behind_s: float = inf,
    ) -> None:
        """Prepare the handshake. The arguments are those of `dial`.

        Raises:
            InvalidURI: `url` is none of a WebSocket.
        """
        # No extensions: Gate does not speak permessage-deflate fully.
        self._protocol = ClientProtocol(parse_uri(url), max_size=frame_bytes_max)
        self._receive = receive
        self._deframer = Deframer(frame_bytes_max, receive, self._protocol_takes)
        self._shaking = True
        self._head_end = b""
        """The last bytes of the answer to our handshake, while its end has not come."""
        self._behind_s = behind_s
        self._behind_since_s: float | None = None
        """Since when each read has left more in the kernel; None while we read all that comes."""
        self._reads = 0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._why = ""
        self.opened: asyncio.Future[None] = self._loop.create_future()
        """Done when the handshake is; `WireLost` when it failed."""
        self.gone: asyncio.Future[str] = self._loop.create_future()
        """Done, with the reason, when the connection has ended."""
        self.heard_s = self._loop.time()
        """When its last byte came, by the loop's clock."""

    @property
    def is_open(self) -> bool:
        """Whether a frame may be sent."""
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            and self._protocol.state is State.OPEN
        )

    @property
    def is_congested(self) -> bool:
        """Whether more is waiting for the network than is good."""
        return self._transport is not None and (
            self._transport.get_write_buffer_size() > _BUFFERED_MAX
        )

    def send(self, frame: bytes) -> bool:
        """Send a text frame; False, and nothing of it has left, where that is impossible."""
        if not self.is_open or self.is_congested:
            return False
        self._protocol.send_text(frame)
        self._flush()
        return True

    def abort(self, reason: str) -> None:
        """End the connection at once; nothing more is received."""
        self._why = self._why or reason
        self._deframer.ended = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self.heard_s = self._loop.time()
        self._reads += 1
        if len(data) < _READ_FULL:
            self._behind_since_s = None
        elif self._is_behind(self.heard_s):
            # What lies in the kernel is older still: whoever begins anew begins with the newest.
            self.abort(f"for {self._behind_s:g} s more came than could be read")
            return
        if self._shaking:
            data = self._shake_hands(data)
        if data:
            self._deframer.feed(data)

    def _is_behind(self, now_s: float) -> bool:
        """Note a full read; return whether all were for too long."""
        if self._behind_since_s is None:
            self._behind_since_s = now_s
        # A turn of the loop looks at the kernel after what it was told to call: in the one after
        # that it shows whether something was left there.
        self._loop.call_soon(self._loop.call_soon, self._rest, self._reads)
        return now_s - self._behind_since_s > self._behind_s

    def _rest(self, reads: int) -> None:
        """Hear that a turn has passed since then: without a read nothing was left to read."""
        if reads == self._reads:
            self._behind_since_s = None

    def _shake_hands(self, data: bytes) -> bytes:
        """Take the answer to our handshake and return what came behind it."""
        before = len(self._head_end)
        seen = self._head_end + data
        end = seen.find(_END_OF_HEAD)
        if end < 0:
            self._head_end = seen[1 - len(_END_OF_HEAD) :]
            self._protocol_takes(data)
            return b""
        rest = end + len(_END_OF_HEAD) - before
        self._shaking = not self._protocol_takes(data[:rest])
        if not self._shaking:
            return data[rest:]
        if data[rest:]:
            self._protocol_takes(data[rest:])  # Why it says no.
        return b""

    def _protocol_takes(self, data: bytes) -> bool:
        """Have the protocol read something, and return whether it goes on from there."""
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        self._flush()
        for event in events:
            if self._why:
                return False
            if isinstance(event, Frame):
                self._take(event)
            elif isinstance(event, Response):
                self._greet()
        if self._protocol.close_expected():
            self.abort(self._ending())
        return self._protocol.state is State.OPEN

    def eof_received(self) -> None:
        """See `asyncio.Protocol`: the transport closes by itself."""
        self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        why = self._why or (f"{type(exc).__name__}: {exc}" if exc is not None else self._ending())
        self._why = why
        if not self.opened.done():
            self.opened.set_exception(WireLost(why))
            # Whoever dials may have given up already.
            self.opened.exception()
        self.gone.set_result(why)

    def _greet(self) -> None:
        if self.opened.done():
            return
        refused = self._protocol.handshake_exc
        if refused is None:
            self.opened.set_result(None)
        else:
            self.abort(f"{type(refused).__name__}: {refused}")

    def _take(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return
        if frame.fin and not self._parts:
            self._receive(bytes(frame.data))
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole, self._parts = b"".join(self._parts), []
            self._receive(whole)

    def _flush(self) -> None:
        assert self._transport is not None, "only a connection has something to send"
        for data in self._protocol.data_to_send():
            # An empty piece asks for the end of our side; what follows closes the whole.
            if data:
                self._transport.write(data)

    def _ending(self) -> str:
        failed = self._protocol.parser_exc
        if failed is not None:
            return f"{type(failed).__name__}: {failed}"
        if self._protocol.close_rcvd is not None:
            return f"closed by the exchange: {self._protocol.close_rcvd}"
        return "the connection ended"


async def dial(
    url: str,
    *,
    within_s: float,
    frame_bytes_max: int,
    receive: Callable[[bytes], None],
    behind_s: float = inf,
) -> Wire:
    """Connect and shake hands.

    Args:
        url: `ws://` or `wss://`, with a path.
        within_s: For all of it.
        frame_bytes_max: A longer frame costs the connection.
        receive: Is handed every data frame, on the loop.
        behind_s: A connection that brings more than is read for so long is given up: its frames
            are older than that.

    Raises:
        WireLost: No connection came about.
    """
    loop = asyncio.get_running_loop()
    wire: Wire | None = None
    try:
        uri = parse_uri(url)
        async with asyncio.timeout(within_s):
            _, wire = await loop.create_connection(
                lambda: Wire(url, frame_bytes_max, receive, behind_s),
                uri.host,
                uri.port,
                ssl=_certificates() if uri.secure else None,
            )
            await asyncio.shield(wire.opened)
    except (OSError, TimeoutError, InvalidURI) as error:
        why = f"{type(error).__name__}: {error}" if str(error) else f"no answer in {within_s:g} s"
        if wire is not None:
            wire.abort(why)
        raise WireLost(why) from None
    except BaseException:
        if wire is not None:
            wire.abort("given up")
        raise
    return wire


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Trust what the REST client trusts too: a bare system may have no certificates at all."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
