"""`python -m supervisor data plot`: a day to look at, in one file that needs nothing else."""

import contextlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from adapters.clock import SystemClock
from state.candle import roll_up
from state.errors import HistoryRefused
from state.messages.market import CandleClosed, Timeframe
from state.store import DATABASE_NAME, Reader, open_reader
from state.values import Pair, TimeNs
from supervisor.commands import spans
from supervisor.commands.history import opened, well_said
from supervisor.commands.options import loaded, settings
from supervisor.data_directory import data_directory

if TYPE_CHECKING:
    from adapters.history.kinds import Table
    from adapters.history.plotting import Mark, Plot
    from adapters.history.store import HistoryStore

_BARS_BY_DEFAULT = 1_440
_MARKS_MAX = 5_000
_NO_PICTURES = (
    "a picture needs matplotlib, which is not installed: `.venv/bin/python -m pip install "
    "--require-hashes --no-deps -r requirements-plot.lock` brings it; a page (.html) needs nothing"
)


@click.command()
@click.argument("pair")
@click.option("--timeframe", default="1m", show_default=True, help="Of the candles.")
@click.option("--from", "since", default=None, help="2026-04-01, 7d (ago), Unix seconds.")
@click.option("--to", "until", default=None, help="As --from; exclusive. The newest by default.")
@click.option(
    "--indicators",
    default="sma20,ema50,bb20,rsi14",
    show_default=True,
    help="sma, ema, wma, bb, rsi or macd with a length.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="A page (.html) or a picture (.png); PAIR-TIMEFRAME.html here by default.",
)
@click.option(
    "--theme",
    type=click.Choice(["light", "dark"]),
    default="light",
    show_default=True,
    help="Of a picture; a page follows the browser.",
)
@settings
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def plot(  # noqa: PLR0913 - one argument for each option
    *,
    pair: str,
    timeframe: str,
    since: str | None,
    until: str | None,
    indicators: str,
    out: Path | None,
    theme: str,
    config_file: Path | None,
    extra: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Draw the history of PAIR: candles, volume, indicators, fills and decisions.

    Candles come from the history, rolled up from smaller ones where there are none of this
    timeframe; fills and decisions from the database. A page works offline in any browser.
    """
    configuration = loaded(config_file, extra, given)
    with well_said():
        wish = _wish(pair, timeframe, since, until, indicators)
        place = out or Path(f"{wish.pair}-{wish.timeframe.value}.html")
        if not place.parent.is_dir():
            raise HistoryRefused(f"{place}: there is no folder {place.parent}")
        draw = _drawing(place, theme)
    with opened(configuration) as store:
        shown = _plot(wish, store, data_directory(configuration) / DATABASE_NAME)
        _write(place, draw(shown))
    facts = _facts(wish, shown, place)
    click.echo(json.dumps(facts) if as_json else _told(facts))


def _write(place: Path, drawn: bytes) -> None:
    """Write a file whole or not at all."""
    fresh = place.with_name(f"{place.name}.tmp")
    try:
        fresh.write_bytes(drawn)
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)


class _Wish(Struct, frozen=True):
    """What somebody wants to see."""

    pair: Pair
    timeframe: Timeframe
    since_ns: int | None
    until_ns: int | None
    indicators: tuple[str, ...]


def _wish(
    pair: str, timeframe: str, since: str | None, until: str | None, indicators: str
) -> _Wish:
    # Imported late: a bad word is told at once.
    from adapters.history.plotting import lines_of  # noqa: PLC0415

    now_ns = SystemClock().now_ns()
    named = spans.pairs_of(pair)
    if len(named) != 1:
        raise HistoryRefused("name one pair, such as BTC_USDT")
    wish = _Wish(
        pair=named[0],
        timeframe=spans.timeframe_named(timeframe),
        since_ns=None if since is None else spans.time_of(since, now_ns),
        until_ns=None if until is None else spans.time_of(until, now_ns),
        indicators=spans.words(indicators),
    )
    begins, ends = wish.since_ns, wish.until_ns
    if begins is not None and ends is not None and begins >= ends:
        raise HistoryRefused(f"--from {since} is not before --to {until}")
    lines_of(_nothing(), wish.indicators)
    return wish


def _drawing(place: Path, theme: str) -> Callable[["Plot"], bytes]:
    """Return what draws a file of this name."""
    match place.suffix.lower():
        case ".html" | ".htm":
            from adapters.history.plotting import page  # noqa: PLC0415

            return lambda shown: page(shown).encode()
        case ".png":
            if importlib.util.find_spec("matplotlib") is None:
                raise HistoryRefused(_NO_PICTURES)
            from adapters.history.picture import Theme, picture  # noqa: PLC0415

            return lambda shown: picture(shown, Theme(theme))
        case _:
            raise HistoryRefused(f"{place}: expected a name that ends in .html or .png")


def _plot(wish: _Wish, store: "HistoryStore", database: Path) -> "Plot":
    from adapters.history.kinds import candles as candles_of  # noqa: PLC0415
    from adapters.history.plotting import Plot, lines_of  # noqa: PLC0415

    step_ns = candles_of(wish.timeframe).step_ns
    last_ns = wish.until_ns or _newest_ns(store, wish.pair) // step_ns * step_ns + step_ns
    first_ns = last_ns - _BARS_BY_DEFAULT * step_ns if wish.since_ns is None else wish.since_ns
    table = _candles(store, wish.pair, wish.timeframe, first_ns, last_ns)
    marks: Sequence[Mark] = ()
    made_up = ""
    if database.exists() and len(table["ts_open_ns"]):
        with contextlib.closing(open_reader(database)) as reader:
            marks = _marks(reader, wish.pair, first_ns)
            made_up = "; trades and decisions are made up" if reader.is_demonstration() else ""
    return Plot(
        title=f"{wish.pair} {wish.timeframe.value}, "
        f"{spans.shown(first_ns)} to {spans.shown(last_ns)} UTC{made_up}",
        pair=wish.pair,
        candles=table,
        step_ns=step_ns,
        lines=lines_of(table, wish.indicators),
        marks=tuple(marks),
    )


def _facts(wish: _Wish, shown: "Plot", place: Path) -> dict[str, Any]:
    times = shown.candles["ts_open_ns"].tolist()
    known = set(times)
    drawn = [one for one in shown.marks if one.at_ns // shown.step_ns * shown.step_ns in known]
    fills = sum(mark.kind in ("buy", "sell") for mark in drawn)
    return {
        "file": str(place),
        "pair": wish.pair,
        "timeframe": wish.timeframe.value,
        "candles": len(times),
        "first_ns": times[0],
        "last_ns": times[-1],
        "indicators": list(wish.indicators),
        "fills": fills,
        "decisions": len(drawn) - fills,
        "left_out": len(shown.marks) - len(drawn),
        "bytes": place.stat().st_size,
    }


def _told(facts: dict[str, Any]) -> str:
    left_out = facts["left_out"]
    outside = f" ({left_out} more where there is no candle)" if left_out else ""
    return (
        f"{facts['file']}: {facts['candles']} candles of {facts['pair']} {facts['timeframe']}, "
        f"{spans.shown(facts['first_ns'])} to {spans.shown(facts['last_ns'])}; "
        f"{', '.join(facts['indicators']) or 'no indicators'}; {facts['fills']} fills, "
        f"{facts['decisions']} decisions{outside}; {facts['bytes']} bytes"
    )


def _nothing() -> "Table":
    import numpy as np  # noqa: PLC0415

    return {"close": np.full(64, 1.0)}


def _newest_ns(store: "HistoryStore", pair: Pair) -> int:
    held = [one.last_ns for one in store.holdings([pair]) if one.kind.startswith("candles-")]
    if not held:
        raise HistoryRefused(
            f"{pair}: no candles in {store.folder}; `data fetch` or `data import` brings some"
        )
    return max(held)


def _candles(
    store: "HistoryStore", pair: Pair, timeframe: Timeframe, first_ns: int, last_ns: int
) -> "Table":
    """Return candles of [first_ns, last_ns), rolled up where there are only smaller ones."""
    from adapters.history.keeper import candle_table  # noqa: PLC0415
    from adapters.history.kinds import candles  # noqa: PLC0415

    smaller_first = [one for one in Timeframe if one.seconds <= timeframe.seconds]
    for one in reversed(smaller_first):
        table = store.read(pair, candles(one), first_ns, last_ns)
        if len(table["ts_open_ns"]):
            if one is timeframe:
                return table
            return candle_table(roll_up(_messages(table, pair, one), timeframe))
    raise HistoryRefused(
        f"{pair}: no candles of {timeframe.value} or less from {spans.shown(first_ns)} to "
        f"{spans.shown(last_ns)}; `data list` shows what there is"
    )


def _messages(table: "Table", pair: Pair, timeframe: Timeframe) -> list[CandleClosed]:
    columns = [
        table[name].tolist()
        for name in ("ts_open_ns", "open", "high", "low", "close", "volume", "quote_volume")
    ]
    length_ns = timeframe.seconds * 10**9
    return [
        CandleClosed(
            pair=pair,
            event_time_ns=TimeNs(opening + length_ns),
            timeframe=timeframe,
            open_time_ns=TimeNs(opening),
            open=first,
            high=high,
            low=low,
            close=close,
            base_volume=volume,
            quote_volume=quote if quote == quote else 0.0,  # noqa: PLR0124 (NaN: nobody said)
            trades=-1 if volume else 0,
        )
        for opening, first, high, low, close, volume, quote in zip(*columns, strict=True)
    ]


def _marks(reader: Reader, pair: Pair, first_ns: int) -> Sequence["Mark"]:
    from adapters.history.plotting import Mark  # noqa: PLC0415

    fills = [
        Mark(
            at_ns=row["at_ns"],
            kind=row["side"],
            text=f"{row['side']} {row['quantity']} at {row['price']}, {row['role']}, "
            f"{row['client_order_id']}",
        )
        for row in reader.fills(pair=pair, limit=_MARKS_MAX)
        if row["at_ns"] >= first_ns
    ]
    decisions = [
        Mark(
            at_ns=row["at_ns"],
            kind=row["verdict"],
            text=f"{row['decision_id']}: {row['verdict']}"
            + (f" {row['code']}" if row["code"] else "")
            + f", {row['side']} {row['quantity']}, {row['reason']}",
        )
        for row in reader.decisions(pair=pair, limit=_MARKS_MAX)
        if row["at_ns"] >= first_ns
    ]
    return [*fills, *decisions]
