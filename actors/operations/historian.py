"""The historian: writes what the market does into the history on disk, in batches."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from adapters.ports import Kept, MarketHistory
from state.config.candles import HistorySettings
from state.errors import HistoryRefused
from state.messages.journal import Entry, Record
from state.messages.market import (
    BookChanged,
    BookReset,
    CandleClosed,
    HistoryGiven,
    HistoryKept,
    Timeframe,
    TradePrinted,
)
from state.messages.operations import AlertRaised, Severity

ROWS_MAX = 100_000
"""Rows that wait for the disk at most; what comes beyond is counted and not kept."""
BATCH_ROWS = 20_000
"""Rows that are worth writing before their time."""
RETAIN_EVERY_S = 3600.0
RETRY_S = 30.0
TRADES = "trades"
BOOK = "book"


class _Flush(Struct, frozen=True):
    """Time to write."""


class _RetainDue(Struct, frozen=True):
    """Time to remove what is too old or too much."""


class Historian(Actor):
    """One, with a thread of its own: it waits for the disk. A restart loses what was not written.

    Candles that were lost that way, or while the house was away, come again with the next
    backfill; trades do not. Nobody waits for it: what its mailbox or its batch cannot hold is
    counted as dropped.

    Args:
        open_history: Opens the history; called where the actor lives, when there is a first batch.
        settings: What is kept, how often it is written, and for how long.
    """

    def __init__(
        self, open_history: Callable[[], MarketHistory], settings: HistorySettings
    ) -> None:
        super().__init__()
        self._open_history = open_history
        self._settings = settings
        self._timeframes = {one for one in Timeframe if f"candles-{one.value}" in settings.kinds}
        self._history: MarketHistory | None = None
        self._waiting: list[Kept] = []
        self._rows = 0
        self._kept = HistoryKept()
        self._retry_at_ns = 0

    def on_start(self) -> None:
        """Listen to what is to be kept."""
        settings = self._settings
        if not settings.record:
            return
        if self._timeframes:
            self.subscribe(CandleClosed)
            self.subscribe(HistoryGiven)
        if TRADES in settings.kinds:
            self.subscribe(TradePrinted)
        if BOOK in settings.kinds:
            self.subscribe(BookChanged)
            self.subscribe(BookReset)
        self.after(settings.flush_every_s, _Flush())
        self.after(RETAIN_EVERY_S, _RetainDue())

    def on_stop(self) -> None:
        """Write what waits and close."""
        self._flush()
        if self._history is not None:
            self._history.close()

    def on_receive(self, message: Any) -> None:
        """Gather, and write when there is enough or it is time."""
        match message:
            case CandleClosed():
                if message.timeframe in self._timeframes and not message.missing:
                    self._keep(message, 1)
            case HistoryGiven():
                if message.timeframe in self._timeframes and message.candles:
                    self._keep(message, len(message.candles))
            case TradePrinted():
                self._keep(message, 1)
            case BookChanged():
                delta = message.delta
                self._keep(message, len(delta.bids) + len(delta.asks))
            case BookReset():
                snapshot = message.snapshot
                self._keep(message, len(snapshot.bids) + len(snapshot.asks))
            case _Flush():
                self._flush()
                self.after(self._settings.flush_every_s, _Flush())
            case _RetainDue():
                self._retain()
                self.after(RETAIN_EVERY_S, _RetainDue())
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _keep(self, message: Kept, rows: int) -> None:
        if self._rows + rows > ROWS_MAX:
            self._tell(dropped=rows)
            return
        self._waiting.append(message)
        self._rows += rows
        if self._rows >= BATCH_ROWS and self.monotonic_ns() >= self._retry_at_ns:
            self._flush()

    def _flush(self) -> None:
        """Write what waits; what the disk refused waits on, and is not kept twice."""
        if not self._waiting:
            return
        try:
            written = self._opened().keep(self._waiting)
        except (HistoryRefused, OSError) as error:
            self._failed(str(error))
            return
        self._waiting, self._rows = [], 0
        self._tell(written=written)

    def _retain(self) -> None:
        settings = self._settings
        oldest_ns = self.now_ns() - settings.days_max * 86_400 * 10**9
        try:
            self._opened().retain(oldest_ns=oldest_ns, size_bytes_max=settings.size_mb_max * 10**6)
        except (HistoryRefused, OSError) as error:
            self._failed(str(error))

    def _opened(self) -> MarketHistory:
        if self._history is None:
            self._history = self._open_history()
        return self._history

    def _failed(self, why: str) -> None:
        self._retry_at_ns = self.monotonic_ns() + int(RETRY_S * 10**9)
        was_well = not self._kept.error
        self._tell(failures=1, error=why)
        if not was_well:
            return
        alert = AlertRaised(
            alert="history_not_kept",
            severity=Severity.WARNING,
            text=f"the market's history could not be written: {why}",
            at_ns=self.now_ns(),
        )
        record = Record(entries=(Entry(event=alert),), sender=self.address)
        self.tell(addresses.RECORDER, record)

    def _tell(
        self, *, written: int = 0, dropped: int = 0, failures: int = 0, error: str = ""
    ) -> None:
        kept = self._kept
        self._kept = HistoryKept(
            written=kept.written + written,
            dropped=kept.dropped + dropped,
            failures=kept.failures + failures,
            error=error,
        )
        self.publish(self._kept)
