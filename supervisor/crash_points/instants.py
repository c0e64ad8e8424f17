"""The moments at which a house may be struck, and how it is struck there. Pure."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct

from state.messages.venue import AmendOrder, Outcome, PlaceOrder, VenueRequest
from state.values import ClientOrderId


class Site(StrEnum):
    """What has just happened, or is about to."""

    STEP = "step"
    """An actor has handled a message, or the world has done something."""
    HANDLE = "handle"
    """A handler is about to begin."""
    SEND = "send"
    """A handler is about to send: what it sent before has left, the rest has not."""
    BEGIN = "begin"
    """A transaction is about to begin."""
    SNAPSHOT = "snapshot"
    """A transaction holds some of the snapshots that it is to hold."""
    WRITTEN = "written"
    """A transaction holds all of its records and is not committed."""
    COMMITTING = "committing"
    """Written to the file, and nobody knows yet whether the platter has it."""
    SYNCED = "synced"
    """The commit has returned, and nobody has been told."""
    CHECKPOINT = "checkpoint"
    """The log is about to be moved into the file."""
    HANDED = "handed"
    """A request has been handed to the gateway, no byte of it has left."""
    SENT = "sent"
    """Every byte of a request has left."""
    RECEIVED = "received"
    """An answer is there, and has not been read."""
    PUSHED = "pushed"
    """A push of the private stream is there, and has not been read."""


class Fate(StrEnum):
    """How the house is struck."""

    KILL = "kill"
    """The process ends: what was written stays, synced or not."""
    POWER = "power"
    """The machine ends: what was not synced may be lost."""
    TORN = "torn"
    """The process ends with half of a request's bytes on the wire."""
    CRASH = "crash"
    """The handler raises; the actor is restarted, the process lives."""
    LOST = "request_lost"
    ANSWER_LOST = "answer_lost"
    LATE = "request_late"
    """Delivered late, within its validity."""
    TOO_LATE = "request_too_late"
    """Delivered when the order has long been given up."""
    ANSWER_LATE = "answer_late"


ENDS_LIFE = frozenset({Fate.KILL, Fate.POWER, Fate.TORN})
WIRE = (Fate.LOST, Fate.ANSWER_LOST, Fate.LATE, Fate.TOO_LATE, Fate.ANSWER_LATE)


class Blow(Struct, frozen=True, kw_only=True):
    """One strike: the `at`-th instant of a life, and how. Its text is `137=kill`."""

    at: int
    fate: Fate
    back: int = 0
    """Of a power loss: how many of the newest commits are lost, unsynced ones only."""

    def __str__(self) -> str:
        return f"{self.at}={self.fate}" + (f"-{self.back}" if self.back else "")

    @classmethod
    def of(cls, text: str) -> "Blow":
        """Return the blow that `text` says.

        Raises:
            ValueError: It says none.
        """
        at, _, what = text.partition("=")
        fate, _, back = what.partition("-")
        return cls(at=int(at), fate=Fate(fate), back=int(back or 0))


class Flight(Struct):
    """One request of this life on its way. Changed as it travels."""

    request: VenueRequest
    sent: bool = False
    received: bool = False
    outcome: Outcome | None = None
    travels_until_ns: int = 0
    """Of a request that is delayed: when it arrives, by the runtime's clock."""
    left_lots: int | None = None
    """Of a cancel: what was left of the order when it was handed over."""

    @property
    def name(self) -> ClientOrderId:
        """The order it is about; empty when about none in particular."""
        name: ClientOrderId = getattr(self.request, "client_order_id", ClientOrderId(""))
        return name

    @property
    def changes_orders(self) -> bool:
        """Whether an order may come of it."""
        return isinstance(self.request, PlaceOrder | AmendOrder)


Watch = Callable[[Site, Any], None]
"""Told of every instant; may not return: then the house has been struck."""
