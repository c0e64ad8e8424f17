"""How often a client may call (gate-protocol.md section 6). Pure.

Fixed windows: Gate states a limit and the moment it resets.
"""

from enum import Enum
from typing import NamedTuple

from adapters.simulated.core.refusals import refusal
from state.values import NS_PER_MS, NS_PER_S


class LimitClass(Enum):
    """(scope, requests, seconds)."""

    PUBLIC = ("endpoint and address", 200, 10)
    PRIVATE = ("endpoint and user", 200, 10)
    TOTAL = ("estimates of a user's total", 80, 10)
    PLACE = ("user and market", 10, 1)
    CANCEL = ("all cancels of a user", 200, 1)
    OTHER = ("endpoint and user", 150, 10)


_LOW_FILL_RATIO = (10, 10)
"""(placements, seconds) of a user whose orders hardly ever fill."""


class _Window(NamedTuple):
    ends_ns: int
    used: int


_KEPT_WINDOWS = 10_000
_TOO_OFTEN, _LOW_FILLS = 211, 212
"""Gate's numbers of the limit that was exceeded."""


class RateLimits:
    """Counts requests.

    Args:
        enforced: Whether too many are refused; they are counted either way.
        reset_ms: Unit of the reset header: milliseconds, else seconds.
    """

    def __init__(self, *, enforced: bool = True, reset_ms: bool = True) -> None:
        self.enforced = enforced
        self._reset_unit = NS_PER_MS if reset_ms else NS_PER_S
        self._windows: dict[tuple[LimitClass, str], _Window] = {}
        self.low_fill_ratio: set[str] = set()
        """Users who may place less: by command only, for when Gate does so is not known."""

    def count(self, limit: LimitClass, who: str, now_ns: int) -> dict[str, str]:
        """Count one request of `who` and return the headers of its answer.

        Args:
            limit: What is counted.
            who: The user or the address first, then a space and what else it is counted by.
            now_ns: The venue's time.

        Raises:
            RateLimited: If it was one too many.
        """
        _, most, seconds = limit.value
        slowed = limit is LimitClass.PLACE and who.partition(" ")[0] in self.low_fill_ratio
        if slowed:
            most, seconds = _LOW_FILL_RATIO
        window = self._windows.get((limit, who))
        if window is None or now_ns >= window.ends_ns:
            self._forget_some(now_ns)
            window = _Window(now_ns + seconds * NS_PER_S, 0)
        window = _Window(window.ends_ns, window.used + 1)
        self._windows[limit, who] = window
        remain = most - window.used
        # Gate: the moment of reset when exhausted, else simply the current time.
        reset_ns = window.ends_ns if remain <= 0 else now_ns
        headers = {
            "X-Gate-RateLimit-Requests-Remain": str(max(0, remain)),
            "X-Gate-RateLimit-Limit": str(most),
            "X-Gate-RateLimit-Reset-Timestamp": str(reset_ns // self._reset_unit),
        }
        if remain < 0 and self.enforced:
            raise RateLimited(headers, code=_LOW_FILLS if slowed else _TOO_OFTEN)
        return headers

    def _forget_some(self, now_ns: int) -> None:
        if len(self._windows) > _KEPT_WINDOWS:
            self._windows = {
                key: window for key, window in self._windows.items() if window.ends_ns > now_ns
            }


class RateLimited(Exception):
    """One request too many; carries the headers of the 429."""

    def __init__(self, headers: dict[str, str], code: int = _TOO_OFTEN) -> None:
        super().__init__("rate limit exceeded")
        self.headers = headers
        self.refusal = refusal("TOO_MANY_REQUESTS", f"Request Rate limit Exceeded ({code})")
