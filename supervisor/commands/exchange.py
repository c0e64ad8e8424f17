"""`python -m supervisor exchange`: the simulated Gate exchange, on its own."""

import json
import sqlite3
import sys
from pathlib import Path

import click

from adapters.simulated.faults import catalogue_rows, help_text
from adapters.simulated.options import (
    DEMO_KEY,
    DEMO_SECRET,
    ExchangeOptions,
    parse_account,
    parse_switches,
)
from adapters.simulated.scenarios import parse_scenario, scenario_help, scenario_rows
from state.errors import ConfigurationInvalid, StoreRefused

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes any free port.")
@click.option("--pairs", default=None, help="Such as BTC_USDT,ETH_USDT.")
@click.option("--seed", type=int, default=1, show_default=True, help="Gives the whole market.")
@click.option("--tape", type=_FILE, default=None, help="A recorded tape moves the first pair.")
@click.option(
    "--speed",
    type=click.FloatRange(0.01, 10_000),
    default=1.0,
    show_default=True,
    help="Seconds of market per second.",
)
@click.option("--key", default=DEMO_KEY, show_default=True, help="Key of the demo account.")
@click.option("--secret", default=DEMO_SECRET, show_default=True, help="Its secret.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME:KEY:SECRET:USDT=10000,BTC=0.1",
    help="An account instead of the demo one; may be repeated. "
    "`:fee=gt,stp=7,unified,rights=spot+account.read` after the balances: what it pays fees in, "
    "its self-trade group, unified mode, what its key may do.",
)
@click.option("--faults", type=_FILE, default=None, help="JSON or TOML; see --help-faults.")
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME[:PAIR][@START_S]",
    help="A day out of the ordinary; may be repeated; see --help-scenarios.",
)
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    help="How it answers what nobody knows of Gate; may be repeated.",
)
@click.option("--db", type=_FILE, default=None, help="Keeps orders and balances over restarts.")
@click.option("--rate-limits/--no-rate-limits", default=True, help="Refuse too many requests.")
@click.option(
    "--most-queued",
    type=click.IntRange(1, 10_000_000),
    default=5_000,
    show_default=True,
    help="WebSocket messages a client may be behind before it is cut off.",
)
@click.option("--exit-with-parent", is_flag=True, help="Stop when standard input ends.")
@click.option("--help-faults", is_flag=True, help="List the faults and leave.")
@click.option("--help-scenarios", is_flag=True, help="List the scenarios and leave.")
@click.option("--json", "as_json", is_flag=True, help="List them for a program.")
def exchange(  # noqa: PLR0913 - one argument for each option
    *,
    port: int,
    pairs: str | None,
    seed: int,
    tape: Path | None,
    speed: float,
    key: str,
    secret: str,
    accounts: tuple[str, ...],
    faults: Path | None,
    scenarios: tuple[str, ...],
    switches: tuple[str, ...],
    db: Path | None,
    rate_limits: bool,
    most_queued: int,
    exit_with_parent: bool,
    help_faults: bool,
    help_scenarios: bool,
    as_json: bool,
) -> None:
    """Serve a simulated Gate spot exchange until interrupted.

    When ready it prints one JSON line with its addresses and the key and secret of its first
    account.
    """
    if help_faults or help_scenarios:
        rows = catalogue_rows() if help_faults else scenario_rows()
        text = help_text() if help_faults else scenario_help()
        click.echo(json.dumps(rows) if as_json else text)
        return
    # Imported late: `--help` needs no web server.
    from adapters.simulated.server.process import run  # noqa: PLC0415

    try:
        listed = tuple(each for each in (pairs or "").split(",") if each)
        opened = tuple(map(parse_account, accounts))
        options = ExchangeOptions(
            port=port,
            pairs=listed,
            seed=seed,
            tape=tape,
            speed=speed,
            accounts=opened,
            demo_key=key,
            demo_secret=secret,
            faults=faults,
            scenarios=tuple(map(parse_scenario, scenarios)),
            switches=parse_switches(switches),
            db=db,
            rate_limits=rate_limits,
            most_queued=most_queued,
            exit_with_parent=exit_with_parent,
        )
        run(options, sys.stdout)
    except (ConfigurationInvalid, StoreRefused) as problem:
        click.echo(f"exchange: {problem}", err=True)
        sys.exit(2)
    except (OSError, sqlite3.Error) as problem:
        click.echo(f"exchange: stopped by the system: {problem}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    exchange()
