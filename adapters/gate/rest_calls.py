"""Requests carried out over REST, one after the other on a lane's thread.

Every call is counted in its rate window before it is made and asked for the last time whether it
may leave right before it is written.
"""

from collections.abc import Callable
from functools import partial

from loguru import logger
from msgspec import Struct

from adapters.gate import codec, orders
from adapters.gate.lanes import Lane, RateKey, RateWindows
from adapters.gate.outcomes import failure
from adapters.gate.rate_limit import head_room_told
from adapters.gate.reads import CallFailed, Read, read
from adapters.gate.sdk import GateSdk, NoReply, Reply
from adapters.gate.venue_clock import Skew, venue_ns
from adapters.ports import Clock
from state.errors import VenueMalformed
from state.messages.venue import (
    AmendOrder,
    ArmCountdown,
    CancelPlaced,
    CancelTrigger,
    FetchTime,
    Outcome,
    PlaceOrder,
    PlaceTrigger,
    Refused,
    Succeeded,
    TriggerReport,
    TriggerStatus,
    Unknown,
    VenueRequest,
    VenueTime,
)
from state.values import NS_PER_MS, NS_PER_S

NOT_SENT = Refused(label="NOT_SENT", message="too much is waiting to be sent, or we are closing")


class RestCalls(Struct, frozen=True, kw_only=True):
    """What the calls are made with."""

    sdk: GateSdk
    windows: RateWindows
    clock: Clock
    skew: Skew
    account: str
    last_look: Callable[[VenueRequest], Refused | None]
    """Asked before each call; what it returns is the outcome, and nothing leaves."""
    cancel_expires_ms: Callable[[], int | None]
    """When a cancel that leaves now expires."""

    def outcome(self, request: VenueRequest, lane: Lane, key: RateKey) -> Outcome:
        """Return what came of `request`, whose first call is counted already. Blocks."""
        ask = _Turns(self, request, lane, key)
        try:
            return self._carry_out(request, ask)
        except CallFailed as failed:
            return failed.outcome
        except VenueMalformed as error:
            return Unknown(reason=f"unreadable answer: {error}")
        except Exception as error:  # noqa: BLE001 - one answer is owed, and it may have left
            logger.exception("{} failed in an unforeseen way", type(request).__name__)
            return Unknown(reason=f"{type(error).__name__}: {error}")
        finally:
            ask.end()

    def call(self, key: RateKey, call: Callable[[], Reply]) -> bytes:
        """Make a call that is counted, learn from its answer and return the body of a success.

        Raises:
            CallFailed: It was refused, or nobody knows.
        """
        sent_ns, reply = self.clock.monotonic_ns(), None
        try:
            reply = call()
        except NoReply as error:
            raise CallFailed(Unknown(reason=str(error))) from None
        finally:
            if reply is None:
                self.windows.ended(key)
        received_ns = self.clock.monotonic_ns()
        self.skew.stamped(reply.headers, sent_ns=sent_ns, received_ns=received_ns)
        told = head_room_told(reply.headers, venue_ns(self.clock, self.skew) / NS_PER_S)
        self.windows.ended(key, reply.status, told)
        failed = failure(reply.status, reply.body)
        if failed is not None:
            raise CallFailed(failed)
        return reply.body

    def _carry_out(self, request: VenueRequest, ask: "_Turns") -> Outcome:
        sdk = self.sdk
        match request:
            case PlaceOrder():
                members = orders.placement(request, self.account)
                expires_ms = request.expires_at_ns // NS_PER_MS
                return _one_order(ask(partial(sdk.place, members, expires_ms=expires_ms)))
            case AmendOrder():
                name, changes = orders.named(request), orders.amendment(request)
                expires_ms = request.expires_at_ns // NS_PER_MS
                amend = partial(sdk.amend, name, request.pair, changes, expires_ms=expires_ms)
                return _one_order(ask(amend))
            case CancelPlaced():
                name, expires_at_ms = orders.named(request), self.cancel_expires_ms()
                cancel = partial(sdk.cancel, name, request.pair, expires_ms=expires_at_ms)
                return _one_order(ask(cancel))
            case PlaceTrigger():
                body = ask(partial(sdk.place_trigger, orders.waiting(request, self.account)))
                return Succeeded(triggers=(_armed(request, codec.decode_armed(body)),))
            case CancelTrigger():
                body = ask(partial(sdk.cancel_trigger, request.venue_trigger_id))
                return Succeeded(triggers=(codec.decode_trigger(body),))
            case ArmCountdown():
                codec.decode_countdown(ask(partial(sdk.countdown, request.timeout_s)))
                return Succeeded()
            case FetchTime():
                return self._time(ask)
            case _:
                assert isinstance(request, Read), "GateExchange lets nothing else in"
                now_ns = venue_ns(self.clock, self.skew)
                return read(sdk, ask, request, now_ns, self.clock.now_ns)

    def _time(self, ask: "_Turns") -> Outcome:
        sent_ns = self.clock.monotonic_ns()
        body = ask(self.sdk.clock)
        received_ns, answered_at_ns = self.clock.monotonic_ns(), self.clock.now_ns()
        told_ns = codec.decode_time(body)
        self.skew.told(told_ns, resolution_ns=NS_PER_MS, sent_ns=sent_ns, received_ns=received_ns)
        return Succeeded(time=VenueTime(venue_ns=told_ns, answered_at_ns=answered_at_ns))


def _one_order(body: bytes) -> Succeeded:
    return Succeeded(orders=(codec.decode_order(body),))


def _armed(request: PlaceTrigger, venue_trigger_id: str) -> TriggerReport:
    """Return the report of what was armed as asked for: the answer says no more than its id."""
    return TriggerReport(
        venue_trigger_id=venue_trigger_id,
        pair=request.pair,
        side=request.side,
        rule=request.rule,
        trigger_price=request.trigger_price,
        price=request.price,
        quantity=request.quantity,
        expiration_s=request.expiration_s,
        status=TriggerStatus.OPEN,
    )


class _Turns:
    """Makes a request's calls: the first is counted already, each other one waits its turn."""

    def __init__(self, calls: RestCalls, request: VenueRequest, lane: Lane, key: RateKey) -> None:
        self._calls = calls
        self._request = request
        self._lane = lane
        self._key = key
        self._counted = True
        """Whether a call is counted that was not made yet."""

    def __call__(self, call: Callable[[], Reply]) -> bytes:
        if not self._counted and not self._lane.acquire(self._key):
            raise CallFailed(NOT_SENT)
        self._counted = True
        refused = self._calls.last_look(self._request)
        if refused is not None:
            raise CallFailed(refused)
        self._counted = False
        return self._calls.call(self._key, call)

    def end(self) -> None:
        """Make no more calls: what was counted for another one is not."""
        if self._counted:
            self._calls.windows.give_back(self._key)
