#!/usr/bin/env python3
"""Kill the house again and again while it trades: `python scripts/kill_test.py [--kills 50]`.

Exit codes: 0 no order lost or doubled, every unit accounted for, READY in time; 1 anything else.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

import environment  # isort: skip # noqa: F401 (first: it brings the project's own environment)
import click
import msgspec
from rich.console import Console
from rich.table import Table

from scripts.proofs.kills import READY_MAX_S, Life, Outcome, Plan, kill_again_and_again

_USUAL = Plan()


@click.command()
@click.option("--kills", type=click.IntRange(1, 100_000), default=_USUAL.kills, show_default=True)
@click.option("--seed", type=int, default=_USUAL.seed, show_default=True, help="Of the moments.")
@click.option("--faults", is_flag=True, help="The exchange loses answers, requests and news too.")
@click.option("--pairs", default=_USUAL.pairs, show_default=True)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for all that was written; by default a temporary one, gone afterwards.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome for a program.")
def main(
    *, kills: int, seed: int, faults: bool, pairs: str, keep: Path | None, as_json: bool
) -> None:
    """Start a house at an exchange that stays up, kill -9 it KILLS times, compare every order."""
    plan = Plan(kills=kills, seed=seed, faults=faults, pairs=pairs)
    errors = Console(stderr=True)

    def tell(life: Life) -> None:
        ready = "not ready" if life.ready_s is None else f"ready after {life.ready_s:.2f} s"
        errors.print(
            f"[dim]{life.number:>4}  {ready:<20} died {life.end:<28} "
            f"{life.orders} orders, {life.fills} fills[/]",
            highlight=False,
        )

    with tempfile.TemporaryDirectory(prefix="gatehouse-kills-") as temporary:
        outcome = kill_again_and_again(keep or Path(temporary), plan, tell)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(outcome)))
    else:
        _show(outcome)
    sys.exit(1 if outcome.findings else 0)


def _show(outcome: Outcome) -> None:
    console = Console()
    ready = sorted(life.ready_s for life in outcome.lives if life.ready_s is not None)
    own = max(life.ready_s - life.waited_s for life in outcome.lives if life.ready_s is not None)
    agreed = outcome.agreement
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    rows = {
        "kills": f"{outcome.plan.kills}, seed {outcome.plan.seed}, "
        f"exchange {'misbehaving' if outcome.plan.faults else 'well-behaved'}",
        "restarts to READY": f"{len(ready)}: median {statistics.median(ready):.2f} s, "
        f"most {ready[-1]:.2f} s, {own:.2f} s without waits for a processor "
        f"(target {READY_MAX_S:g} s)",
        "orders": f"{agreed.intents} intents, {agreed.orders} at the exchange, "
        f"{agreed.never_placed} never placed",
        "fills": str(agreed.fills),
        "journal": f"{agreed.events} records, verified; projections equal to rebuilt ones",
        "findings": str(len(outcome.findings)),
    }
    for name, text in rows.items():
        table.add_row(name, text)
    console.print(table)
    for finding in outcome.findings:
        console.print(f"[bold red]{finding}[/]", soft_wrap=True)


if __name__ == "__main__":
    main()
