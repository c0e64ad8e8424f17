"""The indicators of one pair and timeframe, over gaps, repetitions and revisions. Pure.

Holes are never papered over silently. Up to `FILLED` missing bars in a row are put in flat at the
last close with no volume, and counted in `n_missing`; a longer hole begins everything anew.
"""

from collections import deque
from itertools import islice

from state.candle import length_ns
from state.indicators.bars import Bar, Columns
from state.indicators.catalogue import make_all
from state.messages.market import CandleClosed, Timeframe
from state.messages.signals import IndicatorsUpdated
from state.values import Pair, TimeNs

KEPT = 1_000
"""Bars kept: more than any indicator remembers to the tenth digit."""
FILLED = 3
"""So many missing bars in a row are filled in; more, and everything is warmed up anew."""
COUNTED = 200
"""Among so many of the newest bars the missing are counted."""


class Series:
    """Bars of one pair and timeframe and what the indicators make of them."""

    def __init__(self, pair: Pair, timeframe: Timeframe) -> None:
        self.pair, self.timeframe = pair, timeframe
        self._length_ns = length_ns(timeframe)
        self.bars: deque[Bar] = deque(maxlen=KEPT)
        """Oldest first, without holes."""
        self._missing: deque[bool] = deque(maxlen=KEPT)
        self._seen = 0
        self._indicators = make_all()
        self.values: dict[str, float | None] = {}
        """By name, as of the newest bar."""
        self.ignored = 0
        """Candles that came again or too late."""
        self.begun = 0
        """How often a hole was so long that everything began anew."""

    @property
    def n_missing(self) -> int:
        """How many of the newest `COUNTED` bars are missing."""
        return sum(islice(reversed(self._missing), COUNTED))

    def history(self, candles: tuple[CandleClosed, ...]) -> bool:
        """Begin anew with `candles`, oldest first; returns whether any was of use.

        Raises:
            BadBar: A candle is none.
        """
        self.bars.clear()
        self._missing.clear()
        self._seen = 0
        for candle in candles:
            self._place(candle)
        self._reopen()
        return bool(self.bars)

    def apply(self, candle: CandleClosed) -> bool:
        """Take one more closed candle; returns whether anything changed.

        Raises:
            BadBar: It is none; nothing has changed.
        """
        bar = Bar.of(candle).checked()
        if self.bars and bar.open_time_ns <= self.bars[-1].open_time_ns:
            return self._revise(bar, is_missing=candle.missing)
        hole = self._hole(bar)
        if hole > FILLED:
            self.begun += 1
            self._forget()
            hole = 0
        for _ in range(hole):
            self._feed(self._flat(), is_missing=True)
        self._feed(bar, is_missing=candle.missing)
        return True

    def updated(self) -> IndicatorsUpdated | None:
        """Return the message about the newest bar; None while there is none."""
        if not self.bars:
            return None
        newest = self.bars[-1]
        return IndicatorsUpdated(
            pair=self.pair,
            event_time_ns=TimeNs(newest.open_time_ns + self._length_ns),
            timeframe=self.timeframe,
            open_time_ns=newest.open_time_ns,
            close=newest.close,
            bars=self._seen,
            n_missing=self.n_missing,
            **self.values,  # type: ignore[arg-type]
        )

    def _hole(self, bar: Bar) -> int:
        if not self.bars:
            return 0
        return (bar.open_time_ns - self.bars[-1].open_time_ns) // self._length_ns - 1

    def _flat(self) -> Bar:
        last = self.bars[-1]
        opening = TimeNs(last.open_time_ns + self._length_ns)
        return Bar(opening, last.close, last.close, last.close, last.close, 0.0)

    def _forget(self) -> None:
        self.bars.clear()
        self._missing.clear()
        self._seen = 0
        self._indicators = make_all()
        self.values = {}

    def _place(self, candle: CandleClosed) -> None:
        """Keep a candle of history without feeding it."""
        bar = Bar.of(candle).checked()
        if self.bars and bar.open_time_ns <= self.bars[-1].open_time_ns:
            self.ignored += 1
            return
        hole = self._hole(bar)
        if hole > FILLED:
            self.begun += 1
            self.bars.clear()
            self._missing.clear()
            self._seen = hole = 0
        for _ in range(hole):
            self._keep(self._flat(), is_missing=True)
        self._keep(bar, is_missing=candle.missing)

    def _keep(self, bar: Bar, *, is_missing: bool) -> None:
        self.bars.append(bar)
        self._missing.append(is_missing)
        self._seen += 1

    def _feed(self, bar: Bar, *, is_missing: bool) -> None:
        self._keep(bar, is_missing=is_missing)
        for names, indicator in self._indicators:
            found = indicator.feed(bar)
            self.values.update(zip(names, found or (None,) * len(names), strict=True))

    def _revise(self, bar: Bar, *, is_missing: bool) -> bool:
        """Put a bar that came again into the place of the old one, if it differs."""
        back = (self.bars[-1].open_time_ns - bar.open_time_ns) // self._length_ns
        place = len(self.bars) - 1 - back
        if place < 0 or self.bars[place] == bar:
            self.ignored += 1
            return False
        self.bars[place] = bar
        self._missing[place] = is_missing
        self._reopen()
        return True

    def _reopen(self) -> None:
        """Make every indicator anew of the bars that are kept."""
        self._indicators = make_all()
        self.values = {}
        columns = Columns.of(self.bars)
        for names, indicator in self._indicators:
            found = indicator.warm(columns) if self.bars else None
            self.values.update(zip(names, found or (None,) * len(names), strict=True))
