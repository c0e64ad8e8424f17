"""The risk guard on trial: schedules that try to pass every limit, and what came of it.

The guard and the recorder are the real ones, in virtual time over a real store. Everybody else is
played: `stage` by those who answer, `schedule` by chance, with a `market` and a `venue`. `truth`
counts what was approved and what became of it with arithmetic of its own, `limits` holds each
approval against every limit.
"""

from supervisor.risk_proof.limits import LimitProof, Verdict
from supervisor.risk_proof.proof import Proof, prove

__all__ = ["LimitProof", "Proof", "Verdict", "prove"]
