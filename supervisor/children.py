"""What a supervisor remembers of its children."""

from collections.abc import Iterator
from dataclasses import dataclass

from actors.kernel import ChildReport, ExitKind, Timer
from supervisor.child_spec import ChildSpec
from supervisor.management import ChildCounts, ChildInfo, ChildState


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
    """All records of one supervisor, in start order."""

    def __init__(self) -> None:
        self._by_id: dict[str, Child] = {}
        self._by_address: dict[str, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        return iter(self._by_id.values())

    def add(self, child: Child) -> None:
        """Put one at the end."""
        self._by_id[child.id] = child
        self._by_address[child.address] = child

    def drop(self, child: Child) -> None:
        """Forget one."""
        self._by_id.pop(child.id, None)
        self._by_address.pop(child.address, None)

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

    def reorder(self, first: tuple[str, ...]) -> None:
        """Bring those named to the front in that order; the others keep theirs."""
        rest = [id_ for id_ in self._by_id if id_ not in first]
        self._by_id = {id_: self._by_id[id_] for id_ in (*first, *rest)}

    def infos(self) -> list[ChildInfo]:
        """Return what `WhichChildren` tells."""
        return [child.info() for child in self]

    def counts(self) -> ChildCounts:
        """Return what `CountChildren` tells; as in OTP, dead ones count by their kind too."""
        supervisors = sum(1 for child in self if child.spec.supervises)
        return ChildCounts(
            specs=len(self._by_id),
            active=sum(1 for child in self if not child.down),
            supervisors=supervisors,
            workers=len(self._by_id) - supervisors,
        )
