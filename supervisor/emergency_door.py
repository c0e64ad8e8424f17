"""The door that an emergency stop comes through from outside of the tree.

Whoever pulls it (socket, signal, file, watchdog, later the web page) sets the halt latch first,
which needs nobody else to live; then session keeper and order router are told in their control
lanes. One thread waits for the disk: it looks for the file that stops everything, and has it there
whenever the latch is set.
"""

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from loguru import logger

from actors import addresses
from adapters.halt_latch import Latch
from state.messages.operations import SessionWanted
from state.messages.orders import SweepOrders
from state.values import Session

LOOK_EVERY_S = 0.04
"""A file that is put there is noticed within 100 ms, whatever else goes on."""


class EmergencyDoor:
    """One per process.

    Args:
        latch: Set before anything else is done.
        tell: Puts a message into the control lane of an address, from any thread, without waiting.
    """

    def __init__(self, latch: Latch, tell: Callable[[str, object], object]) -> None:
        self._latch = latch
        self._tell = tell
        self._pulled: SimpleQueue[tuple[str, str]] = SimpleQueue()
        """By signal handlers, which may interrupt anybody who holds any lock."""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="emergency-door", daemon=True)

    def open(self) -> None:
        """Look for the file now, so that nothing is begun beside it, and from now on."""
        self._look()
        self._thread.start()

    def pull(self, reason: str, caller: str) -> None:
        """Stop everything. Any thread may call, as often as it likes; never waits."""
        self._latch.set(reason)
        self._announce(reason, caller)

    def pull_from_signal(self, reason: str, caller: str) -> None:
        """Stop everything, from within a signal handler: the latch now, the rest in a moment."""
        self._latch.set(reason)
        self._pulled.put((reason, caller))

    def close(self) -> None:
        """Look for the file no more."""
        self._closed.set()
        self._pulled.put(("", ""))
        self._thread.join(1.0)

    def _watch(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(Empty):
                reason, caller = self._pulled.get(timeout=LOOK_EVERY_S)
                if caller:
                    self._announce(reason, caller)
            self._look()

    def _look(self) -> None:
        found = self._latch.look()
        if found is not None:
            self.pull(found, "file")
            self._latch.look()

    def _announce(self, reason: str, caller: str) -> None:
        # To both: neither relies on the other.
        self._tell(addresses.ORDER_ROUTER, SweepOrders(reason=reason))
        wish = SessionWanted(session=Session.EMERGENCY, reason=reason, caller=caller)
        self._tell(addresses.SESSION_KEEPER, wish)
        logger.critical("emergency stop by {}: {}", caller, reason)
