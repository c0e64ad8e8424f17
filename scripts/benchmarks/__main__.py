"""`python -m scripts.benchmarks PART`: measure one part and print its figures."""

import gc
import sys
from collections.abc import Callable

import click

from scripts.benchmarks import (
    exchange,
    footprint,
    gate,
    hidden_orders,
    indicators,
    kernel,
    market,
    market_pairs,
    minds,
    orders,
    risk,
    stop,
)
from scripts.benchmarks.figures import Figure, show

PARTS: dict[str, Callable[[float, int | None], list[Figure]]] = {
    "exchange": lambda _minutes, _trials: exchange.measure(),
    "footprint": lambda minutes, _trials: footprint.measure(minutes),
    "gate": lambda _minutes, _trials: gate.measure(),
    "hidden": lambda _minutes, _trials: hidden_orders.measure(),
    "indicators": lambda _minutes, _trials: indicators.measure(),
    "kernel": lambda _minutes, _trials: kernel.measure(),
    "minds": lambda _minutes, _trials: minds.measure(),
    "market": lambda _minutes, _trials: market.measure(),
    "orders": lambda _minutes, trials: orders.measure(trials or orders.SINGLE),
    "pairs": lambda _minutes, _trials: market_pairs.table(),
    "risk": lambda _minutes, _trials: risk.measure(),
    "stop": lambda _minutes, trials: stop.measure(trials or stop.TRIALS),
}
PEERS = {
    "exchange": exchange.PEER,
    "gate": gate.PEER,
    "indicators": indicators.PEER,
    "kernel": "stock pykka",
    "market": market.PEER,
}
"""What a part is compared with."""


@click.command()
@click.argument("part", type=click.Choice(sorted(PARTS)))
@click.option("--json", "as_json", is_flag=True, help="Print figures for a program.")
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 1440),
    default=footprint.MINUTES,
    show_default=True,
    help="How long `footprint` watches each state.",
)
@click.option(
    "--trials",
    type=click.IntRange(1, 1_000_000),
    default=None,
    help=f"How many emergency stops `stop` tries ({stop.TRIALS}), or orders `orders` "
    f"({orders.SINGLE}).",
)
@click.option("--check", is_flag=True, help="Exit 1 when a target is not met.")
def main(part: str, *, as_json: bool, minutes: float, trials: int | None, check: bool) -> None:
    """Measure PART: `footprint` as processes, the others beside what they stand on or replace."""
    gc.freeze()  # As the house does before it trades.
    figures = PARTS[part](minutes, trials)
    show(part, figures, as_json=as_json, peer=PEERS.get(part, ""))
    if check and any(figure.met is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
