"""At which prices a day's volume traded: point of control, value area, stacked imbalance. Pure.

A level is a whole number of ticks wide: the smallest of 1, 2, 5, 10, 20, 50, ... ticks that is at
least a basis point of the first price. A profile that grows beyond `LEVELS_MAX` levels is halved by
putting each two together, so that what is added trade by trade equals what is added at once.

Source: Steidlmayer's market profile, as in Dalton, Jones & Dalton (1990), "Mind over markets". The
value area is grown from the point of control, a level at a time, towards the larger neighbour.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from state.values import Side

VALUE_AREA = 0.70
LEVELS_MAX = 1024
LEVEL_BPS = 1.0
STACK_RATIO = 3.0
"""How many times the volume diagonally opposite is an imbalance."""
STACK_LEVELS = 3
"""Imbalances on so many levels in a row are stacked."""
STACK_SHARE = 0.01
"""Of the volume of all levels: less on a level is no imbalance."""


def level_ticks(price: float, tick: float) -> int:
    """Return how many ticks wide a level is at `price` (> 0): 1, 2, 5, 10, 20, 50, ..."""
    least = price * LEVEL_BPS / 10_000
    width = 1
    while True:
        for step in (1, 2, 5):
            if width * step * tick >= least * (1 - 1e-9):
                return width * step
        width *= 10


class ValueArea(NamedTuple):
    """Where most of the volume traded; prices in quote units."""

    point_of_control: float
    """Middle of the level with the largest volume, of equal ones the lowest."""
    low: float
    """Lower edge of its lowest level."""
    high: float
    """Upper edge of its highest level."""
    volume: float
    """Base units within it, at least 70 % of all."""


class ProfileState(Struct, frozen=True):
    """A profile that is kept."""

    tick: float
    ticks: int
    """Ticks in a level."""
    levels: tuple[tuple[int, float, float], ...]
    """(level, bought, sold) in base units, lowest first; unknown sides are half of each."""


class VolumeProfile:
    """The volumes of one session by price.

    Args:
        tick: The smallest difference between two prices, quote units.
        price: A price of the session, which the width of the levels follows.
    """

    def __init__(self, tick: float, price: float) -> None:
        self._tick = tick
        self._ticks = level_ticks(price, tick)
        self._levels: dict[int, list[float]] = {}
        """By level: bought and sold."""

    @classmethod
    def of(cls, state: ProfileState) -> "VolumeProfile":
        """Return the profile that was kept."""
        profile = cls(state.tick, state.tick)
        profile._ticks = state.ticks
        profile._levels = {level: [bought, sold] for level, bought, sold in state.levels}
        return profile

    def state(self) -> ProfileState:
        """Return what to keep."""
        levels = tuple((level, one[0], one[1]) for level, one in sorted(self._levels.items()))
        return ProfileState(self._tick, self._ticks, levels)

    @property
    def level_width(self) -> float:
        """Quote units."""
        return self._ticks * self._tick

    @property
    def levels(self) -> int:
        """How many levels have traded."""
        return len(self._levels)

    def add(self, price: float, quantity: float, taker: Side | None) -> None:
        """Count one trade."""
        # Prices are whole ticks; what is a hair off is rounding.
        self.add_at(round(price / self._tick), quantity, taker)

    def add_at(self, ticks: int, quantity: float, taker: Side | None) -> None:
        """Count one trade at a price of so many ticks."""
        level = ticks // self._ticks
        volumes = self._levels.get(level)
        if volumes is None:
            volumes = self._levels[level] = [0.0, 0.0]
            if len(self._levels) > LEVELS_MAX:
                self._halve()
                level //= 2
                volumes = self._levels[level]
        if taker is Side.BUY:
            volumes[0] += quantity
        elif taker is Side.SELL:
            volumes[1] += quantity
        else:
            volumes[0] += quantity / 2
            volumes[1] += quantity / 2

    def value_area(self) -> ValueArea | None:
        """Return the value area; None while nothing has traded."""
        if not self._levels:
            return None
        by_level = {level: bought + sold for level, (bought, sold) in self._levels.items()}
        # Levels without a trade lie between others: they add nothing, and are passed over.
        traded = sorted(by_level)
        volumes = [by_level[level] for level in traded]
        largest, last = max(volumes), len(traded) - 1
        low = high = volumes.index(largest)
        most = traded[low]
        inside, enough = largest, VALUE_AREA * sum(by_level.values()) * (1 - 1e-12)
        while inside < enough and (low > 0 or high < last):
            below = volumes[low - 1] if low > 0 else -1.0
            above = volumes[high + 1] if high < last else -1.0
            if above >= below:
                high += 1
                inside += above
            else:
                low -= 1
                inside += below
        width = self.level_width
        return ValueArea(
            (most + 0.5) * width, traded[low] * width, (traded[high] + 1) * width, inside
        )

    def stacked(self) -> int:
        """Return the longest stack of imbalances: levels bought, or minus levels sold; 0 of none.

        A level is bought where its buys are `STACK_RATIO` times the sells one level lower, which is
        where a seller would have traded at the same moment; sold the other way round.
        """
        least = STACK_SHARE * sum(bought + sold for bought, sold in self._levels.values())
        if not least:
            return 0
        longest = 0
        for sign in (1, -1):
            run, last = 0, None
            for level in self._imbalanced(sign, least):
                run = run + 1 if last is not None and level == last + 1 else 1
                last = level
                if run >= STACK_LEVELS and run > abs(longest):
                    longest = sign * run
        return longest

    def _imbalanced(self, sign: int, least: float) -> Iterator[int]:
        ours, theirs = (0, 1) if sign > 0 else (1, 0)
        for level in sorted(self._levels):
            volume, opposite = self._levels[level][ours], self._levels.get(level - sign)
            # Beyond the last level that traded nobody could have answered.
            if opposite is not None and volume >= max(least, STACK_RATIO * opposite[theirs]):
                yield level

    def _halve(self) -> None:
        coarse: dict[int, list[float]] = {}
        for level, (bought, sold) in self._levels.items():
            volumes = coarse.setdefault(level // 2, [0.0, 0.0])
            volumes[0] += bought
            volumes[1] += sold
        self._levels = coarse
        self._ticks *= 2
