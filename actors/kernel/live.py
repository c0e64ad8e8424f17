"""Life: worker threads, a timer thread and a watchdog under the actors."""

import heapq
import itertools
import sys
import threading
import time
from typing import Any

from actors.kernel.mailbox import Dispatcher, Inbox
from actors.kernel.pool import Background, Pool
from actors.kernel.runtime import Birthright, Runtime, Timer
from actors.kernel.snapshots import SnapshotStore
from actors.kernel.watchdog import Watchdog
from adapters.ports import Clock, ThreadMeter

SWITCH_INTERVAL_S = 0.0005
"""How soon Python lets another thread run: the floor under every cross-thread wake."""


class LiveRuntime(Runtime):
    """The runtime for life.

    Args:
        clock: The system's.
        seed: Start of every actor's chance.
        workers: Threads that may step pooled actors at once.
        snapshots: Where states are kept; in memory when None.
        watchdog_poll_s: How often hangs are looked for.
        meter: Tells the watchdog who was given no processor; None where nobody can tell.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        seed: int = 0,
        workers: int = 2,
        snapshots: SnapshotStore | None = None,
        watchdog_poll_s: float = 0.02,
        meter: ThreadMeter | None = None,
    ) -> None:
        super().__init__(snapshots)
        self.clock = clock
        self.seed = seed
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._pool = Pool("pool", workers)
        self._background = Background(self._pool)
        self._timers = _Timers(clock)
        self._own: dict[Inbox, Pool] = {}
        self._own_lock = threading.Lock()
        self._ending = False
        self.watchdog = Watchdog(self, clock, watchdog_poll_s, meter)

    def give_way(self) -> None:
        """See `Runtime.give_way`: else whoever was roused waits for the switch interval."""
        time.sleep(0)

    def start_timer(self, inbox: Inbox, delay_s: float, message: object) -> Timer:
        """See `Runtime.start_timer`."""
        return self._timers.start(inbox, delay_s, message)

    def dispatcher_for(self, birthright: Birthright, address: str) -> Dispatcher:
        """See `Runtime.dispatcher_for`."""
        if birthright.dispatcher == "pool":
            return self._pool
        if birthright.dispatcher == "background":
            return self._background
        assert birthright.dispatcher == "thread", birthright.dispatcher
        return _OwnThread(self, address)

    def hang(self, inbox: Inbox) -> None:
        """See `Runtime.hang`."""
        while inbox.epoch == inbox.mailbox.epoch:
            time.sleep(0.01)

    def oldest_ms(self, address: str) -> float:
        """See `Runtime.oldest_ms`."""
        return self.watchdog.oldest_ms(address)

    def busy_ms(self, address: str) -> float:
        """See `Runtime.busy_ms`."""
        return self.watchdog.busy_ms(address)

    def pools(self) -> list[Pool]:
        """Return the shared pool and every actor's own."""
        with self._own_lock:
            for inbox, pool in list(self._own.items()):
                if pool.ended:
                    del self._own[inbox]
            return [self._pool, *self._own.values()]

    def close(self, address: str = "") -> None:
        """Close an address for good; without one, end every thread of this runtime."""
        if address:
            super().close(address)
            return
        self.watchdog.close()
        self._timers.close()
        with self._own_lock:
            self._ending = True
        for pool in self.pools():
            pool.close()


class _OwnThread:
    """The dispatcher of one incarnation that waits: a pool of one, ended with it."""

    def __init__(self, runtime: LiveRuntime, address: str) -> None:
        self._runtime = runtime
        self._pool = Pool(address, workers=1)

    def schedule(self, inbox: Inbox) -> None:
        with self._runtime._own_lock:  # noqa: SLF001 (one mechanism in two classes)
            if self._runtime._ending:  # noqa: SLF001
                self._pool.close()  # Born in the last turn of its parent: there is no other.
            if inbox.epoch == inbox.mailbox.epoch:
                self._runtime._own.setdefault(inbox, self._pool)  # noqa: SLF001
        self._pool.schedule(inbox)

    def release(self, inbox: Inbox) -> None:
        # The runtime keeps it until its thread has ended: a fenced one may be stuck for ever.
        del inbox
        self._pool.close()


class _Timers:
    """One thread that puts messages into mailboxes when their time has come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[int, int, _LiveTimer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
        self._thread.start()

    def start(self, inbox: Inbox, delay_s: float, message: object) -> "_LiveTimer":
        timer = _LiveTimer(inbox, message)
        due = self._clock.monotonic_ns() + int(delay_s * 1e9)
        with self._changed:
            heapq.heappush(self._heap, (due, next(self._order), timer))
            if self._heap[0][2] is timer:
                self._changed.notify()
        return timer

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                wait_s = self._wait_s()
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                timer = heapq.heappop(self._heap)[2]
            timer.fire()

    def _wait_s(self) -> float | None:
        while self._heap and self._heap[0][2].message is None:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return (self._heap[0][0] - self._clock.monotonic_ns()) / 1e9


class _LiveTimer:
    """See `runtime.Timer`."""

    __slots__ = ("inbox", "message")

    def __init__(self, inbox: Inbox, message: Any) -> None:
        self.inbox = inbox
        self.message = message

    def cancel(self) -> None:
        self.message = None

    def fire(self) -> None:
        message, self.message = self.message, None
        deliver_timer(self.inbox, message)


def deliver_timer(inbox: Inbox, message: object | None) -> None:
    """Put a due message where it belongs, unless cancelled or its incarnation is gone."""
    if message is not None:
        inbox.mailbox.put_for_life(inbox.epoch, message)
