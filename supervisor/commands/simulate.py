"""`python -m supervisor simulate`: the house in virtual time, seed by seed, with faults."""

import json
import sys
from collections import Counter

import click
import msgspec
from rich.console import Console
from rich.progress import track

from supervisor.commands.options import fail
from supervisor.simulation import Report
from supervisor.simulation import simulate as run_seed


@click.command()
@click.option("--seeds", default="0:100", show_default=True, metavar="FROM:TO or SEED")
@click.option("--twice", is_flag=True, help="Run each seed twice and compare the fingerprints.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a seed.")
def simulate(seeds: str, *, twice: bool, as_json: bool) -> None:
    """Run the real tree, actors and store against a misbehaving world, in virtual time.

    Exit code 1 when anything did not hold; each such seed is told with what it means.
    """
    failed, counts, steps = 0, Counter[str](), 0
    console = Console(stderr=True)
    wanted = _range(seeds)
    for seed in track(
        wanted,
        "simulating",
        console=console,
        disable=as_json or not console.is_terminal,
        transient=True,
    ):
        report = run_seed(seed)
        if twice and run_seed(seed) != report:
            report.violations.append("the same seed gave another run")
        counts.update(report.counts)
        steps += report.steps
        failed += bool(report.violations)
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(report)))
        elif report.violations:
            _tell(console, report)
    if not as_json:
        what = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        click.echo(f"{len(wanted)} seeds, {steps} steps, {failed} failed; {what}")
    sys.exit(1 if failed else 0)


def _tell(console: Console, report: Report) -> None:
    console.print(f"[bold red]seed {report.options.seed}[/] again: {report.line}")
    console.print(f"  {report.options}", soft_wrap=True)
    for violation in report.violations[:10]:
        console.print(f"  {violation}", soft_wrap=True)


def _range(text: str) -> range:
    first, colon, last = text.partition(":")
    try:
        start = int(first)
        return range(start, int(last) if colon else start + 1)
    except ValueError:
        fail(f"--seeds {text}: expected SEED or FROM:TO")
