"""Each check of the doctor by itself: what it finds and advises, and that it leaves no trace."""

import hashlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from state.config import endpoints, load
from state.instrument import TradingRules
from state.store import DATABASE_NAME, DataLock
from state.values import NS_PER_MS, NS_PER_S, Currency, Notional, Pair, Quantity, Side, TimeNs
from supervisor.doctor import Verdict, examination, here, there
from tests.state.stores import ROOT, a_day, append, opened

VENUE = "simulated"
NOW = TimeNs(1_700_000_000 * NS_PER_S)


def traces(folder: Path) -> dict[str, tuple[int, str]]:
    """Return every file with its time and content; of SQLite's shared memory only that it is."""
    return {
        path.name: (0, "")
        if path.name.endswith("-shm")
        else (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.iterdir()
        if path.is_file()
    }


@pytest.fixture
def folder(tmp_path):
    """Give a data directory with a database that was closed in good order."""
    with DataLock(tmp_path) as lock:
        store = opened(lock)
        append(store, *a_day())
        store.close()
    return tmp_path


def changed(folder: Path, statement: str) -> None:
    """Do to the database what nobody should."""
    connection = sqlite3.connect(folder / DATABASE_NAME)
    with connection:
        connection.execute(statement)
    connection.close()


# The machine.


def test_this_python_will_do():
    finding = here.python()
    assert finding.verdict is Verdict.OK
    assert sqlite3.sqlite_version in finding.found


def test_the_environment_is_as_the_lock_says():
    assert here.packages(ROOT / "requirements.lock").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("line", "verdict", "found"),
    [
        ("click==0.1 \\", Verdict.WARN, "click is "),
        ("no-such-package==1.0 \\", Verdict.WARN, "no-such-package is missing"),
        ("no-such-package==1.0 ; sys_platform == 'win32' \\", Verdict.OK, "as lock says"),
    ],
)
def test_a_package_that_differs_is_named(tmp_path, line, verdict, found):
    lock = tmp_path / "lock"
    lock.write_text(f"{line}\n    --hash=sha256:0\n")
    finding = here.packages(lock)
    assert finding.verdict is verdict
    assert found in finding.found


def test_an_installation_without_a_lock_is_not_compared(tmp_path):
    assert here.packages(tmp_path / "requirements.lock").verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(10 << 30, Verdict.OK), (500 << 20, Verdict.WARN), (10 << 20, Verdict.FAIL)],
)
def test_little_disk_is_told_before_there_is_none(free, verdict):
    finding = here.room(free)
    assert finding.verdict is verdict
    assert bool(finding.mend) is (verdict is not Verdict.OK)


def test_what_is_set_is_named_with_its_origin_and_without_a_secret():
    loaded = load(None, {"GATEHOUSE_SEED": "7", "GATE_API_KEY": "canary-key"}, {})
    found = here.configuration(loaded).found
    assert "seed (env GATEHOUSE_SEED)" in found
    assert "secrets.gate_api_key (env GATE_API_KEY)" in found
    assert "canary" not in found
    assert here.configuration(load(None, {}, {})).found == "all defaults"


# The data directory.


def test_a_folder_that_is_not_there_yet_is_fine_and_is_not_made(tmp_path):
    finding = here.data_directory(tmp_path / "a" / "b")
    assert finding.verdict is Verdict.OK
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    finding = here.data_directory(tmp_path / "file" / "simulated")
    assert finding.verdict is Verdict.FAIL
    assert f"{tmp_path / 'file'} is no folder" in finding.found


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    assert here.data_directory(tmp_path).verdict is Verdict.FAIL


@pytest.mark.parametrize(("mode", "verdict"), [(0o700, Verdict.OK), (0o755, Verdict.WARN)])
def test_a_folder_open_to_others_is_told(tmp_path, mode, verdict):
    tmp_path.chmod(mode)
    finding = here.data_directory(tmp_path)
    assert finding.verdict is verdict
    assert (finding.mend == f"chmod 700 {tmp_path}") is (verdict is Verdict.WARN)


def test_the_holder_of_the_lock_is_known_without_touching_it(tmp_path):
    assert here.holder(tmp_path / "lock") is None
    lock = DataLock(tmp_path)
    assert here.holder(tmp_path / "lock") == os.getpid()
    assert here.holder(tmp_path / "lock") == os.getpid()
    lock.release()
    assert here.holder(tmp_path / "lock") is None


def test_a_lock_without_an_answer_is_somebody_who_starts_or_is_stuck(tmp_path):
    with DataLock(tmp_path):
        house, finding = here.running(tmp_path)
    assert house.is_there
    assert finding.verdict is Verdict.WARN
    assert str(os.getpid()) in finding.found
    house, finding = here.running(tmp_path)
    assert not house.is_there
    assert finding.verdict is Verdict.OK


@pytest.mark.parametrize(("length", "verdict"), [(20, Verdict.OK), (150, Verdict.WARN)])
def test_a_long_socket_path_is_told(length, verdict):
    path = Path("/" + "d" * (length - 12) + "/admin.sock")
    finding = here.admin_socket(path)
    assert finding.verdict is verdict
    assert f"{length} bytes" in finding.found


# The database.


def test_no_database_is_fine(tmp_path):
    assert here.database(tmp_path / DATABASE_NAME, VENUE).verdict is Verdict.OK
    assert list(tmp_path.iterdir()) == []


def test_a_good_database_is_verified_and_left_as_it_is(folder):
    before = traces(folder)
    finding = here.database(folder / DATABASE_NAME, VENUE)
    assert finding.verdict is Verdict.OK
    assert re.match(r"venue simulated, schema m\d{3}_\w+, ", finding.found)
    assert "records, the newest" in finding.found
    assert traces(folder) == before


def test_a_database_in_use_is_read_with_its_newest_records_and_left_as_it_is(folder):
    with DataLock(folder) as lock:
        store = opened(lock)
        before = traces(folder)
        finding = here.database(folder / DATABASE_NAME, VENUE)
        assert f" {store.last_seq} records" in finding.found
        assert traces(folder) == before
        store.close()


def test_what_a_killed_writer_left_is_read_and_left_as_it_is(folder):
    code = (
        "import os, pathlib, signal, sys\n"
        "from state.store import DataLock\n"
        "from tests.state.stores import opened\n"
        "store = opened(DataLock(pathlib.Path(sys.argv[1])))\n"
        "print(store.last_seq, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = traces(folder)
    assert any(name.endswith("-wal") for name in before)
    finding = here.database(folder / DATABASE_NAME, VENUE)
    assert f" {int(killed.stdout)} records" in finding.found
    assert traces(folder) == before


def test_another_venues_database_is_refused(folder):
    finding = here.database(folder / DATABASE_NAME, "testnet")
    assert finding.verdict is Verdict.FAIL
    assert "belongs to the venue simulated, not to testnet" in finding.found


def test_a_newer_database_is_refused(folder):
    changed(
        folder,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " SELECT migration_set, 'm999_future', applied_at FROM _sqlite_migrations LIMIT 1",
    )
    finding = here.database(folder / DATABASE_NAME, VENUE)
    assert finding.verdict is Verdict.FAIL
    assert "m999_future" in finding.found
    assert "newer version" in finding.mend


def test_a_changed_record_is_found(folder):
    changed(folder, "UPDATE events SET payload = replace(payload, '2', '3') WHERE seq = 3")
    finding = here.database(folder / DATABASE_NAME, VENUE)
    assert finding.verdict is Verdict.FAIL
    assert "record seq 3" in finding.found
    assert "operating.md" in finding.mend


@pytest.mark.parametrize("content", [b"no database at all", b""])
def test_what_is_no_database_is_told(tmp_path, content):
    (tmp_path / DATABASE_NAME).write_bytes(content)
    finding = here.database(tmp_path / DATABASE_NAME, VENUE)
    # An empty file is what SQLite itself makes of a first start that was cut short.
    assert finding.verdict is (Verdict.FAIL if content else Verdict.WARN)
    assert (tmp_path / DATABASE_NAME).read_bytes() == content


def test_another_programs_database_is_refused(tmp_path):
    changed(tmp_path, "CREATE TABLE theirs (x)")
    finding = here.database(tmp_path / DATABASE_NAME, VENUE)
    assert finding.verdict is Verdict.FAIL
    assert "belongs to another program" in finding.found


# The exchange, as far as it can be judged without one.


@pytest.mark.parametrize(
    ("offset_ms", "uncertainty_ms", "verdict"),
    [
        (5, 1, Verdict.OK),
        (-900, 50, Verdict.OK),
        (1100, 200, Verdict.OK),
        (-1300, 200, Verdict.FAIL),
    ],
)
def test_a_clock_is_wrong_only_beyond_its_uncertainty(offset_ms, uncertainty_ms, verdict):
    finding = there.clock(offset_ms * NS_PER_MS, uncertainty_ms * NS_PER_MS, 1.0)
    assert finding.verdict is verdict
    assert f"{offset_ms:+.1f} ms" in finding.found


def test_a_pair_is_told_with_its_rules_and_refused_when_halted():
    rules = TradingRules(
        pair=Pair("BTC_USDT"),
        base=Currency("BTC"),
        quote=Currency("USDT"),
        price_decimals=1,
        quantity_decimals=6,
        quantity_min=Quantity(Decimal("0.00001")),
        notional_min=Notional(Decimal(3)),
        tradable=frozenset({Side.SELL}),
    )
    finding = there.pair(rules, NOW)
    assert finding.verdict is Verdict.FAIL
    assert "takes no buy" in finding.found
    assert "least 0.00001 BTC and 3 USDT, taker fee 0.2 %" in finding.found


def test_a_pair_whose_end_is_announced_is_told_with_the_date():
    rules = TradingRules(
        pair=Pair("BTC_USDT"),
        base=Currency("BTC"),
        quote=Currency("USDT"),
        price_decimals=1,
        quantity_decimals=6,
        delisted_at_ns=TimeNs(NOW + 60 * NS_PER_S),
    )
    finding = there.pair(rules, NOW)
    assert finding.verdict is Verdict.WARN
    assert "delisted at 2023-11-14 22:14 UTC" in finding.found
    assert there.pair(rules, TimeNs(NOW + 60 * NS_PER_S)).verdict is Verdict.FAIL


def test_live_cannot_be_armed_yet():
    environ = {"GATE_API_KEY": "k", "GATE_API_SECRET": "s"}
    for venue, verdict in (("testnet", Verdict.OK), ("live", Verdict.FAIL)):
        config = load(None, environ, {"venue": venue}).config
        assert examination.venue(config, endpoints(config)).verdict is verdict
