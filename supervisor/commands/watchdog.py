"""`python -m supervisor watchdog`: look after the houses of a data directory, from outside."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from state.config import AfterKill, endpoints
from state.config.secret import secret_from_environment
from state.errors import ConfigurationInvalid
from state.values import Venue
from supervisor.commands.options import fail, loaded, settings
from supervisor.watchdog import KEY, OWN_KEY, OWN_SECRET, SECRET, Orders, watch


@click.command()
@settings
@click.option("--once", is_flag=True, help="End with the house that is there now.")
def watchdog(config_file: Path | None, extra: tuple[str, ...], *, once: bool, **given: Any) -> None:
    """Cancel the orders of a house that is gone or gives no sign of life; kill the latter first.

    A house starts one of its own; this one is for a service that the house's end cannot reach. It
    waits for the next house when one is gone. Credentials: GATE_WATCHDOG_API_KEY and
    GATE_WATCHDOG_API_SECRET, else those of the house. Exit codes: 0 nothing of ours rests, 1 it
    could not be cancelled, 2 bad usage or configuration.
    """
    configuration = loaded(config_file, extra, given)
    config, known = configuration.config, configuration.config.watchdog
    # Imported late: a bad setting is told at once.
    from supervisor.data_directory import data_directory  # noqa: PLC0415

    where = endpoints(config)
    orders = Orders(
        folder=data_directory(configuration),
        silence_s=known.silence_s,
        grace_s=known.grace_s,
        give_up_s=known.give_up_s,
        landing_s=config.orders.expiry_s + 1,
        stays_stopped=known.after_kill is AfterKill.STAY_STOPPED,
        follows=not once,
        rest="" if where is None else where.rest,
    )
    sys.exit(watch(orders, _credentials(config.venue)))


def _credentials(venue: Venue) -> dict[str, str]:
    found = {}
    for name in (OWN_KEY, OWN_SECRET, KEY, SECRET):
        try:
            secret = secret_from_environment(os.environ, name)
        except ConfigurationInvalid as error:
            fail(str(error))
        if secret is not None:
            found[name] = secret[0].reveal()
    if venue is Venue.SIMULATED and not found:
        # Imported late: where real keys are set, nothing of the simulation is needed.
        from adapters.simulated.options import DEMO_KEY, DEMO_SECRET  # noqa: PLC0415

        found = {KEY: DEMO_KEY, SECRET: DEMO_SECRET}
    return found
