"""WebSocket as on Gate's page: answers, codes, pushes, and readers that do not keep up."""

import asyncio
import itertools
import json
import time
from decimal import Decimal

import aiohttp
import pytest

from adapters.simulated.core.candles import SECONDS
from adapters.simulated.core.switches import PushOrder, Switches
from adapters.simulated.faults import FaultName, FaultOrder
from tests.adapters.simulated.serving import DEADLINE_S, connected, serving, until

BTC = "currency_pair=BTC_USDT"


@pytest.fixture
async def served():
    async with serving() as served:
        yield served


async def test_a_ping_is_answered_in_gates_form(served):
    async with connected(served) as socket:
        await socket.say("spot.ping")
        pong = await socket.hear()
    assert pong | {"channel": "spot.pong", "event": "", "error": None, "result": None} == pong


async def test_a_subscription_is_acknowledged_with_its_id(served):
    async with connected(served, suffix="?app=gatehouse") as socket:
        ack = await socket.subscribe("spot.tickers", ["BTC_USDT"])
    assert (
        ack
        | {
            "id": 7,
            "event": "subscribe",
            "error": None,
            "result": {"status": "success"},
            "payload": ["BTC_USDT"],
        }
        == ack
    )
    assert {"time", "time_ms", "conn_id", "trace_id", "requestId"} <= set(ack)


@pytest.mark.parametrize(
    ("channel", "payload", "complaint"),
    [
        ("spot.tickers", ["BTC_USDT", "NOPE_NOPE"], "unknown currency pair: NOPE_NOPE"),
        ("spot.order_book_update", ["BTC_USDT", "1000ms"], "unknown interval: 1000ms"),
        ("spot.order_book_update", ["BTC_USDT", "ob.50"], "unknown interval: ob.50"),
        ("spot.order_book", ["BTC_USDT", "7", "100ms"], "unknown level: 7"),
        ("spot.order_book", ["BTC_USDT", "5", "20ms"], "unknown interval: 20ms"),
        ("spot.order_book", ["BTC_USDT", "5"], "unknown level"),
        ("spot.obu", ["ob.NOPE_NOPE.50"], "unknown currency pair: NOPE_NOPE"),
        ("spot.obu", ["ob.BTC_USDT.51"], "unknown stream: ob.BTC_USDT.51"),
        ("spot.obu", ["20ms"], "unknown stream: 20ms"),
        ("spot.candlesticks", ["7m", "BTC_USDT"], "unknown interval: 7m"),
        ("spot.candlesticks", ["1m"], "payload"),
        ("spot.tickers", [], "payload"),
        ("spot.tickers", [1], "payload"),
        ("spot.tickers", "BTC_USDT", "payload"),
        ("spot.nope", ["BTC_USDT"], "unknown channel"),
    ],
)
async def test_a_bad_subscription_fails_whole_with_code_2(served, channel, payload, complaint):
    async with connected(served) as socket:
        ack = await socket.subscribe(channel, payload)
    assert ack["result"] == {"status": "fail"}
    assert ack["error"]["code"] == 2
    assert complaint in ack["error"]["message"]
    assert served.exchange.hub.subscriptions == 0


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"channel":7}', '{"time":"x","channel":""}'])
async def test_what_is_no_message_gets_code_1_and_the_socket_lives_on(served, text):
    async with connected(served) as socket:
        await socket.socket.send_str(text)
        assert (await socket.hear())["error"]["code"] == 1
        await socket.say("spot.ping")
        assert (await socket.hear())["channel"] == "spot.pong"


async def test_a_private_channel_wants_a_signature(served):
    async with connected(served) as socket:
        ack = await socket.subscribe("spot.orders", ["!all"])
        assert ack["error"]["code"] == 4
        served.key, kept = "nobody", served.key
        ack = await socket.subscribe("spot.orders", ["!all"], private=True)
        assert ack["error"]["code"] == 4
        assert json.loads(ack["error"]["message"])["label"] == "INVALID_KEY"
        served.key = kept
        old = int(time.time()) - 90
        await socket.say(
            "spot.orders",
            "subscribe",
            ["!all"],
            time=old,
            auth=served.auth("spot.orders", "subscribe", old),
        )
        ack = await socket.hear()
        assert json.loads(ack["error"]["message"])["label"] == "REQUEST_EXPIRED"


@pytest.mark.parametrize("pace", ["100ms", "20ms"])
async def test_book_updates_join_the_snapshot_without_a_gap(served, pace):
    async with connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", pace])
        first = await socket.heard("spot.order_book_update")
        book = await served.get("/spot/order_book", BTC + "&limit=100&with_id=true")
        update, followed = first["result"], book["id"]
        assert set(update) == {"t", "e", "E", "s", "U", "u", "b", "a", "l"}
        assert update["l"] == {"20ms": "20", "100ms": "100"}[pace]
        assert (update["e"], update["s"]) == ("depthUpdate", "BTC_USDT")
        sides = {"b": dict(book["bids"]), "a": dict(book["asks"])}
        for _ in range(12):
            update = (await socket.heard("spot.order_book_update"))["result"]
            if update["u"] <= followed:
                continue
            assert update["U"] <= followed + 1
            followed = update["u"]
            for side in ("a", "b"):
                for price, amount in update[side]:
                    sides[side].pop(price, None)
                    if amount != "0":
                        sides[side][price] = amount
            assert max(map(Decimal, sides["b"])) < min(map(Decimal, sides["a"]))
        assert followed > book["id"]


async def test_trades_tickers_candles_and_best_prices_are_pushed(served):
    async with connected(served) as socket:
        await socket.subscribe("spot.trades", ["BTC_USDT"])
        await socket.subscribe("spot.tickers", ["BTC_USDT"])
        await socket.subscribe("spot.candlesticks", ["10s", "BTC_USDT"])
        await socket.subscribe("spot.book_ticker", ["BTC_USDT"])
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="70000")
        seen = {}
        while len(seen) < 4:
            message = await socket.hear()
            assert message["event"] == "update"
            assert isinstance(message["time_ms"], int)
            seen[message["channel"]] = message["result"]
    trade = seen["spot.trades"]
    assert set(trade) == {
        "id", "id_market", "create_time", "create_time_ms", "side", "currency_pair", "amount",
        "price", "range",
    }  # fmt: skip
    assert isinstance(trade["id"], int)
    assert isinstance(trade["create_time_ms"], str)
    candle = seen["spot.candlesticks"]
    assert (candle["n"], isinstance(candle["w"], bool)) == ("10s_BTC_USDT", True)
    assert set(candle) == {"t", "v", "c", "h", "l", "o", "n", "a", "w"}
    assert set(seen["spot.book_ticker"]) == {"t", "u", "s", "b", "B", "a", "A"}
    assert seen["spot.tickers"]["currency_pair"] == "BTC_USDT"


async def test_a_candle_is_told_closed_once_its_time_is_over():
    async with serving() as served, connected(served) as socket:
        await socket.subscribe("spot.candlesticks", ["1s", "BTC_USDT"])
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="70000")
        told = {}
        async with asyncio.timeout(DEADLINE_S):
            while not any(closed for closed in told.values()):
                candle = (await socket.heard("spot.candlesticks"))["result"]
                told[candle["t"]] = candle["w"]


async def test_candles_of_every_length_are_told(served):
    async with connected(served) as socket:
        for interval in SECONDS:
            await socket.subscribe("spot.candlesticks", [interval, "BTC_USDT"])
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="70000")
        missing = {f"{interval}_BTC_USDT" for interval in SECONDS}
        while missing:
            candle = (await socket.heard("spot.candlesticks"))["result"]
            seconds = SECONDS[candle["n"].partition("_")[0]]
            assert int(candle["t"]) % seconds == 0
            missing.discard(candle["n"])


async def test_whoever_does_not_answer_a_ping_is_cut_off():
    switches = Switches(ping_every_s=0.1)
    async with serving(switches=switches) as served:
        async with served.session.ws_connect(served.ws_url, autoping=False) as socket:
            heard = [await asyncio.wait_for(socket.receive(), DEADLINE_S)]
            while heard[-1].type is aiohttp.WSMsgType.PING:
                heard.append(await asyncio.wait_for(socket.receive(), DEADLINE_S))
        assert len(heard) >= 2
        await until(lambda: not served.exchange.connections)


async def test_the_account_hears_of_its_orders_fills_and_balances(served):
    async with connected(served) as socket:
        for channel in ("spot.orders", "spot.usertrades"):
            await socket.subscribe(channel, ["!all"], private=True)
        await socket.subscribe("spot.balances", None, private=True)
        row = await served.order(
            currency_pair="BTC_USDT", side="buy", amount="0.01", price="70000", text="t-1"
        )
        put = await socket.heard("spot.orders")
        fill = await socket.heard("spot.usertrades")
        [order] = put["result"]
        assert "status" not in order
        assert (order["event"], order["finish_as"], order["id"]) == ("put", "open", row["id"])
        assert isinstance(order["create_time_ms"], str)
        assert isinstance(order["user"], int)
        trade = fill["result"][0]
        assert isinstance(trade["id"], int)
        assert (trade["order_id"], trade["text"], trade["role"]) == (row["id"], "t-1", "taker")
        assert set(trade) == {
            "id", "user_id", "order_id", "currency_pair", "create_time", "create_time_ms", "side",
            "amount", "role", "price", "fee", "fee_currency", "point_fee", "gt_fee", "text",
            "amend_text", "biz_info", "id_market",
        }  # fmt: skip
        await served.send("DELETE", "/spot/orders", signed=True)
        while (await socket.heard("spot.orders"))["result"][0]["event"] != "finish":
            pass


async def test_balances_are_told_with_what_is_left(served):
    async with connected(served) as socket:
        await socket.subscribe("spot.balances", None, private=True)
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="60000")
        [entry] = (await socket.heard("spot.balances"))["result"]
    assert (
        entry
        | {
            "currency": "USDT",
            "change": "-600",
            "total": "100000",
            "available": "99400",
            "freeze": "600",
            "freeze_change": "600",
            "change_type": "order-create",
        }
        == entry
    )
    assert {"timestamp", "timestamp_ms", "user"} <= set(entry)


async def test_a_pair_and_all_pairs_together_tell_once(served):
    async with connected(served) as socket:
        await socket.subscribe("spot.orders", ["BTC_USDT"], private=True)
        await socket.subscribe("spot.orders", ["!all"], private=True)
        for text in ("t-1", "t-2"):
            await served.order(
                currency_pair="BTC_USDT", side="buy", amount="0.001", price="60000", text=text
            )
        texts = [(await socket.heard("spot.orders"))["result"][0]["text"] for _ in range(2)]
    assert texts == ["t-1", "t-2"]


async def test_the_second_versions_tell_no_fees(served):
    async with connected(served) as socket:
        for channel in ("spot.orders_v2", "spot.usertrades_v2"):
            await socket.subscribe(channel, ["!all"], private=True)
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.01", price="70000")
        [order] = (await socket.heard("spot.orders_v2"))["result"]
        [trade] = (await socket.heard("spot.usertrades_v2"))["result"]
    fees = {"fee", "point_fee", "gt_fee", "rebated_fee"}
    assert not fees & (set(order) | set(trade))
    assert {"id", "left", "event", "user"} <= set(order)
    assert {"id", "role", "order_id"} <= set(trade)


@pytest.mark.parametrize(
    ("push_order", "expected"),
    [
        (PushOrder.AS_HAPPENED, ["put", "trade", "finish"]),
        (PushOrder.ORDERS_FIRST, ["put", "finish", "trade"]),
        (PushOrder.TRADES_FIRST, ["trade", "put", "finish"]),
    ],
)
async def test_no_order_between_orders_and_fills_is_promised(push_order, expected):
    switches = Switches(push_order=push_order)
    async with serving(switches=switches) as served, connected(served) as socket:
        for channel in ("spot.orders", "spot.usertrades"):
            await socket.subscribe(channel, ["!all"], private=True)
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.0001", price="70000")
        told = []
        for _ in expected:
            message = await socket.hear()
            told += [each.get("event", "trade") for each in message["result"]]
    assert told == expected


async def test_a_connection_may_have_room_for_so_many_subscriptions_only():
    switches = Switches(subscriptions_max=2)
    async with serving(switches=switches) as served, connected(served) as socket:
        assert (await socket.subscribe("spot.tickers", ["BTC_USDT", "ETH_USDT"]))["error"] is None
        assert (await socket.subscribe("spot.tickers", ["BTC_USDT"]))["error"] is None
        refused = await socket.subscribe("spot.trades", ["BTC_USDT"])
    assert refused["error"] == {"code": 2, "message": "too many subscriptions: at most 2"}


async def test_a_single_pair_of_ones_own_can_be_followed(served):
    async with connected(served) as socket:
        await socket.subscribe("spot.orders", ["BTC_USDT"], private=True)
        await served.order(currency_pair="ETH_USDT", side="buy", amount="0.01", price="3000")
        await served.order(currency_pair="BTC_USDT", side="buy", amount="0.001", price="60000")
        [order] = (await socket.heard("spot.orders"))["result"]
    assert order["currency_pair"] == "BTC_USDT"


async def test_unsubscribing_and_leaving_end_the_telling(served):
    async with connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "100ms"])
        assert "100ms" in served.exchange.venue.pairs["BTC_USDT"].channels
        await socket.say("spot.order_book_update", "unsubscribe", ["BTC_USDT", "100ms"])
        await socket.heard("spot.order_book_update", "unsubscribe")
        assert served.exchange.venue.pairs["BTC_USDT"].channels == {}
        await socket.subscribe("spot.tickers", ["BTC_USDT"])
        assert served.exchange.hub.subscriptions == 1
    await until(lambda: not served.exchange.hub.subscriptions)
    assert served.exchange.connections == 0


@pytest.mark.parametrize("path", ["/ws/v4", "/ws/v4/", "/v4/ws/spot", "/v4/ws/spot/?a=b"])
async def test_every_path_form_is_served_and_a_query_ignored(served, path):
    served.ws_url = served.ws_url.removesuffix("/ws/v4/") + path
    async with connected(served) as socket:
        await socket.say("spot.ping")
        assert (await socket.hear())["channel"] == "spot.pong"


async def test_announcements_are_told_in_the_language_asked_for(served):
    served.ws_url += "ann"
    async with connected(served) as socket:
        await socket.say("announcement.ping")
        assert (await socket.hear())["channel"] == "announcement.pong"
        unknown = await socket.subscribe("announcement.summary_listing", ["xx"])
        assert unknown["error"] == {"code": 2, "message": "unknown language: xx"}
        await socket.subscribe("announcement.summary_delisting", ["cn"])
        await socket.subscribe("announcement.summary_all", ["en"])
        body = {"subject": "delisting", "title": "ETH_USDT ends", "brief": "tomorrow"}
        await control(served, "announce", body)
        first, second = await socket.hear(), await socket.hear()
    assert [first["channel"], second["channel"]] == [
        "announcement.summary_delisting",
        "announcement.summary_all",
    ]
    assert [first["result"]["lang"], second["result"]["lang"]] == ["cn", "en"]
    assert set(first["result"]) == {"lang", "origin_url", "title", "brief", "published_at"}
    assert second["result"]["title"] == "ETH_USDT ends"


async def control(served, path, body):
    async with served.session.post(f"{served.host}/control/{path}", json=body) as answer:
        return await answer.json()


async def test_an_announcement_about_nothing_known_is_refused(served):
    answer = await control(served, "announce", {"subject": "weather", "title": "rain"})
    assert answer["label"] == "INVALID_PARAM_VALUE"


async def test_before_an_upgrade_a_notice_is_given_and_then_the_socket_is_closed(served):
    async with connected(served) as socket:
        assert await control(served, "upgrade", {"after_ms": 20}) == {"warned": 1}
        notice = await socket.hear()
        assert (notice["type"], notice["event"]) == ("upgrade", "upgrade")
        assert "reconnect" in notice["msg"]
        closed = await asyncio.wait_for(socket.socket.receive(), DEADLINE_S)
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1001)
    await until(lambda: not served.exchange.connections)


async def test_one_address_may_have_so_many_connections_only():
    async with serving(most_connections=1) as served, connected(served):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await served.session.ws_connect(served.ws_url)
        assert caught.value.status == 429


async def unread(served):
    """Open a WebSocket whose reader has stopped, and return its writer."""
    reader, writer = await asyncio.open_connection(*served.host[7:].split(":"))
    writer.write(
        b"GET /ws/v4/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    return writer


def a_large_question():
    """Return a masked frame whose answer repeats its 100,000 characters."""
    text = json.dumps({"channel": "x" * 100_000, "event": "subscribe", "time": 1}).encode()
    return b"\x81\xff" + len(text).to_bytes(8, "big") + bytes(4) + text


async def flooded(writer):
    """Ask large questions until the connection fails."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            writer.write(a_large_question())
            await writer.drain()


async def test_a_reader_that_does_not_keep_up_is_cut_and_stalls_nobody():
    async with serving(most_queued=50) as served, connected(served) as quick:
        await quick.subscribe("spot.order_book_update", ["BTC_USDT", "100ms"])
        listening = asyncio.create_task(pushed(quick, "spot.order_book_update", 10))
        slow = await unread(served)
        with pytest.raises(ConnectionError):
            await flooded(slow)
        updates = await listening
        await until(lambda: served.exchange.connections == 1)
    assert served.exchange.cut_for_slowness == 1
    assert [later["U"] for later in updates[1:]] == [each["u"] + 1 for each in updates[:-1]]


async def pushed(socket, channel, count):
    return [(await socket.heard(channel))["result"] for _ in range(count)]


def push_fault(name, *occurrences, **more):
    match = "spot.order_book_update BTC_USDT"
    return FaultOrder(fault=name, match=match, occurrences=occurrences, **more)


@pytest.mark.parametrize("name", [FaultName.PUSH_LOST, FaultName.BOOK_GAP])
async def test_a_lost_book_update_leaves_a_gap(name):
    async with serving(push_fault(name, 3)) as served, connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "20ms"])
        updates = await pushed(socket, "spot.order_book_update", 4)
    joins = [later["U"] == each["u"] + 1 for each, later in itertools.pairwise(updates)]
    assert joins == [True, False, True]


async def test_a_push_can_come_twice_or_late():
    twice, late = push_fault(FaultName.PUSH_TWICE, 1), push_fault(FaultName.PUSH_REORDERED, 2)
    async with serving(twice, late) as served, connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "20ms"])
        one, again, third, second = await pushed(socket, "spot.order_book_update", 4)
    assert one == again
    assert second["U"] == one["u"] + 1
    assert third["U"] == second["u"] + 1


async def test_a_fault_can_cut_the_connection():
    async with serving(push_fault(FaultName.DISCONNECT, 2)) as served, connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "20ms"])
        await socket.heard("spot.order_book_update")
        message = await asyncio.wait_for(socket.socket.receive(), DEADLINE_S)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_a_silent_stream_still_answers_pings():
    fault = push_fault(FaultName.STREAM_SILENT, 2, delay_ms=400)
    async with serving(fault) as served, connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "20ms"])
        [before] = await pushed(socket, "spot.order_book_update", 1)
        await socket.say("spot.ping")
        assert (await socket.hear())["channel"] == "spot.pong"
        [after] = await pushed(socket, "spot.order_book_update", 1)
    assert after["U"] > before["u"] + 1
    assert after["t"] - before["t"] >= 400


async def test_a_half_open_connection_answers_nothing_and_is_cut_at_last():
    fault = push_fault(FaultName.HALF_OPEN, 2, delay_ms=500)
    async with serving(fault) as served, connected(served) as socket:
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "20ms"])
        await socket.heard("spot.order_book_update")
        [connection] = served.exchange._connections
        await until(connection.half_open.is_set)
        began = time.monotonic()
        await socket.say("spot.ping")
        message = await asyncio.wait_for(socket.socket.receive(), DEADLINE_S)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert time.monotonic() - began > 0.3


async def test_a_fill_can_be_told_once_more_later():
    fault = FaultOrder(fault=FaultName.TRADE_REPEATED, occurrences=(1,), delay_ms=200)
    async with serving(fault) as served, connected(served) as socket:
        await socket.subscribe("spot.usertrades", ["!all"], private=True)
        await served.order(
            currency_pair="BTC_USDT", side="buy", type="market", amount="50", time_in_force="ioc"
        )
        one = (await socket.heard("spot.usertrades"))["result"]
        while (await socket.heard("spot.usertrades"))["result"] != one:
            pass
