"""The halt latch behind its port: one attribute, read by whoever is about to write an order."""

import threading
from collections.abc import Callable

from adapters.halt_file import HaltFile
from adapters.ports import HaltLatch
from state.messages.venue import PlaceOrder, VenueRequest
from state.values import Purpose, Side


class Latch:
    """The `HaltLatch` port within one process. Reading and setting are atomic.

    Args:
        file: What keeps it over the end of the process; None where only the journal does.
    """

    def __init__(self, file: HaltFile | None = None) -> None:
        self._reason: str | None = None
        self._exits_allowed = False
        self._file = file
        self._keeping = threading.Lock()

    @property
    def reason(self) -> str | None:
        """See `adapters.ports.HaltLatch.reason`."""
        return self._reason

    @property
    def exits_allowed(self) -> bool:
        """See `adapters.ports.HaltLatch.exits_allowed`."""
        return self._exits_allowed

    def stops(self, side: Side, purpose: Purpose) -> str | None:
        """See `adapters.ports.HaltLatch.stops`."""
        reason = self._reason
        if reason is None:
            return None
        leaves = self._exits_allowed and side is Side.SELL and purpose is Purpose.FLATTEN
        return None if leaves else reason

    def set(self, reason: str) -> None:
        """See `adapters.ports.HaltLatch.set`. No lock, no disk: a signal handler may call it."""
        self._reason = self._reason or reason or "halted"

    def allow_exits(self) -> None:
        """See `adapters.ports.HaltLatch.allow_exits`."""
        self._exits_allowed = True

    def release(self) -> str:
        """See `adapters.ports.HaltLatch.release`; its file is removed first."""
        with self._keeping:
            refused = "" if self._file is None else self._file.remove()
            if not refused:
                self._exits_allowed = False
                self._reason = None
            return refused

    def look(self) -> str | None:
        """Return what its file says, and write the file where the latch is set without one.

        Called again and again by the one thread that may wait for the disk; what it returns is
        the reason of a file that nobody has taken notice of yet.
        """
        if self._file is None:
            return None
        with self._keeping:
            if self._reason is not None:
                self._file.keep(self._reason)
                return None
            return self._file.found()


def permit_of(latch: HaltLatch) -> Callable[[VenueRequest], str | None]:
    """Return what adapters ask right before they write an order: why it may not leave."""

    def permit(request: VenueRequest) -> str | None:
        if isinstance(request, PlaceOrder):
            return latch.stops(request.side, request.purpose)
        return latch.reason

    return permit
