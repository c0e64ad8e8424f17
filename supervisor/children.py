"""What a supervisor remembers of its children, and where they live."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from actors.kernel import ChildReport, ExitKind, Runtime, Timer
from supervisor.child_spec import ChildSpec, SupervisorSpec
from supervisor.management import (
    ChildCounts,
    ChildInfo,
    ChildState,
    CountChildren,
    GetChildSpec,
    WhichChildren,
)
from supervisor.restart_budget import RestartBudget


@dataclass(slots=True)
class Child:
    """One child's record."""

    spec: ChildSpec
    address: str
    state: ChildState = ChildState.STOPPED
    incarnation: int = 0
    """The living one, 0 while it is down."""
    lives: int = 0
    """The newest there ever was."""
    restarts: int = 0
    failures: int = 0
    """Faults in a row, for the backoff."""
    since_ns: int = 0
    """When it entered its state, monotonic."""
    last_error: str = ""
    death: ExitKind | None = None
    """How it ended by itself, until something is decided about it."""
    retry: str = ""
    """Names the pending retry; any other is stale."""
    timer: Timer | None = None
    budget: RestartBudget | None = None
    """Of its own, where it may be parked."""

    @property
    def id(self) -> str:
        """Its name under its supervisor."""
        return self.spec.id

    @property
    def down(self) -> bool:
        """Whether no incarnation lives."""
        return self.incarnation == 0

    @property
    def rests(self) -> bool:
        """Whether it is down and nothing is about to bring it back."""
        at_rest = self.state in (ChildState.STOPPED, ChildState.DISABLED)
        return at_rest and self.death is None

    def enter(self, state: ChildState, now_ns: int) -> None:
        """Note its new state; a good life behind it forgets the failures before that."""
        backoff = self.spec.backoff
        if self.state is ChildState.RUNNING and backoff is not None:
            lived_s = (now_ns - self.since_ns) / 1e9
            if backoff.forgets(lived_s):
                self.failures = 0
        self.state = state
        self.since_ns = now_ns

    def hush(self) -> None:
        """Cancel what was to happen to it."""
        self.death = None
        self.retry = ""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def report(self, supervisor: str) -> ChildReport:
        """Return where it stands."""
        return ChildReport(
            address=self.address,
            supervisor=supervisor,
            state=self.state.value,
            incarnation=self.lives,
            restarts=self.restarts,
            last_error=self.last_error,
            since_ns=self.since_ns,
        )

    def info(self) -> ChildInfo:
        """Return what `WhichChildren` tells of it."""
        return ChildInfo(
            id=self.id,
            address=self.address,
            state=self.state,
            incarnation=self.lives,
            restarts=self.restarts,
            last_error=self.last_error,
            since_ns=self.since_ns,
            supervises=self.spec.supervises,
        )


class Children:
    """One supervisor's children in start order: their records, and their addresses in the runtime.

    Args:
        runtime: Where they live.
        supervisor: Its address.
        prefix: Path above their addresses; the supervisor's when None, none when empty.
    """

    def __init__(self, runtime: Runtime, supervisor: str, prefix: str | None) -> None:
        self._runtime = runtime
        self._supervisor = supervisor
        self._prefix = supervisor if prefix is None else prefix
        self._by_id: dict[str, Child] = {}
        self._by_address: dict[str, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        return iter(self._by_id.values())

    def get(self, id_: str) -> Child | None:
        """Return one by its id."""
        return self._by_id.get(id_)

    def living(self, address: str, incarnation: int) -> Child | None:
        """Return the child at `address` if `incarnation` is the one that lives."""
        child = self._by_address.get(address)
        return child if child is not None and child.incarnation == incarnation else None

    def order(self) -> tuple[str, ...]:
        """Return their ids in start order."""
        return tuple(self._by_id)

    def stop_order(self) -> Iterator[tuple[str, ...]]:
        """Yield the ids of those who are stopped together, the last who started first."""
        backwards = reversed(self._by_id.values())
        for is_together, group in groupby(
            backwards, key=lambda child: child.spec.stops_with_neighbours
        ):
            ids = tuple(child.id for child in group)
            yield from (ids,) if is_together else ((id_,) for id_ in ids)

    def begin_anew(self, specs: Sequence[ChildSpec]) -> None:
        """Cut off what an earlier incarnation left running, and adopt; the added are forgotten."""
        paths = [self._path(spec.id) for spec in specs]
        for path in paths:
            self._runtime.fence(path)
        for path in self._runtime.below(self._supervisor):
            if path not in paths:
                self._runtime.close(path)
        for spec in specs:
            self.adopt(spec)

    def adopt(self, spec: ChildSpec) -> None:
        """Put one at the end, without starting it."""
        parking = spec.parking
        budget = None if parking is None else RestartBudget(parking.intensity, parking.period_s)
        child = Child(spec, self._path(spec.id), budget=budget)
        self._open(child.address, spec)
        self._by_id[child.id] = child
        self._by_address[child.address] = child
        self.enter(child, ChildState.STOPPED)

    def _open(self, address: str, spec: ChildSpec) -> None:
        """Open, before anybody starts: mail for who starts later must wait, not vanish."""
        self._runtime.open(address, control=spec.control, data=spec.data)
        if spec.supervises:
            below: SupervisorSpec = spec.birth.args[0]
            for child in below.children:
                self._open(f"{address}/{child.id}", child)

    def forget(self, id_: str) -> None:
        """Drop one that is down, and close its address for good."""
        child = self._by_id.pop(id_, None)
        if child is not None:
            child.hush()
            del self._by_address[child.address]
            self._runtime.close(child.address)

    def replace(self, specs: Sequence[ChildSpec]) -> None:
        """Put these first, in their order; no running child is touched, no other dropped."""
        for spec in specs:
            child = self._by_id.get(spec.id)
            if child is None:
                self.adopt(spec)
            else:
                child.spec = spec
        first = {spec.id: self._by_id[spec.id] for spec in specs}
        self._by_id = first | {id_: one for id_, one in self._by_id.items() if id_ not in first}

    def enter(self, child: Child, state: ChildState) -> None:
        """Note where one stands now, and publish it."""
        child.enter(state, self._runtime.clock.monotonic_ns())
        self._runtime.report(child.report(self._supervisor))

    def cut_off(self, child: Child) -> None:
        """Fence one and all that live below it."""
        self._runtime.fence(child.address)
        child.incarnation = 0

    def answer(self, question: WhichChildren | CountChildren | GetChildSpec) -> Any:
        """Return what was asked for; as in OTP, the dead count by their kind too."""
        match question:
            case WhichChildren():
                return [child.info() for child in self]
            case GetChildSpec():
                child = self.get(question.id)
                return child.spec if child is not None else None
            case CountChildren():
                supervisors = sum(1 for child in self if child.spec.supervises)
                return ChildCounts(
                    specs=len(self._by_id),
                    active=sum(1 for child in self if not child.down),
                    supervisors=supervisors,
                    workers=len(self._by_id) - supervisors,
                )

    def _path(self, id_: str) -> str:
        return f"{self._prefix}/{id_}" if self._prefix else id_
