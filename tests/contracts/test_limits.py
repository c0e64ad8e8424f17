"""Under ten times the load the exchange takes, our client provokes no refusal and cancels get by.

Only over sockets: in process nobody counts.
"""

import time

import pytest
from msgspec.structs import replace

from state.messages.venue import FetchOpenOrders, FetchOrder, Refused, Succeeded
from state.values import ClientOrderId, TimeInForce
from tests.adapters.simulated.exchange_process import running_exchange
from tests.contracts.orders import BTC, cancelled, only, placed, placement
from tests.contracts.worlds import PAIRS, ProcessWorld, a_name, inbox

PLACEMENTS = 40
"""Four seconds' worth, asked for at once."""
QUESTIONS = 400
"""Twenty seconds' worth."""
ENOUGH = 60
TRIES = 5


@pytest.mark.parametrize("enters", [True, False], ids=["socket", "rest"])
def test_a_flood_provokes_no_429_and_holds_up_no_cancel(enters):
    with running_exchange("--pairs", ",".join(PAIRS)) as process:
        world = ProcessWorld(process, enters=enters)
        resting = [placed(world, placement(world)) for _ in range(5)]
        model = placement(world, tif=TimeInForce.POC, expires_in_s=60)
        answers = inbox(world)
        for _ in range(PLACEMENTS):
            request = replace(model, client_order_id=ClientOrderId(a_name()))
            world.exchange.request(request, answers)
        for order in resting * (QUESTIONS // 10):
            world.exchange.request(FetchOpenOrders(), answers)
            world.exchange.request(
                FetchOrder(
                    pair=BTC,
                    client_order_id=order.client_order_id,
                    venue_order_id=order.venue_order_id,
                ),
                answers,
            )
        waits_s = []
        for order in resting:
            asked = time.monotonic()
            only(Succeeded, cancelled(world, order))
            waits_s.append(time.monotonic() - asked)
        world.run_until(lambda: len(answers.messages) >= ENOUGH)
        outcomes = [answer.outcome for answer in answers.messages]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert "TOO_MANY_REQUESTS" not in {outcome.label for outcome in refused}
        # 50 ms on a quiet machine; a busy one gets some room.
        assert sorted(waits_s)[len(waits_s) // 2] < 0.25
        world.close()


@pytest.mark.parametrize("enters", [True, False], ids=["socket", "rest"])
def test_a_429_that_another_client_of_the_account_provokes_is_got_over(enters):
    with running_exchange("--pairs", ",".join(PAIRS)) as process:
        worlds = [ProcessWorld(process, enters=enters) for _ in range(2)]
        model = placement(worlds[0], tif=TimeInForce.POC, expires_in_s=60)

        def place(world, count):
            answers = inbox(world)
            for _ in range(count):
                request = replace(model, client_order_id=ClientOrderId(a_name()))
                world.exchange.request(request, answers)
            return answers

        def labels(world, answers, count):
            world.run_until(lambda: len(answers.messages) == count)
            outcomes = [answer.outcome for answer in answers.messages]
            return {outcome.label for outcome in outcomes if isinstance(outcome, Refused)}

        told: list[set[str]] = []
        for _ in range(TRIES):
            # Each keeps the limit for itself; together they are twice as many as it takes.
            floods = [place(world, 12) for world in worlds]
            told = [labels(world, flood, 12) for world, flood in zip(worlds, floods, strict=True)]
            if any(told):
                break  # On a machine too slow for a flood they may all have got by.
        assert set.union(*told) == {"TOO_MANY_REQUESTS"}
        alone = next(world for world, seen in zip(worlds, told, strict=True) if seen)
        assert labels(alone, place(alone, 12), 12) == set()
        for world in worlds:
            world.close()
