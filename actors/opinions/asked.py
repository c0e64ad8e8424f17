"""One question under way: what it may cost, what came back, what is made of it. Pure."""

from dataclasses import dataclass, field
from decimal import Decimal

from msgspec import Struct

from state.advice.budget import Cost, cost_of
from state.advice.contract import ANSWER_BYTES_MAX, CONTRACT
from state.advice.validation import Verdict, break_even
from state.messages.advice import (
    Action,
    AdviceGiven,
    Authority,
    ChatFailed,
    ChatReplied,
    Provider,
    Question,
)
from state.messages.signals import Opinion, Reason
from state.values import NS_PER_S, ZERO, TimeNs

SOURCE = "advisor"
MARGIN = 0.05
"""By so much the calibrated confidence has to be above break-even for the opinion to say a side."""
HORIZON_MIN = 15
"""Of an answer without one, minutes."""

Prices = tuple[Decimal, Decimal]
"""US dollars per token in and out."""


@dataclass
class Asked:
    """A question under way."""

    question: Question
    model: str
    user: str
    reservation: Cost
    day: int
    """The UTC day that the reservation is of."""
    asked_ns: int
    """By the monotonic clock; when it left."""
    state: str
    """Hash of its facts."""
    failed_over: bool
    """Whether another model has failed on it already."""
    replies: list[ChatReplied] = field(default_factory=list)
    repaired: bool = False

    def used(self, outcome: ChatReplied | ChatFailed, prices: Prices) -> "Used":
        """Return what it used in all; unknown where the provider did not say all of it."""
        billed = isinstance(outcome, ChatFailed) and outcome.billed
        usages = [reply.usage for reply in self.replies]
        known = [usage for usage in usages if usage is not None]
        if billed or len(known) < len(usages):
            return Used(cost=None)
        costs = [cost_of(usage, *prices) for usage in known]
        return Used(
            cost=Cost(
                tokens=sum(one.tokens for one in costs), usd=sum((one.usd for one in costs), ZERO)
            ),
            tokens_in=sum(one.prompt_tokens for one in known),
            tokens_out=sum(one.completion_tokens for one in known),
        )


class Used(Struct, frozen=True, kw_only=True):
    """What a question used."""

    cost: Cost | None
    """None where the provider did not say."""
    tokens_in: int | None = None
    tokens_out: int | None = None


class Moment(Struct, frozen=True, kw_only=True):
    """How things stand when an answer is judged."""

    now_ns: TimeNs
    monotonic_ns: int
    reference: float | None
    """The mid of a live book, quote units."""
    provider: Provider
    model: str
    """As it is recorded."""
    authority: Authority
    calibrated: float | None
    """The confidence that its record allows."""
    cost_bps: float


def given_of(
    asked: Asked,
    verdict: Verdict,
    outcome: ChatReplied | ChatFailed,
    used: Used,
    moment: Moment,
) -> AdviceGiven:
    """Return what the journal keeps of the end of a question."""
    said = verdict.said
    replied = outcome if isinstance(outcome, ChatReplied) else None
    minutes = 0 if said is None else said.horizon_minutes or 0
    cost = used.cost
    return AdviceGiven(
        request_id=asked.question.request_id,
        pair=asked.question.pair,
        at_ns=moment.now_ns,
        code=verdict.code,
        detail=verdict.detail,
        provider=moment.provider,
        model=moment.model,
        contract=CONTRACT,
        answer=_kept("" if replied is None else replied.content or ""),
        finish="" if replied is None else replied.finish[:40],
        latency_ms=(moment.monotonic_ns - asked.asked_ns) / 1e6,
        tries=outcome.tries,
        repaired=asked.repaired,
        tokens_in=used.tokens_in,
        tokens_out=used.tokens_out,
        cost_usd=asked.reservation.usd if cost is None else cost.usd,
        cost_is_known=cost is not None,
        support=outcome.support,
        recommendation=said,
        reward_risk=verdict.reward_risk,
        reference=moment.reference or 0.0,
        expires_at_ns=TimeNs(moment.now_ns + minutes * 60 * NS_PER_S),
        calibrated=moment.calibrated,
        authority=moment.authority,
        cost_bps=moment.cost_bps,
        answered_by="" if replied is None else _kept(replied.model)[:120],
        form="" if replied is None else replied.form,
    )


def opinion_of(asked: Asked, given: AdviceGiven, longest_s: float) -> Opinion:
    """Return the opinion that a valid answer is.

    Args:
        asked: The question.
        given: Its answer, of code `OK`.
        longest_s: So long it stands at most, whatever its horizon.
    """
    said = given.recommendation
    assert said is not None
    direction = -1.0 if said.action is Action.CLOSE else float(said.action.sign)
    confidence = given.calibrated if given.calibrated is not None else 0.0
    reasons = [Reason(says=said.rationale, refers=f"advice:{given.request_id}")]
    names = {fact.id: fact.name for fact in asked.question.facts}
    reasons += [
        Reason(
            says=f"{names[one.input_id]} {one.value[:80]} weighs {one.weighs}",
            refers=f"fact:{names[one.input_id]}",
        )
        for one in said.evidence
    ]
    if given.authority is not Authority.SHADOW and given.reward_risk is not None:
        least = break_even(given.reward_risk) + MARGIN
        if confidence < least:
            direction = 0.0
            says = f"its calibrated confidence {confidence:.2f} is below {least:.2f}"
            reasons.append(Reason(says=says, refers="calibration"))
    horizon_s = (said.horizon_minutes or HORIZON_MIN) * 60.0
    stands_ns = int(min(horizon_s, longest_s) * NS_PER_S)
    return Opinion(
        source=SOURCE,
        pair=given.pair,
        direction=direction,
        confidence=confidence,
        horizon_s=horizon_s,
        invalidation=said.stop,
        reasons=tuple(reasons),
        # Of the exchange's clock, which may be ahead of ours.
        as_of_ns=TimeNs(min(asked.question.as_of_ns, given.at_ns)),
        expires_at_ns=TimeNs(given.at_ns + stands_ns),
        trace_id=given.request_id,
    )


def _kept(text: str) -> str:
    """Return what is kept of a text; no lone surrogate survives, for no disk takes one."""
    encoded = text.encode("utf-8", "replace")[:ANSWER_BYTES_MAX]
    return encoded.decode("utf-8", "ignore")
