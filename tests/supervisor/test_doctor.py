"""`python -m supervisor doctor`, run as people run it: beside a house, an exchange, or neither."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gate_api
import pytest

from scripts.proofs.processes import ROOT, Exchange, House, environment, python

pytestmark = pytest.mark.slow

LIMIT_S = 5.0
CANARY_KEY, CANARY_SECRET = "canary-key-4711", "canary-secret-0815"


class Told:
    """What one run of the doctor said."""

    def __init__(self, *options: str, environ: dict[str, str] | None = None) -> None:
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
            run = subprocess.Popen(
                [*python("-m", "supervisor", "doctor"), *options],
                cwd=ROOT,
                # Elsewhere nobody is advised; here the advisor is looked at too.
                env=environment() | {"GATEHOUSE_ADVISOR__PROVIDER": "auto"} | (environ or {}),
                stdout=said,
                stderr=complained,
            )
            # Its account is readable until it is waited for.
            os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
            took_s = time.monotonic() - began
            waited_ns = int(Path(f"/proc/{run.pid}/schedstat").read_text().split()[1])
            self.own_s = took_s - waited_ns / 1e9
            """How long it took, without the time for which no processor was free."""
            self.code = run.wait()
            said.seek(0)
            complained.seek(0)
            self.text, self.complaint = said.read(), complained.read()

    @property
    def checks(self) -> dict[str, Any]:
        """What `--json` printed, by check."""
        return {one["check"]: one for one in json.loads(self.text)["checks"]}

    def verdicts(self) -> dict[str, str]:
        return {name: one["verdict"] for name, one in self.checks.items()}


@pytest.fixture(scope="module")
def exchange(tmp_path_factory) -> Iterator[Exchange]:
    with Exchange(tmp_path_factory.mktemp("exchange"), options=["--no-rate-limits"]) as running:
        yield running


@contextlib.contextmanager
def resting_order(exchange: Exchange, text: str) -> Iterator[None]:
    """Leave an order far from the market."""
    configuration = gate_api.Configuration(
        host=exchange.rest, key="gatehouse-demo-key", secret="gatehouse-demo-secret"
    )
    client = gate_api.ApiClient(configuration)
    spot = gate_api.SpotApi(client)
    order = gate_api.Order(
        currency_pair="BTC_USDT", side="buy", amount="0.001", price="60000", text=text
    )
    try:
        placed = spot.create_order(order)
        yield
        spot.cancel_order(placed.id, "BTC_USDT")
    finally:
        client.close()
        client.rest_client.pool_manager.clear()


def test_on_a_fresh_machine_all_is_well_and_the_exchange_is_not_looked_at(tmp_path):
    told = Told("--data-dir", str(tmp_path / "var"), "--json")
    assert told.code == 0, told.text
    skipped = {name for name, verdict in told.verdicts().items() if verdict == "skipped"}
    assert skipped == {
        "exchange",
        "clock",
        "pairs",
        "stream",
        "keys",
        "key_rights",
        "open_orders",
    }
    assert "none runs now" in told.checks["exchange"]["found"]
    assert list(tmp_path.iterdir()) == []


def test_beside_a_running_house_everything_is_looked_at(tmp_path):
    with House(tmp_path) as house:
        house.until_ready()
        told = Told("--data-dir", str(tmp_path), "--json")
        assert told.code == 0, told.text
        assert set(told.verdicts().values()) == {"ok"}, told.text
        checks = told.checks
        assert f"process {house.pid} runs: session ready" in checks["house"]["found"]
        assert "answers in" in checks["exchange"]["found"]
        assert "pair ETH_USDT" in checks

        house.call("pause", reason="lunch")
        paused = Told("--data-dir", str(tmp_path), "--json")
        assert paused.code == 0
        assert paused.checks["house"]["verdict"] == "warn"
        assert "session paused, " in paused.checks["house"]["found"]
        assert house.terminate() == 0


def test_for_people_each_finding_is_a_line_with_what_to_mend(tmp_path):
    (tmp_path / "simulated").mkdir(mode=0o700)
    (tmp_path / "simulated" / "gatehouse.db").write_text("nothing of ours")
    told = Told("--data-dir", str(tmp_path))
    assert told.code == 1
    lines = told.text.splitlines()
    [broken] = [number for number, line in enumerate(lines) if line.startswith("fail    database")]
    assert "mend: docs/operating.md" in lines[broken + 1]
    assert lines[-1].startswith("18 checks: ")
    assert "1 fail" in lines[-1]


def test_an_exchange_that_already_runs_is_looked_at_without_a_house(tmp_path, exchange):
    told = Told("--data-dir", str(tmp_path), "--exchange-url", exchange.url, "--json")
    assert told.code == 0, told.text
    assert set(told.verdicts().values()) == {"ok"}
    assert told.checks["open_orders"]["found"] == "0 of ours rest, 0 of others"


def test_orders_left_behind_are_told_and_those_of_others_only_counted(tmp_path, exchange):
    options = ("--data-dir", str(tmp_path), "--exchange-url", exchange.url, "--json")
    with resting_order(exchange, "t-gh-left-behind-1"):
        told = Told(*options)
    assert told.code == 0
    assert told.checks["open_orders"]["verdict"] == "warn"
    assert "t-gh-left-behind-1" in told.checks["open_orders"]["found"]
    with resting_order(exchange, "t-by-hand"):
        told = Told(*options)
    assert told.checks["open_orders"]["verdict"] == "ok"
    assert told.checks["open_orders"]["found"] == "0 of ours rest, 1 of others"


@pytest.mark.parametrize(
    ("key", "secret", "label"),
    [
        (CANARY_KEY, CANARY_SECRET, "INVALID_KEY"),
        ("gatehouse-demo-key", CANARY_SECRET, "INVALID_SIGNATURE"),
    ],
)
def test_a_wrong_key_is_told_and_never_shown(tmp_path, exchange, key, secret, label):
    environ = {"GATE_API_KEY": key, "GATE_API_SECRET": secret}
    options = ("--data-dir", str(tmp_path), "--exchange-url", exchange.url)
    for told in (Told(*options, "--json", environ=environ), Told(*options, environ=environ)):
        assert told.code == 1
        assert label in told.text
        for canary in (CANARY_KEY, CANARY_SECRET):
            assert canary not in told.text + told.complaint


@pytest.mark.parametrize(
    ("rights", "verdict", "found"),
    [
        ("spot+withdraw", "fail", "withdraw can move money away"),
        ("spot.read", "fail", "it cannot trade"),
        ("spot+futures", "warn", "futures is never needed here"),
    ],
)
def test_a_key_that_may_do_too_much_or_too_little_is_told(tmp_path, rights, verdict, found):
    account = f"amy:a-key:a-secret:USDT=1000:rights={rights}"
    environ = {"GATE_API_KEY": "a-key", "GATE_API_SECRET": "a-secret"}
    with Exchange(tmp_path, options=["--no-rate-limits", "--account", account]) as exchange:
        options = ("--data-dir", str(tmp_path), "--exchange-url", exchange.url, "--json")
        told = Told(*options, environ=environ)
    assert told.code == (1 if verdict == "fail" else 0)
    assert told.checks["keys"]["verdict"] == "ok"
    assert told.checks["key_rights"]["verdict"] == verdict
    assert found in told.checks["key_rights"]["found"]
    assert told.checks["key_rights"]["mend"]


def test_a_pair_that_is_not_listed_is_named(tmp_path, exchange):
    options = ("--data-dir", str(tmp_path), "--exchange-url", exchange.url, "--json")
    told = Told(*options, "--pairs", "BTC_USDT,NOPE_USDT")
    assert told.code == 1
    assert told.checks["pair BTC_USDT"]["verdict"] == "ok"
    assert told.checks["pair NOPE_USDT"]["verdict"] == "fail"


def test_an_exchange_that_is_not_there_is_told_at_once(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        told = Told("--data-dir", str(tmp_path), "--exchange-url", url, "--json")
    assert told.code == 1
    assert told.checks["exchange"]["verdict"] == "fail"
    assert told.checks["keys"]["verdict"] == "skipped"


def test_an_exchange_that_never_answers_costs_less_than_five_seconds(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        options = ("--data-dir", str(tmp_path), "--exchange-url", url, "--json")
        told = Told(*options)
    assert told.code == 1
    assert told.own_s < LIMIT_S
    assert told.checks["exchange"]["verdict"] == "fail"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--venue", "testnet"], "GATE_API_KEY"),
        (["--exchange-url", "https://api.gateio.ws"], "Gate's live, but the venue is simulated"),
        (["--set", "risk.order_notional_mx=1"], "did you mean risk.order_notional_max?"),
    ],
)
def test_a_bad_configuration_is_told_with_code_2(tmp_path, options, named):
    told = Told("--data-dir", str(tmp_path), *options, "--json")
    assert told.code == 2
    assert told.text == ""
    assert named in told.complaint


def test_every_check_is_described_in_operating_md(tmp_path, exchange):
    told = Told("--data-dir", str(tmp_path), "--exchange-url", exchange.url, "--json")
    described = (Path(ROOT) / "docs" / "operating.md").read_text()
    for name in told.checks:
        assert f"`{name.partition(' ')[0]}`" in described
