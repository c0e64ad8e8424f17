#!/usr/bin/env python3
"""One small order's whole life at Gate's testnet: `GATEHOUSE_TESTNET=1 scripts/smoke.py`.

It needs a testnet key without permission to withdraw in GATE_API_KEY and GATE_API_SECRET, or in
files named by GATE_API_KEY_FILE and GATE_API_SECRET_FILE. The order rests far from the market and
is cancelled again: nothing is bought and nothing stays behind. `--venue simulated` does the very
same at a simulated exchange, by default one of its own, and needs nothing.

Exit codes: 0 all went well, 1 a step failed, 2 bad usage or configuration, 3 not asked for: no
GATEHOUSE_TESTNET, or no key.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import environment  # isort: skip # noqa: F401 (first: it brings the project's own environment)
import click
import msgspec

from adapters.gate.signing import Credentials
from adapters.log_lines import Redactor
from adapters.simulated.options import DEMO_KEY, DEMO_SECRET
from scripts.proofs.processes import Exchange
from scripts.proofs.smoke import Step, smoke
from state.config import Config, Secret, endpoints, load
from state.errors import ConfigurationInvalid
from state.values import Venue
from supervisor.worlds.visit import visit

FAILED, BAD, NOT_ASKED = 1, 2, 3
OPT_IN = "GATEHOUSE_TESTNET"
_KEYS = ("GATE_API_KEY", "GATE_API_KEY_FILE")


@click.command()
@click.option(
    "--venue",
    type=click.Choice([Venue.TESTNET.value, Venue.SIMULATED.value]),
    default=Venue.TESTNET.value,
    show_default=True,
)
@click.option("--exchange-url", default=None, help="A simulated exchange that already runs.")
@click.option("--pair", default="BTC_USDT", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a step.")
def main(*, venue: str, exchange_url: str | None, pair: str, as_json: bool) -> None:
    """Place one order, see it everywhere, amend and cancel it; print what was said."""
    if venue == Venue.TESTNET.value:
        _check_asked_for()
    with _exchange(venue, exchange_url) as url:
        config = _config(venue, url, pair)
        credentials = _credentials(config)
        redactor = Redactor((credentials.key.reveal(), credentials.secret.reveal()))

        def tell(step: Step) -> None:
            told = msgspec.structs.replace(step, told=redactor.clean(step.told))
            click.echo(json.dumps(msgspec.to_builtins(told)) if as_json else _line(told))

        where = endpoints(config)
        assert where is not None, "a simulated exchange without an address was started here"
        visited = visit(where, credentials, config.pairs[0])
        try:
            went_well = smoke(visited, config.pairs[0], tell)
        finally:
            visited.close()
    sys.exit(0 if went_well else FAILED)


def _check_asked_for() -> None:
    if os.environ.get(OPT_IN) != "1":
        _fail(f"set {OPT_IN}=1 to place an order at the testnet", NOT_ASKED)
    if not any(os.environ.get(name) for name in _KEYS):
        _fail("no testnet key: set GATE_API_KEY and GATE_API_SECRET", NOT_ASKED)


@contextlib.contextmanager
def _exchange(venue: str, url: str | None) -> Iterator[str | None]:
    """Give where to go; a simulated exchange is started where none is named."""
    if venue != Venue.SIMULATED.value or url is not None:
        yield url
        return
    with (
        tempfile.TemporaryDirectory(prefix="gatehouse-smoke-") as folder,
        Exchange(Path(folder), keeps=False) as own,
    ):
        yield own.url


def _config(venue: str, url: str | None, pair: str) -> Config:
    environ = {name: value for name, value in os.environ.items() if name != OPT_IN}
    wanted = {"venue": venue, "pairs": pair}
    try:
        return load(None, environ, wanted if url is None else wanted | {"exchange_url": url}).config
    except ConfigurationInvalid as error:
        _fail(str(error), BAD)
        raise


def _credentials(config: Config) -> Credentials:
    secrets = config.secrets
    if secrets.gate_api_key is not None and secrets.gate_api_secret is not None:
        return Credentials(key=secrets.gate_api_key, secret=secrets.gate_api_secret)
    return Credentials(key=Secret(DEMO_KEY), secret=Secret(DEMO_SECRET))


def _line(step: Step) -> str:
    return (
        f"{'ok' if step.ok else 'FAILED':<7} {step.step:<15} {step.took_ms:>8.1f} ms  {step.told}"
    )


def _fail(message: str, code: int) -> None:
    click.echo(f"smoke: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
