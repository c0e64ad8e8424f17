"""A server of ours as a process of its own, started and kept for a house that has none.

It outlives nothing: when we die, however we die, its standard input ends and it stops.
"""

import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from state.errors import ConfigurationInvalid, VenueUnreachable

READY_S = 50.0
_STOP_S = 3.0
_TOLD_MAX = 2000


class ServerProcess:
    """One server for one house.

    Args:
        command: The sub-command that serves, and its options; `--port` comes on top.
        name: What it is called in messages.
        log: File of its standard error, in `folder`.
        folder: Where its files go; made when missing.
    """

    def __init__(self, command: Sequence[str], *, name: str, log: str, folder: Path) -> None:
        self._command = list(command)
        self._name = name
        self._log = folder / log
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self, port: int = 0) -> bytes:
        """Start it, wait until it listens, and return the line it printed.

        Args:
            port: Where; 0 for any that is free.

        Raises:
            ConfigurationInvalid: It cannot do what it was told; the text is its own.
            VenueUnreachable: It did not come up in time.
        """
        self.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        base = [sys.executable, "-m", "supervisor", *self._command, "--port", str(port)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                base,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # A terminal interrupts the whole group, but the house still has to cancel there.
                start_new_session=True,
            )
        self._process = process
        self.starts += 1
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], READY_S)
        line = process.stdout.readline() if readable else b""
        if line:
            threading.Thread(
                target=_drain, args=(process,), name=f"{self._log.stem}-output", daemon=True
            ).start()
            return line
        self.stop()
        process.stdout.close()
        told = self._last_words()
        if process.returncode == 2:
            raise ConfigurationInvalid(f"{self._name} cannot start: {told}")
        raise VenueUnreachable(f"{self._name} did not start: {told}")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop, and make it stop when it does not."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            logger.warning("{} did not stop; killing it", self._name)
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        log = self._log.read_text(errors="replace")
        return log[-_TOLD_MAX:].strip() or "it said nothing"


def _drain(process: "subprocess.Popen[bytes]") -> None:
    """Read what it prints after its first line, which is nothing, so that no pipe ever fills."""
    assert process.stdout is not None
    with process.stdout as output:
        for _ in output:
            pass
