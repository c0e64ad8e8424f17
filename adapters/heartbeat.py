"""The sign of life of a house, in a file that another process reads. Needs nothing but Python.

Times are monotonic, which all processes of a machine share. The first line is overwritten in
place; the second says where the house trades.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

HEARTBEAT = "heartbeat"
STARTING = "starting"
"""It does not trade yet, and may take its time."""
BEATING = "beating"
ENDED = "ended"
"""It went in good order: nobody has to look after anything."""
FAILED = "failed"
_LINE_BYTES = 80
_READ_MAX = 4096


class Sign(NamedTuple):
    """What a house last wrote."""

    pid: int
    born: int
    """When that process began, in the kernel's ticks: tells it from a later one of the same id."""
    beat_ns: int
    state: str
    rest: str
    """Address of the exchange's REST interface, empty before it is known."""


class Heartbeat:
    """Written by the one who holds the data directory's lock.

    Args:
        folder: Of the venue.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / HEARTBEAT
        self._born = birth_of(os.getpid())
        self._file = -1
        self._rest = ""
        self.state = STARTING
        self.beat()

    def trades_at(self, rest: str) -> None:
        """Say where the house trades, and that it lives."""
        self._rest = rest
        self._forget()
        self.beat()

    def beat(self, state: str | None = None) -> None:
        """Say that the house lives; what cannot be written is not said."""
        self.state = state or self.state
        line = f"{os.getpid()} {self._born} {time.monotonic_ns()} {self.state}"
        text = f"{line:<{_LINE_BYTES - 1}}\n".encode()
        with contextlib.suppress(OSError):
            if self._file < 0:
                # A new file in the place of an old one: nobody ever reads half of each.
                fresh = self._path.with_name(f".{HEARTBEAT}.{os.getpid()}")
                self._file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
                os.pwrite(self._file, text + f"{self._rest}\n".encode(), 0)
                fresh.replace(self._path)
            else:
                os.pwrite(self._file, text, 0)

    def close(self, state: str) -> None:
        """Say how the house ended."""
        self.beat(state)
        self._forget()

    def _forget(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_sign(folder: Path) -> Sign | None:
    """Return what the newest house of `folder` wrote, None where nothing can be read."""
    try:
        with (folder / HEARTBEAT).open("rb") as file:
            first, _, rest = file.read(_READ_MAX).decode().partition("\n")
        pid, born, beat_ns, state = first.split()
        return Sign(int(pid), int(born), int(beat_ns), state, rest.strip())
    except (OSError, ValueError):
        return None


def is_alive(sign: Sign) -> bool:
    """Return whether the very process that wrote `sign` runs; a zombie does not."""
    return birth_of(sign.pid) == sign.born and _is_there(sign.pid)


def birth_of(pid: int) -> int:
    """Return when a process began, in the kernel's ticks; 0 where there is none, or no such table.

    A process that has ended and waits to be collected has none.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name in parentheses may hold anything, also spaces and parentheses.
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
