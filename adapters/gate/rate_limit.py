"""How many requests Gate takes, counted before they are sent. Pure: time is an argument.

A sliding window rather than a leaking bucket: Gate counts requests in a span of time, and a bucket
that leaks may let a full burst and a refill, nearly twice the limit, into one such span.

Gate counts a request when it arrives, some time between its sending and its answer. So a request
stays in our window until a whole length has passed since its *answer*. Take any span of Gate's and,
of the requests counted in it, the one that was sent last: when we sent it, each of the others was
either unanswered or answered less than a length ago, hence in our window. However unevenly
requests travel, no span of Gate's holds more than we let out.

Source: gate-protocol.md section 6.
"""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from adapters.gate.amounts import Number
from state.values import NS_PER_S

_MS_ABOVE = 10**12
"""A reset time beyond this is in milliseconds: Gate's documents name both units."""

_LIMIT_MAX = 100_000


class Limit(Struct, frozen=True, kw_only=True):
    """At most `requests` in any `window_s`."""

    requests: int
    window_s: float


PUBLIC = Limit(requests=200, window_s=10.0)
"""For each endpoint."""
PRIVATE = Limit(requests=200, window_s=10.0)
"""For each endpoint."""
PLACE = Limit(requests=10, window_s=1.0)
"""Placements and amendments together, for each pair."""
CANCEL = Limit(requests=200, window_s=1.0)
"""All cancels together."""


class RateWindow:
    """Admits requests so that no span of the limit's length holds more than it allows.

    A 429 halves what is allowed and closes the window until the announced reset, or for its whole
    length; each further window without one gives a quarter of the limit back.
    """

    def __init__(self, limit: Limit, *, head_room: float = 0.9) -> None:
        """Admit `head_room` of the limit: others may use the account too."""
        self._head_room = head_room
        self._full = max(1, int(limit.requests * head_room))
        self._allowed = self._full
        self._window_ns = int(limit.window_s * NS_PER_S)
        self._out = 0
        self._ended: deque[int] = deque()
        self._closed_until_ns = 0
        self._refused_at_ns = 0

    @property
    def allowed(self) -> int:
        """How many requests a window takes at present."""
        return self._allowed

    def delay_ns(self, now_ns: int) -> int:
        """Return how long a request has to wait; 0 when it may go now.

        Where only an answer can make room nobody knows how long: then it is the window's length,
        and asking again after each answer is worth while.
        """
        self._forget(now_ns)
        if now_ns < self._closed_until_ns:
            return self._closed_until_ns - now_ns
        excess = self._out + len(self._ended) - self._allowed
        if excess < 0:
            return 0
        if excess >= len(self._ended):
            return self._window_ns
        return self._ended[excess] + self._window_ns - now_ns

    def take(self) -> None:
        """Count one request as sent; `ended` or `give_back` follows."""
        self._out += 1

    def ended(self, now_ns: int) -> None:
        """Learn that a request was answered, or that nobody waits for its answer any more."""
        self._out -= 1
        self._ended.append(now_ns)

    def give_back(self) -> None:
        """Learn that a request never left."""
        self._out -= 1

    def observe(self, now_ns: int, told: "HeadRoom") -> None:
        """Learn from an answer what Gate itself counts: others may use the same account."""
        self._forget(now_ns)
        self._full = max(1, int(told.limit * self._head_room))
        self._allowed = min(self._allowed, self._full)
        if told.remaining <= 0:
            wait_ns = min(told.reset_in_ns, self._window_ns)
            self._closed_until_ns = max(self._closed_until_ns, now_ns + wait_ns)
        unseen = told.limit - told.remaining - self._out - len(self._ended)
        if unseen > 0:
            # Sent by somebody else; Gate forgets them at its reset, so we do as well.
            wait_ns = min(told.reset_in_ns or self._window_ns, self._window_ns)
            others = [now_ns + wait_ns - self._window_ns] * unseen
            self._ended = deque(sorted([*self._ended, *others]))

    def refused(self, now_ns: int, told: "HeadRoom | None" = None) -> None:
        """Learn that a request was answered with 429, perhaps with when to come again."""
        self._allowed = max(1, self._allowed // 2)
        # A reset that is now already would have been no reason to refuse: it is not believed.
        announced_ns = told.reset_in_ns if told is not None else 0
        wait_ns = min(announced_ns or self._window_ns, self._window_ns)
        self._closed_until_ns = max(self._closed_until_ns, now_ns + wait_ns)
        self._refused_at_ns = now_ns

    def _forget(self, now_ns: int) -> None:
        while self._ended and self._ended[0] + self._window_ns <= now_ns:
            self._ended.popleft()
        while self._allowed < self._full and now_ns - self._refused_at_ns >= 2 * self._window_ns:
            self._allowed = min(self._full, self._allowed + max(1, self._full // 4))
            self._refused_at_ns += self._window_ns


class HeadRoom(Struct, frozen=True, kw_only=True):
    """What an answer says of Gate's own count."""

    limit: int
    remaining: int
    reset_in_ns: int
    """Until it takes more again; 0 where that is now."""


def head_room_told(headers: Mapping[str, str], now_s: float) -> HeadRoom | None:
    """Return what an answer's headers say, or None where they say nothing readable.

    Args:
        headers: Names in lower case.
        now_s: Unix seconds by Gate's clock.
    """
    return head_room(
        headers.get("x-gate-ratelimit-limit"),
        headers.get("x-gate-ratelimit-requests-remain"),
        headers.get("x-gate-ratelimit-reset-timestamp"),
        now_s,
    )


def head_room(
    limit: Number | None, remaining: Number | None, reset: Number | None, now_s: float
) -> HeadRoom | None:
    """Return what these three members of an answer say, or None where that is nothing readable."""
    if limit is None or remaining is None:
        return None
    try:
        reset_s = float(reset or 0)
        reset_in_s = (reset_s / 1000 if reset_s > _MS_ABOVE else reset_s) - now_s
        told = HeadRoom(
            limit=int(limit),
            remaining=int(remaining),
            reset_in_ns=max(0, int(reset_in_s * NS_PER_S)),
        )
    except (ValueError, OverflowError):
        return None
    return told if 0 <= told.remaining <= told.limit <= _LIMIT_MAX and told.limit > 0 else None
