"""Stop everything: from five surfaces, twice, over restarts, and whatever the house is at."""

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal

import pytest

from adapters.admin_client import AdminError
from adapters.halt_file import HALT_FILE
from scripts.proofs.processes import ACTIVE, ROOT, SHORT_WINDOWS, environment
from state.store import open_reader
from tests.system.by_hand import FOREIGN, OURS, rest, resting

pytestmark = pytest.mark.slow

SETTINGS = SHORT_WINDOWS
WITHIN_S = 20.0
FILE_WITHIN_S = 0.1
BARE = str(sys.base_prefix) + "/bin/python3"
"""Without any package: the script has to work on a bad night."""


def stop_by_script(house, *arguments, code=0):
    command = [BARE, "-I", str(ROOT / "scripts" / "emergency_stop.py")]
    told = subprocess.run(
        [*command, "--data-dir", str(house.data_dir), "--json", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == code, told.stdout + told.stderr
    return json.loads(told.stdout)


def by_socket(house):
    answer = house.call("emergency_stop", reason="fire")
    assert answer["session"] == "emergency"
    assert answer["journalled"]


def by_control(house):
    command = [sys.executable, str(ROOT / "scripts" / "control.py"), "emergency_stop"]
    subprocess.run(
        [*command, "reason=fire", "--data-dir", str(house.data_dir)],
        env=environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def by_script(house):
    outcome = stop_by_script(house, "fire")
    assert (outcome["way"], outcome["resting"]) == ("socket", 0)


def by_signal(house):
    house.signal(signal.SIGUSR1)


def by_file(house):
    (house.folder / HALT_FILE).write_text("fire\n")


SURFACES = {
    "socket": by_socket,
    "control": by_control,
    "script": by_script,
    "signal": by_signal,
    "file": by_file,
}


def sessions(house):
    """Return what the journal says of sessions, oldest first."""
    reader = open_reader(house.database)
    rows = [row.event for row in reader.events(0, 100_000) if row.type == "SessionChanged"]
    reader.close()
    return rows


@pytest.mark.parametrize("surface", SURFACES)
def test_from_every_surface_everything_stops_stays_stopped_and_needs_a_reason_to_go_on(
    houses, exchanges, surface
):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=SETTINGS)
    house.until_ready()
    house.call("pause")
    rest(exchange, OURS, FOREIGN)
    for _ in range(2):  # Twice is harmless.
        SURFACES[surface](house)
        house.until_session("emergency", WITHIN_S)
    exchange.until(lambda: resting(exchange) == {FOREIGN}, WITHIN_S, "ours are cancelled")
    reason = "the signal SIGUSR1" if surface == "signal" else "fire"
    assert house.status()["reason"] == reason
    house.until((house.folder / HALT_FILE).exists, WITHIN_S, "the file is there")
    house.until(lambda: sessions(house)[-1].session == "emergency", WITHIN_S, "it is journalled")
    house.kill()

    again = houses(exchange=exchange, settings=SETTINGS)
    again.until_session("emergency")
    assert again.status()["reason"] == reason
    with pytest.raises(AdminError, match="reset_emergency"):
        again.call("resume")
    with pytest.raises(AdminError, match="needs reason"):
        again.call("reset_emergency")
    again.call("reset_emergency", reason="it was a drill")
    again.until_session("paused", WITHIN_S)
    assert not (again.folder / HALT_FILE).exists()
    assert again.call("resume") == {"session": "ready"}
    again.until_ready()
    assert again.terminate() == 0


@pytest.fixture
def house(houses):
    made = houses(settings=SETTINGS)
    made.until_ready()
    return made


def test_a_file_is_noticed_within_a_tenth_of_a_second(house):
    took_s = []
    for _ in range(5):
        path = house.folder / HALT_FILE
        path.write_text("fire\n")
        began_s = time.monotonic()
        house.until(lambda path=path: "halted" in path.read_text(), WITHIN_S, "it is noticed")
        took_s.append(time.monotonic() - began_s)
        house.call("reset_emergency", reason="a drill")
    # The best of them: what else this machine does is no property of the house.
    assert min(took_s) < FILE_WITHIN_S, took_s


@pytest.mark.parametrize("place", ["venue", "above"])
def test_a_start_beside_the_file_begins_stopped(houses, tmp_path, place):
    folder = tmp_path / "house" / "simulated"
    folder.mkdir(parents=True)
    (folder if place == "venue" else folder.parent).joinpath(HALT_FILE).write_text("by hand\n")
    house = houses(settings=SETTINGS)
    house.until_session("emergency")
    assert house.status()["reason"] == "by hand"
    # Told before it is written: the journal may still be opening.
    written = house.until(lambda: sessions(house), 10, "the journal has the session")
    assert written[-1].reason == "by hand"
    house.call("reset_emergency", reason="read")
    house.call("resume")
    house.until_ready()
    assert house.terminate() == 0


def test_whoever_sits_at_the_desk_may_hang(house):
    """The latch is set on the socket's thread, before the desk hears of it."""
    house.call("drill", actor="operations/session_keeper", fault="crash")
    stack = subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "scripts" / "control.py"), "drill"),
            *("actor=operations/admin", "fault=hang", "--data-dir", str(house.data_dir)),
        ],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    by_socket(house)
    stack.kill()
    stack.wait()
    house.until_session("emergency", WITHIN_S)


def test_a_house_that_answers_at_no_socket_is_stopped_by_file(house):
    (house.folder / "admin.sock").rename(house.folder / "elsewhere.sock")
    outcome = stop_by_script(house, "no", "socket", code=1)
    assert outcome["way"] == "file"
    (house.folder / "elsewhere.sock").rename(house.folder / "admin.sock")
    house.until_session("emergency", WITHIN_S)
    assert house.status()["reason"] == "no socket"


def test_and_by_a_signal_where_the_file_cannot_be_put(house):
    (house.folder / "admin.sock").rename(house.folder / "elsewhere.sock")
    (house.folder / HALT_FILE).mkdir()  # Stops as well, but cannot say that it was noticed.
    outcome = stop_by_script(house, code=1)
    assert outcome["way"] is None
    assert [line.partition(":")[0] for line in outcome["tried"]] == ["socket", "file", "signal"]
    (house.folder / "elsewhere.sock").rename(house.folder / "admin.sock")
    house.until_session("emergency", WITHIN_S)


def held(house):
    """Return what could be sold: less than this is dust that no exchange takes."""
    marks = {pair["pair"]: pair["mid"] or 0 for pair in house.status()["pairs"]}
    positions = {row["pair"]: Decimal(row["quantity"]) for row in house.call("positions")}
    return {
        pair: quantity
        for pair, quantity in positions.items()
        if quantity * Decimal(marks.get(pair, 0)) > 5
    }


@pytest.mark.parametrize("policy", ["keep", "flatten"])
def test_positions_are_kept_or_flattened_by_sales_that_alone_may_leave(houses, exchanges, policy):
    exchange = exchanges()
    settings = [*ACTIVE, *SETTINGS, f"emergency.positions={policy}"]
    house = houses(exchange=exchange, settings=settings)
    house.until_ready()
    house.until(lambda: held(house), 60, "something is held")
    by_socket(house)
    if policy == "keep":
        kept = held(house)
        house.stays(2.0)
        assert held(house) == kept
        assert house.call("flatten", reason="get out")["session"] == "emergency"
    house.until(lambda: not held(house), 60, "everything is sold")
    assert house.session() == "emergency"
    stopped_ns = next(one.at_ns for one in sessions(house) if one.session == "emergency")
    reader = open_reader(house.database)
    after = [row for row in reader.orders(limit=1000) if row["intended_at_ns"] > stopped_ns]
    reader.close()
    assert {row["side"] for row in after} <= {"sell"}
    house.call("reset_emergency", reason="it was a drill")
    assert house.terminate() == 0


def test_where_nothing_runs_the_next_start_begins_stopped(house, houses):
    assert house.terminate() == 0
    outcome = stop_by_script(house, "not", "today", code=3)
    assert outcome["way"] == "file"
    again = houses(settings=SETTINGS)
    again.until_session("emergency")
    assert again.status()["reason"] == "not today"


def test_where_there_never_was_a_house_nothing_is_left_behind(tmp_path):
    told = subprocess.run(
        [BARE, str(ROOT / "scripts" / "emergency_stop.py"), "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 3
    assert list(tmp_path.iterdir()) == []
