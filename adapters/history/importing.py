"""Files of others into the store, and parts of the store into files."""

# ruff: noqa: S608 (names and numbers of ours, no words of others)

import gzip
import json
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from adapters.history.catalogue import move_durably
from adapters.history.judging import judged
from adapters.history.kinds import BOOK, TRADES, Kind, Table
from adapters.history.layouts import Layout, Rows, Words, candle_kind, read_rows
from adapters.history.store import CLOSED_DUCK, Added, HistoryStore
from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import Pair

_QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "BNB", "GT")
_PAIR = re.compile(r"[A-Z0-9]{1,20}_[A-Z0-9]{1,20}")
_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".json")


class Imported(Struct, frozen=True, kw_only=True):
    """What came of one pair's rows in a file."""

    file: str
    pair: Pair
    kind: str
    layout: str
    rows: int
    added: Added


def import_file(
    store: HistoryStore,
    path: Path,
    *,
    now_ns: int,
    pair: Pair | None = None,
    timeframe: Timeframe | None = None,
    layout: Layout = Layout.AUTO,
    may_sort: bool = False,
) -> list[Imported]:
    """Put what a file holds into the store; all of it is judged before anything is written.

    Args:
        store: Where to.
        path: Parquet, CSV (also .gz) or JSON rows.
        now_ns: Rows of later are refused, and candles that were open then.
        pair: Whose rows to take; None takes every pair that the file names.
        timeframe: Of candles; None finds it out.
        layout: What the file is.
        may_sort: See `judged`.

    Raises:
        HistoryRefused: The file cannot be used; the text names it and how to mend it.
    """
    try:
        words, named = _words(path)
        rows = read_rows(words, layout, named=named)
        if not len(next(iter(rows.table.values()))):
            raise HistoryRefused("it has no rows")
        judged_rows = [
            (
                whose,
                kind,
                judged(table, kind, may_sort=may_sort, now_ns=now_ns, numbers=numbers),
            )
            for whose, kind, table, numbers in _by_pair(rows, pair, timeframe)
        ]
        return [
            Imported(
                file=str(path),
                pair=whose,
                kind=kind.name,
                layout=rows.layout.value,
                rows=len(table[kind.time]),
                added=store.append(whose, kind, table),
            )
            for whose, kind, table in judged_rows
        ]
    except HistoryRefused as error:
        raise HistoryRefused(f"{path}: {error}") from None


def pair_of(symbol: str) -> Pair:
    """Return the pair of a symbol such as `BTCUSDT`, `BTC/USDT` or `BTC_USDT`.

    Raises:
        HistoryRefused: Nobody can tell where its quote currency begins.
    """
    word = symbol.upper().replace("/", "_").replace("-", "_")
    if "_" not in word:
        quotes = (quote for quote in _QUOTES if word.endswith(quote))
        quote = next(quotes, "")
        word = f"{word.removesuffix(quote)}_{quote}"
    if not _PAIR.fullmatch(word):
        raise HistoryRefused(f"which pair is {symbol[:40]!r}? say so with --pairs BASE_QUOTE")
    return Pair(word)


def _by_pair(
    rows: Rows, pair: Pair | None, timeframe: Timeframe | None
) -> list[tuple[Pair, Kind, Table, NDArray[np.int64]]]:
    """Return what there is of each pair, with the number of each row in its file."""
    if rows.symbols is None:
        if pair is None:
            raise HistoryRefused("it does not say whose rows these are; give --pairs BASE_QUOTE")
        kind = _kind(rows, rows.table, timeframe)
        return [(pair, kind, rows.table, np.arange(1, len(rows.table[kind.time]) + 1))]
    there: list[str] = sorted({str(one) for one in rows.symbols.tolist()})
    wanted = [one for one in there if pair is None or _is_pair(one, pair)]
    if not wanted:
        raise HistoryRefused(f"it has rows of {', '.join(there[:10])}, none of {pair}")
    found = []
    for symbol in wanted:
        chosen = rows.symbols == symbol
        table: Table = {name: column[chosen] for name, column in rows.table.items()}
        whose, kind = pair or pair_of(symbol), _kind(rows, table, timeframe)
        found.append((whose, kind, table, np.flatnonzero(chosen) + 1))
    return found


def _is_pair(symbol: str, pair: Pair) -> bool:
    return "".join(filter(str.isalnum, symbol.upper())) == pair.replace("_", "")


def _kind(rows: Rows, table: Table, timeframe: Timeframe | None) -> Kind:
    return rows.kind or candle_kind(timeframe, table["ts_open_ns"])


def _words(path: Path) -> tuple[Words, bool]:
    """Return the columns of a file, and whether it names them itself."""
    if not path.is_file():
        raise HistoryRefused("it is no file" if path.exists() else "there is no such file")
    if path.suffix == ".parquet":
        return _of_parquet(path), True
    if path.name.endswith((".csv", ".csv.gz")):
        return _of_csv(path)
    if path.suffix == ".json":
        return _of_json(path), False
    raise HistoryRefused(f"no kind of file that can be read: {', '.join(_SUFFIXES)}")


def _of_parquet(path: Path) -> Words:
    try:
        with duckdb.connect(config=dict(CLOSED_DUCK)) as duck:
            found = duck.execute("SELECT * FROM read_parquet(?)", [[str(path)]]).fetchnumpy()
    except duckdb.Error as error:
        raise HistoryRefused(
            f"no whole Parquet file: {str(error).splitlines()[0][:200]}; copy or download it again"
        ) from None
    return {name.lower(): _given(name, column) for name, column in found.items()}


def _given(name: str, column: NDArray[np.generic]) -> NDArray[np.generic]:
    empty = np.flatnonzero(np.ma.getmaskarray(column))
    if not len(empty):
        return np.ma.getdata(column)
    if name.lower() == "quote_volume":
        return np.ma.filled(column.astype(np.float64), np.nan)
    raise HistoryRefused(f"row {empty[0] + 1}: column {name} is empty")


def _of_csv(path: Path) -> tuple[Words, bool]:
    opened = gzip.open if path.name.endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            lines = [line.rstrip("\r\n") for line in file]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise HistoryRefused(f"no readable text: {error}") from None
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise HistoryRefused("it is empty")
    separator = max(",;\t", key=lines[0].count)
    cells = [[cell.strip().strip('"') for cell in line.split(separator)] for line in lines]
    named = not all(map(_is_number, filter(None, cells[0][:2])))
    names = [cell.lower() for cell in cells[0]] if named else [str(i) for i in range(len(cells[0]))]
    rows = cells[1:] if named else cells
    return _columns(names, rows, first=2 if named else 1), named


def _of_json(path: Path) -> Words:
    try:
        rows = json.loads(path.read_bytes())
    except ValueError as error:
        raise HistoryRefused(f"no JSON: {error}") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise HistoryRefused("expected rows: [[time, open, high, low, close, volume], …]")
    return _columns([str(i) for i in range(len(rows[0]))], rows, first=1)


def _columns(names: list[str], rows: Sequence[Sequence[object]], *, first: int) -> Words:
    for number, row in enumerate(rows, first):
        if len(row) != len(names):
            raise HistoryRefused(f"line {number} has {len(row)} columns, the first {len(names)}")
    return {
        name: np.array([row[place] for row in rows], dtype=object)
        for place, name in enumerate(names)
    }


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def export_file(
    store: HistoryStore, pair: Pair, kind: Kind, path: Path, *, since_ns: int, until_ns: int
) -> int:
    """Write rows of [since_ns, until_ns) to a new file in the neutral layout; return how many.

    Args:
        store: Where from.
        pair: Whose.
        kind: What.
        path: `.parquet` or `.csv`; must not be there yet.
        since_ns: From when.
        until_ns: Until when.

    Raises:
        HistoryRefused: There is nothing to write, or no place for it.
    """
    if path.exists():
        raise HistoryRefused(f"{path}: is there already; name another file")
    if path.suffix not in (".parquet", ".csv"):
        raise HistoryRefused(f"{path}: expected a name that ends with .parquet or .csv")
    if not path.parent.is_dir():
        raise HistoryRefused(f"{path}: there is no folder {path.parent}")
    table = store.read(pair, kind, since_ns, until_ns)
    rows = len(table[kind.time])
    if not rows:
        raise HistoryRefused(f"{pair} {kind.name}: no rows there; `data list` shows what there is")
    told = _neutral(table, kind, pair)
    fresh = path.with_name(f"{path.name}.tmp")
    form = "FORMAT parquet, COMPRESSION zstd" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    place = str(fresh).replace("'", "''")
    try:
        with duckdb.connect(config=dict(CLOSED_DUCK)) as duck:
            duck.register("told", told)
            duck.execute(f"COPY (SELECT * FROM told) TO '{place}' ({form})").fetchall()
        move_durably(fresh, path)
    except duckdb.Error as error:
        raise HistoryRefused(f"{path}: {str(error).splitlines()[0][:200]}") from None
    finally:
        fresh.unlink(missing_ok=True)
    return rows


def _neutral(table: Table, kind: Kind, pair: Pair) -> Table:
    rows = len(table[kind.time])
    if kind is BOOK:
        return table
    symbol: Table = {"symbol": np.array([pair.replace("_", "")] * rows, dtype=object)}
    if kind is TRADES:
        unknown = np.full(rows, -1)
        return {
            "ts_exchange_ns": table["ts_exchange_ns"],
            **symbol,
            "agg_id": table["trade_id"],
            "first_id": unknown,
            "last_id": unknown,
            "side": table["side"],
            "price": table["price"],
            "size": table["size"],
        }
    return symbol | table
