"""A copy of a database that is being written to, whole or not at all."""

import os
import sqlite3
from pathlib import Path

from state.errors import StoreRefused


def backup(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the database behind `connection` to a new file at `path`.

    The copy holds one moment, whatever is written meanwhile. It appears under its name only when
    it is complete and on the platter.

    Raises:
        StoreRefused: If `path` exists or cannot be written.
    """
    if path.exists():
        raise StoreRefused(f"{path}: exists already; a backup never replaces a file")
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        target = sqlite3.connect(partial)
        try:
            connection.backup(target)
            # A copy must open on a disk where nothing can be written beside it.
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
        _sync(partial)
        partial.replace(path)
        _sync(path.parent)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreRefused(f"{path}: the backup could not be written: {error}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
