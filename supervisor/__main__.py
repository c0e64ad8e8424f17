"""`python -m supervisor`: the command line. Without a sub-command it runs the house."""

import importlib
import os
import sys

import click

from supervisor.version import VERSION

COMMANDS = (
    "run",
    "exchange",
    "advisor",
    "advisor-stub",
    "analyse",
    "backtest",
    "config",
    "data",
    "doctor",
    "replay",
    "risk",
    "simulate",
    "watchdog",
)
"""Each names a module in `supervisor.commands`, imported only when it is asked for."""


class _Commands(click.Group):
    """Finds commands by name; options in the place of one belong to `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        # Read when numpy and uvloop begin: our matrices are small, and names are looked up seldom.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        os.environ.setdefault("UV_THREADPOOL_SIZE", "2")
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"supervisor.commands.{name}")
        command: click.Command = getattr(module, name)
        return command


@click.group(cls=_Commands)
@click.version_option(VERSION, prog_name="gatehouse")
def main() -> None:
    """Gatehouse: a supervised actor system that trades spot on Gate.io."""


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m supervisor"))
