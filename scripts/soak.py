#!/usr/bin/env python3
"""Let the house trade while the exchange misbehaves: `scripts/soak.py [--pairs 20 --minutes 60]`.

Exit codes: 0 whole at the end and nothing lost; 1 anything else.
"""

import json
import sys
import tempfile
from pathlib import Path

import environment  # isort: skip # noqa: F401 (first: it brings the project's own environment)
import click
import msgspec
from rich.console import Console
from rich.table import Table

from scripts.proofs.soak import Outcome, Plan, Sight, soak

_USUAL = Plan()


@click.command()
@click.option("--pairs", type=click.IntRange(1, 50), default=_USUAL.pairs, show_default=True)
@click.option(
    "--minutes", type=click.FloatRange(0.2, 10_000), default=_USUAL.minutes, show_default=True
)
@click.option("--seed", type=int, default=_USUAL.seed, show_default=True, help="Of the faults.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for all that was written; by default a temporary one, gone afterwards.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome for a program.")
def main(*, pairs: int, minutes: float, seed: int, keep: Path | None, as_json: bool) -> None:
    """Run house and exchange, spell after spell of random faults, and say what came of it."""
    errors = Console(stderr=True)

    def tell(sight: Sight) -> None:
        state = "whole" if sight.whole else "broken"
        what = ", ".join(sight.faults) or "calm"
        errors.print(
            f"[dim]{sight.at_s:>8.0f} s  {state:<6} {sight.rss_mb:>6.1f} MB  {what}[/]",
            highlight=False,
        )

    plan = Plan(pairs=pairs, minutes=minutes, seed=seed)
    with tempfile.TemporaryDirectory(prefix="gatehouse-soak-") as temporary:
        outcome = soak(keep or Path(temporary), plan, tell)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(outcome)))
    else:
        _show(outcome)
    sys.exit(1 if outcome.findings else 0)


def _show(outcome: Outcome) -> None:
    agreed, books = outcome.agreement, outcome.books
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    rows = {
        "soak": f"{outcome.plan.pairs} pairs, {outcome.plan.minutes:g} min, "
        f"seed {outcome.plan.seed}, READY after {outcome.ready_s:.2f} s",
        "faults": f"{sum(outcome.struck.values())} strikes of {len(outcome.struck)} kinds",
        "memory": f"{outcome.rss_mb[0]:.1f} MB at first, {outcome.rss_mb[1]:.1f} MB at last, "
        f"slope {outcome.slope_mb_h:+.2f} MB/h over the second half",
        "processor": f"{outcome.cpu_percent:.0f} % of one core, {outcome.threads} threads, "
        f"files {outcome.files[0]} to {outcome.files[1]}",
        "sockets": f"{outcome.reconnects} opened anew",
        "books": f"{books['gaps']} gaps, {books['resyncs']} resyncs, {books['polls']} polls, "
        f"{books['comparisons']} comparisons with REST, {books['mismatches']} mismatches",
        "whole": f"{100 * outcome.whole_share:.0f} % of the looks, "
        f"broken for {outcome.longest_broken_s:.0f} s at the longest",
        "mail": f"{outcome.dropped} dropped, oldest {outcome.oldest_mail_ms:.0f} ms, "
        f"{outcome.restarts} restarts",
        "orders": f"{agreed.intents} intents, {agreed.orders} at the exchange, "
        f"{agreed.never_placed} never placed, {agreed.fills} fills",
        "findings": str(len(outcome.findings)),
    }
    for name, text in rows.items():
        table.add_row(name, text)
    # A file or a pipe takes whole lines.
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=140)
    console.print(table)
    for finding in outcome.findings:
        console.print(f"[bold red]{finding}[/]", soft_wrap=True)


if __name__ == "__main__":
    main()
