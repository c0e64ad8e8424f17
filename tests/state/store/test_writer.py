"""What was appended is there once, in order, all or none, and only one writer may."""

import sqlite3
import threading
from decimal import Decimal

import msgspec
import pytest

from state.errors import StoreRefused
from state.messages.journal import Entry, Journaled, Record
from state.messages.operations import EpochBegan
from state.messages.orders import ParentFinished
from state.order import OrderState
from state.store import DATABASE_NAME, EpochStale, RecordRefused
from state.values import Currency, DecisionId, Quantity, Side, TimeNs
from tests.state.examples import (
    PAIR,
    a_child,
    a_command,
    a_decision,
    a_fill,
    a_finish,
    a_mark,
    a_parent,
    a_session,
    an_acceptance,
    an_alert,
    an_intent,
    an_opening,
)
from tests.state.stores import a_day, an_order_of, append, entries, in_memory, opened


def events_of(store):
    return [journaled.event for journaled in store.read(0, 1000)]


def test_the_first_record_of_each_opening_is_its_epoch(lock):
    first = opened(lock)
    assert first.read(0, 10) == [
        Journaled(seq=1, event=EpochBegan(epoch=1, version="test", at_ns=TimeNs(1)))
    ]
    first.close()
    second = opened(lock)
    assert (second.epoch, second.last_seq) == (2, 2)
    second.close()


@pytest.mark.parametrize("durable", [True, False])
def test_appended_events_are_read_back_as_they_were(store, durable):
    day = a_day()
    seqs = append(store, *day, durable=durable)
    assert seqs == tuple(range(2, 2 + len(day)))
    assert store.last_seq == seqs[-1]
    assert events_of(store)[1:] == list(day)
    assert [one.seq for one in store.read(3, 2)] == [4, 5]
    assert store.verify() == len(day) + 1


def test_an_entry_with_a_known_key_is_the_same_entry(store):
    [first] = store.append([Entry(event=an_alert(), key="k")], "tests")
    again = store.append(
        [Entry(event=an_alert(text="other"), key="k"), Entry(event=an_alert())], "tests"
    )
    assert again == (first, first + 1)
    assert len(events_of(store)) == 3


def test_what_happens_once_in_the_world_has_its_key_by_nature(store):
    seqs = append(store, *an_order_of(1))
    keyless = [seqs[0], seqs[1], seqs[3]]
    assert append(store, *(an_order_of(1)[place] for place in (0, 1, 3))) == tuple(keyless)
    another_key = Entry(event=an_order_of(1)[3], key="something else")
    assert store.append([another_key], "tests") == (seqs[3],)


def test_a_key_told_twice_in_one_batch_is_written_once(store):
    fill = a_fill()
    seqs = append(store, an_intent(), fill, fill)
    assert seqs == (2, 3, 3)
    assert store.ledger(Currency("USDT")).fills == 1


def test_a_batch_tells_each_outcome_and_only_what_is_new(store):
    append(store, an_intent())
    records = [
        Record(entries=tuple(entries(an_intent(), an_acceptance())), sender="a"),
        Record(entries=tuple(entries(an_alert())), sender="b", durable=True),
    ]
    written = store.append_many(records)
    assert written.outcomes == [(2, 3), (4,)]
    assert [(one.seq, type(one.event).__name__) for one in written.journaled] == [
        (3, "OrderAccepted"),
        (4, "AlertRaised"),
    ]


def test_a_refused_record_takes_no_other_with_it(store):
    good = Record(entries=tuple(entries(an_intent())), sender="a")
    bad = Record(entries=tuple(entries(an_alert(), a_fill(client_order_id="t-9"))), sender="b")
    written = store.append_many([good, bad, good])
    assert written.outcomes[0] == written.outcomes[2] == (2,)
    assert isinstance(written.outcomes[1], RecordRefused)
    assert [one.seq for one in written.journaled] == [2]
    assert store.last_seq == 2


def test_an_empty_batch_is_written_at_once(store):
    assert store.append_many([]).outcomes == []
    assert append(store) == ()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (a_fill(client_order_id="t-9"), "the journal has no such order"),
        (a_fill(pair="ETH_USDT"), "its pair is not ETH_USDT"),
        (an_intent(client_order_id="t-2", quantity=Decimal(-1)), "quantity"),
        (a_fill(trade_id="8", quantity=Decimal("-0.1")), "filled"),
        (a_fill(trade_id="8", price=Decimal("NaN")), "filled_notional"),
        (an_intent(client_order_id="t-2", side="both"), "Invalid enum value 'both'"),
        (a_fill(trade_id="8", role="spectator"), "Invalid enum value 'spectator'"),
        (an_alert(severity="shrug"), "Invalid enum value 'shrug'"),
        (a_mark(equity=Decimal("Infinity")), "equity"),
        (a_command(params={"what": object()}), "OperatorCommanded"),
        (an_alert(at_ns=TimeNs(2**70)), "at_ns|int|large"),
        (a_decision(approved_quantity=Decimal(-1)), "approved_quantity"),
        (a_finish(client_order_id="t-9"), "the journal has no such order"),
    ],
)
def test_entries_that_contradict_what_is_known_are_refused_whole(store, event, reason):
    append(store, an_intent())
    before = (store.last_seq, store.ledger(Currency("USDT")), store.unsettled_orders())
    with pytest.raises(RecordRefused, match=reason):
        append(store, an_opening(), event)
    assert (store.last_seq, store.ledger(Currency("USDT")), store.unsettled_orders()) == before
    assert append(store, an_opening()) == (3,)
    assert store.verify() == 3


def test_a_float_that_slipped_in_is_written_as_the_decimal_it_shows(store):
    append(store, an_opening(change=0.1))
    assert store.ledger(Currency("USDT")).start == Decimal("0.1")


def test_a_later_opening_fences_the_one_before(lock, store):
    later = opened(lock)
    for attempt in (lambda: append(store, an_alert()), lambda: append(store, durable=True)):
        with pytest.raises(EpochStale, match="a later opening"):
            attempt()
    assert append(later, an_alert()) == (3,)
    assert later.verify() == 3
    later.close()


def test_a_writer_stopped_in_between_goes_on_after_a_rollback(memory_store):
    store = memory_store
    append(store, an_intent())
    # As when a handler is killed: begun, half written, never committed.
    store._connection.execute("BEGIN IMMEDIATE")
    store._write([Record(entries=tuple(entries(a_fill(), an_opening())), sender="x")], [])
    assert store._connection.in_transaction
    store.rollback()
    assert store.last_seq == 2
    assert store.ledger(Currency("USDT")).fills == 0
    assert append(store, a_fill()) == (3,)
    assert store.verify() == 3


def test_a_new_writer_over_the_same_connection_rolls_back_the_old_one():
    connection = sqlite3.connect(":memory:")
    old = in_memory(connection)
    append(old, an_intent())
    connection.execute("BEGIN IMMEDIATE")
    old._write([Record(entries=tuple(entries(a_fill())), sender="x")], [])
    new = in_memory(connection)
    assert new.epoch == 2
    assert [type(one.event).__name__ for one in new.read(0, 9)] == [
        "EpochBegan",
        "OrderIntended",
        "EpochBegan",
    ]
    connection.close()


def test_an_interruption_within_a_transaction_leaves_nothing_behind(store):
    def interrupted():
        with store.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('half', 'done')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert append(store, an_alert()) == (2,)
    assert store.connection.execute("SELECT count(*) FROM meta").fetchone() == (2,)


def test_after_a_full_disk_nothing_is_written_until_the_store_is_opened_again(lock, store):
    append(store, an_opening())
    [pages] = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    long = "x" * 100_000
    with pytest.raises(StoreRefused, match="full"):
        append(store, an_alert(text=long), durable=True)
    store.connection.execute(f"PRAGMA max_page_count = {pages * 1000}")
    with pytest.raises(StoreRefused, match="must be opened again"):
        append(store, an_alert())
    reopened = opened(lock)
    assert append(reopened, an_alert(text=long)) == (4,)
    assert reopened.verify() == 4
    reopened.close()


def test_somebody_elses_lock_is_waited_for_and_not_taken_for_damage(lock, store):
    other = sqlite3.connect(lock.directory / DATABASE_NAME)
    other.execute("BEGIN IMMEDIATE")
    store.connection.execute("PRAGMA busy_timeout = 0")
    with pytest.raises(StoreRefused, match="locked"):
        append(store, an_alert())
    other.rollback()
    other.close()
    assert append(store, an_alert()) == (2,)


def test_only_what_must_be_on_the_platter_is_synced(store):
    full, normal = 2, 1
    for durable, level in ((True, full), (False, normal), (False, normal), (True, full)):
        append(store, an_alert(), durable=durable)
        assert store.connection.execute("PRAGMA synchronous").fetchone() == (level,)
    records = [Record(entries=tuple(entries(an_alert())), sender="a") for _ in range(2)]
    store.append_many(records)
    assert store.connection.execute("PRAGMA synchronous").fetchone() == (normal,)
    store.append_many([records[0], msgspec.structs.replace(records[1], durable=True)])
    assert store.connection.execute("PRAGMA synchronous").fetchone() == (full,)


def test_a_durable_answer_for_what_is_known_already_is_a_write_of_its_own(lock, store):
    """Else what was written before, not durable, would be answered for without a sync."""
    append(store, an_intent())
    log = lock.directory / f"{DATABASE_NAME}-wal"
    before = log.stat().st_size
    assert append(store, an_intent(), durable=True) == (2,)
    assert log.stat().st_size > before


def test_a_closed_store_refuses(store):
    store.close()
    with pytest.raises(StoreRefused, match="closed"):
        append(store, an_alert())


def test_a_restarted_writer_may_live_on_another_thread(store):
    seqs: list[tuple[int, ...]] = []
    thread = threading.Thread(target=lambda: seqs.append(append(store, an_alert())))
    thread.start()
    thread.join()
    assert seqs == [(2,)]


def test_a_reopened_store_knows_its_accounts_and_open_orders(lock):
    store = opened(lock)
    append(store, an_opening(), an_opening(reason="deposit", change=Decimal(7)))
    append(store, an_opening(currency="GT", change=Decimal(3)))
    append(store, *an_order_of(5), an_intent(), a_fill(gt_fee=Decimal(1)), a_session())
    ledger, orders = store.ledger(Currency("USDT")), store.unsettled_orders()
    assert [order.client_order_id for order in orders] == ["t-1"]
    store.checkpoint()
    store.close()

    again = opened(lock)
    assert again.ledger(Currency("USDT")) == ledger
    assert again.unsettled_orders() == orders
    append(again, a_finish(filled_quantity=Decimal(1), reason="cancelled"))
    assert again.unsettled_orders() == []
    again.close()


def test_a_late_fill_of_a_settled_order_is_an_alarm_and_no_crash(store):
    append(store, an_intent(), a_fill(quantity=Decimal(2)), a_finish())
    assert store.unsettled_orders() == []
    append(store, a_fill(trade_id="99", quantity=Decimal(1)))
    [order] = store.unsettled_orders()
    assert order.state is OrderState.FILLED
    assert order.alarms
    assert store.ledger(Currency("USDT")).fills == 2


# Parent orders: the journal itself takes no child that goes beyond its parent.


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Decimal(3)}, {"price": Decimal(89)}, {"attempt": 2}, {"side": Side.BUY}],
)
def test_a_child_beyond_its_parent_is_refused(store, changes):
    append(store, a_parent())
    with pytest.raises(RecordRefused):
        append(store, a_child(**changes))
    append(store, a_child())
    with pytest.raises(RecordRefused):
        append(store, a_child(2, quantity=Decimal("0.1")))


def test_a_child_of_nobody_is_refused(store):
    with pytest.raises(RecordRefused, match="no such parent"):
        append(store, a_child())


def test_a_parent_does_not_end_while_a_child_may_be_filled(store):
    append(store, a_parent(), a_child())
    end = ParentFinished(
        decision_id=DecisionId("p-1"),
        pair=PAIR,
        at_ns=TimeNs(5),
        filled=Quantity(Decimal(0)),
        reason="over",
    )
    with pytest.raises(RecordRefused, match="may still be filled"):
        append(store, end)
    append(store, a_finish(client_order_id="t-p-1", filled_quantity=Decimal(0)))
    [parent] = store.open_parents()
    assert (parent.left, parent.outstanding) == (2, 0)
    append(store, end)
    assert store.open_parents() == []
