"""Checks of the exchange: reachable, on time, listing our pairs, streaming, taking our key.

They go through the adapters that trade, so what works here works there. Everything is a read.
"""

import concurrent.futures
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from actors.execution.client_ids import is_ours
from adapters.gate.signing import Credentials
from adapters.log_lines import Redactor
from state.config import Endpoints
from state.instrument import TradingRules
from state.messages.market import StreamLost, StreamOpened
from state.messages.venue import (
    FetchBalances,
    FetchKeyRights,
    FetchOpenOrders,
    FetchRules,
    FetchTime,
    Outcome,
    Refused,
    Succeeded,
    Unknown,
    VenueRequest,
)
from state.values import NS_PER_MS, NS_PER_S, Pair, Side, TimeNs, plain
from supervisor.doctor.findings import Finding, Verdict, fail, ok, skipped, warn
from supervisor.doctor.key_rights import key_rights, untold
from supervisor.worlds.glance import glance

LIMIT_S = 2.0
"""For everything here together."""
_TIME_ASKED = 3
_ONE_BY_ONE_MAX = 8
"""More pairs are asked for together: Gate then says only which one is wrong first."""
_NAMED_MAX = 5
_LATER = ("pairs", "stream", "keys", "key_rights", "open_orders")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to look for at the exchange."""

    endpoints: Endpoints
    credentials: Credentials
    pairs: tuple[Pair, ...]
    skew_max_s: float
    house_runs: bool
    """Whether somebody looks after what rests."""


def skip_there(why: str) -> list[Finding]:
    """Return that nobody looked at the exchange."""
    return [skipped(check, why) for check in ("exchange", "clock", *_LATER)]


def look_there(wanted: Wanted) -> list[Finding]:
    """Return what there is to say of the exchange, within `LIMIT_S`."""
    look = _Look(wanted)
    try:
        findings = look.all()
    finally:
        look.close()
    secrets = (wanted.credentials.key, wanted.credentials.secret)
    redactor = Redactor(secret.reveal() for secret in secrets)
    return [
        Finding(
            check=one.check,
            verdict=one.verdict,
            found=redactor.clean(one.found),
            mend=one.mend,
        )
        for one in findings
    ]


def clock(offset_ns: int, uncertainty_ns: int, skew_max_s: float) -> Finding:
    """Return whether the exchange's clock is near enough to ours.

    Args:
        offset_ns: Exchange's clock minus ours.
        uncertainty_ns: Half the round trip.
        skew_max_s: What the settings allow.
    """
    offset_ms, uncertainty_ms = offset_ns / NS_PER_MS, uncertainty_ns / NS_PER_MS
    found = f"the exchange's clock minus ours: {offset_ms:+.1f} ms, ± {uncertainty_ms:.1f} ms"
    if abs(offset_ms) - uncertainty_ms <= skew_max_s * 1000:
        return ok("clock", found)
    limit = f"more than orders.clock_skew_max_s, {skew_max_s:g} s"
    return fail("clock", f"{found}, {limit}", "set the clock: timedatectl set-ntp true")


def pair(rules: TradingRules, now_ns: TimeNs) -> Finding:
    """Return whether a listed pair can be traded at `now_ns`, and by which rules."""
    check = f"pair {rules.pair}"
    found = (
        f"price step {plain(rules.price_step)}, quantity step {plain(rules.quantity_step)}, "
        f"least {plain(rules.quantity_min)} {rules.base} and {plain(rules.notional_min)} "
        f"{rules.quote}, taker fee {plain(rules.fee_rate * 100)} %"
    )
    missing = [side.value for side in Side if side not in rules.tradable_at(now_ns)]
    if missing:
        mend = "wait for the exchange, or take it out of --pairs"
        return fail(check, f"listed, but it takes no {' and no '.join(missing)}; {found}", mend)
    if rules.delisted_at_ns is not None:
        end = datetime.fromtimestamp(rules.delisted_at_ns / NS_PER_S, UTC)
        told = f"it will be delisted at {end:%Y-%m-%d %H:%M} UTC: only sells pass; {found}"
        return warn(check, told, "sell what is held of it, then take it out of --pairs")
    return ok(check, found)


class _Look:
    """One look, with what has to be closed after it."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._until = time.monotonic() + LIMIT_S
        self._glance = glance(wanted.endpoints, wanted.credentials, patience_s=LIMIT_S)

    def close(self) -> None:
        self._glance.close()

    def all(self) -> list[Finding]:
        reached, on_time = self._time()
        if on_time is None:
            why = "the exchange does not answer"
            return [reached, *(skipped(check, why) for check in ("clock", *_LATER))]
        # Asked all at once, told in order.
        heard = _Heard()
        self._glance.market.subscribe(self._wanted.pairs[0], heard.take)
        rules = [(pairs, self._asked(FetchRules(pairs=pairs))) for pairs in self._groups()]
        balances = self._asked(FetchBalances())
        rights = self._asked(FetchKeyRights())
        resting = self._asked(FetchOpenOrders())
        told = [finding for pairs, answer in rules for finding in self._pairs(pairs, answer)]
        keys = self._keys(self._outcome(balances))
        may = self._rights(keys, self._outcome(rights))
        orders = self._orders(self._outcome(resting))
        return [reached, on_time, *told, self._streams(heard), keys, may, orders]

    def _groups(self) -> list[tuple[Pair, ...]]:
        pairs = self._wanted.pairs
        return [(one,) for one in pairs] if len(pairs) <= _ONE_BY_ONE_MAX else [pairs]

    def _time(self) -> tuple[Finding, Finding | None]:
        url, best_ns, offset_ns = self._wanted.endpoints.rest, None, 0
        for _ in range(_TIME_ASKED):
            request = FetchTime(asked_at_ns=self._glance.clock.now_ns())
            outcome = self._outcome(self._asked(request))
            if not isinstance(outcome, Succeeded) or outcome.time is None:
                break
            half_ns = (outcome.time.answered_at_ns - request.asked_at_ns) // 2
            if best_ns is None or half_ns < best_ns:
                best_ns = half_ns
                offset_ns = outcome.time.venue_ns - (request.asked_at_ns + half_ns)
        if best_ns is None:
            mend = "is the address right, is the network up, is the exchange in maintenance?"
            return fail("exchange", f"{url}: {_words(outcome)}", mend), None
        round_trip_ms = 2 * best_ns / NS_PER_MS
        reached = ok("exchange", f"{url} answers in {round_trip_ms:.1f} ms")
        return reached, clock(offset_ns, best_ns, self._wanted.skew_max_s)

    def _pairs(
        self, pairs: tuple[Pair, ...], answer: "concurrent.futures.Future[Outcome]"
    ) -> list[Finding]:
        outcome = self._outcome(answer)
        if isinstance(outcome, Succeeded):
            now_ns = self._glance.clock.now_ns()
            return [pair(rules, now_ns) for rules in outcome.rules]
        check = f"pair {pairs[0]}" if len(pairs) == 1 else "pairs"
        if isinstance(outcome, Refused):
            return [fail(check, _words(outcome), "take it out of --pairs, or mend its spelling")]
        return [fail(check, _words(outcome), "ask again; the exchange did not say")]

    def _streams(self, heard: "_Heard") -> Finding:
        first, url = self._wanted.pairs[0], self._wanted.endpoints.ws
        news = heard.first(self._until)
        match news:
            case StreamOpened():
                return ok("stream", f"{url} streams {first}")
            case StreamLost():
                return fail("stream", f"{url}: {news.reason}", "is the pair listed?")
            case _:
                mend = "does a proxy or firewall let WebSockets through?"
                return fail("stream", f"{url}: no subscription within {LIMIT_S:g} s", mend)

    def _keys(self, outcome: Outcome) -> Finding:
        match outcome:
            case Succeeded():
                held = [one.currency for one in outcome.balances if one.available + one.locked]
                return ok("keys", f"a signed read works; the account holds {_named(held)}")
            case Refused():
                return fail(
                    "keys", f"refused: {_words(outcome)}", _KEY_MENDS.get(outcome.label, _KEY)
                )
            case Unknown():
                return fail("keys", _words(outcome), "ask again; the exchange did not say")

    def _rights(self, keys: Finding, outcome: Outcome) -> Finding:
        if keys.verdict is Verdict.FAIL:
            return skipped("key_rights", "the key does not work")
        if isinstance(outcome, Succeeded) and outcome.key_rights is not None:
            return key_rights(outcome.key_rights, self._wanted.pairs)
        return untold(_words(outcome))

    def _orders(self, outcome: Outcome) -> Finding:
        if not isinstance(outcome, Succeeded):
            return skipped("open_orders", f"not known: {_words(outcome)}")
        ours = [one.client_order_id for one in outcome.orders if is_ours(one.client_order_id)]
        others = len(outcome.orders) - len(ours)
        found = f"{len(ours)} of ours rest, {others} of others"
        if not ours or self._wanted.house_runs:
            return ok("open_orders", found)
        mend = "start the house, which takes them up, or cancel them at the exchange"
        return warn("open_orders", f"{found}, and nothing runs: {_named(ours)}", mend)

    def _asked(self, request: VenueRequest) -> "concurrent.futures.Future[Outcome]":
        answer: concurrent.futures.Future[Outcome] = concurrent.futures.Future()
        self._glance.exchange.request(request, lambda given: answer.set_result(given.outcome))
        return answer

    def _outcome(self, answer: "concurrent.futures.Future[Outcome]") -> Outcome:
        try:
            return answer.result(max(0.0, self._until - time.monotonic()))
        except concurrent.futures.TimeoutError:
            return Unknown(reason=f"no answer within {LIMIT_S:g} s")


class _Heard:
    """The first news of a stream: opened, or lost."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._news: Any = None

    def take(self, message: Any) -> None:
        if not self._came.is_set() and isinstance(message, StreamOpened | StreamLost):
            self._news = message
            self._came.set()

    def first(self, until_s: float) -> Any:
        self._came.wait(max(0.0, until_s - time.monotonic()))
        return self._news


def _words(outcome: Outcome) -> str:
    match outcome:
        case Refused():
            return f"{outcome.label}: {outcome.message}"
        case Unknown():
            return outcome.reason
        case Succeeded():
            return "an answer without what was asked"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED_MAX])
    more = len(names) - _NAMED_MAX
    return (f"{shown} and {more} more" if more > 0 else shown) or "nothing"


_KEY = "set GATE_API_KEY and GATE_API_SECRET to a pair that this venue gave"
_KEY_MENDS = {
    "INVALID_KEY": f"{_KEY}; testnet and live have keys of their own",
    "INVALID_SIGNATURE": "the secret does not belong to the key: mend GATE_API_SECRET",
    "FORBIDDEN": "give the key permission to read and trade spot, and this address to its list",
}
