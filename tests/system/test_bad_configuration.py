"""What cannot be used is named with the way out and the right exit code; nothing is started."""

import hashlib
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from scripts.proofs.processes import ACTIVE, ROOT, environment, python
from state.store import DataLock, open_store
from state.values import TimeNs, Venue

pytestmark = pytest.mark.slow


def run(*arguments, environ=None):
    """Run the house where it cannot start; return (exit code, what it complained)."""
    command = [*python("-m", "supervisor"), *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment() | (environ or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[risk]\norder_notional_mx = 5\n", [":2:", "did you mean risk.order_notional_max?"]),
        ("[risk]\norder_notional_max = true\n", [":2:", "risk.order_notional_max", "got true"]),
        ('\nseed = "many"\n', [":2:", "seed: expected"]),
        ("[orders]\nexpiry_s = 0.1\n", [":2:", "orders.expiry_s", "0.5", "60", " s"]),
        ("[risk\n", [":1:", "is not TOML"]),
        ('gate_api_secret = "0123456789abcdef"\n', [":1:", "GATE_API_SECRET"]),
        ('[secrets]\ngate_api_key = "0123456789abcdef"\n', [":2:", "GATE_API_KEY_FILE", "0600"]),
        ('pairs = ["BTC_USDT", "ETH_BTC"]\n', ["all pairs must be quoted in one currency"]),
        ("[strategy.trend]\nfast_window = 12\n", ["must be smaller than"]),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_the_way_out(tmp_path, content, told):
    file = tmp_path / "house.toml"
    file.write_text(content)
    data_dir = tmp_path / "data"
    code, complaint = run("--config", str(file), "--data-dir", str(data_dir))
    assert code == 2
    for text in told:
        assert text in complaint
    assert "0123456789abcdef" not in complaint
    assert not data_dir.exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("arguments", "environ", "told"),
    [
        (["--set", "risk.order_notional_mx=5"], {}, "did you mean risk.order_notional_max?"),
        (["--set", "seed"], {}, "expected KEY=VALUE"),
        (["--seed", "many"], {}, "--seed: seed: expected"),
        (["--duration", "0"], {}, "--duration: duration_s: expected"),
        (["--pairs", "BTCUSDT"], {}, "such as BTC_USDT"),
        (["--nonsense"], {}, "No such option"),
        (["--config", "/nowhere/house.toml"], {}, "/nowhere/house.toml: cannot be read"),
        ([], {"GATEHOUSE_SEEED": "5"}, "env GATEHOUSE_SEEED"),
        ([], {"GATEHOUSE_RISK__ORDERS_PER_MINUTE": "0"}, "1 to 6000"),
        (["--venue", "testnet"], {}, "testnet needs GATE_API_KEY"),
        (["--venue", "live"], {"GATE_API_KEY": "k", "GATE_API_SECRET": "s"}, "arming record"),
        (["--venue", "mars"], {}, "--venue: venue: expected"),
        (
            ["--venue", "testnet", "--exchange-url", "https://api.gateio.ws"],
            {"GATE_API_KEY": "k", "GATE_API_SECRET": "s"},
            "api.gateio.ws is Gate's live, but the venue is testnet",
        ),
        (
            ["--exchange-url", "https://api.gateio.ws"],
            {},
            "api.gateio.ws is Gate's live, but the venue is simulated",
        ),
        (["--exchange-url", "localhost:80"], {}, "expected http://HOST:PORT"),
        (["--pairs", "NOPE_USDT"], {}, "unknown pair 'NOPE_USDT'"),
        (["orbit"], {}, "No such command 'orbit'"),
    ],
)
def test_a_bad_option_or_variable_is_named_with_the_way_out(tmp_path, arguments, environ, told):
    if arguments != ["orbit"]:
        arguments = [*arguments, "--data-dir", str(tmp_path / "data")]
    code, complaint = run(*arguments, environ=environ)
    assert code == 2, complaint
    assert told in complaint


def test_a_secret_file_that_others_can_read_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o644)
    environ = {"GATE_API_KEY": "k", "GATE_API_SECRET_FILE": str(secret)}
    code, complaint = run("--venue", "testnet", "--data-dir", str(tmp_path), environ=environ)
    assert code == 2
    assert f"chmod 600 {secret}" in complaint
    assert "0123456789abcdef" not in complaint


def test_a_second_house_in_the_same_place_is_told_who_is_there(houses):
    house = houses()
    house.until_ready()
    code, complaint = run("--data-dir", str(house.data_dir))
    assert code == 3
    assert f"pid {house.pid}" in complaint
    assert "--data-dir" in complaint
    assert house.session() == "ready"
    assert house.terminate() == 0


def test_a_data_directory_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "data").write_text("not a folder")
    code, complaint = run("--data-dir", str(tmp_path / "data"))
    assert code == 1
    assert "name another one with --data-dir" in complaint


def test_what_stands_in_the_way_of_the_socket_is_named(tmp_path):
    folder = tmp_path / "simulated"
    folder.mkdir()
    (folder / "admin.sock").write_text("not a socket")
    code, complaint = run("--data-dir", str(tmp_path))
    assert code == 2
    assert "admin.sock is there and is no socket; move it away" in complaint
    assert (folder / "admin.sock").read_text() == "not a socket"


def test_an_exchange_cannot_have_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, complaint = run("exchange", "--port", port)
    assert code == 2
    assert f"port {port} is in use: choose another --port" in complaint


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Give the data directory of a house that has traded and ended."""
    from scripts.proofs.processes import House  # noqa: PLC0415 - only this fixture starts one

    data_dir = tmp_path_factory.mktemp("lived")
    with House(data_dir, settings=ACTIVE) as house:
        house.until_ready()
        house.until_fills(1)
        assert house.terminate() == 0
    return data_dir


def garbage(database):
    database.write_bytes(b"this is no database" * 1000)


def truncated(database):
    database.write_bytes(database.read_bytes()[:6000])


def of_another_program(database):
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def from_the_future(database):
    connection = sqlite3.connect(database)
    table = "_sqlite_migrations"
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = {"migration_set": "gatehouse", "name": "m0099_wings", "applied_at": "2099-01-01"}
    given = [values.get(column) for column in columns]
    marks = ", ".join("?" * len(columns))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", given)  # noqa: S608
    connection.commit()
    connection.close()


def of_another_venue(database):
    database.unlink()
    with DataLock(database.parent) as lock:
        open_store(lock, venue=Venue.TESTNET, version="test", at_ns=TimeNs(1)).close()


def with_a_changed_record(database):
    connection = sqlite3.connect(database)
    connection.execute(
        "UPDATE events SET payload = replace(payload, 'BTC', 'BTX') WHERE seq ="
        " (SELECT max(seq) FROM events WHERE payload LIKE '%BTC%')"
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (garbage, "is not a database that can be used"),
        (truncated, "is not a database that can be used"),
        (of_another_program, "belongs to another program; name another data directory"),
        (from_the_future, "m0099_wings is not known here"),
        (of_another_venue, "belongs to the venue testnet, not to simulated"),
        (with_a_changed_record, "record"),
    ],
)
def test_a_database_that_cannot_be_used_is_left_as_it_is(lived, tmp_path, damage, told):
    data_dir = tmp_path / "data"
    shutil.copytree(lived, data_dir)
    database: Path = data_dir / "simulated" / "gatehouse.db"
    damage(database)
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    code, complaint = run("--data-dir", str(data_dir))
    assert code == 1, complaint
    assert str(database) in complaint
    assert told in complaint
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
