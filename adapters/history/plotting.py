"""A page to look at: candles, volume, indicators, fills and decisions, in one file. Pure.

The page holds its script and its data and asks for nothing from anywhere, so it works offline.
`picture` draws the same as PNG.
"""

import html
import json
import re
from collections.abc import Sequence

import litecharts
import numpy as np
import talib
from msgspec import Struct
from numpy.typing import NDArray

from adapters.history.kinds import Table
from state.errors import HistoryRefused
from state.values import NS_PER_S, Pair

CANDLES_MAX = 20_000
"""More than a browser moves smoothly, or than there are pixels for."""
INDICATORS = ("sma", "ema", "wma", "bb", "rsi", "macd")
# Of middling lightness, so that they are seen on white and on near black.
_COLOURS = ("#3b78ff", "#f57c00", "#ab47bc", "#00998a", "#e0457b", "#a1785f", "#78909c")
_SPEC = re.compile(r"([a-z]+)(\d{0,4})")
_USUAL = {"sma": 20, "ema": 50, "wma": 20, "bb": 20, "rsi": 14, "macd": 12}

Values = NDArray[np.float64]


class Line(Struct, frozen=True, kw_only=True):
    """One line over the candles or beneath them."""

    name: str
    pane: int
    """0 with the prices; 1 and beyond are panes of their own."""
    values: list[float | None]
    """One for each candle; None until the indicator is warm."""
    colour: str = ""
    dashed: bool = False


class Mark(Struct, frozen=True, kw_only=True):
    """Something that happened: a fill or a decision."""

    at_ns: int
    kind: str
    """`buy`, `sell` (fills), `allow`, `shrink` or `deny` (decisions)."""
    text: str
    """For whoever points at its candle."""


class Plot(Struct, frozen=True, kw_only=True):
    """What a page or a picture shows."""

    title: str
    pair: Pair
    candles: Table
    """Of `adapters.history.kinds.candles`, oldest first."""
    step_ns: int
    """Length of a candle."""
    lines: tuple[Line, ...] = ()
    marks: tuple[Mark, ...] = ()


def lines_of(candles: Table, wanted: Sequence[str]) -> tuple[Line, ...]:
    """Return the lines of indicators such as `sma20`, `ema50`, `bb20`, `rsi14`, `macd`.

    Computed by TA-Lib over the candles that are there; where some are missing the line goes on as
    if they had never been.

    Raises:
        HistoryRefused: There is no such indicator.
    """
    closes = candles["close"].astype(np.float64)
    found: list[Line] = []
    panes = 0
    for number, word in enumerate(wanted):
        spec = _SPEC.fullmatch(word.lower())
        if spec is None or spec[1] not in INDICATORS:
            raise HistoryRefused(
                f"no indicator to draw: {word}; expected {', '.join(INDICATORS)} and a length, "
                "such as sma20"
            )
        name, length = spec[1], int(spec[2] or _USUAL[spec[1]])
        if length < 2:
            raise HistoryRefused(f"{word}: expected a length of 2 or more")
        is_below = name in ("rsi", "macd")
        panes += is_below
        drawn = _drawn(name, length, closes)
        for place, (part, values) in enumerate(drawn.items()):
            line = Line(
                name=part,
                pane=panes if is_below else 0,
                values=[None if np.isnan(one) else float(one) for one in values],
                colour=_COLOURS[(number + (place if name == "macd" else 0)) % len(_COLOURS)],
                dashed=name == "bb" and place != 1,
            )
            found.append(line)
    return tuple(found)


def _drawn(name: str, length: int, closes: Values) -> dict[str, Values]:
    label = f"{name.upper()} {length}"
    match name:
        case "sma":
            return {label: talib.SMA(closes, length)}
        case "ema":
            return {label: talib.EMA(closes, length)}
        case "wma":
            return {label: talib.WMA(closes, length)}
        case "rsi":
            return {label: talib.RSI(closes, length)}
        case "bb":
            upper, middle, lower = talib.BBANDS(closes, length, 2.0, 2.0)
            return {f"{label} upper": upper, f"{label} middle": middle, f"{label} lower": lower}
        case _:
            line, signal, _histogram = talib.MACD(closes, length, 26, 9)
            return {"MACD": line, "MACD signal": signal}


def page(plot: Plot) -> str:
    """Return the page as HTML.

    Raises:
        HistoryRefused: There is nothing to show, or too much.
    """
    refuse_unshowable(plot)
    candles = plot.candles
    times = [int(one) // NS_PER_S for one in candles["ts_open_ns"]]
    columns = (candles[name].tolist() for name in ("open", "high", "low", "close", "volume"))
    facts = {
        "times": times,
        "step": plot.step_ns // NS_PER_S,
        "bars": list(zip(*columns, strict=True)),
        "lines": [
            {
                "name": line.name,
                "pane": line.pane,
                "values": line.values,
                "colour": line.colour,
                "dashed": line.dashed,
            }
            for line in plot.lines
        ],
        "marks": _placed(plot, times),
        "decimals": _decimals(candles["close"].astype(np.float64)),
    }
    # Nothing in the data may end the element that holds it.
    data = json.dumps(facts, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    title = html.escape(plot.title)
    return (
        _PAGE.replace("{{title}}", title)
        .replace("{{library}}", litecharts.getLwcScript())
        .replace("{{data}}", data)
    )


def refuse_unshowable(plot: Plot) -> None:
    """Look at how many candles there are.

    Raises:
        HistoryRefused: There are none, or too many.
    """
    count = len(plot.candles["ts_open_ns"])
    if not count:
        raise HistoryRefused("no candles to show; `data list` shows what there is")
    if count > CANDLES_MAX:
        raise HistoryRefused(
            f"{count} candles are too many to look at, at most {CANDLES_MAX}; take a larger "
            "--timeframe or less of the time with --from and --to"
        )


def _placed(plot: Plot, times: list[int]) -> list[dict[str, object]]:
    """Return the marks with the candle each falls into; what falls into none is left out."""
    known, step_s = set(times), plot.step_ns // NS_PER_S
    placed: list[dict[str, object]] = []
    for mark in sorted(plot.marks, key=lambda one: one.at_ns):
        at_s = mark.at_ns // NS_PER_S
        opening = at_s - at_s % step_s
        if opening in known:
            placed.append({"time": opening, "kind": mark.kind, "text": mark.text})
    return placed


def _decimals(closes: Values) -> int:
    """Return how many decimals the prices have, at most 10."""
    told = (format(float(one), ".10f").rstrip("0").partition(".")[2] for one in closes[-200:])
    return max(2, *map(len, told))


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1c2330; --faint: #e6e9ef; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #12161d; --ink: #d5dae3; --faint: #232a35; }
}
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 14px/1.4 system-ui, sans-serif; display: flex; flex-direction: column; height: 100vh; }
header { padding: 10px 16px 4px; }
h1 { font-size: 16px; margin: 0 0 2px; }
#legend, #told { min-height: 20px; font-variant-numeric: tabular-nums; }
#told { white-space: pre-wrap; max-height: 60px; overflow-y: auto; }
#legend span { display: inline-block; margin-right: 12px; }
#chart { flex: 1; min-height: 300px; }
</style>
</head>
<body>
<header><h1>{{title}}</h1><div id="legend"></div><div id="told"></div></header>
<div id="chart" role="img" aria-label="{{title}}"></div>
{{library}}
<script type="application/json" id="data">{{data}}</script>
<script>
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const css = getComputedStyle(document.documentElement);
const ink = css.getPropertyValue("--ink").trim();
const faint = css.getPropertyValue("--faint").trim();
const ground = css.getPropertyValue("--ground").trim();
const up = "#26a69a", down = "#ef5350";
const L = LightweightCharts;
const chart = L.createChart(document.getElementById("chart"), {
  autoSize: true,
  layout: { background: { color: ground }, textColor: ink,
    panes: { separatorColor: faint, separatorHoverColor: faint } },
  rightPriceScale: { entireTextOnly: true, borderColor: faint },
  grid: { vertLines: { color: faint }, horzLines: { color: faint } },
  timeScale: { timeVisible: true, secondsVisible: data.step < 60, borderColor: faint },
  crosshair: { mode: L.CrosshairMode.Normal },
});
const precision = { type: "price", precision: data.decimals, minMove: 10 ** -data.decimals };
const prices = chart.addSeries(L.CandlestickSeries, {
  upColor: up, downColor: down, borderVisible: false, wickUpColor: up, wickDownColor: down,
  priceFormat: precision,
});
prices.setData(data.times.map((time, i) => {
  const [open, high, low, close] = data.bars[i];
  return { time, open, high, low, close };
}));
const volume = chart.addSeries(L.HistogramSeries, {
  priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false,
  priceLineVisible: false,
});
volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
prices.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.22 } });
volume.setData(data.times.map((time, i) => ({
  time, value: data.bars[i][4],
  color: (data.bars[i][3] >= data.bars[i][0] ? up : down) + "66",
})));
function finely(line) {
  // What is small has a scale too: MACD of a coin of a millionth.
  const most = line.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const digits = most ? Math.min(12, Math.max(2, 2 - Math.floor(Math.log10(most)))) : 2;
  return { type: "price", precision: digits, minMove: 10 ** -digits };
}
for (const line of data.lines) {
  const series = chart.addSeries(L.LineSeries, {
    color: line.colour, lineWidth: 1, priceLineVisible: false, lastValueVisible: false,
    lineStyle: line.dashed ? L.LineStyle.Dashed : L.LineStyle.Solid,
    priceFormat: line.pane ? finely(line) : precision,
  }, line.pane);
  series.setData(data.times.map((time, i) =>
    line.values[i] === null ? { time } : { time, value: line.values[i] }));
}
const shapes = {
  buy: { position: "belowBar", shape: "arrowUp", color: up },
  sell: { position: "aboveBar", shape: "arrowDown", color: down },
  allow: { position: "belowBar", shape: "circle", color: "#2962ff" },
  shrink: { position: "belowBar", shape: "circle", color: "#ff6d00" },
  deny: { position: "aboveBar", shape: "square", color: "#9e9e9e" },
};
const many = new Map();
for (const { time, kind } of data.marks) {
  const key = time + kind;
  many.set(key, { time, kind, count: (many.get(key)?.count || 0) + 1 });
}
const markers = [...many.values()].map(({ time, kind, count }) =>
  ({ time, ...shapes[kind], size: 1, ...(count > 1 ? { text: "x" + count } : {}) }));
L.createSeriesMarkers(prices, markers);
chart.panes().forEach((pane, i) => pane.setStretchFactor(i ? 1 : 4));
const place = new Map(data.times.map((time, i) => [time, i]));
const told = new Map();
for (const mark of data.marks) {
  told.set(mark.time, [...(told.get(mark.time) || []), mark.text]);
}
const legend = document.getElementById("legend"), texts = document.getElementById("told");
function show(i) {
  const [open, high, low, close, size] = data.bars[i];
  const at = new Date(data.times[i] * 1000).toISOString().replace("T", " ").slice(0, 19);
  const parts = [at + " UTC", "O " + open, "H " + high, "L " + low, "C " + close, "V " + size]
    .map((text) => [text, ink]);
  for (const line of data.lines) {
    const value = line.values[i];
    const shown = value === null ? "not ready"
      : line.pane ? value.toPrecision(6) : value.toFixed(data.decimals);
    parts.push([line.name + " " + shown, line.colour]);
  }
  legend.replaceChildren(...parts.map(([text, colour]) => {
    const part = document.createElement("span");
    part.textContent = text;
    part.style.color = colour;
    return part;
  }));
  texts.textContent = (told.get(data.times[i]) || []).join("\\n");
}
show(data.times.length - 1);
chart.subscribeCrosshairMove((move) => {
  if (move.time !== undefined && place.has(move.time)) show(place.get(move.time));
});
// A little room at both ends, or the first and the last label are cut.
const room = Math.max(2, data.times.length * 0.03);
chart.timeScale().setVisibleLogicalRange({ from: -room, to: data.times.length - 1 + room });
</script>
</body>
</html>
"""
