"""The store of history: append, read, list, verify, find gaps, keep within bounds.

Appending rows that are there already changes nothing; a row of the same keys with other values
takes the place of the old one. Several processes may write and read at the same time.
"""

# ruff: noqa: S608 (names and numbers of ours, no words of others)

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from adapters.history.catalogue import (
    Catalogue,
    Part,
    checksum,
    month_folders,
    move_durably,
    read_catalogue,
    sole_writer,
    sweep,
    write_catalogue,
)
from adapters.history.kinds import ALL, Kind, Table, kind_named, month_ends, month_of
from state.errors import HistoryRefused
from state.values import Pair

PART_ROWS = 100_000
"""Rows in one part at most."""
SMALL_ROWS = 8_192
"""A newest part with fewer rows is written again together with what follows it."""
_READ_ATTEMPTS = 5
_LAST_NS = 2**63 - 1
CLOSED_DUCK: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    # Its eight threads for reading ahead are for disks far away.
    "async_threads": 0,
    "memory_limit": "512MB",
    # Nothing may be fetched: Parquet is built in.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class Added(Struct, frozen=True, kw_only=True):
    """What came of an append."""

    new: int = 0
    changed: int = 0
    """Rows whose keys were there with other values."""
    known: int = 0
    """Rows that were there already."""

    def __add__(self, other: "Added") -> "Added":
        """Return both together."""
        return Added(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            known=self.known + other.known,
        )


class Gap(Struct, frozen=True, kw_only=True):
    """Where rows are missing: everything that would lie in [since_ns, until_ns)."""

    since_ns: int
    until_ns: int
    rows: int
    """How many are missing; 0 where rows come as they come."""


class Fault(Struct, frozen=True, kw_only=True):
    """Something in the store that is not as its catalogue says."""

    where: str
    what: str


class Holding(Struct, frozen=True, kw_only=True):
    """What there is of one pair and kind."""

    pair: Pair
    kind: str
    months: int
    parts: int
    rows: int
    first_ns: int
    last_ns: int
    size_bytes: int


class HistoryStore:
    """The history of one venue.

    Args:
        folder: `<data-dir>/<venue>/history`; made when something is first written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def _duck(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(config=dict(CLOSED_DUCK))
        return self._connection

    def close(self) -> None:
        """Give up the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # Writing.

    def append(self, pair: Pair, kind: Kind, table: Table, *, replaces: bool = True) -> Added:
        """Add rows, in any order; durable when this returns.

        Args:
            pair: Whose.
            kind: What.
            table: Its columns.
            replaces: Whether a row takes the place of one of the same keys; else that one stays.

        Raises:
            HistoryRefused: The columns are not those of the kind, a key stands twice with
                different rows, or the folder is damaged.
            OSError: The disk refuses.
        """
        table = kind.checked(table)
        times = table[kind.time].astype(np.int64)
        if not len(times):
            return Added()
        _refuse_nonsense(kind, table)
        added = Added()
        first_ns, last_ns = int(times.min()), int(times.max())
        since_ns = first_ns
        for until_ns in [*month_ends(first_ns, last_ns), last_ns + 1]:
            chosen = (times >= since_ns) & (times < until_ns)
            if chosen.any():
                rows = {name: column[chosen] for name, column in table.items()}
                added += self._append(pair, kind, month_of(since_ns), rows, replaces=replaces)
            since_ns = until_ns
        return added

    def _append(self, pair: Pair, kind: Kind, month: str, table: Table, *, replaces: bool) -> Added:
        folder = self._place(pair, kind, month)
        times = table[kind.time]
        first_ns, last_ns = int(times.min()), int(times.max())
        with sole_writer(folder):
            catalogue = read_catalogue(folder)
            if catalogue is None:
                catalogue = Catalogue(pair=pair, kind=kind.name, month=month)
            sweep(folder, catalogue)
            met = [
                part
                for number, part in enumerate(catalogue.parts)
                if (part.first_ns <= last_ns and part.last_ns >= first_ns)
                # The newest part grows until it is worth a file of its own.
                or (
                    number == len(catalogue.parts) - 1
                    and part.last_ns < first_ns
                    and part.rows < SMALL_ROWS
                )
            ]
            with self._loaded(kind, table, folder, met, replaces=replaces) as (duck, added):
                if not added.new and not added.changed:
                    return added
                fresh, catalogue = self._written(duck, kind, folder, catalogue)
            kept = [part for part in catalogue.parts if part not in met]
            parts = tuple(sorted([*kept, *fresh], key=lambda part: part.first_ns))
            write_catalogue(folder, replace(catalogue, parts=parts))
            for part in met:
                (folder / part.file).unlink(missing_ok=True)
        return added

    @contextlib.contextmanager
    def _loaded(
        self, kind: Kind, table: Table, folder: Path, met: Sequence[Part], *, replaces: bool
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, Added]]:
        """Put what is to be written into the table `whole`."""
        duck, keys = self._duck, ", ".join(kind.keys)
        columns = ", ".join(f"{name}::{told} AS {name}" for name, told in kind.columns.items())
        duck.register("given", table)
        try:
            _do(duck, f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT {columns} FROM given")
            told, distinct = _one(duck, f"SELECT count(*), count(DISTINCT ({keys},)) FROM fresh")
            if told != distinct:
                raise HistoryRefused(f"{kind.name}: the same {keys} stands twice, and differently")
            given_twice = len(table[kind.time]) - told
            if met:
                files = [str(folder / part.file) for part in met]
                _do(
                    duck,
                    "CREATE OR REPLACE TEMP TABLE old AS SELECT * FROM read_parquet(?)",
                    files,
                )
            else:
                _do(duck, "CREATE OR REPLACE TEMP TABLE old AS SELECT * FROM fresh LIMIT 0")
            joined = " AND ".join(f"fresh.{key} = old.{key}" for key in kind.keys)
            stayed = 0
            if not replaces:
                [stayed] = _one(duck, f"SELECT count(*) FROM fresh SEMI JOIN old ON {joined}")
                _do(duck, f"DELETE FROM fresh USING old WHERE {joined}")
            same = " AND ".join(
                f"fresh.{one} IS NOT DISTINCT FROM old.{one}" for one in kind.columns
            )
            there, equal = _one(
                duck,
                f"SELECT count(*), count(*) FILTER (WHERE {same}) FROM fresh JOIN old ON {joined}",
            )
            _do(
                duck,
                "CREATE OR REPLACE TEMP TABLE whole AS "
                f"SELECT * FROM (SELECT * FROM old ANTI JOIN fresh ON {joined} "
                f"UNION ALL SELECT * FROM fresh) ORDER BY {keys}",
            )
            yield (
                duck,
                Added(
                    new=told - there - stayed,
                    changed=there - equal,
                    known=equal + given_twice + stayed,
                ),
            )
        except duckdb.Error as error:
            raise HistoryRefused(f"{folder}: {_sentence(error)}") from None
        finally:
            duck.unregister("given")
            for name in ("fresh", "old", "whole"):
                _do(duck, f"DROP TABLE IF EXISTS {name}")

    def _written(
        self, duck: duckdb.DuckDBPyConnection, kind: Kind, folder: Path, catalogue: Catalogue
    ) -> tuple[list[Part], Catalogue]:
        """Write the table `whole` to parts; return them."""
        [rows] = _one(duck, "SELECT count(*) FROM whole")
        fresh, number = [], catalogue.written
        offset = 0
        while offset < rows:
            count = self._cut(duck, kind, offset, rows)
            part = (
                f"SELECT * FROM whole ORDER BY {', '.join(kind.keys)} LIMIT {count} OFFSET {offset}"
            )
            name = f"part-{number:08d}.parquet"
            path = folder / f"{name}.tmp"
            _do(duck, f"COPY ({part}) TO '{_quoted(path)}' (FORMAT parquet, COMPRESSION zstd)")
            first_ns, last_ns = _one(
                duck, f"SELECT min({kind.time}), max({kind.time}) FROM ({part})"
            )
            described = Part(
                file=name,
                rows=count,
                first_ns=first_ns,
                last_ns=last_ns,
                sha256=checksum(path),
                size_bytes=path.stat().st_size,
            )
            move_durably(path, folder / name)
            fresh.append(described)
            number += 1
            offset += count
        return fresh, replace(catalogue, written=number)

    def _cut(self, duck: duckdb.DuckDBPyConnection, kind: Kind, offset: int, rows: int) -> int:
        """Return how many rows the next part takes: rows of one time stay together."""
        left = rows - offset
        if left <= PART_ROWS:
            return left
        order = ", ".join(kind.keys)
        [last_ns] = _one(
            duck,
            f"SELECT {kind.time} FROM whole ORDER BY {order}"
            f" LIMIT 1 OFFSET {offset + PART_ROWS - 1}",
        )
        [until] = _one(duck, f"SELECT count(*) FROM whole WHERE {kind.time} <= {last_ns}")
        return int(until) - offset

    # Reading.

    def read(self, pair: Pair, kind: Kind, since_ns: int = 0, until_ns: int = _LAST_NS) -> Table:
        """Return the rows of [since_ns, until_ns), oldest first, each once.

        Raises:
            HistoryRefused: A part cannot be read.
        """
        for attempt in range(_READ_ATTEMPTS):
            files = [
                str(folder / part.file)
                for folder, catalogue in self._folders(pair, kind)
                for part in catalogue.parts
                if part.first_ns < until_ns and part.last_ns >= since_ns
            ]
            try:
                return self._read(kind, files, since_ns, until_ns)
            except duckdb.Error as error:
                # A writer may have replaced parts since the catalogue was read.
                if attempt == _READ_ATTEMPTS - 1:
                    raise HistoryRefused(
                        f"{pair} {kind.name}: {_sentence(error)}; `data verify` names what is "
                        "damaged: move its folder away and fetch it anew"
                    ) from None
        raise AssertionError("the last attempt returns or raises")

    def _read(self, kind: Kind, files: list[str], since_ns: int, until_ns: int) -> Table:
        if not files:
            return kind.checked({name: np.array([]) for name in kind.columns})
        found = self._duck.execute(
            f"SELECT {', '.join(kind.columns)} FROM read_parquet(?)"
            f" WHERE {kind.time} >= ? AND {kind.time} < ? ORDER BY {', '.join(kind.keys)}",
            [files, since_ns, until_ns],
        ).fetchnumpy()
        return kind.checked(found)

    def holdings(self, pairs: Sequence[str] = (), kinds: Sequence[str] = ()) -> list[Holding]:
        """Return what there is, by pair and kind; of these alone where some are named."""
        found = []
        for pair, kind in self._all():
            if (pairs and pair not in pairs) or (kinds and kind.name not in kinds):
                continue
            folders = [one for _, one in self._folders(pair, kind) if one.parts]
            if folders:
                parts = [part for one in folders for part in one.parts]
                found.append(
                    Holding(
                        pair=pair,
                        kind=kind.name,
                        months=len(folders),
                        parts=len(parts),
                        rows=sum(part.rows for part in parts),
                        first_ns=min(part.first_ns for part in parts),
                        last_ns=max(part.last_ns for part in parts),
                        size_bytes=sum(part.size_bytes for part in parts),
                    )
                )
        return found

    def gaps(
        self,
        pair: Pair,
        kind: Kind,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        pause_ns: int,
    ) -> list[Gap]:
        """Return where rows are missing, oldest first.

        Args:
            pair: Whose.
            kind: What. Of candles every one that is not there, of trades and book every pause.
            since_ns: What is missing before the first row counts from here; None: does not count.
            until_ns: The same after the last row, exclusive.
            pause_ns: Of what comes as it comes: a longer time without a row is told.
        """
        times = self.read(pair, kind)[kind.time].astype(np.int64)
        step_ns = kind.step_ns or pause_ns
        edges = []
        if since_ns is not None and kind.step_ns:
            edges = [-(-since_ns // step_ns) * step_ns - step_ns]
        before = np.array(edges, dtype=np.int64)
        after = []
        if until_ns is not None and kind.step_ns:
            after = [-(-until_ns // step_ns) * step_ns]
        whole = np.concatenate([before, times, np.array(after, dtype=np.int64)])
        if since_ns is not None:
            whole = whole[whole >= (before[0] if len(before) else since_ns)]
        if until_ns is not None:
            whole = whole[whole <= (after[0] if after else until_ns)]
        found = []
        for place in np.flatnonzero(np.diff(whole) > step_ns):
            first_ns, last_ns = int(whole[place]), int(whole[place + 1])
            if kind.step_ns:
                rows = (last_ns - first_ns) // step_ns - 1
                found.append(Gap(since_ns=first_ns + step_ns, until_ns=last_ns, rows=rows))
            else:
                found.append(Gap(since_ns=first_ns, until_ns=last_ns, rows=0))
        return found

    def verify(self) -> tuple[int, list[Fault]]:
        """Compare every part with its catalogue; return how many rows are well and what is not."""
        rows, faults = 0, []
        for pair, kind in self._all():
            for folder in month_folders(self._kind_folder(pair, kind)):
                try:
                    catalogue = read_catalogue(folder)
                except HistoryRefused as error:
                    faults.append(Fault(where=str(folder), what=str(error)))
                    continue
                well, wrong = self._verify(kind, folder, catalogue)
                rows += well
                faults += wrong
        return rows, faults

    def _verify(
        self, kind: Kind, folder: Path, catalogue: Catalogue | None
    ) -> tuple[int, list[Fault]]:
        rows, faults, last_ns = 0, [], -1
        for part in () if catalogue is None else catalogue.parts:
            path = folder / part.file
            what = self._fault_of(kind, path, part)
            if not what and part.first_ns <= last_ns:
                what = "it overlaps the part before it"
            if not what and {month_of(part.first_ns), month_of(part.last_ns)} != {folder.name}:
                what = f"it has rows of another month than {folder.name}"
            last_ns = part.last_ns
            if what:
                faults.append(Fault(where=str(path), what=what))
            else:
                rows += part.rows
        return rows, faults

    def _fault_of(self, kind: Kind, path: Path, part: Part) -> str:
        if not path.is_file():
            return "the catalogue names it, and it is not there"
        if checksum(path) != part.sha256:
            return "its checksum is not that of the catalogue: it was changed or cut off"
        try:
            rows, distinct, first_ns, last_ns = _one(
                self._duck,
                f"SELECT count(*), count(DISTINCT ({', '.join(kind.keys)},)),"
                f" min({kind.time}), max({kind.time}) FROM read_parquet('{_quoted(path)}')",
            )
        except duckdb.Error as error:
            return _sentence(error)
        if (rows, first_ns, last_ns) != (part.rows, part.first_ns, part.last_ns):
            return (
                f"it has {rows} rows from {first_ns} to {last_ns}, the catalogue says "
                f"{part.rows} from {part.first_ns} to {part.last_ns}"
            )
        return "" if rows == distinct else f"{rows - distinct} rows stand twice"

    # Keeping within bounds.

    def retain(self, *, oldest_ns: int, size_bytes_max: int) -> int:
        """Remove parts that end before `oldest_ns`, then the oldest of all beyond the size.

        Returns:
            How many rows are gone.
        """
        everything = [
            (part.last_ns, part.size_bytes, folder, part.file)
            for pair, kind in self._all()
            for folder, catalogue in self._folders(pair, kind)
            for part in catalogue.parts
        ]
        everything.sort(key=lambda one: one[0])
        size, doomed = sum(one[1] for one in everything), set()
        for last_ns, size_bytes, folder, file in everything:
            if last_ns < oldest_ns or size > size_bytes_max:
                doomed.add((folder, file))
                size -= size_bytes
        return sum(
            self._drop(folder, {file for place, file in doomed if place == folder})
            for folder in {place for place, _ in doomed}
        )

    def _drop(self, folder: Path, files: set[str]) -> int:
        with sole_writer(folder):
            catalogue = read_catalogue(folder)
            if catalogue is None:
                return 0
            kept = tuple(part for part in catalogue.parts if part.file not in files)
            gone = catalogue.rows - sum(part.rows for part in kept)
            write_catalogue(folder, replace(catalogue, parts=kept))
            sweep(folder, replace(catalogue, parts=kept))
        return gone

    # Where things are.

    def _kind_folder(self, pair: Pair, kind: Kind) -> Path:
        return self.folder / pair / kind.name

    def _place(self, pair: Pair, kind: Kind, month: str) -> Path:
        return self._kind_folder(pair, kind) / month

    def _all(self) -> list[tuple[Pair, Kind]]:
        if not self.folder.is_dir():
            return []
        return [
            (Pair(pair.name), kind_named(kind.name))
            for pair in sorted(self.folder.iterdir())
            if pair.is_dir()
            for kind in sorted(pair.iterdir())
            if kind.name in ALL and kind.is_dir()
        ]

    def _folders(self, pair: Pair, kind: Kind) -> list[tuple[Path, Catalogue]]:
        place = self._kind_folder(pair, kind)
        if not place.is_dir():
            return []
        found = [(folder, read_catalogue(folder)) for folder in month_folders(place)]
        return [(folder, catalogue) for folder, catalogue in found if catalogue is not None]


def _refuse_nonsense(kind: Kind, table: Table) -> None:
    times = table[kind.time].astype(np.int64)
    if times.min() < 0:
        raise HistoryRefused(f"{kind.name}: a time before 1970")
    if kind.step_ns and (times % kind.step_ns).any():
        wrong = int(times[np.flatnonzero(times % kind.step_ns)[0]])
        raise HistoryRefused(
            f"{kind.name}: a candle opens at {wrong} ns, which is no multiple of its length"
        )


def _one(duck: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    [row] = duck.execute(query).fetchall()
    return row


def _do(duck: duckdb.DuckDBPyConnection, statement: str, *values: object) -> None:
    # A result that nobody fetched keeps the connection busy.
    duck.execute(statement, list(values)).fetchall()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sentence(error: duckdb.Error) -> str:
    return str(error).splitlines()[0][:300]
