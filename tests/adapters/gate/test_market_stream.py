"""The market stream keeps itself alive and never delivers outside of opened ... lost."""

import asyncio
import json
from collections import Counter

import pytest
from websockets.frames import Frame, Opcode

from adapters.clock import SystemClock
from adapters.gate.connection import StreamSettings
from adapters.gate.frames import BOOK, CANDLES, OBU, TICKERS, TRADES
from adapters.gate.market_stream import GateMarketStream, book_updates, whole_books
from adapters.loop import LoopThread
from state.messages.market import BookDelta, StreamLost, StreamOpened, TickerSeen
from state.values import Pair
from tests.adapters.gate.fake_streams import Inbox, fake_streams

BTC, ETH = Pair("BTC_USDT"), Pair("ETH_USDT")
QUICK = StreamSettings(deaf_s=30.0, backoff_min_s=0.01, backoff_max_s=0.05, refused_again_s=0.05)


def ticker(pair):
    return {"currency_pair": pair, "last": "2", "lowest_ask": "3", "highest_bid": "1"}


def book(pair, last_id):
    return {"t": 1, "s": pair, "U": last_id, "u": last_id, "b": [["1", "1"]], "a": []}


@pytest.fixture
async def gate():
    async with fake_streams() as fake:
        yield fake


@pytest.fixture
async def loop(gate):
    loop = LoopThread()
    yield loop
    assert await asyncio.to_thread(loop.close, 5)


def stream_to(gate, loop, settings=QUICK, random=lambda: 0.5, book=book_updates, together_max=1):
    return GateMarketStream(
        loop,
        ws_urls=(gate.url,),
        clock=SystemClock(),
        random=random,
        settings=settings,
        book=book,
        together_max=together_max,
    )


async def test_a_pair_is_opened_before_anything_of_it_is_delivered(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop).subscribe(BTC, inbox)
    assert await inbox.next() == StreamOpened(pair=BTC)
    await gate.push(BOOK, book(BTC, 7))
    delta = await inbox.next()
    assert isinstance(delta, BookDelta)
    assert delta.last_id == 7
    assert delta.seen_time_ns > 0
    assert [(request["channel"], request["payload"]) for request in gate.asked] == [
        (TRADES, ["BTC_USDT"]),
        (TICKERS, ["BTC_USDT"]),
        (CANDLES, ["1m", "BTC_USDT"]),
        (BOOK, ["BTC_USDT", "100ms"]),
    ]


async def test_data_that_overtakes_the_acknowledgements_is_not_delivered(gate, loop):
    gate.mute = True
    inbox = Inbox()
    stream_to(gate, loop).subscribe(BTC, inbox)
    await gate.wait_asked(lambda request: request["channel"] == BOOK)
    await gate.push(BOOK, book(BTC, 1))
    gate.mute = False
    for request in list(gate.asked):
        await gate.answer(gate.connections[-1], request)
    assert await inbox.next() == StreamOpened(pair=BTC)
    await gate.push(BOOK, book(BTC, 2))
    assert (await inbox.next()).last_id == 2


async def test_changes_that_come_together_are_delivered_together(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop, together_max=64).subscribe(BTC, inbox)
    assert await inbox.next() == StreamOpened(pair=BTC)
    pushes = [
        json.dumps({"time": 1, "channel": BOOK, "event": "update", "result": book(BTC, number)})
        for number in range(1, 501)
    ]
    told = b"".join(Frame(Opcode.TEXT, one.encode()).serialize(mask=False) for one in pushes)
    gate.connections[-1].transport.write(told)
    deltas = []
    while not deltas or deltas[-1].last_id < 500:
        deltas.append(await inbox.next())
    assert [one.first_id for one in deltas] == [1, *(one.last_id + 1 for one in deltas[:-1])]
    assert len(deltas) < 100
    assert sum(len(one.bids) for one in deltas) == 500


def whole(pair, last_id, depth=50):
    return {
        "t": 1,
        "full": True,
        "s": f"ob.{pair}.{depth}",
        "u": last_id,
        "b": [["1", "1"]],
        "a": [],
    }


def change(pair, first_id, last_id, depth=50):
    return {"t": 1, "s": f"ob.{pair}.{depth}", "U": first_id, "u": last_id, "b": [], "a": []}


@pytest.mark.parametrize(("depth", "stream"), [(20, 50), (50, 50), (51, 400), (100, 400)])
async def test_whole_books_are_streamed_as_deep_as_wanted(gate, loop, depth, stream):
    inbox = Inbox()
    stream_to(gate, loop, book=whole_books(depth)).subscribe(BTC, inbox)
    assert await inbox.next() == StreamOpened(pair=BTC)
    assert gate.asked[-1]["channel"] == OBU
    assert gate.asked[-1]["payload"] == [f"ob.BTC_USDT.{stream}"]
    await gate.push(OBU, whole(BTC, 7, stream))
    await gate.push(OBU, change(BTC, 8, 9, stream))
    assert (await inbox.next()).full
    assert (await inbox.next()).first_id == 8


async def test_a_whole_book_that_overtakes_its_acknowledgement_is_kept(gate, loop):
    gate.mute = True
    inbox = Inbox()
    stream_to(gate, loop, book=whole_books(50)).subscribe(BTC, inbox)
    await gate.wait_asked(lambda request: request["channel"] == OBU)
    for result in (change(BTC, 2, 3), whole(BTC, 7), change(BTC, 8, 9)):
        await gate.push(OBU, result)
    gate.mute = False
    for request in list(gate.asked):
        await gate.answer(gate.connections[-1], request)
    assert await inbox.next() == StreamOpened(pair=BTC)
    assert [(await inbox.next()).last_id for _ in range(2)] == [7, 9]
    assert await inbox.empty()


async def test_a_second_subscriber_to_whole_books_gets_one_of_its_own(gate, loop):
    first, second = Inbox(), Inbox()
    stream = stream_to(gate, loop, book=whole_books(50))
    stream.subscribe(BTC, first)
    await first.next()
    stream.subscribe(BTC, second)
    assert await second.next() == StreamOpened(pair=BTC)
    assert [(one["channel"], one["event"]) for one in gate.asked[-2:]] == [
        (OBU, "unsubscribe"),
        (OBU, "subscribe"),
    ]
    await gate.push(OBU, whole(BTC, 7))
    assert (await second.next()).full
    assert await first.empty()


async def test_acknowledgements_without_ids_are_matched_in_order(gate, loop):
    gate.echo_ids = False
    inboxes = {BTC: Inbox(), ETH: Inbox()}
    stream = stream_to(gate, loop)
    for pair, inbox in inboxes.items():
        stream.subscribe(pair, inbox)
    for pair, inbox in inboxes.items():
        assert await inbox.next() == StreamOpened(pair=pair)


async def test_a_dropped_connection_is_told_and_comes_back_with_all_pairs(gate, loop):
    inboxes = {BTC: Inbox(), ETH: Inbox()}
    stream = stream_to(gate, loop)
    for pair, inbox in inboxes.items():
        stream.subscribe(pair, inbox)
    for pair, inbox in inboxes.items():
        assert await inbox.next() == StreamOpened(pair=pair)
    for again in range(3):
        gate.connections[-1].transport.abort()
        for pair, inbox in inboxes.items():
            lost = await inbox.next()
            assert isinstance(lost, StreamLost)
            assert lost.pair == pair
            assert await inbox.next() == StreamOpened(pair=pair)
        assert len(gate.connections) == again + 2
    assert stream.connects == 4


async def test_a_server_that_answers_pings_but_sends_no_data_is_lost(gate, loop):
    settings = StreamSettings(silence_s=0.4, ping_s=0.05, backoff_min_s=0.01)
    inbox = Inbox()
    stream_to(gate, loop, settings).subscribe(BTC, inbox)
    assert await inbox.next() == StreamOpened(pair=BTC)
    lost = await inbox.next()
    assert isinstance(lost, StreamLost)
    assert lost.reason.startswith("no data")
    assert any(request["channel"] == "spot.ping" for request in gate.asked)
    assert await inbox.next() == StreamOpened(pair=BTC)


async def test_a_thin_pair_is_not_lost_while_its_neighbour_talks(gate, loop):
    settings = StreamSettings(silence_s=0.4, backoff_min_s=0.01)
    thin, busy = Inbox(), Inbox()
    stream = stream_to(gate, loop, settings)
    stream.subscribe(BTC, thin)
    stream.subscribe(ETH, busy)
    assert await thin.next() == StreamOpened(pair=BTC)
    assert await busy.next() == StreamOpened(pair=ETH)
    talked_until = asyncio.get_running_loop().time() + 1.0
    while asyncio.get_running_loop().time() < talked_until:
        await gate.push(TICKERS, ticker(ETH))
        assert isinstance(await busy.next(), TickerSeen)
    assert await thin.empty()
    assert len(gate.connections) == 1


async def test_a_book_that_stops_at_once_is_subscribed_anew_while_its_neighbour_goes_on(gate, loop):
    settings = StreamSettings(book_floor_s=0.3, probe_s=0.2)
    silent, busy = Inbox(), Inbox()
    stream = stream_to(gate, loop, settings)
    stream.subscribe(BTC, silent)
    stream.subscribe(ETH, busy)
    assert await silent.next() == StreamOpened(pair=BTC)
    assert await busy.next() == StreamOpened(pair=ETH)
    for number in range(1, 4):  # How often it comes has to be learned.
        await gate.push(BOOK, book(BTC, number))
        await silent.next()
    for number in range(1, 1000):
        await gate.push(BOOK, book(ETH, number))
        assert (await busy.next()).pair == ETH
        if not await silent.empty():
            break
    lost = await silent.next()
    assert isinstance(lost, StreamLost)
    assert lost.reason.startswith("no book for")
    assert await silent.next() == StreamOpened(pair=BTC)
    assert await busy.empty()
    assert len(gate.connections) == 1
    await gate.push(BOOK, book(BTC, 9))
    assert (await silent.next()).last_id == 9


async def test_a_missing_acknowledgement_costs_the_connection(gate, loop):
    gate.mute = True
    settings = StreamSettings(acknowledged_s=0.1, backoff_min_s=0.01)
    inbox = Inbox()
    stream_to(gate, loop, settings).subscribe(BTC, inbox)
    await gate.wait_connections(2)
    gate.mute = False
    assert await inbox.next() == StreamOpened(pair=BTC)


async def test_a_refused_pair_is_told_and_tried_again_while_others_go_on(gate, loop):
    gate.refuse = lambda request: (
        "unknown currency pair: NOPE_NOPE" if "NOPE_NOPE" in request["payload"] else None
    )
    wrong, right = Inbox(), Inbox()
    stream = stream_to(gate, loop)
    stream.subscribe(Pair("NOPE_NOPE"), wrong)
    stream.subscribe(BTC, right)
    assert await right.next() == StreamOpened(pair=BTC)
    lost = await wrong.next()
    assert isinstance(lost, StreamLost)
    assert "unknown currency pair" in lost.reason
    gate.refuse = lambda _: None
    while not isinstance(message := await wrong.next(), StreamOpened):
        assert isinstance(message, StreamLost)
    assert len(gate.connections) == 1
    assert await right.empty()


@pytest.mark.parametrize(
    "garbage",
    ["not json", "[]", "{", b"\xff\xfe", '{"event":"update","channel":"spot.trades","result":7}'],
    ids=str,
)
async def test_garbage_is_counted_and_skipped(gate, loop, garbage):
    inbox = Inbox()
    stream = stream_to(gate, loop)
    stream.subscribe(BTC, inbox)
    await inbox.next()
    for _ in range(3):
        await gate.send(garbage)
    await gate.push(BOOK, book(BTC, 9))
    assert (await inbox.next()).last_id == 9
    assert stream.malformed == 3
    assert len(gate.connections) == 1


async def test_an_upgrade_notice_is_followed_by_a_new_connection(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop).subscribe(BTC, inbox)
    await inbox.next()
    await gate.send(json.dumps({"type": "upgrade", "msg": "soon"}))
    assert isinstance(await inbox.next(), StreamLost)
    assert await inbox.next() == StreamOpened(pair=BTC)
    assert len(gate.connections) == 2


async def test_a_second_subscriber_replaces_the_first_with_an_opening_of_its_own(gate, loop):
    first, second = Inbox(), Inbox()
    stream = stream_to(gate, loop)
    stream.subscribe(BTC, first)
    await first.next()
    stream.subscribe(BTC, second)
    assert await second.next() == StreamOpened(pair=BTC)
    await gate.push(BOOK, book(BTC, 3))
    assert (await second.next()).last_id == 3
    assert await first.empty()
    assert len(gate.connections) == 1


async def test_an_unsubscribed_pair_is_silent_at_once_and_unsubscribed_at_the_exchange(gate, loop):
    gone, kept = Inbox(), Inbox()
    stream = stream_to(gate, loop)
    stream.subscribe(BTC, gone)
    stream.subscribe(ETH, kept)
    await gone.next()
    await kept.next()
    stream.unsubscribe(BTC)
    await gate.push(BOOK, book(BTC, 3))
    await gate.push(BOOK, book(ETH, 4))
    assert (await kept.next()).pair == ETH
    assert await gone.empty()
    await gate.wait_asked(lambda request: request["event"] == "unsubscribe", 4)


async def test_the_last_pair_takes_its_connection_with_it(gate, loop):
    inbox = Inbox()
    stream = stream_to(gate, loop)
    stream.subscribe(BTC, inbox)
    await inbox.next()
    stream.unsubscribe(BTC)
    await asyncio.wait_for(gate.connections[0].wait_closed(), 5)
    stream.subscribe(ETH, inbox)
    assert await inbox.next() == StreamOpened(pair=ETH)


async def test_pairs_are_spread_over_connections(gate, loop):
    settings = StreamSettings(pairs_per_connection=20)
    stream = stream_to(gate, loop, settings)
    inboxes = {Pair(f"P{number}_USDT"): Inbox() for number in range(45)}
    for pair, inbox in inboxes.items():
        stream.subscribe(pair, inbox)
    for pair, inbox in inboxes.items():
        assert await inbox.next() == StreamOpened(pair=pair)
    assert len(gate.connections) == 3
    books = Counter(request["payload"][0] for request in gate.asked if request["channel"] == BOOK)
    assert books == dict.fromkeys(inboxes, 1)


async def test_a_receiver_that_fails_costs_nobody_the_stream(gate, loop):
    def fail(message):
        raise RuntimeError("the mailbox is gone")

    inbox = Inbox()
    stream = stream_to(gate, loop)
    stream.subscribe(BTC, fail)
    stream.subscribe(ETH, inbox)
    assert await inbox.next() == StreamOpened(pair=ETH)
    await gate.push(BOOK, book(BTC, 3))
    await gate.push(BOOK, book(ETH, 4))
    assert (await inbox.next()).last_id == 4
    assert len(gate.connections) == 1


async def test_it_waits_for_a_server_that_is_not_there_yet(loop):
    async with fake_streams() as gone:
        pass
    inbox = Inbox()
    tried = asyncio.Semaphore(0)
    here = asyncio.get_running_loop()

    def draw():
        here.call_soon_threadsafe(tried.release)
        return 0.0

    stream = stream_to(gone, loop, random=draw)
    stream.subscribe(BTC, inbox)
    port = int(gone.url.split(":")[2].split("/")[0])
    for _ in range(5):
        await asyncio.wait_for(tried.acquire(), 5)
    assert await inbox.empty()
    async with fake_streams(port) as gate:
        assert await inbox.next() == StreamOpened(pair=BTC)
        assert gate.connections
        stream.close()


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(gate, loop):
    tried = asyncio.Semaphore(0)
    here = asyncio.get_running_loop()

    def draw():
        here.call_soon_threadsafe(tried.release)
        return 0.0

    inbox = Inbox()
    stream = GateMarketStream(
        loop, ws_urls=(gate.url.replace("ws:", "wss:"),), clock=SystemClock(), random=draw
    )
    stream.subscribe(BTC, inbox)
    for _ in range(2):
        await asyncio.wait_for(tried.acquire(), 5)
    assert await inbox.empty()
    assert gate.connections == []


async def test_no_compression_is_offered(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop).subscribe(BTC, inbox)
    await inbox.next()
    request = gate.connections[0].request
    assert request is not None
    assert "Sec-WebSocket-Extensions" not in request.headers
