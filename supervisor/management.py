"""What may be asked of a supervisor while it runs, and what it answers.

Requests that change something are answered by a `Managed` message to `reply_to`, after the change.
Questions are answered at once, also as the return value to an asker at the edge.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from supervisor.child_spec import ChildSpec, SupervisorSpec


class ChildState(StrEnum):
    """Where a child stands."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    """Waiting to be started again."""
    STOPPING = "stopping"
    STOPPED = "stopped"
    DISABLED = "disabled"
    """It declined to run."""


class Outcome(StrEnum):
    """What became of a request."""

    OK = "ok"
    ALREADY_STARTED = "already_started"
    ALREADY_PRESENT = "already_present"
    RUNNING = "running"
    RESTARTING = "restarting"
    NOT_FOUND = "not_found"
    DYNAMIC = "dynamic"
    """Dynamic children cannot be restarted or deleted by hand."""
    FAILED = "failed"
    SHUTTING_DOWN = "shutting_down"


class Request(Struct, frozen=True, kw_only=True):
    """What every request that changes something carries."""

    reply_to: str | None = None
    request: str = ""


class StartChild(Request, frozen=True, kw_only=True):
    """Add a child and start it; `args` are for a dynamic supervisor's template."""

    spec: ChildSpec | None = None
    args: tuple[Any, ...] = ()


class TerminateChild(Request, frozen=True, kw_only=True):
    """Stop a child and keep its spec (a temporary one's goes); cancels a pending restart."""

    id: str


class RestartChild(Request, frozen=True, kw_only=True):
    """Start a child that does not run."""

    id: str


class CycleChild(Request, frozen=True, kw_only=True):
    """Stop a running child in good order and start it again; not counted as a fault."""

    id: str


class DeleteChild(Request, frozen=True, kw_only=True):
    """Forget a child that does not run; its address is closed."""

    id: str


class ReplaceSpec(Request, frozen=True, kw_only=True):
    """Take new rules and specs without touching running children; removed ones stay."""

    spec: SupervisorSpec


class WhichChildren(Struct, frozen=True, kw_only=True):
    """List the children in start order."""

    reply_to: str | None = None


class CountChildren(Struct, frozen=True, kw_only=True):
    """Count them."""

    reply_to: str | None = None


class GetChildSpec(Struct, frozen=True, kw_only=True):
    """Return one child's spec, None when there is no such child."""

    id: str
    reply_to: str | None = None


class ChildInfo(Struct, frozen=True, kw_only=True):
    """One child as its supervisor sees it."""

    id: str
    address: str
    state: ChildState
    incarnation: int
    restarts: int
    """Times it was started again after a fault or a normal end."""
    last_error: str
    since_ns: int
    """When it entered its state, monotonic."""
    supervises: bool


class ChildCounts(Struct, frozen=True, kw_only=True):
    """How many."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Managed(Struct, frozen=True, kw_only=True):
    """The answer to a request."""

    request: str
    outcome: Outcome
    id: str = ""
    reason: str = ""
