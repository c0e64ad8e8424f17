"""A house that is killed with something in its hands protects it before it trades again."""

import pytest

from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS

SETTINGS = [*ACTIVE, *SHORT_WINDOWS, "risk.position_notional_max=400"]


def waiting(exchange):
    """The trigger orders that wait at the exchange, by pair."""
    orders = exchange.control("accounts/demo")["price_orders"]
    return {one["market"]: one for one in orders if one["status"] == "open"}


def held(house):
    """Each pair that holds something, with how it is protected."""
    status = house.status()
    pairs = [] if status is None else status["pairs"]
    return {one["pair"]: one["protection"] for one in pairs if one["cover"] != "flat"}


@pytest.mark.slow
def test_what_is_held_waits_at_the_exchange_and_outlives_a_kill(houses, exchanges):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=SETTINGS)
    house.until_ready()

    def is_resident():
        found = held(house)
        return any(one.get("resident", "0") != "0" and not one["why"] for one in found.values())

    house.until(is_resident, 60, "a stop waits at the exchange")
    house.kill()
    again = houses(exchange=exchange, settings=SETTINGS)
    again.until_ready()
    # No session is ready while a position is not covered.
    assert all(one["state"] != "uncovered" for one in held(again).values())
    again.call("stop")
    again.until(lambda: again.call("orders", open=True) == [], 30, "everything has its end")
    resident = {pair: one["resident"] for pair, one in held(again).items()}
    for pair, one in waiting(exchange).items():
        assert float(one["put"]["amount"]) == float(resident[pair])
    assert again.terminate() == 0
    assert agreement(exchange.url, again.database).findings == ()
