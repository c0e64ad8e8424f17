"""The one check that asks everything finds each thing that can be wrong, and nothing else."""

import threading
from decimal import Decimal

import pytest

from state.store import DATABASE_NAME, open_reader, pending_decisions, store_violations
from state.values import Currency, TimeNs
from tests.state.examples import a_fill, an_alert, an_intent, an_opening
from tests.state.stores import a_day, an_order_of, append

USDT = Currency("USDT")


def found(source) -> list[tuple[str, str]]:
    return [(one.name, one.detail) for one in store_violations(source, USDT)]


def test_a_sound_store_has_nothing_to_tell(store, lock):
    append(store, *a_day(), an_intent(client_order_id="t-open", decision_id="d-open"))
    assert found(store) == []
    reader = open_reader(lock.directory / DATABASE_NAME)
    assert found(reader) == []
    assert reader.verify() == store.last_seq
    reader.close()


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        ("UPDATE events SET actor = 'forged' WHERE seq = 4", "journal_broken"),
        ("UPDATE orders SET fold = '{'", "projection_differs"),
        ("UPDATE orders SET fold = CAST(x'ff' AS TEXT)", "projection_unreadable"),
        ("UPDATE positions SET cost = '1.2.3'", "projection_unreadable"),
        ("UPDATE alerts SET text = 'forged'", "projection_differs"),
        ("UPDATE balances SET amount = '1' WHERE currency = 'USDT'", "projection_differs"),
        ("UPDATE accounts SET amount = '1' WHERE account = 'wallet'", "cash_differs"),
    ],
)
def test_each_kind_of_damage_has_its_name(store, damage, name):
    append(store, *a_day())
    store.connection.execute("PRAGMA ignore_check_constraints = ON")
    store.connection.execute(damage)
    assert name in dict(found(store))


def test_strange_orders_and_doubled_decisions_are_told(store):
    append(
        store,
        an_opening(),
        an_intent(),
        a_fill(quantity=Decimal(3)),
        an_intent(client_order_id="t-2", attempt=2),
    )
    assert found(store) == [
        ("order_overfilled", "t-1"),
        ("decision_doubled", "d-1: t-1, t-2"),
    ]


def test_a_reader_checks_one_moment_while_the_writer_goes_on(store, lock):
    append(store, *a_day())
    is_over = threading.Event()

    def look():
        reader = open_reader(lock.directory / DATABASE_NAME)
        seen = []
        while not is_over.is_set():
            seen.append(reader.verify())
            assert found(reader) == []
        reader.close()
        results.append(seen)

    results: list[list[int]] = []
    thread = threading.Thread(target=look)
    thread.start()
    for number in range(10, 60):
        append(store, *an_order_of(number), an_alert())
    is_over.set()
    thread.join()
    [seen] = results
    assert seen == sorted(seen)


def test_recovery_does_not_walk_through_history(store):
    """Pending decisions are asked for at each start: by index, however long the journal is."""
    asked: list[str] = []
    store.connection.set_trace_callback(asked.append)
    pending_decisions(store, TimeNs(5))
    store.connection.set_trace_callback(None)
    plan = store.connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    assert not [step for *_, step in plan if step.startswith("SCAN")]
