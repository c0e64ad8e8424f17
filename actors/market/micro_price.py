"""Stoikov's micro-price: where the mid is expected to be after its next moves. Pure.

Source: Stoikov (2018), "The micro-price: a high-frequency estimator of future prices". The state of
the best levels is the bucket of their imbalance and that of the spread. Updates that leave the mid
where it is are transitions Q; those that move it, by so much on average, are R k, and lead to the
states T. Then G1 = (1 - Q)^-1 R k is the expected first move, B = (1 - Q)^-1 T, and the expected
move after all further ones is G* = G1 + B G1 + B^2 G1 + ...

As there, every observation is counted with its mirror image, bid and ask exchanged, which makes
the series converge. The tick is taken to be the smallest spread seen.
"""

import numpy as np

from state.order_book import Best

IMBALANCES = 10
"""Buckets of bid size / (bid size + ask size)."""
SPREADS = 2
"""Buckets of the spread: one tick, more."""
STATES = IMBALANCES * SPREADS
WARM = 2_000
"""Observations before it is told."""
MOVES_MIN = 100
"""Of them, those that moved the mid."""
ESTIMATE_EVERY = 512
FORGET_AT = 50_000.0
"""Observations at which all counts are halved, so that old ones fade."""
TERMS = 32
"""Of the series; each is a share of the one before."""


class MicroPrice:
    """Learns the chain of one pair's book, and tells the micro-price."""

    def __init__(self) -> None:
        self._tick = float("inf")
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._stay = [0.0] * (STATES * STATES)
        self._go = [0.0] * (STATES * STATES)
        self._moved = [0.0] * STATES
        """Sum of the mid's moves from each state, in ticks."""
        self._seen = self._moves = 0.0
        self._left = ESTIMATE_EVERY
        self._adjustments: list[float] | None = None
        self._mid = 0.0
        self._state = -1
        self._best: Best | None = None
        """What the state is of."""

    def begin(self) -> None:
        """Go on from an unknown state: changes may be missing. What was learned stays."""
        self._state = -1

    def apply(self, best: Best) -> None:
        """Learn from the best levels after one change."""
        bid, _, ask, _ = best
        spread = ask - bid
        if spread < self._tick * 0.99:
            self._tick = spread
            self._begin_anew()
        state, mid = self._state_of(best, spread), (bid + ask) / 2
        if self._state >= 0:
            self._learn(self._state, state, (mid - self._mid) / self._tick)
        self._state, self._mid, self._best = state, mid, best

    def price(self, best: Best) -> float | None:
        """Return the micro-price of this book, quote units; None before enough was seen."""
        if self._adjustments is None:
            return None
        state = self._state
        if best is not self._best or state < 0:
            state = self._state_of(best, best.ask - best.bid)
        return (best.bid + best.ask) / 2 + self._adjustments[state] * self._tick

    def _state_of(self, best: Best, spread: float) -> int:
        _, bid_size, _, ask_size = best
        bucket = int(bid_size / (bid_size + ask_size) * IMBALANCES)
        if bucket == IMBALANCES:
            bucket -= 1
        return bucket + IMBALANCES if spread > 1.5 * self._tick else bucket

    def _learn(self, before: int, after: int, move: float) -> None:
        counts = self._go if move else self._stay
        counts[before * STATES + after] += 1.0
        counts[_MIRROR[before] * STATES + _MIRROR[after]] += 1.0
        if move:
            self._moved[before] += move
            self._moved[_MIRROR[before]] -= move
            self._moves += 1
        self._seen += 1
        self._left -= 1
        if self._left <= 0:
            self._left = ESTIMATE_EVERY
            if self._seen >= WARM and self._moves >= MOVES_MIN:
                self._adjustments = self._estimate()
            if self._seen >= FORGET_AT:
                self._stay = [count / 2 for count in self._stay]
                self._go = [count / 2 for count in self._go]
                self._moved = [move / 2 for move in self._moved]
                self._seen /= 2
                self._moves /= 2

    def _estimate(self) -> list[float]:
        stay = np.array(self._stay).reshape(STATES, STATES)
        go = np.array(self._go).reshape(STATES, STATES)
        totals = stay.sum(axis=1) + go.sum(axis=1)
        # A state that was never left is taken to end there: it expects nothing.
        each = np.where(totals > 0, totals, 1.0)
        escape = np.eye(STATES) - stay / each[:, None]
        # Where no move was ever seen from, the chain would stay for ever: there, nothing is known.
        escape += np.eye(STATES) * 1e-9
        first = np.linalg.solve(escape, np.array(self._moved) / each)
        chain = np.linalg.solve(escape, go / each[:, None])
        total = term = first
        for _ in range(TERMS):
            term = chain @ term
            total = total + term
        adjustments: list[float] = total.tolist()
        return adjustments


def _mirror(state: int) -> int:
    """Return the state with bid and ask exchanged."""
    bucket = state % IMBALANCES
    return state - bucket + IMBALANCES - 1 - bucket


_MIRROR = tuple(map(_mirror, range(STATES)))
