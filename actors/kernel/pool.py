"""Live dispatchers: worker threads that step incarnations which have mail.

Python runs one thread at a time, so waking a second worker for each message only costs: a woken
worker takes others along. A sleeping one is roused when nobody is awake, and by the watchdog when
those awake linger in a handler that has given the interpreter away (disk, numpy, a lock in C).
"""

import threading
from collections import deque
from queue import SimpleQueue

from actors.kernel.backend import here
from actors.kernel.mailbox import Inbox

TURN = 64
"""Messages an incarnation may handle before others get their turn."""
LATER_EACH = 8
"""While others have mail, one turn in so many belongs to those that work in the background."""
SPARE_MAX = 16
"""Workers of a pool that may be stuck at once and still be stood in for."""


class Worker:
    """One thread of a pool."""

    __slots__ = ("inbox", "retired", "thread", "turns")

    def __init__(self) -> None:
        self.inbox: Inbox | None = None
        """Whom it is stepping."""
        self.turns = 0
        self.retired = False
        """True once it was replaced: it ends as soon as its handler returns."""
        self.thread: threading.Thread | None = None


class Pool:
    """A `Dispatcher` over a few daemon threads. A pool of one serves an actor that waits.

    Args:
        name: Prefix of the threads' names.
        workers: Most threads that may be awake at once, >= 1, apart from those that are stuck.
    """

    def __init__(self, name: str, workers: int = 2) -> None:
        assert workers >= 1
        self.name = name
        self._limit = workers
        self._ready: deque[Inbox] = deque()
        self._later: deque[Inbox] = deque()
        """Those that can wait: one message a turn, while nobody else has mail."""
        self._lock = threading.Lock()
        self._awake = 0
        self._closed = False
        self._bells: SimpleQueue[None] = SimpleQueue()
        self._sleeping = 0
        self._born = 0
        self.workers: list[Worker] = []
        self.spare = 0
        """Workers the watchdog sees stuck in a handler; others may stand in for so many."""

    def schedule(self, inbox: Inbox) -> None:
        """See `Dispatcher.schedule`."""
        self._ready.append(inbox)
        # A worker that falls asleep first lowers the count and then looks again, so either we see
        # it asleep here or it sees our inbox there.
        if self._awake == 0:
            self.rouse()

    def schedule_later(self, inbox: Inbox) -> None:
        """The same for one that can wait."""
        self._later.append(inbox)
        if self._awake == 0:
            self.rouse()

    def release(self, inbox: Inbox) -> None:
        """See `Dispatcher.release`: the queue drops it by its epoch."""

    def rouse(self) -> None:
        """Have one more worker awake, if there is work and the limit allows."""
        with self._lock:
            if self._closed or not self.waiting or self._awake >= self._limit + self.spare:
                return
            self._awake += 1
            if self._sleeping:
                self._sleeping -= 1
                self._bells.put(None)
                return
            self._hire()

    def replace(self, worker: Worker) -> None:
        """Give up on a worker stuck in a handler; another takes its place at once."""
        with self._lock:
            if worker.retired:
                return
            worker.retired = True
            self.workers.remove(worker)
            self._awake -= 1
        self.rouse()

    @property
    def ended(self) -> bool:
        """Whether it is closed and none of its threads lives any more."""
        return self._closed and not any(
            worker.thread is not None and worker.thread.is_alive() for worker in self.workers
        )

    @property
    def waiting(self) -> int:
        """How many incarnations wait for a worker."""
        return len(self._ready) + len(self._later)

    def close(self) -> None:
        """End the workers after their present turn; what is scheduled stays undone."""
        with self._lock:
            self._closed = True
            asleep, self._sleeping = self._sleeping, 0
        for _ in range(asleep):
            self._bells.put(None)

    def _hire(self) -> None:
        worker = Worker()
        self._born += 1
        worker.thread = threading.Thread(
            target=self._work, args=(worker,), name=f"{self.name}-{self._born}", daemon=True
        )
        worker.thread.start()
        # Only now: to the watchdog a thread that does not run yet looks like one that died.
        self.workers.append(worker)

    def _work(self, worker: Worker) -> None:
        ready, later = self._ready, self._later
        while not worker.retired and not self._closed:
            if self._awake > self._limit + self.spare and not self._rest(worker):
                return  # Whoever was stuck is back.
            can_wait = later and (not ready or worker.turns % LATER_EACH == 0)
            try:
                inbox = later.popleft() if can_wait else ready.popleft()
            except IndexError:
                if not self._rest(worker):
                    return
                continue
            here.inbox = worker.inbox = inbox
            again = inbox.step(1 if can_wait else TURN)
            worker.inbox = None  # `here` stays: between turns nothing on this thread asks.
            worker.turns += 1
            if again:
                # Not just back in the queue: once retired, we are not the one to take it out.
                (self.schedule_later if can_wait else self.schedule)(inbox)

    def _rest(self, worker: Worker) -> bool:
        """Sleep until there is work; False when there will be none."""
        with self._lock:
            if worker.retired or self._closed:
                return False
            self._awake -= 1
            if self.waiting and self._awake < self._limit + self.spare:
                self._awake += 1
                return True
            self._sleeping += 1
        self._bells.get()
        return not self._closed


class Background:
    """The `Dispatcher` of actors that can wait: they get a pool's time when others need none.

    Args:
        pool: Whose.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def schedule(self, inbox: Inbox) -> None:
        """See `Dispatcher.schedule`."""
        self._pool.schedule_later(inbox)

    def release(self, inbox: Inbox) -> None:
        """See `Dispatcher.release`: the queue drops it by its epoch."""
