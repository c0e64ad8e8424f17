"""A supervisor: an actor whose only concern is that its children live.

It never blocks. What it does is a plan, a queue of steps of which one at a time is awaited, with a
message for its time-out; deaths and requests that arrive meanwhile wait until the plan is done,
except those to stop, which overtake. Each message carries the child's incarnation, and stale ones
are ignored. Semantics and tests: docs/supervision.md.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, assert_never

from msgspec import Struct

from actors.kernel import Actor, ChildDied, Cycle, Exited, ExitKind, Hung, Started, StartFailed
from actors.kernel.actor import death_told
from actors.kernel.dead_letters import Undelivered
from actors.kernel.mailbox import Fenced
from supervisor.child_spec import (
    BRUTAL,
    INFINITY,
    AutoShutdown,
    Boot,
    ChildSpec,
    Restart,
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
from supervisor.requests import AnyRequest, steps_for, subject
from supervisor.restart_budget import RestartBudget
from supervisor.restart_plan import is_restarted, restart_plan
from supervisor.steps import Adopt, Answer, End, Forget, Replace, Start, Step, Stop


class _StartTimeout(Struct, frozen=True):
    id: str
    incarnation: int


class _StopTimeout(Struct, frozen=True):
    id: str
    incarnation: int


class _RetryDue(Struct, frozen=True):
    id: str
    retry: str


@dataclass(frozen=True, slots=True)
class _Death:
    """A child that ended by itself; `Child.death` tells whether that still matters."""

    child: Child


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
        self._children = Children(self._runtime, self.address, prefix)
        self._budget = RestartBudget(spec.intensity, spec.period_s)
        self._plan: deque[Step] = deque()
        self._awaiting: Start | Stop | None = None
        self._stopping: set[str] = set()
        """Those of an awaited `Stop` that are not down yet."""
        self._later: deque[_Death | _RetryDue | AnyRequest] = deque()
        self._ending = False
        self._announced = False

    def on_start(self) -> None:
        """Adopt the children and begin to start them in order."""
        self._children.begin_anew(self._spec.children)
        self._plan.extend(Start(child.id) for child in self._children)
        self._advance()

    def on_shutdown(self) -> None:
        """Stop the children in reverse start order, then end."""
        self._end_with(ExitKind.SHUTDOWN, "asked to stop")
        self._advance()

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
                self._later.append(message)
            case WhichChildren() | CountChildren() | GetChildSpec():
                return self._answer(message)
            case (
                StartChild()
                | TerminateChild()
                | RestartChild()
                | CycleChild()
                | DeleteChild()
                | ReplaceSpec()
            ):
                self._on_request(message)
            case Cycle():
                self._on_request(CycleChild(id=message.child.rpartition("/")[2]))
            case _:
                # A stray message must not end everyone who lives below.
                self._runtime.dead_letters.add(self.address, message, Undelivered.UNEXPECTED)
        self._advance()
        return None

    # The plan: one step at a time.

    def _advance(self) -> None:
        while self._awaiting is None and not self.actor_stopped.is_set() and not self.fenced:
            if self._plan:
                self._take(self._plan.popleft())
                continue
            self._announce()
            if not self._later:
                return
            self._turn_to(self._later.popleft())

    def _take(self, step: Step) -> None:
        match step:
            case Start():
                self._begin_start(step)
            case Stop():
                self._begin_stop(step)
            case Adopt():
                self._children.adopt(step.spec)
            case Forget():
                self._children.forget(step.id)
            case Replace():
                self._spec = step.spec
                self._budget.limit(step.spec.intensity, step.spec.period_s)
                self._children.replace(step.spec.children)
            case Answer():
                self._reply(step.request, step.outcome, step.id, step.reason)
            case End(ExitKind.ERROR):
                self.fail(step.reason)
            case End():
                self.finish(step.kind)
            case _:
                assert_never(step)

    def _turn_to(self, matter: _Death | _RetryDue | AnyRequest) -> None:
        match matter:
            case _Death():
                self._mourn(matter.child)
            case _RetryDue():
                self._retry(matter)
            case _:
                self._plan.extend(steps_for(matter, self._spec, self._children))

    def _announce(self) -> None:
        """The boot is over once the first plan is done; where order matters, with all children."""
        if self._announced or self._ending:
            return
        waiting = any(child.state is ChildState.BACKOFF for child in self._children)
        if not waiting or self._spec.strategy is Strategy.ONE_FOR_ONE:
            self._announced = True
            self.announce_started()

    # Starting.

    def _begin_start(self, step: Start) -> None:
        child = self._children.get(step.id)
        if child is None or not child.down:
            return
        child.hush()
        self._children.enter(child, ChildState.STARTING)
        try:
            child.incarnation = self.spawn(child.address, child.spec.birth)
        except StartFailed as error:
            self._tell_death(child, 0, str(error), death_told(error, error.__traceback__))
            self._start_failed(child, step, str(error))
            return
        except Fenced:
            return  # We have been cut off; another incarnation looks after them now.
        child.lives = child.incarnation
        self._awaiting = step
        if isfinite(child.spec.start_s):
            due = _StartTimeout(child.id, child.incarnation)
            child.timer = self.after(child.spec.start_s, due)

    def _awaited_start(self, child: Child | None) -> Start | None:
        step = self._awaiting
        return step if isinstance(step, Start) and child and step.id == child.id else None

    def _on_started(self, started: Started) -> None:
        child = self._children.living(started.child, started.incarnation)
        step = self._awaited_start(child)
        if child is None or step is None:
            return
        self._awaiting = None
        child.hush()
        if started.disabled:
            child.incarnation = 0
            child.last_error = started.reason
            self._children.enter(child, ChildState.DISABLED)
            if child.spec.restart is Restart.TEMPORARY or self._spec.template is not None:
                self._children.forget(child.id)
        else:
            self._children.enter(child, ChildState.RUNNING)
        self._reply(step.request, Outcome.OK, child.id, started.reason)

    def _on_start_timeout(self, due: _StartTimeout) -> None:
        child = self._children.get(due.id)
        step = self._awaited_start(child)
        if child is None or step is None or child.incarnation != due.incarnation:
            return
        self._awaiting = None
        reason = f"did not start within {child.spec.start_s:g} s"
        self._tell_death(child, due.incarnation, reason)
        self._children.cut_off(child)
        self._start_failed(child, step, reason)

    def _start_failed(self, child: Child, step: Start, reason: str) -> None:
        child.hush()
        child.last_error = reason
        self._children.enter(child, ChildState.STOPPED)
        self._reply(step.request, Outcome.FAILED, child.id, reason)
        if isinstance(step.request, RestartChild):
            return  # It was down before, and stays so.
        if isinstance(step.request, StartChild):
            self._children.forget(child.id)
        elif not self._announced and self._spec.boot is Boot.STRICT:
            self._end_with(ExitKind.ERROR, f"{child.id} cannot start: {reason}")
        elif child.spec.restart is Restart.TEMPORARY:
            self._children.forget(child.id)
        else:
            if self._spec.strategy is not Strategy.ONE_FOR_ONE:
                self._plan.clear()  # The retry plans anew, from a clean slate where it must.
            self._restart(child)

    # Stopping.

    def _begin_stop(self, step: Stop) -> None:
        for id_ in step.ids:
            child = self._children.get(id_)
            if child is None:
                continue
            child.hush()
            if not child.down and child.spec.stop_s == BRUTAL:
                self._children.cut_off(child)
            if child.down:
                self._is_down(child, step)
                continue
            self._stopping.add(id_)
            self._children.enter(child, ChildState.STOPPING)
            self._runtime.shut_down(child.address, child.incarnation)
            if isfinite(child.spec.stop_s):
                due = _StopTimeout(child.id, child.incarnation)
                child.timer = self.after(child.spec.stop_s, due)
        if self._stopping:
            self._awaiting = step

    def _on_stop_timeout(self, due: _StopTimeout) -> None:
        child = self._children.get(due.id)
        if child is None or child.id not in self._stopping or child.incarnation != due.incarnation:
            return
        child.last_error = f"did not stop within {child.spec.stop_s:g} s"
        self._tell_death(child, due.incarnation, child.last_error)
        self._children.cut_off(child)
        self._stopped(child)

    def _stopped(self, child: Child) -> None:
        step = self._awaiting
        assert isinstance(step, Stop)
        self._stopping.remove(child.id)
        if not self._stopping:
            self._awaiting = None
        self._is_down(child, step)

    def _is_down(self, child: Child, step: Stop) -> None:
        child.hush()
        self._children.enter(child, ChildState.STOPPED)
        if child.spec.restart is Restart.TEMPORARY and not step.keep:
            self._children.forget(child.id)

    # Deaths.

    def _on_exited(self, exited: Exited) -> None:
        child = self._children.living(exited.child, exited.incarnation)
        if child is not None:
            self._died(child, exited.kind, exited.reason, exited.traceback)

    def _on_hung(self, hung: Hung) -> None:
        child = self._children.living(hung.child, hung.incarnation)
        if child is not None:
            reason = f"hung for {hung.busy_s:.2f} s in {hung.message}"
            self._died(child, ExitKind.FENCED, reason, hung.stack)

    def _tell_death(self, child: Child, incarnation: int, error: str, traceback: str = "") -> None:
        self.publish(
            ChildDied(
                address=child.address, incarnation=incarnation, error=error, traceback=traceback
            )
        )

    def _died(self, child: Child, kind: ExitKind, reason: str, traceback: str) -> None:
        step = self._awaited_start(child)
        is_wanted = step is not None or is_restarted(child.spec.restart, kind)
        if kind in (ExitKind.ERROR, ExitKind.FENCED):
            child.last_error = reason
            self._tell_death(child, child.incarnation, reason, traceback)
        elif is_wanted and child.id not in self._stopping:
            self._tell_death(child, child.incarnation, reason or "it ended by itself")
        # What hangs must be fenced, and a supervisor's children must not outlive it.
        self._children.cut_off(child)
        if step is not None:
            self._awaiting = None
            self._start_failed(child, step, reason or f"ended ({kind.value}) while starting")
        elif child.id in self._stopping:
            self._stopped(child)
        else:
            child.hush()
            self._children.enter(child, ChildState.STOPPED)
            child.death = kind
            self._later.append(_Death(child))

    def _mourn(self, child: Child) -> None:
        """Decide about a death, unless a plan has made it good or dropped the child since."""
        kind, child.death = child.death, None
        if kind is None:
            return
        if is_restarted(child.spec.restart, kind):
            self._restart(child)
            return
        if child.spec.restart is Restart.TEMPORARY or self._spec.template is not None:
            self._children.forget(child.id)
        if child.spec.significant and self._shuts_itself_down():
            self._end_with(ExitKind.SHUTDOWN, f"{child.id} has ended")

    def _shuts_itself_down(self) -> bool:
        match self._spec.auto_shutdown:
            case AutoShutdown.NEVER:
                return False
            case AutoShutdown.ANY:
                return True
            case AutoShutdown.ALL:
                return all(child.rests for child in self._children if child.spec.significant)

    # Restarting.

    def _restart(self, child: Child) -> None:
        if child.budget is not None:
            if not child.budget.spend(self.monotonic_ns()):
                self._park(child)
                return
        elif not self._budget.spend(self.monotonic_ns()):
            self._end_with(
                ExitKind.ERROR,
                f"more than {self._spec.intensity} restarts in {self._spec.period_s:g} s,"
                f" the last of {child.id}: {child.last_error or 'it ended'}",
            )
            return
        child.restarts += 1
        child.retry = self.next_id()
        self._children.enter(child, ChildState.BACKOFF)
        plan = restart_plan(self._spec.strategy, self._children.order(), child.id)
        self._plan.extend(Stop((id_,)) for id_ in plan.stops)
        due = _RetryDue(child.id, child.retry)
        backoff, failures = child.spec.backoff, child.failures
        child.failures += 1
        if backoff is not None:
            child.timer = self.after(backoff.delay_s(failures, self.random.random()), due)
        else:
            # By the mailbox: others are heard between attempts, however fast those fail.
            self.tell_control(self.address, due)

    def _park(self, child: Child) -> None:
        """Leave it down: the others do without it, until somebody asks for it."""
        parking = child.spec.parking
        assert parking is not None
        child.hush()
        child.last_error = (
            f"parked: more than {parking.intensity} restarts in {parking.period_s:g} s, "
            f"the last after {child.last_error or 'it ended'}"
        )
        self._children.enter(child, ChildState.DISABLED)

    def _retry(self, due: _RetryDue) -> None:
        child = self._children.get(due.id)
        if child is None or child.retry != due.retry:
            return
        plan = restart_plan(self._spec.strategy, self._children.order(), child.id)
        self._plan.extend(Stop((id_,)) for id_ in plan.stops)
        self._plan.extend(Start(id_) for id_ in plan.starts)

    # Ending.

    def _end_with(self, kind: ExitKind, reason: str) -> None:
        if self._ending:
            return
        self._ending = True
        self._turn_away()
        order = tuple(reversed(self._children.order()))
        if self._spec.template is None:
            self._plan.extend(map(Stop, self._children.stop_order()))
        else:
            self._plan.append(Stop(order))
            self._plan.extend(Forget(id_) for id_ in order)
        self._plan.append(End(kind, reason))

    def _turn_away(self) -> None:
        """Give up plan and waiting matters; whoever waits for an answer gets one."""
        for matter in (self._awaiting, *self._plan, *self._later):
            match matter:
                case Start(id_, request) | Answer(request, _, id_):
                    self._reply(request, Outcome.SHUTTING_DOWN, id_)
                case Request():
                    self._reply(matter, Outcome.SHUTTING_DOWN)
                case _:
                    pass
        self._plan.clear()
        self._later.clear()
        if isinstance(self._awaiting, Start):
            self._awaiting = None

    # Requests.

    def _answer(self, question: WhichChildren | CountChildren | GetChildSpec) -> Any:
        answer = self._children.answer(question)
        if question.reply_to is not None:
            self.tell(question.reply_to, answer)
        return answer

    def _on_request(self, request: AnyRequest) -> None:
        if self._ending:
            self._reply(request, Outcome.SHUTTING_DOWN)
            return
        start = self._awaiting
        if not isinstance(start, Start) or start.id != subject(request):
            self._later.append(request)
            return
        # A start may hang: what concerns that very child does not wait for it.
        steps = steps_for(request, self._spec, self._children)
        if isinstance(steps[0], Answer):
            self._take(steps[0])
            return
        self._awaiting = None
        self._reply(start.request, Outcome.FAILED, start.id, "called off while starting")
        self._plan.extendleft(reversed(steps))

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
