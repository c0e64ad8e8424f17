"""What both runtimes share: addresses, births and deaths, sending, watching, snapshots, a census.

`LiveRuntime` and `VirtualRuntime` add a clock, a dispatcher and timers.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from pykka._envelope import Envelope

from actors.kernel.actor import Actor, Birth
from actors.kernel.backend import SteppedFuture
from actors.kernel.bus import Bus
from actors.kernel.dead_letters import DeadLetters, Poison, Quarantine, Undelivered
from actors.kernel.lifecycle import ChildReport, Exited, ExitKind, Restarted, Shutdown, Terminated
from actors.kernel.mailbox import (
    CONTROL_POLICY,
    DATA_POLICY,
    Address,
    Dispatcher,
    Fenced,
    Inbox,
    LanePolicy,
    Mailbox,
)
from actors.kernel.snapshots import MemorySnapshots, SnapshotStore, Stored
from actors.kernel.tape import Instant, Tape
from adapters.ports import Clock

FOREVER = float("inf")
CLOSED_REMEMBERED = 10_000
"""Addresses closed for good whose last epoch is still known."""


class StartFailed(Exception):
    """An actor's `__init__` raised; nothing lives at the address."""


class Timer(Protocol):
    """A message on its way from the future."""

    def cancel(self) -> None:
        """Do not deliver it; harmless when it was delivered already."""
        ...


class Probe(Protocol):
    """Where a simulation injects faults into handlers. Live there is none."""

    def before(self, address: str, message: object) -> None:
        """Called before a handler; may raise in its place."""
        ...

    def sending(self, address: str, message: object) -> None:
        """Called before each message a handler sends; may raise between two of them."""
        ...

    def after(self, address: str, message: object) -> None:
        """Called after a handler; may raise as if it had been its last line."""
        ...


@dataclass(frozen=True, kw_only=True)
class Birthright:
    """How an actor is to be born: everything about it but its place in the tree."""

    make: type[Actor]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    dispatcher: str = "pool"
    """`pool`: a few threads step everyone. `background`: the same, for an actor that can wait until
    nobody else has mail. `thread`: one of its own, for an actor that itself waits for something."""
    hang_s: float = FOREVER
    """Seconds one handler may take before the watchdog calls it hung."""
    snapshot_every_s: float | None = 5.0
    recorded: bool = False
    """Whether what it hears goes to the runtime's tape, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The machine's view of one address at one moment."""

    address: str
    kind: str
    """Class of the living incarnation, empty while there is none."""
    incarnation: int
    alive: bool
    closed: bool
    control: int
    data: int
    handled: int
    dropped: int
    conflated: int
    busy_with: str
    """Type of the message being handled, empty between handlers."""


class Runtime(ABC):
    """Where actors live. Everything but `ask` may be called from any thread and never blocks."""

    clock: Clock
    seed: int
    probe: Probe | None = None
    tape: Tape | None = None

    def __init__(self, snapshots: SnapshotStore | None = None) -> None:
        self.bus = Bus()
        self.dead_letters = DeadLetters()
        self.quarantine = Quarantine()
        self.snapshots: SnapshotStore = snapshots or MemorySnapshots()
        self.mailboxes: dict[str, Mailbox] = {}
        self._below: dict[str, dict[str, None]] = {}
        """The paths directly below each path, so that a subtree costs only its own size."""
        self._closed: dict[str, int] = {}
        self._lock = threading.Lock()
        self._watchers: dict[str, tuple[str, ...]] = {}
        self._snapshot_times: dict[str, int] = {}
        self._drilled_starts: set[str] = set()
        self.board: dict[str, ChildReport] = {}
        """Where every supervised child stands, by address; written by supervisors."""

    def instant(self) -> Instant:
        """Return the present moment, by both clocks."""
        return Instant(self.clock.now_ns(), self.clock.monotonic_ns())

    def give_way(self) -> None:  # noqa: B027 - where there is one thread there is nothing to do
        """Let another thread go on at once, where there are others."""

    @abstractmethod
    def start_timer(self, inbox: Inbox, delay_s: float, message: object) -> Timer:
        """Put `message` into the control lane after `delay_s`, if `inbox` still lives there."""

    @abstractmethod
    def dispatcher_for(self, birthright: Birthright, address: str) -> Dispatcher:
        """Return what will step an incarnation."""

    def open(
        self,
        address: str,
        *,
        control: LanePolicy = CONTROL_POLICY,
        data: LanePolicy = DATA_POLICY,
    ) -> None:
        """Make an address that keeps mail from now on, also before its actor lives."""
        with self._lock:
            if address not in self.mailboxes:
                mailbox = Mailbox(
                    Address(address),
                    self.dead_letters,
                    control=control,
                    data=data,
                    monotonic_ns=self.clock.monotonic_ns,
                )
                # News of lives before it was closed may still be under way.
                mailbox.epoch = self._closed.pop(address, 0)
                self.mailboxes[address] = mailbox
                self._link(address)

    def spawn(
        self, address: str, birthright: Birthright, *, parent: str | None, by: Inbox | None = None
    ) -> int:
        """Bring a new incarnation to life at `address`, fencing the one before; return its number.

        `on_start` has not run when this returns: `Started` or `Exited` goes to `parent`.

        Args:
            address: Where it is to live.
            birthright: How it is born.
            parent: Address that hears of it.
            by: The incarnation on whose behalf; once fenced it brings nobody to life any more.

        Raises:
            StartFailed: `__init__` raised.
            Fenced: `by` has been cut off; nobody would look after the child.
        """
        with _unfenced(by):
            self.open(address)
            mailbox = self.mailboxes[address]
            epoch = mailbox.take_over()
        dispatcher = self.dispatcher_for(birthright, address)
        inbox = Inbox(mailbox, epoch, dispatcher, parent=parent, hang_s=birthright.hang_s)
        actor = birthright.make.__new__(birthright.make)
        tape = self.tape if birthright.recorded else None
        actor.be_born(Birth(self, inbox, birthright.snapshot_every_s, tape))
        try:
            actor.__init__(*birthright.args, **birthright.kwargs)  # type: ignore[misc]
        except BaseException as error:
            dispatcher.release(inbox)
            raise StartFailed(f"{type(error).__name__}: {error}") from error
        inbox.actor = actor
        with _unfenced(by):
            mailbox.settle(inbox)
        if epoch > 1:
            self._tell_watchers(address, Restarted(address=address, incarnation=epoch))
        return epoch

    def send(self, sender: Inbox, address: str, message: object, *, control: bool) -> bool:
        """Send for an actor, unless it has been fenced."""
        if self.probe is not None:
            self.probe.sending(sender.mailbox.address, message)
        if sender.epoch != sender.mailbox.epoch:
            self.dead_letters.add(address, message, Undelivered.FENCED)
            return False
        mailbox = self.mailboxes.get(address)
        if mailbox is None:
            return self._lost(address, message)
        own = mailbox is sender.mailbox
        return mailbox.put(Envelope(message), control=control, own=own)

    def tell(self, address: str, message: object, *, control: bool = False) -> bool:
        """Send from outside of actors; False when it went to the dead letters instead."""
        mailbox = self.mailboxes.get(address)
        if mailbox is None:
            return self._lost(address, message)
        return mailbox.put(Envelope(message), control=control)

    def shut_down(self, address: str, incarnation: int) -> None:
        """Ask one incarnation to stop; one that comes after it will not hear of it."""
        self.mailboxes[address].put_for_life(incarnation, Shutdown())

    def publish(self, message: object, *, pair: str | None = None, control: bool = False) -> None:
        """Send from outside of actors to whoever subscribed."""
        for listener in self.bus.listeners(type(message), pair or getattr(message, "pair", None)):
            self.tell(listener, message, control=control)

    def ask(self, address: str, message: object, *, timeout_s: float, control: bool = False) -> Any:
        """Send from the edge and wait for what the handler returns.

        Raises:
            pykka.Timeout: No answer within `timeout_s`.
            pykka.ActorDeadError: Nobody will answer.
            Exception: Whatever the handler raised; the actor is being restarted for it.
        """
        future = self.ask_later(address, message, control=control)
        return future.get(timeout=timeout_s)

    def ask_later(self, address: str, message: object, *, control: bool = False) -> SteppedFuture:
        """Send from the edge; the future holds what the handler returns."""
        future = SteppedFuture()
        self.open(address)
        self.mailboxes[address].put(Envelope(message, reply_to=future), control=control)
        return future

    def fence(self, address: str) -> list[str]:
        """Cut off whoever lives at `address` and below it; return who was.

        Their mail stays. No `Exited` follows: whoever fences knows.
        """
        fenced = []
        for path in self._subtree(address):
            mailbox = self.mailboxes.get(path)
            if mailbox is not None and mailbox.inbox is not None:
                mailbox.take_over()
                fenced.append(path)
                report = self.board.get(path)
                if report is not None:
                    self.board[path] = msgspec.structs.replace(report, state="stopped")
        return fenced

    def close(self, address: str) -> None:
        """Give up `address` and everything below it for good; waiting mail is refused."""
        for path in list(self._subtree(address)):
            mailbox = self.mailboxes.get(path)
            if mailbox is None:
                continue
            mailbox.close()
            self.bus.forget(path)
            self.board.pop(path, None)
            self._snapshot_times.pop(path, None)
            with self._lock:
                del self.mailboxes[path]
                self._closed[path] = mailbox.epoch
                if len(self._closed) > CLOSED_REMEMBERED:
                    del self._closed[next(iter(self._closed))]
                watchers = self._watchers.pop(path, ())
            for watcher in watchers:
                self.tell(watcher, Terminated(address=path), control=True)
        with self._lock:
            self._unlink(address)

    def watch(self, watcher: str, address: str) -> None:
        """Have `watcher` hear `Restarted` and `Terminated` of `address`; at once when closed."""
        with self._lock:
            closed = address in self._closed
            watchers = self._watchers.get(address, ())
            if not closed and watcher not in watchers:
                self._watchers[address] = (*watchers, watcher)
        if closed:
            self.tell(watcher, Terminated(address=address), control=True)

    def report(self, report: ChildReport) -> None:
        """Note where a child stands, for whoever asks or listens."""
        self.board[report.address] = report
        self.publish(report)

    def below(self, address: str) -> list[str]:
        """Return the open addresses directly below `address`."""
        with self._lock:
            return [path for path in sorted(self._below.get(address, ())) if path in self.mailboxes]

    def announce(self, child: Inbox, message: object) -> None:
        """Tell a child's parent about it."""
        if child.parent is not None and child.epoch == child.mailbox.epoch:
            self.tell(child.parent, message, control=True)

    def ended(
        self,
        inbox: Inbox,
        *,
        kind: ExitKind,
        error: tuple[str, str],
        poison: Envelope[Any] | None,
    ) -> None:
        """An incarnation has ended by itself: free its place and tell its parent."""
        mailbox = inbox.mailbox
        if not mailbox.vacate(inbox):
            return  # It had been fenced; whoever did it knows.
        if poison is not None:
            self.blame(inbox, poison, error)
        if inbox.parent is not None:
            self.tell(
                inbox.parent,
                Exited(
                    child=mailbox.address,
                    incarnation=inbox.epoch,
                    kind=kind,
                    reason=error[0],
                    started=inbox.started,
                    traceback=error[1],
                ),
                control=True,
            )

    def save_snapshot(self, address: str, schema: int, state: msgspec.Struct) -> None:
        """Keep an actor's state."""
        taken_ns = self.clock.now_ns()
        self._snapshot_times[address] = taken_ns
        self.snapshots.save(address, Stored(schema, msgspec.json.encode(state), taken_ns))

    def snapshot_taken_ns(self, address: str) -> int | None:
        """Return when the state of `address` was last kept."""
        return self._snapshot_times.get(address)

    def census(self) -> list[Count]:
        """Return every address and what it is doing, by path."""
        return [_count(mailbox) for _, mailbox in sorted(self.mailboxes.items())]

    @abstractmethod
    def hang(self, inbox: Inbox) -> None:
        """Do not return from a drilled actor's handler until it has been fenced."""

    def drill_start(self, address: str) -> None:
        """Have the next start at `address` fail."""
        self._drilled_starts.add(address)

    def start_is_drilled(self, address: str) -> bool:
        """Return, once, whether this start is to fail."""
        if address not in self._drilled_starts:
            return False
        self._drilled_starts.discard(address)
        return True

    def oldest_ms(self, address: str) -> float:
        """Return how long the oldest mail at `address` has waited, as far as is known."""
        del address
        return 0.0

    def busy_ms(self, address: str) -> float:
        """Return how long the actor at `address` has been in its present handler."""
        del address
        return 0.0

    def inlet(self, address: str, *, control: bool = False) -> Callable[[object], None]:
        """Return a function that puts messages into the mailbox of `address`."""

        def deliver(message: object) -> None:
            self.tell(address, message, control=control)

        return deliver

    def blame(self, inbox: Inbox, poison: Envelope[Any], error: tuple[str, str]) -> None:
        """Put a message that killed or hung its actor aside; refuse its like after two deaths."""
        address = inbox.mailbox.address
        self.dead_letters.add(address, poison.message, Undelivered.POISON)
        denial = self.quarantine.add(
            Poison(address, inbox.epoch, poison.message, error[0], error[1]),
            self.clock.monotonic_ns(),
        )
        if denial is not None:
            inbox.mailbox.deny(*denial)

    def _lost(self, address: str, message: object) -> bool:
        known = address in self._closed
        why = Undelivered.CLOSED if known else Undelivered.ABSENT
        self.dead_letters.add(address, message, why)
        return False

    def _subtree(self, address: str) -> Iterator[str]:
        """Yield `address` and all below it, top down.

        Who lives below a path is looked up after that path was yielded: once it is fenced nobody
        new is born there, so fencing on the way misses no one.
        """
        yield address
        with self._lock:
            below = sorted(self._below.get(address, ()))
        for path in below:
            yield from self._subtree(path)

    def _link(self, address: str) -> None:
        above = address.rpartition("/")[0]
        beside = self._below.setdefault(above, {})
        known = address in beside
        beside[address] = None
        if above and not known:
            self._link(above)

    def _unlink(self, address: str) -> None:
        for path in list(self._below.get(address, ())):
            self._unlink(path)
        if address in self.mailboxes or self._below.get(address):
            return  # Opened again meanwhile.
        self._below.pop(address, None)
        above = address.rpartition("/")[0]
        self._below.get(above, {}).pop(address, None)
        if above and above not in self.mailboxes and not self._below.get(above):
            self._unlink(above)

    def _tell_watchers(self, address: str, message: object) -> None:
        for watcher in self._watchers.get(address, ()):
            self.tell(watcher, message, control=True)


@contextmanager
def _unfenced(inbox: Inbox | None) -> Iterator[None]:
    """Keep an incarnation from being fenced meanwhile.

    Raises:
        Fenced: It has been already.
    """
    if inbox is None:
        yield
        return
    with inbox.mailbox.lock:
        if inbox.epoch != inbox.mailbox.epoch:
            raise Fenced
        yield


def _count(mailbox: Mailbox) -> Count:
    inbox = mailbox.inbox
    actor = inbox.actor if inbox is not None else None
    current = inbox.current if inbox is not None else None
    return Count(
        address=mailbox.address,
        kind=type(actor).__name__ if actor is not None else "",
        incarnation=mailbox.epoch,
        alive=inbox is not None,
        closed=mailbox.closed,
        control=len(mailbox.control),
        data=len(mailbox.data),
        handled=mailbox.handled + (inbox.handled if inbox is not None else 0),
        dropped=mailbox.dropped,
        conflated=mailbox.conflated,
        busy_with=type(current.message).__name__ if current is not None else "",
    )
