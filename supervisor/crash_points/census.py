"""What the cases come to: how often each point was hit, and what did not hold there. Pure."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from supervisor.crash_points.exploration import Case, Pair
from supervisor.crash_points.instants import ENDS_LIFE, WIRE, Blow, Fate
from supervisor.crash_points.points import POINTS, CrashPoint


class Row(Struct, kw_only=True):
    """One point."""

    number: int
    name: str
    elsewhere: str
    kill: int = 0
    """Single crashes of the process there, half-written requests included."""
    power: int = 0
    """Single power losses there that lose something a kill would not."""
    actor: int = 0
    """Single crashes of an actor there."""
    wire: int = 0
    """Requests and answers lost or late there."""
    pairs: int = 0
    """Second crashes there, of any kind."""
    violations: int = 0

    @property
    def hits(self) -> int:
        """How often it was hit in all."""
        return self.kill + self.power + self.actor + self.wire + self.pairs


class Facts(Struct, frozen=True, kw_only=True):
    """The census for programs."""

    points: list[Row]
    cases: dict[str, int]
    pairs_of_points: int
    """Different points one after the other, however the house was struck there."""
    violations: list[str]


class Census:
    """Counts cases."""

    def __init__(self) -> None:
        self._rows = {
            number: Row(number=number, name=point.name, elsewhere=point.elsewhere)
            for number, point in POINTS.items()
        }
        self._cases: Counter[str] = Counter()
        self._pairs: set[Pair] = set()
        self.violations: list[Case] = []

    def add(self, cases: Iterable[Case]) -> None:
        """Count `cases`."""
        for case in cases:
            fates = [Blow.of(text).fate for text in case.blows]
            kind = " then ".join(fates) if fates else "undisturbed"
            self._cases["equal to one of these" if case.is_same else kind] += 1
            if case.violations:
                self.violations.append(case)
            self._pairs |= case.pairs
            if fates:
                self._count(case, fates)

    def rows(self) -> list[Row]:
        """Return all points in order."""
        return list(self._rows.values())

    def missed(self) -> list[CrashPoint]:
        """Return the points that were never hit, those with a test of their own left out."""
        return [POINTS[row.number] for row in self.rows() if not row.hits and not row.elsewhere]

    def facts(self) -> Facts:
        """Return all of it."""
        violations = [f"{case.path}: {'; '.join(case.violations)}" for case in self.violations]
        return Facts(
            points=self.rows(),
            cases=dict(self._cases),
            pairs_of_points=len({(first, second) for first, second, *_ in self._pairs}),
            violations=violations,
        )

    def _count(self, case: Case, fates: list[Fate]) -> None:
        for number in case.points[-1]:
            row = self._rows[number]
            row.violations += bool(case.violations)
            if len(fates) > 1:
                row.pairs += 1
            elif fates[0] is Fate.POWER:
                row.power += 1
            elif fates[0] in ENDS_LIFE:
                row.kill += 1
            elif fates[0] in WIRE:
                row.wire += 1
            else:
                row.actor += 1
