"""Each rule of the judge refuses what it is for, a good answer passes, and nothing raises."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.advice.codes import MEANINGS, Code
from state.advice.contract import SYSTEM, schema
from state.advice.prompt import prompt, state_hash
from state.advice.validation import judge, reward_to_risk
from state.messages.advice import Action
from state.values import NS_PER_S, TimeNs
from tests.state.advice.examples import (
    NOW,
    a_fact,
    a_question,
    a_reply,
    an_abstention,
    an_answer,
    the_facts,
    the_terms,
)

SOON = TimeNs(NOW + NS_PER_S)


def verdict(content=None, *, question=None, at_ns=SOON, reference=50000.0, **reply):
    question = question or a_question()
    return judge(question, a_reply(content, **reply), now_ns=at_ns, reference=reference)


def code(content=None, **more):
    return verdict(content, **more).code


def text_of(**changes):
    return msgspec.json.encode(an_answer(**changes)).decode()


def test_a_good_answer_passes_with_our_own_ratio():
    passed = verdict()
    assert passed.code is Code.OK
    assert passed.said.action is Action.BUY
    # Risk 200 + 210 of costs, reward twice that after costs.
    assert passed.reward_risk == pytest.approx(2.0)


def test_the_mirror_image_is_a_good_sale():
    sale = an_answer(
        action="sell", stop=50200.0, target=48970.0, rationale="I would sell at this imbalance."
    )
    assert code(sale) is Code.OK


def test_abstaining_is_a_good_answer_of_its_own():
    assert code(an_abstention()) is Code.ABSTAINED
    assert code(an_abstention(), reference=None) is Code.ABSTAINED


FORM: dict[str, tuple[Any, dict[str, Any], Code]] = {
    "cut off": (text_of()[:200], {"finish": "length"}, Code.TRUNCATED),
    "thought all away": ("<think>so</think>", {"finish": "length"}, Code.NO_CONTENT),
    "empty": ("  ", {}, Code.NO_CONTENT),
    "refused": (text_of(), {"refusal": "no"}, Code.REFUSED),
    "filtered": ("", {"finish": "content_filter"}, Code.REFUSED),
    "a tool": ("", {"finish": "tool_calls"}, Code.UNEXPECTED_FINISH),
    "too long": (text_of(rationale="x" * 9000), {}, Code.TOO_LONG),
    "a long rationale": (an_answer(rationale="I would buy. " * 70), {}, Code.TOO_LONG),
    "a long list": (an_answer(evidence=an_answer()["evidence"] * 7), {}, Code.TOO_LONG),
    "a sentence around": ("Sure: " + text_of(), {}, Code.MALFORMED),
    "two objects": (text_of() + text_of(), {}, Code.MALFORMED),
    "a list": (f"[{text_of()}]", {}, Code.MALFORMED),
    "a key twice": ('{"stop": 1, ' + text_of()[1:], {}, Code.DUPLICATE_KEY),
    "deep": ('{"a":' + "[" * 3000 + "]" * 3000 + "}", {}, Code.TOO_DEEP),
    "six deep": ('{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}', {}, Code.TOO_DEEP),
    "half a character": (text_of(rationale="I buy X").replace("X", "\\ud800"), {}, Code.MALFORMED),
    "NaN": (text_of().replace("49800.0", "NaN"), {}, Code.NOT_A_NUMBER),
    "infinite": (text_of().replace("49800.0", "1e999"), {}, Code.NOT_A_NUMBER),
    "beyond float": (text_of().replace("49800.0", "9" * 400), {}, Code.NOT_A_NUMBER),
    "unknown key": (an_answer(size=5), {}, Code.SCHEMA),
    "number as text": (an_answer(stop="49800"), {}, Code.SCHEMA),
    "own action": (an_answer(action="short"), {}, Code.SCHEMA),
    "own horizon": (an_answer(horizon_minutes=7), {}, Code.SCHEMA),
    "true is no number": (an_answer(confidence=True), {}, Code.SCHEMA),
}


@pytest.mark.parametrize("case", FORM, ids=str)
def test_a_fault_of_form_has_its_code(case):
    content, reply, expected = FORM[case]
    assert code(content, **reply) is expected


def test_thoughts_and_a_fence_are_taken_off_and_nothing_else_is():
    assert code(f"<think>buy {{}} sell</think>\n```json\n{text_of()}\n```") is Code.OK


CONTENT: dict[str, tuple[dict[str, Any], dict[str, Any], Code]] = {
    "no stop": ({"stop": None}, {}, Code.MATRIX),
    "only for": ({"evidence": an_answer()["evidence"][:1]}, {}, Code.MATRIX),
    "abstains with a price": ({"abstain_reason": "no_edge"}, {}, Code.MATRIX),
    "another contract": ({"contract": "rec/2"}, {}, Code.WRONG_CONTRACT),
    "another pair": ({"symbol": "DOGE_USDT"}, {}, Code.WRONG_SYMBOL),
    "another request": ({"request_id": "a-2"}, {}, Code.WRONG_REQUEST),
    "another moment": ({"as_of": "2026-01-01T00:00:00.000Z"}, {}, Code.WRONG_TIME),
    "late": ({}, {"at_ns": TimeNs(NOW + 21 * NS_PER_S)}, Code.LATE),
    "no book": ({}, {"reference": None}, Code.NO_REFERENCE),
    "moved": ({}, {"reference": 50030.0}, Code.PRICE_MOVED),
    "percent": ({"confidence": 58}, {}, Code.CONFIDENCE_RANGE),
    "certain": ({"confidence": 1.0}, {}, Code.CONFIDENCE_RANGE),
    "below nothing": ({"target": -5.0}, {}, Code.PRICE_RANGE),
    "to the moon": ({"target": 90000.0}, {}, Code.PRICE_RANGE),
    "far limit": ({"entry": {"kind": "limit", "price": 49000.0}}, {}, Code.ENTRY_RANGE),
    "wrong side limit": ({"entry": {"kind": "limit", "price": 50090.0}}, {}, Code.ENTRY_RANGE),
    "swapped": ({"stop": 50600.0, "target": 49800.0}, {}, Code.WRONG_SIDE),
    "tight stop": ({"stop": 49999.0}, {}, Code.STOP_DISTANCE),
    "wide stop": ({"stop": 49500.0, "target": 53000.0}, {}, Code.STOP_DISTANCE),
    "poor ratio": ({"target": 50500.0}, {}, Code.REWARD_RISK),
    "invented evidence": (
        {
            "evidence": [
                {"input_id": "f9", "value": "1", "weighs": "for"},
                {"input_id": "f3", "value": "0.34", "weighs": "against"},
            ]
        },
        {},
        Code.EVIDENCE_UNKNOWN,
    ),
    "changed evidence": (
        {
            "evidence": [
                {"input_id": "f3", "value": "0.43", "weighs": "for"},
                {"input_id": "f5", "value": "61.8", "weighs": "against"},
            ]
        },
        {},
        Code.EVIDENCE_MISMATCH,
    ),
    "spanish": (
        {"rationale": "El precio sube con fuerza porque hay muchos compradores activos hoy"},
        {},
        Code.LANGUAGE,
    ),
    "chinese": ({"rationale": "价格上涨 因为买家很多"}, {}, Code.LANGUAGE),
    "says sell": ({"rationale": "My verdict: sell, the move is over."}, {}, Code.CONTRADICTION),
    "tells to sell": ({"rationale": "It is time to sell this pair."}, {}, Code.CONTRADICTION),
    "bearish": ({"rationale": "The picture is bearish all over."}, {}, Code.CONTRADICTION),
    "made up level": ({"rationale": "I buy the support at 49321.5."}, {}, Code.UNGROUNDED),
    "glued to letters": ({"rationale": "I buy the support at USD49321.5."}, {}, Code.UNGROUNDED),
    "made up percent": ({"rationale": "I buy, it rose 12% in the week."}, {}, Code.UNGROUNDED),
    "made up in words of an order": (
        {"invalidation": "A close below 48,123."},
        {},
        Code.UNGROUNDED,
    ),
}


@pytest.mark.parametrize("case", CONTENT, ids=str)
def test_what_may_not_be_said_has_its_code(case):
    changes, more, expected = CONTENT[case]
    assert code(an_answer(**changes), **more) is expected


GROUNDED = (
    "I would buy at 50,000 with the stop 49800 and rsi14_5m at 61.8.",
    "I would buy: confidence 58%, horizon 60 minutes, 1 hour, volume 1234.5 on the 5m.",
    "I would buy; sell pressure is low, the book imbalance is 34%.",
    "I would buy: RSI14 (f5) is at 61.8.",
    "Do not sell here; the bullish lean of 0.34 holds.",
)


@pytest.mark.parametrize("rationale", GROUNDED)
def test_a_text_may_use_what_it_was_given(rationale):
    assert verdict(an_answer(rationale=rationale)).code is Code.OK


def test_close_and_hold_need_a_position():
    empty = dict.fromkeys(("horizon_minutes", "entry", "stop", "target", "invalidation"))
    close = an_answer(action="close", confidence=0.6, rationale="The reason is gone.", **empty)
    assert code(close) is Code.NO_POSITION
    assert code(close, question=a_question(held=True)) is Code.OK


def test_strangers_alone_justify_nothing():
    facts = (*the_facts(), a_fact(7, "text_of_wire", "ETF is approved", "", untrusted=True))
    cited = [{"input_id": "f7", "value": "x", "weighs": weighs} for weighs in ("for", "against")]
    answer = an_answer(evidence=cited)
    assert code(answer, question=a_question(facts=facts)) is Code.EVIDENCE_UNTRUSTED


@given(
    distance=st.floats(55, 390),
    ratio=st.floats(0.2, 1.45),
    sell=st.booleans(),
)
def test_a_poor_ratio_is_refused_whatever_stop_and_target_are(distance, ratio, sell):
    """The ratio is from the price as it is, so no choice of stop and target can make it good."""
    sign, cost = (-1 if sell else 1), 50000 * 42 / 10_000
    stop, target = 50000 - sign * distance, 50000 + sign * (ratio * (distance + cost) + cost)
    action = "sell" if sell else "buy"
    answer = an_answer(action=action, stop=stop, target=target, rationale="The imbalance leans.")
    assert reward_to_risk(sign, 50000.0, stop, target, 42.0) == pytest.approx(ratio)
    assert code(answer) is Code.REWARD_RISK


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
spoilt = st.dictionaries(st.sampled_from(sorted(an_answer())), jsons, max_size=4)


@settings(max_examples=120)
@given(
    changes=spoilt, cut=st.integers(0, 40), noise=st.text(max_size=6), finish=st.text(max_size=6)
)
def test_whatever_comes_is_judged_and_nothing_raises(changes, cut, noise, finish):
    content = text_of_any(an_answer() | changes)
    for text in (content, content[cut:] + noise, noise):
        found = verdict(text, finish=finish if cut > 30 else "stop")
        assert isinstance(found.code, Code)
        if found.code is Code.OK:
            assert found.said.symbol == "BTC_USDT"
            assert 0 < found.said.confidence < 1 if found.said.confidence else True


def text_of_any(value):
    return json.dumps(value)


def test_equal_questions_are_equal_bytes_and_equal_states_one_hash():
    later = a_question(as_of_ns=TimeNs(NOW + 7), request_id="a-9")
    assert prompt(a_question()) == prompt(a_question())
    assert prompt(later) != prompt(a_question())
    assert state_hash(later) == state_hash(a_question())
    moved = a_question(facts=(a_fact(1, "mid", 51000.0, "quote"), *the_facts()[1:]))
    assert state_hash(moved) != state_hash(a_question())


def test_the_rules_told_are_those_enforced():
    for action in Action:
        assert action.value in SYSTEM
    assert set(schema()["properties"]) == set(an_answer())
    assert schema()["required"] == list(schema()["properties"])
    assert set(MEANINGS) == set(Code)


def test_a_confidence_too_good_to_be_true_is_cut():
    assert verdict(an_answer(confidence=0.999)).said.confidence == 0.95


def test_without_a_range_the_stop_is_bounded_in_basis_points():
    question = a_question(atr=None, terms=the_terms(stop_bps_max=20.0))
    assert code(question=question) is Code.STOP_DISTANCE
    assert code(question=a_question(atr=None)) is Code.OK
    assert not math.isnan(verdict().reward_risk)
