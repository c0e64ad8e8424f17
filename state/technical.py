"""All that is read off the closed bars of one pair and timeframe.

One object a timeframe, fed with each closed candle once. What is known after history was read at
once is what would be known had each bar been lived through; only patterns are told just once, when
they are completed. Pure.
"""

from collections.abc import Iterator
from itertools import islice

from state.candle import length_ns
from state.indicators.bars import Bar, Columns, Floats
from state.indicators.library import batch
from state.indicators.series import KEPT, Series
from state.levels import LevelBook
from state.messages.market import CandleClosed, Timeframe
from state.messages.signals import (
    IndicatorsUpdated,
    LevelsUpdated,
    PatternFound,
    PatternKind,
)
from state.patterns.candlesticks import STRONGEST, Candlesticks, direction_of
from state.patterns.chart import ChartPatterns
from state.pivots import PivotFold
from state.trend import TrendView
from state.values import Pair, TimeNs


class Reader:
    """Reads one timeframe.

    Args:
        pair: Whose candles.
        timeframe: Of what length.
        view: The trend over all timeframes, which hears of each bar.
    """

    def __init__(self, pair: Pair, timeframe: Timeframe, view: TrendView) -> None:
        self._pair, self._timeframe, self._view = pair, timeframe, view
        self._length_ns = length_ns(timeframe)
        self.series = Series(pair, timeframe)
        self._pivots = PivotFold()
        self._levels = LevelBook(timeframe)
        self._shapes = ChartPatterns()
        self._candlesticks = Candlesticks()
        self._unread: Iterator[tuple[Bar, float | None, float | None]] = iter(())
        """Bars of the history, each with average true range and ADX as of it."""
        self._read_ns = -1
        """Opening of the newest bar that was read."""
        self.levels: LevelsUpdated | None = None
        self.patterns: tuple[PatternFound, ...] = ()
        """Those that the newest bar completed."""

    @property
    def atr(self) -> float | None:
        """The average true range as of the newest bar, quote units; None while not warm."""
        return self.series.values.get("atr14")

    def history(self, candles: tuple[CandleClosed, ...]) -> bool:
        """Begin anew with `candles`, oldest first; returns whether any was of use.

        The indicators are as of the newest; trend, patterns and levels when `read_on` has come
        to the end, for that takes its time.

        Raises:
            BadBar: A candle is none.
        """
        known = self.series.history(candles)
        self._begin_again()
        return known

    @property
    def has_unread(self) -> bool:
        """Whether bars of the history are still to be read."""
        bars = self.series.bars
        return bool(bars) and self._read_ns != bars[-1].open_time_ns

    def read_on(self, bars: int) -> bool:
        """Read so many more bars of the history; returns whether all of it has been read."""
        for bar, atr, adx in islice(self._unread, bars):
            pivots = self._pivots.apply(bar)
            self._levels.apply(bar, pivots, atr)
            self._shapes.apply(bar, pivots, atr)
            self._view.apply(self._timeframe, bar.open_time_ns, bar.close, adx)
            self._read_ns = bar.open_time_ns
        newest = self.series.bars[-1].open_time_ns if self.series.bars else -1
        if self._read_ns != newest:
            return False
        if self.levels is None and newest >= 0:
            self.levels = self._told_levels()
        return True

    def apply(self, candle: CandleClosed, at_once: int = KEPT) -> bool:
        """Take one more closed candle; returns whether it was news.

        Args:
            candle: The candle.
            at_once: Where a revision or a filled hole makes all bars unread, so many of them are
                read here; the rest is left to `read_on`.

        Raises:
            BadBar: It is none; nothing has changed.
        """
        self.read_on(KEPT)
        series = self.series
        before = series.bars[-1].open_time_ns if series.bars else -1
        begun = series.begun
        if not series.apply(candle):
            return False
        self.patterns = ()
        newest = series.bars[-1]
        if series.begun != begun or before not in (-1, newest.open_time_ns - self._length_ns):
            # A revision, or a hole was filled: what each bar was read with has to be found again.
            self._begin_again()
            self.read_on(at_once)
            return True
        self._read(newest, self.atr, series.values.get("adx14"))
        self.levels = self._told_levels()
        return True

    def indicators(self) -> IndicatorsUpdated | None:
        """Return the message about the newest bar; None while there is none."""
        return self.series.updated()

    def _read(self, bar: Bar, atr: float | None, adx: float | None) -> None:
        self._read_ns = bar.open_time_ns
        pivots = self._pivots.apply(bar)
        self._levels.apply(bar, pivots, atr)
        self._view.apply(self._timeframe, bar.open_time_ns, bar.close, adx)
        ended = TimeNs(bar.open_time_ns + self._length_ns)
        found = [
            PatternFound(
                pair=self._pair,
                event_time_ns=ended,
                timeframe=self._timeframe,
                open_time_ns=bar.open_time_ns,
                pattern=one.name,
                kind=one.kind,
                direction=one.direction,
                quality=one.quality,
                invalidation=one.invalidation,
                points=one.points,
            )
            for one in self._shapes.apply(bar, pivots, atr)
        ]
        for name, value in self._candlesticks.apply(bar):
            direction = direction_of(name, value)
            found.append(
                PatternFound(
                    pair=self._pair,
                    event_time_ns=ended,
                    timeframe=self._timeframe,
                    open_time_ns=bar.open_time_ns,
                    pattern=name,
                    kind=PatternKind.CANDLESTICK,
                    direction=direction,
                    quality=abs(value) / STRONGEST,
                    invalidation=(None, bar.low, bar.high)[direction.sign],
                )
            )
        self.patterns = tuple(found)

    def _begin_again(self) -> None:
        """Have all bars that are kept read, as if one by one; none of their patterns is told."""
        self._pivots = PivotFold()
        self._levels = LevelBook(self._timeframe)
        self._shapes = ChartPatterns()
        self._candlesticks = Candlesticks()
        self._view.begin(self._timeframe)
        self.patterns, self.levels = (), None
        self._unread, self._read_ns = iter(()), -1
        bars = self.series.bars
        if not bars:
            return
        columns = Columns.of(bars)
        prices = ("high", "low", "close")
        (atrs,), (adxs,) = (batch(name, prices, columns, timeperiod=14) for name in ("ATR", "ADX"))
        self._unread = zip(list(bars), _known(atrs), _known(adxs), strict=True)
        self._candlesticks.warm(columns)

    def _told_levels(self) -> LevelsUpdated:
        newest = self.series.bars[-1].open_time_ns
        return LevelsUpdated(
            pair=self._pair,
            event_time_ns=TimeNs(newest + self._length_ns),
            timeframe=self._timeframe,
            levels=self._levels.levels(),
        )


def _known(column: Floats) -> list[float | None]:
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 (NaN)
