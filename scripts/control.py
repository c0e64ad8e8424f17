#!/usr/bin/env python3
"""Call any method of the admin socket: `python scripts/control.py METHOD [key=value …]`.

Prints the result as JSON, exit code 0; an error goes to the standard error, exit code 1; 3 when
nothing runs. `subscribe topics=session,fills` prints notifications, one a line, until interrupted.
"""

import json
import sys
from typing import Any

import environment  # isort: skip (first: it brings the project's own environment)
import click

from adapters.admin_client import AdminClient, AdminError
from state.errors import NotRunning

OK, REFUSED, NOTHING = 0, 1, 3
TIMEOUT_S = 20.0


@click.command()
@click.argument("method")
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data-dir", default=None, help="As given to `run`.")
@click.option("--venue", default="simulated", show_default=True)
def main(method: str, parameters: tuple[str, ...], data_dir: str | None, venue: str) -> None:
    """Call METHOD; a value that is JSON is sent as such, everything else as text."""
    path = environment.place(data_dir, venue) / "admin.sock"
    params = dict(_pair(text) for text in parameters)
    try:
        with AdminClient(path) as client:
            if method == "subscribe":
                topics = str(params.get("topics", "session")).split(",")
                for topic, payload in client.subscribe(topics):
                    click.echo(json.dumps({"topic": topic, "payload": payload}))
                return
            click.echo(json.dumps(client.call(method, params, timeout_s=TIMEOUT_S), indent=2))
    except NotRunning as error:
        click.echo(f"control: {error}", err=True)
        sys.exit(NOTHING)
    except AdminError as error:
        click.echo(f"control: {error}", err=True)
        sys.exit(REFUSED)
    except KeyboardInterrupt:
        sys.exit(OK)


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r}: expected KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


if __name__ == "__main__":
    main()
