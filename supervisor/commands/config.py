"""`python -m supervisor config`: what is set, where it comes from, and whether it may be."""

import json
from pathlib import Path
from typing import Any

import click
import msgspec

from state.config import default_toml, shown
from supervisor.commands.options import loaded, settings


@click.group()
def config() -> None:
    """Show or check the configuration."""


@config.command()
@settings
@click.option("--origin", is_flag=True, help="Also where each value comes from.")
@click.option("--default", "as_default", is_flag=True, help="Print a file of all defaults.")
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def show(
    config_file: Path | None,
    extra: tuple[str, ...],
    *,
    origin: bool,
    as_default: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Print every setting; secrets only say whether they are set."""
    if as_default:
        click.echo(default_toml(), nl=False)
        return
    rows = shown(loaded(config_file, extra, given))
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(rows)))
        return
    lines = [("setting", "value", "unit", "origin")]
    lines += [(row.key, _told(row.value), row.unit, row.origin) for row in rows]
    shown_columns = range(4 if origin else 3)
    widths = [max(len(line[column]) for line in lines) for column in shown_columns]
    for line in lines:
        # Never folded, however narrow the terminal: it is made for grep as much as for eyes.
        cells = (line[column].ljust(widths[column]) for column in shown_columns)
        click.echo("  ".join(cells).rstrip())


def _told(value: Any) -> str:
    if value is None:
        return "not set"
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


@config.command()
@settings
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def check(config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any) -> None:
    """Exit 0 if the configuration can be used, else 2 and say what to mend."""
    venue = loaded(config_file, extra, given).config.venue
    click.echo(json.dumps({"ok": True, "venue": venue}) if as_json else "the configuration is good")
