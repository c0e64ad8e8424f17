"""One call through its route, by whichever door it came: faults, limits, handler, journal.

REST requests and calls over the socket meet here, so both give the same answers, share the same
limits and are struck by the same faults.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from adapters.simulated.core.refusals import refusal
from adapters.simulated.distortions import distorted_rows
from adapters.simulated.faults import FaultName, FaultOrder, Site
from adapters.simulated.rate_limits import LimitClass, RateLimited
from adapters.simulated.server.calls import Call, Route
from adapters.simulated.server.exchange import Exchange
from state.errors import VenueRefused


class Cut(Exception):
    """No answer shall leave: the connection ends instead."""


class Outcome(NamedTuple):
    """What comes of a call."""

    value: Any
    """A row, rows, or of a refusal its label and message."""
    status: int
    limits: dict[str, str]
    """The rate-limit headers; empty where nothing was counted."""

    @property
    def refused(self) -> bool:
        """Whether `value` is a label and a message."""
        return self.status >= 400


def refused(problem: VenueRefused, limits: dict[str, str] | None = None) -> Outcome:
    """Return the outcome that tells `problem`."""
    value = {"label": problem.label, "message": problem.message}
    return Outcome(value, problem.status, limits or {})


async def answered(
    exchange: Exchange, route: Route, subject: str, arrive: Callable[[int], Call]
) -> Outcome:
    """Return what comes of one call.

    Args:
        exchange: Who is called.
        route: What is called.
        subject: What faults are matched against.
        arrive: Given the venue's time in ns, returns the call, authenticated; it may refuse.

    Raises:
        Cut: A fault keeps the answer back.
    """
    if exchange.stage.closed:
        return refused(refusal("TOO_BUSY", "Service is under maintenance"))
    fault = exchange.faults.strike(Site.REQUEST, subject, exchange.now_ns())
    try:
        await _before(fault)
        outcome = await _handled(exchange, route, _arrived(exchange, fault, arrive), fault)
        return await _after(fault, outcome)
    except VenueRefused as problem:
        return refused(problem)
    except RateLimited as limited:
        return refused(limited.refusal, limited.headers)


async def _before(fault: FaultOrder | None) -> None:
    """Misbehave before the request is handled."""
    if fault is None:
        return
    delay_s = fault.delay_ns / 1e9
    match fault.fault:
        case FaultName.REQUEST_LOST:
            await asyncio.sleep(delay_s)
            raise Cut
        case FaultName.REQUEST_LATE:
            # Whoever called may be gone by then; what was sent still arrives.
            await asyncio.sleep(delay_s)
        case FaultName.SERVER_ERROR:
            raise refusal("SERVER_ERROR", "Internal server error")
        case FaultName.RATE_LIMITED | FaultName.RATE_LIMIT_STORM:
            raise refusal("TOO_MANY_REQUESTS", "Request Rate limit Exceeded (211)")
        case _:
            pass


async def _after(fault: FaultOrder | None, outcome: Outcome) -> Outcome:
    """Misbehave after the request was handled."""
    if fault is None:
        return outcome
    match fault.fault:
        case FaultName.ANSWER_LOST:
            await asyncio.sleep(fault.delay_ns / 1e9)
            raise Cut
        case FaultName.ANSWER_LATE:
            await asyncio.sleep(fault.delay_ns / 1e9)
        case FaultName.SERVER_ERROR_ACCEPTED:
            raise refusal("SERVER_ERROR", "Internal server error")
        case _:
            pass
    return outcome


def _arrived(exchange: Exchange, fault: FaultOrder | None, arrive: Callable[[int], Call]) -> Call:
    """Return the call, judged by the clock that its sender sees and handled by the venue's own."""
    now_ns, ahead_ns = exchange.now_ns(), 0
    if fault is not None and fault.fault is FaultName.CLOCK_SKEW:
        ahead_ns = fault.delay_ns
    call = arrive(now_ns + ahead_ns)
    call.now_ns, call.ahead_ns = now_ns, ahead_ns
    return call


async def _handled(
    exchange: Exchange, route: Route, call: Call, fault: FaultOrder | None
) -> Outcome:
    limits: dict[str, str] = {}
    _check_rights(route, call)
    if route.limit is not None:
        for what in _limited_by(route, call):
            limits = exchange.limits.count(route.limit, what, call.now_ns)
    try:
        value = _value(exchange, route, call, fault)
    except VenueRefused as problem:
        return refused(problem, limits)
    if route.signed:
        await exchange.turn_over()
    return Outcome(value, route.status, limits)


def _check_rights(route: Route, call: Call) -> None:
    """Refuse what the key may not do; whoever may act in spot may also look at it."""
    if call.signer is None or not route.path.startswith("/spot/"):
        return
    rights = call.signer.rights
    if "spot" not in rights.acts_in | rights.looks_at:
        raise refusal("FORBIDDEN", "the key has no permission for spot")
    if route.method != "GET" and "spot" not in rights.acts_in:
        raise refusal("READ_ONLY", "the key is read-only")


def _value(exchange: Exchange, route: Route, call: Call, fault: FaultOrder | None) -> Any:
    if fault is None:
        return route.handler(call)
    if fault.fault is FaultName.BOOK_STALE:
        with exchange.memory.showing(call.now_ns - fault.delay_ns):
            return route.handler(call)
    return distorted_rows(fault, route.handler(call), call.now_ns)


def _limited_by(route: Route, call: Call) -> list[str]:
    """Return what the route's limit is counted for."""
    who = call.client if call.signer is None else call.signer.name
    match route.limit:
        case LimitClass.PLACE:
            return [f"{who} {pair}" for pair in _pairs_of(call)]
        case LimitClass.CANCEL:
            return [who]
        case _:
            return [f"{who} {route.method} {route.path}"]


class _Market(msgspec.Struct):
    currency_pair: str = ""


def _pairs_of(call: Call) -> list[str]:
    """Return the markets of a placement, an amendment or a batch of them, each once."""
    try:
        told = msgspec.json.decode(call.body or b"{}", type=_Market | list[_Market])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [""]
    if isinstance(told, _Market):
        return [told.currency_pair or call.query.get("currency_pair", "")]
    return list(dict.fromkeys(each.currency_pair for each in told)) or [""]
