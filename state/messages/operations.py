"""Running the house: sessions, health, alerts, and what an operator may ask."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from state.messages.flow import HopLatency
from state.messages.orders import OrdersSwept
from state.values import Pair, Session, TimeNs


class EpochBegan(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: a process took the data directory; older writers are fenced by the number."""

    epoch: int
    version: str
    at_ns: TimeNs


class SessionChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: what somebody wants the house to do from now on; it survives everything."""

    session: Session
    reason: str
    caller: str
    at_ns: TimeNs
    exits_allowed: bool = False
    """In an emergency: whether sales that flatten a position may leave all the same."""


class OperatorCommanded(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: somebody asked for something that changes the house."""

    method: str
    params: dict[str, Any]
    caller: str
    at_ns: TimeNs
    idempotency_key: str | None = None


class Severity(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertRaised(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: somebody should look."""

    alert: str
    """Stable name: equal names are one alert."""
    severity: Severity
    text: str
    at_ns: TimeNs
    trace_id: str = ""


class ReconcileWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the ledger keeper: compare now."""

    accept: str = ""
    """Book what differs as funds moved, for this reason; empty: only compare."""


class PairDrained(Struct, frozen=True, kw_only=True, tag=True):
    """To the session keeper: nothing is out, and what is held nobody would take.

    From the pair's trader, or from its protection actor where that one is parked.
    """

    pair: Pair


class ReadinessWanted(Struct, frozen=True, kw_only=True, tag=True):
    """From the session keeper: are you ready, by all that is known now?"""

    asked: int = 0
    """Grows with each question: an answer to an earlier one says nothing about now."""


class PartReady(Struct, frozen=True, kw_only=True, tag=True):
    """Told to the session keeper: this part has recovered and agrees with the exchange."""

    part: str
    asked: int = 0
    """The newest question that it knows of; others than protectors are not asked."""


class PartNotReady(Struct, frozen=True, kw_only=True, tag=True):
    """Told to the session keeper: this part must recover before anybody trades."""

    part: str
    reason: str


class SessionState(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the session keeper: what the house may do now."""

    session: Session
    reason: str
    """Who or what made it so, in words."""
    since_ns: TimeNs
    exits_allowed: bool = False
    """In an emergency: whether sales that flatten a position may leave all the same."""
    pairs: dict[Pair, Session] = {}
    """What single pairs were told to do: PAUSED, DRAINING or STOPPED."""

    def of(self, pair: Pair) -> Session:
        """Return what may be done in `pair`: the stricter of its own session and everybody's."""
        own = self.pairs.get(pair, Session.READY)
        return max(own, self.session, key=_STRICTNESS.index)


_STRICTNESS = (
    Session.READY,
    Session.PAUSED,
    Session.DRAINING,
    Session.STARTING,
    Session.STOPPED,
    Session.EMERGENCY,
)


class PairSessionChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: a single pair was told to do something else; READY: nothing of its own."""

    pair: Pair
    session: Session
    reason: str
    caller: str
    at_ns: TimeNs


class ClockMeasured(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the health monitor: the exchange's clock against ours."""

    offset_ns: int
    """Exchange's clock minus ours."""
    uncertainty_ns: int
    """Half the round trip."""
    at_ns: TimeNs
    steady_ns: int | None = None
    """Exchange's clock minus our monotonic one, which no step of our wall clock moves."""

    def venue_ns(self, now_ns: int, monotonic_ns: int) -> int:
        """Return what the exchange's clock shows when ours show this."""
        if self.steady_ns is None:
            return now_ns + self.offset_ns
        return monotonic_ns + self.steady_ns


class ClockWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the health monitor: tell me the newest `ClockMeasured`, now and not only the next."""

    reply_to: str


class StreamStateWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the account stream: tell me whether it is open."""

    reply_to: str


class SessionSought(Struct, frozen=True, kw_only=True, tag=True):
    """To the session keeper: tell me the session."""

    reply_to: str


class SessionWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Ask the session keeper for another session; answered by `SessionAnswer`."""

    session: Session
    reason: str
    caller: str
    resets_emergency: bool = False
    """Whether this may end an emergency stop: no other wish does."""
    flattens: bool = False
    """Whether positions are to be sold now, in an emergency as well."""
    pair: Pair | None = None
    """Of one pair alone; None: of all."""
    reply_to: str = ""
    request: str = ""


class SessionAnswer(Struct, frozen=True, kw_only=True, tag=True):
    """What the session keeper made of a wish."""

    request: str
    session: Session
    """The session now."""
    refused: str = ""
    """Why not, empty when granted."""
    swept: OrdersSwept | None = None
    """To an emergency stop: what became of our orders, None when nobody could tell in time."""
    is_journalled: bool = False
    """To an emergency stop: whether it is on the disk."""


class AdminRequest(Struct, frozen=True, kw_only=True, tag=True):
    """One call from the admin socket."""

    connection: int
    request_id: int | str | None
    method: str
    params: dict[str, Any]
    caller: str


class AdminHungUp(Struct, frozen=True, kw_only=True, tag=True):
    """A connection of the admin socket has ended: nothing more can be told there."""

    connection: int


class HealthSampled(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the health monitor: what the process costs."""

    at_ns: TimeNs
    cpu_percent: float
    """Of one core."""
    rss_bytes: int
    rss_slope_bytes_h: float
    """Least-squares slope over the sampling window."""
    threads: int
    fds: int
    clock_offset_ms: float | None
    """Exchange's clock minus ours; None until measured."""
    clock_uncertainty_ms: float | None
    mailbox_depth_max: int
    mailbox_oldest_ms: float
    restarts: int
    latency: tuple[HopLatency, ...] = ()
    """Of the way of a book update, hop by hop; those that were measured."""
