"""The process beside the house: it ends what does not answer, and cancels what was left."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from adapters.simulated.options import DEMO_SECRET
from scripts.proofs.processes import SHORT_WINDOWS, NotSoon, Watched, command_of, python
from tests.system.by_hand import FOREIGN, OURS, rest, resting

pytestmark = pytest.mark.slow

SETTINGS = (
    *SHORT_WINDOWS,
    "watchdog.silence_s=5",
    "watchdog.grace_s=2",
    # The exchange itself would cancel for who is silent: here somebody else has to.
    "orders.countdown_s=0",
)
WITHIN_S = 40.0


@pytest.fixture
def nursery():
    """Give none: somebody else ends it, and nobody but its parent can wait for that."""


@pytest.fixture
def exchange(exchanges):
    return exchanges()


def until_gone(pid, deadline_s=WITHIN_S):
    """Wait for the end of a process that is not ours to wait for."""
    until_s = time.monotonic() + deadline_s
    while command_of(pid):
        if time.monotonic() > until_s:
            raise NotSoon(f"process {pid} still runs: {command_of(pid)}")
        time.sleep(0.05)


def until_only(exchange, *texts):
    exchange.until(lambda: resting(exchange) == set(texts), WITHIN_S, f"only {texts} rest")


def report(house):
    return json.loads((house.folder / "watchdog.json").read_text())


@pytest.fixture
def house(houses, exchange):
    """Give a house that will place nothing by itself, and two orders on its account."""
    made = houses(exchange=exchange, settings=SETTINGS)
    made.until_ready()
    made.call("pause")
    rest(exchange, OURS, FOREIGN)
    return made


def test_a_house_that_is_killed_has_its_orders_cancelled_and_others_are_left_alone(house, exchange):
    watchdog = house.watchdog_pid()
    house.kill()
    until_only(exchange, FOREIGN)
    until_gone(watchdog)
    assert report(house)["cancelled"] == [OURS]
    assert report(house)["found"] == "gone"


def test_a_house_that_is_frozen_is_killed_and_its_orders_are_cancelled(house, exchange, houses):
    watchdog = house.watchdog_pid()
    house.freeze()
    until_only(exchange, FOREIGN)
    assert house.ended() == -signal.SIGKILL
    until_gone(watchdog)
    assert report(house)["found"] == "silent"

    again = houses(exchange=exchange, settings=SETTINGS)
    again.until(
        lambda: again.session() and "watchdog_acted" in {a["alert"] for a in again.call("alerts")},
        WITHIN_S,
        "the next house has the news in its journal",
    )
    assert not (house.folder / "watchdog.json").exists()


def test_a_house_whose_main_thread_hangs_is_dumped_before_it_is_killed(house, exchange):
    """What the tree cannot notice, since it goes on: here its main thread is stopped alone."""
    os.kill(house.pid, signal.SIGQUIT)  # What the watchdog sends first.
    house.until(
        lambda: "Current thread" in (house.folder / "logs" / "stacks.txt").read_text(),
        10,
        "the stacks are written",
    )
    assert house.session() == "paused", "and it goes on"


def test_a_house_that_was_killed_can_stay_stopped(houses, exchange):
    settings = (*SETTINGS, "watchdog.after_kill=stay_stopped")
    house = houses(exchange=exchange, settings=settings)
    house.until_ready()
    watchdog = house.watchdog_pid()
    house.freeze()
    until_gone(watchdog)
    again = houses(exchange=exchange, settings=settings)
    again.until_session("emergency")
    assert "no sign of life" in again.status()["reason"]


def test_a_house_that_takes_the_place_is_not_disturbed(houses, exchange):
    settings = (*SETTINGS, "watchdog.grace_s=60")
    house = houses(exchange=exchange, settings=settings)
    house.until_ready()
    house.call("pause")
    rest(exchange, OURS)
    watchdog = house.watchdog_pid()
    house.kill()
    again = houses(exchange=exchange, settings=settings)
    again.until_session("paused")
    until_gone(watchdog)
    assert resting(exchange) == {OURS}
    assert again.watchdog_pid() != watchdog
    assert not (house.folder / "watchdog.json").exists()


def test_a_house_that_ends_in_good_order_leaves_no_process_and_no_work(houses, exchange):
    house = houses(exchange=exchange, settings=(*SETTINGS, "shutdown.orders=leave"))
    house.until_ready()
    house.call("pause")
    rest(exchange, OURS, FOREIGN)
    children = house.children()
    assert len(children) == 1
    assert house.terminate() == 0
    assert [command_of(pid) for pid in children] == [[]]
    assert resting(exchange) == {OURS, FOREIGN}, "what rests is for shutdown.orders to say"


def test_a_watchdog_that_dies_is_started_again(house):
    first = house.watchdog_pid()
    os.kill(first, signal.SIGKILL)

    def another():
        try:
            return house.watchdog_pid() != first
        except NotSoon:
            return False

    house.until(another, 10, "another one")
    assert house.terminate() == 0


def test_without_one_the_house_starts_none(houses, exchange):
    house = houses(exchange=exchange, settings=(*SETTINGS, "watchdog.mode=off"))
    house.until_ready()
    assert house.children() == []


def test_the_secret_is_in_no_command_line(house):
    assert all(DEMO_SECRET not in word for word in command_of(house.watchdog_pid()))


def test_alone_it_looks_after_one_house_after_the_other(houses, exchange, tmp_path):
    settings = (*SETTINGS, "watchdog.mode=off")
    house = houses(exchange=exchange, settings=settings)
    house.until_ready()
    house.call("pause")
    command = [*python("-m", "supervisor", "watchdog", "--data-dir", str(house.data_dir))]
    command += ["--set", "watchdog.grace_s=1", "--set", "orders.expiry_s=1"]
    with Watched(command, tmp_path / "watchdog.stderr") as watchdog:
        for _ in range(2):
            rest(exchange, OURS)
            watchdog.until(lambda: "watching" in watchdog.said(), 10, "it watches")
            house.kill()
            exchange.until(lambda: resting(exchange) == set(), WITHIN_S, "nothing rests")
            house = houses(exchange=exchange, settings=settings)
            house.until_session("paused")
        watchdog.signal(signal.SIGTERM)
        assert watchdog.ended() == 0
    assert house.terminate() == 0


def test_an_exchange_that_is_away_is_asked_again(house, exchange, exchanges):
    watchdog = house.watchdog_pid()
    exchange.freeze()
    house.kill()
    exchange.stays(3.0, "the watchdog has met with silence")
    exchange.thaw()
    until_only(exchange, FOREIGN)
    until_gone(watchdog)


def test_what_it_needs_is_little(house):
    status = Path(f"/proc/{house.watchdog_pid()}/status").read_text()
    [rss] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    assert int(rss) < 40_000, "kB"
