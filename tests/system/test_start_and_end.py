"""The house as a process: from one command to fills, and every way to end it in good order."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from adapters.history.store import HistoryStore
from scripts.proofs.agreement import agreement
from scripts.proofs.processes import ACTIVE, RESTING, ROOT, SHORT_WINDOWS, environment, python
from state.store import open_reader

pytestmark = pytest.mark.slow

END_MAX_S = 10.0
THREADS_MAX = 32
"""Some 25, and a few more of the pool on a machine that lets handlers wait."""
RESTS = (*ACTIVE, *SHORT_WINDOWS, *RESTING)


@pytest.fixture
def nursery():
    """Give none: how a process begins and ends is what is tested here."""


def script(name, *arguments, cwd="/"):
    """Run one of the scripts as a person would, from anywhere."""
    command = [*python(str(ROOT / "scripts" / name)), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )


def rests(house):
    return [row for row in house.call("orders", open=True) if row["state"] == "open"]


def test_one_command_gives_a_trading_house_and_status_says_so(houses, tmp_path):
    data_dir = str(tmp_path / "house")
    before = script("status.py", "--data-dir", data_dir)
    assert before.returncode == 3
    assert "nothing runs here" in before.stderr

    house = houses(settings=(*ACTIVE, "history.record=true"))
    house.until_ready()
    house.until_fills(1)
    ready = script("status.py", "--data-dir", data_dir)
    assert ready.returncode == 0, ready.stdout
    for shown in ("ready", "BTC_USDT", "live", "trading/risk_guard", "operations/recorder"):
        assert shown in ready.stdout

    # Whoever waits needs a thread, actors do not; two pairs or fifty are the same.
    assert house.call("metrics")["health"]["threads"] <= THREADS_MAX

    house.call("pause")
    paused = script("status.py", "--data-dir", data_dir)
    assert paused.returncode == 1
    assert "paused" in paused.stdout

    assert house.terminate() == 0
    after = script("status.py", "--data-dir", data_dir)
    assert after.returncode == 3
    assert not house.socket.exists()

    # What the market did meanwhile is on disk: hours of candles from before, and every trade.
    with contextlib.closing(HistoryStore(tmp_path / "house" / "simulated" / "history")) as history:
        held = {(str(one.pair), one.kind): one.rows for one in history.holdings()}
        assert held["BTC_USDT", "candles-1m"] >= 590
        assert held["BTC_USDT", "trades"] > 0
        assert history.verify() == (sum(held.values()), [])


def test_the_status_has_the_promised_shape(houses):
    house = houses(settings=ACTIVE)
    house.until_ready()
    house.until_fills(1)
    house.until(house.equity, 10, "equity is marked")
    status = house.status()
    assert status["mode"] == "paper"
    assert status["venue"] == "simulated"
    assert status["session"] == "ready"
    assert status["uptime_s"] > 0
    assert status["since_ns"] > 0
    assert status["equity"]["difference"] == "0"
    addresses = {actor["address"] for actor in status["actors"]}
    assert {
        "operations/recorder",
        "operations/session_keeper",
        "operations/health_monitor",
        "operations/admin",
        "execution/order_router",
        "execution/account_stream",
        "accounts/ledger_keeper",
        "market/BTC_USDT/feed",
        "market/BTC_USDT/book_analyzer",
        "market/BTC_USDT/candle_builder",
        "market/BTC_USDT/flow_analyzer",
        "trading/risk_guard",
        "trading/ETH_USDT/trader",
    } <= addresses
    for actor in status["actors"]:
        assert actor["state"] == "running"
        assert actor["incarnation"] == 1
        assert actor["restarts"] == 0
        assert actor["last_error"] == ""
        assert set(actor["mailbox"]) == {"control", "data", "oldest_ms", "dropped"}
        assert {"kind", "busy_ms", "handled", "snapshot_age_s"} <= set(actor)
    assert [pair["pair"] for pair in status["pairs"]] == ["BTC_USDT", "ETH_USDT"]
    for pair in status["pairs"]:
        assert pair["book"] == "live"
        assert pair["spread_bps"] > 0
        assert pair["last_event_age_ms"] >= 0
        assert float(pair["position"]) >= 0
        assert pair["session"] == "ready"


def test_a_signal_cancels_what_rests_and_the_next_start_goes_on(houses, exchanges):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=RESTS)
    house.until_ready()
    house.until(lambda: rests(house), 60, "something rests")
    asked_s = time.monotonic()
    assert house.terminate() == 0
    assert time.monotonic() - asked_s < END_MAX_S
    assert exchange.control("status")["open_orders"] == 0
    assert not [line for line in house.said().splitlines() if "CRITICAL" in line]
    left = agreement(exchange.url, house.database)
    assert left.findings == ()
    assert left.fills > 0
    reader = open_reader(house.database)
    balances, positions = reader.balances(), reader.positions()
    reader.close()

    again = houses(exchange=exchange, settings=[*RESTS, "strategy.trend.entry_bps=1000"])
    again.until_ready()
    assert again.call("balances")["ledger"] == balances
    shown = {pair["pair"]: pair["position"] for pair in again.status()["pairs"]}
    held = {row["pair"]: row["quantity"] for row in positions}
    assert shown == {pair: held.get(pair, "0") for pair in shown}
    assert again.terminate() == 0


def test_resting_orders_can_be_left_where_they_are(houses, exchanges):
    exchange = exchanges()
    settings = [*RESTS, "shutdown.orders=leave", "orders.countdown_s=0"]
    house = houses(exchange=exchange, settings=settings)
    house.until_ready()
    house.until(lambda: rests(house), 60, "something rests")
    assert house.terminate() == 0
    reader = open_reader(house.database)
    # One may have been on its way: what became of it is found out at the next start.
    states = {row["state"] for row in reader.orders()}
    assert states <= {"intended", "open", "filled"}, "nothing is cancelled"
    reader.close()

    again = houses(exchange=exchange, settings=RESTS)
    again.until_ready()
    known = {row["client_order_id"] for row in rests(again)}
    theirs = exchange.control("accounts/demo")["orders"]
    assert known >= {row["text"] for row in theirs if row["status"] == "open"}
    assert again.terminate() == 0
    assert agreement(exchange.url, again.database).findings == ()


def test_an_interrupt_from_the_keyboard_reaches_everyone_and_all_ends_in_order(houses):
    house = houses(settings=RESTS)
    house.until_ready()
    house.until(lambda: rests(house), 60, "something rests")
    children = house.children()
    assert children, "the exchange it has started"
    os.killpg(house.pid, signal.SIGINT)  # A terminal tells the whole group.
    assert house.ended() == 0
    assert "has died" not in house.said()
    reader = open_reader(house.database)
    assert [row["state"] for row in reader.orders(unsettled=True)] == []
    reader.close()
    for child in children:
        assert not Path(f"/proc/{child}").exists(), "its exchange ends with it"


def test_a_second_signal_ends_it_at_once(houses, exchanges):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=RESTS)
    house.until_ready()
    house.until(lambda: rests(house), 60, "something rests")
    exchange.freeze()  # So that no cancel is answered.
    house.signal(signal.SIGTERM)
    house.until(lambda: "shutting down" in house.said(), 10, "it has heard the first signal")
    asked_s = time.monotonic()
    house.signal(signal.SIGTERM)
    assert house.ended() == 128 + signal.SIGTERM
    assert time.monotonic() - asked_s < 2
    exchange.thaw()

    again = houses(exchange=exchange, settings=SHORT_WINDOWS)
    again.until_ready()
    again.call("stop")
    again.until(lambda: again.call("orders", open=True) == [], 30, "everything has its end")
    assert again.terminate() == 0
    assert agreement(exchange.url, again.database).findings == ()


def test_an_exchange_that_answers_nothing_cannot_keep_it_from_ending(houses, exchanges):
    exchange = exchanges()
    house = houses(exchange=exchange, settings=RESTS)
    house.until_ready()
    house.until(lambda: rests(house), 60, "something rests")
    exchange.freeze()
    asked_s = time.monotonic()
    assert house.terminate() == 0
    assert time.monotonic() - asked_s < END_MAX_S


def test_it_ends_by_itself_when_its_time_is_over(houses):
    house = houses(options=["--duration", "2"])
    assert house.ended() == 0
    assert "its time is over" in house.said()


def test_an_operator_can_end_it(houses):
    house = houses()
    house.until_ready()
    assert house.call("shutdown") == {"shutting_down": True}
    assert house.ended() == 0


def test_a_service_manager_hears_of_the_start_the_life_and_the_end(houses, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        house = houses(environ={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        heard = []
        while "READY=1" not in heard:
            heard.append(manager.recv(1000).decode())
        while manager.recv(1000) != b"WATCHDOG=1":
            pass
        house.signal(signal.SIGTERM)
        while manager.recv(1000) != b"STOPPING=1":
            pass
        assert house.ended() == 0


def test_no_warning_and_no_traceback_is_heard_in_an_ordinary_life(houses):
    house = houses(settings=ACTIVE)
    house.until_ready()
    house.until_fills(1)
    assert house.terminate() == 0
    said = house.said()
    for bad in ("Traceback", "Warning", "WARNING", "ERROR", "CRITICAL", "Exception ignored"):
        assert bad not in said, said
