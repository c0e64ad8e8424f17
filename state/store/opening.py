"""How a store is opened for writing: whose is it, how old is it, is it whole."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from state.errors import StoreForeign, StoreNewer, StoreRefused
from state.store import chain
from state.store.backup import backup
from state.store.lock import DataLock
from state.store.rebuild import rebuild
from state.store.schema import APPLICATION_ID, migrations
from state.store.writer import Store
from state.values import TimeNs, Venue

DATABASE_NAME = "gatehouse.db"
_VERIFIED_AT_START = 2000
"""Newest records checked at each opening: bounded, because READY must not wait for history."""

_CHECKPOINT_PAGES = 4000
"""The log is moved into the file by itself only when nobody chose a better moment for so long."""

_CACHE_KIB = 2048
"""The system keeps the file at hand anyhow; four times as much saved 5 % of a commit."""


def open_store(lock: DataLock, *, venue: Venue, version: str, at_ns: TimeNs) -> Store:
    """Open `gatehouse.db` in the locked directory, making or migrating it where needed.

    A migration of a database that holds something is preceded by a backup beside it.

    Raises:
        StoreNewer: If a newer Gatehouse wrote it.
        StoreForeign: If it belongs to another venue.
        StoreCorrupt: If its newest records do not follow from one another.
        StoreRefused: If it is no database of ours. In all cases nothing was changed.
    """
    path = lock.directory / DATABASE_NAME
    connection = _connected(path)
    try:
        return _opened(connection, str(path), venue, version, at_ns, beside=path)
    except (*chain.UNREADABLE, KeyError) as error:  # KeyError: a column's name was damaged
        connection.close()
        raise StoreRefused(f"{path}: {_way_out(error)}") from error
    except BaseException:
        connection.close()
        raise


def store_over(
    connection: sqlite3.Connection, *, venue: Venue, version: str, at_ns: TimeNs
) -> Store:
    """Open the store on a connection of the caller's: in memory, for tests and simulations.

    A transaction that an earlier writer left open is rolled back first.
    """
    connection.rollback()
    return _opened(connection, "memory", venue, version, at_ns, beside=None)


def pending_migrations(path: Path) -> list[str]:
    """Return the names of the migrations that opening the file at `path` would apply.

    Raises:
        StoreNewer: If a newer Gatehouse wrote it.
        StoreRefused: If it is no database of ours.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        database = Database(connection, execute_plugins=False)
        require_ours(database, str(path))
        return [migration.name for migration in migrations.pending(database)]
    except chain.UNREADABLE as error:
        raise StoreRefused(f"{path}: is not a database that can be used ({error})") from error
    finally:
        connection.close()


def _way_out(error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        # The file is whole and holds all there is to know: whoever moves it away loses that.
        return (
            f"the disk does not take or give what is asked of it ({error}). Nothing was changed. "
            "Way out: make room on the disk or mend it, leave the file where it is, start again"
        )
    return (
        f"is not a database that can be used ({error}). Nothing was changed. Way out: move it away "
        "together with its -wal and -shm, and put a backup in its place or start without one"
    )


def _connected(path: Path) -> sqlite3.Connection:
    # The writer may come back on another thread after a restart; it still is only one at a time.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def _opened(
    connection: sqlite3.Connection,
    file: str,
    venue: Venue,
    version: str,
    at_ns: TimeNs,
    *,
    beside: Path | None,
) -> Store:
    connection.isolation_level = None
    database = Database(connection, strict=True, execute_plugins=False)
    require_ours(database, file)
    _require_venue(database, file, venue)
    database.enable_wal()
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    is_changed = _migrate(database, beside, at_ns)
    chain.verify(connection, file, newest=_VERIFIED_AT_START)
    # What an earlier opening failed to sync can be read and is not on the platter, and no later
    # sync of the log would mend that: what can be read goes into the file itself, and begins anew.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('venue', ?)", (venue,))
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('name', ?)", (f"{venue}-{at_ns}",))
    store = Store(database, venue, file)
    store.begin(version, at_ns)
    if is_changed:
        rebuild(store)  # What is new in the tables is made of the events that were there before.
    return store


def require_ours(database: Database, file: str) -> None:
    """Refuse what another program or a newer Gatehouse wrote.

    Raises:
        StoreNewer: If a newer Gatehouse wrote it.
        StoreRefused: If it is no database of ours.
    """
    [identity] = database.execute("PRAGMA application_id").fetchone()
    # A first start that was interrupted leaves the bookkeeping of migrations and nothing else.
    if identity != APPLICATION_ID and set(database.table_names()) - {migrations.migrations_table}:
        raise StoreRefused(f"{file}: belongs to another program; name another data directory")
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001
    newer = [done.name for done in migrations.applied(database) if done.name not in known]
    if newer:
        raise StoreNewer(
            f"{file}: was written by a newer Gatehouse ({', '.join(newer)} is not known here). "
            "Nothing was changed. Way out: start that version, or name another data directory; "
            "an older copy may lie beside it as gatehouse.db.before-*"
        )


def _require_venue(database: Database, file: str, venue: Venue) -> None:
    if "meta" not in database.table_names():
        return
    stored = database.execute("SELECT value FROM meta WHERE name = 'venue'").fetchone()
    if stored is not None and stored[0] != venue:
        raise StoreForeign(
            f"{file}: belongs to the venue {stored[0]}, not to {venue}. Nothing was changed. "
            "Way out: start with that venue, or name another data directory"
        )


def _migrate(database: Database, beside: Path | None, at_ns: TimeNs) -> bool:
    """Apply what is missing and return whether there was something before."""
    pending = migrations.pending(database)
    is_changed = bool(pending and migrations.applied(database))
    if is_changed and beside is not None:
        copy = beside.with_name(f"{beside.name}.before-{pending[0].name}-{at_ns}")
        backup(database.conn, copy)
    if pending:
        migrations.apply(database)
    return is_changed
