"""Order-flow imbalance: what came to and left the best levels, change by change. Pure.

Source: Cont, Kukanov & Stoikov (2014), "The price impact of order book events", equations 1 to 4.
Theirs are single events; an exchange that tells changes every so many milliseconds tells what is
left of the events in between.
"""

from collections import deque
from math import fsum

from state.order_book import Best
from state.values import NS_PER_S

WINDOW_NS = 10 * NS_PER_S
_EXACT_EVERY = 1024
"""Changes after which the sums are made anew, lest rounding adds up."""


def flow_of(before: Best, after: Best) -> float:
    """Return what one change brought to the bid and took from the ask, base units.

    A bid that rises or stays adds its size, one that falls or stays takes away the size it had; the
    ask the other way round.
    """
    bid, bid_size, ask, ask_size = after
    last_bid, last_bid_size, last_ask, last_ask_size = before
    flow = 0.0
    if bid >= last_bid:
        flow += bid_size
    if bid <= last_bid:
        flow -= last_bid_size
    if ask <= last_ask:
        flow -= ask_size
    if ask >= last_ask:
        flow += last_ask_size
    return flow


class OrderFlow:
    """The imbalance over the last `window_ns` of the exchange's time."""

    def __init__(self, window_ns: int = WINDOW_NS) -> None:
        self._window_ns = window_ns
        self.begin()

    def begin(self) -> None:
        """Forget everything: changes may be missing."""
        self._last: Best | None = None
        self._since_ns = 0
        self._flows: deque[tuple[int, float, float]] = deque()
        """(time, flow, mean size of the two best levels)."""
        self._flow = self._depth = 0.0
        self._left = _EXACT_EVERY

    def apply(self, best: Best, at_ns: int) -> None:
        """Fold the best levels after one change."""
        before, self._last = self._last, best
        if before is None:
            self._since_ns = at_ns
            return
        flows, depth = self._flows, (best[1] + best[3]) / 2
        flow = flow_of(before, best)
        flows.append((at_ns, flow, depth))
        self._flow += flow
        self._depth += depth
        oldest_ns = at_ns - self._window_ns
        while flows[0][0] <= oldest_ns:
            _, flow, depth = flows.popleft()
            self._flow -= flow
            self._depth -= depth
        self._left -= 1
        if self._left == 0:
            self._left = _EXACT_EVERY
            self._flow = fsum(one[1] for one in flows)
            self._depth = fsum(one[2] for one in flows)

    def measured(self, at_ns: int) -> tuple[float | None, float | None]:
        """Return both of the following."""
        if not self._is_warm(at_ns):
            return None, None
        flows, depth = self._flows, self._depth
        return self._flow, self._flow / (depth / len(flows)) if flows and depth > 0 else None

    def imbalance(self, at_ns: int) -> float | None:
        """Return it in base units; None before a whole window was watched."""
        return self.measured(at_ns)[0]

    def in_depths(self, at_ns: int) -> float | None:
        """Return it in mean sizes of a best level; None where it is not known.

        The price impact is proportional to it: their equation 4, with the depth of their section 3.
        """
        return self.measured(at_ns)[1]

    def _is_warm(self, at_ns: int) -> bool:
        return self._last is not None and at_ns - self._since_ns >= self._window_ns
