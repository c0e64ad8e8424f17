"""What happened before a synthetic market opened: candles, so that nobody starts blind. Pure.

As a rule ten minutes of seconds, before them two days of minutes, and before those fifteen weeks of
hours, walked backwards from the opening price. Each pair has its own chance, so one pair's history
does not depend on the others listed.
"""

import math
from random import Random

from msgspec import Struct

from adapters.simulated.core.candles import Candle, merged
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.markets.price_process import student_t4
from adapters.simulated.markets.traits import PairTraits
from state.values import NS_PER_S

_STEP = 0.2
"""No bar moves further, as a logarithm."""


class Past(Struct, frozen=True, kw_only=True):
    """How much history a market opens with, in bars."""

    minutes: int = 2_880
    """At least 120, so that a whole hour is among them."""
    hours: int = 2_600
    seconds: int = 600
    """Whole minutes of them."""


def load_history(
    market: PairMarket, traits: PairTraits, price: float, rng: Random, now_ns: int, past: Past
) -> None:
    """Give `market` candles that end where it opens, at `price`."""
    now_s = now_ns // NS_PER_S
    opens_s, series = now_s - now_s % 60, market.candles.series
    seconds = _walk_back(market, traits, rng, price, opens_s, 1, past.seconds)
    if seconds:
        price, opens_s = seconds[0].open / 10**market.units.price_decimals, seconds[0].time_s
    minutes = _walk_back(market, traits, rng, price, opens_s, 60, past.minutes)
    minutes += merged(seconds, 60)
    # Hours of one kind end where whole hours of minutes begin.
    end_s = minutes[0].time_s + (-minutes[0].time_s % 3600)
    recent = [bar for bar in minutes if bar.time_s >= end_s]
    start = recent[0].open / 10**market.units.price_decimals
    hours = _walk_back(market, traits, rng, start, end_s, 3600, past.hours)
    series[3600].load(hours + merged(recent, 3600))
    series[60].load(minutes)
    series[10].load(merged(seconds, 10))
    series[1].load(seconds)
    market.last_ticks = minutes[-1].close


def _walk_back(
    market: PairMarket,
    traits: PairTraits,
    rng: Random,
    price: float,
    end_s: int,
    length_s: int,
    count: int,
) -> list[Candle]:
    """Return `count` bars, oldest first, the last of which closes at `price` at `end_s`."""
    scale = traits.daily_volatility * math.sqrt(length_s / 86_400.0)
    ticks = 10**market.units.price_decimals
    volume = traits.trades_per_s * length_s * traits.trade_notional * 2.5
    lots_per_unit = 10**market.units.amount_decimals
    # Fifty pairs open with 300,000 bars, most of what their start costs: nothing is rounded twice.
    gauss, exp = rng.gauss, math.exp
    bars = []
    close, close_ticks = price, round(price * ticks) or 1
    for time_s in range(end_s - length_s, end_s - (count + 1) * length_s, -length_s):
        start = close * exp(-max(-_STEP, min(_STEP, scale * student_t4(rng))))
        stretch = scale * abs(gauss(0.0, 0.5))
        upper, lower = (start, close) if start > close else (close, start)
        traded = volume * exp(gauss(-0.2, 0.6))
        lots = round(traded / close * lots_per_unit) or 1
        middle = round((start + close) / 2 * ticks) or 1
        start_ticks = round(start * ticks) or 1
        high_ticks = round(upper * exp(stretch) * ticks) or 1
        low_ticks = round(lower * exp(-stretch) * ticks) or 1
        bars.append(
            Candle(time_s, start_ticks, high_ticks, low_ticks, close_ticks, lots, lots * middle)
        )
        close, close_ticks = start, start_ticks
    bars.reverse()
    return bars
