"""The simulated disk keeps what was synced, whatever is cut, and may lose the rest."""

import sqlite3
from random import Random

import pytest

from state.messages.journal import Entry
from state.messages.operations import AlertRaised, Severity
from state.store import store_over
from state.values import TimeNs, Venue
from supervisor.worlds.disk import DiskFault, FileDisk, MemoryDisk, Moment

NOW = TimeNs(1_700_000_000_000_000_000)


@pytest.fixture
def disks():
    """Give disks, and take them away."""
    made = []

    def make(watch=None):
        made.append(FileDisk(watch))
        return made[-1]

    yield make
    for disk in made:
        disk.remove()


def opened(disk):
    return store_over(disk.open(), venue=Venue.SIMULATED, version="test", at_ns=NOW)


def alert(number):
    return [
        Entry(
            event=AlertRaised(
                alert=f"a-{number}", severity=Severity.INFO, text="x" * 500, at_ns=NOW
            )
        )
    ]


@pytest.mark.parametrize("seed", range(40))
def test_a_power_cut_takes_nothing_that_was_synced_and_leaves_a_whole_journal(disks, seed):
    chance = Random(seed)
    disk = disks()
    promised = 0
    for _ in range(4):
        store = opened(disk)
        assert store.last_seq >= promised + 1
        promised = store.last_seq
        for number in range(chance.randint(0, 6)):
            durable = chance.random() < 0.4
            store.append(alert(number), "test", durable=durable)
            if durable:
                promised = store.last_seq
            if chance.random() < 0.1:
                store.checkpoint()
                promised = store.last_seq
        disk.cut_power(chance)
    assert opened(disk).verify() == opened(disk).last_seq - 1


def test_a_power_cut_does_take_what_was_not_synced(disks):
    lost = 0
    for seed in range(20):
        disk = disks()
        store = opened(disk)
        for number in range(5):
            store.append(alert(number), "test")
        before = store.last_seq
        disk.cut_power(Random(seed))
        lost += before + 1 - opened(disk).last_seq
        assert disk.torn == 1
    assert lost > 0


def test_the_end_of_a_process_loses_nothing_that_was_committed(disks):
    disk = disks()
    store = opened(disk)
    store.append(alert(1), "test")
    disk.connection.execute("BEGIN IMMEDIATE")
    disk.connection.execute("DELETE FROM alerts")
    disk.end_process()
    assert opened(disk).last_seq == 3
    assert disk.connection.execute("SELECT count(*) FROM alerts").fetchone() == (1,)


def test_what_could_not_be_synced_is_written_anew_by_the_next_opening(disks):
    faults = []
    disk = disks(lambda moment: faults.pop() if moment is Moment.SYNC and faults else None)
    store = opened(disk)
    faults.append(DiskFault.SYNC_FAILS)
    with pytest.raises(Exception, match="disk I/O error"):
        store.append(alert(1), "test", durable=True)
    # It can be read, so somebody acts on it; and what follows is promised.
    store = opened(disk)
    assert store.last_seq == 3
    store.append(alert(2), "test", durable=True)
    disk.cut_power(Random(1))
    assert opened(disk).last_seq == 5


def test_a_full_disk_writes_nothing(disks):
    faults = []
    disk = disks(lambda moment: faults.pop() if moment is Moment.COMMIT and faults else None)
    store = opened(disk)
    faults.append(DiskFault.FULL)
    with pytest.raises(Exception, match="full"):
        store.append(alert(1), "test", durable=True)
    assert opened(disk).last_seq == 2


def test_a_disk_in_memory_outlives_its_writer():
    disk = MemoryDisk()
    opened(disk).append(alert(1), "test")
    disk.connection.close()
    disk.end_process()
    assert opened(disk).last_seq == 3
    disk.remove()
    with pytest.raises(sqlite3.ProgrammingError):
        disk.connection.execute("SELECT 1")
