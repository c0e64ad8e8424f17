"""The technical analyst: from closed candles to indicators, trend, patterns, levels, an opinion."""

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from state.config.technical import TechnicalSettings
from state.messages.market import CandleClosed, HistoryGiven, HistoryWanted, Timeframe
from state.messages.signals import PatternFound
from state.values import Pair, TimeNs

if TYPE_CHECKING:
    from state.technical import Reader
    from state.trend import TrendView

TIMEFRAMES = frozenset(
    {Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1}
)
"""Of those that are shorter nothing is measured here."""


READ_AT_ONCE = 25
"""Bars of a history that one turn reads, some twenty milliseconds: others wait that long."""


class _ReadOn(Struct, frozen=True):
    """There is more history of this timeframe."""

    timeframe: Timeframe


class _Conclude(Struct, frozen=True):
    """All candles that closed together have been read."""


class TechnicalAnalyst(Actor):
    """One per pair. Owns nothing that must survive: a restart asks the candle builder for history.

    Of each candle of a minute and longer it publishes `IndicatorsUpdated`, `PatternFound` for each
    pattern that it completed, and `LevelsUpdated`; once all that closed together are read,
    `TrendMeasured` and, where the trend is known, an `Opinion`.

    Args:
        pair: Whom it watches.
        bars: How many candles of each timeframe it asks for.
        settings: How it comes to its opinion.
    """

    def __init__(self, pair: Pair, bars: int, settings: TechnicalSettings) -> None:
        super().__init__()
        self._pair, self._bars, self._settings = pair, bars, settings
        self._view: TrendView | None = None
        self._readers: dict[Timeframe, Reader] = {}
        self._held: dict[Timeframe, list[CandleClosed]] = {}
        """Candles that closed while a history was being read, to be read after it."""
        self._patterns: tuple[PatternFound, ...] = ()
        """Those that may still be counted."""
        self._at_ns = TimeNs(0)
        """End of the newest bar read, by the exchange's clock."""
        self._concluded_ns = TimeNs(0)
        self._concludes = False
        """Whether a `_Conclude` is on its way."""

    def on_start(self) -> None:
        """Listen to the pair's candles and ask for those before."""
        self.subscribe(CandleClosed, self._pair)
        self.subscribe(HistoryGiven, self._pair)
        for timeframe in sorted(TIMEFRAMES, key=lambda one: one.seconds):
            wanted = HistoryWanted(
                pair=self._pair, timeframe=timeframe, bars=self._bars, reply_to=self.address
            )
            self.tell(addresses.candle_builder(self._pair), wanted)

    def on_receive(self, message: Any) -> None:
        """Read candles; conclude when all that closed together are read."""
        match message:
            case CandleClosed():
                if message.timeframe in TIMEFRAMES:
                    self._on_candle(message)
            case HistoryGiven():
                if message.timeframe in TIMEFRAMES and message.ready:
                    self._on_history(message)
            case _ReadOn():
                self._read_on(message.timeframe)
            case _Conclude():
                self._conclude()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_candle(self, candle: CandleClosed) -> None:
        reader = self._reader(candle.timeframe)
        if reader.has_unread:
            self._held.setdefault(candle.timeframe, []).append(candle)
            return
        if not reader.apply(candle, READ_AT_ONCE):
            return
        if reader.has_unread:
            self.tell(self.address, _ReadOn(candle.timeframe))
            return
        self._tell_of(reader)
        for pattern in reader.patterns:
            self.publish(pattern)
        self._patterns += reader.patterns
        self._read_until(candle.event_time_ns)

    def _on_history(self, given: HistoryGiven) -> None:
        reader = self._reader(given.timeframe)
        if reader.history(given.candles):
            self._read_on(given.timeframe)

    def _read_on(self, timeframe: Timeframe) -> None:
        reader = self._reader(timeframe)
        if not reader.read_on(READ_AT_ONCE):
            self.tell(self.address, _ReadOn(timeframe))
            return
        told = reader.indicators()
        if told is not None:
            self._tell_of(reader)
            self._read_until(told.event_time_ns)
        for candle in self._held.pop(timeframe, ()):
            self._on_candle(candle)

    def _reader(self, timeframe: Timeframe) -> "Reader":
        reader = self._readers.get(timeframe)
        if reader is None:
            # Not before the first candle: the libraries take a tenth of a second to come.
            from state.technical import Reader  # noqa: PLC0415
            from state.trend import TrendView  # noqa: PLC0415

            if self._view is None:
                self._view = TrendView(self._pair)
            reader = self._readers[timeframe] = Reader(self._pair, timeframe, self._view)
        return reader

    def _tell_of(self, reader: "Reader") -> None:
        indicators = reader.indicators()
        if indicators is not None:
            self.publish(indicators)
        if reader.levels is not None:
            self.publish(reader.levels)

    def _read_until(self, ended_ns: TimeNs) -> None:
        self._at_ns = max(self._at_ns, ended_ns)
        if not self._concludes:
            # The longer candles that closed at the same moment wait in the mailbox already.
            self._concludes = True
            self.tell(self.address, _Conclude())

    def _conclude(self) -> None:
        from state.technical_opinion import Ground, fresh, opinion  # noqa: PLC0415

        self._concludes = False
        if any(reader.has_unread for reader in self._readers.values()):
            return  # What is half read may be of later than this; whoever ends last concludes.
        minutes = self._readers.get(Timeframe.M1)
        if self._view is None:
            return
        trend = self._view.measured(self._at_ns)
        self.publish(trend)
        if minutes is None or not minutes.series.bars or self._at_ns <= self._concluded_ns:
            return
        close = minutes.series.bars[-1].close
        self._patterns = fresh(self._patterns, self._at_ns, close)
        grounds = {
            timeframe: Ground(reader.levels.levels, reader.atr)
            for timeframe, reader in self._readers.items()
            if reader.levels is not None
        }
        share = self._settings.unconfirmed_share
        told = opinion(trend, close, self._patterns, grounds, share)
        if told is not None:
            self._concluded_ns = self._at_ns
            self.publish(told)
