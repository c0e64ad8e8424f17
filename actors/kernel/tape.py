"""What some actors heard, and when: enough to have them live it again.

A recorded actor's clock stands still within a handler, so that message and instant are all that its
next state depends on.
"""

from typing import NamedTuple, Protocol

from actors.kernel.snapshots import Stored


class Instant(NamedTuple):
    """One moment, by both clocks."""

    now_ns: int
    monotonic_ns: int


class Tape(Protocol):
    """Where a recorded actor's life goes. Called on the actor's thread: neither call blocks."""

    def born(self, address: str, incarnation: int, at: Instant, snapshot: Stored | None) -> None:
        """Note a birth, before `on_start`, and the snapshot that it began with."""
        ...

    def handled(self, address: str, incarnation: int, at: Instant, message: object) -> None:
        """Note a message, before its handler."""
        ...
