"""As many schedules as wanted, and what they come to."""

from collections.abc import Callable

from msgspec import Struct

from supervisor.risk_proof.limits import LimitProof, Limits, Verdict
from supervisor.risk_proof.schedule import Schedule


class Proof(Struct, kw_only=True):
    """What the trial of all limits came to."""

    schedules: int
    seed: int
    limits: list[LimitProof]

    @property
    def passed(self) -> list[LimitProof]:
        """Limits that were exceeded: there must be none."""
        return [one for one in self.limits if one.verdict is Verdict.PASSED]


def prove(schedules: int, seed: int = 0, tell: Callable[[int], None] = lambda _seed: None) -> Proof:
    """Run `schedules` from `seed` on and return how near every limit came to being passed.

    Args:
        schedules: How many.
        seed: Of the first; the others follow.
        tell: Called after each, with its seed.
    """
    limits = Limits()
    for number in range(seed, seed + schedules):
        limits.begin(f"seed {number}")
        Schedule(number, limits).run()
        tell(number)
    return Proof(schedules=schedules, seed=seed, limits=list(limits.proofs.values()))
