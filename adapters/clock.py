"""The system's clocks behind the `Clock` port."""

import time

from state.values import TimeNs


class SystemClock:
    """The `Clock` port over the operating system."""

    def now_ns(self) -> TimeNs:
        """See `adapters.ports.Clock.now_ns`."""
        # Naming it a `TimeNs` is a call of its own, and this is asked for with every message.
        return time.time_ns()  # type: ignore[return-value]

    def monotonic_ns(self) -> int:
        """See `adapters.ports.Clock.monotonic_ns`."""
        return time.monotonic_ns()
