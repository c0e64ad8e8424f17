"""The simulated exchange as a process of its own, started and kept alive for a house without one.

What it holds for us is in its database, so a new one goes on where the old one was.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.server_process import READY_S, ServerProcess

__all__ = ["READY_S", "ExchangeProcess", "Listening"]


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
        command = ["exchange", "--pairs", ",".join(pairs), "--seed", str(seed)]
        command += ["--db", str(folder / "exchange.db"), "--exit-with-parent"]
        name = "the simulated exchange"
        self._server = ServerProcess(command, name=name, log="exchange.log", folder=folder)

    def start(self, port: int = 0) -> Listening:
        """Start it and wait until it listens.

        Args:
            port: Where; 0 for any that is free.

        Raises:
            ConfigurationInvalid: It cannot do what it was told; the text is its own.
            VenueUnreachable: It did not come up in time.
        """
        return msgspec.json.decode(self._server.start(port), type=Listening)

    @property
    def starts(self) -> int:
        """How often it was started."""
        return self._server.starts

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._server.alive

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._server.pid

    def stop(self) -> None:
        """Ask it to stop, and make it stop when it does not."""
        self._server.stop()
