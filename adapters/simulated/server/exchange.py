"""The venue on a running loop: turns, clock, journal and telling, in one place.

A turn is all that one pass of the event loop did to the venue. At its end what happened is written
down first and told afterwards, pushes and answers alike: nobody hears of an order that a crash
could take back.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Protocol

from aiohttp import WSCloseCode, web

from adapters.simulated.book_memory import BookMemory
from adapters.simulated.core.events import Event
from adapters.simulated.core.refusals import refusal
from adapters.simulated.core.venue import Venue
from adapters.simulated.faults import FaultName, FaultPlan
from adapters.simulated.rate_limits import RateLimits
from adapters.simulated.server.connection import MOST_QUEUED, Connection
from adapters.simulated.server.hub import Hub
from adapters.simulated.server.pushes import upgrade
from adapters.simulated.stage import Stage

_TICK_S = 0.01
_MOST_CONNECTIONS = 300


class Journal(Protocol):
    """Where the venue outlives its process."""

    def commit(self, events: Iterable[Event]) -> None:
        """Make `events` and what they changed durable."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Exchange:
    """One venue being served.

    Args:
        venue: What is served.
        faults: How it misbehaves.
        limits: How often clients may call.
        journal: None for a venue that lives in memory only.
        most_queued: Messages a WebSocket client may be behind.
        most_connections: Sockets that one address may have open.
    """

    def __init__(
        self,
        venue: Venue,
        faults: FaultPlan,
        limits: RateLimits,
        journal: Journal | None = None,
        *,
        most_queued: int = MOST_QUEUED,
        most_connections: int = _MOST_CONNECTIONS,
    ) -> None:
        self.venue = venue
        self.faults = faults
        self.limits = limits
        self.hub = Hub(venue)
        self.memory = BookMemory(venue)
        self.stage = Stage(venue)
        self.cut_for_slowness = 0
        self._connections: dict[Connection, None] = {}
        self.connected = 0
        """How many sockets were ever opened."""
        self._journal = journal
        self._most_queued = most_queued
        self._most_connections = most_connections
        self._failure: Exception | None = None
        self._turn: asyncio.Future[None] | None = None
        self._unfinished: set[asyncio.Task[None]] = set()

    def now_ns(self) -> int:
        """Return the venue's time."""
        return time.time_ns() + self.stage.ahead_ns

    @property
    def connections(self) -> int:
        """How many sockets are open."""
        return len(self._connections)

    def check_room(self, client: str) -> None:
        """Refuse another socket of the address `client` if it has as many as it may.

        Raises:
            VenueRefused: `TOO_MANY_REQUESTS`.
        """
        if sum(each.client == client for each in self._connections) >= self._most_connections:
            text = f"too many connections of one address: at most {self._most_connections}"
            raise refusal("TOO_MANY_REQUESTS", text)

    def admit(self, socket: web.WebSocketResponse, client: str) -> Connection:
        """Return the new connection of `client` over `socket`."""
        self.connected += 1
        connection = Connection(
            socket, self.connected, client, self.faults, self.now_ns, self._most_queued
        )
        self._connections[connection] = None
        return connection

    def dismiss(self, connection: Connection) -> None:
        """Forget a connection that ended."""
        self.cut_for_slowness += connection.overflowed
        self.hub.drop(connection)
        self._connections.pop(connection, None)

    def disconnect_all(self) -> int:
        """Cut every socket; return how many."""
        for connection in self._connections:
            connection.cut()
        return len(self._connections)

    async def upgrade(self, after_s: float) -> None:
        """Give every socket notice that it will be closed, and close it after `after_s`."""
        warned = tuple(self._connections)
        for connection in warned:
            connection.reply(upgrade(self.now_ns()))
        await asyncio.sleep(after_s)
        closing = (each.socket.close(code=WSCloseCode.GOING_AWAY) for each in warned)
        await asyncio.gather(*closing, return_exceptions=True)

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` beside everything else, even if whoever asked for it leaves."""
        task = asyncio.get_running_loop().create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)

    def turn_over(self) -> asyncio.Future[None]:
        """Return what is done when everything up to now is durable and told."""
        if self._turn is None:
            loop = asyncio.get_running_loop()
            self._turn = loop.create_future()
            loop.call_soon(self._end_turn)
        return self._turn

    def _end_turn(self) -> None:
        over, self._turn = self._turn, None
        assert over is not None, "only turn_over schedules the end of a turn"
        try:
            self._keep_and_tell()
        except Exception as problem:  # noqa: BLE001 - kept for `run`, which raises it
            # What is not on disk must not be heard of: `run` ends the process.
            self._failure = problem
            over.set_exception(problem)
            return
        if not over.done():
            over.set_result(None)

    def _keep_and_tell(self) -> None:
        events = self.venue.drain()
        if self._journal is not None:
            self._journal.commit(events)
        self.hub.tell(events, self.now_ns())

    async def run(self) -> None:
        """Let the venue's time pass until cancelled.

        Raises:
            Exception: Whatever kept a turn from being written down.
        """
        while self._failure is None:
            now_ns = self.now_ns()
            self.venue.advance(now_ns)
            if self.faults.wants(FaultName.BOOK_STALE):
                self.memory.remember(now_ns)
            self._keep_and_tell()
            if self.stage.closed:
                self.disconnect_all()
            self.hub.tell_by_the_clock(now_ns)
            await asyncio.sleep(_TICK_S)
        raise self._failure

    def close(self) -> None:
        """Write down what is left, unless writing has failed already."""
        if self._journal is None:
            return
        try:
            if self._failure is None:
                self._journal.commit(self.venue.drain())
        finally:
            self._journal.close()
