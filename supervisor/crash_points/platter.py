"""A database in memory as a disk would have it: what was synced stays, what was not may go."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from supervisor.crash_points.instants import Site, Watch


class Fact(Struct, frozen=True, kw_only=True):
    """What of a journalled event tells where an order stands."""

    type: str
    client_order_id: str = ""
    trade_id: str = ""
    expires_at_ns: int = 0


class Batch(Struct):
    """What one transaction holds."""

    facts: list[Fact] = []
    snapshots: int = 0
    """How many of them."""
    of: set[str] = set()
    """Whose snapshots."""


_fact = msgspec.json.Decoder(Fact).decode


class Platter(sqlite3.Connection):
    """The store's connection. It tells of every instant of a commit, and can go back to an image.

    SQLite's own log is not modelled: a torn log is a commit that did not reach the platter, which
    is what SQLite makes of it. That it does is proven on real files (tests/state/store).
    """

    watch: Watch = staticmethod(lambda _site, _what: None)
    durable = False
    """Whether the next commit is synced."""
    unsynced: list[bytes]
    """Images: of the last synced commit, and of each one since."""
    batch: Batch

    def begin(self, watch: Watch, image: bytes | None = None) -> None:
        """Start from `image`, or from nothing, and tell `watch` from now on."""
        if image is not None:
            self.deserialize(image)
        self.batch = Batch()
        self.watch = watch
        self.unsynced = [] if image is None else [image]

    def close(self) -> None:
        """Lose what was not committed, and nothing else: a file would outlive its closing."""
        self.rollback()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # type: ignore[override]
        """See `sqlite3.Connection.execute`."""
        if sql == "COMMIT":
            return self._commit()
        if sql == "BEGIN IMMEDIATE":
            self.batch = Batch()
            self.watch(Site.BEGIN, None)
        elif sql.startswith("INSERT INTO snapshots"):
            self.batch.of.add(parameters[0])
            self.batch.snapshots += 1
            cursor = super().execute(sql, parameters)
            self.watch(Site.SNAPSHOT, self.batch)
            return cursor
        elif sql.startswith("PRAGMA synchronous = "):
            self.durable = sql.endswith("FULL")
        elif sql.startswith("PRAGMA wal_checkpoint"):
            self.watch(Site.CHECKPOINT, None)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:  # type: ignore[override]
        """See `sqlite3.Connection.executemany`."""
        if sql.startswith("INSERT INTO events"):
            rows = list(rows)
            self.batch.facts += facts(rows)
        return super().executemany(sql, rows)

    def _commit(self) -> sqlite3.Cursor:
        batch = self.batch
        self.watch(Site.WRITTEN, batch)
        cursor = super().execute("COMMIT")
        self.unsynced.append(self.serialize())
        self.watch(Site.COMMITTING, batch)
        if self.durable:
            del self.unsynced[:-1]
        self.watch(Site.SYNCED, batch)
        return cursor


def facts(rows: Iterable[Any]) -> list[Fact]:
    """Return what rows of the table `events` say: the payload is their eighth column."""
    return [_fact(row[7]) for row in rows]


def new_platter() -> Platter:
    """Return an empty one."""
    connection = sqlite3.connect(
        ":memory:", isolation_level=None, check_same_thread=False, factory=Platter
    )
    assert isinstance(connection, Platter)
    connection.begin(Platter.watch)
    return connection
