"""Whether the wall clock is to be believed, and what the exchange's says. Pure but for itself.

Days and locks are counted by the exchange's clock: ours and its measured offset. A wall clock
that leaps against the monotonic one, and one of which nobody has said yet how far it is off, is
not believed; until it was measured anew no day ends, no lock is released and nothing is entered.
"""

from state.messages.operations import ClockMeasured
from state.values import TimeNs


class ClockWatch:
    """Compares the wall clock with the monotonic one at every look.

    Args:
        jump_max_ns: Most that one may gain on the other between two looks.
    """

    def __init__(self, jump_max_ns: int) -> None:
        self._jump_max_ns = jump_max_ns
        self._seen: tuple[TimeNs, int] | None = None
        self._offset_ns = 0
        self._believed_from_ns: TimeNs | None = None
        """A measure of before this instant says nothing of the clock as it is now."""
        self.doubt: str | None = "not measured yet"
        """Why it is not believed; None: it is."""

    def look(self, now_ns: TimeNs, monotonic_ns: int) -> None:
        """Take one more look at both clocks."""
        seen, self._seen = self._seen, (now_ns, monotonic_ns)
        if seen is None:
            return
        leap_ns = (now_ns - seen[0]) - (monotonic_ns - seen[1])
        if abs(leap_ns) > self._jump_max_ns:
            self._believed_from_ns = now_ns
            self.doubt = f"it leapt by {leap_ns / 1e9:+.3f} s"

    def measured(self, clock: ClockMeasured) -> None:
        """Take a measure of how far the exchange's clock is from ours; call `look` before."""
        now_ns = self._seen[0] if self._seen is not None else clock.at_ns
        if clock.at_ns > now_ns + self._jump_max_ns:
            return  # Of before a leap backwards.
        if self._believed_from_ns is not None and clock.at_ns < self._believed_from_ns:
            return
        self._offset_ns = clock.offset_ns
        self.doubt = None

    def venue_ns(self, now_ns: TimeNs) -> TimeNs | None:
        """Return what the exchange's clock shows, None while ours is not believed."""
        return None if self.doubt is not None else TimeNs(now_ns + self._offset_ns)
