"""A failure as a file: everything it takes to see it again, on another machine, another day."""

from pathlib import Path

import msgspec
from msgspec import Struct

from state.errors import ConfigurationInvalid
from supervisor.simulation.faults import Fault
from supervisor.simulation.options import Options
from supervisor.simulation.report import Report


class Failure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was wrong with one run, and how to run it again."""

    seed: int
    version: str
    """Of Gatehouse, when it failed."""
    options: Options
    faults: tuple[Fault, ...]
    oracle: str
    """What did not hold."""
    violations: tuple[str, ...]
    step: int
    at_s: float
    """Virtual time, seconds."""
    fingerprint: int
    note: str = ""
    """What it was, once somebody knows."""
    deliveries: tuple[str, ...] = ()
    """The newest before the end."""


def failure_of(report: Report, version: str) -> Failure:
    """Return what a report of a failed run says."""
    return Failure(
        seed=report.options.seed,
        version=version,
        options=report.options,
        faults=tuple(report.faults),
        oracle=report.oracle,
        violations=tuple(report.violations),
        step=report.steps,
        at_s=report.at_s,
        fingerprint=report.fingerprint,
        deliveries=tuple(report.deliveries),
    )


def write_failure(failure: Failure, path: Path) -> None:
    """Write it so that people can read it too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(failure), indent=1) + b"\n")


def read_failure(path: Path) -> Failure:
    """Return the failure in a file.

    Raises:
        ConfigurationInvalid: If it cannot be read; the text names the file.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Failure)
    except OSError as problem:
        raise ConfigurationInvalid(f"{path}: {problem.strerror}") from None
    except msgspec.DecodeError as problem:
        raise ConfigurationInvalid(f"{path}: is no failure file: {problem}") from None
