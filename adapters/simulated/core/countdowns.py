"""Cancel-on-silence: who must call again, and by when. Pure."""

from adapters.simulated.core.refusals import refusal
from state.values import NS_PER_MS, NS_PER_S, Pair

Scope = tuple[str, Pair | None]
"""(account, pair); None is every pair."""

_SHORTEST_S = 5


class Countdowns:
    """Deadlines by account and pair; each call replaces the one of its scope."""

    def __init__(self) -> None:
        self.deadlines: dict[Scope, int] = {}
        """Scope to nanoseconds."""
        self.dirty = False
        """Whether they changed since whoever persists them looked last."""

    def arm(self, owner: str, pair: Pair | None, timeout_s: int, now_ns: int) -> int:
        """Set or, with 0, clear a deadline; return it in ms, 0 when cleared.

        Raises:
            VenueRefused: If `timeout_s` is neither 0 nor at least 5.
        """
        if timeout_s != 0 and timeout_s < _SHORTEST_S:
            raise refusal("INVALID_PARAM_VALUE", f"timeout must be 0 or at least {_SHORTEST_S}")
        scope = (owner, pair)
        self.dirty = True
        if timeout_s == 0:
            self.deadlines.pop(scope, None)
            return 0
        self.deadlines[scope] = now_ns + timeout_s * NS_PER_S
        return self.deadlines[scope] // NS_PER_MS

    def next_due_ns(self) -> int | None:
        """Return the earliest deadline, None when none is set."""
        return min(self.deadlines.values(), default=None)

    def expired(self, now_ns: int) -> list[Scope]:
        """Forget and return the scopes whose deadline has passed."""
        passed = [scope for scope, deadline in self.deadlines.items() if deadline <= now_ns]
        self.dirty = self.dirty or bool(passed)
        for scope in passed:
            del self.deadlines[scope]
        return passed
