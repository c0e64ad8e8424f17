"""The file that stops everything: `EMERGENCY_STOP` in the data directory.

Anybody may put it there, by hand, by a script, from another process; its first line is the
reason. The house adds a line when it has taken notice, and puts it there itself when it was
stopped in another way. While it is there no start trades. Imports nothing of ours: the watchdog's
process uses it.
"""

import contextlib
import os
import time
from pathlib import Path

HALT_FILE = "EMERGENCY_STOP"
NOTICED = "halted "
"""How the line begins that the house adds."""
REASON_MAX = 200
_READ_MAX = 4096


class HaltFile:
    """`EMERGENCY_STOP` of one venue's folder, and of the data directory above it.

    The one above stops every house below it; each house keeps a file of its own in its folder,
    so a reset of one may remove it and the others stay stopped.

    Args:
        folder: Of the venue.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / HALT_FILE
        self._above = folder.parent / HALT_FILE
        self._kept = False

    def found(self) -> str | None:
        """Return the reason in the file, None where there is none."""
        for path in (self.path, self._above):
            try:
                with path.open("rb") as file:
                    first = file.read(_READ_MAX).decode(errors="replace").partition("\n")[0]
            except FileNotFoundError:
                continue
            except OSError as error:
                # Whatever it is that cannot be read, somebody has put it there.
                return f"{path.name} is there and cannot be read: {error.strerror}"
            self._kept = False
            if first.startswith(NOTICED):
                first = ""
            return " ".join(first.split())[:REASON_MAX] or f"the file {path.name}"
        return None

    def keep(self, reason: str) -> None:
        """Have the file there, on the disk, and say in it that the house is halted.

        What cannot be written is tried again with the next call.
        """
        if self._kept and self.path.exists():
            return
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        noticed = f"{NOTICED}{at} by process {os.getpid()}\n".encode()
        with contextlib.suppress(OSError):
            file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                there = os.pread(file, _READ_MAX, 0)
                head = f"{' '.join(reason.split())}\n".encode() if not there.strip() else b""
                newline = b"" if not there or there.endswith(b"\n") else b"\n"
                os.pwrite(file, newline + head + noticed, len(there))
                os.fsync(file)
            finally:
                os.close(file)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            self._kept = True

    def remove(self) -> str:
        """Take the file away, wherever it was found; return why that is impossible, else empty."""
        for path in (self.path, self._above):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                return f"cannot remove {path}: {error.strerror}; remove it by hand"
        self._kept = False
        return ""
