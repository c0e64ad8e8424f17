#!/usr/bin/env python3
"""Show the health of a running Gatehouse: `python scripts/status.py [--json] [--watch]`.

Exit codes: 0 ready and every actor runs, 1 something is wrong, 3 nothing runs.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import environment  # isort: skip (first: it brings the project's own environment)
import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from adapters.admin_client import AdminClient, AdminError
from state.errors import NotRunning

OK, WRONG, NOTHING = 0, 1, 3
EVERY_S = 1.0
_STYLES = {
    "running": "green",
    "live": "green",
    "ready": "bold green",
    "starting": "yellow",
    "syncing": "yellow",
    "paused": "yellow",
    "draining": "yellow",
    "disabled": "dim",
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the socket as it is.")
@click.option("--watch", is_flag=True, help="Go on showing it, every second, until interrupted.")
@click.option("--data-dir", default=None, help="As given to `run`.")
@click.option("--venue", default="simulated", show_default=True)
@click.option("--supervisors", is_flag=True, help="Show the supervisors too.")
def main(
    *, as_json: bool, watch: bool, data_dir: str | None, venue: str, supervisors: bool
) -> None:
    """Show every actor, its restarts and its mailbox, and every pair's book."""
    path = environment.place(data_dir, venue) / "admin.sock"
    try:
        if watch and not as_json:
            sys.exit(_watch(path, supervisors=supervisors))
        status = _ask(path)
        while True:
            if as_json:
                click.echo(json.dumps(status))
            else:
                _console().print(_page(status, supervisors=supervisors))
            if not watch:
                sys.exit(OK if is_well(status) else WRONG)
            time.sleep(EVERY_S)
            status = _ask(path)
    except NotRunning as error:
        click.echo(f"status: {error}", err=True)
        sys.exit(NOTHING)
    except AdminError as error:
        click.echo(f"status: {error}", err=True)
        sys.exit(WRONG)


def is_well(status: dict[str, Any]) -> bool:
    """Return whether the house is ready and everybody runs."""
    states = {actor["state"] for actor in status["actors"]}
    return status["session"] == "ready" and states <= {"running", "disabled"}


def _ask(path: Path) -> dict[str, Any]:
    with AdminClient(path) as client:
        answer: dict[str, Any] = client.call("status", {}, timeout_s=5.0)
    return answer


def _console() -> Console:
    """A terminal says how wide it is; a file or a pipe takes whole lines."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _watch(path: Path, *, supervisors: bool) -> int:
    with Live(console=Console(), auto_refresh=False, screen=True) as live:
        try:
            while True:
                status = _ask(path)
                live.update(_page(status, supervisors=supervisors), refresh=True)
                time.sleep(EVERY_S)
        except KeyboardInterrupt:
            return OK if is_well(status) else WRONG


def _page(status: dict[str, Any], *, supervisors: bool) -> Group:
    return Group(_head(status), _pairs(status["pairs"]), _actors(status["actors"], supervisors))


def _head(status: dict[str, Any]) -> Text:
    equity, health = status["equity"], status["health"]
    text = Text.assemble(
        "Gatehouse  ",
        (status["session"], _STYLES.get(status["session"], "bold red")),
        f"  {status['reason']}" if status["reason"] else "",
        f"  venue {status['venue']}  up {status['uptime_s']:.0f} s\n",
    )
    if equity is not None:
        text.append(
            f"equity {equity['equity']} {equity['currency']} = start {equity['start']}"
            f" + flows {equity['flows']} + realised {equity['realised']}"
            f" + unrealised {equity['unrealised']} - fees {equity['fees']}"
            f"  (difference {equity['difference']})\n"
        )
    if health is not None:
        offset = health["clock_offset_ms"]
        text.append(
            f"cpu {health['cpu_percent']:.0f} %  memory {health['rss_bytes'] / 2**20:.0f} MB"
            f"  threads {health['threads']}  files {health['fds']}  restarts {health['restarts']}"
            f"  clock offset {'unknown' if offset is None else f'{offset:+.1f} ms'}\n"
        )
    return text


def _pairs(pairs: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("pair", "book", "mid", "spread bps", "age ms", "position"):
        table.add_column(column, justify="left" if column in ("pair", "book") else "right")
    for pair in pairs:
        table.add_row(
            pair["pair"],
            Text(pair["book"], style=_STYLES.get(pair["book"], "bold red")),
            _shown(pair["mid"]),
            _shown(pair["spread_bps"]),
            _shown(pair["last_event_age_ms"]),
            pair["position"],
        )
    return table


def _actors(actors: list[dict[str, Any]], supervisors: bool) -> Table:  # noqa: FBT001
    table = Table(box=None, pad_edge=False)
    right = ("life", "restarts", "handled", "waiting", "oldest ms", "dropped", "snapshot s")
    for column in ("actor", "state", *right, "last error"):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for actor in actors:
        if actor["kind"] == "Supervisor" and not supervisors and actor["state"] == "running":
            continue
        mailbox = actor["mailbox"]
        table.add_row(
            actor["address"],
            Text(actor["state"], style=_STYLES.get(actor["state"], "bold red")),
            str(actor["incarnation"]),
            str(actor["restarts"]),
            f"{actor['handled']:,}",
            str(mailbox["control"] + mailbox["data"]),
            f"{mailbox['oldest_ms']:.0f}",
            str(mailbox["dropped"]),
            _shown(actor["snapshot_age_s"]),
            actor["last_error"][:60],
        )
    return table


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:,}"


if __name__ == "__main__":
    main()
