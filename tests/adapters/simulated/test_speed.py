"""The exchange is fast enough to be tested against. Bounds are far below what is measured."""

import asyncio
import time
from decimal import Decimal
from random import Random

import pytest

from adapters.simulated.building import build_venue
from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.core.events import BookPublished
from adapters.simulated.core.orders import OrderRequest
from adapters.simulated.options import ExchangeOptions
from state.values import NS_PER_S, Pair, Side
from tests.adapters.simulated.serving import connected, serving
from tests.adapters.simulated.venues import NOON

FIFTY = tuple(list(CATALOGUE)[:50])


def test_two_thousand_placements_a_second_in_process():
    venue = build_venue(ExchangeOptions(pairs=("BTC_USDT",)), NOON)
    demo, market = venue.ledger.accounts["demo"], venue.pairs[Pair("BTC_USDT")]
    chance, now_ns = Random(1), NOON
    began = time.process_time()
    for number in range(4_000):
        reference = market.reference_ticks()
        assert reference is not None
        request = OrderRequest(
            pair="BTC_USDT",
            side=Side.BUY if chance.random() < 0.5 else Side.SELL,
            amount=Decimal(chance.randint(100, 1000)) / 1_000_000,
            price=Decimal(reference + chance.randint(-2000, 2000)) / 10,
            text=f"t-{number}",
        )
        venue.place(demo, request, now_ns)
        if number % 20 == 0:
            venue.cancel_all(demo, now_ns)
            now_ns += NS_PER_S // 10
            venue.advance(now_ns)
            venue.drain()
    assert 4_000 / (time.process_time() - began) > 2_000


def test_fifty_pairs_at_ten_updates_a_second_cost_little():
    venue = build_venue(ExchangeOptions(pairs=FIFTY), NOON)
    for market in venue.pairs.values():
        market.channel("100ms", removed_reported=False)
    began = time.process_time()
    updates = 0
    for step in range(1, 51):
        venue.advance(NOON + step * NS_PER_S // 10)
        updates += sum(isinstance(event, BookPublished) for event in venue.drain())
    assert updates >= 0.9 * 50 * 50
    assert time.process_time() - began < 2.5, "five seconds of market in half of one core"


@pytest.mark.slow
async def test_fifty_pairs_are_served_to_a_subscriber_in_real_time():
    async with serving(pairs=FIFTY) as served, connected(served) as socket:
        for pair in FIFTY:
            await socket.subscribe("spot.order_book_update", [pair, "100ms"])
        began, used = time.monotonic(), time.process_time()
        updates = 0
        while time.monotonic() - began < 3:
            await socket.heard("spot.order_book_update")
            updates += 1
        used = time.process_time() - used
    assert updates > 0.5 * 3 * 50 * 10
    assert used < 0.9 * 3, "server and client together stay below one core"


@pytest.mark.slow
async def test_three_hundred_placements_a_second_over_rest():
    async with serving(pairs=("BTC_USDT",)) as served:

        async def place(first):
            for number in range(first, first + 100):
                await served.order(
                    currency_pair="BTC_USDT",
                    side="buy",
                    amount="0.0001",
                    price="60000",
                    text=f"t-{number}",
                )

        used = time.process_time()
        await asyncio.gather(*(place(first) for first in range(0, 400, 100)))
        used = time.process_time() - used
    assert 400 / used > 300, "with the client's own cost in the same core"
