"""How many restarts are too many. Pure but for its own memory.

Source: Erlang/OTP, `supervisor:add_restart/1`: one window for all children of a supervisor.
"""

from collections import deque


class RestartBudget:
    """Allows `intensity` restarts within any `period_s`; the next one exceeds it."""

    def __init__(self, intensity: int, period_s: float) -> None:
        self._spent: deque[int] = deque()
        self.limit(intensity, period_s)

    def limit(self, intensity: int, period_s: float) -> None:
        """Set other limits; what was spent stays spent."""
        self._intensity = intensity
        self._period_ns = int(period_s * 1e9)

    def spend(self, now_ns: int) -> bool:
        """Count one restart at monotonic `now_ns`; False when it is one too many."""
        self._spent.append(now_ns)
        while now_ns - self._spent[0] > self._period_ns:
            self._spent.popleft()
        return len(self._spent) <= self._intensity

    def within(self, now_ns: int) -> int:
        """Return how many restarts the window holds at `now_ns`."""
        return sum(1 for at_ns in self._spent if now_ns - at_ns <= self._period_ns)
