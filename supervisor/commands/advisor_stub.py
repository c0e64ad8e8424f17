"""`python -m supervisor advisor-stub`: the language model service's stand-in, on its own."""

import json
import sys
from pathlib import Path

import click

from adapters.simulated.advisor.failures import failure_rows, failure_text, parse_script
from adapters.simulated.advisor.service import KEY
from state.errors import ConfigurationInvalid

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command("advisor-stub")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes any free port.")
@click.option("--seed", type=int, default=1, show_default=True, help="Gives all that it writes.")
@click.option(
    "--script",
    default="good",
    show_default=True,
    metavar="NAME,NAME",
    help="What it does, by turns, then from the start; see --help-failures.",
)
@click.option("--key", default=KEY, show_default=True, help="The one key it takes.")
@click.option(
    "--token-life",
    type=click.FloatRange(1, 864_000),
    default=3600.0,
    show_default=True,
    help="Seconds that tokens of the identity exchange live.",
)
@click.option(
    "--public-key", type=_FILE, default=None, help="PEM that signed tokens are verified with."
)
@click.option("--exit-with-parent", is_flag=True, help="Stop when standard input ends.")
@click.option("--help-failures", is_flag=True, help="List what it can do and leave.")
@click.option("--json", "as_json", is_flag=True, help="List it for a program.")
def advisor_stub(  # noqa: PLR0913 - one argument for each option
    *,
    port: int,
    seed: int,
    script: str,
    key: str,
    token_life: float,
    public_key: Path | None,
    exit_with_parent: bool,
    help_failures: bool,
    as_json: bool,
) -> None:
    """Serve a stub of the language model service until interrupted. It knows nothing of markets.

    When ready it prints one JSON line with its addresses and its key.
    """
    if help_failures:
        click.echo(json.dumps(failure_rows()) if as_json else failure_text())
        return
    # Imported late: `--help` needs no web server.
    from adapters.simulated.advisor.server import StubOptions, run  # noqa: PLC0415

    try:
        options = StubOptions(
            port=port,
            seed=seed,
            script=parse_script(script),
            key=key,
            token_life_s=token_life,
            public_key=None if public_key is None else public_key.read_text(),
            exit_with_parent=exit_with_parent,
        )
        run(options, sys.stdout)
    except ConfigurationInvalid as problem:
        click.echo(f"advisor-stub: {problem}", err=True)
        sys.exit(2)
    except OSError as problem:
        click.echo(f"advisor-stub: stopped by the system: {problem}", err=True)
        sys.exit(1)
