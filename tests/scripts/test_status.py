"""`scripts/status.py`: the health of a house as a table or as JSON, and what its exit code says."""

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from scripts.proofs.processes import ROOT, House, environment
from tests.scripts.conftest import SYSTEM_PYTHON, Script

pytestmark = pytest.mark.slow

STATUS = Script("status.py")


def first_words(text: str) -> set[str]:
    return {line.split()[0] for line in text.splitlines() if line.strip()}


def test_every_actor_and_every_book_is_shown(house, here):
    told = STATUS.run(*here)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Gatehouse  ready")
    assert "difference 0)" in told.stdout
    status = house.status()
    assert status is not None
    everyone = {actor["address"] for actor in status["actors"]}
    inner = {actor["address"] for actor in status["actors"] if actor["kind"] == "Supervisor"}
    assert everyone & first_words(told.stdout) == everyone - inner
    for pair in ("BTC_USDT  live", "ETH_USDT  live"):
        assert pair in told.stdout
    assert everyone <= first_words(STATUS.run(*here, "--supervisors").stdout)


def test_json_is_the_answer_of_the_socket(house, here):
    told = STATUS.run(*here, "--json")
    assert told.returncode == 0
    shown, asked = json.loads(told.stdout), house.status()
    assert asked is not None
    assert set(shown) == set(asked)
    assert [one["address"] for one in shown["actors"]] == [
        one["address"] for one in asked["actors"]
    ]
    assert shown["session"] == "ready"


def test_prices_are_shown_without_binary_noise(here):
    [line] = [one for one in STATUS.run(*here).stdout.splitlines() if one.startswith("BTC_USDT")]
    mid = line.split()[2]
    assert len(mid.partition(".")[2]) <= 2, line


def test_where_nothing_runs_the_code_is_3(tmp_path):
    for options in ((), ("--json",), ("--watch",)):
        told = STATUS.run("--data-dir", str(tmp_path), *options)
        assert told.returncode == 3
        assert told.stdout == ""
        assert told.stderr.startswith("status: nothing runs here")


def test_what_is_not_ready_is_shown_with_code_1(tmp_path):
    with House(tmp_path) as house:
        house.until_ready()
        house.call("pause", reason="lunch")
        told = STATUS.run("--data-dir", str(tmp_path))
        assert told.returncode == 1
        assert told.stdout.startswith("Gatehouse  paused  lunch")


def test_the_environment_names_the_data_directory_as_for_the_house(house):
    environ = {"GATEHOUSE_DATA_DIR": str(house.data_dir)}
    assert STATUS.run(environ=environ).returncode == 0
    assert STATUS.run("--venue", "testnet", environ=environ).returncode == 3
    told = STATUS.run("--venue", "simulate", environ=environ)
    assert told.returncode == 2
    assert "simulated" in told.stderr


@pytest.mark.parametrize("python", [SYSTEM_PYTHON, sys.executable])
def test_it_runs_from_any_directory_with_any_python(tmp_path, house, python):
    # Where it was started is where a relative path begins.
    for cwd, name in (
        (tmp_path, str(house.data_dir)),
        (house.data_dir.parent, house.data_dir.name),
    ):
        told = subprocess.run(
            [python, str(ROOT / "scripts" / "status.py"), "--data-dir", name],
            cwd=cwd,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("options", [("--watch", "--json"), ("--watch",)])
def test_a_watch_goes_on_until_interrupted_and_ends_cleanly(here, options):
    with STATUS.start(*here, *options) as watching:
        assert watching.stdout is not None
        seen = 0
        for line in watching.stdout:
            seen += line.startswith(("{", "Gatehouse  ready"))
            if seen == 2:
                watching.send_signal(signal.SIGINT)
                break
        _, complaints = watching.communicate(timeout=20)
        assert watching.returncode == 0
        assert complaints == ""


def test_a_watch_on_a_terminal_keeps_one_page_and_gives_the_screen_back(here):
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [SYSTEM_PYTHON, str(ROOT / "scripts" / "status.py"), "--watch", *here],
        cwd=ROOT,
        env=environment() | {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown, interrupted = b"", False
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # What a terminal says when nobody is left at its other end.
            break
        shown += chunk
        if not interrupted and shown.count(b"operations/admin") >= 2:
            watching.send_signal(signal.SIGINT)
            interrupted = True
    os.close(ours)
    assert watching.wait(20) == 0
    assert b"\x1b[?1049h" in shown, "it takes the screen"
    assert shown.rstrip().endswith((b"\x1b[?1049l", b"\x1b[?25h")), "and gives it back"
    assert b"Traceback" not in shown


def test_a_watch_whose_house_ends_says_so_with_code_3(tmp_path):
    with House(tmp_path) as house:
        house.until_ready()
        with STATUS.start("--data-dir", str(tmp_path), "--watch", "--json") as watching:
            assert watching.stdout is not None
            assert watching.stdout.readline().startswith("{")
            house.kill()
            _, complaints = watching.communicate(timeout=20)
            assert watching.returncode == 3
            assert complaints.startswith("status: nothing runs here")


def test_without_an_environment_it_says_what_makes_one(tmp_path):
    (tmp_path / "scripts").mkdir()
    for name in ("status.py", "control.py", "environment.py"):
        (tmp_path / "scripts" / name).write_bytes((ROOT / "scripts" / name).read_bytes())
    for name in ("status.py", "control.py"):
        told = subprocess.run(
            # -S: a Python that knows no package.
            [SYSTEM_PYTHON, "-S", str(tmp_path / "scripts" / name), "status"],
            env=environment() | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert told.returncode == 3
        assert told.stderr == (
            f"gatehouse: no environment yet; {tmp_path / 'scripts' / 'run'} makes it\n"
        )
