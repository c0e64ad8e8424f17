"""What others keep becomes ours exactly, or is refused with what is wrong and how to mend it."""

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest

from adapters.history.importing import export_file, import_file, pair_of
from adapters.history.kinds import TRADES, candles
from adapters.history.layouts import Layout
from adapters.history.store import HistoryStore
from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import NS_PER_S, Pair
from tests.state.tapes import tape

BTC = Pair("BTC_USDT")
HOURS = candles(Timeframe.H1)
T0 = 1_775_001_600
"""2026-04-01 00:00 UTC, seconds."""
NOW_NS = (T0 + 7_200) * NS_PER_S
"""The very end of the second bar."""
BARS = [(100.0, 103.5, 99.0, 101.0, 12.5), (101.0, 102.0, 100.5, 100.75, 3.25)]
FOREVER = {"since_ns": 0, "until_ns": 2**62}


@pytest.fixture
def store(tmp_path):
    made = HistoryStore(tmp_path / "history")
    yield made
    made.close()


def taken(store, path, **options):
    return import_file(store, path, **{"now_ns": NOW_NS, **options})


def file_of(tmp_path, text, name="bars.csv"):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def lines(row, step_s=3600, unit=1000, header=""):
    rows = [row((T0 + n * step_s) * unit, *bar) for n, bar in enumerate(BARS)]
    return "\n".join([header] * bool(header) + rows) + "\n"


def ccxt(t, o, h, lo, c, v):
    return f"{t},{o},{h},{lo},{c},{v}"


LAYOUTS = {
    "header": lines(ccxt, unit=1, header="Timestamp,Open,High,Low,Close,Volume"),
    "dates": """date,close,open,high,low,volume
2026-04-01 00:00:00+00:00,101.0,100.0,103.5,99.0,12.5
2026-04-01T01:00:00,100.75,101.0,102.0,100.5,3.25
""",
    "ccxt": lines(ccxt),
    "binance": lines(lambda t, *bar: f"{ccxt(t, *bar)},{t + 3599999},77.5,42,1,1,0"),
    "binance in µs": lines(lambda t, *bar: f"{ccxt(t, *bar)},{t + 1},77.5,42,1,1,0", unit=10**6),
    "gate": lines(lambda t, o, h, lo, c, v: f"{t},{v},{c},{h},{lo},{o}", unit=1),
    "semicolons": lines(ccxt, header="time;open;high;low;close;vol").replace(",", ";"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["bars.csv", "bars.csv.gz"])
def test_every_common_layout_gives_the_same_candles(store, tmp_path, layout, name):
    [done] = taken(store, file_of(tmp_path, LAYOUTS[layout], name), pair=BTC)
    assert (done.kind, done.added.new) == ("candles-1h", 2)
    told = store.read(BTC, HOURS)
    assert told["ts_open_ns"].tolist() == [T0 * NS_PER_S, (T0 + 3600) * NS_PER_S]
    columns = [told[one].tolist() for one in ("open", "high", "low", "close", "volume")]
    assert list(zip(*columns, strict=True)) == BARS
    if layout.startswith("binance"):
        assert (told["quote_volume"].tolist(), told["trades"].tolist()) == ([77.5] * 2, [42] * 2)


def test_rows_of_json_are_ccxts(store, tmp_path):
    path = file_of(tmp_path, f"[[{T0}000,1,2,0.5,1.5,9],[{T0 + 60}000,1.5,2,1,1,3]]", "bars.json")
    [done] = taken(store, path, pair=BTC)
    assert (done.kind, done.layout) == ("candles-1m", "ccxt")


def test_gates_trades_keep_id_side_and_time(store, tmp_path):
    text = f"{T0}.123456,7,100.5,0.25,1\n{T0 + 1}.5,8,101,0.5,2\n"
    taken(store, file_of(tmp_path, text), pair=BTC)
    told = store.read(BTC, TRADES)
    assert told["ts_exchange_ns"].tolist()[0] == T0 * NS_PER_S + 123_456_000
    assert told["side"].tolist() == ["sell", "buy"]
    assert told["trade_id"].tolist() == [7, 8]


BAD: dict[str, tuple[str, str, dict[str, Any]]] = {
    "missing columns": ("time,open,high,low,close\n1,1,1,1,1\n", "no column for volume", {}),
    "out of order": (
        "\n".join(reversed(LAYOUTS["ccxt"].splitlines())),
        "row 2: it is older than the row above.*--sort",
        {},
    ),
    "duplicate": (
        LAYOUTS["ccxt"].splitlines()[0] + "\n" + LAYOUTS["ccxt"],
        "row 2: the row above has the same time.*--sort",
        {},
    ),
    "no number": (LAYOUTS["ccxt"].replace("103.5", "x"), "row 1: column 2: 'x' is no number", {}),
    "NaN": (LAYOUTS["header"].replace("103.5", "nan"), "row 1: high is no number", {}),
    "below zero": (
        LAYOUTS["header"].replace("12.5", "-1"),
        "row 1: volume is no number or",
        {},
    ),
    "range": (LAYOUTS["header"].replace("99.0", "100.5"), "row 1: open lies outside", {}),
    "short line": (LAYOUTS["header"] + "1,2\n", "line 4 has 2 columns, the first 6", {}),
    "no such timeframe": (lines(ccxt, step_s=120), "120 s apart: there is no such timeframe", {}),
    "other timeframe": (
        lines(ccxt, step_s=60),
        "no multiple of its length",
        {"timeframe": Timeframe.H1},
    ),
    "whose": (LAYOUTS["ccxt"], "whose rows these are; give --pairs", {"pair": None}),
    "no pair at all": (
        "symbol," + LAYOUTS["header"].replace("\n1", "\n../../x,1"),
        "which pair is '../../x'",
        {"pair": None},
    ),
    "wrong pair": (
        "symbol," + LAYOUTS["header"].replace("\n1", "\nETHUSDT,1"),
        "rows of ETHUSDT, none of BTC_USDT",
        {},
    ),
    "ambiguous": (f"{T0},1,1,1,1,1\n{T0 + 60},1,1,1,1,1\n", "either fits.*--layout", {}),
    "empty": ("", "it is empty", {}),
    "no price": (LAYOUTS["header"].replace("99.0", "0"), "row 1: low is zero", {}),
    "still open": (LAYOUTS["ccxt"], "row 2: it has not closed yet", {"now_ns": NOW_NS - 1}),
    "years ago": (LAYOUTS["header"].replace("17750", "1077"), "row 1 .*older than 2009", {}),
    "no time": (LAYOUTS["ccxt"].replace("1775", "9" * 20, 1), "row 1: '9+.*' is no time", {}),
    "seven": ("1,2,3,4,5,6,7\n", "7 columns without names", {}),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_named_with_what_was_expected_and_nothing_is_written(store, tmp_path, what):
    text, told, options = BAD[what]
    path = file_of(tmp_path, text)
    with pytest.raises(HistoryRefused, match=f"bars.csv: .*{told}"):
        taken(store, path, **{"pair": BTC, **options})
    assert store.holdings() == []


def test_a_bad_row_has_its_number_in_the_file_whatever_stands_between(store, tmp_path):
    rows = [row.replace("12.5", "-1") for row in LAYOUTS["ccxt"].splitlines()]
    text = "symbol,time,open,high,low,close,volume\n"
    text += "".join(f"{whose},{row}\n" for row in rows for whose in ("ETHUSDT", "BTCUSDT"))
    with pytest.raises(HistoryRefused, match="row 2: volume"):
        taken(store, file_of(tmp_path, text), pair=BTC)


def test_a_folder_is_no_file(store, tmp_path):
    with pytest.raises(HistoryRefused, match="it is no file"):
        taken(store, tmp_path)


def test_sorting_is_done_on_demand(store, tmp_path):
    rows = LAYOUTS["ccxt"].splitlines()
    path = file_of(tmp_path, "\n".join([*reversed(rows), rows[0]]))
    [done] = taken(store, path, pair=BTC, may_sort=True)
    assert (done.added.new, done.added.known) == (2, 1)


def test_a_parquet_that_was_cut_off_or_lacks_columns_is_refused(store, tmp_path):
    place = tmp_path / "bars.parquet"
    duckdb.execute(f"copy (select 1 as ts_open_ns, 2.0 as open) to '{place}'").fetchall()
    with pytest.raises(HistoryRefused, match="no column high"):
        taken(store, place, pair=BTC)
    place.write_bytes(place.read_bytes()[:-9])
    with pytest.raises(HistoryRefused, match=r"no whole Parquet file.*download it again"):
        taken(store, place, pair=BTC)


def test_what_is_exported_comes_back_the_same(store, tmp_path):
    taken(store, file_of(tmp_path, LAYOUTS["ccxt"]), pair=BTC)
    for name in ("out.csv", "out.parquet"):
        out = tmp_path / name
        assert export_file(store, BTC, HOURS, out, **FOREVER) == 2
        [done] = taken(store, out)
        assert (done.pair, done.added.known) == (BTC, 2)
        with pytest.raises(HistoryRefused, match="is there already"):
            export_file(store, BTC, HOURS, out, **FOREVER)


def test_an_export_that_the_disk_refuses_is_told_and_leaves_nothing(store, tmp_path, small_disk):
    taken(store, file_of(tmp_path, LAYOUTS["ccxt"]), pair=BTC)
    for name in ("out.csv", "out.parquet"):
        with small_disk(16), pytest.raises(HistoryRefused, match=f"{name}: "):
            export_file(store, BTC, HOURS, tmp_path / name, **FOREVER)
    assert list(tmp_path.glob("out*")) == []


@pytest.mark.parametrize(
    ("symbol", "pair"), [("BTCUSDT", "BTC_USDT"), ("XRPETH", "XRP_ETH"), ("sol/usdc", "SOL_USDC")]
)
def test_a_symbol_is_some_pair(symbol, pair):
    assert pair_of(symbol) == pair
    with pytest.raises(HistoryRefused, match="which pair"):
        pair_of("NOPE")


@pytest.mark.slow
def test_recorded_files_of_every_neutral_layout_go_in_whole(store):
    trades = tape("trades", "xrpeth_binance_spot_20191011.parquet")
    [done] = taken(store, Path(trades))
    assert (done.pair, done.kind, done.added.new) == ("XRP_ETH", "trades", 12_477)
    bars = tape("candles", "binance_spot_xrpeth_1m_20191011.parquet")
    [done] = taken(store, Path(bars))
    assert (done.kind, done.added.new) == ("candles-1m", 2_469)
    # 676 steps are longer than a minute: bars without trades are left out there.
    gaps = store.gaps(Pair("XRP_ETH"), candles(Timeframe.M1), pause_ns=1)
    assert len(gaps) == 676
    [done] = taken(
        store,
        Path(tape("l2", "btcusdt_binance_spot_20240808.parquet")),
        pair=BTC,
        layout=Layout.NEUTRAL,
    )
    assert (done.kind, done.rows) == ("book", 320_015)
