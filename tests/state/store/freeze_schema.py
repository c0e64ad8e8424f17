"""Freeze today's schema with a day in it: `python -m tests.state.store.freeze_schema`.

Run once, when a migration is finished; from then on its file never changes, and
`test_migrations.py` opens it with every later version.
"""

from pathlib import Path

from state.store.schema import migrations
from tests.state.examples import a_command, a_session, an_intent
from tests.state.stores import a_day, append, in_memory

SCHEMAS = Path(__file__).parent / "schemas"


def frozen() -> str:
    """Return a store of today as the SQL text that makes it."""
    store = in_memory()
    append(store, *a_day(), a_session(), a_command(), an_intent(client_order_id="t-open"))
    database = store._database
    [identity] = database.execute("PRAGMA application_id").fetchone()
    lines = [f"PRAGMA application_id = {identity};", *database.iterdump()]
    store.close()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    newest = migrations._migrations[-1].name
    SCHEMAS.joinpath(f"{newest}.sql").write_text(frozen())
