"""`python -m supervisor simulate record`: a stretch of the simulated market, to be replayed."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.recording import FILE_NAME
from state.config import Config
from state.errors import HistoryRefused, StoreRefused
from state.store import DATABASE_NAME
from state.values import Venue
from supervisor.commands.options import fail, loaded, settings
from supervisor.commands.spans import span_s
from supervisor.data_directory import data_directory
from supervisor.simulation.day import Day, HouseDied, Lived

_NOT_WHOLE = 1


@click.command()
@settings
@click.option(
    "--for", "for_", default="24h", show_default=True, metavar="SPAN", help="30s, 20m, 24h, 7d."
)
@click.option(
    "--step",
    "step_s",
    type=click.FloatRange(0.05, 60),
    default=0.1,
    show_default=True,
    help="How often the market moves, seconds. A simulated exchange that runs by itself: 0.1.",
)
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def record(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    for_: str,
    step_s: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Have a whole house live a stretch of the simulated market in virtual time, and record it.

    The house is the one that `run` starts, without faults; its journal and its recording go to
    --data-dir, where nothing may be yet. `replay` with the same --data-dir does the rest.

    A signal ends it in good order: what was lived until then is a whole recording.

    Exit code 1 when the house ended before its time or the recording has holes.
    """
    known = loaded(config_file, extra, given)
    config, folder = known.config, data_directory(known)
    _refuse_what_cannot_be(config, folder)
    try:
        lived = _live(config, folder, span_s(for_), step_s)
    except HistoryRefused as error:
        fail(f"--for {for_}: {error}")
    except StoreRefused as error:
        fail(str(error))
    except HouseDied as error:
        fail(f"the house ended before its time: {error}", _NOT_WHOLE)
    if as_json:
        click.echo(msgspec.json.encode(lived))
    else:
        _tell(lived, folder)
    if lived.missed:
        fail(f"{lived.missed} messages could not be recorded", _NOT_WHOLE)


def _refuse_what_cannot_be(config: Config, folder: Path) -> None:
    if config.venue is not Venue.SIMULATED:
        fail(f"--venue {config.venue}: only the simulated market can be lived in virtual time")
    for name in (DATABASE_NAME, FILE_NAME):
        if (folder / name).exists():
            fail(f"{folder / name} is there already; name a new folder with --data-dir")


def _live(config: Config, folder: Path, for_s: float, step_s: float) -> Lived:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    hides = not console.is_terminal
    progress = Progress(*columns, console=console, transient=True, disable=hides)
    with progress, _signals() as signals:
        task = progress.add_task("recording", total=for_s)
        day = Day(config, folder, step_s=step_s)
        return day.live(
            for_s,
            lambda lived_s: progress.update(task, completed=lived_s),
            lambda: bool(signals),
        )


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Give a list of the signals that came and would have ended the process."""
    came: list[int] = []
    asked = (signal.SIGINT, signal.SIGTERM)
    before = {one: signal.signal(one, lambda given, _frame: came.append(given)) for one in asked}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(lived: Lived, folder: Path) -> None:
    hours, mb = lived.virtual_s / 3600, 1e6
    click.echo(
        f"{folder}: {hours:.4g} h of market in {lived.took_s:,.0f} s, {lived.cpu_s:,.0f} s of CPU\n"
        f"{lived.steps:,} messages, {lived.orders:,} orders, {lived.fills:,} fills; "
        f"recording {lived.recorded_bytes / mb:,.1f} MB, journal {lived.journal_bytes / mb:,.1f} MB"
    )
