"""A look at a database that changes nothing, neither in it nor beside it: for `doctor`."""

import sqlite3
from contextlib import closing
from pathlib import Path

from msgspec import Struct
from sqlite_utils import Database

from state.errors import StoreRefused
from state.store import chain
from state.store.opening import require_ours
from state.store.schema import migrations


class Inspection(Struct, frozen=True, kw_only=True):
    """What a database is, as far as one look tells."""

    venue: str
    """Whose it is; empty before the first start was complete."""
    schema: str
    """The newest migration that was applied; empty before the first."""
    pending: tuple[str, ...]
    """Migrations that the next opening would apply."""
    last_seq: int
    """Position of the newest record."""
    verified: int
    """How many of the newest records were found to follow from one another."""
    size_bytes: int
    """With its write-ahead log."""


def inspect(path: Path, *, newest: int | None = None) -> Inspection:
    """Return what the database at `path` is, after checking its `newest` records, or all.

    Raises:
        StoreNewer: If a newer Gatehouse wrote it.
        StoreCorrupt: If its newest records do not follow from one another.
        StoreRefused: If it is no database of ours, or cannot be read.
    """
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    # A reader of a database without a log would make one. What says everything by itself is read
    # as a file that nobody writes; who starts writing in this very moment makes us look again.
    how = "mode=ro" if has_log else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as connection:
            size_bytes = path.stat().st_size + (log.stat().st_size if has_log else 0)
            return _looked(connection, str(path), newest, size_bytes)
    except (*chain.UNREADABLE, KeyError, OSError) as error:
        raise StoreRefused(f"{path}: is not a database that can be used ({error})") from error


def _looked(
    connection: sqlite3.Connection, file: str, newest: int | None, size_bytes: int
) -> Inspection:
    database = Database(connection, execute_plugins=False)
    require_ours(database, file)
    schema = next((done.name for done in reversed(migrations.applied(database))), "")
    pending = tuple(migration.name for migration in migrations.pending(database))
    if "head" not in database.table_names():
        return Inspection(
            venue="", schema=schema, pending=pending, last_seq=0, verified=0, size_bytes=size_bytes
        )
    venue = connection.execute("SELECT value FROM meta WHERE name = 'venue'").fetchone()
    verified = chain.verify(connection, file, newest=newest)
    [last_seq] = connection.execute("SELECT seq FROM head").fetchone()
    return Inspection(
        venue=venue[0] if venue is not None else "",
        schema=schema,
        pending=pending,
        last_seq=last_seq,
        verified=verified,
        size_bytes=size_bytes,
    )
