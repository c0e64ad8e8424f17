"""From a death to who is stopped and who is started, in which order. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.kernel import ExitKind
from supervisor.child_spec import Restart, Strategy


@dataclass(frozen=True, slots=True)
class Plan:
    """First stop these, one after the other, then start those, one after the other."""

    stops: tuple[str, ...]
    starts: tuple[str, ...]


def restart_plan(strategy: Strategy, order: Sequence[str], dead: str) -> Plan:
    """Return what to do so that `dead` lives again.

    Args:
        strategy: Who goes with it.
        order: Ids of all children in start order.
        dead: The child that died; one of `order`.
    """
    at = order.index(dead)
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return Plan((), (dead,))
        case Strategy.ONE_FOR_ALL:
            others = tuple(child for child in reversed(order) if child != dead)
            return Plan(others, tuple(order))
        case Strategy.REST_FOR_ONE:
            return Plan(tuple(reversed(order[at + 1 :])), tuple(order[at:]))


def is_restarted(restart: Restart, kind: ExitKind) -> bool:
    """Return whether a child that ended by itself in this way is started again."""
    match restart:
        case Restart.PERMANENT:
            return True
        case Restart.TRANSIENT:
            return kind in (ExitKind.ERROR, ExitKind.FENCED)
        case Restart.TEMPORARY:
            return False
