#!/usr/bin/env python3
"""Show the health of a running Gatehouse: `scripts/status.py [--json] [--watch]`.

Exit codes: 0 ready and every actor runs, 1 something is wrong, 3 nothing runs.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
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
from state.values import Venue

OK, WRONG, NOTHING, INTERRUPTED = 0, 1, 3, 130
EVERY_S = 1.0
PAGE_WIDTH = 160
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
@click.option("--data-dir", envvar="GATEHOUSE_DATA_DIR", default=None, help="As given to `run`.")
@click.option(
    "--venue",
    type=click.Choice([venue.value for venue in Venue]),
    envvar="GATEHOUSE_VENUE",
    default=Venue.SIMULATED.value,
    show_default=True,
)
@click.option("--supervisors", is_flag=True, help="Show the supervisors too.")
def main(
    *, as_json: bool, watch: bool, data_dir: str | None, venue: str, supervisors: bool
) -> None:
    """Show every actor, its restarts and its mailbox, and every pair's book."""
    path = environment.place(data_dir, venue) / "admin.sock"
    show = _as_json if as_json else partial(_as_page, supervisors=supervisors)
    try:
        status = _ask(path)
        if watch and not as_json and Console().is_terminal:
            status = _on_screen(path, status, supervisors=supervisors)
        else:
            show(status)
            if watch:
                status = _on_and_on(path, status, show)
    except NotRunning as error:
        click.echo(f"status: {error}", err=True)
        sys.exit(NOTHING)
    except AdminError as error:
        click.echo(f"status: {error}", err=True)
        sys.exit(WRONG)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)  # Before anything was known.
    sys.exit(OK if is_well(status) else WRONG)


def is_well(status: dict[str, Any]) -> bool:
    """Return whether the house is ready and everybody runs."""
    states = {actor["state"] for actor in status["actors"]}
    return status["session"] == "ready" and states <= {"running", "disabled"}


def _ask(path: Path) -> dict[str, Any]:
    with AdminClient(path) as client:
        answer: dict[str, Any] = client.call("status", {}, timeout_s=5.0)
    return answer


def _as_json(status: dict[str, Any]) -> None:
    click.echo(json.dumps(status))


def _as_page(status: dict[str, Any], *, supervisors: bool) -> None:
    console = Console()
    # A terminal says how wide it is; a file or a pipe takes whole lines.
    console = console if console.is_terminal else Console(width=PAGE_WIDTH)
    console.print(_page(status, supervisors=supervisors))


def _on_and_on(
    path: Path, status: dict[str, Any], show: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Go on showing until interrupted; return the last status seen."""
    try:
        while True:
            time.sleep(EVERY_S)
            status = _ask(path)
            show(status)
    except KeyboardInterrupt:
        return status


def _on_screen(path: Path, status: dict[str, Any], *, supervisors: bool) -> dict[str, Any]:
    with Live(console=Console(), auto_refresh=False, screen=True) as live:

        def show(status: dict[str, Any]) -> None:
            live.update(_page(status, supervisors=supervisors), refresh=True)

        show(status)
        return _on_and_on(path, status, show)


def _page(status: dict[str, Any], *, supervisors: bool) -> Group:
    pairs, actors = _pairs(status["pairs"]), _actors(status["actors"], supervisors)
    return Group(_head(status), pairs, "", actors)


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
        if "realised_fifo" in equity:
            text.append(
                f"first in, first out: realised {equity['realised_fifo']}"
                f", unrealised {equity['unrealised_fifo']}"
                f"  (difference {equity['difference_fifo']})\n"
            )
    advisor = status.get("advisor")
    if advisor is not None and advisor["provider"] != "off":
        rules = ", budget used up: rules only" if advisor["rules_only"] else ""
        last = ", ".join(f"{pair} {code}" for pair, code in advisor["last"].items())
        text.append(
            f"advisor {advisor['label']}, in {advisor['authority']}{rules}; last {last}"
            f"; {advisor['usd_today']} USD today\n"
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
    for column in ("pair", "book", "mid", "spread bps", "age ms", "position", "cover", "stop"):
        table.add_column(column, justify="left" if column in ("pair", "book") else "right")
    for pair in pairs:
        table.add_row(
            pair["pair"],
            _book(pair),
            _shown(pair["mid"]),
            _shown(pair["spread_bps"]),
            _shown(pair["last_event_age_ms"]),
            pair["position"],
            _cover(pair),
            _stop(pair["protection"]),
        )
    return table


def _cover(pair: dict[str, Any]) -> Text:
    """Say how a position is protected: at the exchange too, here only, or for how long not."""
    state, protection = pair["cover"], pair["protection"]
    if state == "uncovered":
        return Text(f"uncovered {pair['uncovered_s']:.0f} s", style="bold red")
    if state == "covered" and protection["why"]:
        where = "here only" if protection["watched"] else "exchange only"
        return Text(f"covered, {where}", style="yellow")
    return Text(state, style="green" if state == "covered" else "")


def _stop(protection: dict[str, Any]) -> str:
    if protection.get("stop") is None:
        return ""
    distance = protection["stop_distance_bps"]
    away = "" if distance is None else f" ({distance:+.0f} bps)"
    return f"{float(protection['stop']):.8g}{away}"


def _book(pair: dict[str, Any]) -> Text:
    if pair["degraded"]:
        return Text(f"{pair['book']}, polled", style="yellow")
    return Text(pair["book"], style=_STYLES.get(pair["book"], "bold red"))


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
    if isinstance(value, float):
        value = float(f"{value:.12g}")  # 65,009.649999999994 is 65,009.65 and binary noise.
    return "" if value is None else f"{value:,}"


if __name__ == "__main__":
    main()
