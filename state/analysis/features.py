"""All features of the house over whole columns of bars, each by name. Pure.

A feature takes bars, oldest first, and gives for each bar what was known when it closed: one column
a name, NaN where nothing was known. The same folds live through the bars as in a running house.
"""

from collections.abc import Callable, Mapping

import numpy as np

from state.analysis.rolling import rolled
from state.candle import length_ns
from state.indicators.bars import Columns, Floats
from state.indicators.catalogue import catalogue
from state.indicators.indicator import Spec
from state.indicators.library import batch
from state.levels import LevelBook
from state.messages.market import Timeframe
from state.messages.signals import LevelRole
from state.patterns import candlesticks
from state.patterns.chart import UPSIDE_DOWN, ChartPatterns
from state.pivots import PivotFold
from state.trend import WEIGHTS, RegimeFold, TrendView
from state.values import Pair

Feature = Callable[[Columns], Mapping[str, Floats]]

CHART_PATTERNS = tuple(sorted({*UPSIDE_DOWN, *UPSIDE_DOWN.values()}))
_BAR = ("high", "low", "close")


def features() -> dict[str, Feature]:
    """Return every feature of the house, by name."""
    found: dict[str, Feature] = {spec.outputs[0]: _indicator(spec) for spec in catalogue()}
    return {
        **found,
        "regime": regime,
        "trend": trend,
        "candlesticks": candlestick_patterns,
        "chart_patterns": chart_patterns,
        "levels": levels,
    }


def _indicator(spec: Spec) -> Feature:
    def feature(bars: Columns) -> Mapping[str, Floats]:
        return dict(zip(spec.outputs, spec.batch(bars), strict=True))

    return feature


def candlestick_patterns(bars: Columns) -> Mapping[str, Floats]:
    """Return TA-Lib's value of each candlestick pattern."""
    return {name: candlesticks.whole(name, bars) for name in candlesticks.names()}


def chart_patterns(bars: Columns) -> Mapping[str, Floats]:
    """Return of each chart pattern +1 or -1 where a bar completed it, by its direction; else 0."""
    told = {name: np.zeros(len(bars.close)) for name in CHART_PATTERNS}
    pivots, shapes = PivotFold(), ChartPatterns()
    for place, (bar, atr) in enumerate(zip(bars.rows(), _atr(bars), strict=True)):
        for found in shapes.apply(bar, pivots.apply(bar), atr):
            told[found.name][place] = found.direction.sign
    return told


def levels(bars: Columns) -> Mapping[str, Floats]:
    """Return the nearest support and resistance, how many levels stand, how strong the best is."""
    told = np.full((4, len(bars.close)), np.nan)
    pivots, book = PivotFold(), LevelBook(Timeframe.H1)
    for place, (bar, atr) in enumerate(zip(bars.rows(), _atr(bars), strict=True)):
        book.apply(bar, pivots.apply(bar), atr)
        there = book.levels()
        below = [one.price for one in there if one.role is LevelRole.SUPPORT]
        above = [one.price for one in there if one.role is LevelRole.RESISTANCE]
        told[0, place] = max((one for one in below if one <= bar.close), default=np.nan)
        told[1, place] = min((one for one in above if one >= bar.close), default=np.nan)
        told[2, place] = len(there)
        told[3, place] = there[0].strength if there else np.nan
    names = ("nearest_support", "nearest_resistance", "levels", "strongest")
    return dict(zip(names, told, strict=True))


def regime(bars: Columns) -> Mapping[str, Floats]:
    """Return the regime of these bars alone (-1, 0, 1) and its slope's t-statistic."""
    told = np.full((2, len(bars.close)), np.nan)
    fold = RegimeFold()
    for place, (close, adx) in enumerate(zip(bars.close.tolist(), _adx(bars), strict=True)):
        side = fold.apply(close, adx)
        told[0, place] = np.nan if side is None else side.sign
        told[1, place] = np.nan if fold.slope_t is None else fold.slope_t
    return {"regime": told[0], "slope_t": told[1]}


def trend(bars: Columns) -> Mapping[str, Floats]:
    """Return bias and agreement of these bars and all longer timeframes rolled up from them.

    A longer bar is seen by the bar that closes with it, and by none before.
    """
    told = np.full((2, len(bars.close)), np.nan)
    names = ("bias", "agreement")
    step_ns = int(np.diff(bars.open_time_ns).min()) if len(bars.close) > 1 else 0
    frames = [one for one in WEIGHTS if step_ns and length_ns(one) % step_ns == 0]
    view = TrendView(Pair("ANY"))
    closing: dict[int, list[tuple[Timeframe, int, float, float | None]]] = {}
    for frame in frames:
        longer = rolled(bars, length_ns(frame))
        columns = (longer.open_time_ns.tolist(), longer.close.tolist(), _adx(longer))
        for opening, close, adx in zip(*columns, strict=True):
            row = (frame, opening, close, adx)
            closing.setdefault(opening + length_ns(frame), []).append(row)
    for place, opening in enumerate(bars.open_time_ns.tolist()):
        for row in closing.get(opening + step_ns, ()):
            view.apply(*row)
        measured = view.measured(opening + step_ns)
        told[0, place] = np.nan if measured.bias is None else measured.bias
        told[1, place] = np.nan if measured.agreement is None else measured.agreement
    return dict(zip(names, told, strict=True))


def _known(column: Floats) -> list[float | None]:
    unknown = np.isnan(column).tolist()
    pairs = zip(column.tolist(), unknown, strict=True)
    return [None if is_unknown else value for value, is_unknown in pairs]


def _atr(bars: Columns) -> list[float | None]:
    return _known(batch("ATR", _BAR, bars, timeperiod=14)[0])


def _adx(bars: Columns) -> list[float | None]:
    return _known(batch("ADX", _BAR, bars, timeperiod=14)[0])
