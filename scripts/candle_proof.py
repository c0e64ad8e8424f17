#!/usr/bin/env python3
"""Roll up every recorded candle and compare with the larger one the exchange itself told.

Reads `../shared/data` beside the checkout; takes a minute or two. Exit codes: 0 all agree; 1 a bar
differs, each is listed; 3 there are no recordings.
"""

import json
import sys

import environment  # isort: skip # noqa: F401 (first: it brings the project's own environment)
import click

from scripts.proofs.candles import COMPARISONS, SHARED, TRADES, from_trades, rolled
from state.messages.market import Timeframe

NOTHING = 3


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print facts for a program.")
def main(*, as_json: bool) -> None:
    """Compare every recorded candle, rolled up, with the exchange's own larger one."""
    if not (SHARED / TRADES).is_file():
        click.echo(f"candle_proof: no recordings in {SHARED}", err=True)
        sys.exit(NOTHING)
    facts = []
    for file, whose, way in COMPARISONS:
        facts.append((f"{whose}, {' -> '.join(way)}", *rolled(SHARED, file, way)))
    facts += [
        (f"XRPETH, trades -> {timeframe.value}", *from_trades(SHARED, timeframe))
        for timeframe in (Timeframe.M1, Timeframe.M5)
    ]
    if as_json:
        click.echo(json.dumps([{"what": a, "bars": b, "differ": c} for a, b, c in facts]))
    else:
        for what, bars, told in facts:
            click.echo(f"{what:<45} {bars:>8,} bars  {len(told)} differ")
            for one in told:
                click.echo(f"  {one}")
    sys.exit(1 if any(told for _, _, told in facts) else 0)


if __name__ == "__main__":
    main()
