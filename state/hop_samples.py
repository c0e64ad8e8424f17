"""Samples of how long each hop took, until they are told. Pure; for whoever is on the way."""

from collections import defaultdict

from state.messages.flow import LatencyMeasured
from state.values import NS_PER_S, Pair

SAMPLES_MAX = 256
"""Of a hop between two tellings; a flood is told by its first ones, and the count of the rest."""


class HopSamples:
    """One pair's, at one place of the way.

    Args:
        pair: Whose.
        every_s: How often they are told at most.
    """

    def __init__(self, pair: Pair, every_s: float) -> None:
        self._pair = pair
        self._every_ns = int(every_s * NS_PER_S)
        self._told_ns: int | None = None
        self._samples: dict[str, list[int]] = defaultdict(list)
        self._left_out = 0

    def add(self, hop: str, began_ns: int, ended_ns: int) -> None:
        """Count one; where either end was not noted (0), nothing is known."""
        if began_ns and ended_ns:
            samples = self._samples[hop]
            if len(samples) < SAMPLES_MAX:
                samples.append(ended_ns - began_ns)
            else:
                self._left_out += 1

    def due(self, now_ns: int) -> LatencyMeasured | None:
        """Return what is to be told now; `now_ns` never goes back."""
        if self._told_ns is None:
            self._told_ns = now_ns
        if not self._samples or now_ns - self._told_ns < self._every_ns:
            return None
        self._told_ns = now_ns
        told = LatencyMeasured(
            pair=self._pair,
            left_out=self._left_out,
            **{hop: tuple(samples) for hop, samples in self._samples.items()},
        )
        self._samples.clear()
        self._left_out = 0
        return told
