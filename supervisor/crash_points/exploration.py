"""Every crash of a scripted day. Each is tried in a copy of the process as it is at that instant.

`fork` copies the house in the middle of a handler, a transaction, a request. The copy is struck,
begins its next life, lets the day come to its end and says what did not hold; the house itself goes
on to the next instant as if nothing had happened. A copy strikes itself again in its next life.
"""

import gc
import os
import sys
import traceback
import zlib
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from state.messages.accounts import PositionChanged
from state.messages.journal import Journaled, Record, Recorded
from state.messages.orders import ApprovedOrder, CancelOrder, OrderProposed
from state.messages.venue import CancelPlaced, FetchOrder, OrderReport, TradeReport
from supervisor.crash_points.house import Cast, House, Struck
from supervisor.crash_points.instants import ENDS_LIFE, WIRE, Blow, Fate, Flight, Site
from supervisor.crash_points.scenarios import Scenario

RECOVERY = 37
_PROCESS = frozenset({Fate.KILL, Fate.POWER})
"""After these nothing is left of the process, so what it had in memory makes no difference."""
PAIRED_WITHIN = 400
"""Instants of the next life in which it may be struck again: they hold its first 40 steps, the
whole recovery, and the end of what was under way."""
_MONEY = (
    OrderProposed,
    ApprovedOrder,
    CancelOrder,
    Record,
    Recorded,
    Journaled,
    PositionChanged,
    OrderReport,
    TradeReport,
)
"""Messages whose sending has an instant of its own for a crash of the process."""


Pair = tuple[int, int, Fate, Fate]
"""Two points of the order protocol, and how the house was struck at each."""


class Plan(Struct, frozen=True, kw_only=True):
    """Which crashes to try."""

    seed: int = 0
    """Of the choice among them."""
    share: float = 1.0
    """Of all single crashes."""
    pairs: float = 0.0
    """Of all second crashes after one that was tried."""
    each_pair: bool = False
    """Besides, of second crashes: each two points with each two fates there, once."""
    only: tuple[Blow, ...] = ()
    """Exactly these blows, one after the other, and nothing else."""
    most: int | None = None
    """Of all cases; None for no bound."""
    until_caught: bool = False
    """Whether the first violation ends it."""
    jobs: int = 1
    """Copies at work at a time."""
    fates: tuple[Fate, ...] = tuple(Fate)
    first: tuple[Fate, ...] = ()
    """Of the first blow; empty: any of `fates`."""
    sites: tuple[Site, ...] = ()
    """Where the first blow falls; empty: anywhere."""
    skip: int = 0
    """Instants of the first life that are let pass."""


class Case(Struct, frozen=True, kw_only=True):
    """One way the day went."""

    scenario: str
    blows: tuple[str, ...]
    points: tuple[tuple[int, ...], ...]
    """Where the house stood at each blow."""
    sites: tuple[str, ...]
    violations: tuple[str, ...]
    is_same: bool = False
    """Not run: it leaves the very disk, exchange and time that a case before it has left."""

    @property
    def path(self) -> str:
        """How to try it again: `place:137=kill,52=power-1`."""
        return f"{self.scenario}:{','.join(self.blows)}"

    @property
    def pairs(self) -> set[Pair]:
        """The pairs of points that it tried, where it was struck twice."""
        if len(self.blows) < 2:
            return set()
        first, second = self.points
        return pairs_of(
            first, set(second) - {RECOVERY}, *(Blow.of(text).fate for text in self.blows)
        )


def explore(scenario: Scenario, plan: Plan, cast: Cast | None = None) -> list[Case]:
    """Return every case of `scenario` that `plan` wants, the undisturbed day first."""
    gc.collect()
    gc.freeze()  # What is here already need not be copied because its counts are touched.
    try:
        return _Explorer(scenario, plan).run(cast)
    finally:
        gc.unfreeze()


class _Explorer:
    """The blows of one process, and of the copies it makes of itself."""

    def __init__(self, scenario: Scenario, plan: Plan) -> None:
        self._scenario = scenario
        self._plan = plan
        self._blows: tuple[Blow, ...] = ()
        self._points: tuple[tuple[int, ...], ...] = ()
        self._sites: tuple[str, ...] = ()
        self._out: int | None = None
        """Where a copy reports; None in the process that everything began in."""
        self._copies: list[tuple[int, int]] = []
        self._cases: list[Case] = []
        self._begun = 0
        self._paired: set[Pair] = set()
        """Pairs that were tried, by copies that are over as well."""
        self._tried: set[Any] = set()
        """What was left by the ends of this life that were tried: equal remains, equal lives."""

    def run(self, cast: Cast | None) -> list[Case]:
        try:
            house = House(self._scenario, self.strike, cast)
            house.finish()
        except BaseException:
            if self._out is not None:
                self._report([f"harness: {traceback.format_exc()}"])
            raise
        if self._out is not None:
            self._report(house.violations)
        while self._copies:
            self._collect()
        return [self._case(house.violations), *self._cases]

    def strike(self, house: House, site: Site, what: Any) -> None:
        """Try each blow of this instant in a copy."""
        depth = len(self._blows)
        if depth >= 2 or (depth == 1 and house.instants > PAIRED_WITHIN):
            return
        if not depth and self._plan.sites and site not in self._plan.sites:
            return
        for blow in self._possible(house, site, what):
            if not (self._wanted(blow) or self._is_new_pair(house, blow, site, what)):
                continue
            left = (blow.fate, blow.back, house.survives())
            if blow.fate in _PROCESS and left in self._tried:
                self._cases.append(self._same(house, blow, site, what))
                continue
            self._tried.add(left)
            if self._branch(house, blow, site, what):
                return  # One blow an instant: the copy goes on from here.

    def _possible(self, house: House, site: Site, what: Any) -> Iterator[Blow]:
        at = house.instants
        if site is Site.HANDLE or site is Site.SEND:
            yield Blow(at=at, fate=Fate.CRASH)
        if site is Site.HANDLE or (site is Site.SEND and not isinstance(what, _MONEY)):
            return  # Nothing that survives a crash has changed since the instant before.
        yield Blow(at=at, fate=Fate.KILL)
        unsynced = len(house.stage.platter.unsynced) - 1
        for back in sorted({1, unsynced // 2, unsynced} - {0} if unsynced > 0 else ()):
            yield Blow(at=at, fate=Fate.POWER, back=back)
        if site is Site.HANDED and _matters(what):
            if what.changes_orders:
                yield Blow(at=at, fate=Fate.TORN)
            for fate in WIRE:
                yield Blow(at=at, fate=fate)

    def _wanted(self, blow: Blow) -> bool:
        plan, depth = self._plan, len(self._blows)
        if plan.until_caught and any(case.violations for case in self._cases):
            return False
        if plan.most is not None and self._begun >= plan.most:
            return False
        if plan.only:
            return depth < len(plan.only) and blow == plan.only[depth]
        share = plan.pairs if depth else plan.share
        fates = plan.fates if depth else plan.first or plan.fates
        if blow.fate not in fates or not share or (not depth and blow.at <= plan.skip):
            return False
        name = f"{plan.seed}:{self._scenario.name}:{self._blows}:{blow}"
        return zlib.crc32(name.encode()) < share * 2**32

    def _is_new_pair(self, house: House, blow: Blow, site: Site, what: Any) -> bool:
        if not (self._plan.each_pair and self._blows and blow.fate in self._plan.fates):
            return False
        second = _points(house, blow, site, what)
        pairs = pairs_of(self._points[0], second, self._blows[0].fate, blow.fate)
        is_new = not pairs <= self._paired
        self._paired |= pairs
        return is_new

    def _branch(self, house: House, blow: Blow, site: Site, what: Any) -> bool:
        """Strike a copy; return whether this is the copy, struck and alive."""
        while len(self._copies) >= self._plan.jobs:
            self._collect()
        self._begun += 1
        sys.stdout.flush()
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid:
            os.close(theirs)
            self._copies.append((pid, ours))
            return False
        os.close(ours)
        self._out, self._copies, self._cases = theirs, [], []
        self._suffer(house, blow, site, what)
        if blow.fate in ENDS_LIFE:
            self._live_on(house, blow)
        if blow.fate is Fate.CRASH:
            raise Struck(str(blow))
        house.stage.strike(blow.fate)
        return True

    def _suffer(self, house: House, blow: Blow, site: Site, what: Any) -> None:
        """Note a blow and where the house stood."""
        points = _points(house, blow, site, what)
        if self._blows:
            points |= {RECOVERY}
        self._tried = set()
        self._blows += (blow,)
        self._points += (tuple(sorted(points)),)
        who = house.who if site in (Site.HANDLE, Site.SEND) else ""
        self._sites += (" ".join(filter(None, (site, _told(what), who))),)

    def _same(self, house: House, blow: Blow, site: Site, what: Any) -> Case:
        """Return the case of a blow that leaves just what one before it has left."""
        kept = self._tried, self._blows, self._points, self._sites
        self._suffer(house, blow, site, what)
        case = msgspec.structs.replace(self._case([]), is_same=True)
        self._tried, self._blows, self._points, self._sites = kept
        return case

    def _live_on(self, house: House, blow: Blow) -> NoReturn:
        """Begin the next life on top of the one that has ended, and never return to that."""
        try:
            house.end_life(blow)
            plan = self._plan
            house.armed = bool(plan.pairs or plan.each_pair or len(plan.only) > 1)
            house.finish()
            violations = house.violations
        except BaseException:  # noqa: BLE001 (told as what did not hold)
            violations = [f"harness: {traceback.format_exc()}"]
        self._report(violations)

    def _report(self, violations: list[str]) -> NoReturn:
        try:
            while self._copies:
                self._collect()
            told = memoryview(msgspec.json.encode([self._case(violations), *self._cases]))
            assert self._out is not None
            while told:
                told = told[os.write(self._out, told) :]
        finally:
            os._exit(0)

    def _collect(self) -> None:
        """Take the report of the oldest copy."""
        pid, out = self._copies.pop(0)
        told = bytearray()
        while part := os.read(out, 1 << 16):
            told += part
        os.close(out)
        os.waitpid(pid, 0)
        if told:
            cases = msgspec.json.decode(told, type=list[Case])
            self._cases += cases
            self._paired.update(*(case.pairs for case in cases))
        else:
            self._cases.append(self._case(["harness: a copy ended without a word"]))

    def _case(self, violations: list[str]) -> Case:
        return Case(
            scenario=self._scenario.name,
            blows=tuple(map(str, self._blows)),
            points=self._points,
            sites=self._sites,
            violations=tuple(violations),
        )


def _points(house: House, blow: Blow, site: Site, what: Any) -> set[int]:
    """Return where in the order protocol the house stands when it is struck."""
    points = set(house.points(site, what))
    return points - {7} | {8} if blow.fate is Fate.TORN else points


def pairs_of(first: Iterable[int], second: Iterable[int], one: Fate, other: Fate) -> set[Pair]:
    """Return each point of the first blow with each of the second."""
    return {(before, after, one, other) for before, after in product(first, second)}


def _matters(flight: Flight) -> bool:
    return flight.changes_orders or isinstance(flight.request, CancelPlaced | FetchOrder)


def _told(what: Any) -> str:
    if isinstance(what, Flight):
        return type(what.request).__name__
    if isinstance(what, Journaled):
        return f"Journaled {type(what.event).__name__}"
    return "" if what is None else type(what).__name__
