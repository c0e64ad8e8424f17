"""What a supervisor does, one step after the other. Plain values."""

from dataclasses import dataclass

from actors.kernel import ExitKind
from supervisor.child_spec import ChildSpec, SupervisorSpec
from supervisor.management import Outcome, Request


@dataclass(frozen=True, slots=True)
class Start:
    """Start a child that is down, and wait until it has started."""

    id: str
    request: Request | None = None
    """Who asked for it by hand, and waits to hear what became of it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop these together, and wait until they are down; most plans name one a step."""

    ids: tuple[str, ...]
    keep: bool = False
    """Keep the spec of a temporary child."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take a child on, without starting it."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop a child that is down; its address is closed."""

    id: str


@dataclass(frozen=True, slots=True)
class Replace:
    """Live by other rules from now on."""

    spec: SupervisorSpec


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell who asked what became of it."""

    request: Request
    outcome: Outcome
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """End ourselves: every child is down."""

    kind: ExitKind
    reason: str


Step = Start | Stop | Adopt | Forget | Replace | Answer | End
