"""A supervisor: an actor whose only concern is that its children live.

It never blocks. What it does is a plan, a queue of steps of which one at a time is awaited, with a
message for its time-out; deaths and requests that arrive meanwhile wait their turn, except those
to stop, which overtake. Each message carries the child's incarnation, and stale ones are ignored.
Semantics and tests: docs/supervision.md.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

from msgspec import Struct

from actors.kernel import Actor, Cycle, Exited, ExitKind, Hung, Shutdown, Started, StartFailed
from supervisor.child_spec import (
    BRUTAL,
    INFINITY,
    AutoShutdown,
    Boot,
    ChildSpec,
    Restart,
    SpecInvalid,
    Strategy,
    SupervisorSpec,
    worker,
)
from supervisor.children import Child, Children
from supervisor.management import (
    ChildState,
    CountChildren,
    CycleChild,
    DeleteChild,
    GetChildSpec,
    Managed,
    Outcome,
    ReplaceSpec,
    Request,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)
from supervisor.restart_budget import RestartBudget
from supervisor.restart_plan import is_restarted, restart_plan


@dataclass(frozen=True, slots=True)
class _Start:
    """Step: start a child that is down."""

    id: str
    request: Request | None = None
    """Who asked by hand: a failure then is an answer, not a fault to count."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """Step: stop these; one by one is the rule, dynamic children go together."""

    ids: tuple[str, ...]
    keep: bool = False
    """Keep the spec of a temporary child."""


@dataclass(frozen=True, slots=True)
class _Then:
    """Step: go on with something."""

    action: Callable[[], None]


class _StartTimeout(Struct, frozen=True):
    id: str
    incarnation: int


class _StopTimeout(Struct, frozen=True):
    id: str
    incarnation: int


class _RetryDue(Struct, frozen=True):
    id: str
    retry: int


class Supervisor(Actor):
    """As many as the tree has inner nodes. Owns its children's lives; a restart begins them anew.

    Args:
        spec: Rules and children.
        prefix: Path above the children's addresses; its own address when None, none when empty.
    """

    announces_itself = True

    def __init__(self, spec: SupervisorSpec, prefix: str | None = None) -> None:
        super().__init__()
        self._spec = spec
        self._prefix = prefix
        self._children = Children()
        self._budget = RestartBudget(spec.intensity, spec.period_s)
        self._plan: deque[_Start | _Stop | _Then] = deque()
        self._awaiting: _Start | _Stop | None = None
        self._later: deque[Callable[[], None]] = deque()
        self._ending: tuple[ExitKind, str] | None = None
        self._announced = False

    def on_start(self) -> None:
        """Adopt the children and begin to start them in order."""
        self._end_former_life()
        for spec in self._spec.children:
            self._adopt(spec)
        self._plan.extend(_Start(id_) for id_ in self._children.order())
        self._advance()

    def on_shutdown(self) -> None:
        """Stop the children in reverse start order, then end."""
        self._end_with(ExitKind.SHUTDOWN, "asked to stop")

    def on_receive(self, message: Any) -> Any:
        """Hear of children, of time-outs, and of requests."""
        match message:
            case Started():
                self._on_started(message)
            case Exited():
                self._on_exited(message)
            case Hung():
                self._on_hung(message)
            case _StartTimeout():
                self._on_start_timeout(message)
            case _StopTimeout():
                self._on_stop_timeout(message)
            case _RetryDue():
                self._on_retry_due(message)
            case WhichChildren() | CountChildren() | GetChildSpec():
                return self._answer(message)
            case Request():
                self._on_request(message)
            case Cycle():
                self._on_request(CycleChild(id=message.child.rpartition("/")[2]))
            case _:
                raise TypeError(f"{self.address}: not for a supervisor: {message!r}")
        return None

    def _end_former_life(self) -> None:
        """Cut off what an earlier incarnation left running; dynamic children are forgotten."""
        mine = {self._path(spec.id) for spec in self._spec.children}
        for address in mine:
            self._runtime.fence(address)
        for address in self._runtime.below(self.address):
            if address not in mine:
                self._runtime.close(address)

    def _path(self, id_: str) -> str:
        prefix = self.address if self._prefix is None else self._prefix
        return f"{prefix}/{id_}" if prefix else id_

    def _adopt(self, spec: ChildSpec) -> Child:
        child = Child(spec, self._path(spec.id))
        # Open before anybody starts: mail for a child that is started later must wait, not vanish.
        self._runtime.open(child.address, control=spec.control, data=spec.data)
        self._children.add(child)
        self._enter(child, ChildState.STOPPED)
        return child

    def _drop(self, child: Child) -> None:
        child.hush()
        self._children.drop(child)
        self._runtime.close(child.address)

    def _enter(self, child: Child, state: ChildState) -> None:
        child.state = state
        child.since_ns = self.monotonic_ns()
        self._runtime.report(child.report(self.address))

    # The plan: one step at a time.

    def _advance(self) -> None:
        while self._awaiting is None and not self.actor_stopped.is_set():
            if self._plan:
                self._take(self._plan.popleft())
            elif self._later:
                self._later.popleft()()
            else:
                self._settled()
                return

    def _take(self, step: _Start | _Stop | _Then) -> None:
        match step:
            case _Start():
                child = self._children.get(step.id)
                if child is not None and child.down:
                    self._begin_start(child, step)
            case _Stop():
                self._begin_stop(step)
            case _Then():
                step.action()

    def _settled(self) -> None:
        """Nothing left to do now: if the boot is over, say so."""
        if self._announced or self._ending is not None:
            return
        waiting = any(child.state is ChildState.BACKOFF for child in self._children)
        if not waiting or self._spec.strategy is Strategy.ONE_FOR_ONE:
            self._announced = True
            self.announce_started()

    # Starting.

    def _begin_start(self, child: Child, step: _Start) -> None:
        child.hush()
        self._enter(child, ChildState.STARTING)
        try:
            child.incarnation = self._runtime.spawn(
                child.address, child.spec.birth, parent=self.address
            )
        except StartFailed as error:
            self._start_failed(child, step, str(error))
            return
        child.lives = child.incarnation
        child.started_ns = self.monotonic_ns()
        self._awaiting = step
        if isfinite(child.spec.start_s):
            due = _StartTimeout(child.id, child.incarnation)
            child.timer = self.after(child.spec.start_s, due)

    def _on_started(self, started: Started) -> None:
        child = self._children.living(started.child, started.incarnation)
        if child is None or not self._is_starting(child):
            return
        child.hush()
        step, self._awaiting = self._awaiting, None
        if started.disabled:
            child.incarnation = 0
            child.last_error = started.reason
            self._enter(child, ChildState.DISABLED)
            if child.spec.restart is Restart.TEMPORARY or self._spec.template is not None:
                self._drop(child)
        else:
            self._enter(child, ChildState.RUNNING)
        assert isinstance(step, _Start)
        self._reply(step.request, Outcome.OK, child.id)
        self._advance()

    def _on_start_timeout(self, due: _StartTimeout) -> None:
        child = self._children.get(due.id)
        if child is None or child.incarnation != due.incarnation or not self._is_starting(child):
            return
        self._cut_off(child)
        step, self._awaiting = self._awaiting, None
        assert isinstance(step, _Start)
        self._start_failed(child, step, f"did not start within {child.spec.start_s:g} s")
        self._advance()

    def _start_failed(self, child: Child, step: _Start, reason: str) -> None:
        child.hush()
        child.last_error = reason
        self._enter(child, ChildState.STOPPED)
        if step.request is not None:
            if isinstance(step.request, StartChild):
                self._drop(child)
            self._reply(step.request, Outcome.FAILED, child.id, reason)
        elif not self._announced and self._spec.boot is Boot.STRICT:
            self._end_with(ExitKind.ERROR, f"{child.id} cannot start: {reason}")
        elif child.spec.restart is Restart.TEMPORARY:
            self._drop(child)
        else:
            if self._spec.strategy is not Strategy.ONE_FOR_ONE:
                self._plan.clear()  # The retry plans anew, from a clean slate where it must.
            self._restart(child)

    def _is_starting(self, child: Child) -> bool:
        return isinstance(self._awaiting, _Start) and self._awaiting.id == child.id

    # Stopping.

    def _begin_stop(self, step: _Stop) -> None:
        asked = []
        for id_ in step.ids:
            child = self._children.get(id_)
            if child is None:
                continue
            child.hush()
            if child.down:
                self._is_down(child, step)
            elif child.spec.stop_s == BRUTAL:
                self._cut_off(child)
                self._is_down(child, step)
            else:
                self._enter(child, ChildState.STOPPING)
                self._runtime.tell(child.address, Shutdown(), control=True)
                if isfinite(child.spec.stop_s):
                    due = _StopTimeout(child.id, child.incarnation)
                    child.timer = self.after(child.spec.stop_s, due)
                asked.append(id_)
        if asked:
            self._awaiting = _Stop(tuple(asked), keep=step.keep)

    def _on_stop_timeout(self, due: _StopTimeout) -> None:
        child = self._children.get(due.id)
        if child is None or child.incarnation != due.incarnation or not self._is_stopping(child):
            return
        self._cut_off(child)
        child.last_error = f"did not stop within {child.spec.stop_s:g} s"
        self._stopped(child)

    def _stopped(self, child: Child) -> None:
        step = self._awaiting
        assert isinstance(step, _Stop)
        left = tuple(id_ for id_ in step.ids if id_ != child.id)
        self._awaiting = _Stop(left, keep=step.keep) if left else None
        self._is_down(child, step)
        self._advance()

    def _is_down(self, child: Child, step: _Stop) -> None:
        child.hush()
        self._enter(child, ChildState.STOPPED)
        if child.spec.restart is Restart.TEMPORARY and not step.keep:
            self._drop(child)

    def _is_stopping(self, child: Child) -> bool:
        return isinstance(self._awaiting, _Stop) and child.id in self._awaiting.ids

    def _cut_off(self, child: Child) -> None:
        """Fence a child and all that live below it."""
        self._runtime.fence(child.address)
        child.incarnation = 0

    # Deaths.

    def _on_exited(self, exited: Exited) -> None:
        child = self._children.living(exited.child, exited.incarnation)
        if child is not None:
            self._died(child, exited.kind, exited.reason)

    def _on_hung(self, hung: Hung) -> None:
        child = self._children.living(hung.child, hung.incarnation)
        if child is not None:
            self._runtime.fence(child.address)
            reason = f"hung for {hung.busy_s:.2f} s in {hung.message}"
            self._died(child, ExitKind.FENCED, reason)

    def _died(self, child: Child, kind: ExitKind, reason: str) -> None:
        child.incarnation = 0
        if child.spec.supervises:
            self._runtime.fence(child.address)  # Its children must not outlive it.
        if kind in (ExitKind.ERROR, ExitKind.FENCED):
            child.last_error = reason
        if self._is_stopping(child):
            self._stopped(child)
        elif self._is_starting(child):
            step, self._awaiting = self._awaiting, None
            assert isinstance(step, _Start)
            self._start_failed(child, step, reason or f"ended ({kind.value}) while starting")
            self._advance()
        else:
            child.hush()
            self._enter(child, ChildState.STOPPED)
            self._later.append(partial(self._mourn, child, child.lives, kind))
            self._advance()

    def _mourn(self, child: Child, life: int, kind: ExitKind) -> None:
        """Decide about a death, unless a plan has brought the child back or dropped it since."""
        if self._ending is not None or self._children.get(child.id) is not child:
            return
        if not child.down or child.lives != life or child.state is not ChildState.STOPPED:
            return
        if is_restarted(child.spec.restart, kind):
            self._restart(child)
            return
        if child.spec.restart is Restart.TEMPORARY:
            self._drop(child)
        self._check_significance(child)

    def _check_significance(self, child: Child) -> None:
        if not child.spec.significant:
            return
        others = any(not other.down and other.spec.significant for other in self._children)
        if self._spec.auto_shutdown is AutoShutdown.ANY or (
            self._spec.auto_shutdown is AutoShutdown.ALL and not others
        ):
            self._end_with(ExitKind.SHUTDOWN, f"{child.id} has ended")

    # Restarting.

    def _restart(self, child: Child) -> None:
        now_ns = self.monotonic_ns()
        child.restarts += 1
        if not self._budget.spend(now_ns):
            self._enter(child, ChildState.STOPPED)
            self._end_with(
                ExitKind.ERROR,
                f"more than {self._spec.intensity} restarts in {self._spec.period_s:g} s,"
                f" the last of {child.id}: {child.last_error or 'it ended'}",
            )
            return
        delay_s = self._delay_s(child, now_ns)
        plan = restart_plan(self._spec.strategy, self._children.order(), child.id)
        self._plan.extend(_Stop((id_,)) for id_ in plan.stops)
        self._enter(child, ChildState.BACKOFF)
        if delay_s > 0:
            child.timer = self.after(delay_s, _RetryDue(child.id, child.retry))
        else:
            self._later.appendleft(partial(self._retry, child, child.retry))

    def _delay_s(self, child: Child, now_ns: int) -> float:
        backoff = child.spec.backoff
        if backoff is None:
            return 0.0
        if child.started_ns and backoff.forgets((now_ns - child.started_ns) / 1e9):
            child.failures = 0
        child.failures += 1
        return backoff.delay_s(child.failures - 1, self.random.random())

    def _on_retry_due(self, due: _RetryDue) -> None:
        child = self._children.get(due.id)
        if child is not None:
            self._later.append(partial(self._retry, child, due.retry))
            self._advance()

    def _retry(self, child: Child, retry: int) -> None:
        if self._ending is not None or child.retry != retry:
            return
        if child.state is not ChildState.BACKOFF or self._children.get(child.id) is not child:
            return
        plan = restart_plan(self._spec.strategy, self._children.order(), child.id)
        self._plan.extend(_Stop((id_,)) for id_ in plan.stops)
        self._plan.extend(_Start(id_) for id_ in plan.starts)

    # Ending.

    def _end_with(self, kind: ExitKind, reason: str) -> None:
        if self._ending is not None:
            return
        self._ending = (kind, reason)
        self._later.clear()
        self._plan.clear()
        if isinstance(self._awaiting, _Start):
            self._reply(self._awaiting.request, Outcome.SHUTTING_DOWN, self._awaiting.id)
            self._awaiting = None
        order = tuple(reversed(self._children.order()))
        if self._spec.template is not None:
            self._plan.append(_Stop(order, keep=True))
        else:
            self._plan.extend(_Stop((id_,), keep=True) for id_ in order)
        self._plan.append(_Then(self._conclude))
        self._advance()

    def _conclude(self) -> None:
        assert self._ending is not None
        kind, reason = self._ending
        if kind is ExitKind.ERROR:
            self.fail(reason)
        else:
            self.finish(kind)

    # Requests.

    def _answer(self, question: WhichChildren | CountChildren | GetChildSpec) -> Any:
        match question:
            case WhichChildren():
                answer: Any = self._children.infos()
            case CountChildren():
                answer = self._children.counts()
            case GetChildSpec():
                child = self._children.get(question.id)
                answer = child.spec if child is not None else None
        if question.reply_to is not None:
            self.tell(question.reply_to, answer)
        return answer

    def _on_request(self, request: Request) -> None:
        if self._ending is not None:
            self._reply(request, Outcome.SHUTTING_DOWN)
            return
        if isinstance(request, TerminateChild):
            child = self._children.get(request.id)
            if child is not None and self._is_starting(child):
                # Not queued like the others, else a start that hangs could not be called off.
                step, self._awaiting = self._awaiting, None
                assert isinstance(step, _Start)
                self._reply(step.request, Outcome.FAILED, child.id, "terminated while starting")
                self._plan.appendleft(_Then(partial(self._reply, request, Outcome.OK, child.id)))
                self._plan.appendleft(_Stop((child.id,)))
                self._advance()
                return
        self._later.append(partial(self._serve, request))
        self._advance()

    def _serve(self, request: Request) -> None:
        match request:
            case StartChild():
                self._serve_start(request)
            case ReplaceSpec():
                self._serve_replace(request)
            case TerminateChild() | RestartChild() | CycleChild() | DeleteChild():
                child = self._children.get(request.id)
                if child is None:
                    self._reply(request, Outcome.NOT_FOUND, request.id)
                else:
                    self._serve_child(request, child)
            case _:
                raise TypeError(f"{self.address}: not a request: {request!r}")

    def _serve_start(self, request: StartChild) -> None:
        template = self._spec.template
        try:
            spec = template(*request.args) if template is not None else request.spec
        except SpecInvalid as error:
            self._reply(request, Outcome.FAILED, reason=str(error))
            return
        if spec is None:
            self._reply(request, Outcome.FAILED, reason="expected a spec")
            return
        known = self._children.get(spec.id)
        if known is not None:
            there = Outcome.ALREADY_PRESENT if known.down else Outcome.ALREADY_STARTED
            self._reply(request, there, spec.id)
            return
        self._adopt(spec)
        self._plan.append(_Start(spec.id, request))

    def _serve_child(
        self, request: TerminateChild | RestartChild | CycleChild | DeleteChild, child: Child
    ) -> None:
        reply = partial(self._reply, request, id_=child.id)
        dynamic = self._spec.template is not None
        match request:
            case TerminateChild():
                self._plan.append(_Stop((child.id,)))
                if dynamic:
                    self._plan.append(_Then(partial(self._drop, child)))
                self._plan.append(_Then(partial(reply, Outcome.OK)))
            case CycleChild():
                self._plan.append(_Stop((child.id,), keep=True))
                self._plan.append(_Start(child.id, request))
            case _ if dynamic:
                reply(Outcome.DYNAMIC)
            case _ if child.state is ChildState.BACKOFF:
                reply(Outcome.RESTARTING)
            case _ if not child.down:
                reply(Outcome.RUNNING)
            case RestartChild():
                self._plan.append(_Start(child.id, request))
            case DeleteChild():
                self._drop(child)
                reply(Outcome.OK)

    def _serve_replace(self, request: ReplaceSpec) -> None:
        self._spec = request.spec
        self._budget = RestartBudget(self._spec.intensity, self._spec.period_s)
        for spec in request.spec.children:
            child = self._children.get(spec.id)
            if child is None:
                self._adopt(spec)
            else:
                child.spec = spec
        self._children.reorder(tuple(spec.id for spec in request.spec.children))
        self._reply(request, Outcome.OK)

    def _reply(
        self, request: Request | None, outcome: Outcome, id_: str = "", reason: str = ""
    ) -> None:
        if request is not None and request.reply_to is not None:
            self.tell(
                request.reply_to,
                Managed(request=request.request, outcome=outcome, id=id_, reason=reason),
            )


def supervisor(id_: str, spec: SupervisorSpec, **settings: Any) -> ChildSpec:
    """Return the spec of a supervisor as a child; by default it may take for ever."""
    settings.setdefault("start_s", INFINITY)
    settings.setdefault("stop_s", INFINITY)
    return worker(id_, Supervisor, spec, supervises=True, snapshot_every_s=None, **settings)


def addresses(children: Iterable[ChildSpec], prefix: str = "") -> list[str]:
    """Return every static address of a tree, in start order."""
    found = []
    for spec in children:
        path = f"{prefix}/{spec.id}" if prefix else spec.id
        found.append(path)
        if spec.supervises:
            found.extend(addresses(spec.birth.args[0].children, path))
    return found
