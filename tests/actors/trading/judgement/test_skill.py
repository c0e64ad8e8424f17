"""What its record has earned a source: worked by hand, and bounded whatever happens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.trading.judgement.skill import Skill
from state.config.decision import DecisionSettings
from state.values import NS_PER_S, TimeNs
from tests.actors.examples import BTC, NOW
from tests.actors.trading.judgement.examples import an_opinion

SETTINGS = DecisionSettings(learning_rate=0.1, forgetting=0.0)
MINUTE_NS = 60 * NS_PER_S


def at(seconds: float) -> TimeNs:
    return TimeNs(NOW + int(seconds * NS_PER_S))


def test_one_who_was_right_weighs_more_and_one_who_was_wrong_less():
    skill = Skill().heard(an_opinion("bull", direction=1.0, confidence=0.5), 100.0, NOW)
    skill = skill.heard(an_opinion("bear", direction=-1.0, confidence=1.0), 100.0, NOW)
    skill, told = skill.scored(BTC, 101.0, at(60), SETTINGS)
    # 100 bps up, the first move and so the usual one: gains +0.5 and -1.
    assert [one.source for one in told] == ["bull", "bear"]
    assert [one.gain for one in told] == pytest.approx([0.5, -1.0])
    assert skill.weight("bull") == pytest.approx(math.exp(0.05))
    assert skill.weight("bear") == pytest.approx(math.exp(-0.1))
    assert [(one.hits, one.resolved) for one in skill.records.values()] == [(1, 1), (0, 1)]
    assert [one.won_bps for one in skill.records.values()] == pytest.approx([100.0, 0.0])
    assert [one.lost_bps for one in skill.records.values()] == pytest.approx([0.0, 100.0])


def test_its_time_has_to_be_over():
    skill = Skill().heard(an_opinion(), 100.0, NOW)
    assert skill.next_due_ns == at(60)
    assert skill.scored(BTC, 101.0, at(59.9), SETTINGS) == (skill, ())


def test_what_nobody_saw_in_time_is_not_scored():
    skill = Skill().heard(an_opinion(), 100.0, NOW)
    after, told = skill.scored(BTC, 101.0, at(91), SETTINGS)
    assert told == ()
    assert after.weight("technical") == 1.0
    assert after.records["technical"].under_way is None


def test_one_opinion_of_a_source_at_a_time_is_scored():
    skill = Skill().heard(an_opinion(), 100.0, NOW)
    assert skill.heard(an_opinion(as_of_ns=at(1)), 105.0, at(1)) is skill
    skill, told = skill.scored(BTC, 101.0, at(60), SETTINGS)
    assert [one.from_mid for one in told] == [100.0]
    assert skill.heard(an_opinion(as_of_ns=at(61)), 101.0, at(61)) is not skill


def test_who_has_nothing_to_say_is_not_scored():
    assert Skill().heard(an_opinion(direction=0.0), 100.0, NOW) == Skill()
    assert Skill().heard(an_opinion(confidence=0.0), 100.0, NOW) == Skill()


def test_old_skill_is_forgotten():
    settings = DecisionSettings(learning_rate=0.1, forgetting=0.5)
    skill = Skill().heard(an_opinion(direction=1.0, confidence=1.0), 100.0, NOW)
    skill, _ = skill.scored(BTC, 101.0, at(60), settings)
    skill = skill.heard(an_opinion(direction=1.0, as_of_ns=at(60)), 101.0, at(60))
    skill, [told] = skill.scored(BTC, 101.0, at(120), settings)
    assert told.gain == 0.0
    assert told.weight == pytest.approx(math.exp(0.05))


@given(
    steps=st.lists(
        st.tuples(st.floats(-1, 1), st.floats(0, 1), st.floats(1.0, 1e6)), min_size=1, max_size=60
    ),
    rate=st.floats(0, 1),
    forgetting=st.floats(0, 1),
)
def test_whatever_happens_a_weight_stays_within_its_bounds(steps, rate, forgetting):
    settings = DecisionSettings(learning_rate=rate, forgetting=forgetting)
    skill, mid = Skill(), 100.0
    for number, (direction, confidence, next_mid) in enumerate(steps):
        now = TimeNs(NOW + number * MINUTE_NS)
        said = an_opinion(
            direction=direction,
            confidence=confidence,
            as_of_ns=now,
            expires_at_ns=TimeNs(now + 1),
        )
        skill = skill.heard(said, mid, now)
        mid = next_mid
        skill, told = skill.scored(BTC, mid, TimeNs(now + MINUTE_NS), settings)
        assert all(-1.0 <= one.gain <= 1.0 for one in told)
        weight = skill.weight("technical")
        assert settings.weight_min <= weight <= settings.weight_max
