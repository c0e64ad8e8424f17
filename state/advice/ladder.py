"""How far the advisor is believed: what a rung needs, when it is lost, what it can do. Pure.

Promotion is asked for by an operator and needs a record; demotion needs nobody. Nothing here can
raise a limit: what comes out is one factor on the size of an entry, within bounds that no answer
changes.
"""

import math

from msgspec import Struct

from state.messages.advice import Authority, Scores

VETO_BOUNDS = (0.0, 1.0)
TILT_BOUNDS = (0.5, 1.25)
UNMOVED = 1.0
"""The factor of whoever has nothing to say: exactly one."""


class Bar(Struct, frozen=True, kw_only=True):
    """What the next rung needs."""

    days: float = 30.0
    resolved: int = 100
    valid_share: float = 0.98
    drift_after: int = 50
    """Resolved answers from which drift takes the rung away."""


def lacking(record: Scores | None, bar: Bar) -> tuple[str, ...]:
    """Return what the record lacks for the next rung, in words; empty when it lacks nothing."""
    if record is None or not record.answers:
        return ("no answer yet",)
    share = record.valid / record.answers
    wants = (
        (record.days >= bar.days, f"{record.days:.1f} of {bar.days:g} days"),
        (record.resolved >= bar.resolved, f"{record.resolved} of {bar.resolved} resolved answers"),
        (share >= bar.valid_share, f"{share:.1%} of {bar.valid_share:.1%} valid answers"),
        (
            record.skill_lower is not None and record.skill_lower > 0,
            f"the lower bound of its skill is {_shown(record.skill_lower)}, not above 0",
        ),
        (
            record.mean_r is not None and record.mean_r > 0,
            f"its mean result in R is {_shown(record.mean_r)}, and to abstain gives 0",
        ),
    )
    return tuple(text for holds, text in wants if not holds)


def why_not_promoted(
    now: Authority, wanted: Authority, record: Scores | None, bar: Bar
) -> str | None:
    """Return why `wanted` is refused, None when it is granted. Down is always granted."""
    if wanted.rung <= now.rung:
        return None
    if wanted.rung > now.rung + 1:
        return f"from {now} the next rung is {list(Authority)[now.rung + 1]}"
    lacks = lacking(record, bar)
    return "; ".join(lacks) or None


def why_demoted(record: Scores | None, bar: Bar) -> str | None:
    """Return why a record no longer carries any authority, None while it does."""
    if record is None:
        return "there is no record"
    if record.resolved >= bar.drift_after:
        skill = record.skill_recent
        if skill is None or not skill > 0:
            return f"drift: its skill over the newest answers is {_shown(skill)}"
    if record.answers >= bar.drift_after and record.valid / record.answers < bar.valid_share - 0.08:
        return f"drift: only {record.valid} of {record.answers} answers keep the contract"
    return None


def influence(authority: Authority, direction: float, confidence: float, entry_sign: int) -> float:
    """Return the factor on the size of an entry, within the bounds of `authority`.

    Args:
        authority: How far the advisor is believed.
        direction: Of its opinion; 0 says nothing.
        confidence: Calibrated, in [0, 1]; half is a coin.
        entry_sign: +1 for a purchase, -1 for a sale.

    Returns:
        Exactly 1 for shadow, for no opinion, and for whatever is no number.
    """
    if authority is Authority.SHADOW or not direction or not math.isfinite(direction):
        return UNMOVED
    if not 0.0 <= confidence <= 1.0:
        return UNMOVED
    edge = max(0.0, 2.0 * confidence - 1.0)
    agrees = (direction > 0) == (entry_sign > 0)
    if authority is Authority.VETO:
        low, high = VETO_BOUNDS
        factor = UNMOVED if agrees else UNMOVED - 2.0 * edge
    else:
        low, high = TILT_BOUNDS
        factor = UNMOVED + (high - UNMOVED) * edge if agrees else UNMOVED - (UNMOVED - low) * edge
    return min(high, max(low, factor))


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
