"""`python -m supervisor doctor`: whether the house could run here, and what to mend if not."""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec

from supervisor.commands.options import loaded, settings

WRONG = 1
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skipped": "bright_black"}


@click.command()
@settings
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def doctor(
    config_file: Path | None, extra: tuple[str, ...], *, as_json: bool, **given: Any
) -> None:
    """Look whether the house could run here, and say what to mend. Changes nothing.

    Takes at most five seconds. Exit codes: 0 all is well, 1 something is wrong, 2 bad usage or
    configuration.
    """
    began = time.monotonic()
    configuration = loaded(config_file, extra, given)
    # Imported late: a bad setting is told at once.
    from loguru import logger  # noqa: PLC0415

    from supervisor.doctor import Verdict, examine  # noqa: PLC0415

    logger.disable("adapters")  # What they would say is in the findings.
    findings = examine(configuration)
    wrong = [one for one in findings if one.verdict is Verdict.FAIL]
    if as_json:
        told = {"ok": not wrong, "took_s": round(time.monotonic() - began, 2), "checks": findings}
        click.echo(json.dumps(msgspec.to_builtins(told)))
    else:
        _show(findings)
    sys.exit(WRONG if wrong else 0)


def _show(findings: list[Any]) -> None:
    width = max(len(one.check) for one in findings)
    for one in findings:
        mark = click.style(f"{one.verdict.value:<8}", fg=_COLOURS[one.verdict.value])
        click.echo(f"{mark}{one.check:<{width}}  {one.found}")
        if one.mend:
            click.echo(f"{'':<{8 + width}}  mend: {one.mend}")
    counts = Counter(one.verdict.value for one in findings)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    click.echo(f"{len(findings)} checks: {told}")
