"""What a supervisor is told about its children. Pure: plain values, checked when they are made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import Any

from actors.kernel import Birthright, LanePolicy
from actors.kernel.mailbox import CONTROL_POLICY, DATA_POLICY
from supervisor.backoff import Backoff

BRUTAL = 0.0
"""As `stop_s`: cut the child off at once, unasked."""
INFINITY = inf
"""As `stop_s` or `start_s`: wait for ever. The default for supervisors."""


class SpecInvalid(ValueError):
    """A spec contradicts itself; the text names the child and the mend."""


class Restart(StrEnum):
    """When a child that ended by itself is started again."""

    PERMANENT = "permanent"
    """Always, also after a normal end."""
    TRANSIENT = "transient"
    """After a fault; after a normal end its spec stays and it rests."""
    TEMPORARY = "temporary"
    """Never; its spec goes with it."""


class Strategy(StrEnum):
    """Who is restarted together with a child that died."""

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"
    """The dead child and those started after it."""


class AutoShutdown(StrEnum):
    """When a supervisor ends because significant children have ended by themselves."""

    NEVER = "never"
    ANY = "any"
    ALL = "all"


class Boot(StrEnum):
    """What a child that cannot start at boot means."""

    STRICT = "strict"
    """The supervisor's own start fails: for what only a person can mend."""
    RETRY = "retry"
    """It counts as a restart: for what the outside world may mend."""


@dataclass(frozen=True, kw_only=True)
class Parking:
    """A budget of its own for a child without which the others go on.

    One restart more and it stays down, `disabled`, until somebody asks for it; its supervisor
    spends nothing on it and does not give up. Not of OTP, where one supervisor has one budget.
    """

    intensity: int
    period_s: float


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """One child."""

    id: str
    """The last part of its address, unique under its supervisor."""
    birth: Birthright
    restart: Restart = Restart.PERMANENT
    start_s: float = 5.0
    """Seconds until `on_start` must have returned."""
    stop_s: float = 5.0
    """Seconds to end when asked, before it is cut off; `BRUTAL` does not ask."""
    backoff: Backoff | None = None
    """None: restart at once."""
    parking: Parking | None = None
    """None: its restarts count against its supervisor."""
    significant: bool = False
    """Its end by itself may end the supervisor, see `AutoShutdown`."""
    stops_with_neighbours: bool = False
    """Children beside each other that need nothing of each other are stopped together."""
    supervises: bool = False
    """Whether it is a supervisor: cutting it off cuts off all that live below."""
    control: LanePolicy = CONTROL_POLICY
    data: LanePolicy = DATA_POLICY

    def __post_init__(self) -> None:
        if not self.id or "/" in self.id:
            raise SpecInvalid(f"child id {self.id!r}: expected a name without '/'")
        _check_kind(f"{self.id}: restart", self.restart, Restart)
        if self.birth.dispatcher not in _DISPATCHERS:
            raise SpecInvalid(
                f"{self.id}: dispatcher {self.birth.dispatcher!r}: expected {_either(_DISPATCHERS)}"
            )
        if self.significant and self.restart is Restart.PERMANENT:
            raise SpecInvalid(
                f"{self.id}: a permanent child is always restarted, so it cannot be significant;"
                " make it transient or temporary"
            )
        if not (self.start_s > 0 and self.stop_s >= 0):
            raise SpecInvalid(f"{self.id}: start_s must be above 0 and stop_s not below 0 seconds")


@dataclass(frozen=True, kw_only=True)
class SupervisorSpec:
    """One supervisor: its rules and its children in start order, or a template for dynamic ones."""

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int
    """Restarts allowed within `period_s`; one more and it gives up. 0: never restart."""
    period_s: float
    children: tuple[ChildSpec, ...] = ()
    template: Callable[..., ChildSpec] | None = None
    """Makes the spec of a dynamic child from the arguments of `StartChild`."""
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    boot: Boot = Boot.STRICT

    def __post_init__(self) -> None:
        _check_kind("strategy", self.strategy, Strategy)
        _check_kind("auto_shutdown", self.auto_shutdown, AutoShutdown)
        _check_kind("boot", self.boot, Boot)
        counts = isinstance(self.intensity, int) and self.intensity >= 0
        if not (counts and self.period_s > 0 and isfinite(self.period_s)):
            raise SpecInvalid(
                f"intensity {self.intensity} in {self.period_s} s: expected at least 0"
                " restarts in a period above 0 seconds"
            )
        check_specs(self.children, self.auto_shutdown)
        parked = [child.id for child in self.children if child.parking is not None]
        if parked and self.strategy is not Strategy.ONE_FOR_ONE:
            raise SpecInvalid(f"{parked[0]}: only where children restart one for one may one park")
        if self.template is None:
            return
        if self.children:
            raise SpecInvalid("a dynamic supervisor has a template and no children of its own")
        if self.auto_shutdown is not AutoShutdown.NEVER:
            raise SpecInvalid("a dynamic supervisor cannot shut itself down automatically")
        if self.strategy is not Strategy.ONE_FOR_ONE:
            raise SpecInvalid("dynamic children are restarted one for one")


def check_specs(children: tuple[ChildSpec, ...], auto_shutdown: AutoShutdown) -> None:
    """Check specs against each other.

    Raises:
        SpecInvalid: Two share an id, or one is significant where nothing follows from it.
    """
    seen: set[str] = set()
    for child in children:
        if child.id in seen:
            raise SpecInvalid(f"{child.id}: two children with this id")
        seen.add(child.id)
        if child.significant and auto_shutdown is AutoShutdown.NEVER:
            raise SpecInvalid(
                f"{child.id}: significant, but its supervisor never shuts itself down;"
                " set auto_shutdown to any or all"
            )


def worker(id_: str, make: type[Any], *args: Any, **settings: Any) -> ChildSpec:
    """Return the spec of an actor; `settings` go to `ChildSpec` or `Birthright` by name."""
    birth = {name: settings.pop(name) for name in _BIRTHRIGHT if name in settings}
    return ChildSpec(id=id_, birth=Birthright(make=make, args=args, **birth), **settings)


def _check_kind(what: str, value: object, kind: type[StrEnum]) -> None:
    if not isinstance(value, kind):
        raise SpecInvalid(f"{what} {value!r}: expected {_either(list(kind))}")


def _either(values: Sequence[str]) -> str:
    *most, last = (str(value) for value in values)
    return f"{', '.join(most)} or {last}"


_DISPATCHERS = ("pool", "background", "thread")
_BIRTHRIGHT = ("kwargs", "dispatcher", "hang_s", "snapshot_every_s", "recorded")
