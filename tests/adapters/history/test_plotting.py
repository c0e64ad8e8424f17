"""The page is whole: it asks for nothing from outside, and the library draws what it is given."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import litecharts
import numpy as np
import pytest
import talib

from adapters.history.plotting import Mark, Plot, lines_of, page
from state.errors import HistoryRefused
from state.values import Pair
from tests.adapters.history.test_store import APRIL, MINUTE_NS, minutes

BROWSER = Path(__file__).with_name("browser.js")


def a_plot(count=60, **changes):
    closes = 100.0 + np.cumsum(np.sin(np.arange(count)))
    table = minutes(range(count), close=closes)
    table["high"], table["low"] = closes + 1.5, closes - 0.5
    members = {
        "title": "BTC_USDT 1m </script> & more",
        "pair": Pair("BTC_USDT"),
        "candles": table,
        "step_ns": MINUTE_NS,
        "lines": lines_of(table, ["sma20", "bb10", "rsi", "macd"]),
        "marks": (
            Mark(at_ns=APRIL + 90 * 10**9, kind="buy", text="buy 1 at 2</script>"),
            Mark(at_ns=APRIL + 100 * 10**9, kind="allow", text="why"),
            Mark(at_ns=APRIL - 1, kind="sell", text="before all candles"),
        ),
    }
    return Plot(**(members | changes))


def data_of(text):
    [data] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL
    )
    return json.loads(data)


def test_the_page_holds_every_candle_and_asks_for_nothing():
    shown = a_plot()
    text = page(shown)
    data = data_of(text)
    assert len(data["bars"]) == 60
    assert data["times"][1] - data["times"][0] == 60
    assert [bar[3] for bar in data["bars"]] == shown.candles["close"].tolist()
    ours = text.replace(litecharts.getLwcScript(), "")
    assert len(ours) < len(text)
    assert not re.search(r"<(link|img|iframe)|<script[^>]*\ssrc=|@import|url\(|https?:", ours)
    assert "BTC_USDT 1m &lt;/script&gt; &amp; more" in text


def test_lines_are_talibs_and_not_ready_until_they_are_warm():
    shown = a_plot()
    closes = shown.candles["close"]
    lines = {line.name: line for line in shown.lines}
    for name, expected in (
        ("SMA 20", talib.SMA(closes, 20)),
        ("BB 10 lower", talib.BBANDS(closes, 10)[2]),
        ("RSI 14", talib.RSI(closes, 14)),
        ("MACD signal", talib.MACD(closes, 12, 26, 9)[1]),
    ):
        assert lines[name].values == [None if np.isnan(one) else one for one in expected]
    assert [lines[name].pane for name in ("SMA 20", "RSI 14", "MACD")] == [0, 1, 2]


def test_marks_stand_at_the_candle_they_fall_into_or_nowhere():
    marks = data_of(page(a_plot()))["marks"]
    assert [(mark["time"], mark["kind"]) for mark in marks] == [
        (APRIL // 10**9 + 60, "buy"),
        (APRIL // 10**9 + 60, "allow"),
    ]


@pytest.mark.parametrize("word", ["foo20", "sma1", "sma", "20", "SMA-20"])
def test_an_unknown_indicator_is_named(word):
    table = minutes(range(30))
    if word == "sma":
        assert lines_of(table, [word])[0].name == "SMA 20"
        return
    with pytest.raises(HistoryRefused, match=f"{word}"):
        lines_of(table, [word])


def test_nothing_and_too_much_are_refused():
    with pytest.raises(HistoryRefused, match="no candles"):
        page(a_plot(count=0, lines=(), marks=()))
    with pytest.raises(HistoryRefused, match="20001 candles are too many"):
        page(a_plot(count=20_001, lines=(), marks=()))


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run its script")
def test_the_library_draws_every_series_and_the_legend_tells_the_newest_candle(tmp_path):
    """The page's own scripts run, in a browser that draws nothing and remembers what was drawn."""
    place = tmp_path / "plot.html"
    fills = (Mark(at_ns=APRIL + second * 10**9, kind="sell", text="") for second in (60, 119, 120))
    shown = a_plot(marks=(*a_plot().marks, *fills))
    place.write_text(page(shown), encoding="utf-8")
    ran = subprocess.run(
        ["node", str(BROWSER), str(place)], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr[-500:]
    told = json.loads(ran.stdout)
    series = [[kind for kind, _ in pane] for pane in told["panes"]]
    assert series == [["Candlestick", "Histogram"] + ["Line"] * 4, ["Line"], ["Line"] * 2]
    assert told["panes"][0][0] == ["Candlestick", 60]
    assert told["drawn"]["fillRect"] > 120  # a body, a wick and a volume for each candle
    first_s = APRIL // 10**9
    # Two of a kind at one candle are one mark with their number.
    assert sorted(told["marks"]) == [
        [first_s + 60, "arrowUp"],
        [first_s + 60, "circle"],
        [first_s + 60, "x2"],
        [first_s + 120, "arrowDown"],
    ]
    assert "2026-04-01 00:59:00 UTC" in told["legend"]
    assert "MACD signal" in told["legend"]
