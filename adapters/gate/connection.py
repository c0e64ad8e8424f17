"""One WebSocket to Gate that keeps itself alive. All of it runs on the socket loop.

It knows how to connect, notice that a connection died, and connect again, perhaps to another host;
what the frames mean is its listener's business.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger
from msgspec import Struct

from adapters.gate.cadence import Cadence, Patience
from adapters.gate.frames import encode_ping
from adapters.gate.hosts import Hosts
from adapters.gate.wire import Wire, WireLost, dial

_OVERSLEPT_S = 0.5


class StreamSettings(Struct, frozen=True, kw_only=True):
    """How streams are kept alive. Times in seconds."""

    silence_floor_s: float = 3.0
    """A connection whose data stops for three times its usual interval is lost, but not sooner."""
    silence_s: float = 15.0
    """A connection without data for so long is lost in any case. A pong is no data."""
    probe_s: float = 1.0
    """After so long without any byte a ping is sent."""
    deaf_s: float = 3.0
    """A connection without any byte for so long is lost, whatever it usually carries."""
    behind_s: float = 1.0
    """A connection that brings more than can be read for so long is lost: nothing old is read."""
    ping_s: float = 15.0
    """How often a ping is sent in any case."""
    acknowledged_s: float = 10.0
    """A subscription must be acknowledged within this, or the connection is lost."""
    refused_again_s: float = 30.0
    """A pair that was refused is tried again after this."""
    connect_s: float = 5.0
    backoff_min_s: float = 0.5
    backoff_max_s: float = 30.0
    stable_s: float = 30.0
    """A connection that lived so long starts the backoff anew."""
    pairs_per_connection: int = 20
    frame_bytes_max: int = 4 * 1024 * 1024
    book_floor_s: float = 3.0
    """A pair's book that stops for three times its usual interval is lost, but not sooner."""
    book_ceiling_s: float = 60.0
    tape_floor_s: float = 60.0
    """The same for its trades, ticker and candles, which are then subscribed again."""
    tape_ceiling_s: float = 600.0

    @property
    def patience(self) -> Patience:
        """With the data of a whole connection."""
        floor_s = min(self.silence_floor_s, self.silence_s)
        return Patience(floor_s=floor_s, ceiling_s=self.silence_s)


class Listener(Protocol):
    """What a connection tells its owner, on the loop."""

    def opened(self) -> None:
        """There is a new connection; nothing is subscribed on it."""
        ...

    def frame(self, data: bytes) -> bool:
        """Handle a frame; return whether it was data, which proves the stream alive."""
        ...

    def looked(self) -> None:
        """A moment has passed: look whether something is overdue."""
        ...

    def lost(self, reason: str) -> None:
        """The connection that was opened is gone."""
        ...


class Connection:
    """Connects, reads, and after every loss connects again with full jitter."""

    def __init__(
        self,
        urls: tuple[str, ...],
        listener: Listener,
        settings: StreamSettings,
        *,
        name: str,
        random: Callable[[], float],
        carries_data: bool = True,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            urls: `ws://` or `wss://`, with Gate's path; the first that works is used.
            listener: Told of everything.
            settings: Times and limits.
            name: For the log.
            random: Uniform in [0, 1): draws the waits.
            carries_data: Whether a silence of data is a loss; answers alone are no data.
        """
        self._hosts = Hosts(urls)
        self._listener = listener
        self._settings = settings
        self._name = name
        self._random = random
        self._wire: Wire | None = None
        self._data = Cadence(settings.patience) if carries_data else None
        self._why = ""
        self.connects = 0
        """How often it was connected since the start."""

    @property
    def url(self) -> str:
        """Where it is connected, or will try next."""
        return self._hosts.current

    async def run(self) -> None:
        """Stay connected until cancelled."""
        failures = 0
        while True:
            began = time.monotonic()
            reason = await self._live()
            is_stable = time.monotonic() - began >= self._settings.stable_s
            failures = 1 if is_stable else failures + 1
            self._hosts.ended(well=is_stable)
            wait_s = self._backoff_s(failures)
            logger.warning("{}: {}; connecting again in {:.1f} s", self._name, reason, wait_s)
            await asyncio.sleep(wait_s)

    def send(self, frame: bytes) -> bool:
        """Send `frame` on the present connection; False where nothing of it has left."""
        return self._wire is not None and self._wire.send(frame)

    @property
    def is_congested(self) -> bool:
        """Whether more is waiting for the network than is good."""
        return self._wire is not None and self._wire.is_congested

    def lose(self, reason: str) -> None:
        """Give the present connection up and connect again."""
        wire = self._wire
        if wire is not None:
            self._gone(reason)
            wire.abort(reason)

    async def _live(self) -> str:
        """Connect and read until the connection is gone; return why it is."""
        self._why = ""
        wire: Wire | None = None
        try:
            wire = await dial(
                self._hosts.current,
                within_s=self._settings.connect_s,
                frame_bytes_max=self._settings.frame_bytes_max,
                receive=self._receive,
                behind_s=self._settings.behind_s,
            )
            await self._serve(wire)
        except WireLost as error:
            self._gone(str(error))
        except Exception as error:  # noqa: BLE001 - the stream must come back whatever happens
            logger.exception("{} failed in an unforeseen way", self._name)
            self._gone(f"{type(error).__name__}: {error}")
        finally:
            if wire is not None:
                wire.abort("closed by us")
        return self._why

    async def _serve(self, wire: Wire) -> None:
        self._wire = wire
        self.connects += 1
        if self._data is not None:
            self._data.begin(time.monotonic())
        watch = asyncio.create_task(self._watch(wire))
        try:
            self._listener.opened()
            self._gone(await asyncio.shield(wire.gone))
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    def _receive(self, data: bytes) -> None:
        if self._wire is None:
            return
        try:
            is_data = self._listener.frame(data)
        except Exception as error:  # noqa: BLE001 - one frame must not end the loop's callback
            logger.exception("{}: a frame could not be handled", self._name)
            self.lose(f"{type(error).__name__}: {error}")
            return
        if is_data and self._data is not None:
            self._data.heard(time.monotonic())

    async def _watch(self, wire: Wire) -> None:
        """Ping at the application's level, and look whether anything still comes."""
        settings, loop = self._settings, asyncio.get_running_loop()
        step_s = min(settings.ping_s, settings.probe_s, settings.silence_s, settings.deaf_s) / 4
        now_s = pinged_s = loop.time()
        while self._wire is wire:
            slept_from_s = now_s
            await asyncio.sleep(step_s)
            now_s = loop.time()
            if now_s - slept_from_s > step_s + _OVERSLEPT_S:
                continue  # We were stopped ourselves: first hear what has come meanwhile.
            quiet_s = now_s - wire.heard_s
            if quiet_s > settings.deaf_s:
                self.lose(f"no sign of life for {quiet_s:.1f} s")
                return
            if self._is_overdue():
                return
            due_s = settings.probe_s if quiet_s > settings.probe_s else settings.ping_s
            if now_s - pinged_s >= due_s:
                pinged_s = now_s
                self.send(encode_ping(int(time.time())))
            self._listener.looked()

    def _is_overdue(self) -> bool:
        data, now_s = self._data, time.monotonic()
        if data is None or not data.overdue(now_s):
            return False
        silent_s, limit_s = data.silent_s(now_s), data.limit_s
        data.struck(now_s)
        self.lose(f"no data for {silent_s:.1f} s, borne for {limit_s:.1f} s")
        return True

    def _gone(self, reason: str) -> None:
        """Keep the first reason, and tell the listener once if it was told of a connection."""
        self._why = self._why or reason
        if self._wire is not None:
            self._wire = None
            self._listener.lost(reason)

    def _backoff_s(self, failures: int) -> float:
        ceiling = self._settings.backoff_min_s * 2.0 ** min(failures - 1, 30)
        return self._random() * min(ceiling, self._settings.backoff_max_s)
