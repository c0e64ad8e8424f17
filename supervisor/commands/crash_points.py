"""`python -m supervisor simulate crash-points`: every instant of scripted days is struck."""

import json
import sys

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from supervisor.commands.options import fail
from supervisor.crash_points.census import Census
from supervisor.crash_points.exploration import Case, Plan, explore
from supervisor.crash_points.instants import Blow, Fate
from supervisor.crash_points.scenarios import SCENARIOS, Scenario


@click.command(name="crash-points")
@click.option(
    "--scenario",
    "names",
    multiple=True,
    type=click.Choice(list(SCENARIOS)),
    help="Only this day; may be repeated.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=1.0,
    help="Of all single crashes.",
    show_default=True,
)
@click.option(
    "--pairs",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Of all second crashes in the life after each; 1 is the whole grid.",
    show_default=True,
)
@click.option(
    "--each-pair",
    is_flag=True,
    help="Besides: each two points, with each two ways to be struck there, once a day.",
)
@click.option(
    "--fate",
    "fates",
    multiple=True,
    type=click.Choice([fate.value for fate in Fate]),
    help="Only this way of being struck; may be repeated.",
)
@click.option("--seed", default=0, help="Of the choice where a share is below 1.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="Copies at work at a time.")
@click.option(
    "--case", "path", default=None, metavar="PATH", help="One case again, as it was told."
)
@click.option("--json", "as_json", is_flag=True, help="The table as one JSON object.")
def crash_points(  # noqa: PLR0913 - one argument for each option
    names: tuple[str, ...],
    *,
    share: float,
    pairs: float,
    each_pair: bool,
    fates: tuple[str, ...],
    seed: int,
    jobs: int,
    path: str | None,
    as_json: bool,
) -> None:
    """Crash the real house at every instant of scripted days, and once more in its next life.

    Kills, power losses, crashes of single actors, requests and answers lost and late. Exit code 1
    when anything did not hold, or when a point of the order protocol was never hit.
    """
    if path is not None:
        sys.exit(_again(path))
    wanted_fates = tuple(map(Fate, fates)) or tuple(Fate)
    plan = Plan(
        seed=seed, share=share, pairs=pairs, each_pair=each_pair, jobs=jobs, fates=wanted_fates
    )
    console = Console(stderr=True)
    census = Census()
    wanted = [SCENARIOS[name] for name in names or SCENARIOS]
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("crashing", total=len(wanted))
        for scenario in wanted:
            progress.update(task, description=scenario.name)
            census.add(explore(scenario, plan))
            progress.advance(task)
    # A part of the days cannot hit everything; a share of the instants should.
    missed = census.missed() if not (names or fates) and share == 1.0 else []
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(census.facts())))
    else:
        _tell(Console(), census)
    for case in census.violations:
        console.print(f"[bold red]{case.path}[/]", soft_wrap=True)
        _tell_case(console, case)
    for point in missed:
        console.print(f"[bold red]never hit[/] {point.number} {point.name}")
    sys.exit(1 if census.violations or missed else 0)


def _again(path: str) -> int:
    """Try one case again and tell it."""
    name, _, told = path.partition(":")
    scenario: Scenario | None = SCENARIOS.get(name)
    try:
        blows = tuple(Blow.of(text) for text in told.split(",") if text)
    except ValueError:
        scenario = None
    if scenario is None:
        fail(f"--case {path}: expected SCENARIO:INSTANT=FATE[,INSTANT=FATE]")
    cases = explore(scenario, Plan(share=0.0, only=blows))
    case = max(cases, key=lambda one: len(one.blows))
    click.echo(case.path)
    _tell_case(Console(), case)
    return 1 if case.violations or len(case.blows) < len(blows) else 0


def _tell_case(console: Console, case: Case) -> None:
    for site, points in zip(case.sites, case.points, strict=True):
        console.print(f"  at {site}, points {', '.join(map(str, points)) or 'none'}")
    for violation in case.violations or ("nothing that does not hold",):
        console.print(f"  {violation}", soft_wrap=True, markup=False)


def _tell(console: Console, census: Census) -> None:
    table = Table("point", "name", title="crash points")
    for heading in ("kill", "power", "actor", "wire", "pairs", "violations"):
        table.add_column(heading, justify="right")
    for row in census.rows():
        counts = (row.kill, row.power, row.actor, row.wire, row.pairs, row.violations)
        told = [str(count) for count in counts] if not row.elsewhere else ["-"] * 6
        name = row.name if not row.elsewhere else f"{row.name} ({row.elsewhere})"
        table.add_row(str(row.number), name, *told)
    console.print(table, soft_wrap=True)
    facts = census.facts()
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(facts.cases.items()))
    console.print(
        f"{sum(facts.cases.values())} cases: {kinds}; {facts.pairs_of_points} pairs of points; "
        f"{len(facts.violations)} violations"
    )
