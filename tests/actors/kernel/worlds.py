"""One way to run a test body on every runtime: pooled threads, a thread each, virtual time."""

import threading
import time
from collections.abc import Callable
from typing import Any

from actors.kernel import Actor, Birthright, Runtime
from actors.kernel.live import LiveRuntime
from actors.kernel.virtual import VirtualRuntime
from adapters.clock import SystemClock

KINDS = ("pool", "thread", "virtual")


class World:
    """A runtime of some kind, and how to let things happen in it."""

    def __init__(self, kind: str, seed: int = 0, workers: int = 2):
        self.kind = kind
        self.runtime: Runtime = (
            VirtualRuntime(seed=seed)
            if kind == "virtual"
            else LiveRuntime(SystemClock(), seed=seed, workers=workers)
        )

    def spawn(self, address: str, make: type[Actor], *args: Any, **settings: Any) -> int:
        settings.setdefault("dispatcher", "thread" if self.kind == "thread" else "pool")
        parent = settings.pop("parent", None)
        return self.runtime.spawn(
            address, Birthright(make=make, args=args, **settings), parent=parent
        )

    def until(self, what: Callable[[], object], within_s: float = 10.0) -> None:
        """Let things happen until `what()` holds; fail when it never does."""
        if isinstance(self.runtime, VirtualRuntime):
            until_ns = self.runtime.clock.elapsed_ns + int(within_s * 1e9)
            while not what():
                assert self.runtime.step(until_ns), "nothing is left to happen"
            return
        deadline = time.monotonic() + within_s
        pause = threading.Event()
        while not what():
            assert time.monotonic() < deadline, "it did not happen"
            pause.wait(0.001)

    def close(self) -> None:
        if isinstance(self.runtime, LiveRuntime):
            self.runtime.close()


class Listener(Actor):
    """Remembers in a list of the test's what it heard."""

    def __init__(self, heard: list[Any]):
        super().__init__()
        self.heard = heard

    def on_receive(self, message):
        self.heard.append(message)
