"""How many requests may leave within a minute. Pure but for its own memory."""

from state.values import NS_PER_S

BURST_S = 10.0
"""So many seconds' worth may leave at once."""
SLOWED_S = 900.0
"""The provider judges its limits over a quarter of an hour: so long a crowded sender is slower."""


class Pace:
    """A token bucket by the monotonic clock; half as fast while the provider calls us crowded.

    Args:
        per_minute: Requests, retries included.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_s = per_minute / 60
        self._room = self._most = max(1.0, self._per_s * BURST_S)
        self._seen_ns: int | None = None
        self._slow_until_ns = 0

    def take(self, now_ns: int) -> float:
        """Count one request and return how many seconds to wait before it leaves, mostly 0."""
        per_s = self._per_s / 2 if now_ns < self._slow_until_ns else self._per_s
        if self._seen_ns is not None:
            gained = max(0, now_ns - self._seen_ns) / NS_PER_S * per_s
            self._room = min(self._most, self._room + gained)
        self._seen_ns = now_ns
        self._room -= 1
        return max(0.0, -self._room / per_s)

    def give_back(self) -> None:
        """Count a request no more: it never left."""
        self._room = min(self._most, self._room + 1)

    def crowded(self, now_ns: int) -> None:
        """Be slower for a while."""
        self._slow_until_ns = now_ns + int(SLOWED_S * NS_PER_S)
