"""The judge of an answer: the rules in order, the first failure ends in abstaining. Pure.

It raises for no answer whatever, however malformed: that is a property in the tests.
"""

import math

from msgspec import Struct
from msgspec.structs import replace

from state.advice.codes import REPAIRABLE, Code
from state.advice.contract import VERSION
from state.advice.grounding import check_evidence, check_text
from state.advice.prompt import moment
from state.advice.reading import Unusable, content_of, recommendation_of
from state.messages.advice import Action, ChatReplied, Question, Recommendation
from state.values import TimeNs

BPS = 10_000.0
CONFIDENCE_MAX = 0.95
"""A higher one is cut: nobody knows a market so well."""
MOVED_ATR = 0.25
MOVED_SPREADS = 3.0
MOVED_BPS = 10.0
"""Where no average true range is known."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What was made of an answer."""

    code: Code
    detail: str = ""
    said: Recommendation | None = None
    """What it recommends; also of one that may not be used, where it could be read."""
    reward_risk: float | None = None

    @property
    def repairable(self) -> bool:
        """Whether only its form is wrong."""
        return self.code in REPAIRABLE


def judge(
    question: Question, reply: ChatReplied, *, now_ns: TimeNs, reference: float | None
) -> Verdict:
    """Return what an answer is worth.

    Args:
        question: What was asked.
        reply: What came back.
        now_ns: When.
        reference: The mid now, quote units; None where the book is not live.
    """
    said: Recommendation | None = None
    try:
        said = recommendation_of(content_of(reply))
        _check_identity(said, question)
        _check_moment(said, question, now_ns, reference)
        said = _bounded(said)
        ratio = _check_prices(said, question, reference)
        check_evidence(said, question)
        if said.action in (Action.CLOSE, Action.HOLD) and not question.held:
            raise Unusable(Code.NO_POSITION, f"{said.action} where nothing is held")
        check_text(said, question)
    except Unusable as why:
        return Verdict(code=why.code, detail=why.detail, said=said)
    if said.action is Action.ABSTAIN:
        return Verdict(code=Code.ABSTAINED, detail=said.abstain_reason or "", said=said)
    return Verdict(code=Code.OK, said=said, reward_risk=ratio)


def reward_to_risk(
    sign: int, reference: float, stop: float, target: float, cost_bps: float
) -> float:
    """Return reward over risk after costs, from the price as it is now.

    Args:
        sign: +1 to buy, -1 to sell.
        reference: Where the trade would begin, quote units.
        stop: Quote units.
        target: Quote units.
        cost_bps: Of a way in and out, of `reference`.
    """
    cost = reference * cost_bps / BPS
    reward = sign * (target - reference) - cost
    risk = sign * (reference - stop) + cost
    return reward / risk if risk > 0 else -math.inf


def break_even(ratio: float) -> float:
    """Return the probability of winning below which a trade of this ratio loses on average."""
    return 1.0 / (1.0 + ratio) if ratio > 0 else 1.0


def _check_identity(said: Recommendation, question: Question) -> None:
    if said.contract != VERSION:
        raise Unusable(Code.WRONG_CONTRACT, f"not {VERSION}")
    if said.symbol != question.pair:
        raise Unusable(Code.WRONG_SYMBOL, f"asked about {question.pair}")
    if said.request_id != question.request_id:
        raise Unusable(Code.WRONG_REQUEST, "another request_id")
    if said.as_of != moment(question.as_of_ns):
        raise Unusable(Code.WRONG_TIME, "another as_of")


def _check_moment(
    said: Recommendation, question: Question, now_ns: TimeNs, reference: float | None
) -> None:
    if now_ns > question.deadline_ns:
        raise Unusable(Code.LATE, "after the deadline")
    if said.action is Action.ABSTAIN:
        return
    if reference is None:
        raise Unusable(Code.NO_REFERENCE, "the book is not live")
    allowed = max(
        question.reference * MOVED_BPS / BPS if question.atr is None else question.atr * MOVED_ATR,
        question.spread * MOVED_SPREADS,
    )
    if abs(reference - question.reference) > allowed:
        raise Unusable(Code.PRICE_MOVED, f"by more than {allowed:.6g}")


def _bounded(said: Recommendation) -> Recommendation:
    """Return it with its confidence checked and cut."""
    confidence = said.confidence
    if confidence is not None:
        if not 0.0 < confidence < 1.0:
            raise Unusable(Code.CONFIDENCE_RANGE, "not between 0 and 1")
        confidence = min(confidence, CONFIDENCE_MAX)
    return replace(said, confidence=confidence)


def _check_prices(
    said: Recommendation, question: Question, reference: float | None
) -> float | None:
    """Return reward to risk of an entry, None of anything else."""
    sign = said.action.sign
    if not sign or said.stop is None or said.target is None or reference is None:
        return None
    terms = question.terms
    prices = [said.stop, said.target]
    entry = None if said.entry is None else said.entry.price
    if entry is not None:
        prices.append(entry)
    reach = reference * terms.reach_bps / BPS
    if not all(price > 0 and abs(price - reference) <= reach for price in prices):
        raise Unusable(Code.PRICE_RANGE, f"a price is not within {terms.reach_bps:g} bps")
    if entry is not None:
        away = sign * (reference - entry)
        atr = question.atr
        furthest = reach if atr is None else terms.entry_atr_max * atr
        # Half a tick of grace: the mid lies between two ticks.
        if away < -terms.tick / 2 or away > furthest:
            raise Unusable(Code.ENTRY_RANGE, "the limit entry is not near, on the passive side")
    # Rounded to the tick away from optimism.
    stop = _to_tick(said.stop, terms.tick, up=sign < 0)
    target = _to_tick(said.target, terms.tick, up=sign < 0)
    if not sign * stop < sign * reference < sign * target:
        raise Unusable(Code.WRONG_SIDE, "stop, reference and target are not in order")
    _check_stop(abs(reference - stop), reference, question)
    ratio = reward_to_risk(sign, reference, stop, target, terms.cost_bps)
    if ratio < terms.reward_risk_min:
        needed = f"{terms.reward_risk_min:g} is the least"
        raise Unusable(Code.REWARD_RISK, f"{ratio:.3g} after costs, {needed}")
    return ratio


def _check_stop(distance: float, reference: float, question: Question) -> None:
    terms = question.terms
    bps = distance / reference * BPS
    if not terms.stop_bps_min <= bps <= terms.stop_bps_max:
        raise Unusable(Code.STOP_DISTANCE, f"{bps:.4g} bps")
    if question.atr is not None and question.atr > 0:
        ranges = distance / question.atr
        if not terms.stop_atr_min <= ranges <= terms.stop_atr_max:
            raise Unusable(Code.STOP_DISTANCE, f"{ranges:.3g} average true ranges")


def _to_tick(price: float, tick: float, *, up: bool) -> float:
    ticks = price / tick
    nearest = round(ticks)
    if abs(ticks - nearest) < 1e-6 * max(1.0, abs(ticks)) * 1e-3 + 1e-6:
        return nearest * tick
    return (math.ceil(ticks) if up else math.floor(ticks)) * tick
