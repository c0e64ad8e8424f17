"""One measured figure, and a table of them."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

JSON_US = 5.2
"""What `json` takes for such bytes on the machine that the targets are meant for: machines differ
by several times, and one machine from minute to minute, so each target is a ratio to that here."""


@dataclass(frozen=True)
class Figure:
    """What was measured, what it is compared with in the same run, and what it should be."""

    name: str
    value: float
    unit: str
    peer: float | None = None
    """The same on what we build on, measured in turn with ours."""
    target: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's."""
        return self.value / self.peer if self.peer else None


def median_of(times: int, measure: Callable[[], float]) -> float:
    """Return the median of several measurements."""
    return statistics.median(measure() for _ in range(times))


def in_turn(
    times: int, ours: Callable[[], float], peer: Callable[[], float]
) -> tuple[float, float]:
    """Measure two things alternately, so that a drifting machine drifts under both."""
    pairs = [(ours(), peer()) for _ in range(times)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def microseconds(times: int, deed: Callable[[], object]) -> list[float]:
    """Return how long each of so many deeds took, by the clock of this thread."""
    taken = []
    for _ in range(times):
        began = time.thread_time_ns()
        deed()
        taken.append((time.thread_time_ns() - began) / 1000)
    return taken


def share_of(name: str, taken_us: Sequence[float], share: float, most_us: float | None) -> Figure:
    """Return the figure below which `share` of all lie, and whether it is below `most_us`."""
    value = percentile(taken_us, share)
    met = None if most_us is None else value < most_us
    target = "" if most_us is None else f"< {most_us:g} us"
    return Figure(name=name, value=value, unit="us", target=target, met=met)


def held(name: str, value: float, alone: float, target_us: float) -> Figure:
    """Return a figure held against its target, on a slower machine as a ratio to `json` there."""
    most = target_us / JSON_US
    return Figure(
        name,
        value,
        "µs",
        alone,
        target=f"<= {target_us:g} µs, or {most:.2f} of json's",
        met=value <= max(target_us, most * alone),
        note=f"{target_us:g} µs where `json` takes {JSON_US:g} µs for the bytes alone",
    )


def show(title: str, figures: list[Figure], *, as_json: bool, peer: str) -> None:
    """Print the figures for a person or a program; `peer` names what they are compared with."""
    if as_json:
        print(json.dumps([{**asdict(f), "ratio": f.ratio} for f in figures]))
        return
    compared = (peer, "ratio") if any(figure.peer for figure in figures) else ()
    table = Table(title=title)
    for column in ("figure", "ours", *compared, "target", ""):
        table.add_column(column, justify="left" if column in ("figure", "target", "") else "right")
    for figure in figures:
        theirs = "" if figure.peer is None else f"{_plain(figure.peer)} {figure.unit}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(
            figure.name,
            f"{_plain(figure.value)} {figure.unit}".strip(),
            *((theirs, ratio) if compared else ()),
            figure.target,
            {True: "met", False: "[bold red]not met[/]", None: ""}[figure.met],
        )
    # A terminal says how wide it is; a file or a pipe takes whole lines.
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=120)
    console.print(table)
    for figure in figures:
        if figure.note:
            console.print(f"[dim]{figure.name}: {figure.note}[/]", soft_wrap=True)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
