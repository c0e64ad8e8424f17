"""The `MarketHistory` port over the store: messages of the house become rows."""

from collections.abc import Sequence

import numpy as np

from adapters.history.kinds import BOOK, TRADES, Table, candles
from adapters.history.store import HistoryStore
from adapters.ports import Kept
from state.messages.market import (
    BookChanged,
    BookReset,
    CandleClosed,
    HistoryGiven,
    Level,
    Timeframe,
    TradePrinted,
)
from state.values import Pair

_BookRow = tuple[int, int, int, str, str, float, float, int, int]


class HistoryKeeper:
    """See `adapters.ports.MarketHistory`."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self._messages: dict[Pair, int] = {}
        """The number of the newest message of each tape."""
        self._first_ids: dict[Pair, int] = {}
        """Of changes that held no level: the next one begins where they began."""

    def keep(self, batch: Sequence[Kept]) -> int:
        """See `MarketHistory.keep`."""
        try:
            return self._append(batch)
        finally:
            # Until the next batch, minutes from now, its memory and threads are given back.
            self._store.close()

    def _append(self, batch: Sequence[Kept]) -> int:
        told: dict[tuple[Pair, Timeframe], dict[int, CandleClosed]] = {}
        given: dict[tuple[Pair, Timeframe], dict[int, CandleClosed]] = {}
        trades: dict[Pair, dict[tuple[int, int], TradePrinted]] = {}
        tapes: dict[Pair, list[_BookRow]] = {}
        for one in batch:
            match one:
                case CandleClosed():
                    # Of a candle that was revised the newest counts.
                    told.setdefault((one.pair, one.timeframe), {})[one.open_time_ns] = one
                case HistoryGiven():
                    known = given.setdefault((one.pair, one.timeframe), {})
                    for bar in one.candles:
                        if not bar.missing:
                            known[bar.open_time_ns] = bar
                case TradePrinted():
                    trades.setdefault(one.pair, {})[one.event_time_ns, one.trade_id] = one
                case BookChanged() | BookReset():
                    pair, rows = self._tape_rows(one)
                    tapes.setdefault(pair, []).extend(rows)
        new = 0
        for is_told, found in ((True, told), (False, given)):
            for (pair, timeframe), bars in found.items():
                table = candle_table(list(bars.values()))
                added = self._store.append(pair, candles(timeframe), table, replaces=is_told)
                new += added.new
        for pair, prints in trades.items():
            new += self._store.append(pair, TRADES, _trade_table(list(prints.values()))).new
        for pair, tape in tapes.items():
            new += self._store.append(pair, BOOK, _book_table(tape)).new
        return new

    def retain(self, *, oldest_ns: int, size_bytes_max: int) -> None:
        """See `MarketHistory.retain`."""
        self._store.retain(oldest_ns=oldest_ns, size_bytes_max=size_bytes_max)

    def close(self) -> None:
        """See `MarketHistory.close`."""
        self._store.close()

    def _tape_rows(self, told: BookChanged | BookReset) -> tuple[Pair, list[_BookRow]]:
        if isinstance(told, BookReset):
            pair = told.snapshot.pair
            first_id = last_id = told.snapshot.last_id
            kind, book = "snapshot", told.snapshot
            rows = self._message_rows(kind, first_id, last_id, book.bids, book.asks, told)
            for delta in told.since:
                rows += self._tape_rows(BookChanged(delta=delta))[1]
            return pair, rows
        delta = told.delta
        first_id = self._first_ids.pop(delta.pair, delta.first_id)
        if not delta.bids and not delta.asks:
            self._first_ids[delta.pair] = first_id
            return delta.pair, []
        kind = "snapshot" if delta.full else "diff"
        rows = self._message_rows(kind, first_id, delta.last_id, delta.bids, delta.asks, told)
        return delta.pair, rows

    def _message_rows(
        self,
        kind: str,
        first_id: int,
        last_id: int,
        bids: tuple[Level, ...],
        asks: tuple[Level, ...],
        told: BookChanged | BookReset,
    ) -> list[_BookRow]:
        fact = told.snapshot if isinstance(told, BookReset) else told.delta
        seen_ns = fact.seen_time_ns or fact.event_time_ns
        number = max(self._messages.get(fact.pair, 0) + 1, seen_ns)
        self._messages[fact.pair] = number
        if kind == "snapshot":
            self._first_ids.pop(fact.pair, None)
        event_ns = fact.event_time_ns
        return [
            (number, seen_ns, event_ns, kind, side, price, size, first_id, last_id)
            for side, levels in (("bid", bids), ("ask", asks))
            for price, size in levels
        ]


def candle_table(bars: Sequence[CandleClosed]) -> Table:
    """Return closed candles as rows."""
    return {
        "ts_open_ns": np.array([bar.open_time_ns for bar in bars], dtype=np.int64),
        "open": np.array([bar.open for bar in bars], dtype=np.float64),
        "high": np.array([bar.high for bar in bars], dtype=np.float64),
        "low": np.array([bar.low for bar in bars], dtype=np.float64),
        "close": np.array([bar.close for bar in bars], dtype=np.float64),
        "volume": np.array([bar.base_volume for bar in bars], dtype=np.float64),
        "quote_volume": np.array([bar.quote_volume for bar in bars], dtype=np.float64),
        "trades": np.array([bar.trades for bar in bars], dtype=np.int64),
    }


def _trade_table(prints: list[TradePrinted]) -> Table:
    return {
        "ts_exchange_ns": np.array([one.event_time_ns for one in prints], dtype=np.int64),
        "trade_id": np.array([one.trade_id for one in prints], dtype=np.int64),
        "side": np.array([one.taker or "" for one in prints], dtype=np.object_),
        "price": np.array([one.price for one in prints], dtype=np.float64),
        "size": np.array([one.quantity for one in prints], dtype=np.float64),
    }


def _book_table(rows: list[_BookRow]) -> Table:
    # A level that stands twice in one message: the later word counts.
    distinct = {(row[0], row[4], row[5]): row for row in rows}
    columns = zip(*distinct.values(), strict=True)
    return {
        name: np.array(column, dtype=np.object_ if told == "VARCHAR" else None)
        for (name, told), column in zip(BOOK.columns.items(), columns, strict=False)
    }
