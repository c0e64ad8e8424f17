"""How unusual the size of a trade is, in standard deviations of the logarithm. Pure.

Sizes of trades are closer to a log-normal than to a normal, so the score is that of the logarithm
of quote units. Mean and variance fade exponentially: West (1979), "Updating mean and variance
estimates", with a constant weight.
"""

from math import log, sqrt

WEIGHT = 1 / 500
"""Of each new execution; so about the last 700 matter."""
FULL = round(1 / WEIGHT)
"""Executions from which on that is the weight of a new one."""
WARM = 200
"""Executions before a score is told."""


class LargeTrades:
    """Scores the executions of one pair."""

    def __init__(self) -> None:
        self._mean = self._variance = 0.0
        self._count = 0

    def score(self, notional: float) -> float | None:
        """Return how unusual `notional` (> 0) is against those before it, then count it in."""
        value = log(notional)
        self._count += 1
        if self._count == 1:
            self._mean = value
            return None
        away = value - self._mean
        told = None
        if self._count > WARM and self._variance > 0:
            told = away / sqrt(self._variance)
        # Early on each counts alike, so that the first does not weigh for ever.
        weight = WEIGHT if self._count >= FULL else 1 / self._count
        self._mean += weight * away
        self._variance = (1 - weight) * (self._variance + weight * away * away)
        return told
