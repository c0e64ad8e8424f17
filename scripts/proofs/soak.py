"""A house that trades for a long time at an exchange that misbehaves now and then.

Spells of a few faults at a time, chosen from a seed out of the whole catalogue, with calm between
them. Watched meanwhile: memory, sockets, books, mail. Compared at the end: every order, fill and
balance.
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import psutil
from msgspec import Struct

from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.faults import FaultName
from scripts.benchmarks.footprint import MB, SAMPLE_EVERY_S, Cost, Health
from scripts.proofs.agreement import Agreement, agreement
from scripts.proofs.faults import WHOLE_S, come_to_rest, is_whole
from scripts.proofs.processes import ACTIVE, SHORT_WINDOWS, Exchange, House

_SPELL_S = 10.0
_CALM_S = 10.0
_AT_ONCE = 3
_SETTINGS = (*ACTIVE, *SHORT_WINDOWS, "risk.exposure_notional_max=1000000")


class Plan(Struct, frozen=True, kw_only=True):
    """How long, how wide, which chance."""

    pairs: int = 20
    minutes: float = 60.0
    seed: int = 1
    strikes: int = 5
    """Most strikes of one fault in one spell."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What was seen, and what did not hold."""

    plan: Plan
    struck: dict[str, int]
    """Strikes by fault."""
    ready_s: float
    rss_mb: tuple[float, float]
    """At the first look and at the last."""
    slope_mb_h: float
    """Of the memory, least squares over the second half."""
    cpu_percent: float
    threads: int
    files: tuple[int, int]
    reconnects: int
    books: dict[str, int]
    """Gaps, resyncs, comparisons, mismatches, polls."""
    restarts: int
    dropped: int
    oldest_mail_ms: float
    whole_share: float
    """Of the looks."""
    longest_broken_s: float
    agreement: Agreement
    findings: tuple[str, ...]


class Sight(Struct, frozen=True, kw_only=True):
    """One look meanwhile."""

    at_s: float
    whole: bool
    rss_mb: float
    faults: tuple[str, ...]


def soak(folder: Path, plan: Plan, told: Callable[[Sight], None] = lambda _sight: None) -> Outcome:
    """Run the plan in `folder`, which is empty and keeps everything.

    Args:
        folder: Where.
        plan: What.
        told: Called with each look.
    """
    pairs = ",".join([pair for pair in CATALOGUE if pair.endswith("_USDT")][: plan.pairs])
    with (
        Exchange(folder, pairs=pairs) as exchange,
        House(
            folder / "house", exchange=exchange, settings=_SETTINGS, options=["--pairs", pairs]
        ) as house,
    ):
        ready_s = house.until_ready(120)
        watch = _Watch(house, exchange, plan)
        watch.run(told)
        house.until(lambda: is_whole(house), WHOLE_S, "whole after the last spell")
        books = house.call("metrics")["books"]
        come_to_rest(house)
        agreed = agreement(exchange.url, house.database)
        code = house.terminate()
    findings = agreed.findings if code == 0 else (*agreed.findings, f"ended with code {code}")
    return watch.outcome(ready_s, books, agreed, findings)


class _Watch:
    """Spells, looks and counts."""

    def __init__(self, house: House, exchange: Exchange, plan: Plan) -> None:
        self._house = house
        self._exchange = exchange
        self._plan = plan
        self._chance = Random(f"soak/{plan.seed}")  # noqa: S311 - spells, from a seed
        self._struck = Counter[str]()
        self._cost = Cost(psutil.Process(house.pid))
        self._health = Health()
        self._sockets = self._opened()
        self._looks = self._whole = 0
        self._broken_since_s: float | None = None
        self._longest_s = 0.0
        self._reconnects, self._cpu_percent = 0, 0.0

    def run(self, told: Callable[[Sight], None]) -> None:
        """Let spell follow spell until the time is over."""
        until_s = time.monotonic() + self._plan.minutes * 60
        while time.monotonic() < until_s:
            faults = self._chance.sample(list(FaultName), _AT_ONCE)
            self._exchange.control("faults", [self._order(fault) for fault in faults])
            self._look_for(min(_SPELL_S, until_s - time.monotonic()), faults, told)
            for armed in self._exchange.control("faults"):
                self._struck[armed["fault"]] += armed["struck"]
            self._exchange.control("faults", [])
            self._look_for(min(_CALM_S, until_s - time.monotonic()), [], told)
        # The processes are asked while they are there.
        self._reconnects = self._opened() - self._sockets
        self._cpu_percent = self._cost.cpu_percent

    def _order(self, fault: FaultName) -> dict[str, Any]:
        return {"fault": fault.value, "probability": 0.05, "most": self._plan.strikes}

    def _look_for(
        self, duration_s: float, faults: list[FaultName], told: Callable[[Sight], None]
    ) -> None:
        until_s = time.monotonic() + duration_s
        while time.monotonic() < until_s:
            self._house.stays(SAMPLE_EVERY_S)
            self._cost.sample()
            self._health.look(self._house)
            whole = is_whole(self._house)
            self._count(whole)
            rss_mb = self._cost.rss[-1][1] / MB
            at_s = time.monotonic() - self._cost.began_s
            told(Sight(at_s=at_s, whole=whole, rss_mb=rss_mb, faults=tuple(faults)))

    def _count(self, whole: bool) -> None:  # noqa: FBT001 - what was seen, not a way to be called
        now_s = time.monotonic()
        self._looks += 1
        self._whole += whole
        if whole:
            self._broken_since_s = None
            return
        self._broken_since_s = self._broken_since_s or now_s
        self._longest_s = max(self._longest_s, now_s - self._broken_since_s)

    def _opened(self) -> int:
        return int(self._exchange.control("status")["connected"])

    def outcome(
        self,
        ready_s: float,
        books: dict[str, int],
        agreed: Agreement,
        findings: tuple[str, ...],
    ) -> Outcome:
        """Return all that was seen."""
        cost, health = self._cost, self._health
        return Outcome(
            plan=self._plan,
            struck=dict(sorted(self._struck.items())),
            ready_s=ready_s,
            rss_mb=(cost.rss[0][1] / MB, cost.rss[-1][1] / MB),
            slope_mb_h=cost.slope_mb_h,
            cpu_percent=self._cpu_percent,
            threads=cost.threads,
            files=(cost.fds[0], cost.fds[-1]),
            reconnects=self._reconnects,
            books=books,
            restarts=health.restarts,
            dropped=health.dropped,
            oldest_mail_ms=health.oldest_ms,
            whole_share=self._whole / self._looks,
            longest_broken_s=self._longest_s,
            agreement=agreed,
            findings=findings,
        )
