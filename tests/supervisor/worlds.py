"""One test body, three kinds of life: workers pooled, on a thread each, and in virtual time.

`everywhere` runs a body once on each kind of threads and on 200 schedules of the virtual runtime.
A schedule that fails names itself and the one line that repeats it.
"""

import functools
import inspect
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import Struct

from actors.kernel import Actor, Birthright, Exited, Hung, Shutdown, Started
from actors.kernel.live import LiveRuntime
from actors.kernel.virtual import Policy, VirtualRuntime
from adapters.clock import SystemClock
from supervisor.child_spec import ChildSpec, SupervisorSpec, worker
from supervisor.management import (
    ChildCounts,
    ChildInfo,
    CountChildren,
    Managed,
    Outcome,
    Request,
    WhichChildren,
)
from supervisor.supervisor import Supervisor, supervisor

PATIENCE_S = 5.0
"""Until a live world is said to hang; long, because others use the machine too."""
SEEDS_EACH = 100
"""Schedules of each of the two policies."""


class Say(Struct, frozen=True):
    """Data: remember it."""

    what: Any


class Crash(Struct, frozen=True):
    """Die of an exception of this name."""

    of: str = "ValueError"
    number: int = 0
    """Tells it from others, which would be taken for the same poison sent again."""


class Leave(Struct, frozen=True):
    """End of your own accord."""


class Hang(Struct, frozen=True):
    """Live only: do not return from this handler until the script's gate opens."""

    number: int = 0
    """Tells it from others, which would be taken for the same poison sent again."""


class Wake(Struct, frozen=True):
    """Virtual only: what hung in `on_start` gets through after all."""


DEATHS: dict[str, type[BaseException]] = {
    kind.__name__: kind
    for kind in (ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError)
}


class Script:
    """What one worker is to do; shared by all its incarnations and the test."""

    def __init__(self) -> None:
        self.starts: deque[str] = deque()
        """What the next starts do: well, fail, quit, unborn, decline, hang."""
        self.then = "well"
        """What every start after those does."""
        self.when_asked_to_stop = "well"
        """well, deaf (goes on as if nothing had been said), spiteful (dies), leave (ends normally),
        linger (ends when told to `Leave`)."""
        self.gate = threading.Event()
        """What a hanging thread waits for."""

    def next_start(self) -> str:
        return self.starts.popleft() if self.starts else self.then


class Recorded(Actor):
    """A worker that writes down its life.

    `+` started, `-` stopped in good order, `!` died, `x` failed to start, `o` declined,
    `~` was asked to stop and did not.
    """

    def __init__(self, world: "World", id_: str) -> None:
        super().__init__()
        self.world = world
        self.id = id_
        self.script = world.script(id_)
        self.plan = self.script.next_start()
        if self.plan == "unborn":
            self.world.note(f"x{id_}")
            raise ValueError("unborn")

    def on_start(self) -> None:
        match self.plan:
            case "fail" | "quit":
                self.world.note(f"x{self.id}")
                raise (ValueError if self.plan == "fail" else SystemExit)("cannot start")
            case "decline":
                self.world.note(f"o{self.id}")
                self.decline("nothing to do")
            case "hang" if self.world.live:
                self.world.hung.add(self.address)
                self.script.gate.wait(PATIENCE_S)
                self.world.note(f"+{self.id}")
            case "hang":
                assert self.announces_itself, "in virtual time only a SlowStarter may hang"
            case _:
                self.world.note(f"+{self.id}")

    def on_stop(self) -> None:
        self.world.note(f"-{self.id}")

    def on_shutdown(self) -> None:
        match self.script.when_asked_to_stop:
            case "deaf" | "linger":
                self.world.note(f"~{self.id}")
            case "spiteful":
                self.world.note(f"!{self.id}")
                raise ValueError("rather die")
            case "leave":
                self.stop()
            case _:
                super().on_shutdown()

    def on_receive(self, message: Any) -> Any:
        match message:
            case Say():
                self.world.heard.append((self.id, self.incarnation, message.what))
                return (self.id, self.incarnation)
            case Crash():
                self.world.note(f"!{self.id}")
                raise DEATHS[message.of]("told to")
            case Leave():
                self.stop()
            case Hang():
                self.world.hung.add(self.address)
                self.script.gate.wait(PATIENCE_S)
                self.world.ghosts.append(self.tell("parent", f"ghost of {self.id}"))
            case _:
                return super().on_receive(message)
        return None


class SlowStarter(Recorded):
    """Announces its start itself, so that it can hang in virtual time, where nothing may block."""

    announces_itself = True

    def on_start(self) -> None:
        super().on_start()
        if self.plan != "hang" or self.world.live:
            self.announce_started()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Wake):
            self.world.note(f"+{self.id}")
            self.announce_started()
            return None
        return super().on_receive(message)


class Ear(Actor):
    """Remembers in a list of the test's what it heard."""

    def __init__(self, heard: list[Any]) -> None:
        super().__init__()
        self.heard = heard

    def on_receive(self, message: Any) -> None:
        self.heard.append(message)


class World:
    """A runtime, a supervisor at `top` in it, and all that a test wants to see and do."""

    runtime: LiveRuntime | VirtualRuntime
    live: bool

    def __init__(self, kind: str, runtime: LiveRuntime | VirtualRuntime) -> None:
        self.kind = kind
        self.runtime = runtime
        self.live = isinstance(runtime, LiveRuntime)
        self.scripts: dict[str, Script] = {}
        self.history: list[str] = []
        self.heard: list[tuple[str, int, Any]] = []
        """(worker, incarnation, what) of every `Say`."""
        self.notices: list[Any] = []
        """What the parent of `top` heard."""
        self.answers: list[Any] = []
        self.hung: set[str] = set()
        self.ghosts: list[bool] = []
        """Whether what a released thread said was let through."""
        self._asked = 0
        self._crashes = 0
        self._changed = threading.Condition()
        for address, heard in (("parent", self.notices), ("asker", self.answers)):
            runtime.spawn(address, Birthright(make=Ear, args=(heard,)), parent=None)

    # What there is.

    def script(self, id_: str) -> Script:
        return self.scripts.setdefault(id_, Script())

    def note(self, what: str) -> None:
        with self._changed:
            self.history.append(what)
            self._changed.notify_all()

    def child(self, id_: str, make: type[Recorded] = Recorded, **settings: Any) -> ChildSpec:
        """Return the spec of a recorded worker; `name` tells it from others of its id."""
        name = settings.pop("name", id_)
        settings.setdefault("dispatcher", "thread" if self.kind == "thread" else "pool")
        return worker(id_, make, self, name, **settings)

    def children(self, ids: str, **settings: Any) -> tuple[ChildSpec, ...]:
        return tuple(self.child(id_, **settings) for id_ in ids.split())

    def spec(self, *children: ChildSpec, **rules: Any) -> SupervisorSpec:
        rules.setdefault("intensity", 10)
        rules.setdefault("period_s", 60.0)
        return SupervisorSpec(children=children, **rules)

    def sub(self, id_: str, *children: ChildSpec, **rules: Any) -> ChildSpec:
        """Return the spec of a supervisor under `top`; child settings are in `as_child`."""
        as_child = rules.pop("as_child", {})
        return supervisor(id_, self.spec(*children, **rules), **as_child)

    def __str__(self) -> str:
        """Tell all there is to know about a world in which a test failed."""
        lines = [f"history {' '.join(self.history[-60:])}", f"parent heard {self.notices}"]
        for address, mailbox in sorted(self.runtime.mailboxes.items()):
            inbox, report = mailbox.inbox, self.runtime.board.get(address)
            state = report.state if report else "not on the board"
            turn = "down" if inbox is None else f"scheduled {inbox.scheduled}"
            mail = f"{len(mailbox.control)} control, {len(mailbox.data)} data"
            lines.append(f"{address}: life {mailbox.epoch}, {state}, {mail}, {turn}")
        if isinstance(self.runtime, LiveRuntime):
            pool = self.runtime._pool
            lines.append(f"pool: {pool._awake} awake, {pool.spare} spare, {pool.waiting} waiting")
            lines.extend(thread.name for thread in threading.enumerate())
        return "\n".join(lines)

    # What happens.

    def begin(self, *children: ChildSpec, **rules: Any) -> None:
        """Bring `top` to life without waiting for anything."""
        spec = self.spec(*children, **rules)
        birth = Birthright(make=Supervisor, args=(spec,), snapshot_every_s=None)
        self.runtime.spawn("top", birth, parent="parent")

    def start(self, *children: ChildSpec, **rules: Any) -> None:
        """Bring `top` to life and wait until it has started, or failed to."""
        self.begin(*children, **rules)
        self.until(lambda: self.notices)

    def address(self, path: str) -> str:
        return f"top/{path}"

    def tell(self, path: str, message: object, *, control: bool = False) -> bool:
        return self.runtime.tell(self.address(path), message, control=control)

    def crash(self, *paths: str) -> None:
        for path in paths:
            self._crashes += 1
            self.tell(path, Crash(number=self._crashes))

    def leave(self, *paths: str) -> None:
        for path in paths:
            self.tell(path, Leave())

    def end(self, *paths: str) -> None:
        """Have workers end as if asked to, which their supervisor did not."""
        for path in paths:
            self.tell(path, Shutdown(), control=True)

    def shut_down(self) -> None:
        """Ask `top` to stop."""
        self.runtime.tell("top", Shutdown(), control=True)

    def kill(self, path: str) -> None:
        """Have the parent of `path` cut it off, as the watchdog does with what is hung."""
        address = f"top/{path}"
        mailbox = self.runtime.mailboxes[address]
        hung = Hung(
            child=address, incarnation=mailbox.epoch, busy_s=1.0, message="Killed", stack=""
        )
        self.runtime.tell(address.rpartition("/")[0], hung, control=True)

    def send(self, request: Request, to: str = "top") -> str:
        """Send a request without waiting for its answer; return its number."""
        self._asked += 1
        number = str(self._asked)
        fields = {name: getattr(request, name) for name in request.__struct_fields__}
        asked = type(request)(**fields | {"reply_to": "asker", "request": number})
        self.runtime.tell(to, asked, control=True)
        return number

    def answer(self, number: str) -> Managed | None:
        for answer in self.answers:
            if isinstance(answer, Managed) and answer.request == number:
                return answer
        return None

    def ask(self, request: Request, to: str = "top") -> Outcome:
        """Send a request and return what became of it."""
        number = self.send(request, to)
        self.until(lambda: self.answer(number))
        answer = self.answer(number)
        assert answer is not None
        return answer.outcome

    def which(self, of: str = "top") -> dict[str, ChildInfo]:
        infos: list[ChildInfo] = self.runtime.ask(
            of, WhichChildren(), timeout_s=PATIENCE_S, control=True
        )
        return {info.id: info for info in infos}

    def states(self, of: str = "top") -> dict[str, str]:
        """Return the children's states in start order, as their supervisor tells them."""
        return {id_: info.state.value for id_, info in self.which(of).items()}

    def counts(self, of: str = "top") -> tuple[int, int, int, int]:
        """Return specs, active, supervisors, workers."""
        counts: ChildCounts = self.runtime.ask(
            of, CountChildren(), timeout_s=PATIENCE_S, control=True
        )
        return (counts.specs, counts.active, counts.supervisors, counts.workers)

    def up(self) -> str:
        """Return the paths of all that live below `top`."""
        return " ".join(
            address.removeprefix("top/")
            for address, mailbox in sorted(self.runtime.mailboxes.items())
            if address.startswith("top/") and mailbox.inbox is not None
        )

    def life(self, path: str) -> int:
        """Return the number of the newest incarnation."""
        mailbox = self.runtime.mailboxes.get(self.address(path))
        return mailbox.epoch if mailbox is not None else 0

    def state(self, path: str) -> str:
        """Return what the board says, without asking anybody."""
        report = self.runtime.board.get(self.address(path))
        return report.state if report is not None else "unknown"

    def exits(self) -> list[Exited]:
        """Return how `top` ended, so far as its parent heard."""
        return [notice for notice in self.notices if isinstance(notice, Exited)]

    def exit(self) -> Exited:
        """Wait for `top` to end and return how."""
        self.until(self.exits)
        return self.exits()[0]

    def announced(self) -> bool:
        """Return whether `top` has started, so far as its parent heard."""
        return any(isinstance(notice, Started) for notice in self.notices)

    # How to wait.

    def shows(self, history: str) -> None:
        """Let things happen until the history is this, and see that it stays so."""
        expected = history.split()
        self.until(
            lambda: len(self.history) >= len(expected),
            f"expected {history}",
        )
        self.settle()
        assert " ".join(self.history) == " ".join(expected)

    def until(
        self,
        what: Callable[[], object],
        otherwise: str = "what was waited for did not happen",
        within_s: float = PATIENCE_S,
    ) -> None:
        """Let things happen until `what()` holds; fail when it never does."""
        runtime = self.runtime
        if isinstance(runtime, VirtualRuntime):
            until_ns = runtime.clock.elapsed_ns + int(within_s * 1e9)
            while not what():
                assert runtime.step(until_ns), f"{otherwise}, nothing is left to happen\n{self}"
            return
        deadline = time.monotonic() + within_s
        while not what():
            assert time.monotonic() < deadline, f"{otherwise}\n{self}"
            with self._changed:
                self._changed.wait(0.001)

    def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        if isinstance(self.runtime, VirtualRuntime):
            self.runtime.settle()
            return
        seen: list[int] = []

        def still() -> bool:
            done = self._done()
            seen.append(-1 if done is None else done)
            # Nobody is at work and nothing was done between two looks: then nothing is under way.
            return len(seen) > 1 and seen[-2] == seen[-1] >= 0

        self.until(still, "it does not come to rest")

    def _done(self) -> int | None:
        """Return how much has been done so far; None while somebody is at work."""
        assert isinstance(self.runtime, LiveRuntime)
        if self.runtime._pool.waiting:
            return None
        done = 0
        at_rest = set()
        for address, mailbox in list(self.runtime.mailboxes.items()):
            inbox = mailbox.inbox
            done += mailbox.epoch + mailbox.handled + (inbox.handled if inbox else 0)
            if inbox is not None and inbox.scheduled and address not in self.hung:
                return None
            if inbox is None:
                at_rest.add(address)
        for worker_ in list(self.runtime._pool.workers):
            inbox = worker_.inbox
            if inbox is not None and inbox.mailbox.address not in self.hung:
                return None
        for thread in threading.enumerate():
            # An own thread whose actor has ended may still be about to tell the parent.
            address = thread.name.rpartition("-")[0]
            if address in at_rest and address not in self.hung:
                return None
        return done

    def let_pass(self, for_s: float) -> None:
        """Let this much time pass, as the runtime's own timers measure it."""
        if isinstance(self.runtime, VirtualRuntime):
            self.runtime.run(for_s=for_s)
            return
        rang: list[Any] = []
        self.runtime.spawn("alarm", Birthright(make=Alarm, args=(for_s, rang)), parent=None)
        self.until(lambda: rang)

    def close(self) -> None:
        for script in self.scripts.values():
            script.gate.set()
        if isinstance(self.runtime, LiveRuntime):
            self.runtime.close()


class Alarm(Ear):
    """Rings once."""

    def __init__(self, after_s: float, heard: list[Any]) -> None:
        super().__init__(heard)
        self.after_s = after_s

    def on_start(self) -> None:
        self.after(self.after_s, "ring")


def live_world(kind: str, **settings: Any) -> World:
    """Return a world on threads."""
    return World(kind, LiveRuntime(SystemClock(), **settings))


def virtual_world(seed: int, policy: Policy = Policy.RANDOM) -> World:
    """Return a world in virtual time."""
    return World("virtual", VirtualRuntime(seed=seed, policy=policy, traced=False))


def schedules(each: int = SEEDS_EACH) -> Iterator[tuple[Policy, int]]:
    """Yield policies and seeds: those SEEDS names in the environment, as `pct:17`, or the first."""
    chosen = os.environ.get("SEEDS")
    if chosen is not None:
        policy, _, seeds = chosen.partition(":")
        first, _, last = seeds.partition("-")
        for seed in range(int(first), int(last or first) + 1):
            yield Policy(policy), seed
        return
    for seed in range(each):
        for policy in (Policy.RANDOM, Policy.PCT):
            yield policy, seed


def name_schedule(error: BaseException, policy: Policy, seed: int) -> None:
    """Add to `error` how to repeat the run that caused it."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
    error.add_note(f"to repeat: SEEDS={policy.value}:{seed} scripts/test '{test}'")


def everywhere(body: Callable[..., None]) -> Callable[..., None]:
    """Run `body(world, ...)` on both kinds of threads and on 200 virtual schedules."""
    return _run_in(body, "pool", "thread", "virtual")


def live(body: Callable[..., None]) -> Callable[..., None]:
    """Run `body(world, ...)` on both kinds of threads."""
    return _run_in(body, "pool", "thread")


def virtually(body: Callable[..., None]) -> Callable[..., None]:
    """Run `body(world, ...)` on 200 virtual schedules."""
    return _run_in(body, "virtual")


def _run_in(body: Callable[..., None], *kinds: str) -> Callable[..., None]:
    def once(world: World, fixtures: dict[str, Any]) -> None:
        try:
            body(world, **fixtures)
        finally:
            world.close()

    @functools.wraps(body)
    def test(kind: str, **fixtures: Any) -> None:
        if kind != "virtual":
            once(live_world(kind), fixtures)
            return
        for policy, seed in schedules():
            try:
                once(virtual_world(seed, policy), fixtures)
            except BaseException as error:
                name_schedule(error, policy, seed)
                raise

    world, *others = inspect.signature(body).parameters.values()
    assert world.name == "world"
    kind = inspect.Parameter("kind", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__signature__ = inspect.Signature([kind, *others])  # type: ignore[attr-defined]
    marked: Callable[..., None] = pytest.mark.parametrize("kind", kinds)(test)
    return marked
