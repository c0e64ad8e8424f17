"""VPIN: how one-sided the flow is, in volume time. Pure.

Source: Easley, Lopez de Prado & O'Hara (2012), "Flow toxicity and liquidity in a high-frequency
world". A bucket is full when a fixed volume has traded; VPIN is the mean of |buys - sells| over the
bucket's volume, of the last 50 buckets. They had to guess the sides from price changes (bulk volume
classification); here the exchange tells them. A trade without a side counts half each way.
"""

from collections import deque

from msgspec import Struct

from state.values import Side

WINDOW = 50
"""Buckets in the mean, as in the paper."""
BUCKETS_PER_DAY = 200
"""The paper has 50, so that its 50 take a day; with 200 it is a quarter of that."""
ONE_TRADE_MAX = 2 * WINDOW
"""Buckets that one trade may fill; of one still larger the rest says the same again."""


class VpinState(Struct, frozen=True):
    """What is kept."""

    bucket: float
    """Base units in a bucket."""
    imbalances: tuple[float, ...]
    """Of the full ones, oldest first, in [0, 1]."""
    bought: float
    sold: float
    """In the one that fills."""


class Vpin:
    """One pair's, with buckets of `bucket` (> 0) base units."""

    def __init__(self, bucket: float) -> None:
        assert bucket > 0
        self.bucket = bucket
        self._imbalances: deque[float] = deque(maxlen=WINDOW)
        self._bought = self._sold = 0.0

    @classmethod
    def of(cls, state: VpinState) -> "Vpin":
        """Return the one that was kept."""
        vpin = cls(state.bucket)
        vpin._imbalances.extend(state.imbalances)
        vpin._bought, vpin._sold = state.bought, state.sold
        return vpin

    def state(self) -> VpinState:
        """Return what to keep."""
        return VpinState(self.bucket, tuple(self._imbalances), self._bought, self._sold)

    def add(self, quantity: float, taker: Side | None) -> None:
        """Count one trade; it is split where it fills more than one bucket."""
        left = min(quantity, ONE_TRADE_MAX * self.bucket)
        while left > 0:
            room = self.bucket - self._bought - self._sold
            part = min(left, room)
            if taker is Side.BUY:
                self._bought += part
            elif taker is Side.SELL:
                self._sold += part
            else:
                self._bought += part / 2
                self._sold += part / 2
            if left < room:
                return
            left -= part
            self._imbalances.append(abs(self._bought - self._sold) / self.bucket)
            self._bought = self._sold = 0.0

    def value(self) -> float | None:
        """Return it, in [0, 1]; None before 50 buckets are full."""
        if len(self._imbalances) < WINDOW:
            return None
        return min(1.0, sum(self._imbalances) / WINDOW)
