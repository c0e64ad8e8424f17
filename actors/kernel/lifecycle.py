"""What the machine itself tells actors: births, deaths, hangs. All travel in the control lane.

Lifecycle messages about one subject always travel in the same lane, else `Exited` could overtake
`Started`. Incarnation numbers let a receiver drop what is stale.
"""

from enum import StrEnum

from msgspec import Struct


class ExitKind(StrEnum):
    """How an incarnation ended."""

    NORMAL = "normal"
    """It decided to stop."""
    SHUTDOWN = "shutdown"
    """It was asked to stop."""
    ERROR = "error"
    """An exception of any kind left it, in `on_start`, a handler or `on_stop`."""
    FENCED = "fenced"
    """It was cut off; its thread may still be busy, but nobody hears it any more."""


class Shutdown(Struct, frozen=True, tag=True):
    """Stop: snapshot, `on_stop`, end. Overtakes queued data."""


class Stop(Struct, frozen=True, tag=True):
    """What `Actor.stop` tells itself: end of its own accord."""


class SnapshotDue(Struct, frozen=True, tag=True):
    """The cadence has come round: take a snapshot in this gap between handlers."""


class DenialOver(Struct, frozen=True, tag=True):
    """Mail is not refused as poison any more: what was missed has to be asked for anew."""


class Fault(StrEnum):
    """What a drill may do to an actor."""

    CRASH = "crash"
    HANG = "hang"
    START_FAILURE = "start_failure"


class Drill(Struct, frozen=True, kw_only=True, tag=True):
    """Suffer this, for real: supervision must cope with it."""

    fault: Fault


class Cycle(Struct, frozen=True, kw_only=True, tag=True):
    """To a supervisor: stop this child in good order and start it again."""

    child: str


class Started(Struct, frozen=True, kw_only=True, tag=True):
    """To the parent: `on_start` returned."""

    child: str
    incarnation: int
    disabled: bool = False
    """The child declined to run; it is not an error and not retried."""
    reason: str = ""


class Exited(Struct, frozen=True, kw_only=True, tag=True):
    """To the parent: this incarnation has ended."""

    child: str
    incarnation: int
    kind: ExitKind
    reason: str
    started: bool
    """Whether `on_start` had returned."""
    traceback: str = ""


class Hung(Struct, frozen=True, kw_only=True, tag=True):
    """To the parent, from the watchdog: a handler has run too long."""

    child: str
    incarnation: int
    busy_s: float
    message: str
    """Type of the message being handled."""
    stack: str


class ChildDied(Struct, frozen=True, kw_only=True, tag=True):
    """Published by supervisors: a child has ended as it should not, or could not begin."""

    address: str
    incarnation: int
    """0: not born yet."""
    error: str
    traceback: str
    """Where it was, or empty where that is nowhere."""


class ChildReport(Struct, frozen=True, kw_only=True, tag=True):
    """Published by supervisors and kept by the runtime: where one child stands."""

    address: str
    supervisor: str
    state: str
    """starting, running, backoff, stopping, stopped, disabled."""
    incarnation: int
    restarts: int
    last_error: str
    since_ns: int
    """Monotonic."""


class Terminated(Struct, frozen=True, kw_only=True, tag=True):
    """To watchers: this address is closed for good."""

    address: str


class Restarted(Struct, frozen=True, kw_only=True, tag=True):
    """To watchers: a new incarnation lives at this address; conversations with the old are void."""

    address: str
    incarnation: int
