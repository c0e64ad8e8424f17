"""Many seeds: one after the other or over several processes, and what they came to together."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

import msgspec
from msgspec import Struct

from actors.kernel.virtual import Policy
from supervisor.simulation.options import Options
from supervisor.simulation.profiles import PROFILES
from supervisor.simulation.report import Report
from supervisor.simulation.run import Simulation
from supervisor.simulation.sightings import never_seen

SIGHTINGS_DUE = 500
"""Over so many seeds everything in the table has to be seen."""
_CHUNK = 8


class Wanted(Struct, frozen=True, kw_only=True):
    """How seeds are to be run."""

    profile: str
    policy: Policy | None = None
    faulty_s: float | None = None

    def options(self, seed: int) -> Options:
        """Return what `seed` means then."""
        profile = PROFILES[self.profile]
        return Options.of(seed, profile, policy=self.policy, faulty_s=self.faulty_s)


class Tally(Struct, kw_only=True):
    """What many runs came to."""

    seeds: int = 0
    steps: int = 0
    failed: int = 0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    sightings: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count one more run."""
        self.seeds += 1
        self.steps += report.steps
        self.failed += bool(report.violations)
        self.counts.update(report.counts)
        self.sightings.update(report.sightings)

    @property
    def missing(self) -> list[str]:
        """What had to be seen by now and was not."""
        return never_seen(self.sightings) if self.seeds >= SIGHTINGS_DUE else []


def run_seed(wanted: Wanted, seed: int) -> Report:
    """Run one seed."""
    return Simulation(wanted.options(seed)).run()


def run_seeds(wanted: Wanted, seeds: Iterable[int], jobs: int) -> Iterator[Report]:
    """Yield the report of each seed, in order, run by so many processes."""
    run = partial(run_seed, wanted)
    with _mapper(jobs) as mapped:
        yield from mapped(run, seeds)


@contextmanager
def _mapper(
    jobs: int,
) -> Iterator[Callable[[Callable[[int], Report], Iterable[int]], Iterator[Report]]]:
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield partial(pool.map, chunksize=_CHUNK)


def fingerprints(wanted: Wanted, seeds: range) -> dict[int, int]:
    """Return the fingerprint of each seed."""
    return {seed: run_seed(wanted, seed).fingerprint for seed in seeds}


def fingerprints_elsewhere(wanted: Wanted, seeds: range, hash_seed: int) -> dict[int, int]:
    """Return the same from another process, where sets and dictionaries hash otherwise."""
    command: Sequence[str] = (
        *(sys.executable, "-m", "supervisor", "simulate", "run", "--json"),
        *("--seeds", f"{seeds.start}:{seeds.stop}", "--profile", wanted.profile),
        *(() if wanted.policy is None else ("--policy", wanted.policy)),
        *(() if wanted.faulty_s is None else ("--until", str(wanted.faulty_s))),
    )
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(  # noqa: S603 (ourselves)
        command, env=environment, stdout=subprocess.PIPE, check=False
    )
    reports = [
        msgspec.json.decode(line, type=Report, strict=False) for line in done.stdout.splitlines()
    ]
    return {report.options.seed: report.fingerprint for report in reports}
