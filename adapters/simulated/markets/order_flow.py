"""Which way street trades go: signs with a long memory. Pure.

Large traders split what they want into many small trades of one sign. With lengths of such
meta-orders distributed as a Pareto of index a, and a few of them alive at a time, the signs'
autocorrelation decays like lag^-(a - 1), which is what markets show.

Source: Lillo, Mike, Farmer (2005), "Theory for long memory in supply and demand".
"""

import math
from random import Random

from state.values import Side

_ALIVE = 3
_INDEX = 1.5
_LONGEST = 10_000


class OrderFlow:
    """Signs and sizes of one pair's street trades.

    Args:
        rng: The only source of chance.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._sides = [self._side() for _ in range(_ALIVE)]
        self._left = [self._length() for _ in range(_ALIVE)]

    def _side(self) -> Side:
        return Side.BUY if self._rng.random() < 0.5 else Side.SELL

    def _length(self) -> int:
        return min(_LONGEST, int(self._rng.paretovariate(_INDEX)))

    def next_side(self) -> Side:
        """Return the taker's side of the next street trade."""
        which = int(self._rng.random() * _ALIVE)
        side = self._sides[which]
        self._left[which] -= 1
        if self._left[which] <= 0:
            self._sides[which] = self._side()
            self._left[which] = self._length()
        return side

    def size(self, median: float) -> float:
        """Return a size around `median`: lognormal, so now and then a hundred times as large."""
        return median * math.exp(self._rng.gauss(0.0, 1.4))
