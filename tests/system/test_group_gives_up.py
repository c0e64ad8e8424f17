"""A group that gives up takes down all that stands on it, and everything begins anew."""

import contextlib

import pytest

from adapters.admin_client import AdminError
from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, RESTING, SHORT_WINDOWS

PAIRS = "BTC_USDT,ETH_USDT"
INTENSITY = 10
"""Of `operations`: one death more within a minute and it gives up."""
READY_S = 3.0
"""From a new life of the router, who must not wait for what nobody can write down."""
RECORDER = "operations/recorder"
ROUTER = "execution/order_router"


def life_of(house, address):
    """Return which life an actor is in, 0 while nobody can say."""
    status = house.status()
    actors = {} if status is None else {one["address"]: one for one in status["actors"]}
    return actors[address]["incarnation"] if address in actors else 0


@pytest.mark.slow
def test_a_recorder_that_dies_again_and_again_costs_no_order_and_no_cover(houses, exchanges):
    exchange = exchanges(pairs=PAIRS)
    settings = (*ACTIVE, *RESTING, *SHORT_WINDOWS)
    house = houses(exchange=exchange, settings=settings, options=["--pairs", PAIRS])
    house.until_ready()
    house.until_fills(2)
    house.until(lambda: house.call("orders", open=True), 30, "an order rests")
    router = life_of(house, ROUTER)
    for death in range(1, INTENSITY + 1):
        house.call("drill", actor=RECORDER, fault="crash")
        house.until(lambda death=death: life_of(house, RECORDER) > death, 10, "it is back")
    with contextlib.suppress(AdminError):  # Whoever would answer goes down with it.
        house.call("drill", actor=RECORDER, fault="crash")
    house.until(lambda: life_of(house, ROUTER) > router, 10, "all has begun anew")
    house.until_ready(READY_S)
    house.until_fills(1)
    said = house.said()
    assert f"{RECORDER} (life 1) died: Drilled: crash\n    Traceback" in said
    assert "operations (life 1) died: more than 10 restarts in 60 s" in said
    assert agreement(exchange.url, house.database).findings == ()
