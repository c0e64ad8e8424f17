"""A clock that moves when told, and runs what was scheduled on the way."""

import heapq
import itertools
from collections.abc import Callable

from tests.adapters.simulated.venues import NOON


class VirtualClock:
    """Time and agenda of a test."""

    def __init__(self) -> None:
        self.at_ns = NOON
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def now_ns(self) -> int:
        return self.at_ns

    def schedule(self, delay_ns: int, action: Callable[[], None]) -> None:
        assert delay_ns >= 0
        heapq.heappush(self._agenda, (self.at_ns + delay_ns, next(self._order), action))

    def run(self, duration_ns: int) -> int:
        """Let `duration_ns` pass; return how many actions ran."""
        until_ns = self.at_ns + duration_ns
        ran = 0
        while self._agenda and self._agenda[0][0] <= until_ns:
            due_ns, _, action = heapq.heappop(self._agenda)
            self.at_ns = due_ns
            action()
            ran += 1
        self.at_ns = until_ns
        return ran
