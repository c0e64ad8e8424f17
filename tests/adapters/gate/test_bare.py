"""The client of the watchdog: sees what rests of ours and nothing of others; signs like Gate."""

import ast
import subprocess
import sys
from decimal import Decimal

import gate_api
import pytest

from actors.execution import client_ids
from adapters.gate import bare
from adapters.gate.bare import BareGate, Failed
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import ROOT, Exchange

OURS = [f"t-gh-{number}" for number in range(4)]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    options = ["--no-rate-limits"]
    with Exchange(tmp_path_factory.mktemp("bare"), options=options, keeps=False) as running:
        yield running


@pytest.fixture
def gate(exchange):
    client = BareGate(exchange.rest, DEMO_KEY, DEMO_SECRET)
    yield client
    client.close()


def rest(exchange, *texts):
    configuration = gate_api.Configuration(host=exchange.rest, key=DEMO_KEY, secret=DEMO_SECRET)
    client = gate_api.ApiClient(configuration)
    spot = gate_api.SpotApi(client)
    for number, text in enumerate(texts):
        pair = ("BTC_USDT", "ETH_USDT")[number % 2]
        [ticker] = spot.list_tickers(currency_pair=pair)
        price = str((Decimal(ticker.last) * Decimal("0.96")).quantize(Decimal("0.1")))
        order = gate_api.Order(
            text=text, currency_pair=pair, side="buy", amount="0.01", price=price
        )
        spot.create_order(order)
    client.close()
    client.rest_client.pool_manager.clear()


def test_it_sees_and_cancels_what_is_ours_and_nothing_else(exchange, gate):
    rest(exchange, *OURS, "t-by-hand")
    assert sorted(order.text for order in gate.resting()) == OURS
    for order in gate.resting():
        assert gate.cancel(order)
        assert not gate.cancel(order), "it is gone"
    assert gate.resting() == []
    left = exchange.control("accounts/demo")["orders"]
    assert [row["text"] for row in left if row["status"] == "open"] == ["t-by-hand"]


@pytest.mark.parametrize(
    ("url", "key"),
    [("http://127.0.0.1:9/api/v4", DEMO_KEY), (None, "a stranger's key")],
)
def test_where_nobody_answers_or_nobody_knows_us_it_says_so(exchange, url, key):
    client = BareGate(url or exchange.rest, key, DEMO_SECRET)
    with pytest.raises(Failed):
        client.resting()
    client.close()


def test_our_orders_are_known_by_the_prefix_that_they_are_named_with():
    assert bare.PREFIX == client_ids.PREFIX


def test_the_watchdog_needs_nothing_but_python():
    code = "import supervisor.watchdog, sys; print(sorted(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules = ast.literal_eval(told.stdout)
    assert {"msgspec", "numpy", "pykka", "click", "loguru"}.isdisjoint(modules)
