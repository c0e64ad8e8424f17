"""Every earlier schema, as it once lay on somebody's disk, opens today and loses nothing."""

import sqlite3

import pytest

from state.messages.operations import EpochBegan
from state.store import DATABASE_NAME, pending_migrations, self_check
from state.store.schema import migrations
from state.values import Currency
from tests.state.examples import a_command, a_session, an_intent
from tests.state.store.freeze_schema import SCHEMAS, frozen
from tests.state.stores import a_day, append, opened

NAMES = [migration.name for migration in migrations._migrations]


def test_every_migration_has_its_frozen_database():
    assert sorted(path.stem for path in SCHEMAS.glob("*.sql")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_database_opens_and_says_what_it_said(lock, name):
    path = lock.directory / DATABASE_NAME
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMAS.joinpath(f"{name}.sql").read_text())
    connection.close()
    later = NAMES[NAMES.index(name) + 1 :]
    assert pending_migrations(path) == later

    store = opened(lock)
    day = [*a_day(), a_session(), a_command(), an_intent(client_order_id="t-open")]
    events = [one.event for one in store.read(0, 100)]
    assert events[1:-1] == day
    assert isinstance(events[-1], EpochBegan)
    assert store.verify() == len(day) + 2
    assert self_check(store).differing == []
    assert store.ledger(Currency("USDT")).fills == 2
    assert [order.client_order_id for order in store.unsettled_orders()] == ["t-open"]
    assert append(store, *a_day()[1:6])[0] == 3
    backups = list(lock.directory.glob(f"{DATABASE_NAME}.before-*"))
    assert len(backups) == bool(later)
    store.close()


def test_the_newest_frozen_schema_is_the_one_in_use():
    """A migration that was frozen is finished: what changes afterwards needs one of its own."""

    def tables(script: str) -> list[str]:
        return [line for line in script.splitlines() if not line.startswith("INSERT")]

    assert tables(SCHEMAS.joinpath(f"{NAMES[-1]}.sql").read_text()) == tables(frozen())
