"""What was appended is there once, in order, whatever was appended before, and however one ends."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.history.catalogue import read_catalogue
from adapters.history.kinds import BOOK, TRADES, candles, month_ends, month_of
from adapters.history.store import Added, Gap, HistoryStore
from scripts.proofs.processes import ROOT
from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import NS_PER_S, Pair

BTC = Pair("BTC_USDT")
MINUTES = candles(Timeframe.M1)
MINUTE_NS = 60 * NS_PER_S
APRIL = 1_775_001_600 * NS_PER_S
"""2026-04-01 00:00 UTC."""


@pytest.fixture
def store(tmp_path):
    made = HistoryStore(tmp_path / "history")
    yield made
    made.close()


def minutes(numbers, close=100.0):
    """Candles that open so many minutes after April began; `close` may tell each its own."""
    numbers = np.array(sorted(numbers), dtype=np.int64)
    closes = np.full(len(numbers), close, dtype=float) if np.isscalar(close) else np.array(close)
    return {
        "ts_open_ns": APRIL + numbers * MINUTE_NS,
        "open": closes,
        "high": closes,
        "low": closes,
        "close": closes,
        "volume": np.ones(len(numbers)),
        "quote_volume": closes,
        "trades": np.full(len(numbers), 3),
    }


def numbers_of(table):
    return [int(number) for number in (table["ts_open_ns"] - APRIL) // MINUTE_NS]


def test_rows_come_back_as_they_were_oldest_first(store):
    given_rows = minutes(range(-3, 5), close=[99.5, 1e-9, 3.0, 4.25, 5.0, 6.0, 7.0, 0.1 + 0.2])
    backwards = {name: column[::-1] for name, column in given_rows.items()}
    assert store.append(BTC, MINUTES, backwards) == Added(new=8)
    told = store.read(BTC, MINUTES)
    for name, column in given_rows.items():
        assert told[name].tolist() == column.tolist()
    # March and April lie in folders of their own.
    months = [path.name for path in sorted((store.folder / BTC / "candles-1m").iterdir())]
    assert months == ["2026-03", "2026-04"]


def test_what_is_there_already_changes_nothing_on_disk(store):
    store.append(BTC, MINUTES, minutes(range(10)))
    folder = store.folder / BTC / "candles-1m" / "2026-04"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert store.append(BTC, MINUTES, minutes(range(3, 8))) == Added(known=5)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_changed_row_takes_the_place_of_the_old_one(store):
    store.append(BTC, MINUTES, minutes(range(10)))
    assert store.append(BTC, MINUTES, minutes([4], close=7.0)) == Added(changed=1)
    assert store.read(BTC, MINUTES)["close"].tolist() == [100.0] * 4 + [7.0] + [100.0] * 5


def test_a_row_that_may_not_replace_leaves_the_old_one(store):
    store.append(BTC, MINUTES, minutes([1]))
    added = store.append(BTC, MINUTES, minutes([0, 1, 2], close=5.0), replaces=False)
    assert added == Added(new=2, known=1)
    assert store.read(BTC, MINUTES)["close"].tolist() == [5.0, 100.0, 5.0]


@settings(max_examples=8, deadline=None)
@given(
    batches=st.lists(
        st.tuples(st.sets(st.integers(-40, 40), min_size=1, max_size=30), st.floats(1, 9)),
        min_size=1,
        max_size=4,
    )
)
def test_any_batches_leave_each_row_once_with_its_newest_values(tmp_path_factory, batches):
    store, truth = HistoryStore(tmp_path_factory.mktemp("history")), {}
    for chosen, close in batches:
        added = store.append(BTC, MINUTES, minutes(chosen, close))
        new = {number for number in chosen if number not in truth}
        changed = {number for number in chosen - new if truth[number] != close}
        assert (added.new, added.changed) == (len(new), len(changed))
        truth |= dict.fromkeys(chosen, close)
    told = store.read(BTC, MINUTES)
    assert dict(zip(numbers_of(told), told["close"].tolist(), strict=True)) == truth
    assert numbers_of(told) == sorted(truth)
    assert store.verify() == (len(truth), [])
    # Gaps and rows together are everything from the first to the last.
    absent = sorted(set(range(min(truth), max(truth))) - set(truth))
    found = [
        number
        for gap in store.gaps(BTC, MINUTES, pause_ns=1)
        for number in range(
            (gap.since_ns - APRIL) // MINUTE_NS, (gap.until_ns - APRIL) // MINUTE_NS
        )
    ]
    assert found == absent
    store.close()


def test_gaps_reach_to_the_asked_for_ends(store):
    store.append(BTC, MINUTES, minutes([2, 3, 6]))
    until_ns = APRIL + 8 * MINUTE_NS
    told = store.gaps(BTC, MINUTES, since_ns=APRIL, until_ns=until_ns, pause_ns=1)
    assert [((one.since_ns - APRIL) // MINUTE_NS, one.rows) for one in told] == [
        (0, 2),
        (4, 2),
        (7, 1),
    ]
    inner = store.gaps(
        BTC, MINUTES, since_ns=APRIL + 3 * MINUTE_NS, until_ns=APRIL + 5 * MINUTE_NS, pause_ns=1
    )
    assert [((one.since_ns - APRIL) // MINUTE_NS, one.rows) for one in inner] == [(4, 1)]


def trades(count, first_id=1, step_ns=NS_PER_S):
    ids = np.arange(first_id, first_id + count)
    return {
        "ts_exchange_ns": APRIL + ids * step_ns,
        "trade_id": ids,
        "side": np.array(["buy", "sell"] * count, dtype=object)[:count],
        "price": np.linspace(1, 2, count),
        "size": np.ones(count),
    }


def test_trades_keep_their_words_and_pauses_are_told(store):
    store.append(BTC, TRADES, trades(5))
    store.append(BTC, TRADES, trades(5, first_id=1000))
    told = store.read(BTC, TRADES)
    assert told["side"].tolist() == ["buy", "sell", "buy", "sell", "buy"] * 2
    [pause] = store.gaps(BTC, TRADES, pause_ns=600 * NS_PER_S)
    assert pause == Gap(since_ns=APRIL + 5 * NS_PER_S, until_ns=APRIL + 1000 * NS_PER_S, rows=0)


def test_many_small_appends_become_few_files(store):
    for number in range(12):
        store.append(BTC, TRADES, trades(10, first_id=1 + number * 10))
    [holding] = store.holdings()
    assert (holding.rows, holding.parts, holding.kind) == (120, 1, "trades")
    folder = store.folder / BTC / "trades" / "2026-04"
    assert len(list(folder.glob("*.parquet"))) == 1


def test_a_key_that_stands_twice_and_differently_is_refused(store):
    twice = {name: np.concatenate([one, one]) for name, one in minutes([1]).items()}
    assert store.append(BTC, MINUTES, twice) == Added(new=1, known=1)
    twice["close"] = np.array([1.0, 2.0])
    with pytest.raises(HistoryRefused, match="stands twice"):
        store.append(BTC, MINUTES, twice)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda rows: rows.pop("volume"), "no column volume; expected ts_open_ns"),
        (lambda rows: rows.update(ts_open_ns=rows["ts_open_ns"] + 1), "no multiple"),
        (lambda rows: rows.update(close=np.array(["x"] * 3)), "column close: expected DOUBLE"),
        (lambda rows: rows.update(close=np.ones(2)), "not of one length"),
    ],
)
def test_rows_that_are_none_of_the_kind_are_refused(store, spoil, told):
    rows = minutes(range(3))
    spoil(rows)
    with pytest.raises(HistoryRefused, match=told):
        store.append(BTC, MINUTES, rows)
    assert store.holdings() == []


def test_a_part_that_was_cut_off_changed_or_lost_is_named(store):
    store.append(BTC, MINUTES, minutes(range(-50, 50)))
    store.append(BTC, TRADES, trades(5))
    [march, april] = sorted((store.folder / BTC / "candles-1m").glob("*/*.parquet"))
    whole = march.read_bytes()
    march.write_bytes(whole[:-20])
    april.unlink()
    rows, faults = store.verify()
    assert rows == 5
    assert [fault.where for fault in faults] == [str(march), str(april)]
    assert "checksum" in faults[0].what
    assert "not there" in faults[1].what
    with pytest.raises(HistoryRefused):
        store.read(BTC, MINUTES)


def test_what_no_catalogue_names_counts_as_nothing_and_is_swept_away(store):
    store.append(BTC, MINUTES, minutes(range(5)))
    folder = store.folder / BTC / "candles-1m" / "2026-04"
    [part] = folder.glob("*.parquet")
    for rest in ("part-00000009.parquet", "part-00000010.parquet.tmp", "catalogue.json.tmp"):
        (folder / rest).write_bytes(part.read_bytes()[:10])
    assert len(store.read(BTC, MINUTES)["close"]) == 5
    store.append(BTC, MINUTES, minutes([5]))
    catalogue = read_catalogue(folder)
    assert catalogue is not None
    assert sorted(path.name for path in folder.iterdir() if path.name != ".lock") == [
        "catalogue.json",
        catalogue.parts[0].file,
    ]


def test_a_folder_that_was_copied_is_not_taken_for_another_pairs(store):
    store.append(BTC, MINUTES, minutes(range(5)))
    shutil.copytree(store.folder / BTC, store.folder / "ETH_USDT")
    rows, [fault] = store.verify()
    assert (rows, "catalogue of BTC_USDT/candles-1m/2026-04" in fault.what) == (5, True)
    for do in (store.read, lambda *of: store.append(*of, minutes([7]))):
        with pytest.raises(HistoryRefused, match="the folder was copied or renamed"):
            do(Pair("ETH_USDT"), MINUTES)


def test_a_catalogue_that_reaches_out_of_its_folder_is_refused(store):
    store.append(BTC, MINUTES, minutes(range(5)))
    path = store.folder / BTC / "candles-1m" / "2026-04" / "catalogue.json"
    path.write_text(path.read_text().replace("part-00000000", "../../part-00000000"))
    with pytest.raises(HistoryRefused, match="which is no part"):
        store.append(BTC, MINUTES, minutes(range(9)))


def test_what_others_left_in_the_folders_is_not_ours(store):
    store.append(BTC, MINUTES, minutes(range(5)))
    for place in (store.folder, store.folder / BTC, store.folder / BTC / "candles-1m"):
        (place / "notes.txt").write_text("of somebody")
        (place / "2026-04 of yesterday").mkdir()
    assert len(store.read(BTC, MINUTES)["close"]) == store.holdings()[0].rows == 5
    assert store.verify() == (5, [])


def test_the_oldest_goes_first_by_age_and_by_size(store):
    for number in range(4):
        store.append(BTC, MINUTES, minutes(range(number * 50_000, number * 50_000 + 9_000)))
    [holding] = store.holdings()
    gone = store.retain(oldest_ns=APRIL + 20_000 * MINUTE_NS, size_bytes_max=10**12)
    assert gone == 9_000
    assert store.holdings()[0].first_ns == APRIL + 50_000 * MINUTE_NS
    store.retain(oldest_ns=0, size_bytes_max=holding.size_bytes // 2)
    [left] = store.holdings()
    assert left.size_bytes <= holding.size_bytes // 2
    assert left.last_ns == holding.last_ns
    assert store.verify() == (left.rows, [])


def test_months_end_where_the_calendar_says():
    assert month_of(APRIL - 1) == "2026-03"
    assert month_of(APRIL) == "2026-04"
    assert month_ends(APRIL - 1, APRIL) == [APRIL]
    assert month_ends(APRIL, APRIL) == []


def test_a_book_tape_keeps_the_rows_of_a_message_together(store):
    rows = 6
    table = {
        "msg": np.repeat(np.array([APRIL, APRIL + 1]), 3),
        "ts_recv_ns": np.full(rows, APRIL),
        "ts_exchange_ns": np.full(rows, APRIL),
        "kind": np.array(["diff"] * rows, dtype=object),
        "side": np.array(["ask", "bid", "bid"] * 2, dtype=object),
        "price": np.array([3.0, 1.0, 2.0] * 2),
        "size": np.zeros(rows),
        "first_id": np.ones(rows, dtype=int),
        "last_id": np.ones(rows, dtype=int),
    }
    assert store.append(BTC, BOOK, table).new == rows
    assert store.append(BTC, BOOK, table).known == rows
    assert store.read(BTC, BOOK)["price"].tolist() == [3.0, 1.0, 2.0] * 2


WRITER = """
import sys
import shutil
from pathlib import Path
from adapters.history.store import HistoryStore
from tests.adapters.history.test_store import BTC, MINUTES, minutes
store = HistoryStore(Path(sys.argv[1]))
for number in range(10**6):
    store.append(BTC, MINUTES, minutes(range(number * 7 - 3, number * 7 + 7)))
    print(number, flush=True)
"""


def test_a_writer_that_is_killed_leaves_whole_rows_and_the_next_goes_on(store):
    """Killed in the midst of writing, several times: what was said to be done is there, once."""
    said = -1
    for patience in (3, 6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(store.folder)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        with writer:
            assert writer.stdout is not None
            for _ in range(patience):
                said = max(said, int(writer.stdout.readline()))
            writer.send_signal(signal.SIGKILL)
        rows, faults = store.verify()
        assert faults == []
        told = numbers_of(store.read(BTC, MINUTES))
        assert told == list(range(-3, len(told) - 3))
        assert len(told) == rows >= said * 7 + 10
