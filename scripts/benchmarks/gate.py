"""How fast an order gets out and its answer in: the socket beside REST through Gate's SDK.

Both ways are taken in turn to one simulated exchange, so that a drifting machine drifts under
both. What is compared is what a caller of the port waits for, and beside it the bare work.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import gate_api

from adapters.clock import SystemClock
from adapters.gate.api_frames import decode_answer, encode_call
from adapters.gate.codec import decode_order
from adapters.gate.entering import call_for, outcome_of
from adapters.gate.order_entry import OrderEntry
from adapters.gate.orders import placement
from adapters.gate.outcomes import failure
from adapters.gate.rest import GateExchange
from adapters.gate.sdk import GateSdk, Timeouts
from adapters.gate.signing import Credentials
from adapters.gate.venue_clock import VenueClock
from adapters.loop import LoopThread
from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.benchmarks.figures import Figure, percentile
from scripts.proofs.processes import Exchange
from state.config import Secret
from state.messages.venue import (
    CancelPlaced,
    FetchOpenOrders,
    FetchTime,
    Outcome,
    PlaceOrder,
    Refused,
    Succeeded,
    VenueAnswer,
    VenueRequest,
)
from state.values import (
    NS_PER_S,
    ClientOrderId,
    OrderType,
    Pair,
    Price,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
    VenueOrderId,
)

PEER = "REST"
_CREDENTIALS = Credentials(key=Secret(DEMO_KEY), secret=Secret(DEMO_SECRET))
_PAIRS = [Pair(pair) for pair in CATALOGUE if pair.endswith("_USDT")][:50]
_EACH = 8
"""Orders a pair and way: below what its rate window holds, so that nothing waits for that."""
_BARE = 2000
_QUESTIONS = 400
"""Twenty seconds' worth, asked for at once."""
_PLACED_AT_ONCE = 100
"""Ten seconds' worth of one pair."""
_WITHIN_S = 30.0


def measure() -> list[Figure]:
    """Measure the bare work, the ways of an order and cancels in a flood; about half a minute."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        pairs = ",".join(_PAIRS)
        options = ["--no-rate-limits"]
        with Exchange(Path(folder), pairs=pairs, options=options, keeps=False) as venue:
            figures = [*_work(venue), *_ways(venue)]
        floods = {}
        for enters in (True, False):
            # One that counts, and has counted nothing yet.
            with Exchange(Path(folder), pairs=pairs, keeps=False) as venue:
                floods[enters] = _flood(venue, enters=enters)
    return [*figures, *_of_floods(floods[True], floods[False])]


class _Client:
    """The port over one exchange, by either way."""

    def __init__(self, venue: Exchange, *, enters: bool) -> None:
        self._loop, clock = LoopThread(), SystemClock()
        skew = VenueClock(clock)
        self.left_s = 0.0
        """When the last placement was about to be written to the socket."""
        entry = None
        if enters:
            ws = venue.url.replace("http", "ws") + "/ws/v4/"
            entry = OrderEntry(
                self._loop, ws_urls=(ws,), credentials=_CREDENTIALS, clock=clock, skew=skew
            )
        self.exchange = GateExchange(
            rest_url=venue.rest,
            credentials=_CREDENTIALS,
            clock=clock,
            skew=skew,
            permit=self._leaves,
            entry=entry,
        )
        self.ask(FetchTime(asked_at_ns=clock.now_ns()))
        deadline_s = time.monotonic() + _WITHIN_S
        while entry is not None and not entry.ready:
            assert time.monotonic() < deadline_s, "nobody could log in"
            time.sleep(0.01)

    def ask(self, request: VenueRequest) -> Outcome:
        """Return the outcome of `request`."""
        outcomes, told = list[Outcome](), threading.Event()

        def deliver(answer: VenueAnswer) -> None:
            outcomes.append(answer.outcome)
            told.set()

        self.exchange.request(request, deliver)
        assert told.wait(_WITHIN_S), f"no answer to {type(request).__name__}"
        return outcomes[0]

    def close(self) -> None:
        self.exchange.close(5.0)
        self._loop.close(5.0)

    def _leaves(self, _request: VenueRequest) -> None:
        self.left_s = time.perf_counter()


class _HttpWatch:
    """When the SDK last wrote to a connection: Python itself tells whoever audits it."""

    def __init__(self) -> None:
        self.left_s = 0.0
        sys.addaudithook(self._hook)

    def _hook(self, event: str, _arguments: Any) -> None:
        if event == "http.client.send":
            self.left_s = time.perf_counter()


def _order(number: int, pair: Pair) -> PlaceOrder:
    return PlaceOrder(
        client_order_id=ClientOrderId(f"t-bench-{number}"),
        pair=pair,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        # Whatever the pair: so little that it is refused, which costs the wire what it costs.
        quantity=Quantity(Decimal(1)),
        price=Price(Decimal(1)),
        time_in_force=TimeInForce.POC,
        expires_at_ns=TimeNs(time.time_ns() + 10 * NS_PER_S),
    )


def _timed(times: int, work: Callable[[], object]) -> list[float]:
    """Return how long each of `times` runs took, in µs."""
    took = []
    for _ in range(times):
        began_s = time.perf_counter()
        work()
        took.append((time.perf_counter() - began_s) * 1e6)
    return took


def _p50_p99(
    what: str, unit: str, ours: list[float], peer: list[float], target: str = ""
) -> list[Figure]:
    figures = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        value, theirs = percentile(ours, share), percentile(peer, share)
        met = value < theirs if target else None
        figures.append(Figure(f"{what}, {name}", value, unit, theirs, target, met))
    return figures


def _work(venue: Exchange) -> list[Figure]:
    """Building and signing an order, and reading its answer, without anything to wait for."""
    order, watch = _order(0, _PAIRS[0]), _HttpWatch()
    sdk = GateSdk(
        rest_url=venue.rest,
        credentials=_CREDENTIALS,
        venue_time_s=time.time,
        timeouts=Timeouts(),
    )
    members = placement(order, "spot")

    def built_by_sdk() -> float:
        began_s = time.perf_counter()
        sdk.place(members, expires_ms=order.expires_at_ns // 1_000_000)
        return (watch.left_s - began_s) * 1e6

    built_by_sdk()
    by_sdk = [built_by_sdk() for _ in range(_BARE // 10)]
    sdk.close()

    def built() -> bytes:
        call = call_for(order, "spot", None)
        now_s = int(time.time())
        return encode_call(call, request_id="gh-1", time_s=now_s, credentials=_CREDENTIALS)

    return [
        *_p50_p99("build and sign an order", "µs", _timed(_BARE, built), by_sdk, "< REST"),
        *_decoding(),
    ]


class _Reading(NamedTuple):
    """What the SDK reads an answer from."""

    data: str


def _decoding() -> list[Figure]:
    body = (
        b'{"id":"700604309511","text":"t-gh-17","amend_text":"-","create_time":"1729180336",'
        b'"update_time":"1729180336","create_time_ms":1729180336718,'
        b'"update_time_ms":1729180336718,"status":"open","currency_pair":"BTC_USDT",'
        b'"type":"limit","account":"spot","side":"buy","amount":"0.00009","price":"61000.3",'
        b'"time_in_force":"gtc","iceberg":"0","left":"0.00009","filled_amount":"0",'
        b'"fill_price":"0","filled_total":"0","fee":"0","fee_currency":"BTC","point_fee":"0",'
        b'"gt_fee":"0","gt_discount":false,"rebated_fee":"0","finish_as":"open"}'
    )
    frame = (
        b'{"request_id":"gh-1","header":{"response_time":"1729180336720","status":"200",'
        b'"channel":"spot.order_place","event":"api","x_in_time":1729180336718000,'
        b'"x_out_time":1729180336719000,"x_gate_ratelimit_requests_remain":9,'
        b'"x_gate_ratelimit_limit":10},"data":{"result":' + body + b"}}"
    )
    models, text = gate_api.ApiClient(), _Reading(body.decode())

    def over_the_socket() -> object:
        answer = decode_answer(frame)
        return outcome_of(answer) if answer is not None else None

    def over_rest() -> object:
        return failure(200, body) or decode_order(body)

    by_models = _timed(_BARE, lambda: models.deserialize(text, "Order"))
    return [
        *_p50_p99("read an answer", "µs", _timed(_BARE, over_the_socket), _timed(_BARE, over_rest)),
        Figure("read an answer, p50 by the SDK's models", percentile(by_models, 0.5), "µs"),
    ]


def _ways(venue: Exchange) -> list[Figure]:
    """From asking the port until the write, and until the answer is delivered."""
    watch = _HttpWatch()
    clients = {True: _Client(venue, enters=True), False: _Client(venue, enters=False)}
    written: dict[bool, list[float]] = {True: [], False: []}
    told: dict[bool, list[float]] = {True: [], False: []}
    number = 0
    for pair in _PAIRS * _EACH:
        for enters, client in clients.items():
            number += 1
            order = _order(number, pair)
            began_s = time.perf_counter()
            client.ask(order)
            told[enters].append((time.perf_counter() - began_s) * 1000)
            left_s = client.left_s if enters else watch.left_s
            written[enters].append((left_s - began_s) * 1000)
    for client in clients.values():
        client.close()
    return [
        *_p50_p99("asked to written", "ms", written[True], written[False], "< REST"),
        *_p50_p99("asked to answered", "ms", told[True], told[False], "< REST"),
    ]


class _Flooded(NamedTuple):
    waits_ms: list[float]
    too_many: int
    """How often the exchange said 429."""


def _flood(venue: Exchange, *, enters: bool) -> _Flooded:
    """Cancel while ten times as much is asked for as the exchange takes."""
    client = _Client(venue, enters=enters)
    outcomes: list[Outcome] = []

    def deliver(answer: VenueAnswer) -> None:
        outcomes.append(answer.outcome)

    for number in range(_PLACED_AT_ONCE):
        client.exchange.request(_order(number, _PAIRS[0]), deliver)
    for _ in range(_QUESTIONS):
        client.exchange.request(FetchOpenOrders(), deliver)
    waits_ms = []
    for number in range(100):
        cancel = CancelPlaced(
            pair=_PAIRS[1],
            client_order_id=ClientOrderId(f"t-bench-{number}"),
            venue_order_id=VenueOrderId(str(10**12 + number)),
        )
        began_s = time.perf_counter()
        outcome = client.ask(cancel)
        waits_ms.append((time.perf_counter() - began_s) * 1000)
        assert not isinstance(outcome, Succeeded), "there is nothing to cancel"
    client.close()
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    return _Flooded(waits_ms, sum(outcome.status == 429 for outcome in refused))


def _of_floods(socket: _Flooded, rest: _Flooded) -> list[Figure]:
    figures = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ours, peer = percentile(socket.waits_ms, share), percentile(rest.waits_ms, share)
        worst = max(ours, peer)
        figures.append(
            Figure(
                f"cancel under ten times the load, {name}",
                ours,
                "ms",
                peer,
                target="both <= 50 ms",
                met=worst <= 50,
                note="" if name == "p50" else "asked to answered, all on one machine",
            )
        )
    provoked = socket.too_many + rest.too_many
    return [*figures, Figure("429s provoked by that", provoked, "", None, "0", provoked == 0)]
