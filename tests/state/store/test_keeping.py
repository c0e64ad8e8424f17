"""Snapshots, backups, readers and the demonstration day."""

import sqlite3
from pathlib import Path

import pytest

from state.errors import StoreRefused
from state.invariants import ledger_violations
from state.store import (
    DATABASE_NAME,
    ActorSnapshot,
    DataLock,
    EpochStale,
    backup,
    open_reader,
    save_snapshots,
    seed_demonstration,
    self_check,
    stored_snapshots,
)
from state.values import Currency, Pair, TimeNs, Venue
from tests.state.examples import a_session, an_alert
from tests.state.stores import a_day, append, entries, opened


def a_snapshot(number: int, address: str = "market/feed") -> ActorSnapshot:
    return ActorSnapshot(
        address=address, schema=1, at_ns=TimeNs(number), payload=f"{number}".encode()
    )


def test_the_newest_two_snapshots_of_each_address_are_kept(lock):
    store = opened(lock)
    save_snapshots(store, [a_snapshot(1), a_snapshot(2), a_snapshot(9, "other")])
    save_snapshots(store, [a_snapshot(3)])
    store.close()
    again = opened(lock)
    assert stored_snapshots(again, "market/feed") == [a_snapshot(3), a_snapshot(2)]
    assert stored_snapshots(again, "other") == [a_snapshot(9, "other")]
    assert stored_snapshots(again, "nobody") == []
    again.close()


def test_a_damaged_snapshot_gives_way_to_the_one_before(store):
    save_snapshots(store, [a_snapshot(1), a_snapshot(2)])
    store.connection.execute("UPDATE snapshots SET payload = x'00' WHERE at_ns = 2")
    assert stored_snapshots(store, "market/feed") == [a_snapshot(1)]


def test_a_fenced_writer_saves_no_snapshot(lock, store):
    opened(lock).close()
    with pytest.raises(EpochStale):
        save_snapshots(store, [a_snapshot(1)])


def test_a_backup_is_a_whole_store_of_one_moment(store, tmp_path):
    append(store, *a_day())
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    backup(store.connection, copy / DATABASE_NAME)
    append(store, an_alert())
    with DataLock(copy) as lock:
        restored = opened(lock)
        assert restored.ledger(Currency("USDT")) == store.ledger(Currency("USDT"))
        assert restored.last_seq == store.last_seq
        assert self_check(restored).differing == []
        restored.close()
    assert not list(copy.glob("*.partial"))


def test_a_backup_replaces_no_file_and_leaves_no_half_one(store, tmp_path):
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(StoreRefused, match="never replaces"):
        backup(store.connection, target)
    assert target.read_text() == "precious"
    with pytest.raises(StoreRefused, match="could not be written"):
        backup(store.connection, tmp_path / "nowhere" / "copy.db")
    append(store, *a_day())
    (tmp_path / "copy2.db.partial").write_text("left by a kill")
    backup(store.connection, tmp_path / "copy2.db")
    assert sqlite3.connect(tmp_path / "copy2.db").execute("SELECT seq FROM head").fetchone()


@pytest.fixture
def path(lock: DataLock) -> Path:
    return lock.directory / DATABASE_NAME


def test_a_reader_sees_what_is_written_meanwhile_and_cannot_write(store, path):
    reader = open_reader(path)
    assert reader.last_seq() == 1
    append(store, *a_day())
    assert reader.last_seq() == store.last_seq
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._database.execute("DELETE FROM events")
    reader.close()


def test_a_reader_needs_no_running_writer(lock, path):
    store = opened(lock)
    append(store, *a_day())
    store.close()
    reader = open_reader(path)
    assert [row["client_order_id"] for row in reader.orders()] == ["t-2", "t-1"]
    reader.close()


@pytest.mark.parametrize("content", [None, "", "no database at all, whatever it says" * 9])
def test_a_reader_without_a_database_says_so(tmp_path, content):
    path = tmp_path / DATABASE_NAME
    if content is not None:
        path.write_text(content)
    with pytest.raises(StoreRefused, match="was the house started"):
        open_reader(path)


def test_the_questions_a_reader_answers(store, path):
    append(store, *a_day(), a_session())
    reader = open_reader(path)
    assert reader.balances()[1] == {
        "currency": "USDT",
        "amount": "9900",
        "opened": "10000",
        "moved": "0",
        "fees_elsewhere": "0",
    }
    assert reader.positions()[0]["quantity"] == "0.998"
    assert reader.orders(unsettled=True) == []
    assert len(reader.orders(pair=Pair("BTC_USDT"))) == 2
    assert "fold" not in reader.orders()[0]
    [newest] = reader.fills(limit=1)
    assert newest["trade_id"] == "2"
    assert [row["trade_id"] for row in reader.fills(before_seq=newest["seq"])] == ["1"]
    assert reader.fills(pair=Pair("ETH_USDT")) == []
    assert [row["decision_id"] for row in reader.decisions(pair=Pair("BTC_USDT"))] == ["d-2", "d-1"]
    assert reader.alerts()[0]["alert"] == "feed_stale"
    assert reader.sessions()[0]["session"] == "ready"
    assert reader.equity(TimeNs(20))[0]["equity"] == "10000"
    assert reader.equity(TimeNs(21)) == []
    assert not reader.is_demonstration()
    stored = reader.events(1, 2)
    assert [one.type for one in stored] == ["FundsMoved", "DecisionMade"]
    assert stored[1].key == "decision:d-1"
    assert stored[1].event == a_day()[1]
    reader.close()


@pytest.mark.parametrize("name", ["d-2", "t-2", "v-2", "trace-2", "2"])
def test_everything_about_one_trade_is_found_by_any_of_its_names(store, path, name):
    day = a_day()
    append(store, *day[:7])
    store.append(entries(*day[7:12], trace_id="trace-2"), "tests")
    reader = open_reader(path)
    found = reader.explain(name)
    assert [row["decision_id"] for row in found["decisions"]] == ["d-2"]
    assert [row["client_order_id"] for row in found["orders"]] == ["t-2"]
    assert [row["trade_id"] for row in found["fills"]] == ["2"]
    assert [row["type"] for row in found["events"]] == [
        "DecisionMade",
        "OrderIntended",
        "OrderAccepted",
        "OrderFilled",
        "OrderFinished",
    ]
    assert set(map(tuple, reader.explain("nothing").values())) == {()}
    reader.close()


def test_an_order_without_a_decision_is_explained_by_its_own_name(store, path):
    append(store, *a_day()[2:6])
    reader = open_reader(path)
    assert [row["trade_id"] for row in reader.explain("t-1")["fills"]] == ["1"]
    reader.close()


def test_the_demonstration_day_is_sound_and_labelled(store, path):
    count = seed_demonstration(store, TimeNs(10**18))
    assert count > 50
    ledger = store.ledger(Currency("USDT"))
    assert ledger_violations(ledger) == []
    assert ledger.fills == 16
    assert store.unsettled_orders() == []
    assert self_check(store).differing == []
    reader = open_reader(path)
    assert reader.is_demonstration()
    assert {row["strategy"] for row in reader.decisions()} == {"demonstration"}
    assert all("demonstration" in row["client_order_id"] for row in reader.fills())
    reader.close()


def test_the_demonstration_goes_into_no_journal_that_holds_something(store):
    append(store, an_alert())
    with pytest.raises(StoreRefused, match="empty journal"):
        seed_demonstration(store, TimeNs(10**18))


@pytest.mark.parametrize("venue", [Venue.LIVE, Venue.TESTNET])
def test_the_demonstration_goes_into_no_real_journal(lock, venue):
    store = opened(lock, venue)
    with pytest.raises(StoreRefused, match=f"never goes into a {venue}"):
        seed_demonstration(store, TimeNs(10**18))
    store.close()
