"""`python -m scripts.benchmarks PART`: measure one part and print its figures."""

import sys

import click

from scripts.benchmarks import kernel
from scripts.benchmarks.figures import Figure, show

PARTS = {"kernel": kernel.measure}


@click.command()
@click.argument("part", type=click.Choice(sorted(PARTS)))
@click.option("--json", "as_json", is_flag=True, help="Print figures for a program.")
@click.option("--check", is_flag=True, help="Exit 1 when a target is not met.")
def main(part: str, *, as_json: bool, check: bool) -> None:
    """Measure PART, alternating with what it is built on; ratios of one run are what counts."""
    figures: list[Figure] = PARTS[part]()
    show(part, figures, as_json=as_json)
    if check and any(figure.met is False for figure in figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
