"""One WebSocket connection: what it wants, and a bounded queue of what it is owed."""

import asyncio
from collections import deque
from collections.abc import Callable

from aiohttp import WSMsgType, web

from adapters.simulated.faults import FaultName, FaultPlan, Site

MOST_QUEUED = 5_000
"""Messages a slow reader may usually be behind."""


class Connection:
    """A client's socket.

    Args:
        socket: Already prepared.
        number: Names the connection.
        client: The address it came from.
        faults: Asked about every push.
        now_ns: The venue's clock.
        most_queued: Messages it may be behind; then it is cut off, so that it stalls nobody.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        number: int,
        client: str,
        faults: FaultPlan,
        now_ns: Callable[[], int],
        most_queued: int = MOST_QUEUED,
    ) -> None:
        self.socket = socket
        self._most_queued = most_queued
        self.number = number
        self.client = client
        self.overflowed = False
        self._faults = faults
        self._now_ns = now_ns
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._silent_until_ns = 0
        self._held: dict[str, bytes] = {}
        self.is_cut = asyncio.Event()
        """Set once the connection is to be dropped without a word."""
        self.half_open = asyncio.Event()
        """Set once nothing goes over it any more, though it stays open."""

    def reply(self, message: bytes) -> None:
        """Send what was asked for; no fault strikes it."""
        if self.is_cut.is_set() or self.half_open.is_set():
            return
        if len(self._queue) >= self._most_queued:
            self.overflowed = True
            self.cut()
            return
        self._queue.append(message)
        self._wake.set()

    def push(self, subject: str, message: bytes) -> None:
        """Send what happened, unless a fault has it otherwise."""
        now_ns = self._now_ns()
        fault = self._faults.strike(Site.PUSH, subject, now_ns)
        if now_ns < self._silent_until_ns:
            return
        name = fault.fault if fault is not None else None
        if name in (FaultName.PUSH_LOST, FaultName.BOOK_GAP):
            return
        if name is FaultName.DISCONNECT:
            self.cut()
            return
        if fault is not None and name is FaultName.STREAM_SILENT:
            self._silent_until_ns = now_ns + fault.delay_ns
            return
        if fault is not None and name is FaultName.HALF_OPEN:
            self.half_open.set()
            asyncio.get_running_loop().call_later(fault.delay_ns / 1e9, self.cut)
            return
        if fault is not None and name is FaultName.TRADE_REPEATED:
            later_s = fault.delay_ns / 1e9
            asyncio.get_running_loop().call_later(later_s, self.reply, message)
        if name is FaultName.PUSH_REORDERED and subject not in self._held:
            self._held[subject] = message
            return
        self.reply(message)
        if name is FaultName.PUSH_TWICE:
            self.reply(message)
        held = self._held.pop(subject, None)
        if held is not None:
            self.reply(held)

    def cut(self) -> None:
        """Drop the connection without a word."""
        self.is_cut.set()

    async def write(self) -> None:
        """Send what is queued until cancelled, or until sending fails."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue and not self.is_cut.is_set():
                await self.socket.send_frame(self._queue.popleft(), WSMsgType.TEXT)
