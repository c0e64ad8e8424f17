"""The account stream authenticates, opens before it delivers, and comes back after every loss."""

import asyncio

import pytest

from adapters.clock import SystemClock
from adapters.gate.account_stream import GateAccountStream
from adapters.gate.connection import StreamSettings
from adapters.gate.frames import BALANCES, ORDERS, OWN_TRADES, TICKERS, TRIGGERS
from adapters.gate.signing import channel_signature
from adapters.gate.venue_clock import OffsetOfOthers
from adapters.loop import LoopThread
from state.messages.market import StreamLost, StreamOpened
from state.messages.venue import BalanceReport, OrderReport, TradeReport, TriggerMoved
from state.values import NS_PER_S, Pair
from tests.adapters.gate.fake_rest import CREDENTIALS, KEY, SECRET
from tests.adapters.gate.fake_streams import Inbox, fake_streams
from tests.adapters.gate.test_frames import BALANCE, FILL, ORDER

QUICK = StreamSettings(deaf_s=30.0, backoff_min_s=0.01, backoff_max_s=0.05)


@pytest.fixture
async def gate():
    async with fake_streams() as fake:
        yield fake


@pytest.fixture
async def loop(gate):
    loop = LoopThread()
    yield loop
    assert await asyncio.to_thread(loop.close, 5)


def stream_to(gate, loop, settings=QUICK, offset_ns=None):
    return GateAccountStream(
        loop,
        ws_urls=(gate.url,),
        credentials=CREDENTIALS,
        heartbeat=Pair("BTC_USDT"),
        clock=SystemClock(),
        skew=OffsetOfOthers(lambda: offset_ns),
        random=lambda: 0.5,
        settings=settings,
    )


async def test_every_private_channel_is_subscribed_with_a_signature_of_its_own(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop).open(inbox)
    assert await inbox.next() == StreamOpened()
    private = [request for request in gate.asked if "auth" in request]
    assert [(request["channel"], request["payload"]) for request in private] == [
        (TRIGGERS, ["!all"]),
        (ORDERS, ["!all"]),
        (OWN_TRADES, ["!all"]),
        (BALANCES, []),
    ]
    for request in private:
        sign = channel_signature(
            SECRET, channel=request["channel"], event="subscribe", time_s=request["time"]
        )
        assert request["auth"] == {"method": "api_key", "KEY": KEY, "SIGN": sign}


async def test_a_trigger_push_is_a_hint_to_look(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop).open(inbox)
    await inbox.next()
    await gate.push(TRIGGERS, {"market": "BTC_USDT", "id": "7", "fired_order_id": 0})
    assert await inbox.next() == TriggerMoved(pair=Pair("BTC_USDT"))


async def test_without_trigger_pushes_the_account_is_served_all_the_same(gate, loop):
    gate.refuse = lambda asked: "no such channel" if asked["channel"] == TRIGGERS else None
    inbox = Inbox()
    stream_to(gate, loop).open(inbox)
    assert await inbox.next() == StreamOpened()
    await gate.push(BALANCES, [BALANCE])
    assert isinstance(await inbox.next(), BalanceReport)


async def test_signatures_carry_the_exchanges_clock(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop, offset_ns=-3600 * NS_PER_S).open(inbox)
    await inbox.next()
    sent = next(request["time"] for request in gate.asked if "auth" in request)
    assert abs(sent + 3600 - SystemClock().now_ns() // NS_PER_S) <= 5


async def test_orders_fills_and_balances_are_delivered_in_their_order(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop).open(inbox)
    await inbox.next()
    await gate.push(ORDERS, [ORDER, ORDER | {"event": "finish", "finish_as": "filled"}])
    await gate.push(OWN_TRADES, [FILL])
    await gate.push(BALANCES, [BALANCE])
    kinds = [type(await inbox.next()) for _ in range(4)]
    assert kinds == [OrderReport, OrderReport, TradeReport, BalanceReport]


async def test_a_refused_key_is_told_and_tried_again(gate, loop):
    gate.refuse = lambda request: "INVALID_KEY" if "auth" in request else None
    inbox = Inbox()
    stream_to(gate, loop).open(inbox)
    lost = await inbox.next()
    assert isinstance(lost, StreamLost)
    assert "INVALID_KEY" in lost.reason
    gate.refuse = lambda _: None
    while not isinstance(message := await inbox.next(), StreamOpened):
        assert isinstance(message, StreamLost)
    assert len(gate.connections) > 1


async def test_a_loss_is_told_and_the_stream_opens_again(gate, loop):
    inbox = Inbox()
    stream = stream_to(gate, loop)
    stream.open(inbox)
    await inbox.next()
    gate.connections[-1].transport.abort()
    assert isinstance(await inbox.next(), StreamLost)
    assert await inbox.next() == StreamOpened()
    assert stream.connects == 2


async def test_the_heartbeat_keeps_a_silent_account_alive_and_its_end_is_a_loss(gate, loop):
    inbox = Inbox()
    stream_to(gate, loop, StreamSettings(silence_s=0.4, backoff_min_s=0.01)).open(inbox)
    await inbox.next()
    tick = {"currency_pair": "BTC_USDT", "last": "1"}
    for _ in range(50):
        await gate.push(TICKERS, tick)
    assert await inbox.empty()
    lost = await inbox.next()
    assert isinstance(lost, StreamLost)
    assert lost.reason.startswith("no data")


async def test_a_second_receiver_replaces_the_first_with_an_opening_of_its_own(gate, loop):
    first, second = Inbox(), Inbox()
    stream = stream_to(gate, loop)
    stream.open(first)
    await first.next()
    stream.open(second)
    assert await second.next() == StreamOpened()
    await gate.push(BALANCES, [BALANCE])
    assert isinstance(await second.next(), BalanceReport)
    assert await first.empty()
    assert len(gate.connections) == 1


async def test_garbage_on_a_private_channel_is_counted_and_skipped(gate, loop):
    inbox = Inbox()
    stream = stream_to(gate, loop)
    stream.open(inbox)
    await inbox.next()
    await gate.push(ORDERS, [{"id": 1}])
    await gate.push(BALANCES, {"no": "list"})
    await gate.push(BALANCES, [BALANCE])
    assert isinstance(await inbox.next(), BalanceReport)
    assert stream.malformed == 2
