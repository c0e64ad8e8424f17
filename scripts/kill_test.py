#!/usr/bin/env python3
"""Kill the house again and again while it trades: `python scripts/kill_test.py [--kills 50]`.

`--long` is the whole proof: an exchange that loses and repeats things, houses that are frozen and
run out of disk as well. `--rounds` does it again with the next seed, from an empty journal.

Exit codes: 0 no order lost or doubled, every unit accounted for, READY in time; 1 anything else.
"""

import json
import signal
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path

import environment  # isort: skip # noqa: F401 (first: it brings the project's own environment)
import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.proofs.kills import READY_MAX_S, Life, Ordeal, Outcome, Plan, kill_again_and_again

_USUAL = Plan()
_LONG = {"faults": True, "freeze_every": 9, "silence_every": 40, "full_every": 25, "news_max": 15}


@click.command()
@click.option("--kills", type=click.IntRange(1, 100_000), default=_USUAL.kills, show_default=True)
@click.option("--seed", type=int, default=_USUAL.seed, show_default=True, help="Of the moments.")
@click.option("--faults", is_flag=True, help="The exchange loses answers, requests and news too.")
@click.option("--freeze-every", type=click.IntRange(0), default=0, help="Freeze each Nth a moment.")
@click.option(
    "--silence-every",
    type=click.IntRange(0),
    default=0,
    help="Freeze each Nth till it is given up.",
)
@click.option("--full-every", type=click.IntRange(0), default=0, help="Fill each Nth's disk.")
@click.option(
    "--news-max",
    type=click.IntRange(1),
    default=_USUAL.news_max,
    show_default=True,
    help="Most news of orders and decisions before a kill.",
)
@click.option("--mounts/--no-mounts", default=True, help="A disk of its own, where allowed.")
@click.option("--long", "is_long", is_flag=True, help="All of these, as often as is worth it.")
@click.option("--rounds", type=click.IntRange(1), default=1, help="So often, each with a new seed.")
@click.option("--pairs", default=_USUAL.pairs, show_default=True)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for all that was written; by default a temporary one, gone afterwards.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an outcome a line for a program.")
def main(
    *, seed: int, is_long: bool, rounds: int, keep: Path | None, as_json: bool, **wanted: object
) -> None:
    """Start a house at an exchange that stays up, kill -9 it KILLS times, compare every order."""
    # What was started is ended, whoever asks for it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    asked = {**wanted, **(_LONG if is_long else {})}
    plans = [
        msgspec.convert({**asked, "seed": number}, Plan) for number in range(seed, seed + rounds)
    ]
    outcomes = []
    with _Progress(sum(plan.kills + 1 for plan in plans)) as progress:
        for plan in plans:
            with tempfile.TemporaryDirectory(prefix="gatehouse-kills-") as temporary:
                folder = Path(temporary) if keep is None else keep / str(plan.seed)
                outcome = kill_again_and_again(folder, plan, progress.tell)
            outcomes.append(outcome)
            if as_json:
                click.echo(json.dumps(msgspec.to_builtins(outcome) | {"again": plan.line}))
            else:
                _show(_wide(), outcome)
    if not as_json and rounds > 1:
        _total(_wide(), outcomes)
    sys.exit(any(outcome.findings for outcome in outcomes))


def _wide() -> Console:
    # A terminal says how wide it is; a file or a pipe takes whole lines.
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=140)


class _Progress(Progress):
    """Lives on standard error: a bar on a terminal, a line a life anywhere else."""

    def __init__(self, lives: int) -> None:
        console = Console(stderr=True)
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self.add_task("lives", total=lives)

    def tell(self, life: Life) -> None:
        ready = "not ready" if life.ready_s is None else f"ready after {life.ready_s:.2f} s"
        self.console.print(
            f"[dim]{life.number:>4}  {ready:<20} {life.ordeal:<27} {life.end}; "
            f"{life.orders} orders, {life.fills} fills[/]",
            highlight=False,
            soft_wrap=True,
        )
        self.advance(self._task)


def _show(console: Console, outcome: Outcome) -> None:
    ready = sorted(life.ready_s for life in outcome.lives if life.ready_s is not None)
    own = max(life.ready_s - life.waited_s for life in outcome.lives if life.ready_s is not None)
    agreed = outcome.agreement
    rows = {
        "again": outcome.plan.line,
        "exchange": "misbehaving" if outcome.plan.faults else "well-behaved",
        "lives": _counted(outcome.ordeals),
        "disk": outcome.disk,
        "restarts to READY": f"{len(ready)}: median {statistics.median(ready):.2f} s, "
        f"most {ready[-1]:.2f} s, {own:.2f} s without waits for a processor "
        f"(target {READY_MAX_S:g} s)",
        "orders": f"{agreed.intents} intents, {agreed.orders} at the exchange, "
        f"{agreed.never_placed} never placed",
        "fills": str(agreed.fills),
        "journal": f"{agreed.events} records, verified; projections equal to rebuilt ones",
    }
    _print(console, rows)
    _total(console, [outcome])
    for finding in outcome.findings:
        console.print(f"[bold red]{finding}[/]", soft_wrap=True)


def _total(console: Console, outcomes: list[Outcome]) -> None:
    ordeals = sum((outcome.ordeals for outcome in outcomes), Counter[str]())
    uncovered = [o.uncovered_s for o in outcomes if o.uncovered_s is not None]
    drift = Counter(currency for o in outcomes for currency in o.agreement.drift)
    rows = {
        "kill -9": str(sum(ordeals.values()) - ordeals["ended"] - ordeals[Ordeal.FULL]),
        "SIGSTOP": str(ordeals[Ordeal.FREEZE] + ordeals[Ordeal.SILENCE]),
        "disk full": str(ordeals[Ordeal.FULL]),
        "orders": str(sum(outcome.agreement.orders for outcome in outcomes)),
        "fills": str(sum(outcome.agreement.fills for outcome in outcomes)),
        "lost": str(sum(outcome.agreement.lost for outcome in outcomes)),
        "doubled": str(sum(outcome.agreement.doubled for outcome in outcomes)),
        "drift": _counted(drift) or "0",
        "uncovered seconds": f"{sum(uncovered):.2f}" if uncovered else "n/a",
        "findings": str(sum(len(outcome.findings) for outcome in outcomes)),
    }
    table = Table(title="total" if len(outcomes) > 1 else None)
    for name in rows:
        table.add_column(name, justify="right")
    table.add_row(*rows.values())
    console.print(table)


def _print(console: Console, rows: dict[str, str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, text)
    console.print(table)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


if __name__ == "__main__":
    main()
