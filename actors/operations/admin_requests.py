"""What an operator may ask, and how a request's parameters are read: strictly. Pure."""

from typing import Any

from actors.kernel import Fault
from state.messages.advice import Authority
from state.messages.operations import AdminRequest
from state.values import Pair, Session

INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
REFUSED = -32001
"""The house understood and will not."""
NOT_AVAILABLE = -32002
"""Designed, not built yet."""

ROWS_MAX = 1000

EMERGENCY = "emergency_stop"
SESSIONS = {
    "pause": Session.PAUSED,
    "resume": Session.READY,
    "drain": Session.DRAINING,
    "flatten": Session.DRAINING,
    "stop": Session.STOPPED,
    "emergency_stop": Session.EMERGENCY,
    "reset_emergency": Session.PAUSED,
}
OF_PAIRS = frozenset({"pause", "resume", "drain", "flatten", "stop"})
"""What may be asked of one pair alone, with `pair=PAIR`."""
LATER = frozenset({"acknowledge"})
METHODS = frozenset(
    {
        *SESSIONS,
        *LATER,
        "status",
        "tree",
        "shutdown",
        "restart",
        "drill",
        "balances",
        "positions",
        "orders",
        "fills",
        "decisions",
        "opinions",
        "signals",
        "flow",
        "advice",
        "advisor",
        "promote_advisor",
        "explain",
        "why_not",
        "config",
        "set_config",
        "reconcile",
        "alerts",
        "metrics",
        "subscribe",
    }
)
CHANGING = frozenset(
    {*SESSIONS, "shutdown", "restart", "drill", "set_config", "reconcile", "promote_advisor"}
)


class Refused(Exception):
    """A request cannot be served; the caller is told."""

    def __init__(self, message: str, code: int = INVALID_PARAMS) -> None:
        super().__init__(message)
        self.code = code


KEY = "idempotency_key"


def reason_of(request: AdminRequest) -> str:
    """Return why it is asked; the method itself where nobody said."""
    return str(request.params.get("reason", "") or request.method)


class Params:
    """A request's parameters, read strictly."""

    def __init__(self, request: AdminRequest) -> None:
        self._params = request.params
        self._method = request.method

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self._params.get(name)
        if not isinstance(value, str) or not value.strip():
            raise Refused(f"{self._method} needs {name}=TEXT")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false where it is missing."""
        value = self._params.get(name, False)
        if value in (True, "true", "1", 1):
            return True
        if value in (False, "false", "0", 0):
            return False
        raise Refused(f"{name}: expected true or false, got {value!r}")

    def pair(self, name: str) -> Pair:
        """Return a pair that must be there."""
        return Pair(self.text(name))

    def optional_pair(self) -> Pair | None:
        """Return `pair`, None where it is missing."""
        return self.pair("pair") if "pair" in self._params else None

    def limit(self) -> int:
        """Return how many rows."""
        value = self._params.get("limit", 100)
        try:
            limit = int(value)
        except (TypeError, ValueError, OverflowError):
            limit = 0
        if not 1 <= limit <= ROWS_MAX:
            raise Refused(f"limit: expected 1 to {ROWS_MAX} rows, got {value!r}")
        return limit

    def names(self, name: str) -> list[str]:
        """Return names, as a list or with commas."""
        value = self._params.get(name)
        names = value.split(",") if isinstance(value, str) else value
        if not isinstance(names, list) or not names:
            raise Refused(f"{self._method} needs {name}=NAME,NAME")
        return [str(one) for one in names]

    def fault(self) -> Fault:
        """Return what a drill does."""
        try:
            return Fault(self.text("fault"))
        except ValueError:
            known = ", ".join(fault.value for fault in Fault)
            raise Refused(f"fault: expected one of {known}") from None

    def authority(self) -> Authority:
        """Return what an advisor is to be promoted to."""
        try:
            return Authority(self.text("to"))
        except ValueError:
            known = ", ".join(one.value for one in Authority)
            raise Refused(f"to: expected one of {known}") from None

    def changes(self) -> dict[str, Any]:
        """Return settings to change."""
        changes = self._params.get("changes")
        if changes is None:
            changes = {key: value for key, value in self._params.items() if key != KEY}
        if not isinstance(changes, dict) or not changes:
            raise Refused("set_config needs key=value, for instance log.level=debug")
        return changes

    def key(self) -> str | None:
        """Return the idempotency key."""
        value = self._params.get(KEY)
        return None if value is None else str(value)
