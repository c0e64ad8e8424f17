"""How far Gate's clock is from ours, learned from every answer. Any thread may call.

An answer bounds the difference from both sides without any assumption about the way: Gate read its
clock after we had sent and before we had received. The bounds of all answers are intersected, and
widened as time passes by what two clocks may drift apart. They are kept against our monotonic
clock, so that a step of our wall clock neither spoils them nor, for a moment, a signature.

Every REST answer tells by `X-In-Time` and `X-Out-Time` when it came in and left, every answer over
the socket likewise; these narrow the bounds. They are stamped by whichever machine was in front,
so where they contradict the bounds they are believed only when they insist; GET /spot/time, the
clock Gate documents, is believed at once.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from adapters.ports import Clock
from state.messages.venue import Refused
from state.values import NS_PER_MS, NS_PER_S, TimeNs

NS_PER_US = 1_000
_DRIFT_PPM = 200
"""Most that two quartz clocks, one of them perhaps being slewed, drift apart."""
_INSISTING = 3
"""Contradictions in a row after which stamps are believed."""
_STAMPS = ("x-in-time", "x-out-time"), ("x_in_time", "x_out_time")
"""Names over REST and over the socket."""
CLOCK = "CLOCK"
"""Our label of a request that must not leave because the clocks differ too much."""


class Skew(Protocol):
    """What those who sign want to know of Gate's clock."""

    def offset_ns(self) -> int | None:
        """Return Gate's clock minus our wall clock, now; None while nobody has measured it."""
        ...

    def refusal(self) -> Refused | None:
        """Return why nothing that is signed may leave; None while it may."""
        ...

    def told(self, venue_ns: int, *, resolution_ns: int, sent_ns: int, received_ns: int) -> None:
        """Learn from GET /spot/time.

        Args:
            venue_ns: The clock as read there.
            resolution_ns: What it was cut off to.
            sent_ns: When we asked, by our monotonic clock.
            received_ns: When the answer was there, by the same.
        """
        ...

    def stamped(self, stamps: Mapping[str, str], *, sent_ns: int, received_ns: int) -> None:
        """Learn from an ordinary answer's stamps, if they can be read; see `told`."""
        ...


class VenueClock:
    """Measures Gate's clock."""

    def __init__(self, clock: Clock, *, tolerance_s: float | None = None) -> None:
        """Know nothing yet.

        Args:
            clock: Ours.
            tolerance_s: Most that the clocks may differ for anything signed to leave; None for
                no limit.
        """
        self._clock = clock
        self._tolerance_ns = None if tolerance_s is None else int(tolerance_s * NS_PER_S)
        self._lock = threading.Lock()
        self._low_ns = 0
        self._high_ns = 0
        """Gate's clock minus our monotonic one lies between them, as of `_at_ns`."""
        self._at_ns: int | None = None
        self._contradictions = 0

    def offset_ns(self) -> int | None:
        """See `Skew.offset_ns`."""
        bounds = self._bounds()
        return None if bounds is None else sum(bounds) // 2

    def uncertainty_ns(self) -> int | None:
        """Return how far the offset may be from the truth; None while nobody has measured it."""
        bounds = self._bounds()
        return None if bounds is None else (bounds[1] - bounds[0]) // 2

    def refusal(self) -> Refused | None:
        """See `Skew.refusal`. What was never measured is not known to be wrong."""
        bounds = self._bounds()
        if bounds is None or self._tolerance_ns is None:
            return None
        low_ns, high_ns = bounds
        if -self._tolerance_ns <= high_ns and low_ns <= self._tolerance_ns:
            return None
        offset_ms = (low_ns + high_ns) / 2 / NS_PER_MS
        return Refused(
            label=CLOCK,
            message=f"the exchange's clock minus ours is {offset_ms:+.0f} ms, more than "
            f"± {self._tolerance_ns / NS_PER_MS:.0f} ms",
        )

    def told(self, venue_ns: int, *, resolution_ns: int, sent_ns: int, received_ns: int) -> None:
        """See `Skew.told`."""
        low_ns = venue_ns - received_ns
        high_ns = venue_ns + resolution_ns - sent_ns
        self._learn(low_ns, high_ns, is_certain=True)

    def stamped(self, stamps: Mapping[str, str], *, sent_ns: int, received_ns: int) -> None:
        """See `Skew.stamped`."""
        read = _stamps_ns(stamps)
        if read is None:
            return
        in_ns, out_ns = read
        low_ns, high_ns = out_ns - received_ns, in_ns + NS_PER_US - sent_ns
        if low_ns <= high_ns:
            self._learn(low_ns, high_ns, is_certain=False)

    def _learn(self, low_ns: int, high_ns: int, *, is_certain: bool) -> None:
        with self._lock:
            now_ns = self._clock.monotonic_ns()
            if self._at_ns is not None:
                known_low, known_high = self._widened(now_ns)
                if max(known_low, low_ns) <= min(known_high, high_ns):
                    low_ns, high_ns = max(known_low, low_ns), min(known_high, high_ns)
                elif not is_certain and self._contradictions + 1 < _INSISTING:
                    self._contradictions += 1
                    return
            self._low_ns, self._high_ns, self._at_ns = low_ns, high_ns, now_ns
            self._contradictions = 0

    def _widened(self, now_ns: int) -> tuple[int, int]:
        assert self._at_ns is not None, "only what was measured grows old"
        drift_ns = (now_ns - self._at_ns) * _DRIFT_PPM // 1_000_000
        return self._low_ns - drift_ns, self._high_ns + drift_ns

    def _bounds(self) -> tuple[int, int] | None:
        """Return the bounds of Gate's clock minus our wall clock, now."""
        with self._lock:
            if self._at_ns is None:
                return None
            now_ns = self._clock.monotonic_ns()
            low_ns, high_ns = self._widened(now_ns)
        ahead_ns = now_ns - self._clock.now_ns()
        return low_ns + ahead_ns, high_ns + ahead_ns


class OffsetOfOthers:
    """Gate's clock as somebody else measures it: answers teach it nothing."""

    def __init__(self, offset_ns: Callable[[], int | None]) -> None:
        """Ask `offset_ns` whenever it is wanted."""
        self._offset_ns = offset_ns

    def offset_ns(self) -> int | None:
        """See `Skew.offset_ns`."""
        return self._offset_ns()

    def refusal(self) -> Refused | None:
        """Refuse nothing: whoever measures judges."""
        return None

    def told(self, venue_ns: int, *, resolution_ns: int, sent_ns: int, received_ns: int) -> None:
        """Learn nothing."""

    def stamped(self, stamps: Mapping[str, str], *, sent_ns: int, received_ns: int) -> None:
        """Learn nothing."""


UNMEASURED = OffsetOfOthers(lambda: None)
"""A clock nobody measures: ours is taken for Gate's."""


def venue_ns(clock: Clock, skew: Skew) -> TimeNs:
    """Return Gate's clock as well as we know it."""
    return TimeNs(clock.now_ns() + (skew.offset_ns() or 0))


def _stamps_ns(headers: Mapping[str, str]) -> tuple[int, int] | None:
    for in_name, out_name in _STAMPS:
        if in_name in headers and out_name in headers:
            try:
                stamps = int(headers[in_name]) * NS_PER_US, int(headers[out_name]) * NS_PER_US
            except ValueError:
                return None
            return stamps if 0 < stamps[0] <= stamps[1] < 2**63 else None
    return None
