"""How good the advisor has been: scores of what it said against what came of it. Pure.

Sources: Brier (1950) for the score, Murphy (1973) for skill against the base rate; the base rate of
an answer is the one known when it was given, (wins + 1) / (answers + 2), never a later one.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from state.messages.advice import Bin, Resolved, Scores
from state.values import NS_PER_S, TimeNs

DAY_NS = 86_400 * NS_PER_S
RECENT = 100
"""Newest answers that drift is seen by."""
BINS = 10
EQUAL_COUNT_BELOW = 200
"""With fewer answers bins hold equally many, else they are equally wide."""
LOG_LOSS_CLIP = 0.01
SHRINK = 50
"""Answers after which half of what the model says is believed."""
SLOPE_FROM = 10
"""Answers from which a slope can be fitted at all."""
RESAMPLES = 500


def scores(
    resolved: Sequence[Resolved],
    *,
    model: str,
    contract: str,
    answers: int,
    valid: int,
    first_ns: TimeNs | None,
    now_ns: TimeNs,
) -> Scores:
    """Return the record of one model with one wording.

    Args:
        resolved: Answers whose end is known, of any model, oldest first.
        model: Whose record.
        contract: With which wording.
        answers: How many of its answers were judged.
        valid: How many of these kept the contract.
        first_ns: When the wording was first used.
        now_ns: Now.
    """
    ours = [one for one in resolved if (one.model, one.contract) == (model, contract)]
    days = 0.0 if first_ns is None else max(0, now_ns - first_ns) / DAY_NS
    stated = np.array([one.stated for one in ours], dtype=np.float64)
    won = np.array([float(one.won) for one in ours], dtype=np.float64)
    if not ours:
        return Scores(
            model=model,
            contract=contract,
            answers=answers,
            valid=valid,
            resolved=0,
            days=days,
            base_rate=None,
            brier=None,
            brier_base=None,
            skill=None,
            skill_lower=None,
            skill_recent=None,
            log_loss=None,
            calibration_error=None,
            mean_r=None,
        )
    errors = (stated - won) ** 2
    base_errors = (_base_rates(won) - won) ** 2
    clipped = np.clip(stated, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
    log_losses = -(won * np.log(clipped) + (1 - won) * np.log(1 - clipped))
    bins = reliability(stated, won)
    total = len(ours)
    return Scores(
        model=model,
        contract=contract,
        answers=answers,
        valid=valid,
        resolved=total,
        days=days,
        base_rate=float(won.mean()),
        brier=float(errors.mean()),
        brier_base=float(base_errors.mean()),
        skill=_skill(errors, base_errors),
        skill_lower=_skill_lower([one.at_ns for one in ours], errors, base_errors),
        skill_recent=_skill(errors[-RECENT:], base_errors[-RECENT:]),
        log_loss=float(log_losses.mean()),
        calibration_error=sum(one.count * abs(one.stated - one.won) for one in bins) / total,
        mean_r=float(np.mean([one.result_r for one in ours])),
        bins=bins,
    )


def reliability(stated: "np.ndarray", won: "np.ndarray") -> tuple[Bin, ...]:
    """Return how often answers of like confidence won, in ten bins, empty ones left out.

    Args:
        stated: Confidences, shape (n,), in (0, 1).
        won: Ends, shape (n,), 0 or 1.
    """
    if len(stated) < EQUAL_COUNT_BELOW:
        order = np.argsort(stated, kind="stable")
        groups: Iterable[np.ndarray] = np.array_split(order, BINS)
    else:
        places = np.minimum((stated * BINS).astype(int), BINS - 1)
        groups = [np.flatnonzero(places == place) for place in range(BINS)]
    return tuple(
        Bin(count=len(one), stated=float(stated[one].mean()), won=float(won[one].mean()))
        for one in groups
        if len(one)
    )


def calibrated(stated: float, resolved: Sequence[Resolved]) -> float:
    """Return the confidence that the record allows, in (0, 1).

    Without a record that is the base rate of a coin; with a long one the stated confidence, drawn
    to the base rate by how little it has meant: `base + w slope (stated - base)`, with
    `w = n / (n + 50)` and the slope of the regression of ends on confidences, within [0, 1].

    Args:
        stated: What the model says, in (0, 1).
        resolved: Earlier answers of the same model and wording.
    """
    count = len(resolved)
    if not count:
        return 0.5
    said = np.array([one.stated for one in resolved], dtype=np.float64)
    won = np.array([float(one.won) for one in resolved], dtype=np.float64)
    base = float((won.sum() + 1) / (count + 2))
    slope, spread = 1.0, float(said.var())
    if count >= SLOPE_FROM and spread > 0:
        slope = float(np.mean((said - said.mean()) * (won - won.mean()))) / spread
    weight = count / (count + SHRINK) * min(1.0, max(0.0, slope))
    return min(0.99, max(0.01, base + weight * (stated - base)))


def _base_rates(won: "np.ndarray") -> "np.ndarray":
    """Return for each answer how often earlier ones had won, with one win and one loss before."""
    before = np.concatenate(([0.0], np.cumsum(won)[:-1]))
    rates: np.ndarray = (before + 1) / (np.arange(len(won)) + 2)
    return rates


def _skill(errors: "np.ndarray", base_errors: "np.ndarray") -> float | None:
    base = float(base_errors.mean())
    return None if base == 0 else 1.0 - float(errors.mean()) / base


def _skill_lower(
    times_ns: Sequence[TimeNs], errors: "np.ndarray", base_errors: "np.ndarray"
) -> float | None:
    """Return the lower 90 % bound of the skill: days are drawn anew, for within a day all is one.

    None for fewer than two days: there is nothing to draw from.
    """
    days = [
        np.array([place for place, _ in group])
        for _, group in groupby(enumerate(times_ns), key=lambda one: one[1] // DAY_NS)
    ]
    if len(days) < 2:
        return None
    sums = np.array([[errors[day].sum(), base_errors[day].sum()] for day in days])
    # The same record gives the same bound, whoever asks and whenever.
    drawn = np.random.default_rng(0).integers(0, len(days), size=(RESAMPLES, len(days)))
    ours, base = sums[drawn].sum(axis=1).T
    valid = base > 0
    if not valid.any():
        return None
    return float(np.quantile(1.0 - ours[valid] / base[valid], 0.1))
