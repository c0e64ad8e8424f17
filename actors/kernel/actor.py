"""The base class of every Gatehouse actor: what a handler may do, and how an incarnation ends.

An actor never knows which runtime it lives in. Whatever differs between them (time, chance, ids,
delivery) comes through its `Birth`, so the same class runs on threads and in virtual time.
"""

import random
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, final

from msgspec import Struct
from pykka._envelope import Envelope

from actors.kernel import snapshots
from actors.kernel.backend import SteppedActor
from actors.kernel.lifecycle import (
    DenialOver,
    Drill,
    ExitKind,
    Fault,
    Shutdown,
    SnapshotDue,
    Started,
    Stop,
)
from actors.kernel.mailbox import Inbox
from actors.kernel.snapshots import Upgrade
from actors.kernel.tape import Instant, Tape
from state.values import TimeNs

if TYPE_CHECKING:
    from actors.kernel.runtime import Birthright, Runtime, Timer


class Drilled(Exception):
    """What an actor dies of when it is drilled."""


class MailMissed(Exception):
    """What an actor dies of when mail that it was refused could be good again."""


class HandlerDied(Exception):
    """Stands in for a BaseException of a handler, which pykka would take as: stop everyone."""


@dataclass(frozen=True, slots=True)
class Birth:
    """What the runtime gives an incarnation before its `__init__` runs."""

    runtime: "Runtime"
    inbox: Inbox
    snapshot_every_s: float | None
    tape: Tape | None = None


class Actor(SteppedActor):
    """One concern. Override `on_receive`, and `on_start`, `on_stop`, `snapshot`, `restore` at need.

    `__init__` runs in the starter's thread: keep it to assignments. Everything else belongs in
    `on_start`, which runs where the actor lives. A handler must not block, sleep, lock, or reach
    for a clock, chance or an id other than those below.
    """

    snapshot_type: ClassVar[type[Struct] | None] = None
    """What `snapshot` returns: a frozen struct of plain data; None for an actor without state."""
    snapshot_schema: ClassVar[int] = 1
    snapshot_upgrades: ClassVar[Mapping[int, Upgrade]] = {}
    """From schema n to n + 1, by n."""
    announces_itself: ClassVar[bool] = False
    """True: being started takes more than `on_start`; the actor calls `announce_started`."""

    _birth: Birth
    _inbox: Inbox
    _runtime: "Runtime"
    _instant: Instant | None = None
    """Of a recorded actor: when its present handler began."""

    def __init__(self) -> None:
        super().__init__()
        self._kind: ExitKind | None = None
        self._raised = False
        self._error: tuple[str, str] = ("", "")
        self._declined: str | None = None
        self._random: random.Random | None = None
        self._last_id = 0

    def be_born(self, birth: Birth) -> None:
        """Take what the runtime gives, before `__init__`."""
        self._birth = birth
        self._inbox, self._runtime = birth.inbox, birth.runtime

    def on_receive(self, message: Any) -> Any:
        """Handle one message. What it returns goes to an asker at the edge, if there is one."""
        raise TypeError(f"{self.address} cannot handle {type(message).__name__}")

    def snapshot(self) -> Struct | None:
        """Return the state worth keeping, or None for nothing yet. Called between handlers."""
        return None

    def restore(self, snapshot: Any) -> None:
        """Take over the newest snapshot. Called before `on_start`, never when there is none."""

    @property
    def address(self) -> str:
        """Where mail for this actor goes, now and after a restart."""
        return self._inbox.mailbox.address

    @property
    def incarnation(self) -> int:
        """Which life this is, from 1."""
        return self._inbox.epoch

    @property
    def fenced(self) -> bool:
        """Whether a newer incarnation lives here: then nothing may be done to the world."""
        return self._inbox.epoch != self._inbox.mailbox.epoch

    @property
    def mail_waits(self) -> bool:
        """Whether more data waits: who is told how something stands may skip to the newest."""
        return bool(self._inbox.mailbox.data)

    @property
    def random(self) -> random.Random:
        """Chance, seeded by the runtime, the address and the incarnation."""
        if self._random is None:
            seed = f"{self._runtime.seed}:{self.address}:{self.incarnation}"
            self._random = random.Random(seed)  # noqa: S311 (reproducible on purpose)
        return self._random

    def next_id(self) -> str:
        """Return an id that no other incarnation of this address uses within this process."""
        self._last_id += 1
        return f"{self.incarnation}.{self._last_id}"

    def now_ns(self) -> TimeNs:
        """Return the time, UTC nanoseconds; virtual in simulation."""
        if self._instant is not None:
            return TimeNs(self._instant.now_ns)
        return self._runtime.clock.now_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds since some fixed instant; never goes back."""
        if self._instant is not None:
            return self._instant.monotonic_ns
        return self._runtime.clock.monotonic_ns()

    def tell(self, address: str, message: object) -> bool:
        """Send data; False when it went to the dead letters instead."""
        return self._runtime.send(self._inbox, address, message, control=False)

    def tell_control(self, address: str, message: object) -> bool:
        """Send something that must overtake data: an order to stop, a change of session."""
        return self._runtime.send(self._inbox, address, message, control=True)

    def publish(
        self,
        message: object,
        *,
        topic: type[Any] | None = None,
        pair: str | None = None,
        control: bool = False,
    ) -> None:
        """Send to whoever subscribed to its type, for `pair` or its own `pair` member."""
        runtime = self._runtime
        kind = topic or type(message)
        of = pair or getattr(message, "pair", None)
        for listener in runtime.bus.listeners(kind, of):
            runtime.send(self._inbox, listener, message, control=control)

    def subscribe(self, topic: type[Any], pair: str | None = None) -> None:
        """Hear every `topic` message of `pair`, or of all pairs. Survives restarts; idempotent."""
        self._runtime.bus.subscribe(self.address, topic, pair)

    def after(self, delay_s: float, message: object) -> "Timer":
        """Have `message` in the control lane after `delay_s`, unless this incarnation ends."""
        return self._runtime.start_timer(self._inbox, delay_s, message)

    def watch(self, address: str) -> None:
        """Hear `Restarted` and, once it is closed for good, `Terminated` of `address`."""
        self._runtime.watch(self.address, address)

    def spawn(self, address: str, birthright: "Birthright") -> int:
        """Bring a child to life and hear of its start and its end; return its incarnation.

        Raises:
            StartFailed: Its `__init__` raised.
            Fenced: We have been cut off; nobody would look after it.
        """
        return self._runtime.spawn(address, birthright, parent=self.address, by=self._inbox)

    def inlet(self, *, control: bool = False) -> Callable[[object], None]:
        """Return a function with which any thread may put mail into this mailbox."""
        return self._runtime.inlet(self.address, control=control)

    def give_way(self) -> None:
        """Let whoever was just told go on before we do: for one who has a thread of its own."""
        self._runtime.give_way()

    def stop(self) -> None:
        """End of our own accord, after this handler."""
        self._inbox.mailbox.put_for_life(self.incarnation, Stop())

    def decline(self, reason: str) -> None:
        """In `on_start`: nothing to do for me; do not run me and do not call it a fault."""
        self._declined = reason

    def on_shutdown(self) -> None:
        """Somebody asked us to stop. Whoever needs more than `on_stop` ends with `finish`."""
        self.finish(ExitKind.SHUTDOWN)

    def finish(self, kind: ExitKind) -> None:
        """Take a last snapshot, run `on_stop` and end with this handler."""
        self._end(kind)
        self._save()
        self.on_stop()

    def fail(self, reason: str) -> None:
        """End with this handler as if an exception had left it, but blame no message."""
        self._error = (reason, "")
        self._end(ExitKind.ERROR)

    def announce_started(self) -> None:
        """Tell the parent that the start is complete; the kernel does it after `on_start`."""
        self._inbox.started = True
        self._runtime.announce(
            self._inbox,
            Started(
                child=self.address,
                incarnation=self.incarnation,
                disabled=self._declined is not None,
                reason=self._declined or "",
            ),
        )

    @property
    def machine(self) -> "Runtime":
        """The runtime itself, for those whose concern is the machine: look, do not send."""
        return self._birth.runtime

    @final
    def _create_actor_inbox(self) -> Inbox:  # type: ignore[override]
        inbox = self._birth.inbox
        self.actor_urn = f"{inbox.mailbox.address}:{inbox.epoch}"
        return inbox

    @final
    def _start_actor_loop(self) -> None:
        raise TypeError(f"{type(self).__name__} is started by a supervisor's spawn, not by start()")

    @final
    def _actor_loop_setup(self) -> None:
        try:
            if self._runtime.start_is_drilled(self.address):
                raise Drilled("start failure")
            self._restore()
            if self._birth.tape is not None:
                self._be_recorded(self._birth.tape)
            self.on_start()
        except BaseException:  # noqa: BLE001 (every way to die is a death notice)
            self._handle_failure(*sys.exc_info())
            return
        if self._declined is not None:
            self._end(ExitKind.NORMAL)
        elif self._birth.snapshot_every_s is not None and self.snapshot_type is not None:
            self.after(self._birth.snapshot_every_s, SnapshotDue())
        denied_s = self._inbox.mailbox.denied_for_s()
        if denied_s:
            self.after(denied_s, DenialOver())
        if not self.announces_itself:
            self.announce_started()

    @final
    def _handle_receive(self, message: Any) -> Any:
        probe = self._runtime.probe
        if probe is not None:
            probe.before(self.address, message)
        try:
            if type(message) in _OURS:
                self._instant = None
                return self._handle_ours(message)
            tape = self._birth.tape
            if tape is not None:
                at = self._instant = self._runtime.instant()
                tape.handled(self.address, self.incarnation, at, message)
            answer = self.on_receive(message)
            if probe is not None:
                probe.after(self.address, message)
        except Exception:
            current = self._inbox.current
            if current is not None and current.reply_to is not None:
                # pykka would hand the error to the asker and let a half-changed actor live on.
                self._handle_failure(*sys.exc_info())
            raise
        except BaseException as error:
            raise HandlerDied(f"{type(error).__name__}: {error}") from error
        else:
            return answer

    def _be_recorded(self, tape: Tape) -> None:
        at = self._instant = self._runtime.instant()
        began = None
        if self.snapshot_type is not None:
            began = self._runtime.snapshots.newest(self.address)
        tape.born(self.address, self.incarnation, at, began)

    def _handle_ours(self, message: Any) -> None:
        match message:
            case Shutdown():
                self.on_shutdown()
            case Stop():
                self.finish(ExitKind.NORMAL)
            case Drill():
                self._suffer(message.fault)
            case DenialOver():
                # Who sent it may never say it again: to begin anew is to ask for everything.
                if self._inbox.mailbox.missed:
                    raise MailMissed(f"{self._inbox.mailbox.missed} refused as poison")
            case _:  # SnapshotDue
                self._save()
                assert self._birth.snapshot_every_s is not None
                self.after(self._birth.snapshot_every_s, SnapshotDue())

    def _suffer(self, fault: Fault) -> None:
        match fault:
            case Fault.HANG:
                self._runtime.hang(self._inbox)
            case Fault.START_FAILURE:
                self._runtime.drill_start(self.address)
                raise Drilled("crash, to fail at the next start")
            case Fault.CRASH:
                raise Drilled("crash")

    def _end(self, kind: ExitKind) -> None:
        self._kind = kind
        self.actor_stopped.set()

    @final
    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert exception_type is not None
        assert exception_value is not None
        self._error = (
            f"{exception_type.__name__}: {exception_value}",
            death_told(exception_value, traceback),
        )
        self._raised = True
        self._end(ExitKind.ERROR)

    @final
    def _actor_loop_teardown(self) -> None:
        poison: Envelope[Any] | None = self._inbox.current if self._raised else None
        self._runtime.ended(
            self._inbox,
            kind=self._kind or ExitKind.NORMAL,
            error=self._error,
            poison=poison,
        )

    def _save(self) -> None:
        state = self.snapshot() if self.snapshot_type is not None else None
        if state is not None:
            self._runtime.save_snapshot(self.address, self.snapshot_schema, state)

    def _restore(self) -> None:
        if self.snapshot_type is None:
            return
        stored = self._runtime.snapshots.newest(self.address)
        if stored is not None:
            self.restore(
                snapshots.decode(
                    stored, self.snapshot_type, self.snapshot_schema, self.snapshot_upgrades
                )
            )


_OURS = frozenset({Shutdown, Stop, SnapshotDue, Drill, DenialOver})


def death_told(error: BaseException, where: TracebackType | None) -> str:
    """Return the text of a death: where it happened, and of what."""
    chained = error.__cause__ is not None or error.__context__ is not None
    if chained or isinstance(error, BaseExceptionGroup):
        return "".join(traceback.format_exception(type(error), error, where))
    # The same without the marks beneath the lines: to place them every line is parsed, a third of
    # what a restart takes.
    frames = [
        (frame.f_code.co_filename, line, frame.f_code.co_name, None)
        for frame, line in traceback.walk_tb(where)
    ]
    return "".join(
        (
            "Traceback (most recent call last):\n",
            *traceback.format_list(frames),
            *traceback.format_exception_only(error),
        )
    )
