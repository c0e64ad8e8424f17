"""`python -m supervisor run`: the house, until told otherwise."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from adapters.allocator import share_one_arena
from state.errors import ConfigurationInvalid, GatehouseError, StoreBusy
from supervisor.commands.options import fail, loaded, settings

NOT_READY = 3


@click.command()
@settings
def run(config_file: Path | None, extra: tuple[str, ...], **given: Any) -> None:
    """Run the house until SIGINT or SIGTERM; a second signal ends it at once.

    With no option, no file and no network it trades against a simulated exchange that starts with
    it. Exit codes: 0 ok, 1 failed, 2 bad usage or configuration, 3 another process is in the way.
    """
    configuration = loaded(config_file, extra, given)
    share_one_arena()
    # Imported late: a bad setting is told at once.
    from supervisor.application import Application  # noqa: PLC0415

    try:
        code = Application(configuration).run()
    except ConfigurationInvalid as error:
        fail(str(error))
    except StoreBusy as error:
        fail(str(error), NOT_READY)
    except GatehouseError as error:
        fail(str(error), 1)
    if code:
        # What did not end may be in native code, which aborts an interpreter that ends around it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
