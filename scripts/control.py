#!/usr/bin/env python3
"""Call any method of the admin socket: `scripts/control.py METHOD [key=value …]`.

Prints the result as JSON, exit code 0; an error goes to the standard error, exit code 1; 3 when
nothing runs. `subscribe topics=session,orders` prints what is pushed, one JSON object a line, until
interrupted.
"""

import json
import sys
from typing import Any, NoReturn

import environment  # isort: skip (first: it brings the project's own environment)
import click

from adapters.admin_client import AdminClient, AdminError
from state.errors import NotRunning
from state.values import Venue

OK, REFUSED, NOTHING, INTERRUPTED = 0, 1, 3, 130
TIMEOUT_S = 20.0


@click.command()
@click.argument("method")
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data-dir", envvar="GATEHOUSE_DATA_DIR", default=None, help="As given to `run`.")
@click.option(
    "--venue",
    type=click.Choice([venue.value for venue in Venue]),
    envvar="GATEHOUSE_VENUE",
    default=Venue.SIMULATED.value,
    show_default=True,
)
def main(method: str, parameters: tuple[str, ...], data_dir: str | None, venue: str) -> None:
    """Call METHOD; true, false, null, lists and objects are sent as JSON, all else as text."""
    path = environment.place(data_dir, venue) / "admin.sock"
    params = dict(_pair(text) for text in parameters)
    try:
        with AdminClient(path) as client:
            if method == "subscribe":
                _follow(client, str(params.get("topics", "session")).split(","))
            click.echo(json.dumps(client.call(method, params, timeout_s=TIMEOUT_S), indent=2))
    except NotRunning as error:
        click.echo(f"control: {error}", err=True)
        sys.exit(NOTHING)
    except AdminError as error:
        click.echo(f"control: {error}", err=True)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _follow(client: AdminClient, topics: list[str]) -> NoReturn:
    try:
        for topic, payload in client.subscribe(topics):
            click.echo(json.dumps({"topic": topic, "payload": payload}))
    except KeyboardInterrupt:
        pass  # The way to end it.
    sys.exit(OK)


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r}: expected KEY=VALUE")
    # Not numbers: a trade id is one, and its zeros count.
    if value in _WORDS or value.startswith(("[", "{", '"')):
        try:
            return key, json.loads(value)
        except json.JSONDecodeError:
            pass
    return key, value


_WORDS = ("true", "false", "null")


if __name__ == "__main__":
    main()
