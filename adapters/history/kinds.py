"""What history there is: the columns of each kind, and which of them make a row the same row. Pure.

Times are UTC, int64 nanoseconds since the epoch. The first key column is a time; rows lie in its
order, and by it in the folder of their month.
"""

from datetime import UTC, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import NS_PER_S

Table = dict[str, NDArray[np.generic]]
"""Columns of equal length, by name; words are arrays of objects."""

_TYPES = {"BIGINT": np.int64, "DOUBLE": np.float64, "VARCHAR": np.object_}


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of history."""

    name: str
    """Of its folder: `candles-1m`, `trades`, `book`."""
    columns: dict[str, str]
    """DuckDB's type by name."""
    keys: tuple[str, ...]
    """Two rows of the same keys are the same row; the first of them is a time."""
    step_ns: int = 0
    """From one row to the next where nothing is missing; 0 where rows come as they come."""

    @property
    def time(self) -> str:
        """The column that says when."""
        return self.keys[0]

    @property
    def timeframe(self) -> Timeframe | None:
        """Of candles, their timeframe."""
        name = self.name.removeprefix("candles-")
        return Timeframe(name) if name != self.name else None

    def checked(self, table: Table) -> Table:
        """Return `table` with the columns of this kind and no other, in their types.

        Raises:
            HistoryRefused: A column is missing, has another length or cannot be read.
        """
        lacking = [name for name in self.columns if name not in table]
        if lacking:
            raise HistoryRefused(
                f"{self.name}: no column {', '.join(lacking)}; expected {', '.join(self.columns)}"
            )
        found: Table = {}
        for name, told in self.columns.items():
            try:
                found[name] = _filled(table[name], told).astype(_TYPES[told])
            except (ValueError, TypeError, OverflowError) as error:
                raise HistoryRefused(
                    f"{self.name}: column {name}: expected {told}: {error}"
                ) from None
        if len({len(column) for column in found.values()}) > 1:
            raise HistoryRefused(f"{self.name}: the columns are not of one length")
        return found


def _filled(column: NDArray[np.generic], told: str) -> NDArray[np.generic]:
    # DuckDB keeps NaN as NULL and gives it back masked.
    if told == "DOUBLE" and np.ma.isMaskedArray(column):
        return np.ma.filled(column.astype(np.float64), np.nan)
    return np.ma.getdata(column)


_CANDLE = {
    "ts_open_ns": "BIGINT",
    "open": "DOUBLE",
    "high": "DOUBLE",
    "low": "DOUBLE",
    "close": "DOUBLE",
    "volume": "DOUBLE",
    "quote_volume": "DOUBLE",
    "trades": "BIGINT",
}


def candles(timeframe: Timeframe) -> Kind:
    """Return the kind of closed candles. NaN quote volume and -1 trades: nobody said."""
    return Kind(
        name=f"candles-{timeframe.value}",
        columns=_CANDLE,
        keys=("ts_open_ns",),
        step_ns=timeframe.seconds * NS_PER_S,
    )


TRADES = Kind(
    name="trades",
    columns={
        "ts_exchange_ns": "BIGINT",
        "trade_id": "BIGINT",
        "side": "VARCHAR",
        "price": "DOUBLE",
        "size": "DOUBLE",
    },
    # A simulated exchange begins to number anew; no exchange trades twice at the same number and
    # time.
    keys=("ts_exchange_ns", "trade_id"),
)
"""Public trades; the side is the taker's, empty where nobody said."""

BOOK = Kind(
    name="book",
    columns={
        "msg": "BIGINT",
        "ts_recv_ns": "BIGINT",
        "ts_exchange_ns": "BIGINT",
        "kind": "VARCHAR",
        "side": "VARCHAR",
        "price": "DOUBLE",
        "size": "DOUBLE",
        "first_id": "BIGINT",
        "last_id": "BIGINT",
    },
    keys=("msg", "side", "price"),
)
"""A tape of the book. `msg` numbers messages and grows like the time they were received."""

ALL = {kind.name: kind for kind in (*map(candles, Timeframe), TRADES, BOOK)}


def kind_named(name: str) -> Kind:
    """Return the kind of this name.

    Raises:
        HistoryRefused: There is none.
    """
    if name not in ALL:
        raise HistoryRefused(f"no kind of history: {name}; there are {', '.join(ALL)}")
    return ALL[name]


def month_of(time_ns: int) -> str:
    """Return the month of a time, UTC: `2026-04`."""
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).strftime("%Y-%m")


def month_ends(first_ns: int, last_ns: int) -> list[int]:
    """Return where the months in [first_ns, last_ns] end but the last one, nanoseconds."""
    at = datetime.fromtimestamp(first_ns // NS_PER_S, UTC)
    ends: list[int] = []
    year, month = at.year, at.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        end_ns = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * NS_PER_S
        if end_ns > last_ns:
            return ends
        ends.append(end_ns)
