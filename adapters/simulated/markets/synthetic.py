"""The synthetic market: prices move, makers follow, the street trades. Pure.

Driven by explicit steps: the same seed and the same step times give the same market.
"""

import math
from collections.abc import Sequence
from random import Random

from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from adapters.simulated.markets.history import Past, load_history
from adapters.simulated.markets.order_flow import OrderFlow
from adapters.simulated.markets.price_process import PriceProcess
from adapters.simulated.markets.street_maker import StreetMaker
from adapters.simulated.markets.traits import PairTraits
from state.values import NS_PER_MS, NS_PER_S, Pair

_CATCH_UP_STEPS = 50
"""Most steps one call makes up for; after a longer pause the market goes on from here."""


class _Street:
    """One pair's takers."""

    def __init__(self, venue: Venue, market: PairMarket, traits: PairTraits, rng: Random) -> None:
        self._venue = venue
        self._market = market
        self._traits = traits
        self._rng = rng
        self._flow = OrderFlow(rng)
        self._lots_per_unit = 10**market.units.amount_decimals

    def step(self, dt_s: float, price: float, activity: float, now_ns: int) -> None:
        """Trade as often as `dt_s` seconds of this market ask for."""
        expected = self._traits.trades_per_s * activity * dt_s
        # Gaps between trades are exponential: count how many fit.
        waited = self._rng.expovariate(1.0)
        while waited < expected:
            waited += self._rng.expovariate(1.0)
            notional = self._flow.size(self._traits.trade_notional)
            lots = max(1, round(notional / price * self._lots_per_unit))
            self._venue.street_take(self._market, self._flow.next_side(), lots, None, now_ns)


class SyntheticMarket:
    """Several pairs with one common factor.

    Args:
        venue: Whose books it moves.
        traits: The pairs, all listed by the venue.
        seed: Gives the whole market.
        now_ns: When it opens.
        step_ns: How often it moves.
        speed: Seconds of market per second of venue time.
        prices: Where pairs go on from, for those that traded before; others begin as usual.
        past: How much history it opens with.
    """

    def __init__(
        self,
        venue: Venue,
        traits: Sequence[PairTraits],
        *,
        seed: int,
        now_ns: int,
        step_ns: int = 100 * NS_PER_MS,
        speed: float = 1.0,
        prices: dict[Pair, float] | None = None,
        past: Past | None = None,
    ) -> None:
        self._venue = venue
        self._step_ns = step_ns
        self._step_s = step_ns / NS_PER_S
        self._dt_s = self._step_s * speed
        self._due_ns = now_ns + step_ns
        self.process = PriceProcess(traits, _random(seed, "prices"))
        self.process.prices.update(prices or {})
        self._makers: dict[Pair, StreetMaker] = {}
        self._streets: dict[Pair, _Street] = {}
        for each in traits:
            market = venue.pairs[each.pair]
            rng = _random(seed, each.pair)
            self._makers[each.pair] = StreetMaker(venue, market, each, rng)
            self._streets[each.pair] = _Street(venue, market, each, rng)
            price = self.process.prices[each.pair]
            rng = _random(seed, each.pair + "/history")
            load_history(market, each, price, rng, now_ns, past or Past())
            self._makers[each.pair].fill_book(price, now_ns)

    def next_due_ns(self) -> int | None:
        """See `core.venue.Market.next_due_ns`."""
        return self._due_ns

    def advance(self, now_ns: int) -> None:
        """See `core.venue.Market.advance`."""
        if now_ns - self._due_ns > _CATCH_UP_STEPS * self._step_ns:
            self._due_ns = now_ns
        while self._due_ns <= now_ns:
            self._step(self._due_ns)
            self._due_ns += self._step_ns

    def _step(self, now_ns: int) -> None:
        self.process.step(self._dt_s)
        for pair, maker in self._makers.items():
            conditions = self._venue.pairs[pair].conditions
            if conditions.drift_per_s:
                self.process.prices[pair] *= math.exp(conditions.drift_per_s * self._step_s)
            price, activity = self.process.prices[pair], self.process.activity[pair]
            if conditions.still:
                continue
            maker.resize(conditions.depth, now_ns)
            maker.step(price, activity, now_ns)
            self._streets[pair].step(self._dt_s, price, activity * conditions.volume, now_ns)


def _random(seed: int, purpose: str) -> Random:
    # Text seeds are hashed with SHA-512, the same in every process.
    return Random(f"{seed}/{purpose}")  # noqa: S311 - chance for a simulation, not for secrets
