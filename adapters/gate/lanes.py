"""Threads for calls that block, in lanes: what is urgent never waits behind what is not.

Each lane has threads and a bounded queue of its own. Within a lane the first job that its rate
window lets go is taken, so one busy pair or endpoint holds up nobody else. Patient jobs come after
all others and never keep the last thread.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from adapters.gate.rate_limit import HeadRoom, Limit, RateWindow

RateKey = tuple[Limit, str]
"""A kind of limit, and the endpoint or pair it is counted for."""

_TOO_MANY = 429


class RateWindows:
    """All rate windows of one account, over REST and over the socket. Any thread may call."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._windows: dict[RateKey, RateWindow] = {}
        self._waiting: list[Callable[[], None]] = []

    def on_room(self, call: Callable[[], None]) -> None:
        """Call `call` from any thread whenever somebody who waits should try again."""
        self._waiting.append(call)

    def try_take(self, key: RateKey) -> int:
        """Count one request and return 0, or count nothing and return how many ns to wait.

        Whoever got 0 owes an `ended` or a `give_back`.
        """
        with self._lock:
            window = self._window(key)
            delay_ns = window.delay_ns(self._monotonic_ns())
            if delay_ns == 0:
                window.take()
            return delay_ns

    def ended(self, key: RateKey, status: int | None = None, told: HeadRoom | None = None) -> None:
        """Learn from the end of a request: what its answer told, or that there was none."""
        with self._lock:
            window, now_ns = self._window(key), self._monotonic_ns()
            if told is not None:
                window.observe(now_ns, told)
            if status == _TOO_MANY:
                window.refused(now_ns, told)
            window.ended(now_ns)
        self._tell()

    def give_back(self, key: RateKey) -> None:
        """Count a request no more: it never left."""
        with self._lock:
            self._window(key).give_back()
        self._tell()

    def _window(self, key: RateKey) -> RateWindow:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = RateWindow(key[0])
        return window

    def _tell(self) -> None:
        for call in self._waiting:
            call()


class Job(Struct, frozen=True, kw_only=True):
    """Something to do on a lane's thread; exactly one of its two calls is made."""

    key: RateKey
    """Counted once before `run`, which therefore owes its end."""
    run: Callable[[], None]
    abandon: Callable[[], None]
    """Called instead when the lane is closed first."""
    counted: bool = False
    """Whether somebody counted it already."""
    patient: bool = False
    """Whether it waits while the lane has anything else to do."""


class Lane:
    """Daemon threads that run jobs from one bounded queue."""

    def __init__(self, name: str, windows: RateWindows, *, threads: int, capacity: int) -> None:
        """Start the first thread; the others begin when a job finds all of them busy.

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
        self._acquiring = 0
        self._closed = False
        self._name = name
        self._threads_max = threads
        self._threads: list[threading.Thread] = []
        self._busy = 0
        """Threads that run a job."""
        self._patient_max = max(1, threads - 1)
        self._patient = 0
        """Threads that run a patient one."""
        windows.on_room(self._look_again)
        with self._changed:
            self._hire()

    def put(self, job: Job) -> bool:
        """Queue `job`; False, and nothing will come of it, when the lane is full or closed."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._capacity:
                return False
            self._jobs.append(job)
            if self._busy + len(self._jobs) > len(self._threads) < self._threads_max:
                # Where the system has no room for another, those that are there serve it later.
                with contextlib.suppress(RuntimeError):
                    self._hire()
            # All of them: the one woken alone could be waiting for something else.
            self._changed.notify_all()
            return True

    def waits(self, key: RateKey) -> bool:
        """Return whether a job of this key is queued: who comes later must not overtake it."""
        with self._changed:
            return any(job.key == key for job in self._jobs)

    def acquire(self, key: RateKey) -> bool:
        """Wait on a lane's own thread until one more request may go; False when it is closed."""
        with self._changed:
            self._acquiring += 1
            try:
                while not self._closed:
                    delay_ns = self._windows.try_take(key)
                    if delay_ns == 0:
                        return True
                    self._changed.wait(delay_ns / 1e9)
                return False
            finally:
                self._acquiring -= 1

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

    def _hire(self) -> None:
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.run()
            finally:
                with self._changed:
                    self._busy -= 1
                    self._patient -= job.patient
                    if job.patient:
                        self._changed.notify_all()

    def _next(self) -> Job | None:
        with self._changed:
            while not self._closed:
                delays_ns: dict[RateKey, int] = {}
                job = self._take(delays_ns, patient=False)
                if job is None and self._patient < self._patient_max:
                    job = self._take(delays_ns, patient=True)
                if job is not None:
                    self._busy += 1
                    self._patient += job.patient
                    return job
                wait_ns = min(delays_ns.values(), default=None)
                self._changed.wait(None if wait_ns is None else wait_ns / 1e9)
            return None

    def _take(self, delays_ns: dict[RateKey, int], *, patient: bool) -> Job | None:
        """Take the first job of a kind that may go; note how long the windows of others wait."""
        for index, job in enumerate(self._jobs):
            if job.patient != patient or (job.key in delays_ns and not job.counted):
                continue
            delay_ns = 0 if job.counted else self._windows.try_take(job.key)
            if delay_ns == 0:
                del self._jobs[index]
                return job
            delays_ns[job.key] = delay_ns
        return None

    def _look_again(self) -> None:
        with self._changed:
            if self._jobs or self._acquiring:
                self._changed.notify_all()
