"""How soon a book refills after it was hit: its half-life. Pure.

Source: Large (2007), "Measuring the resiliency of an electronic limit order book"; Foucault, Kadan
& Kandel (2005), "Limit order book as a market for liquidity". A shock is here a depth that falls
below 70 % of its usual; the half-life is the time from its trough until half of what was lost is
back. The next shock begins when the depth was back above the 70 %, and falls again.
"""

from collections import deque
from math import exp
from statistics import median

from state.values import NS_PER_S

SHOCK = 0.7
"""Share of the usual depth below which it is a shock."""
USUAL_S = 60.0
"""Time constant of the usual depth, an exponential average over time."""
GIVEN_UP_S = 60.0
"""A shock that is not half recovered by then counts as so long."""
SHOCKS_MIN = 3
SHOCKS_KEPT = 20


class Resilience:
    """Watches the depth of one book; `depth` is quote units near the mid, both sides."""

    def __init__(self, half_lives: tuple[float, ...] = ()) -> None:
        self._half_lives: deque[float] = deque(half_lives, maxlen=SHOCKS_KEPT)
        self.begin()

    def begin(self) -> None:
        """Go on after a hole: a shock under way is forgotten, what was measured stays."""
        self._usual: float | None = None
        self._last = 0.0
        self._since_ns = self._at_ns = 0
        self._armed = True
        """Whether the depth has been back since the last shock."""
        self._trough: float | None = None
        self._trough_ns = 0
        self._lost_from = 0.0

    @property
    def half_lives(self) -> tuple[float, ...]:
        """Seconds, oldest first."""
        return tuple(self._half_lives)

    def half_life_s(self) -> float | None:
        """Return the median of the last ones, seconds; None after fewer than three shocks."""
        return median(self._half_lives) if len(self._half_lives) >= SHOCKS_MIN else None

    def apply(self, depth: float, at_ns: int) -> None:
        """Fold the depth at one time of the exchange."""
        if self._usual is None:
            self._usual = self._last = depth
            self._since_ns = self._at_ns = at_ns
            return
        if at_ns > self._at_ns:
            weight = 1.0 - exp(-(at_ns - self._at_ns) / NS_PER_S / USUAL_S)
            if self._trough is None:
                # What it was until now lasted so long, not what it is from now on.
                self._usual += weight * (self._last - self._usual)
            self._at_ns = at_ns
        self._last = depth
        if self._trough is None:
            is_warm = at_ns - self._since_ns >= USUAL_S * NS_PER_S
            if depth >= SHOCK * self._usual:
                self._armed = True
            elif is_warm and self._armed:
                self._armed = False
                self._trough, self._trough_ns, self._lost_from = depth, at_ns, self._usual
        elif depth < self._trough:
            self._trough, self._trough_ns = depth, at_ns
        else:
            passed_s = (at_ns - self._trough_ns) / NS_PER_S
            half = self._trough + (self._lost_from - self._trough) / 2
            if depth >= half or passed_s >= GIVEN_UP_S:
                self._half_lives.append(min(passed_s, GIVEN_UP_S))
                if depth < half:
                    # This is what is usual now.
                    self._usual = depth
                self._trough = None
