"""Our backends in the shape pykka's own tests want them. Imported by those tests, not by ours.

A runtime is an actor class, an event class, a future class and a way to sleep.
"""

import threading
import time
from typing import Any

import pytest
from pykka import Future
from pykka import Timeout as PykkaTimeout

from actors.kernel.backend import SteppedActor, SteppedFuture, here
from actors.kernel.pool import Pool
from actors.kernel.virtual import Policy, VirtualRuntime, answered


class PooledActor(SteppedActor):
    """Many actors on two workers."""

    dispatcher = Pool("canary", workers=2)


class _ThreadEach:
    """A pool of one for each inbox."""

    def __init__(self):
        self._pools = {}

    def schedule(self, inbox):
        self._pools.setdefault(inbox, Pool("canary-own", workers=1)).schedule(inbox)

    def release(self, inbox):
        self._pools.pop(inbox).close()


class OwnThreadActor(SteppedActor):
    """A thread for each actor."""

    dispatcher = _ThreadEach()


class _Virtual(VirtualRuntime):
    def wait(self, done, timeout):
        """Step until `done()`; the clock stands for time-outs."""
        assert getattr(here, "inbox", None) is None
        until = None if timeout is None else self.clock.elapsed_ns + int(timeout * 1e9)
        while not done():
            if not self.step(until):
                return False
        return until is None or self.clock.elapsed_ns <= until


_virtual = _Virtual(policy=Policy.RANDOM, seed=1)


class _PumpingFuture(SteppedFuture):
    """A future that lets virtual time pass while somebody outside of actors waits for it."""

    def get(self, *, timeout: float | None = None) -> Any:
        if getattr(here, "inbox", None) is None and not _virtual.wait(
            lambda: answered(self), timeout
        ):
            raise PykkaTimeout(f"{timeout} seconds")
        return super().get(timeout=timeout)


class _PumpingEvent:
    def __init__(self):
        self._set = False

    def set(self):
        self._set = True

    def clear(self):
        self._set = False

    def is_set(self):
        return self._set

    def wait(self, timeout=None):
        return _virtual.wait(self.is_set, timeout)


class VirtualActor(SteppedActor):
    """Stepped by the seeded scheduler."""

    dispatcher = _virtual._ready

    @staticmethod
    def _create_future() -> Future[Any]:
        return _PumpingFuture()


def runtimes(kind):
    """Return pykka's table of runtimes, with ours in the place of its threads."""

    def entry(name, actor_class, event_class, future_class, sleep):
        runtime = kind(
            name=name,
            actor_class=actor_class,
            event_class=event_class,
            future_class=future_class,
            sleep_func=sleep,
        )
        return pytest.param(runtime, id=name)

    def virtual_sleep(seconds):
        if getattr(here, "inbox", None) is None:
            _virtual.run(for_s=seconds)
        else:  # One of pykka's tests sleeps in a handler: the whole world waits for it.
            _virtual.clock.elapsed_ns += int(seconds * 1e9)

    threads = (threading.Event, SteppedFuture, time.sleep)
    return {
        "pool": entry("pool", PooledActor, *threads),
        "thread": entry("thread", OwnThreadActor, *threads),
        "virtual": entry("virtual", VirtualActor, _PumpingEvent, _PumpingFuture, virtual_sleep),
    }
