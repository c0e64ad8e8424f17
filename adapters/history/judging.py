"""Whether rows of others can be believed: each is looked at before any is written. Pure."""

import numpy as np
from numpy.typing import NDArray

from adapters.history.kinds import BOOK, TRADES, Kind, Table
from state.errors import HistoryRefused
from state.values import NS_PER_S

_FIRST_NS = 1_230_768_000 * NS_PER_S
"""2009: nothing was traded before; what is older was written in another unit."""
_PRICES = ("open", "high", "low", "close", "price")


def judged(
    rows: Table, kind: Kind, *, may_sort: bool, now_ns: int, numbers: NDArray[np.int64]
) -> Table:
    """Return the rows of one pair, in order and each once.

    Args:
        rows: In the file's order.
        kind: What they are.
        may_sort: Whether rows out of order may be sorted and equal ones dropped.
        now_ns: Nothing can have happened later, nor a candle be closed that ends later.
        numbers: Of each row in its file, the first being 1.

    Raises:
        HistoryRefused: A row is no candle or trade, not of the past, out of order or there twice;
            it is named by its number.
    """
    table = kind.checked(rows)

    def refuse(wrong: NDArray[np.bool_], why: str) -> None:
        places = np.flatnonzero(wrong)
        if len(places):
            more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
            raise HistoryRefused(f"row {numbers[places[0]]}{more}: {why}")

    for name, told in kind.columns.items():
        if told == "DOUBLE" and name != "quote_volume":
            column = table[name].astype(np.float64)
            refuse(~np.isfinite(column) | (column < 0), f"{name} is no number or below zero")
            refuse((column == 0) & (name in _PRICES), f"{name} is zero, which is no price")
    if kind.timeframe is not None:
        high, low = table["high"].astype(np.float64), table["low"].astype(np.float64)
        for name in ("open", "close"):
            column = table[name].astype(np.float64)
            refuse((column > high) | (column < low), f"{name} lies outside of low to high")
    if kind is TRADES:
        refuse(table["size"] == 0, "size is zero, which is no trade")
    times = table[kind.time].astype(np.int64)
    if kind is not BOOK:  # A tape is kept in the order of its messages and need not know its times.
        refuse(times < _FIRST_NS, "it is older than 2009; are its times in nanoseconds?")
        late = "it has not closed yet" if kind.step_ns else "it is of the future"
        refuse(times > now_ns - kind.step_ns, late)
    if may_sort:
        order = np.argsort(times, kind="stable")
        return {name: column[order] for name, column in table.items()}
    back = np.concatenate([[False], np.diff(times) < 0])
    refuse(back, "it is older than the row above; sort the rows, or let --sort do it")
    if kind.step_ns:
        again = np.concatenate([[False], np.diff(times) == 0])
        refuse(again, "the row above has the same time; keep one, or let --sort drop equal rows")
    return table
