"""What a house costs at 2 pairs and at 50, at rest and trading: memory, threads, files, processor.

Each house has an exchange of its own, as after `scripts/run`, and is watched first at rest (paused:
every stream is followed, nothing is traded), then trading as often as it can.
"""

import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from actors.operations.health_monitor import slope_per_hour
from adapters.simulated.catalogue import CATALOGUE
from scripts.benchmarks.figures import Figure
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS, House, NotSoon

MINUTES = 5.0
SAMPLE_EVERY_S = 2.0
SLOPE_MAX_MB_H = 1.0
ENDS_WITHIN_S = 5.0
MB = 1e6
SIZES = (2, 50)


@dataclass
class Cost:
    """One process over one stretch of time."""

    process: psutil.Process
    began_s: float = field(default_factory=time.monotonic)
    rss: list[tuple[float, float]] = field(default_factory=list)
    threads: int = 0
    fds: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cpu_s = self._cpu()

    def sample(self) -> None:
        """Look at it once."""
        self.rss.append((time.monotonic(), float(self.process.memory_info().rss)))
        self.threads = max(self.threads, self.process.num_threads())
        self.fds.append(self.process.num_fds())

    @property
    def cpu_percent(self) -> float:
        """Of one processor, over the whole stretch."""
        return 100 * (self._cpu() - self._cpu_s) / (time.monotonic() - self.began_s)

    @property
    def slope_mb_h(self) -> float:
        """Over the second half: the first is warming up."""
        return slope_per_hour(self.rss[len(self.rss) // 2 :]) / MB

    def _cpu(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


@dataclass
class Health:
    """The worst that the status showed over one stretch of time."""

    oldest_ms: float = 0.0
    depth: int = 0
    dropped: int = 0
    restarts: int = 0
    not_live: int = 0
    """Looks at which some book was not live."""
    slowest_ms: float = 0.0
    """Longest that the status took to be answered."""

    def look(self, house: House) -> None:
        """Ask for the status once."""
        asked_s = time.monotonic()
        status = house.status()
        if status is None:
            return
        self.slowest_ms = max(self.slowest_ms, (time.monotonic() - asked_s) * 1000)
        for actor in status["actors"]:
            mailbox = actor["mailbox"]
            self.oldest_ms = max(self.oldest_ms, mailbox["oldest_ms"])
            self.depth = max(self.depth, mailbox["control"] + mailbox["data"])
        self.dropped = sum(actor["mailbox"]["dropped"] for actor in status["actors"])
        self.restarts = sum(actor["restarts"] for actor in status["actors"])
        self.not_live += any(pair["book"] != "live" for pair in status["pairs"])


def measure(minutes: float = MINUTES) -> list[Figure]:
    """Measure every size, `minutes` at rest and as long trading."""
    return [figure for pairs in SIZES for figure in _measured(pairs, minutes)]


def _measured(pairs: int, minutes: float) -> list[Figure]:
    listed = [pair for pair in CATALOGUE if pair.endswith("_USDT")][:pairs]
    assert len(listed) == pairs, f"the exchange knows only {len(listed)} pairs"
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gatehouse-footprint-") as folder:
        options = ["--pairs", ",".join(listed)]
        settings = [*ACTIVE, *SHORT_WINDOWS, "risk.exposure_notional_max=1000000"]
        with House(Path(folder), settings=settings, options=options) as house:
            ready_s = house.until_ready(120)
            house.call("pause", reason="the benchmark watches it at rest")
            figures.append(
                Figure(f"{pairs} pairs, start to READY", ready_s, "s", target="<= 3 s at 2 pairs")
            )
            figures += _watched(house, f"{pairs} pairs, at rest", minutes)
            house.call("resume")
            before, began_s = house.fills(), time.monotonic()
            figures += _watched(house, f"{pairs} pairs, trading", minutes)
            rate = (house.fills() - before) / (time.monotonic() - began_s)
            figures.append(Figure(f"{pairs} pairs, trading: fills", rate * 60, "/min"))
            database = sum(path.stat().st_size for path in house.folder.glob("gatehouse.db*"))
            figures.append(Figure(f"{pairs} pairs: database", database / MB, "MB"))
            code = house.terminate()
            figures.append(Figure(f"{pairs} pairs: exit code", code, "", target="0", met=code == 0))
    return figures


def _watched(house: House, what: str, minutes: float) -> list[Figure]:
    child = house.exchange_pid()
    costs = {"house": Cost(psutil.Process(house.pid)), "exchange": Cost(psutil.Process(child))}
    health = Health()
    until_s = time.monotonic() + minutes * 60
    while time.monotonic() < until_s:
        house.stays(SAMPLE_EVERY_S)
        for name, cost in costs.items():
            try:
                cost.sample()
            except psutil.NoSuchProcess:
                house.stays(ENDS_WITHIN_S)  # When it was the house, this tells its last words.
                raise NotSoon(f"the {name} has ended: {house.said()[-4000:]}") from None
        health.look(house)
    return [
        *(figure for name, cost in costs.items() for figure in _of_cost(f"{what}: {name}", cost)),
        *_of_health(what, health),
    ]


def _of_cost(what: str, cost: Cost) -> list[Figure]:
    is_house = what.endswith("house")
    slope = cost.slope_mb_h
    half = cost.fds[len(cost.fds) // 2 :]
    figures = [
        Figure(f"{what}, RSS", cost.rss[-1][1] / MB, "MB"),
        Figure(f"{what}, CPU", cost.cpu_percent, "% of one core"),
    ]
    if not is_house:
        return figures
    return [
        *figures,
        Figure(
            f"{what}, RSS slope",
            slope,
            "MB/h",
            target=f"< {SLOPE_MAX_MB_H:g} MB/h once warm",
            met=slope < SLOPE_MAX_MB_H,
            note="least squares over the second half of the time",
        ),
        Figure(f"{what}, threads", cost.threads, ""),
        Figure(
            f"{what}, files",
            half[-1],
            "",
            target="no growth",
            met=statistics.median(half[len(half) // 2 :])
            <= statistics.median(half[: len(half) // 2]) + 2,
        ),
    ]


def _of_health(what: str, health: Health) -> list[Figure]:
    def figure(name: str, value: float, unit: str, most: float) -> Figure:
        return Figure(
            f"{what}: {name}", value, unit, target=f"<= {most:g} {unit}".strip(), met=value <= most
        )

    return [
        figure("oldest mail", health.oldest_ms, "ms", 1000),
        figure("deepest mailbox", health.depth, "messages", 1000),
        figure("mail dropped", health.dropped, "", 0),
        figure("restarts", health.restarts, "", 0),
        figure("looks with a book not live", health.not_live, "", 0),
        Figure(f"{what}: slowest status", health.slowest_ms, "ms"),
    ]
