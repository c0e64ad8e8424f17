"""The `Exchange` port over Gate's REST interface."""

from collections.abc import Callable
from functools import partial

from loguru import logger
from msgspec import Struct

from adapters.gate import codec
from adapters.gate.lanes import Job, Lane, RateKey, RateWindows
from adapters.gate.outcomes import failure
from adapters.gate.rate_limit import CANCEL, PLACE, PRIVATE, PUBLIC
from adapters.gate.reads import CallFailed, Read, read
from adapters.gate.sdk import GateSdk, NoReply, Reply, Timeouts
from adapters.gate.signing import Credentials
from adapters.ports import Clock
from state.errors import VenueMalformed
from state.messages.venue import (
    ArmCountdown,
    CancelPlaced,
    FetchBook,
    FetchRules,
    FetchTime,
    Outcome,
    PlaceOrder,
    Refused,
    Succeeded,
    Unknown,
    VenueAnswer,
    VenueRequest,
)
from state.values import NS_PER_MS, NS_PER_S, TimeNs, plain

Deliver = Callable[[VenueAnswer], None]

_QUEUED_MAX = 512
_NOT_SENT = Refused(label="NOT_SENT", message="too much is waiting to be sent, or we are closing")


class _Lanes(Struct, frozen=True, kw_only=True):
    """Cancels and the countdown have threads that nothing else may keep busy."""

    place: Lane
    cancel: Lane
    read: Lane

    def all(self) -> tuple[Lane, ...]:
        return (self.place, self.cancel, self.read)


class GateExchange:
    """See `adapters.ports.Exchange`. Nothing is ever sent twice.

    Besides Gate's labels a `Refused` may carry one of ours, with status 0, for a request that
    never left: `HALTED` (no permit), `REQUEST_EXPIRED` (too late) or `NOT_SENT` (queue full, or
    closing). `NOT_SENT` because of a full queue is delivered on the caller's thread.
    """

    def __init__(
        self,
        *,
        rest_url: str,
        credentials: Credentials | None,
        clock: Clock,
        clock_offset_ns: Callable[[], int | None] = lambda: None,
        permit: Callable[[], str | None] = lambda: None,
        timeouts: Timeouts | None = None,
        account: str = "spot",
    ) -> None:
        """Start the threads; nothing is sent yet.

        Args:
            rest_url: With `/api/v4`, without a slash at the end.
            credentials: None allows public requests only.
            clock: Ours.
            clock_offset_ns: The exchange's clock minus ours; None while nobody has measured it.
            permit: Asked on our thread immediately before each placement goes out; a reason it
                returns turns the placement into `Refused("HALTED", reason)`.
            timeouts: Of each call; a request that reads several pages makes several calls.
            account: Gate's name for the account to trade on.
        """
        self._clock = clock
        self._offset_ns = clock_offset_ns
        self._permit = permit
        self._timeouts = timeouts or Timeouts()
        self._account = account
        self._sdk = GateSdk(
            rest_url=rest_url,
            credentials=credentials,
            venue_time_s=lambda: self._venue_ns() / NS_PER_S,
            timeouts=self._timeouts,
            account=account,
        )
        self._windows = RateWindows(clock.monotonic_ns)
        self._lanes = _Lanes(
            place=Lane("gate-place", self._windows, threads=2, capacity=_QUEUED_MAX),
            cancel=Lane("gate-cancel", self._windows, threads=2, capacity=_QUEUED_MAX),
            read=Lane("gate-read", self._windows, threads=2, capacity=_QUEUED_MAX),
        )

    def request(self, request: VenueRequest, deliver: Deliver) -> None:
        """See `adapters.ports.Exchange.request`."""
        lane, key = self._route(request)
        job = Job(
            key=key,
            run=lambda: self._answer(
                request, deliver, self._outcome(request, _Turns(self._call, lane, key))
            ),
            abandon=lambda: self._answer(request, deliver, _NOT_SENT),
        )
        if not lane.put(job):
            job.abandon()

    def close(self, deadline_s: float) -> bool:
        """Refuse what waits, let finish what runs; return whether all of it did in time."""
        for lane in self._lanes.all():
            lane.stop()
        until_ns = self._clock.monotonic_ns() + int(deadline_s * NS_PER_S)
        ended = [
            lane.join((until_ns - self._clock.monotonic_ns()) / NS_PER_S)
            for lane in self._lanes.all()
        ]
        self._sdk.close()
        return all(ended)

    def _route(self, request: VenueRequest) -> tuple[Lane, RateKey]:
        kind = type(request).__name__
        match request:
            case PlaceOrder():
                return self._lanes.place, (PLACE, request.pair)
            case CancelPlaced():
                return self._lanes.cancel, (CANCEL, "cancel")
            case ArmCountdown():
                return self._lanes.cancel, (PRIVATE, kind)
            case FetchRules() | FetchBook() | FetchTime():
                return self._lanes.read, (PUBLIC, kind)
            case _ if isinstance(request, Read):
                return self._lanes.read, (PRIVATE, kind)
            case _:
                raise TypeError(f"no request of ours: {kind}")

    def _outcome(self, request: VenueRequest, ask: "_Turns") -> Outcome:
        try:
            return self._carry_out(request, ask)
        except CallFailed as failed:
            return failed.outcome
        except VenueMalformed as error:
            return Unknown(reason=f"unreadable answer: {error}")
        except Exception as error:  # noqa: BLE001 - one answer is owed, and it may have left
            logger.exception("{} failed in an unforeseen way", type(request).__name__)
            return Unknown(reason=f"{type(error).__name__}: {error}")

    def _carry_out(self, request: VenueRequest, ask: "_Turns") -> Outcome:
        match request:
            case PlaceOrder():
                return self._place(request, ask)
            case CancelPlaced():
                return self._cancel(request, ask)
            case ArmCountdown():
                codec.decode_countdown(ask(partial(self._sdk.countdown, request.timeout_s)))
                return Succeeded()
            case _:
                assert isinstance(request, Read), "_route lets nothing else in"
                return read(self._sdk, ask, request, self._venue_ns(), self._clock.now_ns)

    def _place(self, request: PlaceOrder, ask: "_Turns") -> Outcome:
        order = {
            "text": request.client_order_id,
            "currency_pair": request.pair,
            "type": request.order_type.value,
            "account": self._account,
            "side": request.side.value,
            "amount": plain(request.quantity),
            "time_in_force": request.time_in_force.value,
        }
        if request.price is not None:
            order["price"] = plain(request.price)
        if self._venue_ns() >= request.expires_at_ns:
            return Refused(label="REQUEST_EXPIRED", message="it expired before it was sent")
        # Last of all, so that as little time as possible lies between the permit and the wire.
        if (reason := self._permit()) is not None:
            return Refused(label="HALTED", message=reason)
        expires_ms = request.expires_at_ns // NS_PER_MS
        body = ask(partial(self._sdk.place, order, expires_ms=expires_ms))
        return Succeeded(orders=(codec.decode_order(body),))

    def _cancel(self, request: CancelPlaced, ask: "_Turns") -> Outcome:
        name = request.venue_order_id or request.client_order_id
        # By a clock nobody has compared, an expiry could refuse what must get through.
        expires_ms = None
        if self._offset_ns() is not None:
            expires_ms = self._venue_ns() // NS_PER_MS + int(self._timeouts.total_s * 1000)
        body = ask(partial(self._sdk.cancel, name, request.pair, expires_ms=expires_ms))
        return Succeeded(orders=(codec.decode_order(body),))

    def _call(self, key: RateKey, call: Callable[[], Reply]) -> bytes:
        try:
            reply = call()
        except NoReply as error:
            raise CallFailed(Unknown(reason=str(error))) from None
        self._windows.answered(key, reply.status, reply.headers, self._venue_ns() / NS_PER_S)
        failed = failure(reply.status, reply.body)
        if failed is not None:
            raise CallFailed(failed)
        return reply.body

    def _answer(self, request: VenueRequest, deliver: Deliver, outcome: Outcome) -> None:
        try:
            deliver(VenueAnswer(request=request, outcome=outcome))
        except Exception:  # noqa: BLE001 - the thread serves others too
            logger.exception("the answer to {} could not be delivered", type(request).__name__)

    def _venue_ns(self) -> TimeNs:
        return TimeNs(self._clock.now_ns() + (self._offset_ns() or 0))


class _Turns:
    """Makes a job's calls: its first is counted already, each further one waits for its turn."""

    def __init__(
        self, call: Callable[[RateKey, Callable[[], Reply]], bytes], lane: Lane, key: RateKey
    ) -> None:
        self._call = call
        self._lane = lane
        self._key = key
        self._first = True

    def __call__(self, call: Callable[[], Reply]) -> bytes:
        if not self._first and not self._lane.acquire(self._key):
            raise CallFailed(_NOT_SENT)
        self._first = False
        return self._call(self._key, call)
