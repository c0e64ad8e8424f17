"""A database of the present schema without a row, made once: to begin many databases with."""

import functools
import sqlite3

from sqlite_utils import Database

from state.store.schema import migrations


@functools.cache
def blank_database() -> bytes:
    """Return it, as a file would hold it."""
    connection = sqlite3.connect(":memory:")
    migrations.apply(Database(connection, strict=True, execute_plugins=False))
    blank = connection.serialize()
    connection.close()
    return blank


def lay_out(empty: sqlite3.Connection) -> None:
    """Make the tables in a database that has none."""
    blank = sqlite3.connect(":memory:")
    blank.deserialize(blank_database())
    blank.backup(empty)
    blank.close()
