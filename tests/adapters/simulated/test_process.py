"""The exchange as a process: readiness, ends, complaints, and its life after a kill."""

import concurrent.futures
import json
import signal
import socket
import subprocess
import sys
import time
from decimal import Decimal

import gate_api
import pytest
import urllib3
from websockets.sync.client import connect

from adapters.simulated.faults import FaultName
from adapters.simulated.scenarios import ScenarioName
from tests.adapters.simulated.exchange_process import ROOT, ready, running_exchange, started


def ended(process, timeout=20):
    """Return (exit code, what it complained)."""
    with process:
        _, complaints = process.communicate(timeout=timeout)
    return process.returncode, complaints


def spot_api(exchange):
    configuration = gate_api.Configuration(
        host=exchange.rest, key=exchange.key, secret=exchange.secret
    )
    return gate_api.SpotApi(gate_api.ApiClient(configuration))


def close(spot):
    spot.api_client.close()
    spot.api_client.rest_client.pool_manager.clear()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number):
    process = started("--pairs", "BTC_USDT")
    exchange = ready(process)
    assert exchange.rest == f"http://127.0.0.1:{exchange.port}/api/v4"
    assert exchange.ws == f"ws://127.0.0.1:{exchange.port}/ws/v4/"
    assert exchange.control("status")["pairs"] == ["BTC_USDT"]
    process.send_signal(number)
    assert ended(process) == (0, "")


def test_an_open_socket_does_not_delay_the_end():
    process = started("--pairs", "BTC_USDT")
    exchange = ready(process)
    subscribe = {"channel": "spot.tickers", "event": "subscribe", "payload": ["BTC_USDT"]}
    with connect(exchange.ws) as websocket:
        websocket.send(json.dumps(subscribe))
        assert json.loads(websocket.recv(timeout=10))["error"] is None
        process.send_signal(signal.SIGTERM)
        assert ended(process, timeout=5) == (0, "")


def test_clients_that_hang_up_in_the_handshake_are_no_reason_to_complain():
    process = started("--pairs", "BTC_USDT")
    exchange = ready(process)
    address = urllib3.util.parse_url(exchange.ws)
    hello = (
        b"GET /ws/v4/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    for _ in range(200):
        with socket.create_connection((address.host, address.port), timeout=10) as client:
            client.sendall(hello)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (0, "")


def test_it_ends_with_whoever_started_it_when_asked_to():
    process = started("--pairs", "BTC_USDT", "--exit-with-parent")
    ready(process)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    assert ended(process) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--pairs", "NOPE_USDT"], "unknown pair 'NOPE_USDT'"),
        (["--account", "amy:k"], "account 'amy': write NAME:KEY:SECRET"),
        (["--tape", "none.parquet"], "tape none.parquet: no such file"),
        (["--faults", "none.json"], "faults file none.json: No such file"),
        (["--scenario", "doomsday"], "scenario 'doomsday' is none of flash_crash"),
        (["--scenario", "halt:SOL_USDT", "--pairs", "BTC_USDT"], "SOL_USDT is not listed"),
        (["--db", "none/exchange.db"], "cannot open none/exchange.db"),
        (["--db", "pyproject.toml"], "pyproject.toml is not a database"),
    ],
)
def test_what_it_cannot_use_is_named_in_one_sentence(arguments, complaint):
    code, complaints = ended(started(*arguments))
    assert code == 2
    assert complaint in complaints
    assert len(complaints.splitlines()) == 1


def test_a_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, complaints = ended(started("--pairs", "BTC_USDT", "--port", str(port)))
    assert code == 2
    assert f"port {port} is in use" in complaints


def test_a_database_serves_one_exchange_at_a_time(tmp_path):
    db = str(tmp_path / "exchange.db")
    with running_exchange("--pairs", "BTC_USDT", "--db", db):
        code, complaints = ended(started("--pairs", "BTC_USDT", "--db", db))
    assert code == 2
    assert "held by another exchange" in complaints


def test_the_faults_are_listed():
    command = [sys.executable, "-m", "supervisor.commands.exchange", "--help-faults"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "answer_lost" in listed.stdout


def test_accounts_are_those_asked_for_and_apart():
    first, second = "amy:ak:as:USDT=500", "ben:bk:bs:USDT=10,BTC=0.1"
    with running_exchange("--pairs", "BTC_USDT", "--account", first, "--account", second) as it:
        assert (it.key, it.secret) == ("ak", "as")
        assert it.control("accounts") == ["amy", "ben"]
        assert it.control("accounts/amy")["balances"] == {
            "USDT": {"available": "500", "locked": "0", "total": "500"}
        }
        assert it.control("accounts/ben")["balances"]["BTC"]["total"] == "0.1"


def test_faults_can_be_switched_while_it_runs():
    with running_exchange("--pairs", "BTC_USDT") as exchange:
        wanted = [{"fault": "server_error", "match": "GET /spot/time", "occurrences": [2]}]
        exchange.control("faults", wanted)
        pool = urllib3.PoolManager()
        url = exchange.rest + "/spot/time"
        statuses = [pool.request("GET", url, retries=False).status for _ in range(3)]
        pool.clear()
        assert statuses == [200, 500, 200]
        [armed] = exchange.control("faults")
        assert (armed["fault"], armed["seen"], armed["struck"]) == ("server_error", 3, 1)
        assert exchange.control("faults", []) == []
        assert "push_twice" in exchange.control("faults/catalogue")


def place_until_it_dies(spot, life, acknowledged):
    """Place orders, resting and taking, and note each that was acknowledged."""
    number = 0
    while True:
        number += 1
        price = "60000" if number % 3 else "70000"
        order = gate_api.Order(
            currency_pair="BTC_USDT",
            side="buy",
            amount="0.0002",
            price=price,
            text=f"t-{life}-{number}",
        )
        try:
            placed = spot.create_order(order)
        except urllib3.exceptions.HTTPError:
            return
        acknowledged[placed.id] = placed


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    db = str(tmp_path / "exchange.db")
    arguments = ("--pairs", "BTC_USDT", "--db", db, "--no-rate-limits")
    ids = set()
    for life in range(3):
        process = started(*arguments)
        exchange = ready(process)
        before = {row["id"]: row for row in exchange.control("accounts/demo")["orders"]}
        assert ids <= set(before)
        spot = spot_api(exchange)
        acknowledged = {}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            placing = pool.submit(place_until_it_dies, spot, life, acknowledged)
            deadline = time.monotonic() + 20
            while len(acknowledged) < 25 and time.monotonic() < deadline:
                exchange.control("status")
            process.kill()
            placing.result(timeout=20)
        close(spot)
        ended(process)
        assert len(acknowledged) >= 25
        assert not set(acknowledged) & ids, "ids never repeat"
        ids |= set(acknowledged)

    with running_exchange(*arguments) as exchange:
        account = exchange.control("accounts/demo")
        orders = {row["id"]: row for row in account["orders"]}
        assert ids <= set(orders)
        filled = {row["order_id"]: Decimal(row["amount"]) for row in account["trades"]}
        assert filled
        bought = sum(Decimal(row["amount"]) - Decimal(row["fee"]) for row in account["trades"])
        assert Decimal(account["balances"]["BTC"]["total"]) == Decimal("0.8") + bought
        spent = sum(Decimal(row["deal"]) for row in account["trades"])
        assert Decimal(account["balances"]["USDT"]["total"]) == Decimal(100_000) - spent
        trade_ids = [row["id"] for row in account["trades"]]
        assert len(trade_ids) == len(set(trade_ids))
        assert exchange.control("invariants")["broken"] == []


def test_a_restart_may_not_leave_out_a_pair_with_orders(tmp_path):
    db = str(tmp_path / "exchange.db")
    with running_exchange("--pairs", "BTC_USDT,ETH_USDT", "--db", db) as exchange:
        spot = spot_api(exchange)
        order = gate_api.Order(currency_pair="ETH_USDT", side="buy", amount="1", price="3000")
        spot.create_order(order)
        close(spot)
    code, complaints = ended(started("--pairs", "BTC_USDT", "--db", db))
    assert code == 2
    assert "has orders of ETH_USDT: add it to --pairs" in complaints


def test_catalogues_are_listed_for_people_and_for_programs():
    def listed(*options):
        command = [sys.executable, "-m", "supervisor.commands.exchange", *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert [row["fault"] for row in json.loads(listed("--help-faults", "--json"))] == list(
        FaultName
    )
    assert [row["scenario"] for row in json.loads(listed("--help-scenarios", "--json"))] == list(
        ScenarioName
    )
    assert "flash_crash" in listed("--help-scenarios")


def test_a_scenario_is_chosen_by_option():
    with running_exchange("--pairs", "BTC_USDT", "--scenario", "clock_jump@0.5") as exchange:
        [row] = exchange.control("scenarios")
        assert (row["scenario"], row["after_s"]) == ("clock_jump", 0.5)
