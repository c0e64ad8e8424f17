"""Reading a recorded tape: Parquet through DuckDB, message by message in replay order."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final, get_args

import duckdb

from adapters.simulated.markets.tape import Kind, TapeMessage
from state.errors import ConfigurationInvalid
from state.values import Side

_COLUMNS: Final = (
    "msg",
    "ts_recv_ns",
    "ts_exchange_ns",
    "kind",
    "side",
    "price",
    "size",
    "first_id",
    "last_id",
)
_ROWS_AT_ONCE = 2_000
_MOST_DECIMALS = 12
_SIDES = {"bid": Side.BUY, "ask": Side.SELL, "buy": Side.BUY, "sell": Side.SELL}

_Row = tuple[int, Kind, int, int, int, str, int, int]


class TapeFile:
    """A tape on disk.

    Args:
        path: Parquet with the columns of a tape.

    Raises:
        ConfigurationInvalid: If it cannot be read or is no tape; the text names the mend.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        # Nothing may be fetched: Parquet is built in.
        self._connection = duckdb.connect(
            config={
                "threads": 1,
                "async_threads": 0,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        if not path.is_file():
            message = f"tape {path}: no such file; name a Parquet tape with --tape"
            raise ConfigurationInvalid(message)
        self._check_columns()
        self._check_words()
        self.price_decimals = self._decimals("price")
        self.amount_decimals = self._decimals("size")

    def _rows(self, query: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(query, [self._path])
        except duckdb.Error as problem:
            reason = str(problem).splitlines()[0]
            message = f"tape {self._path}: cannot be read ({reason}); name a Parquet tape"
            raise ConfigurationInvalid(message) from None

    def _check_columns(self) -> None:
        found = {row[0] for row in self._rows("describe select * from read_parquet(?)").fetchall()}
        missing = [name for name in _COLUMNS if name not in found]
        if missing:
            message = f"tape {self._path}: column {missing[0]!r} is missing, so it is no tape"
            raise ConfigurationInvalid(message)

    def _check_words(self) -> None:
        query = f"""
            select kind, side from read_parquet(?)
            where kind not in {get_args(Kind)} or side not in {tuple(_SIDES)} limit 1
        """  # noqa: S608 - words of our own
        strange = self._rows(query).fetchone()
        if strange is not None:
            kind, side = strange
            message = f"tape {self._path}: a row of kind {kind!r} and side {side!r} has no meaning"
            raise ConfigurationInvalid(message)

    def _decimals(self, column: str) -> int:
        """Return the fewest decimals that write every value of `column` exactly."""
        checks = ", ".join(
            f"bool_and(round({column}, {n}) = {column})" for n in range(_MOST_DECIMALS + 1)
        )
        answers = self._rows(f"select {checks} from read_parquet(?)").fetchone()  # noqa: S608 - our own column names
        assert answers is not None, "an aggregate has one row"
        for decimals, exact in enumerate(answers):
            if exact:
                return decimals
        message = f"tape {self._path}: {column} has more than {_MOST_DECIMALS} decimals"
        raise ConfigurationInvalid(message)

    def messages(self) -> Iterator[TapeMessage]:
        """Yield every message in replay order, which is that of `msg`, not of the times."""
        query = f"""
            select msg, kind,
                   case when ts_recv_ns > 0 then ts_recv_ns else ts_exchange_ns end,
                   first_id, last_id, side,
                   cast(round(price * 1e{self.price_decimals}) as bigint),
                   cast(round(size * 1e{self.amount_decimals}) as bigint)
            from read_parquet(?) order by msg
        """  # noqa: S608 - numbers of our own
        result = self._rows(query)
        time_ns = 0
        for _, group in groupby(_fetched(result), lambda row: row[0]):
            rows = list(group)
            _, kind, stated_ns, first_id, last_id, *_ = rows[0]
            time_ns = max(time_ns, stated_ns)
            levels = [(_SIDES[side], ticks, lots) for *_, side, ticks, lots in rows]
            yield TapeMessage(kind, time_ns, first_id, last_id, levels)


def _fetched(result: duckdb.DuckDBPyConnection) -> Iterator[_Row]:
    while rows := result.fetchmany(_ROWS_AT_ONCE):
        yield from rows
