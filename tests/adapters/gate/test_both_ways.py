"""Orders go over the socket while it is ready, else over REST, and never both ways."""

import asyncio
import threading
import time
from decimal import Decimal
from types import SimpleNamespace

import pytest

from adapters.clock import SystemClock
from adapters.gate.connection import StreamSettings
from adapters.gate.order_entry import EntrySettings, OrderEntry
from adapters.gate.venue_clock import OffsetOfOthers, VenueClock
from adapters.loop import LoopThread
from state.messages.venue import (
    AmendOrder,
    ArmCountdown,
    CancelPlaced,
    FetchBalances,
    FetchOrder,
    FetchTime,
    Refused,
    Succeeded,
    Unknown,
)
from state.values import NS_PER_MS, NS_PER_S, ClientOrderId, Pair, Price, TimeNs, VenueOrderId
from tests.adapters.gate.fake_rest import CREDENTIALS, ask, closed, exchange, fake_rest
from tests.adapters.gate.fake_streams import answered, fake_streams, well_done
from tests.adapters.gate.test_order_entry import until
from tests.adapters.gate.test_rest import BTC, order, placement

STREAMS = StreamSettings(deaf_s=30.0, backoff_min_s=0.01, backoff_max_s=0.05)
CANCEL = CancelPlaced(
    pair=BTC, client_order_id=ClientOrderId("t-gh-1"), venue_order_id=VenueOrderId("7")
)


def amendment(**changes):
    members = {
        "pair": BTC,
        "client_order_id": ClientOrderId("t-gh-1"),
        "venue_order_id": VenueOrderId("7"),
        "quantity": None,
        "price": Price(Decimal(64000)),
        "expires_at_ns": TimeNs(time.time_ns() + 5 * NS_PER_S),
    }
    return AmendOrder(**members | changes)


@pytest.fixture
async def ways():
    """Give both servers and what makes the adapter between them."""
    async with fake_rest() as rest, fake_streams() as socket:
        for method, path in (
            ("POST", "/spot/orders"),
            ("PATCH", "/spot/orders/7"),
            ("DELETE", "/spot/orders/7"),
            ("GET", "/spot/orders/7"),
            ("GET", "/spot/orders/t-gh-1"),
        ):
            rest.on(method, path, order(7))
        loop, made = LoopThread(), []

        async def adapter(*, skew=None, answer_s=5.0, is_ready=True, **options):
            skew = skew or OffsetOfOthers(lambda: 0)
            entry = OrderEntry(
                loop,
                ws_urls=(socket.url,),
                credentials=CREDENTIALS,
                clock=SystemClock(),
                skew=skew,
                random=lambda: 0.5,
                settings=EntrySettings(answer_s=answer_s, unmeasured_s=0.01, streams=STREAMS),
            )
            made.append(exchange(rest.url, skew=skew, entry=entry, **options))
            if is_ready:
                await until(loop, lambda: entry.ready)
            return made[-1]

        yield SimpleNamespace(rest=rest, socket=socket, adapter=adapter)
        for one in made:
            await closed(one)
        assert await asyncio.to_thread(loop.close, 5)


def calls(ways):
    """What was called over the socket, the login aside."""
    asked = [request for request in ways.socket.asked if request.get("event") == "api"]
    return [one for one in asked if one["channel"] != "spot.login"]


async def test_what_must_be_fast_goes_over_the_socket_and_asks_for_the_same(ways):
    adapter = await ways.adapter()
    place, amend = placement(), amendment()
    by_id = FetchOrder(
        pair=BTC, client_order_id=ClientOrderId("t-gh-1"), venue_order_id=VenueOrderId("7")
    )
    for request in (place, amend, CANCEL, by_id):
        assert isinstance(await ask(adapter, request), Succeeded)
    assert ways.rest.asked == []
    named = {"order_id": "7", "currency_pair": "BTC_USDT"}
    assert [(one["channel"], one["payload"]["req_param"]) for one in calls(ways)] == [
        (
            "spot.order_place",
            {
                "text": "t-gh-1",
                "currency_pair": "BTC_USDT",
                "type": "limit",
                "account": "spot",
                "side": "buy",
                "amount": "0.001",
                "price": "65000",
                "time_in_force": "poc",
            },
        ),
        ("spot.order_amend", named | {"price": "64000"}),
        ("spot.order_cancel", named),
        ("spot.order_status", named),
    ]
    expiries = [one["payload"].get("req_header") for one in calls(ways)]
    for request, expiry in zip((place, amend), expiries, strict=False):
        assert expiry == {"x-gate-exptime": str(request.expires_at_ns // NS_PER_MS)}
    assert int(expiries[2]["x-gate-exptime"]) > time.time() * 1000
    assert expiries[3] is None


async def test_an_amendment_over_rest_asks_for_the_same(ways):
    ways.socket.mute = True
    adapter = await ways.adapter(is_ready=False)
    request = amendment(quantity=placement().quantity)
    assert isinstance(await ask(adapter, request), Succeeded)
    [(sent, _)] = ways.rest.asked
    assert (sent.method, sent.path) == ("PATCH", "/api/v4/spot/orders/7")
    assert sent.query["currency_pair"] == "BTC_USDT"
    assert ways.rest.bodies() == [{"amount": "0.001", "price": "64000"}]
    assert sent.headers["x-gate-exptime"] == str(request.expires_at_ns // NS_PER_MS)


async def test_while_nobody_is_logged_in_everything_goes_over_rest(ways):
    ways.socket.api = lambda request: [answered(request, status="401", label="INVALID_KEY")]
    adapter = await ways.adapter(is_ready=False)
    for request in (placement(), CANCEL):
        assert isinstance(await ask(adapter, request), Succeeded)
    assert calls(ways) == []
    assert [one.method for one in ways.rest.requests()] == ["POST", "DELETE"]


async def test_an_order_nobody_knows_the_exchanges_id_of_is_looked_for_over_rest(ways):
    adapter = await ways.adapter()
    question = FetchOrder(pair=BTC, client_order_id=ClientOrderId("t-gh-1"), venue_order_id=None)
    assert isinstance(await ask(adapter, question), Succeeded)
    assert calls(ways) == []


@pytest.mark.parametrize("loss", ["silence", "abort", "garbage"])
async def test_what_was_sent_is_never_sent_again(ways, loss):
    adapter = await ways.adapter(answer_s=0.2)

    def api(request):
        if request["channel"] == "spot.login":
            return well_done(request)
        if loss == "abort":
            ways.socket.connections[-1].transport.abort()
        return [{"request_id": request["payload"]["req_id"], "header": 7}][: loss == "garbage"]

    ways.socket.api = api
    assert isinstance(await ask(adapter, placement()), Unknown)
    assert len(calls(ways)) == 1
    assert ways.rest.asked == []


@pytest.mark.parametrize(
    ("status", "label", "outcome"),
    [
        ("400", "BALANCE_NOT_ENOUGH", Refused),
        ("429", "TOO_MANY_REQUESTS", Refused),
        ("403", "REQUEST_EXPIRED", Refused),
        ("200", "POC_FILL_IMMEDIATELY", Refused),
        ("500", "INTERNAL", Unknown),
        ("503", "BALANCE_NOT_ENOUGH", Unknown),
        ("400", "REPEATED_CREATION", Unknown),
    ],
)
async def test_both_ways_read_the_same_outcome(ways, status, label, outcome):
    adapter = await ways.adapter()
    ways.socket.api = lambda request: [answered(request, status=status, label=label)]
    body = {"label": label, "message": "m"}
    ways.rest.on("POST", "/spot/orders", body, status=int(status))
    by_socket = await ask(adapter, placement())
    rest_only = exchange(ways.rest.url)
    by_rest = await ask(rest_only, placement())
    await closed(rest_only)
    assert by_socket == by_rest
    assert isinstance(by_socket, outcome)
    assert len(calls(ways)) == len(ways.rest.asked) == 1


async def test_the_latch_is_asked_where_the_bytes_leave(ways):
    asked_on = []

    def permit(_):
        asked_on.append(threading.current_thread().name)
        return "drill" if len(asked_on) == 2 else None

    adapter = await ways.adapter(permit=permit)
    assert isinstance(await ask(adapter, placement()), Succeeded)
    assert await ask(adapter, placement(2)) == Refused(label="HALTED", message="drill")
    assert isinstance(await ask(adapter, CANCEL), Succeeded)
    assert asked_on == ["sockets", "sockets"]
    assert [one["channel"] for one in calls(ways)] == ["spot.order_place", "spot.order_cancel"]


async def test_an_expired_order_never_leaves(ways):
    adapter = await ways.adapter()
    for request in (placement(expires_in_s=-1), amendment(expires_at_ns=TimeNs(1))):
        outcome = await ask(adapter, request)
        assert isinstance(outcome, Refused)
        assert (outcome.label, outcome.status) == ("REQUEST_EXPIRED", 0)
    assert calls(ways) == ways.rest.asked == []


@pytest.mark.parametrize("is_ready", [True, False], ids=["socket", "rest"])
async def test_beyond_tolerance_nothing_signed_leaves_by_either_way(ways, is_ready):
    clock = SystemClock()
    skew = VenueClock(clock, tolerance_s=1.0)
    ahead_s = 0

    def tell():
        moment_ns = clock.monotonic_ns()
        now_ns = clock.now_ns() + ahead_s * NS_PER_S
        skew.told(now_ns, resolution_ns=NS_PER_MS, sent_ns=moment_ns, received_ns=moment_ns)

    tell()
    ways.socket.mute = not is_ready
    adapter = await ways.adapter(skew=skew, is_ready=is_ready)
    ahead_s = 90
    tell()
    signed = (placement(expires_in_s=300), CANCEL, ArmCountdown(timeout_s=30), FetchBalances())
    for request in signed:
        outcome = await ask(adapter, request)
        assert isinstance(outcome, Refused)
        assert (outcome.label, outcome.status) == ("CLOCK", 0)
        assert "+9000" in outcome.message
    assert calls(ways) == ways.rest.asked == []
    ways.rest.on("GET", "/spot/time", {"server_time": time.time_ns() // NS_PER_MS})
    assert isinstance(await ask(adapter, FetchTime(asked_at_ns=clock.now_ns())), Succeeded)
    assert isinstance(await ask(adapter, placement()), Succeeded)


async def test_a_429_over_the_socket_holds_up_rest_too(ways):
    adapter = await ways.adapter()
    ways.socket.api = lambda request: [answered(request, status="429", label="TOO_MANY_REQUESTS")]
    assert isinstance(await ask(adapter, placement()), Refused)
    refused_s = time.monotonic()
    ways.socket.connections[-1].transport.abort()
    assert isinstance(await ask(adapter, placement(2)), Succeeded | Refused)
    assert time.monotonic() - refused_s >= 0.9


async def test_a_flood_over_the_socket_never_exceeds_the_limit_of_its_pair(ways):
    arrived = []

    def api(request):
        arrived.append(time.monotonic())
        return well_done(request)

    adapter = await ways.adapter()
    ways.socket.api = api
    flood = [asyncio.create_task(ask(adapter, placement(number))) for number in range(25)]
    other = await ask(adapter, placement(99, pair=Pair("ETH_USDT")), within_s=5)
    assert isinstance(other, Succeeded)
    outcomes = await asyncio.gather(*flood)
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert len(arrived) == 26
    for first in arrived:
        assert sum(first <= instant < first + 0.95 for instant in arrived) <= 11


async def test_closing_answers_what_is_on_its_way(ways):
    def silent(request):
        return [] if request["channel"] == "spot.order_place" else well_done(request)

    adapter = await ways.adapter()
    ways.socket.api = silent
    waiting = asyncio.create_task(ask(adapter, placement()))
    await ways.socket.wait_asked(lambda request: request["channel"] == "spot.order_place")
    assert not await asyncio.to_thread(adapter.close, 0.1)
    assert isinstance(await waiting, Unknown)
    assert await ask(adapter, placement(2)) == Refused(
        label="NOT_SENT", message="too much is waiting to be sent, or we are closing"
    )
