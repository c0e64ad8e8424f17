"""How often something comes, learned from when it came, and when its silence means loss. Pure.

A stream is overdue after three times its learned interval without data. The interval is the
longest gap of late: a mean would call every other lull of a trade stream a loss. It is forgotten
by half each minute, so that a market that wakes up is watched more closely. A floor keeps streams
that come many times a second from being called lost over a hiccup, a ceiling keeps a stream that
came once an hour from being trusted for three.
"""

from msgspec import Struct

_MULTIPLE = 3.0
_HALF_LIFE_S = 60.0


class Patience(Struct, frozen=True, kw_only=True):
    """Bounds of how long a silence is borne, in seconds."""

    floor_s: float
    ceiling_s: float
    """Also borne while nothing has been learned."""


class Cadence:
    """The rhythm of one stream. Times are seconds of any clock that never goes back."""

    def __init__(self, patience: Patience) -> None:
        """Know nothing yet; `begin` starts the watch."""
        self._patience = patience
        self._interval_s: float | None = None
        self._since_s = 0.0
        self._strikes = 0

    def begin(self, now_s: float) -> None:
        """Count silence from here: subscribed, perhaps again. What was learned stays."""
        self._since_s = now_s

    def heard(self, now_s: float) -> None:
        """Learn that data came."""
        gap_s = now_s - self._since_s
        kept_s = (self._interval_s or 0.0) * 0.5 ** (gap_s / _HALF_LIFE_S)
        self._interval_s = max(gap_s, kept_s)
        self._since_s = now_s
        self._strikes = 0

    def struck(self, now_s: float) -> None:
        """Begin again because it was overdue: each time in vain doubles the patience.

        Where data comes again soon afterwards nothing was learned but that it had been lost;
        where it does not, the stream may simply be that slow.
        """
        self._strikes += 1
        self.begin(now_s)

    def silent_s(self, now_s: float) -> float:
        """Return for how long nothing has come."""
        return now_s - self._since_s

    @property
    def limit_s(self) -> float:
        """For how long silence is borne at present."""
        floor_s, ceiling_s = self._patience.floor_s, self._patience.ceiling_s
        if self._interval_s is None:
            return ceiling_s
        limit_s = max(floor_s, _MULTIPLE * self._interval_s) * 2.0**self._strikes
        return min(limit_s, ceiling_s)

    def overdue(self, now_s: float) -> bool:
        """Return whether it has been silent for too long."""
        return self.silent_s(now_s) > self.limit_s
