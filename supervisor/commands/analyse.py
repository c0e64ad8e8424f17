"""`python -m supervisor analyse`: that no feature knows the future, and what patterns are worth."""

import contextlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from state.errors import HistoryRefused
from state.messages.market import Timeframe
from state.values import NS_PER_S, Pair
from supervisor.commands import history
from supervisor.commands.options import fail, loaded, settings

if TYPE_CHECKING:
    from rich.table import Table

    from state.analysis.base_rates import BaseRate
    from state.analysis.features import Feature
    from state.analysis.lookahead import Looked
    from state.analysis.warm_up import Warmth
    from state.indicators.bars import Columns

WRONG = 1
_STEP_NS = 3600 * NS_PER_S
_BEGIN_NS = 1_704_067_200 * NS_PER_S
"""2024-01-01T00:00:00Z, where walks begin."""

_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
_FILE = click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=None,
    help="Candles: Parquet or CSV with ts_open_ns, open, high, low, close, volume, perhaps symbol.",
)
_SYMBOLS = click.option("--symbols", default="", help="Of the file, such as BTCUSDT,ETHUSDT; all.")
_TIMEFRAME = click.option(
    "--timeframe",
    type=click.Choice([one.value for one in Timeframe]),
    default=None,
    help="Of the history kept by `data fetch`, of --pairs; instead of --file.",
)
_BARS = click.option(
    "--bars",
    type=click.IntRange(100, 10_000_000),
    default=1_500,
    show_default=True,
    help="At most so many, the newest.",
)


@click.group()
def analyse() -> None:
    """Prove features of the market, and weigh patterns."""


@analyse.command()
@settings
@_FILE
@_SYMBOLS
@_TIMEFRAME
@_BARS
@click.option("--cuts", type=click.IntRange(2, 1000), default=12, show_default=True)
@click.option(
    "--feature", "extra_features", multiple=True, metavar="MODULE:FUNCTION", help="One of yours."
)
@_JSON
def lookahead(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    bars: int,
    cuts: int,
    extra_features: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Compute every feature with and without the bars that come later.

    What is said of a bar must be the same. Without candles a random walk of `--seed` is taken.
    Exit code 1 when a feature says something else: it knows the future.
    """
    from state.analysis.features import features  # noqa: PLC0415 (slow to import)
    from state.analysis.lookahead import look  # noqa: PLC0415

    candles = _candles(config_file, extra, given, walk_bars=bars)
    wanted = features() | {name: _feature(name) for name in extra_features}
    found: list[tuple[str, Looked]] = []
    with _progress("looking", len(wanted) * len(candles), as_json=as_json) as step:
        for symbol, columns in candles.items():
            try:
                looked = list(look(wanted, _newest(columns, bars), cuts, step))
            except ValueError as error:
                fail(f"{symbol}: {error}", WRONG)
            found += [(symbol, one) for one in looked]
    leaks = [(symbol, leak) for symbol, one in found for leak in one.leaks]
    if as_json:
        rows = [{"symbol": symbol, **msgspec.to_builtins(one)} for symbol, one in found]
        click.echo(json.dumps({"ok": not leaks, "features": rows}))
    else:
        _show(_looked_table(found))
        for symbol, leak in leaks:
            click.echo(
                f"{symbol} {leak.feature}: {leak.column} of bar {leak.bar} is {leak.with_future} "
                f"with, {leak.without} without the bars after {leak.cut}",
                err=True,
            )
    sys.exit(WRONG if leaks else 0)


@analyse.command("warmup")
@settings
@_FILE
@_SYMBOLS
@_TIMEFRAME
@_JSON
def warmup_(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """Tell how far each indicator is from its value over all history after 199, 499, 999 bars.

    Exit code 1 when 999 bars leave one more than a thousandth off.
    """
    from state.analysis.warm_up import warmth  # noqa: PLC0415 (slow to import)

    candles = _candles(config_file, extra, given, walk_bars=3_000)
    found: list[tuple[str, Warmth]] = []
    with _progress("warming up", 24 * len(candles), as_json=as_json) as step:
        for symbol, columns in candles.items():
            try:
                found += [(symbol, one) for one in warmth(_newest(columns, 5_000), step)]
            except ValueError as error:
                fail(f"{symbol}: {error}", WRONG)
    is_settled = all(one.is_settled for _, one in found)
    if as_json:
        rows = [{"symbol": symbol, **msgspec.to_builtins(one)} for symbol, one in found]
        click.echo(json.dumps({"ok": is_settled, "indicators": rows}))
    else:
        _show(_warmth_table(found))
    sys.exit(0 if is_settled else WRONG)


@analyse.command()
@settings
@_FILE
@_SYMBOLS
@_TIMEFRAME
@click.option(
    "--horizon", type=click.IntRange(1, 10_000), default=12, show_default=True, help="In bars."
)
@_JSON
def patterns(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    horizon: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Count what followed each pattern, against what follows any bar.

    A rate is of occurrences that do not overlap, with Wilson's interval of 95 %. The last column
    says whether the base rate lies outside an interval widened for all the patterns tried.
    """
    from state.analysis.base_rates import base_rates  # noqa: PLC0415 (slow to import)

    candles = _candles(config_file, extra, given, walk_bars=None)
    with _progress("counting", len(candles), as_json=as_json) as step:
        try:
            found = base_rates(candles, horizon, step)
        except ValueError as error:
            fail(str(error), WRONG)
    bars = sum(len(columns.close) for columns in candles.values())
    if as_json:
        facts = {"horizon": horizon, "bars": bars, "symbols": list(candles)}
        click.echo(json.dumps({**facts, "patterns": msgspec.to_builtins(found)}))
        return
    _show(_base_table(found, f"{bars:,} bars of {len(candles)}, {horizon} bars on"))
    told = [one for one in found if one.differs is not None]
    others = sum(one.differs is True for one in told)
    click.echo(f"{others} of {len(told)} that came often enough differ from the base rate")


def _candles(
    config_file: Path | None,
    extra: tuple[str, ...],
    given: dict[str, Any],
    *,
    walk_bars: int | None,
) -> "dict[str, Columns]":
    """Return the bars asked for, or a walk of so many; ends the process where there are none."""
    configuration = loaded(config_file, extra, given)
    path, symbols, timeframe = (given[name] for name in ("path", "symbols", "timeframe"))
    if path is not None and timeframe is not None:
        fail("--file or --timeframe, not both")
    try:
        if path is not None:
            from adapters.candle_files import read_candles  # noqa: PLC0415 (slow to import)

            return read_candles(path, tuple(one for one in symbols.split(",") if one))
        if timeframe is not None:
            with history.opened(configuration) as store:
                return {
                    pair: _kept(store, pair, Timeframe(timeframe))
                    for pair in configuration.config.pairs
                }
    except HistoryRefused as error:
        fail(str(error), WRONG)
    if walk_bars is None:
        fail("no candles: --file FILE, or --timeframe of what `data fetch` has fetched")
    return {f"random walk {configuration.config.seed}": _walk(configuration.config.seed, walk_bars)}


def _kept(store: Any, pair: Pair, timeframe: Timeframe) -> "Columns":
    from adapters.candle_files import NEUTRAL  # noqa: PLC0415 (slow to import)
    from adapters.history.kinds import candles  # noqa: PLC0415
    from state.indicators.bars import BadBar, Columns  # noqa: PLC0415

    table = store.read(pair, candles(timeframe))
    try:
        columns = Columns(*(table[name] for name in NEUTRAL)).checked()
    except BadBar as error:
        raise HistoryRefused(f"{pair}: {error}") from error
    if not len(columns.close):
        raise HistoryRefused(f"{pair}: no candles of {timeframe} are kept; see `data fetch`")
    return columns


def _walk(seed: int, bars: int) -> "Columns":
    """Return hours of a random walk: it has no trend, no pattern and no level but by chance."""
    import numpy as np  # noqa: PLC0415 (slow to import)

    from state.indicators.bars import Columns  # noqa: PLC0415

    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0, 0.01, bars)))
    opened = np.r_[100.0, close[:-1]]
    high = np.maximum(opened, close) * (1 + chance.exponential(0.005, bars))
    low = np.minimum(opened, close) / (1 + chance.exponential(0.005, bars))
    times = _BEGIN_NS + np.arange(bars, dtype=np.int64) * _STEP_NS
    return Columns(times, opened, high, low, close, chance.exponential(10.0, bars)).checked()


def _newest(columns: "Columns", bars: int) -> "Columns":
    count = len(columns.close)
    return columns.part(max(0, count - bars), count)


def _feature(name: str) -> "Feature":
    module, colon, function = name.partition(":")
    try:
        found: Feature = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        fail(f"--feature {name}: {error}")
    if not colon or not callable(found):
        fail(f"--feature {name}: expected MODULE:FUNCTION")
    return found


@contextlib.contextmanager
def _progress(text: str, total: int, *, as_json: bool) -> Iterator[Callable[[str], None]]:
    from rich.console import Console  # noqa: PLC0415 (slow to import)
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    is_shown = console.is_terminal and not as_json
    with Progress(console=console, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(text, total=total)
        yield lambda _name: progress.advance(task)


def _show(table: "Table") -> None:
    from rich.console import Console  # noqa: PLC0415 (slow to import)

    console = Console()
    # A pipe has no width; cut numbers would be worse than long lines.
    (console if console.is_terminal else Console(width=150)).print(table)


def _table(title: str, *columns: str) -> "Table":
    from rich.table import Table  # noqa: PLC0415 (slow to import)

    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def _looked_table(found: "list[tuple[str, Looked]]") -> "Table":
    table = _table("with and without the future", "feature", "of", "columns", "compared", "leaks")
    for symbol, one in found:
        leaks = f"[bold red]{len(one.leaks)}[/]" if one.leaks else "0"
        table.add_row(one.feature, symbol, str(one.columns), f"{one.compared:,}", leaks)
    return table


def _warmth_table(found: "list[tuple[str, Warmth]]") -> "Table":
    from state.analysis.warm_up import BARS  # noqa: PLC0415 (slow to import)

    title = "difference from all history, per cent"
    table = _table(title, "indicator", "of", "warm after", *(f"{one} bars" for one in BARS))
    for symbol, one in found:
        shown = ["-" if off is None else f"{off * 100:.3g}" for off in one.differences]
        if one.cumulative:
            shown = ["a sum"] * len(BARS)
        table.add_row(one.output, symbol, str(one.warm_up), *shown)
    return table


def _base_table(found: "list[BaseRate]", title: str) -> "Table":
    table = _table(
        title, "pattern", "side", "seen", "counted", "hits %", "95 %", "base %", "mean bp", "95 %",
        "base bp", "differs",
    )  # fmt: skip
    for one in found:
        if one.rate is None or one.low is None or one.high is None:
            rest = ["-", "-", f"{one.base * 100:.1f}", "-", "-", f"{one.base_bps:+.1f}", "few"]
        else:
            differs = {None: "few", True: "[bold]yes[/]", False: "no"}[one.differs]
            rest = [
                f"{one.rate * 100:.1f}",
                f"{one.low * 100:.1f}..{one.high * 100:.1f}",
                f"{one.base * 100:.1f}",
                f"{one.mean_bps:+.1f}",
                f"{one.mean_low_bps:+.1f}..{one.mean_high_bps:+.1f}",
                f"{one.base_bps:+.1f}",
                differs,
            ]
        table.add_row(one.pattern, one.direction.value, f"{one.seen:,}", f"{one.counted:,}", *rest)
    return table
