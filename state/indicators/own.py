"""Indicators of our own arithmetic, where TA-Lib has none or another definition. Pure.

Each comes twice: an increment for life and whole columns for history. Tests hold them against one
another and against published tables.
"""

from collections import deque
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from state.indicators.bars import Bar, Columns, Floats
from state.indicators.indicator import Indicator, Values
from state.indicators.library import FromTalib, batch
from state.values import NS_PER_S

DAY_NS = 86_400 * NS_PER_S
BAR_PRICES = ("high", "low", "close")


class Vwap(Indicator):
    """Volume weighted mean of the typical price (high + low + close) / 3 since 00:00 UTC.

    It speaks from the first bar that opens a day on; before, and while nothing traded, it is None.
    """

    def __init__(self) -> None:
        self._day: int | None = None
        """The day that is whole so far; None before the first that began while we watched."""
        self._value = 0.0
        self._volume = 0.0

    def feed(self, bar: Bar) -> Values | None:
        """Return the mean as of the closed `bar`."""
        self._day, self._value, self._volume = self._next(bar)
        return self._mean(self._day, self._value, self._volume)

    def look(self, bar: Bar) -> Values | None:
        """Return the mean, were the forming `bar` closed."""
        return self._mean(*self._next(bar))

    def _next(self, bar: Bar) -> tuple[int | None, float, float]:
        day, since = divmod(bar.open_time_ns, DAY_NS)
        value, volume = self._value, self._volume
        if day != self._day:
            if since:
                return None, 0.0, 0.0
            value = volume = 0.0
        value += (bar.high + bar.low + bar.close) / 3 * bar.volume
        return day, value, volume + bar.volume

    @staticmethod
    def _mean(day: int | None, value: float, volume: float) -> Values | None:
        return None if day is None or volume <= 0.0 else (value / volume,)


def vwap_batch(bars: Columns) -> tuple[Floats, ...]:
    """Return `Vwap` over whole columns."""
    means = np.full(len(bars.close), np.nan)
    days = bars.open_time_ns // DAY_NS
    starts = [place for place in range(len(days)) if place == 0 or days[place] != days[place - 1]]
    typical = (bars.high + bars.low + bars.close) / 3
    for start, stop in pairwise([*starts, len(days)]):
        if bars.open_time_ns[start] % DAY_NS:
            continue
        volume = np.cumsum(bars.volume[start:stop])
        value = np.cumsum((typical * bars.volume)[start:stop])
        np.divide(value, volume, out=means[start:stop], where=volume > 0)
    return (means,)


class Keltner(Indicator):
    """Upper, middle, lower: EMA of closes, a multiple of the average true range either side.

    The first true range is high - low, the average is seeded with the mean of the first
    `range_period` and smoothed as Wilder does: the published tables' definition. TA-Lib's KC has
    the EMA of typical prices in the middle.
    """

    def __init__(self, period: int = 20, range_period: int = 10, multiple: float = 1.5) -> None:
        self._middle = FromTalib("EMA", ("close",), timeperiod=period)
        self._period, self._multiple = range_period, multiple
        self._close: float | None = None
        self._seen = 0
        self._range = 0.0
        """The sum of true ranges until there are `range_period`, then their average."""

    def feed(self, bar: Bar) -> Values | None:
        """Return the bands as of the closed `bar`."""
        seen, spread = self._next(bar)
        self._seen, self._range, self._close = seen, spread, bar.close
        return self._bands(self._middle.feed(bar), seen, spread)

    def look(self, bar: Bar) -> Values | None:
        """Return the bands, were the forming `bar` closed."""
        return self._bands(self._middle.look(bar), *self._next(bar))

    def _next(self, bar: Bar) -> tuple[int, float]:
        before = self._close
        true_range = bar.high - bar.low
        if before is not None:
            true_range = max(bar.high, before) - min(bar.low, before)
        seen, period = self._seen + 1, self._period
        if seen < period:
            return seen, self._range + true_range
        if seen == period:
            return seen, (self._range + true_range) / period
        return seen, (self._range * (period - 1) + true_range) / period

    def _bands(self, middle: Values | None, seen: int, spread: float) -> Values | None:
        if middle is None or seen < self._period:
            return None
        width = self._multiple * spread
        return (middle[0] + width, middle[0], middle[0] - width)


def keltner_batch(
    bars: Columns, period: int = 20, range_period: int = 10, multiple: float = 1.5
) -> tuple[Floats, ...]:
    """Return `Keltner` over whole columns."""
    (middle,) = batch("EMA", ("close",), bars, timeperiod=period)
    before = np.r_[bars.close[:1], bars.close[:-1]]
    ranges = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    ranges[:1] = (bars.high - bars.low)[:1]
    average = np.full(len(ranges), np.nan)
    if len(ranges) >= range_period:
        smoothed = float(ranges[:range_period].mean())
        average[range_period - 1] = smoothed
        for place in range(range_period, len(ranges)):
            smoothed += (float(ranges[place]) - smoothed) / range_period
            average[place] = smoothed
    return (middle + multiple * average, middle + 0 * average, middle - multiple * average)


class StochRsi(Indicator):
    """%K and %D in [0, 100]: the stochastic of the RSI, smoothed twice by simple means of three.

    TA-Lib's STOCHRSI gives the unsmoothed value and its mean; that mean is %K here, as in the
    published tables, and %D is the mean of %K.
    """

    def __init__(self, period: int = 14, smooth: int = 3) -> None:
        self._inner = FromTalib(
            "STOCHRSI",
            ("close",),
            timeperiod=period,
            fastk_period=period,
            fastd_period=smooth,
            fastd_matype=0,
        )
        self._recent: deque[float] = deque(maxlen=smooth)

    def feed(self, bar: Bar) -> Values | None:
        """Return %K and %D as of the closed `bar`."""
        inner = self._inner.feed(bar)
        if inner is None:
            return None
        self._recent.append(inner[1])
        return self._smoothed(list(self._recent))

    def look(self, bar: Bar) -> Values | None:
        """Return %K and %D, were the forming `bar` closed."""
        inner = self._inner.look(bar)
        if inner is None:
            return None
        return self._smoothed([*self._recent, inner[1]][-(self._recent.maxlen or 0) :])

    def _smoothed(self, recent: list[float]) -> Values | None:
        if len(recent) < (self._recent.maxlen or 0):
            return None
        return (recent[-1], sum(recent) / len(recent))


def stochrsi_batch(bars: Columns, period: int = 14, smooth: int = 3) -> tuple[Floats, ...]:
    """Return `StochRsi` over whole columns."""
    settings = {"timeperiod": period, "fastk_period": period, "fastd_period": smooth}
    _, slow = batch("STOCHRSI", ("close",), bars, **settings, fastd_matype=0)
    mean = np.full(len(slow), np.nan)
    if len(slow) >= smooth:
        mean[smooth - 1 :] = sliding_window_view(slow, smooth).mean(axis=1)
    return (np.where(np.isnan(mean), np.nan, slow), mean)


class Ichimoku(Indicator):
    """Conversion, base, and the two spans of the cloud that stand at this bar.

    Each is the middle of the highest high and the lowest low of a window. Both spans are drawn
    `shift` bars ahead, so those at this bar were known `shift` bars ago. Nothing is drawn back:
    the lagging line is the close itself.
    """

    def __init__(self, short: int = 9, middle: int = 26, long: int = 52, shift: int = 26) -> None:
        self._lines = [
            FromTalib("MIDPRICE", ("high", "low"), timeperiod=period)
            for period in (short, middle, long)
        ]
        self._ahead: deque[tuple[float, float]] = deque(maxlen=shift + 1)

    def feed(self, bar: Bar) -> Values | None:
        """Return the lines as of the closed `bar`."""
        short, middle, long = [line.feed(bar) for line in self._lines]
        if short is None or middle is None or long is None:
            return None
        self._ahead.append(((short[0] + middle[0]) / 2, long[0]))
        if len(self._ahead) < (self._ahead.maxlen or 0):
            return None
        return (short[0], middle[0], *self._ahead[0])

    def look(self, bar: Bar) -> Values | None:
        """Return the lines, were the forming `bar` closed."""
        short, middle, long = [line.look(bar) for line in self._lines]
        if short is None or middle is None or long is None:
            return None
        ahead = [*self._ahead, ((short[0] + middle[0]) / 2, long[0])]
        if len(ahead) < (self._ahead.maxlen or 0):
            return None
        return (short[0], middle[0], *ahead[-(self._ahead.maxlen or 0)])


def ichimoku_batch(
    bars: Columns, short: int = 9, middle: int = 26, long: int = 52, shift: int = 26
) -> tuple[Floats, ...]:
    """Return `Ichimoku` over whole columns."""
    lines = []
    for period in (short, middle, long):
        line = np.full(len(bars.high), np.nan)
        if len(line) >= period:
            tops = sliding_window_view(bars.high, period).max(axis=1)
            bottoms = sliding_window_view(bars.low, period).min(axis=1)
            line[period - 1 :] = (tops + bottoms) / 2
        lines.append(line)
    late = np.full((2, len(bars.high)), np.nan)
    late[0, shift:] = ((lines[0] + lines[1]) / 2)[: len(late[0, shift:])]
    late[1, shift:] = lines[2][: len(late[1, shift:])]
    warm = np.where(np.isnan(late[1]), np.nan, 0.0)
    return (lines[0] + warm, lines[1] + warm, late[0] + warm, late[1])


class SuperTrend(Indicator):
    """The line and its side: +1 while it is below the price, -1 above. TA-Lib's SUPERTREND."""

    def __init__(self, period: int = 10, multiple: float = 3.0) -> None:
        self._inner = FromTalib("SUPERTREND", BAR_PRICES, timeperiod=period, multiplier=multiple)

    def feed(self, bar: Bar) -> Values | None:
        """Return line and side as of the closed `bar`."""
        return _as_floats(self._inner.feed(bar))

    def look(self, bar: Bar) -> Values | None:
        """Return line and side, were the forming `bar` closed."""
        return _as_floats(self._inner.look(bar))

    def warm(self, bars: Columns) -> Values | None:
        """Open on the whole history at once."""
        return _as_floats(self._inner.warm(bars))


def supertrend_batch(bars: Columns, period: int = 10, multiple: float = 3.0) -> tuple[Floats, ...]:
    """Return `SuperTrend` over whole columns."""
    line, side = batch("SUPERTREND", BAR_PRICES, bars, timeperiod=period, multiplier=multiple)
    return (line, np.where(np.isnan(line), np.nan, side.astype(np.float64)))


def _as_floats(values: Values | None) -> Values | None:
    return None if values is None else tuple(map(float, values))
