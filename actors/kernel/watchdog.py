"""Finds what a thread cannot report of itself: handlers that never return, threads that died.

A plain thread, not an actor. It samples: an actor is hung when its worker has been seen in the
same handler for longer than the actor's limit, so the hot path pays nothing for being watched. Time
in which the machine let nobody run does not count (`actors/kernel/patience.py`). A thread cannot be
killed in Python; the worker is replaced, the parent told, and the parent fences.
"""

import sys
import threading
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.kernel.lifecycle import ExitKind, Hung
from actors.kernel.mailbox import Inbox, Mailbox
from actors.kernel.patience import counted_ns, present_ns
from actors.kernel.pool import SPARE_MAX, Pool, Worker
from adapters.ports import Clock, ThreadMeter, ThreadTime

if TYPE_CHECKING:
    from actors.kernel.live import LiveRuntime

AGE_SAMPLE_NS = 100_000_000
ZOMBIE_WINDOW_NS = 3_600_000_000_000
SUSPECT = 0.25
"""Part of its limit from which on the system is asked how an actor's thread fares."""


@dataclass(slots=True)
class _Sighting:
    """A worker seen in one handler, and since when."""

    inbox: Inbox
    handled: int
    turns: int
    since_ns: int
    counted_ns: int = 0
    """How much of the time since then counts against it."""
    account: tuple[int, dict[int, ThreadTime]] | None = None
    """How much that was when it became suspect, and what each thread had had by then."""
    reported: bool = False


@dataclass(slots=True)
class _Queue:
    """How much had ever been put into a mailbox at past moments, for the age of what waits."""

    samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=600))


class Watchdog:
    """Watches the workers of a live runtime.

    Args:
        runtime: Whose pools and mailboxes to watch.
        clock: Monotonic time.
        poll_s: Seconds between looks; a hang is noticed at most two polls late.
        meter: How the threads fare; None where nobody can tell.
    """

    def __init__(
        self,
        runtime: "LiveRuntime",
        clock: Clock,
        poll_s: float,
        meter: ThreadMeter | None = None,
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._poll_s = poll_s
        self._meter = meter
        self._looked_ns = clock.monotonic_ns()
        self._seen: dict[Worker, _Sighting] = {}
        self._queues: dict[Mailbox, _Queue] = {}
        self._sampled_ns = 0
        self._stopping = threading.Event()
        self._zombies: list[tuple[int, Worker]] = []
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._stopping.set()

    def zombies(self) -> tuple[int, int]:
        """Return how many workers were given up in the last hour, and how many still are stuck."""
        since = self._clock.monotonic_ns() - ZOMBIE_WINDOW_NS
        recent = [one for one in list(self._zombies) if one[0] >= since]
        stuck = sum(
            1
            for _, worker in self._zombies
            if worker.thread is not None and worker.thread.is_alive()
        )
        return len(recent), stuck

    def oldest_ms(self, address: str) -> float:
        """Return how long the oldest mail at `address` has waited, to the sampling step."""
        mailbox = self._runtime.mailboxes.get(address)
        if mailbox is None:
            return 0.0
        queue = self._queues.get(mailbox)
        waiting = len(mailbox.control) + len(mailbox.data)
        if queue is None or not waiting:
            return 0.0
        first = _taken(mailbox) + 1
        for at_ns, put in list(queue.samples):
            if put >= first:
                return (self._clock.monotonic_ns() - at_ns) / 1e6
        return 0.0

    def busy_ms(self, address: str) -> float:
        """Return how long the actor at `address` has been in its present handler."""
        for sighting in list(self._seen.values()):
            if sighting.inbox.mailbox.address == address:
                return (self._clock.monotonic_ns() - sighting.since_ns) / 1e6
        return 0.0

    def look(self) -> None:
        """Look once at everybody."""
        now_ns = self._clock.monotonic_ns()
        self._count(now_ns - self._looked_ns)
        self._looked_ns = now_ns
        for pool in self._runtime.pools():
            self._look_at(pool, now_ns)
        if now_ns - self._sampled_ns >= AGE_SAMPLE_NS:
            self._sampled_ns = now_ns
            self._sample_queues(now_ns)

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_s):
            self.look()

    def _count(self, elapsed_ns: int) -> None:
        """Count the time since the last look against whoever is in a handler since then."""
        ns = present_ns(elapsed_ns, int(self._poll_s * 1e9))
        for one in self._seen.values():
            one.counted_ns += ns
            if one.account is None and one.counted_ns > one.inbox.hang_s * SUSPECT * 1e9:
                one.account = (one.counted_ns, self._times())

    def _times(self) -> dict[int, ThreadTime]:
        return {} if self._meter is None else self._meter.times()

    def _is_over(self, worker: Worker, one: _Sighting) -> bool:
        """Return whether it has had its limit, once what it was kept from is taken off."""
        limit_ns = one.inbox.hang_s * 1e9
        if one.counted_ns < limit_ns or one.account is None:
            return False
        began_ns, before = one.account
        after = self._times()
        thread = worker.thread.native_id if worker.thread is not None else None
        one.counted_ns = began_ns + counted_ns(one.counted_ns - began_ns, before, after, thread)
        one.account = (one.counted_ns, after)
        return one.counted_ns >= limit_ns

    def _look_at(self, pool: Pool, now_ns: int) -> None:
        stuck = 0
        for worker in list(pool.workers):
            if worker.thread is not None and not worker.thread.is_alive():
                self._bury(pool, worker)
                continue
            if self._moved(worker, now_ns):
                continue
            sighting = self._seen[worker]
            if not sighting.reported:
                self._judge(pool, worker, sighting, now_ns)
            stuck += not worker.retired
        # They sit in handlers that gave the interpreter away, all of them perhaps in starts that
        # hang: without others in their place not even the supervisors would get their turn.
        pool.spare = min(stuck, SPARE_MAX)
        if stuck and pool.waiting:
            pool.rouse()

    def _moved(self, worker: Worker, now_ns: int) -> bool:
        inbox, turns = worker.inbox, worker.turns
        if inbox is None:
            self._seen.pop(worker, None)
            return True
        sighting = self._seen.get(worker)
        if (
            sighting is None
            or sighting.inbox is not inbox
            or sighting.handled != inbox.handled
            or sighting.turns != turns
        ):
            self._seen[worker] = _Sighting(inbox, inbox.handled, turns, now_ns)
            return True
        return False

    def _judge(self, pool: Pool, worker: Worker, sighting: _Sighting, now_ns: int) -> None:
        inbox = sighting.inbox
        # Before `on_start` has returned the supervisor's start time-out judges, not we; but the
        # worker, which everybody may share, is replaced once its actor has been fenced.
        fenced = inbox.epoch != inbox.mailbox.epoch
        if not fenced and (not inbox.started or not self._is_over(worker, sighting)):
            return
        busy_s = (now_ns - sighting.since_ns) / 1e9
        sighting.reported = True
        pool.replace(worker)
        self._seen.pop(worker, None)
        self._zombies.append((now_ns, worker))
        if fenced:
            return
        current, stack = inbox.current, _stack_of(worker)
        what = type(current.message).__name__ if current is not None else "on_start"
        if current is not None:
            self._runtime.blame(inbox, current, (f"hung for {busy_s:.2f} s", stack))
        if inbox.parent is not None:
            self._runtime.tell(
                inbox.parent,
                Hung(
                    child=inbox.mailbox.address,
                    incarnation=inbox.epoch,
                    busy_s=busy_s,
                    message=what,
                    stack=stack,
                ),
                control=True,
            )

    def _bury(self, pool: Pool, worker: Worker) -> None:
        """A thread died without a word: give its actor's death notice for it."""
        pool.replace(worker)
        self._seen.pop(worker, None)
        inbox = worker.inbox
        if inbox is not None:
            error = ("its thread died", "")
            self._runtime.ended(inbox, kind=ExitKind.ERROR, error=error, poison=None)

    def _sample_queues(self, now_ns: int) -> None:
        for mailbox in list(self._runtime.mailboxes.values()):
            waiting = len(mailbox.control) + len(mailbox.data)
            if not waiting:
                self._queues.pop(mailbox, None)
                continue
            queue = self._queues.setdefault(mailbox, _Queue())
            queue.samples.append((now_ns, _taken(mailbox) + waiting))
            first = _taken(mailbox) + 1
            while len(queue.samples) > 1 and queue.samples[0][1] < first:
                queue.samples.popleft()


def _taken(mailbox: Mailbox) -> int:
    inbox = mailbox.inbox
    return mailbox.handled + (inbox.handled if inbox is not None else 0)


def _stack_of(worker: Worker) -> str:
    thread = worker.thread
    frame = sys._current_frames().get(thread.ident) if thread and thread.ident else None  # noqa: SLF001
    return "".join(traceback.format_stack(frame)) if frame is not None else ""
