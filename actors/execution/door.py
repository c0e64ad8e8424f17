"""What the order router lets the concerns it is made of do: record, request, tell, nothing else."""

from typing import Protocol

from state.messages.journal import Entry
from state.messages.venue import VenueRequest
from state.values import TimeNs


class Door(Protocol):
    """The router, as its parts see it."""

    def now_ns(self) -> TimeNs:
        """Return the time."""
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
        """Ask the exchange; the answer comes as a message."""
        ...

    def alert(self, alert: str, text: str) -> None:
        """Have somebody look."""
        ...
