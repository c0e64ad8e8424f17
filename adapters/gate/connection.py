"""One WebSocket to Gate that keeps itself alive. All of it runs on the socket loop.

It knows how to connect, notice that a connection died, and connect again; what the frames mean
is its listener's business.
"""

import asyncio
import contextlib
import functools
import ssl
import time
from collections.abc import Callable
from typing import Protocol

import certifi
from loguru import logger
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from adapters.gate.frames import encode_ping

_OUTBOX_MAX = 1000
_CLOSE_S = 1.0


class StreamSettings(Struct, frozen=True, kw_only=True):
    """How streams are kept alive. Times in seconds."""

    silence_s: float = 15.0
    """A connection without data for so long is lost. A pong is no data."""
    acknowledged_s: float = 10.0
    """A subscription must be acknowledged within this, or the connection is lost."""
    refused_again_s: float = 30.0
    """A pair that was refused is tried again after this."""
    connect_s: float = 10.0
    ping_s: float = 15.0
    backoff_min_s: float = 0.5
    backoff_max_s: float = 30.0
    stable_s: float = 30.0
    """A connection that lived so long starts the backoff anew."""
    pairs_per_connection: int = 20
    frame_bytes_max: int = 4 * 1024 * 1024
    frames_queued_max: int = 256
    """Beyond this the socket is read no further until the frames have been handled."""


class Listener(Protocol):
    """What a connection tells its owner, on the loop."""

    def opened(self) -> None:
        """There is a new connection; nothing is subscribed on it."""
        ...

    def frame(self, data: bytes) -> bool:
        """Handle a frame; return whether it was data, which proves the stream alive."""
        ...

    def lost(self, reason: str) -> None:
        """The connection that was opened is gone."""
        ...


class Connection:
    """Connects, reads, and after every loss connects again with full jitter."""

    def __init__(
        self,
        url: str,
        listener: Listener,
        settings: StreamSettings,
        *,
        name: str,
        random: Callable[[], float],
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            url: `ws://` or `wss://`, with Gate's path.
            listener: Told of everything.
            settings: Times and limits.
            name: For the log.
            random: Uniform in [0, 1): draws the waits.
        """
        self._url = url
        self._listener = listener
        self._settings = settings
        self._name = name
        self._random = random
        self._socket: ClientConnection | None = None
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(_OUTBOX_MAX)
        self._data_at = 0.0
        self._why = ""
        self.connects = 0
        """How often it was connected since the start."""

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            reason = await self._live()
            lived_s = time.monotonic() - began
            failures = 1 if lived_s >= self._settings.stable_s else failures + 1
            wait_s = self._backoff_s(failures)
            logger.warning("{}: {}; connecting again in {:.1f} s", self._name, reason, wait_s)
            await asyncio.sleep(wait_s)

    def send(self, frame: bytes) -> None:
        """Send `frame` on the present connection; dropped when there is none."""
        if self._socket is None:
            return
        try:
            self._outbox.put_nowait(frame)
        except asyncio.QueueFull:
            self.lose("the exchange takes no more requests")

    def lose(self, reason: str) -> None:
        """Give the present connection up and connect again."""
        socket = self._socket
        if socket is not None:
            self._gone(reason)
            socket.transport.abort()

    async def _live(self) -> str:
        """Connect and read until the connection is gone; return why it is."""
        self._outbox, self._why = asyncio.Queue(_OUTBOX_MAX), ""
        socket: ClientConnection | None = None
        try:
            async with self._connect() as socket:
                await self._serve(socket)
        except (OSError, WebSocketException, TimeoutError) as error:
            self._gone(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - the stream must come back whatever happens
            logger.exception("{} failed in an unforeseen way", self._name)
            self._gone(f"{type(error).__name__}: {error}")
        finally:
            if socket is not None:
                # A cancellation in the middle of the good-byes leaves it open.
                socket.transport.abort()
        return self._why

    async def _serve(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._data_at = time.monotonic()
        self.connects += 1
        helpers = [
            asyncio.create_task(self._write(socket)),
            asyncio.create_task(self._watch()),
        ]
        try:
            self._listener.opened()
            await self._read(socket)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    def _connect(self) -> connect:
        settings = self._settings
        return connect(
            self._url,
            # Gate does not speak permessage-deflate fully: do not offer it.
            compression=None,
            proxy=None,
            ssl=_certificates() if self._url.startswith("wss:") else None,
            open_timeout=settings.connect_s,
            close_timeout=_CLOSE_S,
            ping_interval=settings.ping_s,
            ping_timeout=settings.ping_s,
            max_size=settings.frame_bytes_max,
            max_queue=settings.frames_queued_max,
        )

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            data = await socket.recv(decode=False)
            if self._socket is not socket:
                return
            if self._listener.frame(data):
                self._data_at = time.monotonic()

    async def _write(self, socket: ClientConnection) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            while True:
                await socket.send(await self._outbox.get(), text=True)

    async def _watch(self) -> None:
        """Ping at the application's level, and look whether data still comes."""
        settings = self._settings
        step_s = min(settings.ping_s, settings.silence_s / 4)
        pinged = time.monotonic()
        while True:
            await asyncio.sleep(step_s)
            now = time.monotonic()
            if now - self._data_at > settings.silence_s:
                self.lose(f"no data for {now - self._data_at:.1f} s")
                return
            if now - pinged >= settings.ping_s:
                pinged = now
                self.send(encode_ping(int(time.time())))

    def _gone(self, reason: str) -> None:
        """Keep the first reason, and tell the listener once if it was told of a connection."""
        self._why = self._why or reason
        if self._socket is not None:
            self._socket = None
            self._listener.lost(reason)

    def _backoff_s(self, failures: int) -> float:
        ceiling = self._settings.backoff_min_s * 2.0 ** min(failures - 1, 30)
        return self._random() * min(ceiling, self._settings.backoff_max_s)


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Trust what the REST client trusts too: a bare system may have no certificates at all."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
