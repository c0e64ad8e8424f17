"""A market for thousands of runs: a few levels a side, a walk over a coarse grid, a few takers.

It moves as fast as it is told, so that within seconds orders rest, are met in part and are run
over. Nothing about it is realistic but the rules. Pure.
"""

from collections.abc import Sequence
from random import Random

from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from adapters.simulated.markets.traits import PairTraits
from state.values import Side

_LEVELS = 4
_GRID_BPS = 3
"""Distance of two levels; the spread is as wide."""
_TAKES = 0.3
"""Chance that a taker comes with a step."""
_MOVES = 0.25
"""Chance that the price moves with a step, up or down."""


class SmallMarket:
    """Several pairs, each by itself.

    Args:
        venue: Whose books it moves.
        traits: The pairs, all listed by the venue.
        seed: Gives the whole market.
        now_ns: When it opens.
        step_ns: How often it moves.
        level_notional: Median size of a level and of a taker, quote units.
    """

    def __init__(
        self,
        venue: Venue,
        traits: Sequence[PairTraits],
        *,
        seed: int,
        now_ns: int,
        step_ns: int,
        level_notional: float = 80.0,
    ) -> None:
        self._venue = venue
        self._step_ns = step_ns
        self._due_ns = now_ns + step_ns
        self._books = [
            _Street(
                venue,
                venue.pairs[each.pair],
                each,
                Random(f"{seed}/{each.pair}/small"),  # noqa: S311 (reproducible on purpose)
                level_notional,
            )
            for each in traits
        ]
        for book in self._books:
            book.quote(now_ns)

    def next_due_ns(self) -> int | None:
        """See `core.venue.Market.next_due_ns`."""
        return self._due_ns

    def advance(self, now_ns: int) -> None:
        """See `core.venue.Market.advance`."""
        while self._due_ns <= now_ns:
            for book in self._books:
                book.step(self._due_ns)
            self._due_ns += self._step_ns


class _Street:
    """Everybody else in one pair."""

    def __init__(
        self,
        venue: Venue,
        market: PairMarket,
        traits: PairTraits,
        chance: Random,
        level_notional: float,
    ) -> None:
        self._venue = venue
        self._market = market
        self._chance = chance
        self._level_notional = level_notional
        self._lots_per_unit = 10.0**market.units.amount_decimals
        self._tick = 10.0**-market.units.price_decimals
        self._middle = round(traits.price / self._tick)
        self._grid = max(2, self._middle * _GRID_BPS // 10_000)
        self._quoted: dict[tuple[Side, int], None] = {}

    def step(self, now_ns: int) -> None:
        """Move a little, trade a little, and fill up what was taken."""
        drawn = self._chance.random()
        if drawn < _MOVES:
            self._middle += self._grid if drawn < _MOVES / 2 else -self._grid
        if self._chance.random() < _TAKES:
            side = Side.BUY if self._chance.random() < 0.5 else Side.SELL
            self._venue.street_take(self._market, side, self._lots(2.0), None, now_ns)
        self.quote(now_ns)

    def quote(self, now_ns: int) -> None:
        """Have the levels around the middle, and no others."""
        half = self._grid // 2
        wanted = {
            (side, self._middle - side.sign * (half + level * self._grid)): None
            for side in (Side.BUY, Side.SELL)
            for level in range(_LEVELS)
        }
        for side, ticks in self._quoted:
            if (side, ticks) not in wanted:
                self._venue.street_quote(self._market, side, ticks, 0, now_ns)
        for side, ticks in wanted:
            level = self._market.book.side(side).levels.get(ticks * side.sign)
            if level is None or not level.street:
                lots = self._lots(1.0)
                self._venue.street_quote(self._market, side, ticks, lots, now_ns)
        self._quoted = wanted

    def _lots(self, times: float) -> int:
        notional = self._level_notional * times * self._chance.uniform(0.3, 1.7)
        return max(1, round(notional / (self._middle * self._tick) * self._lots_per_unit))
