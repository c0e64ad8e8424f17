"""The simulated disk: what a process wrote, what was synced, and what a power cut leaves of it.

`MemoryDisk` never fails and costs nothing. `FileDisk` is a real database file with its write-ahead
log in a folder held in memory: a power cut takes what was not synced, tears what was being written,
and the next opening goes through SQLite's own recovery.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, Protocol

from state.store import blank_database

_SECTOR = 512
"""What a disk writes whole or not at all."""


class DiskFault(StrEnum):
    """What a write may come to."""

    FULL = "disk_full"
    """Nothing was written."""
    SYNC_FAILS = "sync_fails"
    """It is written, and nobody knows whether it is on the platter."""


class Moment(StrEnum):
    """Where a commit can be interrupted."""

    COMMIT = "commit"
    """Before anything of it was written."""
    SYNC = "sync"
    """Written, not synced."""
    COMMITTED = "committed"
    """On the platter, and nobody was told."""


Watch = Callable[[Moment], DiskFault | None]
"""Asked at each moment of a commit: may raise in its place, or name a fault of the disk."""


class Disk(Protocol):
    """What outlives a process."""

    @property
    def connection(self) -> "Connection":
        """The connection of the newest opening."""
        ...

    torn: int
    """Power cuts that took something."""

    def open(self) -> sqlite3.Connection:
        """Return a new connection, as a process that starts or a recorder that restarts gets."""
        ...

    def cut_power(self, chance: Random) -> None:
        """Lose what was not synced, or any part of it."""
        ...

    def end_process(self) -> None:
        """Lose what was not committed, as when a process is killed."""
        ...

    def remove(self) -> None:
        """The run is over."""
        ...


class Connection(sqlite3.Connection):
    """A connection whose commits can be interrupted, and that knows what was synced."""

    watch: Watch | None = None
    log: Path | None = None
    """The write-ahead log; None in memory."""
    synced = 0
    """Bytes of the log that are on the platter."""
    doubtful: tuple[tuple[int, int], ...] = ()
    """Stretches of the log whose sync failed: later syncs pass over them, as on a real system."""
    synchronous = "FULL"

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run one statement."""
        if sql == "COMMIT" and self.in_transaction:
            return self._commit(sql)
        if sql.startswith("PRAGMA synchronous"):
            self.synchronous = sql.rpartition(" ")[2]
        elif sql.startswith("PRAGMA wal_checkpoint") and self.log is not None:
            # TRUNCATE does what PASSIVE does where nobody reads, and leaves a log that begins anew.
            cursor = super().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.synced, self.doubtful = self._written(), ()
            return cursor
        return super().execute(sql, parameters)

    def _commit(self, sql: str) -> sqlite3.Cursor:
        durable = self.synchronous == "FULL"
        if self._asked(Moment.COMMIT) is DiskFault.FULL:
            raise _error("database or disk is full", sqlite3.SQLITE_FULL)
        cursor = super().execute(sql)
        if durable:
            if self._asked(Moment.SYNC) is DiskFault.SYNC_FAILS:
                self.doubtful = (*self.doubtful, (self.synced, self._written()))
                raise _error("disk I/O error", sqlite3.SQLITE_IOERR_FSYNC)
            self.synced = self._written()
        self._asked(Moment.COMMITTED)
        return cursor

    def _asked(self, moment: Moment) -> DiskFault | None:
        return None if self.watch is None else self.watch(moment)

    def _written(self) -> int:
        return self.log.stat().st_size if self.log is not None and self.log.exists() else 0


def _error(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class _InMemory(Connection):
    """A database in memory that outlives whoever closes it, as a file would."""

    def close(self) -> None:
        """Lose what was not committed, and nothing else."""
        self.rollback()


class MemoryDisk:
    """A `Disk` that loses nothing that was committed."""

    def __init__(self, watch: Watch | None = None) -> None:
        self.connection: Connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, factory=_InMemory
        )
        self.connection.deserialize(blank_database())
        self.torn = 0
        self.connection.watch = watch

    def open(self) -> sqlite3.Connection:
        """See `Disk.open`: there is but one connection."""
        return self.connection

    def cut_power(self, chance: Random) -> None:
        """See `Disk.cut_power`; here as if everything had been synced."""
        del chance
        self.end_process()

    def end_process(self) -> None:
        """See `Disk.end_process`."""
        self.connection.rollback()

    def remove(self) -> None:
        """See `Disk.remove`."""
        sqlite3.Connection.close(self.connection)


class FileDisk:
    """A `Disk` that forgets what was not synced."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch
        memory = Path("/dev/shm")  # noqa: S108 (a folder of our own is made below it)
        where = memory if memory.is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="gatehouse-", dir=where))
        self._number = 0
        self.torn = 0
        """Power cuts that took something."""
        self._database().write_bytes(blank_database())
        self.connection = self._connect()

    def open(self) -> sqlite3.Connection:
        """See `Disk.open`."""
        former, self.connection = self.connection, self._connect()
        self.connection.synced, self.connection.doubtful = former.synced, former.doubtful
        # A first question holds the file open, so that closing the other moves nothing into it.
        self.connection.execute("PRAGMA user_version").fetchall()
        former.close()
        return self.connection

    def cut_power(self, chance: Random) -> None:
        """See `Disk.cut_power`."""
        log = self._log()
        written = log.read_bytes() if log.exists() else b""
        left = bytearray(written[: self.connection.synced])
        for begin, end in self.connection.doubtful:
            left[begin:end] = _torn(bytes(left[begin:end]), chance).ljust(len(left[begin:end]))
        left += _torn(written[self.connection.synced :], chance)
        self.torn += left != written
        self._move_on(bytes(left))

    def end_process(self) -> None:
        """See `Disk.end_process`."""
        log, former = self._log(), self.connection
        self._move_on(log.read_bytes() if log.exists() else b"")
        # The system is still there, and knows no more than before.
        self.connection.synced, self.connection.doubtful = former.synced, former.doubtful

    def remove(self) -> None:
        """See `Disk.remove`."""
        self.connection.close()
        shutil.rmtree(self._folder)

    def _move_on(self, log: bytes) -> None:
        """Go on with the database as it is and this log, as another file: nobody closed the old."""
        data, former = self._database().read_bytes(), self.connection
        gone = [self._database(), self._log(), Path(f"{self._database()}-shm")]
        self._number += 1
        self._database().write_bytes(data)
        self._log().write_bytes(log)
        former.close()
        for path in gone:
            path.unlink(missing_ok=True)
        self.connection = self._connect()
        # What survived lies on the platter.
        self.connection.synced = len(log)

    def _connect(self) -> Connection:
        connection: Connection = sqlite3.connect(
            self._database(), isolation_level=None, check_same_thread=False, factory=Connection
        )
        connection.watch, connection.log = self._watch, self._log()
        return connection

    def _database(self) -> Path:
        return self._folder / f"gatehouse-{self._number}.db"

    def _log(self) -> Path:
        return Path(f"{self._database()}-wal")


def _torn(unsynced: bytes, chance: Random) -> bytes:
    """Return what a power cut leaves of bytes that were written and not synced.

    As a rule a prefix, up to the middle of a sector's run; else any of its sectors.
    """
    kept = int(chance.random() * (len(unsynced) + 1))
    if chance.random() < 0.5:
        return unsynced[:kept]
    sectors = [unsynced[at : at + _SECTOR] for at in range(0, len(unsynced), _SECTOR)]
    written = chance.random()
    return b"".join(one if chance.random() < written else bytes(len(one)) for one in sectors)
