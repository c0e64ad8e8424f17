"""The options that name settings, shared by the commands that read the configuration."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from state.config import Loaded, load
from state.errors import ConfigurationInvalid

F = TypeVar("F", bound=Callable[..., Any])
BAD_USAGE = 2

_SETTINGS: tuple[tuple[str, str, str], ...] = (
    ("--venue", "venue", "simulated, testnet or live."),
    ("--pairs", "pairs", "What to trade: BTC_USDT,ETH_USDT."),
    ("--data-dir", "data_dir", "Folder of all that is kept."),
    ("--exchange-url", "exchange_url", "A simulated exchange that already runs."),
    ("--dashboard", "dashboard", "HOST:PORT of the web page, or off."),
    ("--duration", "duration_s", "Stop by itself after so many seconds."),
    ("--seed", "seed", "Seed of everything random."),
    ("--log-level", "log.level", "trace, debug, info, warning, error or critical."),
    ("--log-format", "log.format", "human or json."),
)


def settings(command: F) -> F:
    """Give a click command the options of `run`, and `--set` for every other setting."""
    decorated = click.option(
        "--set",
        "extra",
        multiple=True,
        metavar="KEY=VALUE",
        help="Any other setting, such as risk.order_notional_max=100; may be repeated.",
    )(command)
    for flag, key, text in reversed(_SETTINGS):
        decorated = click.option(flag, _name(key), default=None, help=text)(decorated)
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="A TOML file; `config show --default` prints one.",
    )(decorated)


def loaded(config_file: Path | None, extra: tuple[str, ...], given: dict[str, Any]) -> Loaded:
    """Return the configuration, or end the process with what there is to mend and code 2."""
    options = {key: given[_name(key)] for _, key, _ in _SETTINGS if given[_name(key)] is not None}
    for text in extra:
        key, equals, value = text.partition("=")
        if not equals:
            fail(f"--set {text}: expected KEY=VALUE")
        options[key.strip()] = value.strip()
    try:
        return load(config_file, os.environ, options)
    except ConfigurationInvalid as error:
        fail(str(error))


def fail(message: str, code: int = BAD_USAGE) -> NoReturn:
    """Say what is wrong on the standard error and end with `code`."""
    click.echo(f"gatehouse: {message}", err=True)
    sys.exit(code)


def _name(key: str) -> str:
    return "setting_" + key.replace(".", "_")
