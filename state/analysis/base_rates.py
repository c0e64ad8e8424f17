"""What follows a pattern, against what follows any bar. Pure.

A pattern hits when the close `horizon` bars on lies on the side that the textbook expects (for
those that expect nothing: above). The base rate is how often that is so after any bar at all. An
occurrence within `horizon` bars of one that was counted, of the same pattern and pair, is left out,
for their futures overlap. Intervals of rates are Wilson's (1927), of mean returns the normal one.

Many patterns are tried at once, so some seem to work by chance: `differs` wants the base rate
outside an interval widened for the number of patterns tried (Bonferroni). Pairs move together,
which no interval here knows: they are rather too narrow than too wide.
"""

from collections.abc import Callable, Mapping
from math import sqrt
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from state.analysis.features import candlestick_patterns, chart_patterns
from state.indicators.bars import Columns, Floats
from state.messages.signals import Direction
from state.patterns.candlesticks import direction_of

SURE = 0.95
FEWEST = 30
"""Of fewer counted occurrences nothing is concluded."""


class BaseRate(Struct, frozen=True, kw_only=True):
    """One pattern and side, over all pairs."""

    pattern: str
    direction: Direction
    seen: int
    counted: int
    """Without those that overlap and those whose future is not there."""
    hits: int
    rate: float | None
    low: float | None
    high: float | None
    base: float
    """How often any bar would have hit."""
    mean_bps: float | None
    """Mean return over the horizon, basis points, on the side expected."""
    mean_low_bps: float | None
    mean_high_bps: float | None
    base_bps: float
    differs: bool | None
    """Whether the rate is another than the base rate; None: too few to say."""


def wilson(hits: int, count: int, sure: float = SURE) -> tuple[float, float]:
    """Return the interval in which a rate lies of which `hits` of `count` were seen.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    z = NormalDist().inv_cdf(0.5 + sure / 2)
    rate, part = hits / count, z * z / count
    middle = (rate + part / 2) / (1 + part)
    reach = z / (1 + part) * sqrt(rate * (1 - rate) / count + part / count / 4)
    return max(0.0, middle - reach), min(1.0, middle + reach)


class _Tally:
    def __init__(self) -> None:
        self.seen = 0
        self.returns: list[float] = []


def base_rates(
    candles: Mapping[str, Columns],
    horizon: int,
    told: Callable[[str], None] = lambda _pair: None,
) -> list[BaseRate]:
    """Return the table, most often counted first.

    Args:
        candles: Bars of one timeframe, by pair.
        horizon: In bars.
        told: Called when a pair is done.

    Raises:
        ValueError: Too few bars of a pair.
    """
    tallies: dict[tuple[str, Direction], _Tally] = {}
    every: list[Floats] = []
    for pair, bars in candles.items():
        count = len(bars.close)
        if count <= horizon:
            raise ValueError(f"{pair}: {count} bars are too few for a horizon of {horizon}")
        futures = bars.close[horizon:] / bars.close[:-horizon] - 1.0
        every.append(futures)
        for name, column in {**candlestick_patterns(bars), **chart_patterns(bars)}.items():
            _count(tallies, name, column, futures, horizon)
        told(pair)
    futures = np.concatenate(every) if every else np.zeros(0)
    rows = [_row(key, tally, futures, len(tallies)) for key, tally in tallies.items()]
    return sorted(rows, key=lambda row: (-row.counted, row.pattern, row.direction))


def _count(
    tallies: dict[tuple[str, Direction], _Tally],
    name: str,
    column: Floats,
    futures: Floats,
    horizon: int,
) -> None:
    last: dict[Direction, int] = {}
    for place in np.flatnonzero(column).tolist():
        direction = direction_of(name, int(column[place]))
        tally = tallies.setdefault((name, direction), _Tally())
        tally.seen += 1
        overlaps = place - last.get(direction, -horizon) < horizon
        if place < len(futures) and not overlaps:
            last[direction] = place
            tally.returns.append(float(futures[place]))


def _row(key: tuple[str, Direction], tally: _Tally, futures: Floats, tried: int) -> BaseRate:
    name, direction = key
    sign = direction.sign or 1
    returns = sign * np.array(tally.returns)
    count, hits = len(returns), int((returns > 0).sum())
    base = float((sign * futures > 0).mean())
    row = BaseRate(
        pattern=name,
        direction=direction,
        seen=tally.seen,
        counted=count,
        hits=hits,
        rate=None,
        low=None,
        high=None,
        base=base,
        mean_bps=None,
        mean_low_bps=None,
        mean_high_bps=None,
        base_bps=float(sign * futures.mean()) * 1e4,
        differs=None,
    )
    if count < 2:
        return row
    low, high = wilson(hits, count)
    wide_low, wide_high = wilson(hits, count, 1 - (1 - SURE) / tried)
    mean, spread = float(returns.mean()), float(returns.std(ddof=1)) / sqrt(count)
    z = NormalDist().inv_cdf(0.5 + SURE / 2)
    return BaseRate(
        pattern=name,
        direction=direction,
        seen=tally.seen,
        counted=count,
        hits=hits,
        rate=hits / count,
        low=low,
        high=high,
        base=base,
        mean_bps=mean * 1e4,
        mean_low_bps=(mean - z * spread) * 1e4,
        mean_high_bps=(mean + z * spread) * 1e4,
        base_bps=row.base_bps,
        differs=None if count < FEWEST else not wide_low <= base <= wide_high,
    )
