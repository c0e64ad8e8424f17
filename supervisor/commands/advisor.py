"""`python -m supervisor advisor`: what the advisor is worth, and what it costs."""

import contextlib
import json
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from actors.operations.advisor_view import scores_view
from actors.opinions.advisor_record import Record, scores_of
from adapters.clock import SystemClock
from state.advice import ladder
from state.advice.contract import CONTRACT
from state.config import Config
from state.errors import StoreRefused
from state.messages.advice import AdviceBooks, Provider, Scores, Tally
from state.store import DATABASE_NAME, open_reader
from state.values import TimeNs, plain
from supervisor.commands.options import fail, loaded, settings
from supervisor.data_directory import data_directory
from supervisor.worlds.advice import provider_of

NOTHING = 3
_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")


@click.group()
def advisor() -> None:
    """Look at the advisor; none of this asks it anything."""


@advisor.command()
@settings
@_JSON
def report(
    config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any
) -> None:
    """Show scores, authority, budget and costs, from the journal, while the house runs too.

    Exit code 3 when there is no journal.
    """
    configuration = loaded(config_file, extra, given)
    path, now_ns = data_directory(configuration) / DATABASE_NAME, SystemClock().now_ns()
    try:
        if not path.exists():
            raise StoreRefused(f"{path}: there is no database; the first start makes it")
        with contextlib.closing(open_reader(path)) as reader:
            books = reader.advisor_standing(now_ns)
    except StoreRefused as error:
        fail(str(error), NOTHING)
    told = _facts(configuration.config, books, now_ns)
    if as_json:
        click.echo(json.dumps(told))
    else:
        _show(told)


def _facts(config: Config, books: AdviceBooks, now_ns: TimeNs) -> dict[str, Any]:
    record = Record(config.advisor, CONTRACT)
    record.begin(books, now_ns)
    provider = provider_of(config)
    model = config.advisor.model
    name = f"stub:{model}" if provider is Provider.STUB else model
    now = record.scores(name, now_ns)
    records = [
        _one(scores_of(one.model, one.contract, one, list(books.resolved), now_ns), one, record.bar)
        for one in books.tallies
    ]
    spent = record.spending(now_ns)
    return {
        "provider": provider.value,
        "is_stub": provider is Provider.STUB,
        "model": model,
        "contract": CONTRACT,
        "authority": record.authority(name).value,
        "next_rung_lacks": list(ladder.lacking(now, record.bar)),
        "today": {
            "calls": spent.calls,
            "calls_max": record.caps.calls,
            "tokens": spent.tokens,
            "tokens_max": spent.tokens_max,
            "usd": plain(spent.usd),
            "usd_max": plain(spent.usd_max),
            "rules_only": spent.rules_only,
        },
        "awaiting": len(books.outstanding),
        "records": records,
        "last_change": msgspec.to_builtins(books.authority),
    }


def _one(scores: Scores, tally: Tally, bar: ladder.Bar) -> dict[str, Any]:
    return {
        **scores_view(scores),
        "codes": dict(tally.codes),
        "lacks": list(ladder.lacking(scores, bar)),
    }


def _show(told: dict[str, Any]) -> None:
    today = told["today"]
    whom = "a STUB of ours, no real model" if told["is_stub"] else told["provider"]
    click.echo(f"asked: {whom}; model {told['model']}, wording {told['contract']}")
    click.echo(f"authority: {told['authority']}")
    for lack in told["next_rung_lacks"]:
        click.echo(f"  for the next rung: {lack}")
    click.echo(
        f"today: {today['calls']} of {today['calls_max']} questions, {today['tokens']} of "
        f"{today['tokens_max']} tokens, {today['usd']} of {today['usd_max']} USD"
        + ("; RULES ONLY" if today["rules_only"] else "")
    )
    click.echo(f"answers whose end is awaited: {told['awaiting']}")
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=160)
    table = Table(title="record, by model and wording")
    for name in ("model", "wording", "answers", "valid", "resolved", "won", "Brier", "of the base"):
        table.add_column(name, justify="left" if name in ("model", "wording") else "right")
    for name in ("skill", "lower 90 %", "mean R"):
        table.add_column(name, justify="right")
    for one in told["records"]:
        numbers = ("base_rate", "brier", "brier_base", "skill", "skill_lower", "mean_r")
        counts = (str(one["answers"]), str(one["valid"]), str(one["resolved"]))
        table.add_row(one["model"], one["contract"], *counts, *(_shown(one[n]) for n in numbers))
    console.print(table)
    for one in told["records"]:
        ends = ", ".join(f"{code} {count}" for code, count in sorted(one["codes"].items()))
        console.print(f"{one['model']}: {ends}", soft_wrap=True)
        for group in one["bins"]:
            console.print(
                f"  said {group['stated']:.2f}, won {group['won']:.2f} of {group['count']}",
                soft_wrap=True,
            )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
