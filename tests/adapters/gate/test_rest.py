"""Every request gets exactly one answer, is sent at most once, and says only what is proven."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from aiohttp import web

from adapters.gate.sdk import Timeouts
from adapters.gate.signing import rest_signature
from adapters.gate.venue_clock import UNMEASURED, OffsetOfOthers
from state.messages.venue import (
    ArmCountdown,
    CancelPlaced,
    FetchAccountBook,
    FetchBalances,
    FetchBook,
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchRules,
    FetchTime,
    FetchTrades,
    FetchTriggers,
    PlaceOrder,
    PlaceTrigger,
    Refused,
    Succeeded,
    TriggerRule,
    Unknown,
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
from tests.adapters.gate.fake_rest import SECRET, FakeRest, ask, closed, exchange, fake_rest

BTC = Pair("BTC_USDT")


def placement(number=1, *, pair=BTC, expires_in_s=5.0):
    return PlaceOrder(
        client_order_id=ClientOrderId(f"t-gh-{number}"),
        pair=pair,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Quantity(Decimal("0.00100")),
        price=Price(Decimal("65000.0")),
        time_in_force=TimeInForce.POC,
        expires_at_ns=TimeNs(time.time_ns() + int(expires_in_s * NS_PER_S)),
    )


def order(number=1, **changes):
    row = {
        "id": str(number),
        "text": f"t-gh-{number}",
        "currency_pair": "BTC_USDT",
        "type": "limit",
        "side": "buy",
        "amount": "0.001",
        "price": "65000",
        "time_in_force": "poc",
        "left": "0.001",
        "filled_amount": "0",
        "filled_total": "0",
        "status": "open",
        "update_time_ms": 1_700_000_000_000 + number,
    }
    return row | changes


def fill(number, time_ms):
    return {
        "id": str(number),
        "order_id": "7",
        "currency_pair": "BTC_USDT",
        "side": "buy",
        "role": "taker",
        "amount": "1",
        "price": "2",
        "fee": "0.002",
        "fee_currency": "BTC",
        "create_time_ms": f"{time_ms}.000000",
    }


@pytest.fixture
async def gate() -> AsyncIterator[FakeRest]:
    async with fake_rest() as fake:
        yield fake


@pytest.fixture
async def adapter(gate):
    adapter = exchange(gate.url)
    yield adapter
    await closed(adapter)


async def test_a_placement_is_one_signed_post_that_expires(gate, adapter):
    gate.on("POST", "/spot/orders", order(), status=201)
    request = placement()
    outcome = await ask(adapter, request)

    assert isinstance(outcome, Succeeded)
    assert outcome.orders[0].venue_order_id == "1"
    [(sent, body)] = gate.asked
    assert gate.bodies() == [
        {
            "text": "t-gh-1",
            "currency_pair": "BTC_USDT",
            "type": "limit",
            "account": "spot",
            "side": "buy",
            "amount": "0.001",
            "price": "65000",
            "time_in_force": "poc",
        }
    ]
    assert sent.headers["x-gate-exptime"] == str(request.expires_at_ns // 1_000_000)
    assert sent.headers["SIGN"] == rest_signature(
        SECRET,
        method="POST",
        path="/api/v4/spot/orders",
        query="",
        body=body,
        timestamp=sent.headers["Timestamp"],
    )


async def test_the_signature_of_a_query_is_made_over_its_decoded_form(gate, adapter):
    gate.on("DELETE", "/spot/orders/t-gh-1", order(status="cancelled", finish_as="cancelled"))
    await ask(
        adapter,
        CancelPlaced(pair=BTC, client_order_id=ClientOrderId("t-gh-1"), venue_order_id=None),
    )
    [sent] = gate.requests()
    assert sent.headers["SIGN"] == rest_signature(
        SECRET,
        method="DELETE",
        path="/api/v4/spot/orders/t-gh-1",
        query=unquote(sent.rel_url.raw_query_string),
        body=b"",
        timestamp=sent.headers["Timestamp"],
    )


async def test_time_stamps_follow_the_exchanges_clock(gate):
    gate.on("GET", "/spot/accounts", [])
    adapter = exchange(gate.url, skew=OffsetOfOthers(lambda: 90 * NS_PER_S))
    await ask(adapter, FetchBalances())
    await closed(adapter)
    [sent] = gate.requests()
    assert abs(float(sent.headers["Timestamp"]) - time.time() - 90) < 5


async def test_a_cancel_expires_only_by_a_clock_that_was_measured(gate):
    gate.on("DELETE", "/spot/orders/7", order(7, status="cancelled"))
    request = CancelPlaced(
        pair=BTC, client_order_id=ClientOrderId("t-gh-7"), venue_order_id=VenueOrderId("7")
    )
    for skew in (UNMEASURED, OffsetOfOthers(lambda: 0)):
        adapter = exchange(gate.url, skew=skew)
        await ask(adapter, request)
        await closed(adapter)
    unmeasured, measured = gate.requests()
    assert "x-gate-exptime" not in unmeasured.headers
    assert int(measured.headers["x-gate-exptime"]) > time.time() * 1000


async def test_without_a_permit_nothing_leaves(gate):
    adapter = exchange(gate.url, permit=lambda _: "the latch is set")
    outcome = await ask(adapter, placement())
    await closed(adapter)
    assert outcome == Refused(label="HALTED", message="the latch is set")
    assert gate.asked == []


async def test_the_permit_is_asked_on_the_adapters_thread_for_each_placement_only(gate):
    gate.on("POST", "/spot/orders", order(), status=201)
    gate.on("GET", "/spot/accounts", [])
    asked_on = []

    def permit(_):
        asked_on.append(threading.current_thread().name)

    adapter = exchange(gate.url, permit=permit)
    await ask(adapter, placement())
    await ask(adapter, FetchBalances())
    await closed(adapter)
    assert len(asked_on) == 1
    assert asked_on[0].startswith("gate-place")


async def test_an_expired_placement_is_refused_before_the_wire(gate, adapter):
    outcome = await ask(adapter, placement(expires_in_s=-1))
    assert isinstance(outcome, Refused)
    assert (outcome.label, outcome.status) == ("REQUEST_EXPIRED", 0)
    assert gate.asked == []


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, {"label": "BALANCE_NOT_ENOUGH", "message": "no"}, Refused),
        (429, {"label": "TOO_MANY_REQUESTS", "message": "211"}, Refused),
        (403, {"label": "REQUEST_EXPIRED", "message": "gap"}, Refused),
        (500, {"label": "INTERNAL", "message": "?"}, Unknown),
        (502, "bad gateway", Unknown),
        (503, {"label": "BALANCE_NOT_ENOUGH", "message": "?"}, Unknown),
        (201, {"unreadable": True}, Unknown),
        (201, [], Unknown),
    ],
)
async def test_a_failed_placement_is_sent_once_and_judged(gate, adapter, status, body, outcome):
    gate.on("POST", "/spot/orders", body, status=status)
    assert isinstance(await ask(adapter, placement()), outcome)
    assert len(gate.asked) == 1


async def test_a_redirect_is_not_followed(gate, adapter):
    elsewhere = {"Location": f"{gate.url}/elsewhere"}
    gate.answers["POST", "/spot/orders"] = lambda _: web.Response(status=307, headers=elsewhere)
    assert isinstance(await ask(adapter, placement()), Unknown)
    assert [request.path for request in gate.requests()] == ["/api/v4/spot/orders"]


async def test_a_connection_that_is_refused_is_unknown():
    adapter = exchange("http://127.0.0.1:1/api/v4")
    outcome = await ask(adapter, placement())
    await closed(adapter)
    assert isinstance(outcome, Unknown)
    assert "refused" in outcome.reason.lower()


async def serve_raw(answer):
    """Serve raw bytes: `answer(writer)` is called once a request's headers are in."""
    count = 0
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader, writer):
        nonlocal count
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            count += 1
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def close():
        """End with nothing under way: what is destroyed later would be blamed on another test."""
        server.close()
        for one in serving:
            one.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    return SimpleNamespace(
        close=close, url=f"http://127.0.0.1:{port}/api/v4", requests=lambda: count
    )


async def never(writer):
    await asyncio.Event().wait()


async def hang_up(writer):
    pass


async def half_a_body(writer):
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{")
    await writer.drain()


async def never_end(writer):
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 1000000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0)


async def nonsense(writer):
    writer.write(b"\x00\xff not http at all\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("answer", [never, hang_up, half_a_body, never_end, nonsense])
async def test_no_readable_answer_is_unknown_in_time_and_nothing_is_sent_again(answer):
    raw = await serve_raw(answer)
    adapter = exchange(raw.url, timeouts=Timeouts(connect_s=1, read_s=0.3, total_s=0.5))
    started = time.monotonic()
    outcome = await ask(adapter, placement())
    assert isinstance(outcome, Unknown)
    assert time.monotonic() - started < 8
    assert raw.requests() == 1
    await closed(adapter)
    await raw.close()


async def test_reads_that_hang_hold_up_neither_cancels_nor_placements(gate):
    release = asyncio.Event()

    async def stuck(request):
        await release.wait()
        return web.json_response([])

    gate.answers["GET", "/spot/accounts"] = stuck
    gate.on("DELETE", "/spot/orders/7", order(7, status="cancelled"))
    gate.on("POST", "/spot/orders", order(), status=201)
    gate.on("POST", "/spot/countdown_cancel_all", {"triggerTime": 1})
    adapter = exchange(gate.url)
    for _ in range(20):
        adapter.request(FetchBalances(), lambda _: None)
    cancel = CancelPlaced(
        pair=BTC, client_order_id=ClientOrderId("t"), venue_order_id=VenueOrderId("7")
    )
    try:
        for urgent in (cancel, placement(), ArmCountdown(timeout_s=30)):
            assert isinstance(await ask(adapter, urgent, within_s=1.5), Succeeded)
    finally:
        release.set()
        await closed(adapter)


async def test_open_orders_are_read_page_by_page_until_complete(gate, adapter):
    everything = [order(number) for number in range(250)]

    def page(request):
        start = (int(request.query["page"]) - 1) * int(request.query["limit"])
        rows = everything[start : start + int(request.query["limit"])]
        return web.json_response(
            [
                {"currency_pair": "BTC_USDT", "total": 250, "orders": rows},
                {"currency_pair": "ETH_USDT", "total": 0, "orders": []},
            ]
        )

    gate.answers["GET", "/spot/open_orders"] = page
    outcome = await ask(adapter, FetchOpenOrders())
    assert isinstance(outcome, Succeeded)
    assert [report.venue_order_id for report in outcome.orders] == [str(n) for n in range(250)]
    assert len(gate.asked) == 3


async def test_open_orders_that_move_between_pages_are_read_again(gate, adapter):
    everything = [order(number) for number in range(150)]

    def page(request):
        number = int(request.query["page"])
        rows, total = everything[(number - 1) * 100 : number * 100], len(everything)
        if len(gate.asked) == 1:
            # The first order ends: every later one moves up, one of them over the page's edge.
            del everything[0]
        return web.json_response([{"currency_pair": "BTC_USDT", "total": total, "orders": rows}])

    gate.answers["GET", "/spot/open_orders"] = page
    outcome = await ask(adapter, FetchOpenOrders())
    assert isinstance(outcome, Succeeded)
    assert {report.venue_order_id for report in outcome.orders} == {str(n) for n in range(1, 150)}


async def test_no_open_orders_is_an_empty_success(gate, adapter):
    gate.on("GET", "/spot/open_orders", [])
    assert await ask(adapter, FetchOpenOrders()) == Succeeded()


async def test_finished_orders_come_once_each_and_oldest_first(gate, adapter):
    rows = [order(number, status="cancelled", finish_as="cancelled") for number in range(130)]
    newest_first = rows[::-1]

    def page(request):
        start = (int(request.query["page"]) - 1) * 100
        # A row that ended meanwhile pushed the others on: one comes twice.
        return web.json_response(newest_first[max(0, start - 1) : start + 100])

    gate.answers["GET", "/spot/orders"] = page
    since = TimeNs((1_700_000_000_000 + 5) * 1_000_000)
    outcome = await ask(adapter, FetchFinishedOrders(pair=BTC, since_ns=since))
    assert isinstance(outcome, Succeeded)
    assert [report.venue_order_id for report in outcome.orders] == [str(n) for n in range(5, 130)]
    assert gate.requests()[0].query["from"] == str(since // NS_PER_S)


async def test_fills_are_read_in_spans_gate_answers_and_in_order(gate, adapter):
    now_s = int(time.time())
    fills = [fill(number, (now_s - number * 86_400) * 1000) for number in range(70)]

    def page(request):
        start, end = int(request.query["from"]), int(request.query["to"])
        assert end - start <= 30 * 86_400
        inside = [row for row in fills if start <= int(row["create_time_ms"][:10]) <= end]
        number = int(request.query["page"])
        return web.json_response(inside[(number - 1) * 1000 : number * 1000])

    gate.answers["GET", "/spot/my_trades"] = page
    since = TimeNs((now_s - 60 * 86_400) * NS_PER_S)
    outcome = await ask(adapter, FetchTrades(pair=BTC, since_ns=since))
    assert isinstance(outcome, Succeeded)
    assert [trade.trade_id for trade in outcome.trades] == [str(n) for n in range(60, -1, -1)]


async def test_a_thousand_fills_of_one_millisecond_come_oldest_first_over_pages(gate, adapter):
    now_ms = int(time.time() * 1000)
    fills = [fill(number, now_ms - 1) for number in reversed(range(1001))]

    def page(request):
        number = int(request.query["page"])
        return web.json_response(fills[(number - 1) * 1000 : number * 1000])

    gate.answers["GET", "/spot/my_trades"] = page
    since = TimeNs((now_ms - 1000) * 1_000_000)
    outcome = await ask(adapter, FetchTrades(pair=BTC, since_ns=since))
    assert isinstance(outcome, Succeeded)
    assert [trade.trade_id for trade in outcome.trades] == [str(n) for n in range(1001)]


async def test_the_account_book_is_read_page_by_page_and_each_line_kept_once(gate, adapter):
    now_ms = int(time.time() * 1000)
    lines = [
        {
            "id": str(number),
            "time": now_ms - number,
            "currency": "USDT",
            "change": "-1.50",
            "balance": "7",
            "type": "withdraw",
            "code": "",
            "text": "",
        }
        for number in range(150)
    ]
    pages = []

    def page(request):
        number, limit = int(request.query["page"]), int(request.query["limit"])
        pages.append(number)
        if number == 2:
            lines.insert(0, lines[0] | {"id": "new", "time": now_ms})  # Pushes the others on.
        return web.json_response(lines[(number - 1) * limit : number * limit])

    gate.answers["GET", "/spot/account_book"] = page
    since = TimeNs((now_ms - 140) * 1_000_000)
    outcome = await ask(adapter, FetchAccountBook(since_ns=since))
    assert isinstance(outcome, Succeeded)
    assert pages == [1, 2]
    ids = [entry.entry_id for entry in outcome.account_book]
    assert len(ids) == len(set(ids))
    assert ids[0] == "140"
    newest = outcome.account_book[-1]
    assert (newest.change, newest.kind) == (Decimal("-1.50"), "withdraw")
    assert newest.event_time_ns == now_ms * 1_000_000


async def test_one_order_is_asked_for_by_the_exchanges_id_or_else_by_ours(gate, adapter):
    gate.on("GET", "/spot/orders/7", order(7))
    gate.on("GET", "/spot/orders/t-gh-7", order(7))
    for venue_order_id in (VenueOrderId("7"), None):
        outcome = await ask(
            adapter,
            FetchOrder(
                pair=BTC, client_order_id=ClientOrderId("t-gh-7"), venue_order_id=venue_order_id
            ),
        )
        assert isinstance(outcome, Succeeded)
    by_theirs, by_ours = gate.requests()
    assert by_theirs.path.endswith("/7")
    assert by_ours.path.endswith("/t-gh-7")


async def test_rules_of_few_pairs_are_asked_one_by_one_and_of_many_at_once(gate, adapter):
    rows = {
        f"P{number}_USDT": {
            "id": f"P{number}_USDT",
            "base": f"P{number}",
            "quote": "USDT",
            "precision": 2,
            "amount_precision": 4,
            "trade_status": "tradable",
        }
        for number in range(20)
    }
    gate.on("GET", "/spot/currency_pairs", list(rows.values()))
    for pair, row in rows.items():
        gate.on("GET", f"/spot/currency_pairs/{pair}", row)
    pairs = tuple(map(Pair, rows))
    few = await ask(adapter, FetchRules(pairs=pairs[:2]))
    many = await ask(adapter, FetchRules(pairs=pairs))
    assert isinstance(few, Succeeded)
    assert isinstance(many, Succeeded)
    assert tuple(rules.pair for rules in few.rules) == pairs[:2]
    assert tuple(rules.pair for rules in many.rules) == pairs
    assert len(gate.asked) == 3


async def test_a_pair_that_is_not_in_the_list_is_refused_by_name(gate, adapter):
    gate.on("GET", "/spot/currency_pairs", [])
    pairs = tuple(Pair(f"P{number}_USDT") for number in range(9))
    outcome = await ask(adapter, FetchRules(pairs=pairs))
    assert isinstance(outcome, Refused)
    assert "P0_USDT" in outcome.message


async def test_the_book_comes_with_its_id_and_the_clock_with_ours(gate, adapter):
    gate.on(
        "GET",
        "/spot/order_book",
        {"id": 9, "current": 2, "update": 1, "asks": [["3", "1"]], "bids": [["2", "1"]]},
    )
    gate.on("GET", "/spot/time", {"server_time": 1_700_000_000_123})
    book = await ask(adapter, FetchBook(pair=BTC))
    clock = await ask(adapter, FetchTime(asked_at_ns=TimeNs(time.time_ns())))
    assert isinstance(book, Succeeded)
    assert book.book is not None
    assert (book.book.last_id, book.book.pair) == (9, BTC)
    assert gate.requests()[0].query["with_id"] == "true"
    assert isinstance(clock, Succeeded)
    assert clock.time is not None
    assert clock.time.venue_ns == 1_700_000_000_123_000_000
    assert abs(clock.time.answered_at_ns - time.time_ns()) < 5 * NS_PER_S


async def test_a_provoked_429_is_not_provoked_again_at_once(gate, adapter):
    gate.on("POST", "/spot/orders", {"label": "TOO_MANY_REQUESTS", "message": "211"}, status=429)
    assert isinstance(await ask(adapter, placement(1)), Refused)
    refused_at = time.monotonic()
    await ask(adapter, placement(2))
    assert time.monotonic() - refused_at >= 0.9


async def test_a_flood_of_placements_never_exceeds_the_limit_of_its_pair(gate, adapter):
    arrived: list[float] = []

    def accept(request):
        arrived.append(time.monotonic())
        return web.json_response(order(), status=201)

    gate.answers["POST", "/spot/orders"] = accept
    await asyncio.gather(*(ask(adapter, placement(number)) for number in range(25)))
    assert len(arrived) == 25
    for first in arrived:
        assert sum(first <= instant < first + 0.95 for instant in arrived) <= 10


async def test_a_flood_of_one_pair_does_not_hold_up_another(gate, adapter):
    gate.on("POST", "/spot/orders", order(), status=201)
    flood = [asyncio.create_task(ask(adapter, placement(number))) for number in range(30)]
    await asyncio.sleep(0)
    outcome = await ask(adapter, placement(99, pair=Pair("ETH_USDT")), within_s=1.5)
    assert isinstance(outcome, Succeeded)
    assert not all(task.done() for task in flood)
    await asyncio.gather(*flood)


async def test_closing_answers_what_was_never_sent(gate):
    release = asyncio.Event()

    async def stuck(request):
        await release.wait()
        return web.json_response([])

    gate.answers["GET", "/spot/accounts"] = stuck
    adapter = exchange(gate.url)
    outcomes = [asyncio.create_task(ask(adapter, FetchBalances())) for _ in range(10)]
    await gate.wait_asked(2)
    closing = asyncio.create_task(asyncio.to_thread(adapter.close, 5))
    for outcome in await asyncio.gather(*outcomes[2:]):
        assert isinstance(outcome, Refused)
        assert outcome.label == "NOT_SENT"
    release.set()
    assert await closing
    assert [type(await outcome) for outcome in outcomes[:2]] == [Succeeded, Succeeded]
    late = await ask(adapter, FetchBalances())
    assert isinstance(late, Refused)
    assert late.label == "NOT_SENT"
    assert len(gate.asked) == 2


async def test_an_answer_nobody_can_take_does_not_stop_the_thread(gate, adapter):
    gate.on("GET", "/spot/accounts", [])

    def refuse(answer):
        raise RuntimeError("the mailbox is gone")

    for _ in range(4):
        adapter.request(FetchBalances(), refuse)
    assert await ask(adapter, FetchBalances()) == Succeeded()


async def test_triggers_are_read_page_by_page_until_they_are_too_old(gate, adapter):
    def row(number, status, ended_s):
        return {
            "id": number,
            "market": "BTC_USDT",
            "trigger": {"price": "60000", "rule": "<=", "expiration": 2600000},
            "put": {"side": "sell", "price": "59000", "amount": "0.1"},
            "ctime": 1_700_000_000,
            "ftime": ended_s,
            "status": status,
        }

    lists = {
        "open": [row(number, "open", None) for number in range(150, 0, -1)],
        "finished": [
            row(number, "canceled", 1_700_000_000 + number) for number in range(500, 200, -1)
        ],
    }

    def page(request):
        start = int(request.query["offset"])
        rows = lists[request.query["status"]][start : start + int(request.query["limit"])]
        return web.json_response(rows)

    gate.answers["GET", "/spot/price_orders"] = page
    request = FetchTriggers(pair=BTC, since_ns=TimeNs(1_700_000_410 * NS_PER_S))
    found = await ask(adapter, request)
    assert isinstance(found, Succeeded)
    ids = {int(report.venue_trigger_id) for report in found.triggers}
    assert ids == {*range(1, 151), *range(410, 501)}
    offsets = [r.query["offset"] for r in gate.requests() if r.query["status"] == "finished"]
    assert offsets == ["0", "100"]


async def test_a_trigger_says_all_that_its_order_needs_and_no_expiry_of_the_request(gate, adapter):
    gate.on("POST", "/spot/price_orders", {"id": 7}, status=201)
    request = PlaceTrigger(
        trigger_id="trigger/BTC_USDT/1",
        pair=BTC,
        side=Side.SELL,
        rule=TriggerRule.AT_MOST,
        trigger_price=Price(Decimal(60000)),
        price=Price(Decimal("59400.5")),
        quantity=Quantity(Decimal("0.0010")),
        expiration_s=2_600_123,
        expires_at_ns=TimeNs(2**62),
    )
    outcome = await ask(adapter, request)
    assert isinstance(outcome, Succeeded)
    assert [report.venue_trigger_id for report in outcome.triggers] == ["7"]
    assert gate.bodies() == [
        {
            "trigger": {"price": "60000", "rule": "<=", "expiration": 2600123},
            "put": {
                "type": "limit",
                "side": "sell",
                "price": "59400.5",
                "amount": "0.001",
                "account": "normal",
                "time_in_force": "ioc",
            },
            "market": "BTC_USDT",
        }
    ]
    assert "x-gate-exptime" not in {name.lower() for name in gate.requests()[0].headers}
