"""`python -m supervisor risk`: what every limit is worth, and how much of each is used."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.admin_client import AdminClient, AdminError
from adapters.clock import SystemClock
from state.config import Config
from state.errors import NotRunning, StoreRefused
from state.store import DATABASE_NAME, Reader, open_reader
from supervisor.commands.options import fail, loaded, settings
from supervisor.data_directory import data_directory
from supervisor.limits_at_rest import limits_at_rest
from supervisor.risk_proof import Proof, Verdict, prove

NOTHING = 3
_COLOURS = {Verdict.PROVEN: "green", Verdict.UNPROVEN: "yellow", Verdict.PASSED: "bold red"}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")


@click.group()
def risk() -> None:
    """Try the limits of risk, or show how much of each is used."""


@risk.command("prove")
@settings
@click.option(
    "--schedules",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="How many to try; about one a second.",
)
@_JSON
def prove_(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    schedules: int,
    as_json: bool,
    **given: Any,
) -> None:
    """Run random schedules against the real risk guard and tell how near each limit came.

    Each schedule has a seed, `--seed` is the first; a violation names its own. A limit that nothing
    came up against is shown as unproven. The last column is of the journal of the data directory,
    where there is one: the newest event in which that limit decided.

    Exit code 1 when a limit was passed.
    """
    configuration = loaded(config_file, extra, given)

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("trying the limits", total=schedules)
        proof = prove(schedules, configuration.config.seed, lambda _seed: progress.advance(task))
    _take_real(proof, data_directory(configuration) / DATABASE_NAME)
    if as_json:
        click.echo(json.dumps(_facts(proof)))
    else:
        _show(proof)
    sys.exit(1 if proof.passed else 0)


@risk.command("show")
@settings
@_JSON
def show_(config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Show how much of each limit is used and left, of the running house or else of the journal.

    Exit code 3 when nothing runs and there is no journal.
    """
    configuration = loaded(config_file, extra, given)
    folder, pairs = data_directory(configuration), configuration.config.pairs
    try:
        with AdminClient(folder / "admin.sock") as client:
            answers = [client.call("why_not", {"pair": pair}) for pair in pairs]
        source = "the running house"
        rows = [row for answer in answers for row in answer.get("limits", ())]
        denied = {answer["pair"]: answer["risk"] for answer in answers}
    except (NotRunning, AdminError):
        source, denied = "the journal; what is held counts at what it cost", {}
        rows = _rows_at_rest(folder / DATABASE_NAME, configuration.config)
    shown = list({(row["code"], row["pair"]): row for row in rows}.values())
    if as_json:
        told = {"source": source, "limits": shown, "pairs": denied}
        click.echo(json.dumps(told))
        return
    _show_uses(source, shown)
    for pair, ruling in denied.items():
        click.echo(f"{pair}: {_told(ruling)}")


def _told(ruling: Any) -> str:
    if not isinstance(ruling, dict):
        return str(ruling)
    entry = ruling["entry"]
    if entry is None:
        return "an entry would pass"
    return f"an entry would be denied: {entry['code']}, {entry['value']} of {entry['limit']}"


def _rows_at_rest(path: Path, config: Config) -> list[dict[str, Any]]:
    try:
        if not path.exists():
            raise StoreRefused(f"nothing runs, and {path} is not there")
        with contextlib.closing(open_reader(path)) as reader:
            found = limits_at_rest(reader, config, SystemClock().now_ns())
    except StoreRefused as error:
        fail(str(error), NOTHING)
    return [msgspec.to_builtins(use) for uses in found.values() for use in uses]


def _show_uses(source: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=f"limits, of {source}")
    for name in ("limit", "pair", "set to", "used", "left", "", "entries"):
        right = name in ("set to", "used", "left")
        table.add_column(name, justify="right" if right else "left")
    for row in rows:
        denies = "[bold red]denied[/]" if row["denies"] else ""
        numbers = (row["limit"], row["used"], row["left"])
        table.add_row(row["code"], row["pair"] or "all", *numbers, row["unit"], denies)
    _console().print(table)


def _console() -> Console:
    """Return where tables go: a terminal has a width of its own, a file takes whole lines."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=160)


def _take_real(proof: Proof, path: Path) -> None:
    """Say of each limit when it last decided something in earnest."""
    if not path.exists():
        return
    with contextlib.suppress(StoreRefused), contextlib.closing(open_reader(path)) as reader:
        for one in proof.limits:
            one.last_real = _last_real(reader, one.code)


def _last_real(reader: Reader, code: str) -> str:
    row = reader.last_decision(code)
    if row is None:
        return ""
    return f"{row['decision_id']}: {row['verdict']}, {row['value_text']} of {row['limit_text']}"


def _facts(proof: Proof) -> dict[str, Any]:
    limits = [{**msgspec.to_builtins(one), "verdict": one.verdict.value} for one in proof.limits]
    return {
        "ok": not proof.passed,
        "schedules": proof.schedules,
        "seed": proof.seed,
        "limits": limits,
    }


def _show(proof: Proof) -> None:
    table = Table(title=f"{proof.schedules} schedules from seed {proof.seed}")
    for name in ("limit", "set to", "worst", "margin", "refused", "", "last real event"):
        right = name in ("set to", "worst", "margin", "refused")
        table.add_column(name, justify="right" if right else "left")
    for one in proof.limits:
        verdict = f"[{_COLOURS[one.verdict]}]{one.verdict}[/]"
        numbers = (one.limit or "never", one.worst or "none", one.margin or "-")
        table.add_row(one.code, *numbers, str(one.refused), verdict, one.last_real or "none")
    console = _console()
    console.print(table)
    counts = {verdict: sum(one.verdict is verdict for one in proof.limits) for verdict in Verdict}
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    for one in proof.passed:
        for what in one.passed[:5]:
            console.print(f"[bold red]{one.code} passed[/] {what}", soft_wrap=True)
