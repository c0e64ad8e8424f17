"""A database that is not ours to write, or not whole, is refused with the way out."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from state.errors import StoreBusy, StoreCorrupt, StoreForeign, StoreNewer, StoreRefused
from state.store import DATABASE_NAME, DataLock, open_store, pending_migrations
from state.store.schema import migrations
from state.values import TimeNs, Venue
from tests.state.examples import an_alert
from tests.state.stores import ROOT, a_day, append, opened


def child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def database(lock: DataLock) -> Path:
    return lock.directory / DATABASE_NAME


def test_a_second_process_is_told_who_holds_the_directory(lock):
    code = (
        "import sys, pathlib\n"
        "from state.store import DataLock\n"
        "from state.errors import StoreBusy\n"
        "try: DataLock(pathlib.Path(sys.argv[1]))\n"
        "except StoreBusy as error: print(error)\n"
    )
    told = child(code, lock.directory)
    assert f"(pid {os.getpid()})" in told.stdout
    assert "--data-dir" in told.stdout


def test_the_lock_dies_with_its_holder_and_can_be_given_back(tmp_path):
    code = (
        "import os, sys, pathlib, signal\n"
        "from state.store import DataLock\n"
        "lock = DataLock(pathlib.Path(sys.argv[1]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert child(code, tmp_path).returncode == -signal.SIGKILL
    lock = DataLock(tmp_path)
    with pytest.raises(StoreBusy):
        DataLock(tmp_path)
    lock.release()
    lock.release()
    DataLock(tmp_path).release()


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreRefused, match=r"file/simulated: Not a directory.*--data-dir"):
        DataLock(tmp_path / "file" / "simulated")


def test_another_venues_database_is_refused(lock):
    opened(lock).close()
    with pytest.raises(StoreForeign, match="belongs to the venue simulated, not to live"):
        opened(lock, Venue.LIVE)
    opened(lock).close()


def test_a_newer_database_is_refused_unchanged(lock):
    opened(lock).close()
    with sqlite3.connect(database(lock)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('gatehouse', 'm999_future', 'tomorrow')"
        )
    connection.close()
    before = database(lock).read_bytes()
    with pytest.raises(StoreNewer, match="m999_future is not known here"):
        opened(lock)
    with pytest.raises(StoreNewer):
        pending_migrations(database(lock))
    assert database(lock).read_bytes() == before


def test_another_programs_database_is_refused(lock):
    with sqlite3.connect(database(lock)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StoreRefused, match="belongs to another program"):
        opened(lock)


def test_a_file_that_is_no_database_is_refused_with_the_way_out(lock):
    database(lock).write_text("certainly not a database, but long enough to be looked at" * 9)
    with pytest.raises(StoreRefused, match="put a backup in its place"):
        opened(lock)
    with pytest.raises(StoreRefused, match="not a database"):
        pending_migrations(database(lock))
    assert database(lock).read_text().startswith("certainly")


def test_an_empty_file_is_a_new_database(lock):
    database(lock).touch()
    assert pending_migrations(database(lock)) == [one.name for one in migrations._migrations]
    opened(lock).close()
    assert pending_migrations(database(lock)) == []


def test_a_changed_record_among_the_newest_stops_the_start(lock):
    store = opened(lock)
    append(store, an_alert(), an_alert())
    store.connection.execute("UPDATE events SET payload = replace(payload, 'silent', 'SILENT')")
    store.close()
    with pytest.raises(StoreCorrupt, match=r"record seq 2 \(AlertRaised\) is not what was written"):
        opened(lock)


def test_a_journal_keeps_its_name_and_one_in_its_place_has_another(lock):
    first = open_store(lock, venue=Venue.SIMULATED, version="test", at_ns=TimeNs(1))
    name = first.name
    first.close()
    again = open_store(lock, venue=Venue.SIMULATED, version="test", at_ns=TimeNs(2))
    assert again.name == name
    again.close()
    database(lock).unlink()
    other = open_store(lock, venue=Venue.SIMULATED, version="test", at_ns=TimeNs(3))
    assert other.name != name
    other.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE accounts SET amount = 'I900'",
        "UPDATE positions SET cost = CAST(x'ff' AS TEXT)",
        "UPDATE accounts SET amount = ''",
        "DELETE FROM head",
        "ALTER TABLE _sqlite_migrations RENAME COLUMN applied_at TO applied",
    ],
)
def test_damage_that_the_opening_meets_is_told_with_the_way_out(lock, damage):
    store = opened(lock)
    append(store, *a_day())
    store.connection.execute("PRAGMA ignore_check_constraints = ON")
    store.connection.executescript(damage)
    store.close()
    with pytest.raises(StoreRefused, match="put a backup in its place"):
        opened(lock)


# What the next version would do, in a process of its own; argument 2 says whether it is killed
# in the middle of the migration.
_NEXT_VERSION = """
import os, signal, sys, pathlib
from state.store import DataLock, open_store
from state.store.schema import migrations
from state.values import TimeNs, Venue

@migrations(name="m999_next")
def m999_next(database):
    database.execute("CREATE TABLE next (a TEXT) STRICT")
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    database.execute("CREATE TABLE after_next (a TEXT) STRICT")

lock = DataLock(pathlib.Path(sys.argv[1]))
store = open_store(lock, venue=Venue.SIMULATED, version="next", at_ns=TimeNs(77))
print(store.last_seq, sorted(set(store._database.table_names()) & {"next", "after_next"}))
"""


def test_an_interrupted_migration_resumes_and_a_backup_was_made_first(lock):
    store = opened(lock)
    append(store, an_alert())
    store.close()
    lock.release()

    killed = child(_NEXT_VERSION, lock.directory, "killed")
    assert killed.returncode == -signal.SIGKILL
    with DataLock(lock.directory) as again:
        store = opened(again)
        assert "next" not in store._database.table_names()
        store.close()

    # The backup of the first attempt has the same time in its name: a real one would not.
    [backup] = lock.directory.glob("gatehouse.db.before-m999_next-*")
    assert re.fullmatch(r"gatehouse\.db\.before-m999_next-77", backup.name)
    backup.rename(backup.with_name("first"))
    resumed = child(_NEXT_VERSION, lock.directory, "whole")
    assert resumed.stdout == "4 ['after_next', 'next']\n", resumed.stderr

    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT seq FROM head").fetchone() == (3,)
    connection.close()
    with DataLock(lock.directory) as again, pytest.raises(StoreNewer, match="m999_next"):
        opened(again)


def test_a_first_start_that_was_interrupted_resumes(lock):
    connection = sqlite3.connect(database(lock))
    connection.execute(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT,"
        " applied_at TEXT)"
    )
    connection.close()
    store = open_store(lock, venue=Venue.SIMULATED, version="test", at_ns=TimeNs(1))
    assert store.last_seq == 1
    store.close()
