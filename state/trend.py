"""The trend of a pair over several timeframes, each as of its last closed bar. Pure.

**Regime** of one timeframe, with hysteresis: it becomes up (down) when ADX(14) >= 25 and the
t-statistic of the slope of the last 30 log closes is >= +7.5 (<= -7.5); it ends when ADX < 20 or
t < +2.5 (> -2.5); else flat. The bounds are that high because closes are no independent errors: of
a random walk |t| has the median 4.7 and is beyond 7.5 in three of ten windows (Granger and
Newbold 1974, "Spurious regressions in econometrics"; counted over 20,000 walks).

**Bias**: the weighted mean of the regimes' signs, by `WEIGHTS`, over the timeframes that may speak.

**Agreement**: the weighted mean of the products of signs over all pairs of one fast (below an hour)
and one slow timeframe, with the product of weights. Identical trends give +1, up or down; fast
against slow gives -1; flat on either side gives 0. It is the product of fast and slow bias.

**Missing**: a timeframe without a closed bar, not warm, or whose last bar ended more than one of
its lengths (and `LATE_NS`) ago has no say and drops out of every mean. What is left must weigh at
least half of all for a bias, half of the fast and half of the slow for an agreement; else None.

**Confirmed**: at least `VOTES` of the five timeframes of `VOTERS` say the same side, and one of
those that do is an hour or longer.
"""

from collections import deque
from functools import cache
from math import copysign, log, sqrt

import numpy as np
from numpy.typing import NDArray

from state.candle import length_ns
from state.messages.market import Timeframe
from state.messages.signals import Direction, TimeframeTrend, TrendMeasured
from state.values import NS_PER_S, Pair, TimeNs

Floats = NDArray[np.float64]

WEIGHTS = {
    Timeframe.M1: 0.05,
    Timeframe.M5: 0.10,
    Timeframe.M15: 0.15,
    Timeframe.H1: 0.25,
    Timeframe.H4: 0.25,
    Timeframe.D1: 0.20,
}
"""They add up to 1."""
SLOW = (Timeframe.H1, Timeframe.H4, Timeframe.D1)
VOTERS = (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4)
VOTES = 3
WINDOW = 30
ADX_IN, ADX_OUT = 25.0, 20.0
T_IN, T_OUT = 7.5, 2.5
T_MOST = 1_000.0
"""What the t-statistic of a straight line is called."""
LATE_NS = 10 * NS_PER_S
"""So much later than its end a bar may come."""


def slope_t(values: list[float]) -> float:
    """Return the t-statistic of the least-squares slope of at least three equidistant `values`.

    0.0 where they do not change, at most `T_MOST` in size.
    """
    column = np.array(values)
    count = len(values)
    column -= column[0]
    column -= column.sum() / count
    across = float(_centred(count) @ column)
    squares = count * (count * count - 1) / 12
    whole = float(column @ column)
    # Rounding alone: what does not change by more than its own last digits does not change.
    if whole <= count * (1e-15 * max(1.0, abs(values[0]))) ** 2:
        return 0.0
    explained = across * across / squares
    if whole - explained <= 1e-9 * whole:
        return copysign(T_MOST, across)  # Hardly anything is left of a straight line.
    found = across / squares / sqrt((whole - explained) / (count - 2) / squares)
    return max(-T_MOST, min(T_MOST, found))


@cache
def _centred(count: int) -> Floats:
    return np.arange(count, dtype=np.float64) - (count - 1) / 2


class RegimeFold:
    """The regime of one timeframe, fed with each closed bar once."""

    def __init__(self) -> None:
        self._logs: deque[float] = deque(maxlen=WINDOW)
        self.regime: Direction | None = None
        self.slope_t: float | None = None
        self.adx: float | None = None

    def apply(self, close: float, adx: float | None) -> Direction | None:
        """Return the regime as of a bar with this close and ADX; None while not warm."""
        self._logs.append(log(close))
        self.adx = adx
        self.slope_t = slope_t(list(self._logs)) if len(self._logs) == WINDOW else None
        if adx is None or self.slope_t is None:
            self.regime = None
            return None
        before = 0 if self.regime is None else self.regime.sign
        if adx >= ADX_IN and abs(self.slope_t) >= T_IN:
            self.regime = Direction.UP if self.slope_t > 0 else Direction.DOWN
        elif not before or adx < ADX_OUT or before * self.slope_t < T_OUT:
            self.regime = Direction.FLAT
        return self.regime


class TrendView:
    """All timeframes of one pair. A bar is seen when it has closed, not before."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._folds: dict[Timeframe, RegimeFold] = {}
        self._closed_ns: dict[Timeframe, int] = {}

    def begin(self, timeframe: Timeframe) -> None:
        """Forget a timeframe."""
        self._folds.pop(timeframe, None)
        self._closed_ns.pop(timeframe, None)

    def apply(
        self, timeframe: Timeframe, open_time_ns: int, close: float, adx: float | None
    ) -> None:
        """Take one more closed bar of a timeframe of `WEIGHTS`."""
        self._folds.setdefault(timeframe, RegimeFold()).apply(close, adx)
        self._closed_ns[timeframe] = open_time_ns + length_ns(timeframe)

    def measured(self, at_ns: int) -> TrendMeasured:
        """Return what is known at `at_ns`, the exchange's time.

        A bar that ends after `at_ns` must not have been told yet: that is a bug of the teller.
        """
        told = []
        for timeframe, weight in WEIGHTS.items():
            fold = self._folds.get(timeframe)
            if fold is None:
                continue
            closed_ns = self._closed_ns[timeframe]
            assert closed_ns <= at_ns, f"{timeframe}: a bar of the future"
            told.append(
                TimeframeTrend(
                    timeframe=timeframe,
                    closed_time_ns=TimeNs(closed_ns),
                    regime=fold.regime,
                    adx=fold.adx,
                    slope_t=fold.slope_t,
                    weight=weight,
                )
            )
        signs = {
            one.timeframe: one.regime.sign
            for one in told
            if one.regime is not None and not _is_late(one, at_ns)
        }
        return TrendMeasured(
            pair=self.pair,
            event_time_ns=TimeNs(at_ns),
            timeframes=tuple(told),
            missing=tuple(one for one in WEIGHTS if one not in signs),
            bias=bias(signs),
            agreement=agreement(signs),
            confirmed=confirmed(signs),
        )


def bias(signs: dict[Timeframe, int]) -> float | None:
    """Return the weighted mean of `signs` (-1, 0, 1); None where half the weight is missing."""
    return _mean(signs, tuple(WEIGHTS))


def agreement(signs: dict[Timeframe, int]) -> float | None:
    """Return in [-1, 1] how far fast and slow timeframes say the same; None where unknown."""
    fast = _mean(signs, tuple(one for one in WEIGHTS if one not in SLOW))
    slow = _mean(signs, SLOW)
    return None if fast is None or slow is None else fast * slow


def confirmed(signs: dict[Timeframe, int]) -> Direction | None:
    """Return the side that enough timeframes take, one of them slow; None where there is none."""
    for side in (Direction.UP, Direction.DOWN):
        voters = [one for one in VOTERS if signs.get(one) == side.sign]
        if len(voters) >= VOTES and any(one in SLOW for one in voters):
            return side
    return None


def _mean(signs: dict[Timeframe, int], of: tuple[Timeframe, ...]) -> float | None:
    there = [one for one in of if one in signs]
    weight, whole = sum(WEIGHTS[one] for one in there), sum(WEIGHTS[one] for one in of)
    if weight < whole / 2 - 1e-12:
        return None
    return sum(WEIGHTS[one] * signs[one] for one in there) / weight


def _is_late(one: TimeframeTrend, at_ns: int) -> bool:
    return at_ns - one.closed_time_ns > length_ns(one.timeframe) + LATE_NS
