"""Freeze today's schema with a day in it: `python -m tests.state.store.freeze_schema [NAME]`.

Run once, when a migration is finished; from then on its file never changes, and
`test_migrations.py` opens it with every later version. `NAME` is a migration, the newest where
none is given.
"""

import sqlite3
import sys
from pathlib import Path

from sqlite_utils import Database

from state.store.schema import migrations
from tests.state.examples import a_command, a_session, an_intent
from tests.state.stores import a_day, append, in_memory

SCHEMAS = Path(__file__).parent / "schemas"


NAMES = [migration.name for migration in migrations._migrations]


def frozen(name: str = NAMES[-1]) -> str:
    """Return a store with the migrations up to `name` as the SQL text that makes it."""
    store = in_memory()
    append(store, *a_day(), a_session(), a_command(), an_intent(client_order_id="t-open"))
    database = Database(sqlite3.connect(":memory:", isolation_level=None), strict=True)
    later = NAMES[NAMES.index(name) + 1 :]
    migrations.apply(database, stop_before=later[0] if later else None)
    for table in database.table_names():
        if table != migrations.migrations_table:
            _copy(store.connection, database.conn, table)
    store.close()
    [identity] = database.execute("PRAGMA application_id").fetchone()
    lines = [f"PRAGMA application_id = {identity};", *database.iterdump()]
    database.close()
    return "\n".join(lines) + "\n"


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    columns = [row[1] for row in target.execute(f"PRAGMA table_info({table})")]
    target.execute(f"DELETE FROM {table}")  # noqa: S608 (names of ours)
    target.executemany(
        f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})",  # noqa: S608
        source.execute(f"SELECT {', '.join(columns)} FROM {table}"),  # noqa: S608
    )


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else NAMES[-1]
    SCHEMAS.joinpath(f"{chosen}.sql").write_text(frozen(chosen))
