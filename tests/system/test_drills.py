"""Every actor is crashed, hung and kept from starting while the house trades.

Each comes back with its state; nobody else notices, no message is lost, trading goes on.
"""

import pytest

from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS

PAIRS = "BTC_USDT,ETH_USDT,SOL_USDT,XRP_USDT"
ACTORS = (
    "market/BTC_USDT/feed",
    "market/BTC_USDT/book_analyzer",
    "market/BTC_USDT/candle_builder",
    "market/BTC_USDT/flow_analyzer",
    "trading/BTC_USDT/trader",
    "trading/risk_guard",
    "execution/order_router",
    "execution/account_stream",
    "accounts/ledger_keeper",
    "operations/recorder",
    "operations/session_keeper",
    "operations/health_monitor",
    "operations/admin",
)
SETTINGS = (
    *ACTIVE,
    *SHORT_WINDOWS,
    # Long enough that a busy machine is not taken for one.
    "supervision.hang_limit_s=2",
    "supervision.hang_limit_thread_s=2",
    "supervision.snapshot_every_s=1",
    # Each hang costs a thread, and here is one hang after the other.
    "supervision.zombies_per_hour_max=100",
)


def restarts_of(status):
    return {actor["address"]: actor["restarts"] for actor in status["actors"]}


def is_well(status):
    """Return whether everybody runs and everything may be traded."""
    return (
        status is not None
        and status["session"] == "ready"
        and {actor["state"] for actor in status["actors"]} == {"running"}
        and {pair["book"] for pair in status["pairs"]} == {"live"}
    )


def drill(house, address, fault):
    """Drill one actor; return by how much every restart count has grown when all is well again."""
    before = restarts_of(house.status())
    house.call("drill", actor=address, fault=fault)
    house.until(
        lambda: (
            (status := house.status()) is not None
            and restarts_of(status)[address] > before[address]
            and is_well(status)
        ),
        30,
        f"{address} runs again and all is well",
    )
    after = restarts_of(house.status())
    return {name: after[name] - before[name] for name in after if after[name] != before[name]}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["crash", "hang", "start_failure"])
def test_each_actor_comes_back_with_its_state_while_the_house_trades(houses, exchanges, fault):
    exchange = exchanges(pairs=PAIRS)
    house = houses(exchange=exchange, settings=SETTINGS, options=["--pairs", PAIRS])
    house.until_ready()
    house.until_fills(2)
    restarted = {}
    for address in ACTORS:
        restarted[address] = drill(house, address, fault)
        house.until_fills(1)

    tries = 2 if fault == "start_failure" else 1
    assert restarted == {address: {address: tries} for address in ACTORS}
    letters = house.call("metrics")["newest_dead_letters"]
    # What was being handled when its actor died is set aside, and a hung one is cut off when it
    # speaks: both are the drill itself. Everything else has found its reader.
    assert {(one["kind"], one["why"]) for one in letters} <= {("Drill", "poison")}
    assert {one["to"] for one in letters} <= set(ACTORS)

    house.call("stop")
    house.until(lambda: house.call("orders", open=True) == [], 30, "no order is open")
    house.until(
        lambda: (equity := house.equity()) is not None and equity["difference"] == "0",
        10,
        "the equity identity holds",
    )
    positions = {row["pair"]: row["quantity"] for row in house.call("positions")}
    shown = {pair["pair"]: pair["position"] for pair in house.status()["pairs"]}
    assert shown == {pair: positions.get(pair, "0") for pair in shown}
    # How long a measure takes to come is the machine's affair too.
    alerts = [one for one in house.call("alerts") if not one["alert"].startswith("latency")]
    assert alerts == []
    assert house.terminate() == 0
    assert agreement(exchange.url, house.database).findings == ()
