#!/usr/bin/env python3
"""Try the house under each fault of the exchange: `python scripts/fault_table.py [--write]`.

Exit codes: 0 whole again after each and nothing lost; 1 anything else.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import environment  # isort: skip # noqa: F401 (first: it brings the project's own environment)
import click
import msgspec

from adapters.simulated.faults import CATALOGUE, FaultName
from scripts.proofs.faults import BEGIN, END, PAGE, TRIALS, Result, try_faults

_WORDS = (
    ("fills", "booked {} fills"),
    ("unknown", "asked what became of {} unanswered orders"),
    ("not_placed", "proved {} of them absent"),
    ("rejected", "took {} refusals"),
    ("reconnects", "opened {} sockets anew"),
    ("gaps", "found {} gaps"),
    ("resyncs", "built {} books anew"),
    ("polls", "fetched {} books over REST meanwhile"),
    ("mismatches", "found {} books to differ from REST"),
    ("alerts", "raised {} alerts"),
)
_AT_ONCE_S = 0.1


@click.command()
@click.option("--write", is_flag=True, help=f"Put the table into {PAGE.name}.")
@click.option("--json", "as_json", is_flag=True, help="Print the results for a program.")
@click.option("--only", multiple=True, type=click.Choice([one.value for one in FaultName]))
def main(*, write: bool, as_json: bool, only: tuple[str, ...]) -> None:
    """Run a house at an exchange, let each fault strike it, and say what came of it."""
    if write and only:
        raise click.UsageError("--write needs every fault, so leave --only out")
    trials = [trial for trial in TRIALS if not only or trial.fault.value in only]

    def tell(result: Result) -> None:
        click.echo(f"{result.fault}: whole after {result.whole_after_s:.2f} s", err=True)

    with tempfile.TemporaryDirectory(prefix="gatehouse-faults-") as folder:
        results = try_faults(Path(folder), trials, tell)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(results)))
    else:
        click.echo(table(results))
    if write:
        written = PAGE.read_text(encoding="utf-8")
        before, _, rest = written.partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")
    sys.exit(1 if any(result.findings for result in results) else 0)


def table(results: list[Result]) -> str:
    """Return the results as a table of Markdown."""
    lines = [
        "| fault | what the exchange does | struck | what the house did | whole again | lost |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        cells = (
            f"`{result.fault}`",
            CATALOGUE[FaultName(result.fault)].text,
            f"{result.struck} x" + (f" `{result.subject}`" if result.subject else ""),
            _in_words(result.did),
            "at once" if result.whole_after_s < _AT_ONCE_S else f"{result.whole_after_s:.1f} s",
            "; ".join(result.findings) or "nothing",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _in_words(did: dict[str, int]) -> str:
    told = ", ".join(text.format(did[name]) for name, text in _WORDS if did[name])
    return re.sub(r"\b1 ((?:\w+ )?\w+)s\b", r"1 \1", told) or "went on"


if __name__ == "__main__":
    main()
