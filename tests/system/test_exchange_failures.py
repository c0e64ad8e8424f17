"""The exchange dies, falls silent or goes away for a while, and the house becomes whole again."""

import os
import signal
import time

import pytest

from adapters.admin_client import AdminClient
from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS
from state.store import open_reader

pytestmark = pytest.mark.slow

STALE_S = 1.0
SETTINGS = (*ACTIVE, *SHORT_WINDOWS, f"feed.book_stale_after_s={STALE_S}")


def books(house):
    status = house.status()
    return {pair["book"] for pair in status["pairs"]} if status is not None else set()


def settle(house):
    """Have no order open and end in good order."""
    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 60, "no order is open")
    assert house.terminate() == 0


def intents_between(house, from_ns, to_ns):
    reader = open_reader(house.database)
    rows = reader.orders(limit=100_000)
    reader.close()
    return [row for row in rows if from_ns <= row["intended_at_ns"] <= to_ns]


def test_an_exchange_that_is_killed_is_started_again_and_knows_everything(houses, exchanges):
    house = houses(settings=SETTINGS)
    house.until_ready()
    house.until_fills(2)
    for _ in range(2):
        exchange = house.exchange_pid()
        os.kill(exchange, signal.SIGKILL)
        house.until(lambda: house.session() == "starting", 30, "it is noticed")
        house.until(lambda: house.session() == "ready" and books(house) == {"live"}, 60, "ready")
        house.until_fills(1)
    status = house.status()
    assert {actor["restarts"] for actor in status["actors"]} == {0}, "a restart mends no network"
    settle(house)
    again = exchanges(folder=house.folder)
    assert agreement(again.url, house.database).findings == ()


def test_a_silent_exchange_makes_books_stale_in_time_and_stops_entries(houses, exchanges):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=SETTINGS)
    house.until_ready()
    house.until_fills(1)
    with AdminClient(house.socket) as client:
        news = client.subscribe(["feeds"], timeout_s=30)
        exchange.freeze()
        frozen_s = time.monotonic()
        stale: set[str] = set()
        while stale != {"BTC_USDT", "ETH_USDT"}:
            _, changed = next(news)
            if changed["state"] == "stale":
                assert "silent" in changed["reason"]
                stale.add(changed["pair"])
    # The feed looks twice in the time; the rest is for the measurement itself.
    assert time.monotonic() - frozen_s < 2 * STALE_S
    stale_ns = time.time_ns()
    house.stays(3.0)
    assert books(house).isdisjoint({"live"})
    exchange.thaw()
    thawed_ns = time.time_ns()
    house.until(lambda: house.session() == "ready" and books(house) == {"live"}, 30, "live")
    house.until_fills(1)
    assert intents_between(house, stale_ns, thawed_ns) == []
    settle(house)
    assert agreement(exchange.url, house.database).findings == ()


def test_an_exchange_that_is_away_for_a_while_is_found_again(houses, exchanges):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=SETTINGS)
    house.until_ready()
    house.until_fills(1)
    exchange.kill()
    killed_ns = time.time_ns()
    house.until(lambda: house.session() == "starting", 30, "it is noticed")
    noticed_ns = time.time_ns()
    assert noticed_ns - killed_ns < 5e9
    house.until(lambda: "live" not in books(house), 30, "no book is live")
    house.stays(5.0)
    away_ns = time.time_ns()
    back = exchanges(port=exchange.port)
    house.until(lambda: house.session() == "ready" and books(house) == {"live"}, 60, "ready")
    house.until_fills(1)
    assert intents_between(house, noticed_ns, away_ns) == []
    assert {actor["restarts"] for actor in house.status()["actors"]} == {0}
    settle(house)
    assert agreement(back.url, house.database).findings == ()


def test_a_house_waits_for_an_exchange_that_is_not_there_yet(houses, exchanges):
    first = exchanges()
    port = first.port
    first.kill()
    house = houses(exchange=f"http://127.0.0.1:{port}", settings=SETTINGS)
    house.until(lambda: house.session() == "starting", 30, "it lives and says why")
    assert "orders" in house.status()["reason"]
    exchanges(port=port)
    house.until_ready()
    house.until_fills(1)
    settle(house)


@pytest.mark.parametrize(
    "faults",
    [
        [{"fault": "book_gap", "probability": 0.02}],
        [{"fault": "disconnect", "match": "spot.order_book", "occurrences": [5, 30, 60]}],
        [{"fault": "server_error", "match": "GET", "probability": 0.5}],
        [{"fault": "push_lost", "match": "spot.usertrades", "probability": 0.5}],
    ],
    ids=lambda faults: faults[0]["fault"],
)
def test_a_misbehaving_exchange_costs_time_but_never_truth(houses, exchanges, faults):
    exchange = exchanges(options=["--no-rate-limits"])
    house = houses(exchange=exchange, settings=SETTINGS)
    house.until_ready()
    exchange.control("faults", faults)
    house.until(lambda: exchange.control("faults")[0]["struck"] >= 3, 60, "three strikes")
    house.until_fills(2)
    exchange.control("faults", [])
    house.until(lambda: house.session() == "ready" and books(house) == {"live"}, 60, "ready")
    house.until_fills(1)
    assert {actor["restarts"] for actor in house.status()["actors"]} == {0}
    settle(house)
    assert agreement(exchange.url, house.database).findings == ()
