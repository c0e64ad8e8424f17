"""A database in memory as a disk would have it: what was synced stays, what was not may go."""

import sqlite3
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from state.store import blank_database
from supervisor.crash_points.instants import Site, Watch
from supervisor.worlds.disk import Connection


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


class Platter(Connection):
    """The store's connection. It tells of every instant of a commit, and can go back to an image.

    SQLite's own log is not modelled: a torn log is a commit that did not reach the platter, which
    is what SQLite makes of it. That it does is proven on real files (tests/state/store).
    """

    tell: Watch = staticmethod(lambda _site, _what: None)
    durable = False
    """Whether the next commit is synced."""
    unsynced: list[bytes]
    """Images: of the last synced commit, and of each one since."""
    commits = 0
    """How many there were."""
    batch: Batch

    def begin(self, tell: Watch, image: bytes) -> None:
        """Start from `image`, and tell of every instant from now on."""
        self.deserialize(image)
        self.batch = Batch()
        self.tell = tell
        self.unsynced = [image]

    def close(self) -> None:
        """Lose what was not committed, and nothing else: a file would outlive its closing."""
        self.rollback()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """See `sqlite3.Connection.execute`."""
        if sql == "COMMIT":
            return self._put()
        if sql == "BEGIN IMMEDIATE":
            self.batch = Batch()
            self.tell(Site.BEGIN, None)
        elif sql.startswith("INSERT INTO snapshots"):
            self.batch.of.add(parameters[0])
            self.batch.snapshots += 1
            cursor = sqlite3.Connection.execute(self, sql, parameters)
            self.tell(Site.SNAPSHOT, self.batch)
            return cursor
        elif sql.startswith("PRAGMA synchronous = "):
            self.durable = sql.endswith("FULL")
        elif sql.startswith("PRAGMA wal_checkpoint"):
            self.tell(Site.CHECKPOINT, None)
        return sqlite3.Connection.execute(self, sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        """See `sqlite3.Connection.executemany`."""
        if sql.startswith("INSERT INTO events"):
            rows = list(rows)
            self.batch.facts += facts(rows)
        return super().executemany(sql, rows)

    def _put(self) -> sqlite3.Cursor:
        batch = self.batch
        self.tell(Site.WRITTEN, batch)
        cursor = sqlite3.Connection.execute(self, "COMMIT")
        self.commits += 1
        self.unsynced.append(self.serialize())
        self.tell(Site.COMMITTING, batch)
        if self.durable:
            del self.unsynced[:-1]
        self.tell(Site.SYNCED, batch)
        return cursor


def facts(rows: Iterable[Any]) -> list[Fact]:
    """Return what rows of the table `events` say: the payload is their eighth column."""
    return [_fact(row[7]) for row in rows]


class PlatterDisk:
    """A `Disk` of images: each commit since the last synced one may be the one that is left."""

    torn = 0

    def __init__(self, tell: Watch) -> None:
        self._tell = tell
        self.connection = self._new(blank_database())

    def open(self) -> sqlite3.Connection:
        """See `Disk.open`: there is but one connection."""
        return self.connection

    def go_back(self, commits: int) -> None:
        """Lose so many of the newest commits, none of which was synced."""
        self.connection = self._new(self.connection.unsynced[-1 - commits])

    def cut_power(self, chance: Random) -> None:
        """See `Disk.cut_power`."""
        self.go_back(chance.randrange(len(self.connection.unsynced)))

    def end_process(self) -> None:
        """See `Disk.end_process`."""
        self.connection.rollback()

    def remove(self) -> None:
        """See `Disk.remove`."""
        sqlite3.Connection.close(self.connection)

    def _new(self, image: bytes) -> Platter:
        connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, factory=Platter
        )
        connection.begin(self._tell, image)
        return connection
