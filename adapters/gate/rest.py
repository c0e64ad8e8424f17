"""The `Exchange` port over Gate's REST interface and, where an order must be fast, its socket."""

from collections.abc import Callable
from functools import partial

from loguru import logger
from msgspec import Struct

from adapters.gate.api_frames import ApiAnswer
from adapters.gate.entering import Enterable, call_for, enterable, outcome_of
from adapters.gate.lanes import Job, Lane, RateKey, RateWindows
from adapters.gate.order_entry import Entered, OrderEntry
from adapters.gate.rate_limit import CANCEL, PLACE, PRIVATE, PUBLIC
from adapters.gate.reads import Read
from adapters.gate.rest_calls import NOT_SENT, RestCalls
from adapters.gate.sdk import GateSdk, Timeouts
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import UNMEASURED, Skew, venue_ns
from adapters.ports import Clock
from state.messages.venue import (
    AmendOrder,
    ArmCountdown,
    CancelPlaced,
    CancelTrigger,
    FetchBook,
    FetchCandles,
    FetchOpenOrders,
    FetchRules,
    FetchTime,
    Outcome,
    PlaceOrder,
    PlaceTrigger,
    Refused,
    Unknown,
    VenueAnswer,
    VenueRequest,
)
from state.values import NS_PER_MS, NS_PER_S

Deliver = Callable[[VenueAnswer], None]

_QUEUED_MAX = 512
_UNSIGNED = FetchRules | FetchBook | FetchCandles | FetchTime


class _Lanes(Struct, frozen=True, kw_only=True):
    """Cancels and the countdown have threads that nothing else may keep busy."""

    place: Lane
    cancel: Lane
    read: Lane

    def all(self) -> tuple[Lane, ...]:
        return (self.place, self.cancel, self.read)


class _Errand(Struct, frozen=True):
    """A request on its way, and whom to tell."""

    request: VenueRequest
    deliver: Deliver
    lane: Lane
    key: RateKey


class GateExchange:
    """See `adapters.ports.Exchange`. Nothing is ever sent twice.

    What the order entry serves goes over its socket while that is ready, else over REST, and so
    does what the socket declined, for of that nothing has left. Both ways count in the same rate
    windows, ask the same permit and read the same outcomes.

    Besides Gate's labels a `Refused` may carry one of ours, with status 0, for a request that
    never left: `HALTED` (no permit), `REQUEST_EXPIRED` (too late), `CLOCK` (the exchange's and ours
    differ too much for anything signed) or `NOT_SENT` (queue full, or closing). `NOT_SENT` because
    of a full queue is delivered on the caller's thread.
    """

    def __init__(
        self,
        *,
        rest_url: str,
        credentials: Credentials | None,
        clock: Clock,
        skew: Skew = UNMEASURED,
        permit: Callable[[VenueRequest], str | None] = lambda _: None,
        timeouts: Timeouts | None = None,
        account: str = "spot",
        entry: OrderEntry | None = None,
    ) -> None:
        """Start the threads; nothing is sent yet.

        Args:
            rest_url: With `/api/v4`, without a slash at the end.
            credentials: None allows public requests only.
            clock: Ours.
            skew: The exchange's clock, which signatures carry; answers teach it.
            permit: Asked immediately before each placement or amendment is written, about that
                request; a reason it returns turns it into `Refused("HALTED", reason)`.
            timeouts: Of each call; a request that reads several pages makes several calls.
            account: Gate's name for the account to trade on.
            entry: The low-latency way; closed with us. None leaves everything to REST.
        """
        self._clock = clock
        self._skew = skew
        self._permit = permit
        self._timeouts = timeouts or Timeouts()
        self._account = account
        self._entry = entry
        self._windows = RateWindows(clock.monotonic_ns)
        self._rest = RestCalls(
            sdk=GateSdk(
                rest_url=rest_url,
                credentials=credentials,
                venue_time_s=lambda: venue_ns(clock, skew) / NS_PER_S,
                timeouts=self._timeouts,
                account=account,
            ),
            windows=self._windows,
            clock=clock,
            skew=skew,
            account=account,
            last_look=self._last_look,
            cancel_expires_ms=self._cancel_expires_ms,
        )
        self._lanes = _Lanes(
            place=Lane("gate-place", self._windows, threads=2, capacity=_QUEUED_MAX),
            cancel=Lane("gate-cancel", self._windows, threads=2, capacity=_QUEUED_MAX),
            read=Lane("gate-read", self._windows, threads=2, capacity=_QUEUED_MAX),
        )

    def request(self, request: VenueRequest, deliver: Deliver) -> None:
        """See `adapters.ports.Exchange.request`."""
        errand = _Errand(request, deliver, *self._route(request))
        entering = self._entering(request)
        # Who waits in the lane for this window came first.
        if entering is None or errand.lane.waits(errand.key) or self._windows.try_take(errand.key):
            self._queue(errand)
        else:
            self._enter(errand, entering)

    def close(self, deadline_s: float) -> bool:
        """Refuse what waits, let finish what runs; return whether all of it did in time."""
        until_ns = self._clock.monotonic_ns() + int(deadline_s * NS_PER_S)

        def left_s() -> float:
            return max(0.0, (until_ns - self._clock.monotonic_ns()) / NS_PER_S)

        for lane in self._lanes.all():
            lane.stop()
        ended = [] if self._entry is None else [self._entry.close(left_s())]
        ended += [lane.join(left_s()) for lane in self._lanes.all()]
        self._rest.sdk.close()
        return all(ended)

    def _route(self, request: VenueRequest) -> tuple[Lane, RateKey]:
        kind = type(request).__name__
        match request:
            case PlaceOrder() | AmendOrder():
                return self._lanes.place, (PLACE, request.pair)
            case PlaceTrigger():
                return self._lanes.place, (PRIVATE, kind)
            case CancelPlaced() | CancelTrigger():
                return self._lanes.cancel, (CANCEL, "cancel")
            case ArmCountdown() | FetchOpenOrders():
                # Whoever has cancelled everything asks what rests, and must not wait for others.
                return self._lanes.cancel, (PRIVATE, kind)
            case _ if isinstance(request, _UNSIGNED):
                return self._lanes.read, (PUBLIC, kind)
            case _ if isinstance(request, Read):
                return self._lanes.read, (PRIVATE, kind)
            case _:
                raise TypeError(f"no request of ours: {kind}")

    def _entering(self, request: VenueRequest) -> Enterable | None:
        """Return `request` where it would go over the socket now."""
        return enterable(request) if self._entry is not None and self._entry.ready else None

    def _queue(self, errand: _Errand) -> None:
        job = Job(
            key=errand.key,
            run=partial(self._set_out, errand),
            abandon=partial(self._answer, errand, NOT_SENT),
            # Hundreds of them at a start, and nobody trades any sooner for having them.
            patient=isinstance(errand.request, FetchCandles),
        )
        if not errand.lane.put(job):
            job.abandon()

    def _set_out(self, errand: _Errand) -> None:
        """Send what is counted, on a thread of its lane."""
        entering = self._entering(errand.request)
        if entering is None:
            self._by_rest(errand)
        else:
            self._enter(errand, entering)

    def _enter(self, errand: _Errand, request: Enterable) -> None:
        assert self._entry is not None, "only it makes a request enterable"
        entered = Entered(
            call=call_for(request, self._account, self._cancel_expires_ms()),
            last_look=partial(self._last_look, request),
            settled=partial(self._settled, errand),
            declined=partial(self._declined, errand),
        )
        if not self._entry.enter(entered):
            self._declined(errand)

    def _declined(self, errand: _Errand) -> None:
        """Send over REST what was counted, but has not left."""
        job = Job(
            key=errand.key,
            run=partial(self._by_rest, errand),
            abandon=partial(self._never_sent, errand),
            counted=True,
        )
        if not errand.lane.put(job):
            job.abandon()

    def _by_rest(self, errand: _Errand) -> None:
        self._answer(errand, self._rest.outcome(errand.request, errand.lane, errand.key))

    def _never_sent(self, errand: _Errand) -> None:
        self._windows.give_back(errand.key)
        self._answer(errand, NOT_SENT)

    def _settled(self, errand: _Errand, result: ApiAnswer | Refused | Unknown) -> None:
        """Learn from what came of a call over the socket."""
        outcome: Outcome
        match result:
            case ApiAnswer():
                now_s = venue_ns(self._clock, self._skew) / NS_PER_S
                self._windows.ended(errand.key, result.status, result.head_room(now_s))
                outcome = outcome_of(result)
            case Refused():
                self._windows.give_back(errand.key)
                outcome = result
            case Unknown():
                self._windows.ended(errand.key)
                outcome = result
        self._answer(errand, outcome)

    def _last_look(self, request: VenueRequest) -> Refused | None:
        """Return why `request` must not leave, when nothing but its writing is left to do."""
        if not isinstance(request, _UNSIGNED) and (refused := self._skew.refusal()) is not None:
            return refused
        if isinstance(request, PlaceOrder | AmendOrder | PlaceTrigger):
            if venue_ns(self._clock, self._skew) >= request.expires_at_ns:
                return Refused(label="REQUEST_EXPIRED", message="it expired before it was sent")
            # Last of all, so that as little time as possible lies between the permit and the wire.
            if (reason := self._permit(request)) is not None:
                return Refused(label="HALTED", message=reason)
        return None

    def _cancel_expires_ms(self) -> int | None:
        # By a clock nobody has compared, an expiry could refuse what must get through.
        if self._skew.offset_ns() is None:
            return None
        now_ms = venue_ns(self._clock, self._skew) // NS_PER_MS
        return now_ms + int(self._timeouts.total_s * 1000)

    def _answer(self, errand: _Errand, outcome: Outcome) -> None:
        try:
            errand.deliver(VenueAnswer.to(errand.request, outcome))
        except Exception:  # noqa: BLE001 - the thread serves others too
            logger.exception(
                "the answer to {} could not be delivered", type(errand.request).__name__
            )
