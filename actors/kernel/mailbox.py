"""The mailbox is an actor's identity; incarnations come and go behind it.

Two lanes, each first in, first out: control overtakes data. Both are bounded and never block a
sender. An incarnation looks into its mailbox through an `Inbox` that carries its epoch: once the
epoch has moved on, the old incarnation gets no more mail, which is how Python kills a thread.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NewType, Protocol, final

from pykka import ActorDeadError
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.kernel.dead_letters import DeadLetters, Undelivered, fingerprint
from state.values import NS_PER_S

if TYPE_CHECKING:
    from actors.kernel.backend import SteppedActor

Address = NewType("Address", str)
"""A path such as `market/BTC_USDT/feed`: all that a sender ever holds."""


@final
class Rest:
    """Why an incarnation gets no message now: one of the three below.

    A value and no exception, which would cost as much as the hop; no enum, whose `isinstance` does.
    """

    __slots__ = ()


EMPTY = Rest()
"""No mail: whoever puts the next one schedules it."""
TURN_OVER = Rest()
"""There is mail, but others are waiting: back to the end of the queue."""
FENCED = Rest()
"""A newer incarnation owns the mailbox."""


class Fenced(Exception):
    """A newer incarnation owns the mailbox."""


class WhenFull(StrEnum):
    """What a lane does with mail."""

    KEEP = "keep"
    """Queue it, also while the actor is down; refuse it when full."""
    CONFLATE = "conflate"
    """As keep, but newer mail of equal key takes the place of older: for full-state messages."""
    REJECT = "reject"
    """As keep, but refuse it while the actor is down: for mail that is worthless later."""


class ForOneLife(Envelope[Any]):
    """Mail for one incarnation alone, such as its timers: the next one must not find it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class LanePolicy:
    """How one lane treats mail."""

    kind: WhenFull = WhenFull.KEEP
    limit: int = 10_000
    """Messages; one more is refused to the dead letters."""
    key: Callable[[Any], Hashable | None] | None = None
    """For conflate: the key of a message, None for one that must not be conflated."""
    keeps: bool = field(init=False)
    """Whether it simply queues; said once, for every message asks."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "keeps", self.kind is WhenFull.KEEP)


CONTROL_POLICY = LanePolicy(limit=100_000)
DATA_POLICY = LanePolicy()


class Dispatcher(Protocol):
    """Whatever steps incarnations that have mail."""

    def schedule(self, inbox: "Inbox") -> None:
        """Have `inbox.step` called soon, from one thread at a time. Never blocks."""
        ...

    def release(self, inbox: "Inbox") -> None:
        """Forget `inbox`, whose incarnation has ended or was fenced."""
        ...


class Mailbox:
    """The queue behind one address. Every method may be called from any thread."""

    __slots__ = (
        "_dead_letters",
        "_index",
        "_monotonic_ns",
        "address",
        "closed",
        "conflated",
        "control",
        "control_policy",
        "data",
        "data_policy",
        "denied",
        "dropped",
        "epoch",
        "handled",
        "inbox",
        "lock",
        "missed",
    )

    def __init__(
        self,
        address: Address,
        dead_letters: DeadLetters,
        *,
        control: LanePolicy = CONTROL_POLICY,
        data: LanePolicy = DATA_POLICY,
        monotonic_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        assert control.kind is not WhenFull.CONFLATE, "only data is conflated"
        self.address = address
        self.lock = threading.Lock()
        self.control: deque[Envelope[Any]] = deque()
        self.data: deque[Envelope[Any]] = deque()
        self.control_policy = control
        self.data_policy = data
        self.epoch = 0
        """Counts incarnations; only the newest may take mail or send."""
        self.inbox: Inbox | None = None
        """The living incarnation's view; None while the actor is down."""
        self.closed = False
        self.denied: dict[int, int] = {}
        """Fingerprints that are refused, and until when."""
        self.missed = 0
        """How many messages this incarnation was refused as poison."""
        self._monotonic_ns = monotonic_ns
        self.dropped = 0
        self.conflated = 0
        self.handled = 0
        """Messages handled by incarnations that have ended."""
        self._index: dict[Hashable, Envelope[Any]] = {}
        self._dead_letters = dead_letters

    def put(self, envelope: Envelope[Any], *, control: bool = False, own: bool = False) -> bool:
        """Queue mail; return False when it went to the dead letters instead.

        Args:
            envelope: The mail.
            control: Into the lane that overtakes.
            own: From the actor to itself: nobody transmits that anew, so it is never denied.
        """
        lock = self.lock
        lock.acquire()  # See `Inbox.take`.
        try:
            if control:
                lane, policy = self.control, self.control_policy
            else:
                lane, policy = self.data, self.data_policy
            if self.closed or self.denied or not policy.keeps or len(lane) >= policy.limit:
                if self._replaced(policy, envelope):
                    return True
                why = self._refusal(lane, policy, envelope, own=own)
                if why is not None:
                    self.dropped += 1
                    self.missed += why is Undelivered.POISON
                    self.refuse(envelope, why)
                    return False
            lane.append(envelope)
            inbox = self.inbox
            if inbox is None or inbox.scheduled:
                return True
            inbox.scheduled = True
        finally:
            lock.release()
        inbox.dispatcher.schedule(inbox)
        return True

    def put_for_life(self, epoch: int, message: object) -> bool:
        """Queue control mail for that incarnation alone; False when it is no longer the newest."""
        with self.lock:
            if epoch != self.epoch or len(self.control) >= self.control_policy.limit:
                return False
            self.control.append(ForOneLife(message))
            inbox = self.inbox
            if inbox is None or inbox.scheduled:
                return True
            inbox.scheduled = True
        inbox.dispatcher.schedule(inbox)
        return True

    def _replaced(self, policy: LanePolicy, envelope: Envelope[Any]) -> bool:
        """Put the message in the place of a queued one of equal key; False when there is none."""
        if policy.kind is not WhenFull.CONFLATE or policy.key is None or self.closed:
            return False
        key = policy.key(envelope.message)
        if key is None:
            return False
        queued = self._index.get(key)
        if queued is not None:
            # In place: the key keeps its turn, so a flood of one key starves nobody.
            queued.message = envelope.message
            self.conflated += 1
            return True
        if len(self.data) < policy.limit:
            self._index[key] = envelope
        return False

    def _refusal(
        self,
        lane: deque[Envelope[Any]],
        policy: LanePolicy,
        envelope: Envelope[Any],
        *,
        own: bool,
    ) -> Undelivered | None:
        if self.closed:
            return Undelivered.CLOSED
        # Only data: timers and orders to stop must get through whatever they did before.
        if self.denied and lane is self.data and not own and self._denies(envelope.message):
            return Undelivered.POISON
        if policy.kind is WhenFull.REJECT and self.inbox is None:
            return Undelivered.DOWN
        if len(lane) >= policy.limit:
            return Undelivered.OVERFLOW
        return None

    def refuse(self, envelope: Envelope[Any], why: Undelivered) -> None:
        """Send mail to the dead letters; an asker is told, so that nobody waits for ever."""
        self._dead_letters.add(self.address, envelope.message, why)
        _answer_dead(envelope, self.address)

    def take_over(self) -> int:
        """Fence whoever lives here and return the next incarnation's number, from 1."""
        with self.lock:
            self._leave()
            self._forget_former_life()
            self.epoch += 1
            self.missed = 0
            return self.epoch

    def settle(self, inbox: "Inbox") -> bool:
        """Let `inbox` live here, if no newer incarnation does; return whether it may."""
        with self.lock:
            if self.closed or inbox.epoch != self.epoch:
                return False
            self.inbox = inbox
            inbox.scheduled = True
        inbox.dispatcher.schedule(inbox)
        return True

    def vacate(self, inbox: "Inbox") -> bool:
        """Note that `inbox`'s incarnation has ended; False when it had been fenced before."""
        with self.lock:
            if self.inbox is not inbox:
                return False
            self._leave()
            return True

    def deny(self, mark: int, until_ns: int) -> None:
        """Refuse mail of this fingerprint until then."""
        with self.lock:
            self.denied[mark] = until_ns

    def denied_for_s(self) -> float:
        """Return for how long mail will still be refused as poison; 0 where none is."""
        with self.lock:
            return max(0, max(self.denied.values(), default=0) - self._monotonic_ns()) / NS_PER_S

    def _denies(self, message: object) -> bool:
        now_ns = self._monotonic_ns()
        for mark in [mark for mark, until_ns in self.denied.items() if until_ns <= now_ns]:
            del self.denied[mark]
        return bool(self.denied) and fingerprint(message) in self.denied

    def close(self) -> None:
        """Take no more mail, ever; what waits goes to the dead letters."""
        with self.lock:
            self.closed = True
            self._leave()
            self._forget_former_life()
            self.epoch += 1
            waiting = [*self.control, *self.data]
            self.control.clear()
            self.data.clear()
            self._index.clear()
        for envelope in waiting:
            self.refuse(envelope, Undelivered.CLOSED)

    def take_data(self) -> Envelope[Any]:
        """Return the oldest data message. The lock is held and there is one."""
        envelope = self.data.popleft()
        if self._index and self.data_policy.key is not None:
            key = self.data_policy.key(envelope.message)
            if key is not None and self._index.get(key) is envelope:
                del self._index[key]
        return envelope

    def _leave(self) -> None:
        if self.inbox is not None:
            self.handled += self.inbox.handled
            self.inbox.dispatcher.release(self.inbox)
            self.inbox = None

    def _forget_former_life(self) -> None:
        if any(type(envelope) is ForOneLife for envelope in self.control):
            kept = [envelope for envelope in self.control if type(envelope) is not ForOneLife]
            self.control.clear()
            self.control.extend(kept)


def _answer_dead(envelope: Envelope[Any], address: str) -> None:
    if envelope.reply_to is None:
        return
    if isinstance(envelope.message, _ActorStop):
        envelope.reply_to.set(None)
        return
    error = ActorDeadError(f"{address} stopped before handling the message")
    envelope.reply_to.set_exception((ActorDeadError, error, None))


class Inbox:
    """One incarnation's view of its mailbox: what pykka knows as `actor_inbox`."""

    __slots__ = (
        "actor",
        "current",
        "dispatcher",
        "epoch",
        "handled",
        "hang_s",
        "mailbox",
        "parent",
        "scheduled",
        "set_up",
        "started",
    )

    def __init__(
        self,
        mailbox: Mailbox,
        epoch: int,
        dispatcher: Dispatcher,
        *,
        parent: str | None = None,
        hang_s: float = float("inf"),
    ) -> None:
        self.mailbox = mailbox
        self.epoch = epoch
        self.dispatcher = dispatcher
        self.parent = parent
        """Address that hears `Started`, `Exited` and `Hung`."""
        self.hang_s = hang_s
        """Seconds one handler may take before the watchdog calls it hung."""
        self.actor: SteppedActor | None = None
        self.scheduled = False
        self.set_up = False
        """Whether `on_start` has been called."""
        self.started = False
        """Whether it has returned."""
        self.current: Envelope[Any] | None = None
        """What is being handled. Not in the mailbox: a zombie would clear its successor's."""
        self.handled = 0
        """Messages taken; the watchdog sees from it whether a handler moves."""

    def put(self, envelope: Envelope[Any]) -> None:
        """Queue data: what pykka's `ActorRef` calls."""
        self.mailbox.put(envelope)

    def take(self, budget: int) -> Envelope[Any] | Rest:
        """Return the next message, control before data, or why there is none.

        Args:
            budget: How many messages this turn still has.
        """
        mailbox = self.mailbox
        lock = mailbox.lock
        lock.acquire()  # `with` takes twice as long, and this is the innermost of all loops.
        try:
            if mailbox.epoch != self.epoch:
                self.current = None
                return FENCED
            control, data = mailbox.control, mailbox.data
            if not control and not data:
                # From here on another thread may step us: nothing of ours is touched any more.
                self.current = None
                self.scheduled = False
                return EMPTY
            if budget <= 0:
                self.current = None
                return TURN_OVER
            if control:
                envelope = control.popleft()
            else:
                envelope = mailbox.take_data() if mailbox._index else data.popleft()  # noqa: SLF001 (saves a call a message)
        finally:
            lock.release()
        self.handled += 1
        self.current = envelope
        return envelope

    def get(self) -> Envelope[Any]:
        """Never called: pykka's word for waiting, which nobody here does."""
        raise NotImplementedError

    def empty(self) -> bool:
        """Answer True: what waits belongs to the next incarnation, not to pykka's teardown."""
        return True

    def step(self, budget: int) -> bool:
        """Handle up to `budget` messages; return whether to be called again.

        The first step runs `on_start` alone, so that a schedule can fall between birth and mail.
        """
        actor = self.actor
        if actor is None or self.mailbox.epoch != self.epoch:
            return False
        if not self.set_up:
            self.set_up = True
            actor._actor_loop_setup()  # noqa: SLF001 (pykka's hook for backends)
            if not actor.actor_stopped.is_set():
                return True
            rest = None
        else:
            rest = actor.take_turn(budget)
        if rest is None:
            actor._actor_loop_teardown()  # noqa: SLF001
            self.actor = None
        elif rest is FENCED:
            self.actor = None
        return rest is TURN_OVER
