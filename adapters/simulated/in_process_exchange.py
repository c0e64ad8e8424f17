"""The `Exchange` port over the in-process venue: requests that travel, are lost or come late."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final, Protocol

from msgspec.structs import replace

from adapters.simulated.book_memory import BookMemory
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.venue import Venue
from adapters.simulated.distortions import distorted_outcome
from adapters.simulated.faults import FaultName, FaultOrder, FaultPlan, Site
from adapters.simulated.network import Network
from adapters.simulated.outcomes import ENDPOINTS, outcome
from adapters.simulated.rate_limits import LimitClass, RateLimited, RateLimits
from adapters.simulated.stage import Stage
from state.messages.venue import (
    AmendOrder,
    Outcome,
    PlaceOrder,
    PlaceTrigger,
    Refused,
    Succeeded,
    Unknown,
    VenueAnswer,
    VenueRequest,
)
from state.values import TimeNs, VenueOrderId

Deliver = Callable[[VenueAnswer], None]


class Host(Protocol):
    """What of the in-process venue its ports use."""

    venue: Venue
    chance: Random
    network: Network
    faults: FaultPlan
    limits: RateLimits | None
    memory: BookMemory
    stage: Stage
    now_ns: Callable[[], int]
    true_now_ns: Callable[[], int]
    """Without the jumps of the venue's clock: what clients wait by."""
    schedule: Callable[[int, Callable[[], None]], None]

    def turn(self) -> None:
        """Do what is due now and tell it."""
        ...


class Life(Protocol):
    """Whether the client is still there."""

    alive: bool


_TOO_MANY: Final = Refused(
    label="TOO_MANY_REQUESTS", message="Request Rate limit Exceeded (211)", status=429
)
_NOT_HANDLED: Final[dict[FaultName, Outcome]] = {
    FaultName.SERVER_ERROR: Unknown(reason="status 500: SERVER_ERROR"),
    FaultName.RATE_LIMITED: _TOO_MANY,
    FaultName.RATE_LIMIT_STORM: _TOO_MANY,
}


class _Sent:
    """One request on its way."""

    def __init__(
        self, request: VenueRequest, deliver: Deliver, sent_ns: int, fault: FaultOrder | None
    ) -> None:
        self.request = request
        self.deliver = deliver
        self.sent_ns = sent_ns
        self.fault = fault
        self.answered = False

    def struck_by(self, *names: FaultName) -> bool:
        return self.fault is not None and self.fault.fault in names

    @property
    def delay_ns(self) -> int:
        return 0 if self.fault is None else self.fault.delay_ns


class InProcessExchange:
    """See `adapters.ports.Exchange`. Serves one life of one client."""

    def __init__(
        self,
        host: Host,
        life: Life,
        account: Account,
        now_ns: Callable[[], int],
        permit: Callable[[VenueRequest], str | None],
    ) -> None:
        self._host = host
        self._life = life
        self._account = account
        self._client_now_ns = now_ns
        self._permit = permit

    def request(self, request: VenueRequest, deliver: Deliver) -> None:
        """See `adapters.ports.Exchange.request`."""
        host = self._host
        refused = self._not_sent(request)
        if refused is not None:
            sent = _Sent(request, deliver, host.true_now_ns(), None)
            host.schedule(0, partial(self._answer, sent, refused))
            return
        subject, _ = ENDPOINTS[type(request)]
        now_ns = host.now_ns()
        fault = host.faults.strike(Site.REQUEST, subject, now_ns)
        sent = _Sent(request, deliver, host.true_now_ns(), fault)
        travel_ns = host.network.latency_ns(host.chance)
        if sent.struck_by(FaultName.REQUEST_LOST):
            self._answer_after(sent, travel_ns + sent.delay_ns, _CUT)
            return
        if sent.struck_by(FaultName.REQUEST_LATE):
            travel_ns += sent.delay_ns
        if travel_ns >= host.network.timeout_ns:
            self._answer_after(sent, host.network.timeout_ns, _TIMED_OUT)
        host.schedule(travel_ns, partial(self._arrive, sent))

    def _not_sent(self, request: VenueRequest) -> Refused | None:
        """Return why a placement must not leave, as the real client checks it."""
        if not isinstance(request, PlaceOrder | AmendOrder | PlaceTrigger):
            return None
        if self._client_now_ns() >= request.expires_at_ns:
            return Refused(label="REQUEST_EXPIRED", message="it expired before it was sent")
        if (reason := self._permit(request)) is not None:
            return Refused(label="HALTED", message=reason)
        return None

    def _arrive(self, sent: _Sent) -> None:
        """Handle a request at the venue."""
        host = self._host
        host.turn()
        if host.stage.closed:
            result: Outcome = Unknown(reason="status 503: TOO_BUSY")
        elif sent.fault is not None and sent.fault.fault in _NOT_HANDLED:
            result = _NOT_HANDLED[sent.fault.fault]
        else:
            result = self._handled(sent)
            host.turn()
        back_ns = host.network.latency_ns(host.chance)
        if sent.struck_by(FaultName.ANSWER_LOST):
            self._answer_at_last(sent, back_ns + sent.delay_ns, _CUT)
            return
        if sent.struck_by(FaultName.SERVER_ERROR_ACCEPTED):
            result = _NOT_HANDLED[FaultName.SERVER_ERROR]
        if sent.struck_by(FaultName.ANSWER_LATE):
            back_ns += sent.delay_ns
        self._answer_at_last(sent, back_ns, result)

    def _handled(self, sent: _Sent) -> Outcome:
        host, request = self._host, sent.request
        now_ns = host.now_ns()
        if host.limits is not None:
            subject, limit = ENDPOINTS[type(request)]
            what = request.pair if isinstance(request, PlaceOrder | AmendOrder) else subject
            who = self._account.name
            counted = who if limit is LimitClass.CANCEL else f"{who} {what}"
            try:
                host.limits.count(limit, counted, now_ns)
            except RateLimited:
                return _TOO_MANY
        ahead_ns = sent.delay_ns if sent.struck_by(FaultName.CLOCK_SKEW) else 0
        return self._by_clock(sent, now_ns, ahead_ns)

    def _by_clock(self, sent: _Sent, now_ns: int, ahead_ns: int) -> Outcome:
        """Handle what arrived by a clock that is `ahead_ns` off."""
        venue, account, request = self._host.venue, self._account, sent.request
        if isinstance(request, PlaceOrder | AmendOrder):
            request = replace(request, expires_at_ns=TimeNs(request.expires_at_ns - ahead_ns))
        if sent.struck_by(FaultName.BOOK_STALE):
            with self._host.memory.showing(now_ns - sent.delay_ns):
                return outcome(venue, account, request, now_ns)
        result = outcome(venue, account, request, now_ns)
        if isinstance(result, Succeeded) and result.time is not None:
            told = replace(result.time, venue_ns=TimeNs(result.time.venue_ns + ahead_ns))
            return replace(result, time=told)
        if sent.fault is None:
            return result
        return distorted_outcome(sent.fault, request, result, self._created_ns, now_ns)

    def _created_ns(self, name: VenueOrderId) -> int:
        order = self._host.venue.index.find(self._account.name, name, self._host.now_ns())
        assert order is not None, "an answer tells of orders the venue knows"
        return order.created_ns

    def _answer_at_last(self, sent: _Sent, back_ns: int, result: Outcome) -> None:
        """Deliver `result` after `back_ns`, or what the client makes of waiting too long."""
        left_ns = sent.sent_ns + self._host.network.timeout_ns - self._host.true_now_ns()
        if back_ns > left_ns:
            back_ns, result = left_ns, _TIMED_OUT
        self._answer_after(sent, back_ns, result)

    def _answer_after(self, sent: _Sent, delay_ns: int, result: Outcome) -> None:
        delay_ns = max(0, min(delay_ns, self._host.network.timeout_ns))
        self._host.schedule(delay_ns, partial(self._answer, sent, result))

    def _answer(self, sent: _Sent, result: Outcome) -> None:
        if sent.answered or not self._life.alive:
            return
        sent.answered = True
        if isinstance(result, Succeeded) and result.time is not None:
            answered = replace(result.time, answered_at_ns=TimeNs(self._client_now_ns()))
            result = replace(result, time=answered)
        sent.deliver(VenueAnswer.to(sent.request, result))


_CUT = Unknown(reason="the connection was cut")
_TIMED_OUT = Unknown(reason="no answer in time")
