"""Threads for calls that block, in lanes: what is urgent never waits behind what is not.

Each lane has threads and a bounded queue of its own. Within a lane the first job that its rate
window lets go is taken, so one busy pair or endpoint holds up nobody else.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct

from adapters.gate.rate_limit import Limit, RateWindow, head_room_told

RateKey = tuple[Limit, str]
"""A kind of limit, and the endpoint or pair it is counted for."""

_TOO_MANY = 429


class RateWindows:
    """All rate windows of one account. Any thread may call."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._windows: dict[RateKey, RateWindow] = {}

    def try_take(self, key: RateKey) -> int:
        """Count one request and return 0, or count nothing and return how many ns to wait."""
        with self._lock:
            now_ns = self._monotonic_ns()
            window = self._window(key)
            delay_ns = window.delay_ns(now_ns)
            if delay_ns == 0:
                window.take(now_ns)
            return delay_ns

    def answered(
        self, key: RateKey, status: int, headers: Mapping[str, str], venue_time_s: float
    ) -> None:
        """Learn from an answer: its headers, or that it was a 429."""
        told = head_room_told(headers, venue_time_s)
        with self._lock:
            window, now_ns = self._window(key), self._monotonic_ns()
            if told is not None:
                window.observe(now_ns, told)
            if status == _TOO_MANY:
                window.refused(now_ns, told)

    def _window(self, key: RateKey) -> RateWindow:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = RateWindow(key[0])
        return window


class Job(Struct, frozen=True, kw_only=True):
    """Something to do on a lane's thread; exactly one of its two calls is made."""

    key: RateKey
    """Counted once before `run`."""
    run: Callable[[], None]
    abandon: Callable[[], None]
    """Called instead when the lane is closed first."""


class Lane:
    """Daemon threads that run jobs from one bounded queue."""

    def __init__(self, name: str, windows: RateWindows, *, threads: int, capacity: int) -> None:
        """Start the threads.

        Args:
            name: Of the threads.
            windows: What each job is counted in.
            threads: How many jobs may run at once, >= 1.
            capacity: How many may wait, >= 1.
        """
        self._windows = windows
        self._capacity = capacity
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, job: Job) -> bool:
        """Queue `job`; False, and nothing will come of it, when the lane is full or closed."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._capacity:
                return False
            self._jobs.append(job)
            # All of them: the one woken alone could be waiting for something else.
            self._changed.notify_all()
            return True

    def acquire(self, key: RateKey) -> bool:
        """Wait on a lane's own thread until one more request may go; False when it is closed."""
        with self._changed:
            while not self._closed:
                delay_ns = self._windows.try_take(key)
                if delay_ns == 0:
                    return True
                self._changed.wait(delay_ns / 1e9)
            return False

    def stop(self) -> None:
        """Take no more jobs and abandon those that wait; those that run go on."""
        with self._changed:
            self._closed = True
            waiting, self._jobs = self._jobs, deque()
            self._changed.notify_all()
        for job in waiting:
            job.abandon()

    def join(self, deadline_s: float) -> bool:
        """Wait at most `deadline_s` for what runs; return whether all of it ended."""
        until = time.monotonic() + deadline_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job.run()

    def _next(self) -> Job | None:
        with self._changed:
            while not self._closed:
                wait_ns: int | None = None
                for index, job in enumerate(self._jobs):
                    delay_ns = self._windows.try_take(job.key)
                    if delay_ns == 0:
                        del self._jobs[index]
                        return job
                    wait_ns = delay_ns if wait_ns is None else min(wait_ns, delay_ns)
                self._changed.wait(None if wait_ns is None else wait_ns / 1e9)
            return None
