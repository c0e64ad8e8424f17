"""Candles of a Parquet or CSV file as columns of bars, judged before anybody computes with them."""

# ruff: noqa: S608 (names of ours, no words of others)

from pathlib import Path

import duckdb
import numpy as np

from state.errors import HistoryRefused
from state.indicators.bars import BadBar, Columns

NEUTRAL = ("ts_open_ns", "open", "high", "low", "close", "volume")
"""The columns wanted; `symbol` where a file holds several."""


def read_candles(path: Path, symbols: tuple[str, ...] = ()) -> dict[str, Columns]:
    """Return the bars of a file by symbol, oldest first.

    Args:
        path: Parquet or CSV with the columns `NEUTRAL`.
        symbols: Which to take; empty takes all. Without a column `symbol` the file's name is it.

    Raises:
        HistoryRefused: The file cannot be used; the text says why.
    """
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    with duckdb.connect() as duck:
        try:
            told = duck.execute(f"describe select * from {reader}($1)", [str(path)]).fetchall()
            there = {row[0] for row in told}
            lacking = [name for name in NEUTRAL if name not in there]
            if lacking:
                raise HistoryRefused(f"{path}: no column {', '.join(lacking)}")
            symbol = "symbol" if "symbol" in there else "$2"
            arguments = [str(path)] if "symbol" in there else [str(path), path.stem]
            rows = duck.execute(
                f"select {symbol} as symbol, ts_open_ns::bigint as ts_open_ns,"
                " open::double as open, high::double as high, low::double as low,"
                " close::double as close,"
                f" volume::double as volume from {reader}($1) order by 1, 2",
                arguments,
            ).fetchnumpy()
        except duckdb.Error as error:
            raise HistoryRefused(f"{path}: {str(error).splitlines()[0]}") from error
    names = np.asarray(rows["symbol"]).astype(str)
    columns = [_whole(path, name, rows[name]) for name in NEUTRAL]
    found = sorted(set(names.tolist()))
    unknown = [one for one in symbols if one not in found]
    if unknown:
        raise HistoryRefused(f"{path}: no symbol {unknown[0]}; there are: {', '.join(found)}")
    if not found:
        raise HistoryRefused(f"{path}: no candles")
    return {one: _judged(path, one, columns, names == one) for one in symbols or found}


def _whole(path: Path, name: str, column: np.ndarray) -> np.ndarray:
    empty = np.flatnonzero(np.ma.getmaskarray(column))
    if len(empty):
        raise HistoryRefused(f"{path}: {len(empty)} values of column {name} are empty")
    return np.ma.getdata(column)


def _judged(path: Path, symbol: str, columns: list[np.ndarray], of_it: np.ndarray) -> Columns:
    times, *floats = (column[of_it] for column in columns)
    try:
        return Columns(times, *floats).checked()
    except BadBar as error:
        raise HistoryRefused(f"{path}: {symbol}: {error}") from error
