"""The smoke run tries one order's whole life, tells each step and leaves nothing behind.

What runs here against the simulated exchange is the very code that tries the testnet. That run is
opt-in: GATEHOUSE_TESTNET=1 with a testnet key in GATE_API_KEY and GATE_API_SECRET.
"""

import json
import os
import sys

import gate_api
import pytest

from scripts.proofs.processes import Exchange
from tests.scripts.conftest import Script

pytestmark = pytest.mark.slow

SMOKE = Script("smoke.py")
STEPS = [
    "clock",
    "rules",
    "balances",
    "market stream",
    "order book",
    "account stream",
    "place",
    "push",
    "query",
    "amend",
    "cancel",
    "nothing left",
]


def transcript(run):
    return [json.loads(line) for line in run.stdout.splitlines()]


def resting(exchange, key, secret):
    configuration = gate_api.Configuration(host=exchange.rest, key=key, secret=secret)
    client = gate_api.ApiClient(configuration)
    try:
        found = gate_api.SpotApi(client).list_all_open_orders()
        return [order.text for one in found for order in one.orders]
    finally:
        client.close()
        client.rest_client.pool_manager.clear()


def test_at_the_simulated_exchange_every_step_goes_well_and_nothing_rests(tmp_path):
    with Exchange(tmp_path, options=["--no-rate-limits"]) as exchange:
        run = SMOKE.run("--venue", "simulated", "--exchange-url", exchange.url, "--json")
        assert run.returncode == 0, run.stdout + run.stderr
        assert [one["step"] for one in transcript(run) if one["ok"]] == STEPS
        assert resting(exchange, "gatehouse-demo-key", "gatehouse-demo-secret") == []


def test_for_people_each_step_is_a_line():
    run = SMOKE.run("--venue", "simulated")
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == len(STEPS)
    assert all(line.startswith("ok ") and " ms  " in line for line in lines)


def test_a_step_that_fails_ends_the_run_and_is_cleaned_up_after(tmp_path):
    account = "amy:a-key:a-secret:USDT=1000"
    with Exchange(tmp_path, options=["--no-rate-limits", "--account", account]) as exchange:
        # The order is taken, and nobody is told: it has to be found and cancelled.
        exchange.control(
            "faults", [{"fault": "push_lost", "match": "spot.orders", "probability": 1}]
        )
        run = SMOKE.run(
            *("--venue", "simulated", "--exchange-url", exchange.url, "--json"),
            environ={"GATE_API_KEY": "a-key", "GATE_API_SECRET": "a-secret"},
        )
        assert resting(exchange, "a-key", "a-secret") == []
    assert run.returncode == 1, run.stdout + run.stderr
    told = transcript(run)
    assert [one["step"] for one in told if not one["ok"]] == ["push"]
    assert told[-1]["told"].startswith("1 had to be cancelled")
    assert "a-secret" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("environ", "code", "named"),
    [
        ({}, 3, "GATEHOUSE_TESTNET=1"),
        ({"GATEHOUSE_TESTNET": "1"}, 3, "GATE_API_KEY"),
        ({"GATEHOUSE_TESTNET": "1", "GATE_API_KEY": "k"}, 2, "GATE_API_SECRET"),
    ],
)
def test_the_testnet_has_to_be_asked_for(environ, code, named):
    run = SMOKE.run(environ=environ)
    assert run.returncode == code
    assert named in run.stderr
    assert run.stdout == ""


def test_at_the_testnet_every_step_goes_well(capsys):
    if os.environ.get("GATEHOUSE_TESTNET") != "1":
        pytest.skip("GATEHOUSE_TESTNET=1 is not set: no order is placed at the testnet")
    keys = ("GATE_API_KEY", "GATE_API_KEY_FILE", "GATE_API_SECRET", "GATE_API_SECRET_FILE")
    given = {name: os.environ[name] for name in keys if name in os.environ}
    if not given:
        pytest.skip("no testnet key: set GATE_API_KEY and GATE_API_SECRET")
    run = SMOKE.run("--json", environ=given | {"GATEHOUSE_TESTNET": "1"})
    with capsys.disabled():
        sys.stdout.write(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert [one["step"] for one in transcript(run)] == STEPS
