"""What stands at the edge of the simulated process: an ear, and a latch that is watched."""

from collections.abc import Callable

from actors.kernel import Actor
from actors.kernel.lifecycle import ChildReport
from adapters.halt_latch import Latch
from state.messages.operations import SessionState


class Door(Actor):
    """Hears what the root, the session and the desk's wishes come to."""

    def __init__(self, heard: Callable[[object], None]) -> None:
        super().__init__()
        self._heard = heard

    def on_start(self) -> None:
        """Listen to the session and to the supervisors."""
        self.subscribe(SessionState)
        self.subscribe(ChildReport)

    def on_receive(self, message: object) -> None:
        """Pass it on."""
        self._heard(message)


class WatchedLatch(Latch):
    """A latch that tells when it is set."""

    def __init__(self, on_set: Callable[[], None]) -> None:
        super().__init__()
        self._on_set = on_set

    def set(self, reason: str) -> None:
        """See `adapters.ports.HaltLatch.set`."""
        super().set(reason)
        self._on_set()
