"""Where synthetic prices go: correlated, fat-tailed, with volatility that clusters. Pure.

Each log price moves by `vol x sqrt(dt) x (c x factor + sqrt(1 - c^2) x own)`. The factor is common
to all pairs. Factor and own noise are Student t with 4 degrees of freedom (the tail index near
3 to 4 that returns show), each scaled by a stochastic volatility: the exponential of two
Ornstein-Uhlenbeck processes, minutes and hours long, so that calm and storm both last.

Source: Cont (2001), "Empirical properties of asset returns"; two-scale log volatility after
Chernov, Gallant, Ghysels, Tauchen (2003), "Alternative models for stock price dynamics".
"""

import math
from collections.abc import Sequence
from random import Random

from adapters.simulated.markets.traits import PairTraits
from state.values import Pair

_DAY_S = 86_400.0
_SCALES = ((600.0, 0.5), (14_400.0, 0.5))
"""(relaxation time in s, standard deviation) of each part of the log volatility."""


class _Volatility:
    """A multiplier of volatility whose square is 1 on average."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._parts = [rng.gauss(0.0, size) for _, size in _SCALES]
        self.value = self._exponential()

    def step(self, dt_s: float) -> float:
        """Let `dt_s` pass and return the multiplier."""
        for place, (time_s, size) in enumerate(_SCALES):
            keep = math.exp(-dt_s / time_s)
            noise = size * math.sqrt(1.0 - keep * keep)
            self._parts[place] = keep * self._parts[place] + self._rng.gauss(0.0, noise)
        self.value = self._exponential()
        return self.value

    def _exponential(self) -> float:
        # E[exp(2x)] = exp(2 s^2) for x ~ N(0, s^2), hence the correction.
        return math.exp(sum(self._parts) - sum(size * size for _, size in _SCALES))


def student_t4(rng: Random) -> float:
    """Return a draw of Student's t with 4 degrees of freedom, scaled to variance 1."""
    # Chi-squared with 4 degrees of freedom is twice the sum of two unit exponentials.
    chi2 = -2.0 * math.log((1.0 - rng.random()) * (1.0 - rng.random()))
    return rng.gauss(0.0, 1.0) * math.sqrt(2.0 / max(chi2, 1e-9))


class PriceProcess:
    """The efficient prices of all pairs; one step moves them all.

    Args:
        traits: The pairs.
        rng: The only source of chance.
    """

    def __init__(self, traits: Sequence[PairTraits], rng: Random) -> None:
        self._rng = rng
        self._traits = traits
        self._common = _Volatility(rng)
        self._own = [_Volatility(rng) for _ in traits]
        self.prices: dict[Pair, float] = {each.pair: each.price for each in traits}
        self.activity: dict[Pair, float] = {each.pair: 1.0 for each in traits}
        """Volatility multiplier now: markets trade more and quote wider when it is high."""

    def step(self, dt_s: float) -> None:
        """Let `dt_s` seconds pass."""
        rng = self._rng
        common_vol = self._common.step(dt_s)
        factor = common_vol * student_t4(rng)
        root_dt = math.sqrt(dt_s / _DAY_S)
        for each, own in zip(self._traits, self._own, strict=True):
            share = each.common_share
            rest = math.sqrt(1.0 - share * share)
            own_vol = own.step(dt_s)
            noise = share * factor + rest * own_vol * student_t4(rng)
            # A single draw beyond 20 % is an accident of the tail, not a market.
            move = max(-0.2, min(0.2, each.daily_volatility * root_dt * noise))
            self.prices[each.pair] *= math.exp(move)
            self.activity[each.pair] = share * common_vol + rest * own_vol
