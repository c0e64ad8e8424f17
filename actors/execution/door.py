"""What the order router lets the concerns it is made of do.

Each concern is a plain object with its own memory. Together they are one actor: one mailbox, one
life, and only the router hears messages.
"""

from typing import Protocol

from msgspec import Struct

from actors.kernel import Timer
from state.messages.journal import Entry
from state.messages.operations import ClockMeasured
from state.messages.venue import Outcome, VenueRequest
from state.values import Purpose, Side, TimeNs


class Answered(Struct, frozen=True):
    """An answer, and when its question was asked: equal questions are asked again and again."""

    asked_ns: int
    """Monotonic."""
    request: VenueRequest
    outcome: Outcome


class Wish(Protocol):
    """What may leave or not by its side and purpose: an approval, an intent, a parent's."""

    @property
    def side(self) -> Side:
        """Which way it goes."""
        ...

    @property
    def purpose(self) -> Purpose:
        """What it is for."""
        ...


class Expiring(Protocol):
    """Something that was approved, as far as it matters until when it may leave."""

    @property
    def expires_at_ns(self) -> TimeNs:
        """By the wall clock."""
        ...

    @property
    def expires_monotonic_ns(self) -> int:
        """By the monotonic one."""
        ...


class Door(Protocol):
    """The router, as its parts see it."""

    clock: ClockMeasured | None
    """The exchange's clock; None before it was measured."""
    last_seq: int | None
    """Up to where the journal has been folded; None before the books came."""

    def now_ns(self) -> TimeNs:
        """Return the time, ours."""
        ...

    def venue_ns(self) -> int:
        """Return the time by the exchange's clock; it has to be known."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds since some fixed instant."""
        ...

    def after(self, delay_s: float, message: object) -> Timer:
        """Have the router hear `message` after `delay_s`."""
        ...

    def tell(self, address: str, message: object) -> bool:
        """Send data."""
        ...

    def tell_control(self, address: str, message: object) -> bool:
        """Send something that overtakes data."""
        ...

    def record(self, entries: list[Entry], *, durable: bool = False) -> None:
        """Have the journal remember `entries`; said again until it answers."""
        ...

    def request(self, request: VenueRequest) -> None:
        """Ask the exchange; the answer comes as `Answered`."""
        ...

    def why_not(self, wish: Wish) -> str | None:
        """Return why this may not be sent now, None when it may."""
        ...

    def alert(self, alert: str, text: str) -> None:
        """Have somebody look."""
        ...


def has_expired(approved: Expiring, door: Door) -> bool:
    """Whether it may leave no more, by either clock: the wall's may have leapt back."""
    is_late = door.now_ns() > approved.expires_at_ns
    return is_late or door.monotonic_ns() > approved.expires_monotonic_ns
