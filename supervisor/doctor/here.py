"""Checks of this machine and of the data directory. They read, and change nothing."""

import os
import platform
import re
import shutil
import sqlite3
import stat
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from adapters.admin_client import AdminClient, AdminError
from state.config import Endpoints, Loaded
from state.errors import NotRunning, StoreCorrupt, StoreNewer, StoreRefused
from state.store import DATABASE_NAME, inspect
from supervisor.doctor.findings import Finding, fail, ok, skipped, warn

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 37, 0)
"""Strict tables."""
DISK_WARN_BYTES, DISK_FAIL_BYTES = 1 << 30, 200 << 20
SOCKET_PATH_MAX = 100
"""Bytes; the kernel takes about 108, and what is longer is reached another way."""
ANSWER_S = 1.5
RECORDS_VERIFIED = 2000
_ROOT = Path(__file__).resolve().parents[2]
_LOCKED = re.compile(r"^([a-z0-9-]+)==(\S+)( ;)?", re.MULTILINE)


class House(Struct, frozen=True, kw_only=True):
    """The house that runs on this data directory, if one does."""

    pid: int | None = None
    """Of whoever holds the data directory; None where nobody does or nobody can tell."""
    answers: bool = False
    """Whether its admin socket does."""

    @property
    def is_there(self) -> bool:
        """Whether somebody works with the data directory now."""
        return self.answers or self.pid is not None


def look_here(loaded: Loaded, folder: Path) -> tuple[list[Finding], House]:
    """Return what there is to say of this machine and of `folder`, and who runs there."""
    house, told = running(folder)
    findings = [
        python(),
        packages(_ROOT / "requirements.lock"),
        configuration(loaded),
        data_directory(folder),
        room(shutil.disk_usage(_existing(folder)).free),
        told,
        database(folder / DATABASE_NAME, loaded.config.venue.value),
        admin_socket(folder / "admin.sock"),
    ]
    return findings, house


def python() -> Finding:
    """Return whether Python, its SQLite and the platform will do."""
    version = platform.python_version()
    found = (
        f"Python {version}, SQLite {sqlite3.sqlite_version}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count() or 1} cores"
    )
    if sys.version_info < PYTHON_MIN:
        return fail("python", found, "install Python 3.11 or newer (Debian: apt install python3)")
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        return fail("python", found, "use a Python whose SQLite is 3.37 or newer")
    if sys.platform != "linux":
        return warn("python", found, "run it on Linux, where it is tested")
    return ok("python", found)


def packages(lock: Path) -> Finding:
    """Return whether what is installed is what `lock` says."""
    if not lock.exists():
        return skipped("packages", f"no {lock.name} beside the code: installed without a lock")
    wanted: dict[str, set[str]] = {}
    elsewhere: set[str] = set()
    for name, version, marker in _LOCKED.findall(lock.read_text()):
        wanted.setdefault(name, set()).add(version)
        if marker:
            elsewhere.add(name)
    wrong = []
    for name, versions in wanted.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name not in elsewhere:
                wrong.append(f"{name} is missing")
            continue
        if installed not in versions:
            wrong.append(f"{name} is {installed}, not {' or '.join(sorted(versions))}")
    if wrong:
        mend = "start through scripts/run, which keeps .venv as the lock says"
        return warn("packages", "; ".join(wrong), mend)
    return ok("packages", f"as {lock.name} says")


def configuration(loaded: Loaded) -> Finding:
    """Return what is set and by whom; secrets only by name."""
    given = [f"{key} ({origin})" for key, origin in loaded.origins.items() if origin != "default"]
    return ok("configuration", f"set: {', '.join(given)}" if given else "all defaults")


def data_directory(folder: Path) -> Finding:
    """Return whether the house could keep its data in `folder`, without trying."""
    place = _existing(folder)
    other = "name another one with --data-dir"
    if not place.is_dir():
        return fail("data_directory", f"{folder}: {place} is no folder", other)
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return fail("data_directory", f"{folder}: {place} cannot be written by this user", other)
    if place != folder:
        return ok("data_directory", f"{folder} will be made at the first start")
    status = folder.stat()
    if status.st_uid != os.geteuid():
        found = f"{folder} belongs to user {status.st_uid}, not to {os.geteuid()}"
        return warn("data_directory", found, f"run as that user, or {other}")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        found = f"{folder} can be entered by others (mode {mode:04o})"
        return warn("data_directory", found, f"chmod 700 {folder}")
    return ok("data_directory", f"{folder}, writable, mode {mode:04o}")


def room(free_bytes: int) -> Finding:
    """Return whether so much free disk will do."""
    found, mend = f"{_size(free_bytes)} free", "make room on the disk of the data directory"
    if free_bytes < DISK_FAIL_BYTES:
        return fail("disk", found, mend)
    if free_bytes < DISK_WARN_BYTES:
        return warn("disk", found, mend)
    return ok("disk", found)


def running(folder: Path) -> tuple[House, Finding]:
    """Return who runs on `folder`, and how it is."""
    pid = holder(folder / "lock")
    try:
        with AdminClient(folder / "admin.sock") as client:
            status = client.call("status", {}, timeout_s=ANSWER_S)
    except NotRunning:
        if pid is None:
            return House(), ok("house", "nothing runs on this data directory")
        found = f"process {pid} holds the data directory and does not answer"
        mend = f"it is starting, ending or stuck: look at {folder / 'logs'}, then ask again"
        return House(pid=pid), warn("house", found, mend)
    except AdminError as error:
        mend = f"it is starting, ending or stuck: look at {folder / 'logs'}, then ask again"
        return House(pid=pid), warn("house", f"a house is there, but: {error}", mend)
    return House(pid=pid, answers=True), _told(status, pid)


def _told(status: dict[str, Any], pid: int | None) -> Finding:
    actors = status["actors"]
    ill = [one["address"] for one in actors if one["state"] not in ("running", "disabled")]
    found = (
        f"process {pid or 'unknown'} runs: session {status['session']}, {len(actors)} actors, "
        f"up {status['uptime_s']:.0f} s"
    )
    if ill:
        return warn("house", f"{found}; not running: {', '.join(ill)}", "see scripts/status.py")
    if status["session"] != "ready":
        why = f" ({status['reason']})" if status["reason"] else ""
        return warn("house", f"{found}{why}", _WAYS_ON[status["session"]])
    return ok("house", found)


_RESUME = "scripts/control.py resume lets it trade"
_WAYS_ON = {
    "starting": "docs/operating.md, 'The session stays starting', says how to go on",
    "paused": _RESUME,
    "draining": _RESUME,
    "stopped": _RESUME,
    "emergency": "scripts/control.py reset_emergency reason=TEXT, then resume, lets it trade",
}


def holder(lock: Path) -> int | None:
    """Return who holds the lock of a data directory, without touching it.

    The system's list is read instead of trying the lock: for the moment of a try a house that
    starts would find it taken.
    """
    try:
        told, status = lock.read_text(), lock.stat()
        listed = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    held = any(
        " FLOCK " in line and "->" not in line and line.split()[5] == device
        for line in listed.splitlines()
    )
    return int(told) if held and told.strip().isdigit() else None


def database(path: Path, venue: str) -> Finding:
    """Return whether the next start will be able to use the database."""
    if not path.exists():
        return ok("database", "none yet; the first start makes it")
    aside = "docs/operating.md, 'The database cannot be used', says how to go on"
    try:
        seen = inspect(path, newest=RECORDS_VERIFIED)
    except StoreNewer as error:
        return fail("database", str(error), "start the newer version, or restore an older copy")
    except StoreCorrupt as error:
        return fail("database", str(error), aside)
    except StoreRefused as error:
        return fail("database", str(error), aside)
    if seen.venue and seen.venue != venue:
        found = f"{path} belongs to the venue {seen.venue}, not to {venue}"
        return fail("database", found, "start with that venue, or name another --data-dir")
    found = (
        f"venue {seen.venue or 'not set yet'}, schema {seen.schema or 'none yet'}, "
        f"{seen.last_seq} records, the newest {seen.verified} verified, {_size(seen.size_bytes)}"
    )
    if seen.pending:
        mend = "nothing to do: the next start applies them, after a backup beside the database"
        return warn("database", f"{found}, to be migrated: {', '.join(seen.pending)}", mend)
    return ok("database", found)


def admin_socket(path: Path) -> Finding:
    """Return whether the path of the admin socket is short enough for the kernel."""
    length = len(os.fsencode(path))
    found = f"{path}, {length} bytes"
    if length <= SOCKET_PATH_MAX:
        return ok("admin_socket", found)
    if Path("/proc/self/fd").is_dir():
        mend = "a shorter --data-dir; ours reach it, other programs such as socat do not"
        return warn("admin_socket", f"{found}: longer than the kernel takes", mend)
    return fail("admin_socket", f"{found}: longer than the kernel takes", "a shorter --data-dir")


def own_exchange(pid: int) -> Endpoints | None:
    """Return where the simulated exchange of the house `pid` listens; None where it has none."""
    try:
        for child in psutil.Process(pid).children():
            command = child.cmdline()
            if "supervisor" in command and "exchange" in command:
                for one in child.net_connections("tcp"):
                    if one.status == psutil.CONN_LISTEN:
                        where = f"{one.laddr.ip}:{one.laddr.port}"
                        return Endpoints(rest=f"http://{where}/api/v4", ws=f"ws://{where}/ws/v4/")
    except psutil.Error:
        pass
    return None


def _existing(path: Path) -> Path:
    """Return `path`, or what is nearest above it and there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit in ("B", "kB") else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError
