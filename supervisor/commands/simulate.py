"""`python -m supervisor simulate`: the house in virtual time, seed by seed, with faults."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from actors.kernel.virtual import Policy
from state.errors import ConfigurationInvalid
from supervisor.commands.crash_points import crash_points
from supervisor.commands.options import fail
from supervisor.commands.record import record
from supervisor.simulation import HOUSE, PROFILES, Fault, Options, Report, Simulation
from supervisor.simulation.batch import (
    Tally,
    Wanted,
    fingerprints,
    fingerprints_elsewhere,
    run_seeds,
)
from supervisor.simulation.failure import Failure, failure_of, read_failure, write_failure
from supervisor.simulation.report import Delivery
from supervisor.simulation.shrink import shrink as shrunk_to
from supervisor.simulation.sightings import SIGHTINGS
from supervisor.version import VERSION

WRONG = 1
_TABLE_FROM = 100
"""Over fewer seeds it says little what was never seen."""
_HASH_SEEDS = (1, 2)
"""With these two a set of the two sides of a trade has another order."""
_TOLD_MAX = 20
"""Failures that are told in full."""
_FILE = click.Path(path_type=Path, dir_okay=False)
_SEEDS = click.option("--seeds", default="0:100", show_default=True, metavar="FROM:TO or SEED")
_PROFILE = click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default=HOUSE.name,
    show_default=True,
    help="What is tried: the whole house, or the path of orders alone and fast.",
)
_POLICY = click.option(
    "--policy",
    type=click.Choice([policy.value for policy in Policy]),
    help="Who goes next among those with mail; each seed decides by itself when not given.",
)
_UNTIL = click.option(
    "--until", "faulty_s", type=float, metavar="SECONDS", help="How long faults strike, virtual."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a seed.")


class _Commands(click.Group):
    """Options in the place of a sub-command belong to `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Commands)
def simulate() -> None:
    """Run the real tree, actors and store against a misbehaving world, in virtual time.

    A seed means options and a list of faults. First they strike, and nothing wrong may happen;
    then they stop, and everything has to become whole again. Without a sub-command: `run`.
    """


simulate.add_command(crash_points)
simulate.add_command(record)


@simulate.command()
@_SEEDS
@_PROFILE
@_POLICY
@_UNTIL
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option(
    "--failures",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for a file of each failure, for `replay` and `shrink`.",
)
@_JSON
def run(
    *,
    seeds: str,
    profile: str,
    policy: str | None,
    faulty_s: float | None,
    jobs: int,
    failures: Path | None,
    as_json: bool,
) -> None:
    """Run seeds.

    Exit code 1 when anything did not hold; each such seed is told with how to run it again. Also
    when, over 500 seeds or more, a state worth being in was never seen.
    """
    console, tally = Console(stderr=True), Tally()
    wanted = _wanted(profile, policy, faulty_s)
    seeds_wanted = _range(seeds)
    for report in _shown(run_seeds(wanted, seeds_wanted, jobs), len(seeds_wanted), as_json=as_json):
        tally.add(report)
        if as_json:
            click.echo(msgspec.json.encode(report))
        elif report.violations and tally.failed <= _TOLD_MAX:
            _tell(console, report)
        if report.violations and failures is not None:
            path = failures / f"{profile}-{report.options.seed}.json"
            write_failure(failure_of(report, VERSION), path)
    if not as_json:
        _tell_tally(console, tally)
    sys.exit(WRONG if tally.failed or tally.missing else 0)


@simulate.command()
@click.argument("file", type=_FILE, required=False)
@click.option("--seed", type=int, help="A seed in the place of a file.")
@_PROFILE
@_POLICY
@_UNTIL
@click.option("--trace", is_flag=True, help="Print each message as it is handled.")
@click.option("--stop-at", type=int, metavar="STEP", help="End after so many steps.")
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def replay(
    *,
    file: Path | None,
    seed: int | None,
    profile: str,
    policy: str | None,
    faulty_s: float | None,
    trace: bool,
    stop_at: int | None,
    as_json: bool,
) -> None:
    """Run a failure again, from its file or from its seed.

    Exit code 1 when it still fails.
    """
    faults: tuple[Fault, ...] | None = None
    if file is not None and seed is None:
        failure = _failure(file)
        options, faults = failure.options, failure.faults
    elif seed is not None and file is None:
        options = _wanted(profile, policy, faulty_s).options(seed)
    else:
        fail("replay takes a file or --seed, and not both")
    report = _simulation(options, faults, trace=trace).run(stop_at=stop_at)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _tell(Console(), report)
    sys.exit(WRONG if report.violations else 0)


@simulate.command()
@click.argument("file", type=_FILE)
@click.option("-o", "--output", type=_FILE, required=True, help="Where the smaller failure goes.")
def shrink(*, file: Path, output: Path) -> None:
    """Find the fewest faults that still show a failure.

    Exit code 1 when it does not fail any more as it did.
    """
    console, failure = Console(stderr=True), _failure(file)
    with console.status("shrinking") as status:
        found = shrunk_to(
            failure.options,
            failure.faults,
            failure.oracle,
            progress=lambda runs, left: status.update(f"{runs} runs, {left} faults"),
        )
    if found is None:
        fail(f"{file}: {failure.oracle!r} is not violated any more", WRONG)
    write_failure(failure_of(found.report, VERSION), output)
    before, after = len(failure.faults), len(found.report.faults)
    click.echo(f"{before} faults shrunk to {after} in {found.runs} runs: {output}")
    for fault in found.report.faults:
        click.echo(f"  {fault}")


@simulate.command("check-determinism")
@_SEEDS
@_PROFILE
@_POLICY
@_UNTIL
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def check_determinism(
    *, seeds: str, profile: str, policy: str | None, faulty_s: float | None, as_json: bool
) -> None:
    """Run each seed twice here and once in each of two processes that hash otherwise; compare.

    Exit code 1 when any two runs of one seed differ.
    """
    wanted, over = _wanted(profile, policy, faulty_s), _range(seeds)
    first, second = fingerprints(wanted, over), fingerprints(wanted, over)
    third, fourth = (fingerprints_elsewhere(wanted, over, hash_seed=one) for one in _HASH_SEEDS)
    runs = {seed: (first[seed], second[seed], third.get(seed), fourth.get(seed)) for seed in over}
    differing = [seed for seed, found in runs.items() if len(set(found)) > 1]
    if as_json:
        click.echo(msgspec.json.encode({"seeds": len(over), "differing": differing}))
    else:
        click.echo(f"{len(over)} seeds, four runs each, {len(differing)} differ")
        for seed in differing:
            click.echo(f"  seed {seed}: {', '.join(map(str, runs[seed]))}")
    sys.exit(WRONG if differing else 0)


def _wanted(profile: str, policy: str | None, faulty_s: float | None) -> Wanted:
    chosen = None if policy is None else Policy(policy)
    return Wanted(profile=profile, policy=chosen, faulty_s=faulty_s)


def _simulation(options: Options, faults: tuple[Fault, ...] | None, *, trace: bool) -> Simulation:
    def tell(delivery: Delivery) -> None:
        click.echo(str(delivery))

    return Simulation(options, faults, watch=tell if trace else None)


def _failure(file: Path) -> Failure:
    try:
        return read_failure(file)
    except ConfigurationInvalid as error:
        fail(str(error))


def _shown(reports: Iterator[Report], total: int, *, as_json: bool) -> Iterable[Report]:
    console = Console(stderr=True)
    return track(
        reports,
        "simulating",
        total=total,
        console=console,
        disable=as_json or not console.is_terminal,
        transient=True,
    )


def _tell(console: Console, report: Report) -> None:
    tell = partial(console.print, soft_wrap=True, highlight=False, markup=False)
    verdict = "failed" if report.violations else "holds"
    tell(f"seed {report.options.seed} {verdict}, fingerprint {report.fingerprint:x}")
    tell(f"  again: {report.line}")
    tell(f"  {report.options}")
    for fault in report.faults:
        tell(f"  fault: {fault}")
    for violation in report.violations[:10]:
        tell(f"  {violation}")


def _tell_tally(console: Console, tally: Tally) -> None:
    what = ", ".join(f"{count} {name}" for name, count in sorted(tally.counts.items()))
    click.echo(f"{tally.seeds} seeds, {tally.steps} steps, {tally.failed} failed; {what}")
    if tally.seeds >= _TABLE_FROM:
        click.echo(_table(tally.sightings, console.width))
    for name in tally.missing:
        click.echo(f"never seen: {name} ({SIGHTINGS[name]})")


def _table(seen: Counter[str], width: int) -> str:
    table = Table("sometimes", "seen", "which means")
    table.columns[1].justify = "right"
    for name, meaning in SIGHTINGS.items():
        table.add_row(name, str(seen[name]), meaning)
    console = Console(width=max(width, 100))
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip()


def _range(text: str) -> range:
    first, colon, last = text.partition(":")
    try:
        start = int(first)
        return range(start, int(last) if colon else start + 1)
    except ValueError:
        fail(f"--seeds {text}: expected SEED or FROM:TO")
