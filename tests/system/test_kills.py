"""kill -9 at moments of chance: a short run of what `scripts/kill_test.py` does at length."""

from typing import Any

import pytest

from scripts.proofs.agreement import agreement
from scripts.proofs.kills import Ordeal, Plan, kill_again_and_again
from scripts.proofs.processes import ACTIVE, RESTING, SHORT_WINDOWS

PAIRS = "BTC_USDT,ETH_USDT"
ORDEALS: dict[str, Any] = {"freeze_every": 2, "silence_every": 5, "full_every": 3}


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        Plan(kills=8, seed=5, news_max=12),
        Plan(kills=8, seed=6, news_max=12, faults=True),
        Plan(kills=7, seed=7, news_max=5, faults=True, pairs=PAIRS, **ORDEALS),
    ],
    ids=["well-behaved", "misbehaving", "frozen and out of disk"],
)
def test_no_order_is_lost_or_doubled_however_often_the_house_is_killed(tmp_path, plan):
    outcome = kill_again_and_again(tmp_path, plan)
    assert outcome.findings == (), f"again: {plan.line}"
    assert outcome.agreement.orders > 0
    assert outcome.agreement.fills > 0
    assert (outcome.agreement.lost, outcome.agreement.doubled) == (0, 0)
    assert outcome.agreement.drift == {}


@pytest.mark.slow
def test_without_a_disk_of_its_own_the_house_may_still_be_kept_from_writing(tmp_path):
    """Where nothing may be mounted the system refuses with another error, and it ends as well."""
    plan = Plan(kills=2, seed=8, news_max=3, pairs=PAIRS, full_every=2, mounts=False)
    outcome = kill_again_and_again(tmp_path, plan)
    assert outcome.findings == (), f"again: {plan.line}"
    assert outcome.disk == "RLIMIT_FSIZE, EFBIG"
    assert outcome.ordeals[Ordeal.FULL] == 1


@pytest.mark.slow
def test_a_killed_house_starts_again_at_once_although_its_own_exchange_still_ends(
    houses, exchanges
):
    for _ in range(4):
        house = houses(settings=[*ACTIVE, *SHORT_WINDOWS])
        house.until_ready()
        house.until_fills(1)
        house.kill()
    again = houses(settings=SHORT_WINDOWS)
    again.until_ready()
    again.call("stop")
    again.until(lambda: again.call("orders", open=True) == [], 30, "everything has its end")
    assert again.terminate() == 0
    exchange = exchanges(folder=again.folder)
    assert agreement(exchange.url, again.database).findings == ()


@pytest.mark.slow
def test_a_house_that_was_frozen_finds_its_orders_cancelled_and_goes_on(houses, exchanges):
    """Cancel on silence: the exchange cancels for who cannot."""
    exchange = exchanges()
    settings = [
        *ACTIVE,
        *SHORT_WINDOWS,
        "orders.countdown_s=5",
        # Alone: the watchdog would end it for its silence.
        "watchdog.mode=off",
        *RESTING,
    ]
    house = houses(exchange=exchange, settings=settings)
    house.until_ready()
    house.until(lambda: exchange.control("status")["open_orders"] > 0, 60, "something rests")
    house.freeze()
    exchange.until(lambda: exchange.control("status")["open_orders"] == 0, 15, "it is cancelled")
    house.thaw()
    house.until_ready()
    house.until_fills(1)
    # A pause of everybody is nobody's hang, whoever was in a handler when it came.
    assert not any(actor["restarts"] for actor in house.status()["actors"])
    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 30, "everything has its end")
    assert house.terminate() == 0
    assert agreement(exchange.url, house.database).findings == ()
