"""Scores, ladder, budget and breakers: numbers worked by hand, bounds for whatever comes."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.advice.breaker import OPEN_S, Breaker, folded
from state.advice.budget import Caps, Cost, Spent, cost_of, day_of, worst_case
from state.advice.calibration import calibrated, scores
from state.advice.codes import Code
from state.advice.contract import CONTRACT
from state.advice.ladder import (
    TILT_BOUNDS,
    UNMOVED,
    VETO_BOUNDS,
    Bar,
    influence,
    lacking,
    why_demoted,
    why_not_promoted,
)
from state.messages.advice import Authority, Past, Usage
from state.values import NS_PER_S, TimeNs
from tests.state.advice.examples import BTC, MODEL, NOW, resolved

DAY_NS = 86_400 * NS_PER_S


def scored(answers, **changes):
    members: dict[str, Any] = {
        "model": MODEL,
        "contract": CONTRACT,
        "answers": len(answers),
        "valid": len(answers),
    }
    members |= {"first_ns": NOW, "now_ns": TimeNs(NOW + 40 * DAY_NS)}
    return scores(answers, **(members | changes))


def test_the_scores_of_four_answers_worked_by_hand():
    answers = [
        resolved(0.8, won=True),
        resolved(0.6, won=False),
        resolved(0.7, won=True),
        resolved(0.4, won=False),
    ]
    found = scored(answers)
    squares = (0.04, 0.36, 0.09, 0.16)
    assert found.brier == pytest.approx(sum(squares) / 4)
    # Base rates known before each: 1/2, 2/3, 2/4, 3/5.
    base = ((1 / 2) ** 2 + (2 / 3) ** 2 + (1 / 2) ** 2 + (3 / 5) ** 2) / 4
    assert found.brier_base == pytest.approx(base)
    assert found.skill == pytest.approx(1 - 0.1625 / base)
    assert found.base_rate == 0.5
    assert found.mean_r == 0.5
    assert found.skill_lower is None  # All of one day: there is nothing to draw from.
    assert sum(one.count for one in found.bins) == 4


def test_another_model_or_wording_has_a_record_of_its_own():
    answers = [resolved(0.8, won=True), resolved(0.8, won=True, model="other")]
    assert scored(answers).resolved == 1
    assert scored(answers, contract="another").brier is None


def test_a_coin_has_no_skill_and_a_seer_has():
    coin = [resolved(0.5 + 0.3 * (-1) ** (n // 2), won=n % 2 == 0, day=n // 10) for n in range(300)]
    seer = [resolved(0.8 if n % 2 == 0 else 0.2, won=n % 2 == 0, day=n // 10) for n in range(300)]
    assert scored(coin).skill < 0
    assert scored(seer).skill_lower > 0.5
    assert scored(seer).calibration_error == pytest.approx(0.2)
    assert scored(seer).skill_lower == scored(seer).skill_lower


@given(
    stated=st.floats(0.01, 0.99),
    record=st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), max_size=60),
)
def test_a_calibrated_confidence_is_a_probability_and_never_bolder_than_the_stated(stated, record):
    answers = [resolved(said, won=won) for said, won in record]
    found = calibrated(stated, answers)
    assert 0 < found < 1
    base = (sum(won for _, won in record) + 1) / (len(record) + 2) if record else 0.5
    assert abs(found - base) <= abs(stated - base) + 1e-9


def test_without_a_record_every_confidence_is_that_of_a_coin():
    assert calibrated(0.9, []) == 0.5


# The ladder.


def a_record(**changes):
    answers = [resolved(0.8 if n % 2 == 0 else 0.2, won=n % 2 == 0, day=n // 4) for n in range(120)]
    return scored(answers, **changes)


def test_promotion_needs_all_of_the_record_and_one_rung_at_a_time():
    bar = Bar()
    assert lacking(a_record(), bar) == ()
    assert why_not_promoted(Authority.SHADOW, Authority.VETO, a_record(), bar) is None
    assert "next rung is veto" in str(
        why_not_promoted(Authority.SHADOW, Authority.TILT, a_record(), bar)
    )
    for changes in ({"first_ns": TimeNs(NOW + 30 * DAY_NS)}, {"valid": 100}, {"contract": "other"}):
        assert why_not_promoted(Authority.SHADOW, Authority.VETO, a_record(**changes), bar)
    assert why_not_promoted(Authority.TILT, Authority.SHADOW, None, bar) is None


def test_drift_takes_the_rung_away():
    worse = [resolved(0.9, won=n % 2 == 0, day=n) for n in range(100)]
    good = [resolved(0.9 if n % 2 else 0.1, won=bool(n % 2), day=n) for n in range(200)]
    assert why_demoted(scored(good), Bar()) is None
    assert "drift" in str(why_demoted(scored([*good, *worse]), Bar()))
    assert "keep the contract" in str(why_demoted(scored(good, valid=150), Bar()))


@given(
    authority=st.sampled_from(Authority),
    direction=st.floats(),
    confidence=st.floats(),
    sign=st.sampled_from([1, -1]),
)
def test_no_answer_moves_a_size_beyond_its_bounds(authority, direction, confidence, sign):
    factor = influence(authority, direction, confidence, sign)
    low, high = {
        Authority.SHADOW: (UNMOVED, UNMOVED),
        Authority.VETO: VETO_BOUNDS,
        Authority.TILT: TILT_BOUNDS,
    }[authority]
    assert low <= factor <= high
    if direction == 0 or math.isnan(direction) or not 0 <= confidence <= 1:
        assert factor == UNMOVED


def test_a_veto_stops_what_it_is_sure_against_and_enlarges_nothing():
    assert influence(Authority.VETO, -1.0, 0.8, 1) == 0.0
    assert influence(Authority.VETO, 1.0, 0.99, 1) == 1.0
    assert influence(Authority.TILT, 1.0, 1.0, 1) == 1.25


# The budget.

CAPS = Caps(calls=3, tokens=10_000, usd=Decimal("0.01"))


def test_the_worst_case_is_reserved_and_settled_and_midnight_begins_anew():
    cost = worst_case(("abc", "de"), 100, Decimal("0.000001"), Decimal("0.00001"))
    assert cost == Cost(tokens=5 + 64 + 100, usd=Decimal("0.001069"))
    spent = Spent(day=day_of(NOW)).reserved(cost)
    used = cost_of(Usage(prompt_tokens=10, completion_tokens=20), Decimal("1e-6"), Decimal("1e-5"))
    settled = spent.settled(day_of(NOW), cost, used)
    assert (settled.calls, settled.tokens, settled.usd) == (1, 30, Decimal("0.00021"))
    tomorrow = settled.at(TimeNs(NOW + DAY_NS))
    assert tomorrow == Spent(day=day_of(NOW) + 1)
    assert tomorrow.settled(day_of(NOW), cost, used) == tomorrow  # It was of the day before.
    assert settled.at(TimeNs(NOW - DAY_NS)) == settled  # A clock set back gives nothing back.


@given(st.lists(st.integers(1, 4000), max_size=12))
def test_no_sequence_of_questions_passes_a_cap(tokens):
    spent = Spent(day=0)
    for count in tokens:
        cost = Cost(tokens=count, usd=count * Decimal("0.000001"))
        if spent.allows(cost, CAPS):
            spent = spent.reserved(cost)
    assert spent.calls <= CAPS.calls
    assert spent.tokens <= CAPS.tokens
    assert spent.usd <= CAPS.usd


# Breakers.


def after(*codes, step_s=1, start=None):
    breaker, at_ns = start or Breaker(), NOW
    for one in codes:
        breaker = breaker.apply(one, TimeNs(at_ns))
        at_ns += step_s * NS_PER_S
    return breaker


def test_five_failures_in_a_row_open_it_for_thirty_seconds_then_twice_as_long():
    opened = after(*[Code.SERVER_ERROR] * 5)
    failed_ns = NOW + 4 * NS_PER_S
    assert not opened.permits(TimeNs(failed_ns + int(OPEN_S * NS_PER_S) - 1))
    half_open_ns = TimeNs(failed_ns + int(OPEN_S * NS_PER_S))
    assert opened.permits(half_open_ns)
    again = opened.apply(Code.TIMEOUT, half_open_ns)
    assert again.open_until_ns == half_open_ns + 2 * OPEN_S * NS_PER_S
    assert again.apply(Code.OK, again.open_until_ns).opened == 0
    assert after(*[Code.SERVER_ERROR] * 4).permits(NOW)


def test_a_refused_key_opens_it_at_once_and_bad_answers_for_an_hour():
    assert not after(Code.CREDENTIAL_REFUSED).permits(TimeNs(NOW + 299 * NS_PER_S))
    broken = after(Code.UNGROUNDED, Code.OK, Code.SCHEMA, Code.OK, Code.LANGUAGE)
    assert not broken.permits(TimeNs(NOW + 3600 * NS_PER_S))
    assert after(Code.ABSTAINED, Code.OK, Code.LATE, Code.ABSTAINED).permits(NOW)


@given(st.lists(st.sampled_from(Code), max_size=30))
def test_a_breaker_is_a_fold_of_the_journal(codes):
    past = [
        Past(pair=BTC, at_ns=TimeNs(NOW + n * NS_PER_S), code=one, model=MODEL, contract=CONTRACT)
        for n, one in enumerate(codes)
    ]
    live = after(*codes)
    assert folded(past).get(MODEL, Breaker()) == live
