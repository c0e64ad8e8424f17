"""`python -m supervisor replay`: recorded actors live again, with their settings or others."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from adapters.recording import FILE_NAME, Recording, RecordingUnreadable, read_recordings
from state.config import Config, changed
from state.errors import ConfigurationInvalid, StoreRefused
from state.messages.orders import DecisionMade
from state.store import DATABASE_NAME, open_reader
from state.values import NS_PER_S
from supervisor.commands.options import fail, loaded, settings
from supervisor.data_directory import data_directory
from supervisor.replay import Comparison, Verification, concerns_traders, verify, what_if

NOTHING = 3
NOT_THE_SAME = 1
_TIME = "2026-11-28, 2026-11-28T17:30, or 90m, 12h, 7d ago"


class _Named(msgspec.Struct, frozen=True):
    decision_id: str


@click.command()
@settings
@click.option(
    "--from", "from_", default="", help=f"From when, UTC: {_TIME}. Default: all there is."
)
@click.option("--to", default="", help="Until when; the same forms. Default: now.")
@click.option("--verify", "verifies", is_flag=True, help="The default, spelt out.")
@click.option(
    "--fee-bps",
    type=click.FloatRange(0, 1000),
    default=20.0,
    show_default=True,
    help="The taker's fee that --set counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def replay(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    from_: str,
    to: str,
    verifies: bool,
    fee_bps: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Have traders and the risk guard live again, from the recording of the data directory.

    Every decision is held against the one of that time, byte for byte, and the first that differs
    is named with the member that does. With --set the traders decide under other settings beside
    those they had, both under one plain model of fills, which the output states. The risk guard is
    not asked: a setting that no trader knows, such as a limit of risk, is refused.

    Exit code 1 when a decision came out otherwise, 3 when there is no recording of that time.
    """
    folder = data_directory(loaded(config_file, (), given))
    changes = dict(one.partition("=")[::2] for one in extra)
    now_ns = time.time_ns()
    if changes and verifies:
        fail("--verify holds a recording as it was; leave --set out, or --verify")
    window = (_when(from_, now_ns, 0), _when(to, now_ns, now_ns))
    try:
        recordings = read_recordings(folder / FILE_NAME, *window)
        if not recordings:
            fail(f"{folder / FILE_NAME}: nothing was recorded in that time", NOTHING)
        if changes:
            fee = Decimal(str(fee_bps)) / 10_000
            sys.exit(_compare(recordings, changes, window, fee, as_json=as_json))
        sys.exit(_verify(recordings, folder, window, as_json=as_json))
    except RecordingUnreadable as error:
        fail(str(error), NOTHING)
    except (StoreRefused, ConfigurationInvalid) as error:
        fail(str(error))


def _verify(
    recordings: list[Recording], folder: Path, window: tuple[int, int], *, as_json: bool
) -> int:
    reader = open_reader(folder / DATABASE_NAME)
    try:
        rows = [payload for _, payload in reader.payloads(DecisionMade)]
    finally:
        reader.close()
    journalled = {msgspec.json.decode(row, type=_Named).decision_id: row for row in rows}
    began = time.monotonic()
    with _progress() as progress:
        found = [
            verify(one, journalled, window, _advance(progress, one, window)) for one in recordings
        ]
    took_s = time.monotonic() - began
    same = not any(one.divergences for one in found)
    if as_json:
        facts = {"same": same, "took_s": round(took_s, 3), "processes": msgspec.to_builtins(found)}
        click.echo(json.dumps(facts))
    else:
        _show(found, took_s)
    return 0 if same else NOT_THE_SAME


def _show(found: list[Verification], took_s: float) -> None:
    console = Console()
    table = Table("process", "lives", "messages", "proposals", "decisions", "differ")
    for one in found:
        table.add_row(
            one.process,
            f"{one.lives:,}",
            f"{one.messages:,}",
            f"{one.proposals:,}",
            f"{one.decisions:,}",
            str(len(one.divergences)) if one.divergences else "none",
        )
    console.print(table)
    for one in found:
        for note in one.notes:
            console.print(f"note: process {one.process}: {note}", markup=False)
        if one.divergences:
            first = one.divergences[0]
            at = datetime.fromtimestamp(first.at_ns / NS_PER_S, UTC).isoformat(" ", "milliseconds")
            console.print(
                f"first: {at} {first.actor} {first.decision_id}: {first.member or 'all of it'}\n"
                f"  recorded {first.recorded or 'nothing'}\n"
                f"  replayed {first.replayed or 'nothing'}",
                markup=False,
            )
    messages = sum(one.messages for one in found)
    rate = messages / took_s if took_s else 0.0
    console.print(f"{messages:,} messages in {took_s:.1f} s, {rate:,.0f} a second")


def _compare(
    recordings: list[Recording],
    changes: dict[str, str],
    window: tuple[int, int],
    fee: Decimal,
    *,
    as_json: bool,
) -> int:
    found: list[tuple[Recording, Comparison]] = []
    with _progress() as progress:
        for one in recordings:
            was = msgspec.json.decode(one.config, type=Config)
            config = changed(was, changes)
            for key, value in changes.items():
                if not concerns_traders(was, changed(was, {key: value})):
                    fail(f"--set {key}: no trader knows that setting, so nothing would change")
            advance = _advance(progress, one, window)
            found.append((one, what_if(one, config, window, fee, advance)))
    if as_json:
        facts = [
            {"process": one.process, **msgspec.to_builtins(comparison)} for one, comparison in found
        ]
        click.echo(json.dumps(facts))
        return 0
    console = Console()
    table = Table(title=", ".join(f"{key}={value}" for key, value in changes.items()))
    for column in ("process", "pair", "settings", "entries", "exits", "fees", "profit", "held"):
        table.add_column(column, justify="right" if column not in ("pair", "settings") else "left")
    for one, comparison in found:
        for pair in comparison.pairs:
            for name, outcome in (("recorded", pair.recorded), ("changed", pair.changed)):
                table.add_row(
                    one.process,
                    pair.pair,
                    name,
                    str(outcome.entries),
                    str(outcome.exits),
                    f"{outcome.fees:.4f}",
                    f"{outcome.profit:+.4f}",
                    f"{outcome.held:f}",
                )
            told = f"same {pair.same}, only recorded {pair.only_recorded}, only changed"
            table.add_row("", "", f"{told} {pair.only_changed}", end_section=True)
    console.print(table)
    console.print(found[0][1].note, markup=False)
    return 0


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _advance(progress: Progress, one: Recording, window: tuple[int, int]) -> Any:
    last_ns = min(one.ended_ns, window[1])
    task = progress.add_task(f"process {one.process}", total=max(1, last_ns - one.began_ns))

    def advance(now_ns: int) -> None:
        progress.update(task, completed=now_ns - one.began_ns)

    return advance


def _when(text: str, now_ns: int, default_ns: int) -> int:
    """Return an instant that was written down; a bad one ends the command."""
    if not text:
        return default_ns
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86_400}.get(text[-1])
    if unit is not None and text[:-1].isdigit():
        return now_ns - int(text[:-1]) * unit * NS_PER_S
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no time; expected {_TIME}")
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
