"""`python -m supervisor data`: the database and the history, looked after while the house runs."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from state.config import Loaded
from state.errors import StoreRefused
from state.store import DATABASE_NAME, Reader, backup, inspect, open_reader, store_violations
from supervisor.commands import history
from supervisor.commands.data_plot import plot
from supervisor.commands.options import fail, loaded, settings
from supervisor.data_directory import data_directory

WRONG = 1
_JSON = click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")


@click.group()
def data() -> None:
    """Look after the database, which none of this changes, and after the market's history."""


for _command in (*history.COMMANDS, plot):
    data.add_command(_command)


@data.command()
@settings
@_JSON
def verify(
    config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any
) -> None:
    """Follow the journal's hashes from first to last, and compare the history with its checksums.

    Exit code 1 when a record does not follow from the one before, or when a file of history is
    not as its catalogue says; each is named.
    """
    configuration = loaded(config_file, extra, given)
    with history.opened(configuration) as store:
        there = store.folder.is_dir()
        rows, faults = store.verify() if there else (0, [])
    told: dict[str, Any] = {"ok": not faults}
    lines = [f"{fault.where}: {fault.what}" for fault in faults]
    if there:
        told["history"] = {"rows": rows, "faults": msgspec.to_builtins(faults)}
        lines.append(f"{store.folder}: {rows} rows are as their catalogues say")
    if not there or _database(configuration).exists():
        with _reader(config_file, extra, given) as (reader, path, _):
            records = reader.verify()
        told |= {"file": str(path), "records": records}
        lines.append(f"{path}: {records} records follow from one another")
    click.echo(json.dumps(told) if as_json else "\n".join(lines))
    if faults:
        raise SystemExit(WRONG)


@data.command()
@settings
@_JSON
def check(config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Verify, rebuild every table from the journal and compare, and test what must always hold.

    Exit code 1 when anything does not; each such thing is told.
    """
    with _reader(config_file, extra, given) as (reader, path, quote):
        violations = store_violations(reader, quote)
        last_seq = reader.last_seq()
    if as_json:
        told = {
            "ok": not violations,
            "file": str(path),
            "records": last_seq,
            "violations": msgspec.to_builtins(violations),
        }
        click.echo(json.dumps(told))
    else:
        for one in violations:
            click.echo(f"{one.name}: {one.detail}")
        what = f"{len(violations)} things do not hold" if violations else "everything holds"
        click.echo(f"{path}: {what}, up to record {last_seq}")
    if violations:
        raise SystemExit(WRONG)


@data.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@settings
@_JSON
def back_up(
    file: Path, config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any
) -> None:
    """Copy the database of this moment to FILE, which must not exist, and verify the copy."""
    with _reader(config_file, extra, given) as (reader, _, _):
        backup(reader.connection, file)
    with _refusals():
        seen = inspect(file)
    told = {"ok": True, "file": str(file), "records": seen.verified, "bytes": seen.size_bytes}
    shown = f"{file}: {seen.verified} records verified, {seen.size_bytes} bytes"
    click.echo(json.dumps(told) if as_json else shown)


@contextlib.contextmanager
def _reader(
    config_file: Path | None, extra: tuple[str, ...], given: dict[str, Any]
) -> Iterator[tuple[Reader, Path, Any]]:
    """Give the database of the configured venue, its path and its quote currency."""
    configuration = loaded(config_file, extra, given)
    path = _database(configuration)
    with _refusals():
        if not path.exists():
            raise StoreRefused(f"{path}: there is no database; the first start makes it")
        with contextlib.closing(open_reader(path)) as reader:
            yield reader, path, configuration.config.quote


def _database(configuration: Loaded) -> Path:
    return data_directory(configuration) / DATABASE_NAME


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except StoreRefused as error:
        fail(str(error), WRONG)
