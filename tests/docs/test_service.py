"""The units in docs/ fit house and watchdog, and the house tells its manager what it needs."""

import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from adapters.exchange_process import READY_S as EXCHANGE_READY_S
from scripts.proofs.processes import ROOT, House
from state.config import Config
from supervisor.application import FROZEN_S, TICK_S
from supervisor.commands.options import BAD_USAGE
from supervisor.commands.run import NOT_READY
from supervisor.commands.watchdog import watchdog

UNIT = ROOT / "docs" / "gatehouse.service"
WATCHDOG = ROOT / "docs" / "gatehouse-watchdog.service"
EXPOSURE_MAX = 2.0
"""Of 10; what is left is the network, its own sockets and its own data."""
NOTED_S = 20.0


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    """Return what a unit sets, by key; a key may stand more than once."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def one(key: str, unit: Path = UNIT) -> str:
    [value] = settings(unit)[key]
    return value


@pytest.fixture(params=[UNIT, WATCHDOG], ids=lambda unit: unit.stem)
def unit(request: pytest.FixtureRequest) -> Path:
    """Give each unit."""
    found: Path = request.param
    return found


@pytest.fixture
def unit_here(unit: Path, tmp_path: Path) -> Path:
    """Give the unit as if this checkout were the installed one."""
    path = tmp_path / unit.name
    path.write_text(unit.read_text().replace("/opt/gatehouse", str(ROOT)))
    return path


needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze here"
)


@needs_systemd
def test_systemd_understands_the_unit(unit_here):
    command = ["systemd-analyze", "verify", "--man=no", str(unit_here)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    about_ours = [line for line in told.stderr.splitlines() if unit_here.name in line]
    assert (told.returncode, about_ours) == (0, []), told.stderr


@needs_systemd
def test_systemd_finds_the_unit_well_protected(unit_here):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit_here)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "Overall exposure level" not in told.stdout:
        pytest.skip(f"this systemd-analyze cannot tell: {told.stderr}")
    level = told.stdout.rpartition(f"{unit_here.name}: ")[2].split()[0]
    assert float(level) <= EXPOSURE_MAX, told.stdout


def test_what_protects_is_set(unit):
    # Held here as well, for machines without systemd: each is what it says in systemd.exec(5).
    for key in (
        "NoNewPrivileges",
        "PrivateDevices",
        "PrivateTmp",
        "ProtectControlGroups",
        "ProtectHome",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "RestrictNamespaces",
        "RestrictSUIDSGID",
        "LockPersonality",
    ):
        assert one(key, unit) == "true", key
    assert one("ProtectSystem", unit) == "strict"
    assert one("CapabilityBoundingSet", unit) == ""
    assert one("User", unit) not in ("", "root")


def test_only_the_data_directory_can_be_written(unit):
    [variable] = settings(unit)["Environment"]
    assert variable == f"GATEHOUSE_DATA_DIR={one('ReadWritePaths', unit)}"
    assert one("ReadWritePaths", unit) == f"/var/lib/{one('StateDirectory', unit)}"
    assert one("StateDirectoryMode", unit) == "0700"


def test_no_secret_and_no_place_for_one_is_in_the_unit(unit):
    assert settings(unit)["EnvironmentFile"][0] == "-/etc/gatehouse/environment"
    for line in unit.read_text().splitlines():
        if "GATE_API" in line:
            assert "_FILE=" in line


def test_times_are_longer_than_what_they_wait_for():
    watchdog_s = float(one("WatchdogSec"))
    # It is told in each turn, which may wait for the exchange; what freezes ends itself first.
    assert watchdog_s > max(FROZEN_S, EXCHANGE_READY_S) + 2 * TICK_S
    # After the deadline come the exchange (3 s), the log (5 s) and the adapters (twice 2 s).
    assert float(one("TimeoutStopSec")) > Config().shutdown.deadline_s + 12
    assert one("Type") == "notify"
    assert one("NotifyAccess") == "main"
    # The exchange is our child and must outlive our cancels: the signal goes to us alone.
    assert one("KillMode") == "mixed"
    assert one("KillSignal") == signal.SIGTERM.name


def test_what_a_new_start_would_not_mend_is_not_started_again():
    assert one("Restart") == "on-failure"
    codes = {int(code) for code in one("RestartPreventExitStatus").split()}
    assert codes == {BAD_USAGE, NOT_READY}


def test_the_watchdog_sees_the_house_and_may_end_it():
    # It reads what only the house's user may read, and signals a process of that user.
    for key in ("User", "Group", "StateDirectory", "Environment"):
        assert one(key, WATCHDOG) == one(key), key
    # What names the exchange and the account is said once, for both.
    files = settings(WATCHDOG)["EnvironmentFile"]
    assert files == [one("EnvironmentFile"), "-/etc/gatehouse/watchdog"]
    assert one("ExecStart", WATCHDOG).split()[:3] == one("ExecStart").split()[:3]
    assert one("ExecStart", WATCHDOG).split()[3:] == [watchdog.name]


def test_the_end_of_the_house_does_not_reach_the_watchdog():
    bound = {"Requires", "Requisite", "BindsTo", "PartOf", "Upholds", "Conflicts", "Wants"}
    named = {key for key in bound if UNIT.name in " ".join(settings(WATCHDOG).get(key, []))}
    assert named == set()
    # Units stop in the reverse order of their start: when the machine ends the house goes first.
    assert one("Before", WATCHDOG) == UNIT.name
    assert one("StartLimitIntervalSec", WATCHDOG) == "0"
    assert one("RestartPreventExitStatus", WATCHDOG) == str(BAD_USAGE)


def test_a_house_that_is_started_again_finds_its_orders():
    # The new one gives its first sign of life well within a second.
    assert float(one("RestartSec")) + 1 < Config().watchdog.grace_s


class Manager:
    """A service manager as far as the house sees it: a datagram socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(NOTED_S)
        self.notes: list[str] = []

    def until(self, prefix: str) -> list[str]:
        """Return what was told up to the first note that begins so; what is over is forgotten."""
        told = []
        while True:
            note = self._socket.recv(4096).decode()
            self.notes.append(note)
            told.append(note)
            if note.startswith(prefix):
                return told

    def told_within(self, silence_s: float) -> int:
        """Return how many notes come before nothing came for `silence_s`, ten at most."""
        self._socket.settimeout(silence_s)
        number = 0
        with contextlib.suppress(TimeoutError):
            while number < 10:
                self._socket.recv(4096)
                number += 1
        self._socket.settimeout(NOTED_S)
        return number

    def close(self) -> None:
        self._socket.close()


@pytest.mark.slow
def test_the_house_tells_when_it_is_ready_how_it_is_and_when_it_ends(tmp_path):
    with contextlib.closing(Manager(tmp_path / "notify")) as manager:
        environ = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "60000000"}
        with House(tmp_path / "house", environ=environ) as house:
            before = manager.until("READY=1")
            assert before[0].startswith("STATUS=starting")
            assert "STATUS=ready" in [note.strip() for note in before]
            assert house.session() == "ready"
            for _ in range(3):
                manager.until("WATCHDOG=1")
            house.call("pause", reason="lunch")
            assert manager.until("STATUS=paused")[-1] == "STATUS=paused lunch"
            house.signal(signal.SIGTERM)
            manager.until("STOPPING=1")
            assert house.ended() == 0
    assert manager.notes.count("READY=1") == 1


@pytest.mark.slow
def test_a_house_that_is_frozen_is_silent(tmp_path):
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    with (
        contextlib.closing(Manager(tmp_path / "notify")) as manager,
        House(tmp_path / "house", environ=environ) as house,
    ):
        manager.until("READY=1")
        manager.until("WATCHDOG=1")
        house.signal(signal.SIGSTOP)
        # What was on its way comes; then nothing any more.
        assert manager.told_within(6 * TICK_S) <= 3
        house.signal(signal.SIGCONT)
        manager.until("WATCHDOG=1")
        assert house.terminate() == 0
