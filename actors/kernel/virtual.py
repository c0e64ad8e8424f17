"""Virtual time: one thread, a seeded scheduler and a clock that moves when nothing else can.

Tests, replays and backtests run the very actors that trade. The same seed gives the same run, step
by step, which `fingerprint` proves.
"""

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from pykka import Timeout

from actors.kernel.backend import SteppedFuture, here
from actors.kernel.dead_letters import fingerprint
from actors.kernel.lifecycle import Hung
from actors.kernel.live import deliver_timer
from actors.kernel.mailbox import Dispatcher, Inbox
from actors.kernel.runtime import Birthright, Runtime, Timer
from actors.kernel.snapshots import SnapshotStore
from state.values import TimeNs

EPOCH_NS = 1_700_000_000_000_000_000
"""Where virtual time begins: 2023-11-14T22:13:20Z."""


class Policy(StrEnum):
    """Who goes next among those that have mail."""

    FIFO = "fifo"
    """In turn: fastest, for backtests."""
    RANDOM = "random"
    """Any, equally likely."""
    PCT = "pct"
    """By random priorities that change a few times: finds orderings of small depth surely.

    Source: Burckhardt et al. (2010), "A randomized scheduler with probabilistic guarantees".
    """


class NobodyAnswers(Timeout):
    """An asker waits for an answer that cannot come any more: nothing is left to happen."""


class VirtualClock:
    """The `Clock` port over virtual time, and what is to happen in it.

    It may outlive a runtime: when a simulated process is killed, the exchange goes on.
    `wall_offset_ns` lets a test step the wall clock.

    Args:
        start_ns: The wall clock's time at the beginning.
        tick_ns: How much each look at the monotonic clock takes: within a handler, too, no two
            looks need give the same.
    """

    def __init__(self, start_ns: int = EPOCH_NS, tick_ns: int = 0) -> None:
        self.elapsed_ns = 0
        self.tick_ns = tick_ns
        self.wall_offset_ns = start_ns
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def now_ns(self) -> TimeNs:
        """See `adapters.ports.Clock.now_ns`."""
        return TimeNs(self.wall_offset_ns + self.elapsed_ns)

    def monotonic_ns(self) -> int:
        """See `adapters.ports.Clock.monotonic_ns`."""
        self.elapsed_ns += self.tick_ns
        return self.elapsed_ns

    def call_later(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Run `action` outside of any actor after `delay_ns` (>= 0): a packet, a disk, a user."""
        due = self.elapsed_ns + max(0, delay_ns)
        heapq.heappush(self._agenda, (due, next(self._order), action))

    def pending(self) -> int:
        """Return how many things are to happen."""
        return len(self._agenda)

    def advance(self, until_ns: int | None) -> bool:
        """Move to the next thing that is to happen and let it; False when there is none.

        Args:
            until_ns: Do not move beyond this many nanoseconds after the start.
        """
        if not self._agenda:
            return False
        if until_ns is not None and self._agenda[0][0] > until_ns:
            self.elapsed_ns = max(self.elapsed_ns, until_ns)
            return False
        due, _, action = heapq.heappop(self._agenda)
        self.elapsed_ns = max(self.elapsed_ns, due)
        action()
        return True


class VirtualRuntime(Runtime):
    """The runtime for tests, replay and backtests. Everything happens on the calling thread.

    Args:
        seed: Start of the schedule's chance and of every actor's.
        policy: Who goes next.
        clock: To go on in the time of an earlier runtime; new when None.
        snapshots: Where states are kept; in memory when None.
        traced: Keep a fingerprint of all that happens; costs about a microsecond a message.
    """

    clock: VirtualClock

    def __init__(
        self,
        *,
        seed: int = 0,
        policy: Policy = Policy.RANDOM,
        clock: VirtualClock | None = None,
        snapshots: SnapshotStore | None = None,
        traced: bool = True,
    ) -> None:
        super().__init__(snapshots)
        self.clock = clock or VirtualClock()
        self.seed = seed
        self.steps = 0
        self.fingerprint = 0
        self.after_step: Callable[[], None] | None = None
        """Called after every step: where invariants are checked."""
        self._traced = traced
        self._ready = _ready_queue(policy, random.Random(f"schedule:{seed}"))  # noqa: S311

    def start_timer(self, inbox: Inbox, delay_s: float, message: object) -> Timer:
        """See `Runtime.start_timer`."""
        timer = _VirtualTimer(inbox, message)
        self.call_later(int(delay_s * 1e9), timer.fire)
        return timer

    def dispatcher_for(self, birthright: Birthright, address: str) -> Dispatcher:
        """See `Runtime.dispatcher_for`: one scheduler steps them all."""
        del birthright, address
        return self._ready

    def hang(self, inbox: Inbox) -> None:
        """See `Runtime.hang`: here nobody can wait, so the watchdog's word comes at once."""
        if inbox.parent is not None:
            hung = Hung(
                child=inbox.mailbox.address,
                incarnation=inbox.epoch,
                busy_s=inbox.hang_s,
                message="Drill",
                stack="",
            )
            self.tell(inbox.parent, hung, control=True)

    def call_later(self, delay_ns: int, action: Callable[[], None]) -> None:
        """Run `action` outside of any actor after `delay_ns` (>= 0): a packet, a disk, a user."""
        self.clock.call_later(delay_ns, action)

    def ask(self, address: str, message: object, *, timeout_s: float, control: bool = False) -> Any:
        """See `Runtime.ask`; lets virtual time pass until the answer is there.

        Raises:
            NobodyAnswers: Nothing is left that could answer.
        """
        future = self.ask_later(address, message, control=control)
        deadline_ns = self.clock.elapsed_ns + int(timeout_s * 1e9)
        while not answered(future):
            if not self.step(until_ns=deadline_ns):
                raise NobodyAnswers(f"no answer from {address} to {type(message).__name__}")
        return future.get(timeout=0)

    def step(self, until_ns: int | None = None) -> bool:
        """Let one thing happen, moving the clock when nothing else can; False when nothing is left.

        Args:
            until_ns: Do not move the clock beyond this many nanoseconds after the start.
        """
        inbox = self._ready.take()
        if inbox is None:
            if not self.clock.advance(until_ns):
                return False
        else:
            self.steps += 1
            if self._traced:
                self._trace(inbox)
            here.inbox = inbox
            try:
                again = inbox.step(1)
            finally:
                here.inbox = None
            if again:
                self._ready.schedule(inbox)
        if self.after_step is not None:
            self.after_step()
        return True

    def run(self, *, for_s: float) -> None:
        """Let everything happen that happens within `for_s` virtual seconds from now."""
        until_ns = self.clock.elapsed_ns + int(for_s * 1e9)
        while self.step(until_ns):
            pass
        # Time passes also while nothing happens.
        self.clock.elapsed_ns = max(self.clock.elapsed_ns, until_ns)

    def kill(self) -> None:
        """End everybody as SIGKILL would: no notice, no snapshot, nothing more is handled."""
        for mailbox in self.mailboxes.values():
            mailbox.take_over()

    def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        now_ns = self.clock.elapsed_ns
        while self.step(now_ns):
            pass

    def _trace(self, inbox: Inbox) -> None:
        mailbox = inbox.mailbox
        waiting = mailbox.control or mailbox.data
        what = fingerprint(waiting[0].message) if waiting and inbox.set_up else 0
        line = (self.fingerprint, self.clock.elapsed_ns, mailbox.address, inbox.epoch, what)
        self.fingerprint = fingerprint(line)


def answered(future: SteppedFuture) -> bool:
    """Return whether `get` would return at once."""
    return future._result is not None or future._get_hook is not None  # noqa: SLF001


class _VirtualTimer:
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


class _Fifo:
    """A `Dispatcher` that serves in turn."""

    def __init__(self) -> None:
        self._ready: deque[Inbox] = deque()

    def schedule(self, inbox: Inbox) -> None:
        self._ready.append(inbox)

    def release(self, inbox: Inbox) -> None:
        pass

    def take(self) -> Inbox | None:
        return self._ready.popleft() if self._ready else None


class _Random:
    """A `Dispatcher` that serves anyone."""

    def __init__(self, chance: random.Random) -> None:
        self._ready: list[Inbox] = []
        self._random = chance.random

    def schedule(self, inbox: Inbox) -> None:
        self._ready.append(inbox)

    def release(self, inbox: Inbox) -> None:
        pass

    def take(self) -> Inbox | None:
        ready = self._ready
        if not ready:
            return None
        chosen = int(self._random() * len(ready))
        ready[chosen], ready[-1] = ready[-1], ready[chosen]
        return ready.pop()


class _Pct:
    """A `Dispatcher` by priorities; at a few random steps whoever was first becomes last.

    Those steps are close together at first, so that short runs see some, and never end, so that
    actors which keep each other busy cannot starve the others.
    """

    def __init__(self, chance: random.Random) -> None:
        self._ready: list[Inbox] = []
        self._chance = chance
        self._priorities: dict[str, float] = {}
        self._demoted = 0
        self._until_change = self._gap()

    def schedule(self, inbox: Inbox) -> None:
        self._ready.append(inbox)

    def release(self, inbox: Inbox) -> None:
        pass

    def take(self) -> Inbox | None:
        if not self._ready:
            return None
        chosen = max(range(len(self._ready)), key=self._priority)
        inbox = self._ready[chosen]
        self._ready[chosen] = self._ready[-1]
        self._ready.pop()
        self._until_change -= 1
        if self._until_change <= 0:
            self._demoted += 1
            self._priorities[inbox.mailbox.address] = -self._demoted
            self._until_change = self._gap()
        return inbox

    def _gap(self) -> int:
        longest = 30 * 1.3 ** min(self._demoted, 12)
        return 1 + int(self._chance.random() * longest)

    def _priority(self, index: int) -> float:
        address = self._ready[index].mailbox.address
        priority = self._priorities.get(address)
        if priority is None:
            priority = self._priorities[address] = self._chance.random()
        return priority


def _ready_queue(policy: Policy, chance: random.Random) -> _Fifo | _Random | _Pct:
    match policy:
        case Policy.FIFO:
            return _Fifo()
        case Policy.RANDOM:
            return _Random(chance)
        case Policy.PCT:
            return _Pct(chance)
