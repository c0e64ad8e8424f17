"""The street's resting side of one book: spread, depth profile, replenishment. Pure.

Each step cancels what the price has run over, quotes the best levels anew and redraws a few
others. Distances from the best are exponential, so levels are dense near it; sizes grow with the
distance and vary lognormally.
"""

import math
from random import Random

from adapters.simulated.core.order_book import BookSide
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from adapters.simulated.markets.traits import PairTraits
from state.values import Side

_LEVELS = 60
_MOST_LEVELS = 90
_REDRAWN = 3
_DEPTH_BPS = 25.0
"""Mean distance of a level from the best, basis points."""


class StreetMaker:
    """Quotes one pair for everybody anonymous.

    Args:
        venue: Where it quotes.
        market: The pair.
        traits: How wide and how deep.
        rng: The only source of chance.
    """

    def __init__(self, venue: Venue, market: PairMarket, traits: PairTraits, rng: Random) -> None:
        self._venue = venue
        self._market = market
        self._traits = traits
        self._rng = rng
        self._ticks_per_unit = 10**market.units.price_decimals
        self._lots_per_unit = 10**market.units.amount_decimals
        self._depth = 1.0

    def fill_book(self, price: float, now_ns: int) -> None:
        """Quote a whole book around `price`."""
        bid, ask = self._best(price, 1.0)
        for side, best in ((Side.BUY, bid), (Side.SELL, ask)):
            self._quote(side, best, best, price, now_ns)
            for _ in range(_LEVELS):
                self._redraw(side, best, price, now_ns)

    def resize(self, depth: float, now_ns: int) -> None:
        """Rest `depth` times the usual sizes from now on, in every level at once."""
        if depth == self._depth:
            return
        factor, self._depth = depth / self._depth, depth
        for side in (self._market.book.bids, self._market.book.asks):
            for key in side.keys.copy():
                street = side.levels[key].street
                if street:
                    lots = max(1, round(street * factor))
                    self._venue.street_quote(self._market, side.side, key * side.sign, lots, now_ns)

    def step(self, price: float, activity: float, now_ns: int) -> None:
        """Follow the efficient `price`; wider when `activity` is high."""
        bid, ask = self._best(price, activity)
        book = self._market.book
        self._withdraw(book.bids, bid, now_ns)
        self._withdraw(book.asks, -ask, now_ns)
        for side, best in ((Side.BUY, bid), (Side.SELL, ask)):
            if not book.side(side).size_at(best * side.sign):
                self._quote(side, best, best, price, now_ns)
        for _ in range(_REDRAWN):
            side, best = (Side.BUY, bid) if self._rng.random() < 0.5 else (Side.SELL, ask)
            self._redraw(side, best, price, now_ns)
        self._trim(book.bids, now_ns)
        self._trim(book.asks, now_ns)

    def _best(self, price: float, activity: float) -> tuple[int, int]:
        middle = price * self._ticks_per_unit
        half = middle * self._traits.spread_bps * activity / 20_000.0
        # Makers lean on the grid: the bid at or below, the ask at or above, never the same tick.
        bid = max(1, math.floor(middle - half))
        return bid, max(bid + 1, math.ceil(middle + half))

    def _withdraw(self, side: BookSide, best_key: int, now_ns: int) -> None:
        """Cancel street levels better than `best_key`; accounts' orders there stay."""
        for key in reversed(side.keys.copy()):
            if key <= best_key:
                break
            if side.levels[key].street:
                self._venue.street_quote(self._market, side.side, key * side.sign, 0, now_ns)

    def _redraw(self, side: Side, best: int, price: float, now_ns: int) -> None:
        scale = max(3.0, best * _DEPTH_BPS / 10_000.0)
        ticks = best - side.sign * int(self._rng.expovariate(1.0) * scale)
        if ticks <= 0:
            return
        key = ticks * side.sign
        book_side = self._market.book.side(side)
        if len(book_side.keys) > _LEVELS and self._rng.random() < 0.5 and ticks != best:
            level = book_side.levels.get(key)
            if level is not None and level.street:
                self._venue.street_quote(self._market, side, ticks, 0, now_ns)
                return
        self._quote(side, ticks, best, price, now_ns)

    def _quote(self, side: Side, ticks: int, best: int, price: float, now_ns: int) -> None:
        away_bps = abs(best - ticks) / best * 10_000.0
        profile = 0.4 + (away_bps / _DEPTH_BPS) ** 0.7
        usual = self._traits.level_notional * profile * math.exp(self._rng.gauss(0.0, 0.8))
        notional = usual * self._depth
        lots = max(1, round(notional / price * self._lots_per_unit))
        self._venue.street_quote(self._market, side, ticks, lots, now_ns)

    def _trim(self, side: BookSide, now_ns: int) -> None:
        """Let the farthest street levels go while there are too many."""
        for key in side.keys[: max(0, len(side.keys) - _MOST_LEVELS)]:
            self._venue.street_quote(self._market, side.side, key * side.sign, 0, now_ns)
