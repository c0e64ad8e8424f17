"""Find the fewest faults that still show a failure.

Delta debugging: leave out halves, then quarters, and so on down to single faults, as long as the
same oracle is still violated.

Source: Zeller and Hildebrandt (2002), "Simplifying and isolating failure-inducing input".
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from supervisor.simulation.faults import Fault
from supervisor.simulation.options import Options
from supervisor.simulation.report import Report
from supervisor.simulation.run import Simulation


class Shrunk:
    """What came of it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        """Of the smallest run that fails."""
        self.runs = 0


def _run(options: Options, faults: Sequence[Fault]) -> Report:
    return Simulation(options, faults).run()


def shrink(
    options: Options,
    faults: Sequence[Fault],
    oracle: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    run: Callable[[Options, Sequence[Fault]], Report] = _run,
) -> Shrunk | None:
    """Return the smallest run found that still violates `oracle`; None when this one does not.

    Args:
        options: Of the run that failed.
        faults: What went wrong in it.
        oracle: What did not hold.
        progress: Called with the runs made and the faults left.
        run: How a run is made.
    """
    first = run(options, faults)
    if first.oracle != oracle:
        return None
    shrunk = Shrunk(first)

    def fails(candidate: Options, some: Sequence[Fault]) -> bool:
        report = run(candidate, some)
        shrunk.runs += 1
        if progress is not None:
            progress(shrunk.runs, len(some))
        if report.oracle != oracle:
            return False
        shrunk.report = report
        return True

    left = _fewest(list(faults), lambda some: fails(options, some))
    # A shorter stretch with faults is easier to read.
    for share in (0.25, 0.5, 0.75):
        shorter = replace(options, faulty_s=round(options.faulty_s * share, 3))
        if fails(shorter, left):
            break
    return shrunk


def _fewest(faults: list[Fault], fails: Callable[[list[Fault]], bool]) -> list[Fault]:
    size = max(1, len(faults) // 2)
    while faults:
        at, was = 0, len(faults)
        while at < len(faults):
            fewer = faults[:at] + faults[at + size :]
            if fails(fewer):
                faults = fewer
            else:
                at += size
        if size == 1 and len(faults) == was:
            break
        size = max(1, size // 2)
    return faults
