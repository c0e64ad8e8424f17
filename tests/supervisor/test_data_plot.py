"""`data plot` draws what is there into a page or a picture, and a file is whole or not there."""

import json

import pytest
from click.testing import CliRunner

from adapters.history.store import HistoryStore
from state.store import DataLock, seed_demonstration
from state.values import NS_PER_S, TimeNs
from supervisor.commands.data import data
from tests.adapters.history.test_store import APRIL, BTC, MINUTES, minutes
from tests.state.stores import opened

DAY_S = 86_400


@pytest.fixture
def run(tmp_path):
    store = HistoryStore(tmp_path / "simulated" / "history")
    store.append(BTC, MINUTES, minutes(range(1_440)))
    store.close()

    def plot(*words):
        return CliRunner().invoke(data, ["plot", *words, "--data-dir", str(tmp_path)])

    return plot


def test_fills_and_decisions_of_the_time_shown_are_drawn(run, tmp_path):
    with DataLock(tmp_path / "simulated") as lock:
        store = opened(lock)
        seed_demonstration(store, TimeNs(APRIL + DAY_S * NS_PER_S))
        store.close()
    for name, begins in (("whole.html", b"<!DOCTYPE html>"), ("whole.PNG", b"\x89PNG")):
        place = tmp_path / name
        told = json.loads(
            run("BTC_USDT", "--timeframe", "1h", "--out", str(place), "--json").output
        )
        assert place.read_bytes().startswith(begins)
        assert told["bytes"] == place.stat().st_size
        assert (told["candles"], told["fills"], told["decisions"]) == (24, 8, 8)
    # A day of three-hour steps: three of them before nine.
    shown = ("BTC_USDT", "--from", "2026-04-01", "--to", "2026-04-01T09:00", "--json")
    told = json.loads(run(*shown, "--out", str(tmp_path / "part.html")).output)
    assert (told["candles"], told["fills"], told["left_out"]) == (540, 3, 10)
    assert "trades and decisions are made up" in (tmp_path / "part.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--out", "day.svg"), 2, "day.svg: expected a name that ends in .html or .png"),
        (("--out", "nowhere/day.png"), 2, "there is no folder nowhere"),
        (("--from", "2026-04-02", "--to", "2026-04-01"), 2, "is not before"),
        (("--indicators", "foo20"), 2, "no indicator to draw: foo20"),
        (("--from", "2027-01-01", "--to", "2027-01-02"), 1, "no candles of 1m or less"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_no_file_is_made(run, tmp_path, words, code, told):
    place = tmp_path / "day.html"
    result = run("BTC_USDT", "--out", str(place), *words)
    assert (result.exit_code, told in result.output) == (code, True), result.output
    assert not place.exists()


def test_without_times_the_newest_candles_are_drawn_each_of_them_whole(run, tmp_path):
    # The newest minute opened at 23:59; the hours shown end where a day does.
    shown = ("BTC_USDT", "--timeframe", "4h", "--indicators", "", "--json")
    told = json.loads(run(*shown, "--out", str(tmp_path / "day.html")).output)
    assert (told["candles"], told["first_ns"]) == (6, APRIL)
    assert "to 2026-04-02 00:00:00 UTC" in (tmp_path / "day.html").read_text()


def test_a_disk_that_is_full_leaves_the_picture_of_yesterday(run, tmp_path, small_disk):
    place = tmp_path / "day.html"
    place.write_text("yesterday's")
    with small_disk(1_000):
        result = run("BTC_USDT", "--out", str(place))
    assert (result.exit_code, "the disk: " in result.output) == (1, True), result.output
    assert place.read_text() == "yesterday's"
    assert [one.name for one in tmp_path.glob("day*")] == ["day.html"]
