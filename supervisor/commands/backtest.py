"""`python -m supervisor backtest`: the actors that judge, over the candles of the history."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.history.kinds import candles
from adapters.history.store import HistoryStore
from state.config import Config
from state.messages.market import Timeframe
from state.values import Pair
from supervisor.backtest import (
    Against,
    Bars,
    CandleRun,
    Model,
    Result,
    Together,
    against,
    together,
)
from supervisor.commands.options import fail, loaded, settings
from supervisor.data_directory import data_directory

NOTHING = 3
NOTE = (
    "Judged by trend and technical analysis alone: no book, no flow, no advisor. Filled whole at "
    "the next bar's open, for half the spread and the taker's fee; a stop is met within its bar. "
    "No claim is made that any of this will be earned: it shows what the decision logic does, and "
    "not what it is worth."
)


@click.command()
@settings
@click.option("--history", type=click.Path(path_type=Path, file_okay=False), default=None)
@click.option("--fee-bps", type=click.FloatRange(0, 1000), default=20.0, show_default=True)
@click.option("--spread-bps", type=click.FloatRange(0, 1000), default=1.0, show_default=True)
@click.option("--bars", type=click.IntRange(1), default=None, help="At most so many of each pair.")
@click.option(
    "--against",
    "others",
    multiple=True,
    metavar="KEY=VALUE",
    help="Run once more with this set, and say what its trades would have earned.",
)
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def backtest(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    history: Path | None,
    fee_bps: float,
    spread_bps: float,
    bars: int | None,
    others: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Have technical analysts and traders live over the one-minute candles of the history.

    All pairs that have any, or those of --pairs. `data import` and `data fetch` bring candles. The
    result stands beside buying and holding each pair, and beside all of them in equal parts.

    `--against` shows what a rule is worth: which trades it filtered, and what they would have
    earned. `--against technical.unconfirmed_share=1` asks so of the confirmation by timeframes.

    Exit code 3 when there are no candles.
    """
    configuration = loaded(config_file, extra, given)
    other = loaded(config_file, (*extra, *others), given).config if others else None
    folder = history or data_directory(configuration) / "history"
    chosen = configuration.config.pairs if given.get("setting_pairs") else ()
    model = Model(
        fee=Decimal(str(fee_bps)) / 10_000,
        spread_bps=Decimal(str(spread_bps)),
    )
    found = _run(folder, tuple(chosen), configuration.config, model, bars)
    if not found:
        fail(f"{folder}: no candles of 1m; `data fetch` or `data import` brings them", NOTHING)
    told = together(found)
    compared: list[Against] = []
    if other is not None:
        ran = _run(folder, tuple(chosen), other, model, bars)
        compared = [against(*both) for both in zip(found, ran, strict=True)]
    if as_json:
        facts = msgspec.to_builtins(told) | {"note": NOTE}
        if others:
            facts["against"] = {"set": others, "pairs": msgspec.to_builtins(compared)}
        click.echo(json.dumps(facts))
        return
    _show(told)
    if others:
        _compare(compared, others)
    Console().print(NOTE)


def _run(
    folder: Path, chosen: tuple[Pair, ...], config: Config, model: Model, most: int | None
) -> list[Result]:
    store, kind = HistoryStore(folder), candles(Timeframe.M1)
    try:
        held = store.holdings(chosen, (kind.name,)) if folder.exists() else []
        tables = {one.pair: store.read(one.pair, kind) for one in held}
    finally:
        store.close()
    console = Console(stderr=True)
    results = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        for pair, table in tables.items():
            columns = ("open", "high", "low", "close", "volume")
            prices = (table[name].astype(np.float64) for name in columns)
            read = Bars(table["ts_open_ns"].astype(np.int64), *prices)
            some = read if most is None else read.first(most)
            task = progress.add_task(pair, total=len(some))

            def advance(done: int, task: Any = task) -> None:
                progress.update(task, completed=done)

            results.append(CandleRun(pair, config, model).run(some, advance))
    return results


def _show(told: Together) -> None:
    table = Table()
    for column in ("pair", "bars", "entries", "stops", "fees", "profit", "hold", "exposed", "fall"):
        table.add_column(column, justify="left" if column == "pair" else "right")
    for one in told.pairs:
        table.add_row(
            one.pair,
            f"{one.bars:,}",
            f"{one.entries:,}",
            f"{one.stops:,}",
            f"{one.fees:,.0f}",
            f"{one.profit_percent:+.2f} %",
            f"{one.hold_percent:+.2f} %",
            f"{one.exposed_percent:.0f} %",
            f"{one.drawdown_percent:.2f} %",
        )
    table.add_section()
    table.add_row(
        "equal weight",
        "",
        "",
        "",
        f"{told.fees:,.0f}",
        f"{told.profit_percent:+.2f} %",
        f"{told.hold_percent:+.2f} %",
        "",
        f"{told.drawdown_percent:.2f} %",
    )
    console = Console()
    console.print(table)
    if told.t_statistic is not None:
        console.print(f"{told.days} days, t-statistic of the daily return {told.t_statistic:+.2f}")


def _compare(pairs: list[Against], others: tuple[str, ...]) -> None:
    table = Table(title=f"against {', '.join(others)}")
    table.add_column("pair")
    for column in ("same", "filtered", "would have earned", "added", "earned", "profit there"):
        table.add_column(column, justify="right")
    for one in pairs:
        table.add_row(
            one.pair,
            f"{one.same:,}",
            f"{one.filtered:,}",
            f"{one.filtered_profit:+,.0f}",
            f"{one.added:,}",
            f"{one.added_profit:+,.0f}",
            f"{one.profit_percent:+.2f} %",
        )
    Console().print(table)
