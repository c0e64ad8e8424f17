"""The system's clocks behind the `Clock` port."""

import time

from state.values import TimeNs


class SystemClock:
    """The `Clock` port over the operating system."""

    def now_ns(self) -> TimeNs:
        """See `adapters.ports.Clock.now_ns`."""
        return TimeNs(time.time_ns())

    def monotonic_ns(self) -> int:
        """See `adapters.ports.Clock.monotonic_ns`."""
        return time.monotonic_ns()
