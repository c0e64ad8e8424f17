"""The historian keeps what the market did, once, and nobody ever waits for it."""

from typing import Any

import pytest

from actors import addresses
from actors.operations import historian as historian_module
from actors.operations.historian import Historian
from adapters.history.keeper import HistoryKeeper
from adapters.history.kinds import BOOK, TRADES, candles
from adapters.history.store import HistoryStore
from state.config.candles import HistorySettings
from state.messages.journal import Record
from state.messages.market import (
    BookChanged,
    BookDelta,
    BookReset,
    BookSnapshot,
    HistoryGiven,
    HistoryKept,
    Timeframe,
)
from state.values import NS_PER_S, TimeNs
from tests.actors.examples import BTC, NOW, a_candle, a_trade

ADDRESS = addresses.HISTORIAN
MINUTES = candles(Timeframe.M1)


class FailingHistory:
    """A disk that is full until it is mended."""

    def __init__(self, keeper):
        self.keeper = keeper
        self.full = False

    def keep(self, batch):
        if self.full:
            raise OSError(28, "No space left on device")
        return self.keeper.keep(batch)

    def retain(self, **bounds):
        self.keeper.retain(**bounds)

    def close(self):
        self.keeper.close()


class Scene:
    def __init__(self, house, folder, **changes):
        self.house = house
        self.store = HistoryStore(folder)
        self.disk = FailingHistory(HistoryKeeper(HistoryStore(folder)))
        self.journal = house.ear(addresses.RECORDER)
        self.told = house.listener(HistoryKept)
        settings = HistorySettings(flush_every_s=10.0, **changes)
        house.live(ADDRESS, Historian, lambda: self.disk, settings)

    def minute(self, number, **changes):
        opening = NOW + 40 * NS_PER_S + number * 60 * NS_PER_S
        return a_candle(open_time_ns=opening, timeframe=Timeframe.M1, **changes)


@pytest.fixture
def scene(house, tmp_path):
    made = Scene(house, tmp_path / "history")
    yield made
    made.store.close()


def test_candles_and_trades_are_on_disk_after_a_while(scene):
    scene.house.publish(scene.minute(0), scene.minute(1), a_trade(1, 0.5), a_trade(2, 0.7))
    scene.house.publish(a_candle(0))  # One second: nobody asked for these.
    assert scene.store.holdings() == []
    scene.house.pass_time(10.0)
    held = {one.kind: one.rows for one in scene.store.holdings()}
    assert held == {"candles-1m": 2, "trades": 2}
    assert scene.store.read(BTC, TRADES)["trade_id"].tolist() == [1, 2]
    assert scene.told[-1] == HistoryKept(written=4)


def test_what_waits_is_written_at_the_end(scene):
    scene.house.publish(a_trade(1, 0.5))
    scene.house.stop(ADDRESS)
    assert scene.store.holdings()[0].rows == 1


def test_missing_candles_are_not_kept_and_revised_ones_once(scene):
    first = scene.minute(0, close=101.0)
    scene.house.publish(
        first,
        scene.minute(0, close=102.0, revision=1),
        scene.minute(1, missing=True),
    )
    scene.house.pass_time(10.0)
    assert scene.store.read(BTC, MINUTES)["close"].tolist() == [102.0]
    scene.house.publish(scene.minute(0, close=103.0, revision=2))
    scene.house.pass_time(10.0)
    assert scene.store.read(BTC, MINUTES)["close"].tolist() == [103.0]


def test_a_backfill_brings_what_was_not_there_and_nothing_else(scene):
    scene.house.publish(scene.minute(1, close=101.0, trades=7))
    scene.house.pass_time(10.0)
    bars = tuple(scene.minute(number, close=50.0, trades=-1) for number in range(3))
    given = HistoryGiven(pair=BTC, timeframe=Timeframe.M1, candles=bars)
    scene.house.publish(given)
    scene.house.pass_time(10.0)
    told = scene.store.read(BTC, MINUTES)
    assert told["close"].tolist() == [50.0, 101.0, 50.0]
    assert told["trades"].tolist() == [-1, 7, -1]


def test_a_full_disk_is_told_once_and_nothing_is_lost_when_it_is_mended(scene):
    scene.disk.full = True
    scene.house.publish(a_trade(1, 0.5))
    scene.house.pass_time(30.0)
    scene.house.publish(a_trade(2, 0.6))
    alerts = [entry.event for record in scene.journal.of(Record) for entry in record.entries]
    assert [alert.alert for alert in alerts] == ["history_not_kept"]
    assert "No space" in alerts[0].text
    assert scene.told[-1].failures == 3
    scene.disk.full = False
    scene.house.pass_time(10.0)
    assert scene.store.read(BTC, TRADES)["trade_id"].tolist() == [1, 2]
    assert scene.told[-1].error == ""


def test_what_does_not_fit_is_counted_not_kept(house, tmp_path, monkeypatch):
    monkeypatch.setattr(historian_module, "ROWS_MAX", 3)
    scene = Scene(house, tmp_path / "history")
    scene.house.publish(*(a_trade(number, 0.5) for number in range(5)))
    assert scene.told[-1].dropped == 2
    scene.house.pass_time(10.0)
    assert scene.store.holdings()[0].rows == 3
    scene.store.close()


def test_a_book_becomes_a_tape_without_holes(house, tmp_path):
    scene = Scene(house, tmp_path / "history", kinds=("book",))
    fact: dict[str, Any] = {"pair": BTC, "event_time_ns": NOW, "seen_time_ns": NOW}
    snapshot = BookSnapshot(last_id=10, bids=((99.0, 1.0),), asks=((101.0, 2.0),), **fact)
    empty = BookDelta(first_id=11, last_id=11, bids=(), asks=(), **fact)
    change = BookDelta(first_id=12, last_id=13, bids=((99.0, 0.0), (98.0, 4.0)), asks=(), **fact)
    scene.house.publish(a_trade(1, 0.5))
    scene.house.runtime.publish(BookReset(snapshot=snapshot), pair=BTC)
    for delta in (empty, change):
        scene.house.runtime.publish(BookChanged(delta=delta), pair=BTC)
    scene.house.pass_time(10.0)
    tape = scene.store.read(BTC, BOOK)
    assert tape["kind"].tolist() == ["snapshot", "snapshot", "diff", "diff"]
    assert tape["first_id"].tolist() == [10, 10, 11, 11]
    assert tape["last_id"].tolist() == [10, 10, 13, 13]
    assert len(set(tape["msg"].tolist())) == 2
    assert scene.store.verify()[1] == []
    scene.store.close()


def test_nothing_is_written_where_nothing_is_to_be_kept(house, tmp_path):
    scene = Scene(house, tmp_path / "history", record=False)
    scene.house.publish(a_trade(1, 0.5), scene.minute(0))
    scene.house.pass_time(30.0)
    scene.house.stop(ADDRESS)
    assert not (tmp_path / "history").exists()


def test_what_is_too_old_goes_each_hour(house, tmp_path):
    scene = Scene(house, tmp_path / "history", days_max=1)
    scene.house.publish(a_trade(1, 0.5, event_time_ns=TimeNs(NOW - 3 * 86_400 * NS_PER_S)))
    scene.house.publish(a_trade(2, 0.5))
    scene.house.pass_time(10.0)
    assert scene.store.holdings()[0].rows == 2
    scene.house.pass_time(3600.0)
    # A part goes when all of it is too old; the two rows share theirs.
    assert scene.store.holdings()[0].rows == 2
    scene.house.pass_time(2 * 86_400.0)
    assert scene.store.holdings() == []
    scene.store.close()
