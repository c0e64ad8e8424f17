"""The layouts in which others keep candles and trades, and how each becomes ours. Pure.

A layout is recognised by its columns' names, or, where a file has none, by their number and by
whether the prices make candles when they are read so.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from adapters.history.kinds import BOOK, TRADES, Kind, Table, candles
from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import NS_PER_MS, NS_PER_S

_LARGEST = 9e18
"""Of int64, nearly."""

Words = Mapping[str, NDArray[np.generic]]
"""Columns as they stand in a file, by name in small letters; of files without names `0`, `1`, …"""


class Layout(StrEnum):
    """What somebody may say a file is."""

    AUTO = "auto"
    NEUTRAL = "neutral"
    """Columns of ours: `ts_open_ns, open, …`, `ts_exchange_ns, …` or a tape's."""
    HEADER = "header"
    """Candles with names above the columns."""
    CCXT = "ccxt"
    """Time in ms, open, high, low, close, volume."""
    BINANCE = "binance"
    """Klines: time in ms or µs, open, high, low, close, volume, end, quote volume, trades, …"""
    GATE_CANDLES = "gate-candles"
    """Time in s, volume, close, high, low, open."""
    GATE_TRADES = "gate-trades"
    """Time in s, id, price, amount, side: 1 sold, 2 bought."""


class Rows(Struct, frozen=True, kw_only=True):
    """What a file holds: rows in its order, not judged yet."""

    table: Table
    symbols: NDArray[np.object_] | None
    """Whose each row is; None where the file does not say."""
    is_candles: bool
    kind: Kind | None
    """None of candles: their timeframe is to be found out."""
    layout: Layout


_TIMES = (
    "ts_open_ns",
    "timestamp",
    "time",
    "date",
    "datetime",
    "open_time",
    "open time",
    "ts",
    "unix",
)
_NAMES: dict[str, tuple[str, ...]] = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "v", "vol", "base_volume", "volume_base"),
}
_SYMBOLS = ("symbol", "pair", "market", "currency_pair", "tic")
_SIDES = {"buy": "buy", "sell": "sell", "b": "buy", "s": "sell", "2": "buy", "1": "sell"}


def read_rows(words: Words, layout: Layout, *, named: bool) -> Rows:
    """Return what a file's columns say.

    Args:
        words: Columns.
        layout: What it is said to be, or `AUTO`.
        named: Whether the file names its columns.

    Raises:
        HistoryRefused: It is none of the layouts; the text says what would be.
    """
    chosen = _recognised(words, named=named) if layout is Layout.AUTO else layout
    return _READERS[chosen](words, chosen)


def _recognised(words: Words, *, named: bool) -> Layout:
    names = set(words)
    if named:
        if {"ts_exchange_ns", "price"} <= names or {"ts_open_ns", "open"} <= names:
            return Layout.NEUTRAL
        return Layout.HEADER
    if len(names) == 12:
        return Layout.BINANCE
    if len(names) == 5:
        return Layout.GATE_TRADES
    if len(names) == 6:
        fitting = [one for one in (Layout.CCXT, Layout.GATE_CANDLES) if _fits(words, one)]
        if len(fitting) == 1:
            return fitting[0]
        how = "either fits" if fitting else "neither fits"
        raise HistoryRefused(
            "six columns without names: expected ccxt's (time, open, high, low, close, volume) or "
            f"Gate's (time, volume, close, high, low, open), and {how}; say which with --layout"
        )
    raise HistoryRefused(
        f"{len(names)} columns without names: expected 5 (Gate's trades), 6 (ccxt's or Gate's "
        "candles) or 12 (Binance's klines); name the columns in the first line"
    )


def _fits(words: Words, layout: Layout) -> bool:
    table = _READERS[layout](words, layout).table
    high, low = table["high"], table["low"]
    inside = [(table[name] <= high) & (table[name] >= low) for name in ("open", "close")]  # type: ignore[operator]
    return bool(np.all(inside))


def _neutral(words: Words, layout: Layout) -> Rows:
    symbols = _symbols(words)
    if "ts_open_ns" in words:
        table = _candle_columns(words, {name: name for name in _NAMES}, _int(words, "ts_open_ns"))
        return _candle_rows(table, symbols, layout)
    if "msg" in words:
        _require(words, BOOK)
        table = {name: words[name] for name in BOOK.columns}
        return Rows(table=table, symbols=symbols, is_candles=False, kind=BOOK, layout=layout)
    number = next((one for one in ("trade_id", "agg_id", "id") if one in words), "")
    if not number:
        raise HistoryRefused("trades without a column trade_id or agg_id")
    table = {
        "ts_exchange_ns": _int(words, "ts_exchange_ns"),
        "trade_id": _int(words, number),
        "side": _sides(_column(words, "side")),
        "price": _float(words, "price"),
        "size": _float(words, "size"),
    }
    return Rows(table=table, symbols=symbols, is_candles=False, kind=TRADES, layout=layout)


def _with_header(words: Words, layout: Layout) -> Rows:
    time = next((name for name in _TIMES if name in words), "")
    found = {
        ours: next((name for name in names if name in words), "") for ours, names in _NAMES.items()
    }
    lacking = [ours for ours, theirs in found.items() if not theirs] + ([] if time else ["time"])
    if lacking:
        raise HistoryRefused(
            f"no column for {', '.join(lacking)}; there are {', '.join(words)}; expected a time "
            f"({', '.join(_TIMES)}) and open, high, low, close, volume"
        )
    table = _candle_columns(words, found, _times(words[time]))
    return _candle_rows(table, _symbols(words), layout)


def _by_place(order: tuple[str, ...]) -> Callable[[Words, Layout], Rows]:
    def read(words: Words, layout: Layout) -> Rows:
        names = dict(zip(order, words, strict=False))
        if len(words) < len(order):
            raise HistoryRefused(f"{len(words)} columns; {layout.value} has {len(order)} at least")
        places = {name: names[name] for name in _NAMES}
        renamed = {**words, "quote_volume": words[names["quote"]]} if "quote" in names else words
        if "count" in names:
            renamed = {**renamed, "trades": words[names["count"]]}
        table = _candle_columns(renamed, places, _times(words[names["time"]]))
        return _candle_rows(table, None, layout)

    return read


def _gate_trades(words: Words, layout: Layout) -> Rows:
    if len(words) < 5:
        raise HistoryRefused(f"{len(words)} columns; Gate's trades have 5")
    time, number, price, amount, side = list(words)[:5]
    table = {
        "ts_exchange_ns": _times(words[time]),
        "trade_id": _int(words, number),
        "side": _sides(words[side]),
        "price": _float(words, price),
        "size": _float(words, amount),
    }
    return Rows(table=table, symbols=None, is_candles=False, kind=TRADES, layout=layout)


_READERS: dict[Layout, Callable[[Words, Layout], Rows]] = {
    Layout.NEUTRAL: _neutral,
    Layout.HEADER: _with_header,
    Layout.CCXT: _by_place(("time", "open", "high", "low", "close", "volume")),
    Layout.BINANCE: _by_place(
        ("time", "open", "high", "low", "close", "volume", "end", "quote", "count")
    ),
    Layout.GATE_CANDLES: _by_place(("time", "volume", "close", "high", "low", "open")),
    Layout.GATE_TRADES: _gate_trades,
}


def _candle_rows(table: Table, symbols: NDArray[np.object_] | None, layout: Layout) -> Rows:
    return Rows(table=table, symbols=symbols, is_candles=True, kind=None, layout=layout)


def _candle_columns(words: Words, names: Mapping[str, str], times: NDArray[np.generic]) -> Table:
    table: Table = {"ts_open_ns": times}
    table |= {ours: _float(words, theirs) for ours, theirs in names.items()}
    nobody = np.full(len(times), np.nan)
    if "quote_volume" in words:
        told = words["quote_volume"]
        empty = [word in ("", None) for word in told.tolist()]
        table["quote_volume"] = _float(
            {"quote_volume": np.where(empty, np.nan, told)}, "quote_volume"
        )
    else:
        table["quote_volume"] = nobody
    uncounted = np.full(len(times), -1)
    table["trades"] = _int(words, "trades") if "trades" in words else uncounted
    return table


def timeframe_of(times: NDArray[np.generic]) -> Timeframe:
    """Return the timeframe of candles that open at `times`: the smallest step between two.

    Raises:
        HistoryRefused: There is none of that length.
    """
    opened = np.unique(times.astype(np.int64))
    if len(opened) < 2:
        raise HistoryRefused("one candle alone does not say how long it is; give --timeframe")
    step_s = int(np.diff(opened).min()) / NS_PER_S
    for timeframe in Timeframe:
        if timeframe.seconds == step_s:
            return timeframe
    known = ", ".join(Timeframe)
    if step_s < 1:
        raise HistoryRefused(f"candles {step_s:g} s apart; are the times in nanoseconds?")
    raise HistoryRefused(
        f"candles {step_s:g} s apart: there is no such timeframe, only {known}; give --timeframe "
        "where candles are left out"
    )


def _require(words: Words, kind: Kind) -> None:
    lacking = [name for name in kind.columns if name not in words]
    if lacking:
        raise HistoryRefused(f"{kind.name}: no column {', '.join(lacking)}")


def _column(words: Words, name: str) -> NDArray[np.generic]:
    if name not in words:
        raise HistoryRefused(f"no column {name}; there are {', '.join(words)}")
    return words[name]


def _float(words: Words, name: str) -> NDArray[np.generic]:
    return _converted(_column(words, name), name, float)


def _int(words: Words, name: str) -> NDArray[np.generic]:
    column = _column(words, name)
    if column.dtype.kind in "iu":
        return column.astype(np.int64)
    return _converted(column, name, int)


def _converted(
    column: NDArray[np.generic], name: str, kind: type[float] | type[int]
) -> NDArray[np.generic]:
    told = np.float64 if kind is float else np.int64
    try:
        return column.astype(told)
    except (ValueError, TypeError, OverflowError):
        for number, word in enumerate(column.tolist(), 1):
            try:
                told(kind(word))
            except (ValueError, TypeError, OverflowError):
                raise HistoryRefused(
                    f"row {number}: column {name}: {str(word)[:40]!r} is no number"
                ) from None
        raise HistoryRefused(f"column {name} is not made of numbers") from None


def _times(column: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return times in ns: numbers of s, ms, µs or ns, as their size tells, or dates."""
    words = column.tolist()
    if not words:
        return np.array([], dtype=np.int64)
    try:
        numbers = [float(word) for word in words]
    except (ValueError, TypeError):
        return np.array([_dated(word, row) for row, word in enumerate(words, 1)], dtype=np.int64)
    if any(number != number for number in numbers):  # noqa: PLR0124 (NaN alone differs from itself)
        raise HistoryRefused("a time is missing")
    far = [row for row, number in enumerate(numbers, 1) if abs(number) >= _LARGEST]
    if far:
        raise HistoryRefused(f"row {far[0]}: {str(words[far[0] - 1])[:40]!r} is no time")
    size = max(map(abs, numbers))
    unit = next(
        unit
        for limit, unit in ((1e11, NS_PER_S), (1e14, NS_PER_MS), (1e17, 1_000), (float("inf"), 1))
        if size < limit
    )
    # Seconds with decimals keep their microseconds; whole numbers stay exact.
    return np.array([_exact(word, unit) for word in words], dtype=np.int64)


def _exact(word: object, unit: int) -> int:
    text = str(word)
    whole, _, part = text.partition(".")
    if part.strip("0") == "" and whole.lstrip("-").isdigit():
        return int(whole) * unit
    return round(float(text) * 1e6) * (unit // 1_000_000) if unit >= 1_000_000 else int(float(text))


def _dated(word: object, row: int) -> int:
    try:
        found = word if isinstance(word, datetime) else datetime.fromisoformat(str(word))
    except ValueError:
        raise HistoryRefused(f"row {row}: {str(word)[:40]!r} is no time") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    since = found - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


def _sides(column: NDArray[np.generic]) -> NDArray[np.generic]:
    found = []
    for row, word in enumerate(column.tolist(), 1):
        side = _SIDES.get(str(word).strip().lower())
        if side is None:
            raise HistoryRefused(f"row {row}: {str(word)[:40]!r} is no side: buy or sell")
        found.append(side)
    return np.array(found, dtype=object)


def _symbols(words: Words) -> NDArray[np.object_] | None:
    name = next((one for one in _SYMBOLS if one in words), None)
    return None if name is None else words[name].astype(np.object_)


def candle_kind(timeframe: Timeframe | None, times: NDArray[np.generic]) -> Kind:
    """Return the kind of candles that open at `times`, of `timeframe` where that is told."""
    return candles(timeframe or timeframe_of(times))
