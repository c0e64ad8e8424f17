"""The simulated exchange as a process of its own, started and kept alive for a house without one.

It outlives nothing: when we die, however we die, its standard input ends and it stops. What it
holds for us is in its database, so a new one goes on where the old one was.
"""

import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
from loguru import logger
from msgspec import Struct

from state.errors import ConfigurationInvalid, VenueUnreachable

READY_S = 30.0
_STOP_S = 3.0
_TOLD_MAX = 2000


class Listening(Struct, frozen=True, kw_only=True):
    """The line a ready exchange prints."""

    ready: bool
    rest: str
    ws: str
    key: str
    secret: str


class ExchangeProcess:
    """One simulated exchange for one house.

    Args:
        pairs: What it lists.
        seed: Start of its market.
        folder: Where its database and its log go; made when missing.
    """

    def __init__(self, pairs: Sequence[str], *, seed: int, folder: Path) -> None:
        self._arguments = ["--pairs", ",".join(pairs), "--seed", str(seed)]
        self._arguments += ["--db", str(folder / "exchange.db"), "--exit-with-parent"]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self, port: int = 0) -> Listening:
        """Start it and wait until it listens.

        Args:
            port: Where; 0 for any that is free.

        Raises:
            ConfigurationInvalid: It cannot do what it was told; the text is its own.
            VenueUnreachable: It did not come up in time.
        """
        self.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "supervisor", "exchange", "--port", str(port)]
        with (self._folder / "exchange.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [*command, *self._arguments],
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
                target=_drain, args=(process,), name="exchange-output", daemon=True
            ).start()
            return msgspec.json.decode(line, type=Listening)
        self.stop()
        process.stdout.close()
        told = self._last_words()
        if process.returncode == 2:
            raise ConfigurationInvalid(f"the simulated exchange cannot start: {told}")
        raise VenueUnreachable(f"the simulated exchange did not start: {told}")

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
            logger.warning("the simulated exchange did not stop; killing it")
            process.kill()
            process.wait()

    def _last_words(self) -> str:
        log = (self._folder / "exchange.log").read_text(errors="replace")
        return log[-_TOLD_MAX:].strip() or "it said nothing"


def _drain(process: "subprocess.Popen[bytes]") -> None:
    """Read what it prints after its first line, which is nothing, so that no pipe ever fills."""
    assert process.stdout is not None
    with process.stdout as output:
        for _ in output:
            pass
