"""Opinions, weighed: worked by hand, and what holds whatever is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.trading.judgement.weighing import Action, Hearing, Opinions, judge
from state.messages.advice import Authority
from state.values import NS_PER_S, TimeNs
from tests.actors.examples import NOW
from tests.actors.trading.judgement.examples import SETTINGS, an_opinion


def judged(*opinions, weights=None, authorities=None, holds=False, now=NOW):
    return judge(
        opinions, weights or {}, authorities or {}, now, SETTINGS, holds=holds, in_full=True
    )


def test_the_score_is_the_mean_direction_by_weight_and_confidence():
    # (2 x 0.5 x 1 + 1 x 1 x -0.25) / (2 x 0.5 + 1 x 1) = 0.75 / 2.
    judgement, action = judged(
        an_opinion("a", direction=1.0, confidence=0.5),
        an_opinion("b", direction=-0.25, confidence=1.0),
        weights={"a": 2.0},
    )
    assert judgement.score == pytest.approx(0.375)
    assert judgement.conviction == pytest.approx(2.0)
    assert action is Action.ENTER


def test_each_opinion_says_what_it_changed():
    judgement, action = judged(
        an_opinion("a", direction=1.0, confidence=0.5),
        an_opinion("b", direction=-0.25, confidence=1.0),
        weights={"a": 2.0},
    )
    assert action is Action.ENTER
    first, second = judgement.used
    assert (first.source, first.without, first.decides) == ("a", -0.25, True)
    assert (second.source, second.without, second.decides) == ("b", 1.0, False)


@pytest.mark.parametrize(
    ("score", "holds", "action"),
    [
        (0.3, False, Action.ENTER),
        (0.29, False, None),
        (-1.0, False, None),  # Nothing to sell.
        (1.0, True, None),  # Held already.
        (-0.19, True, None),  # Between the thresholds nothing changes.
        (-0.2, True, Action.EXIT),
    ],
)
def test_between_the_thresholds_nothing_is_done(score, holds, action):
    assert judged(an_opinion(direction=score), holds=holds)[1] == action


def test_who_is_not_sure_enough_is_not_acted_on():
    assert judged(an_opinion(direction=1.0, confidence=0.29))[1] is None
    assert judged(an_opinion(direction=1.0, confidence=0.3))[1] is Action.ENTER


def test_an_expired_a_silent_and_a_shadowed_opinion_have_no_say():
    judgement, action = judged(
        an_opinion("late", direction=1.0, confidence=1.0),
        an_opinion("mute", direction=1.0, confidence=0.0, expires_at_ns=TimeNs(NOW + 2**50)),
        an_opinion("shade", direction=1.0, expires_at_ns=TimeNs(NOW + 2**50)),
        authorities={"shade": Authority.SHADOW},
        now=TimeNs(NOW + 60 * NS_PER_S),
    )
    assert (judgement.score, action) == (None, None)
    assert [(one.source, one.code) for one in judgement.left_out] == [
        ("late", "EXPIRED"),
        ("mute", "SILENT"),
        ("shade", "SHADOW"),
    ]


def test_a_veto_keeps_from_entering_and_from_nothing_else():
    bull, bear = an_opinion("a", direction=1.0), an_opinion("b", direction=-0.1)
    veto = {"b": Authority.VETO}
    judgement, action = judged(bull, bear, authorities=veto)
    assert (judgement.score, judgement.vetoed_by, action) == (1.0, "b", None)
    fled = an_opinion("a", direction=-1.0)
    assert judged(fled, bear, authorities=veto, holds=True)[1] is Action.EXIT
    agreed = an_opinion("b", direction=0.1)
    assert judged(bull, agreed, authorities=veto)[1] is Action.ENTER


def test_a_late_and_a_repeated_opinion_are_not_taken():
    opinions, first = Opinions().heard(an_opinion(), NOW)
    same, again = opinions.heard(an_opinion(direction=-1.0), NOW)
    _, late = opinions.heard(an_opinion("b"), TimeNs(NOW + 60 * NS_PER_S))
    assert (first, again, late) == (Hearing.TAKEN, Hearing.DUPLICATE, Hearing.LATE)
    assert same is opinions
    newer, third = opinions.heard(an_opinion(as_of_ns=TimeNs(NOW + 1)), NOW)
    assert third is Hearing.TAKEN
    assert newer.of["technical"].as_of_ns == NOW + 1


SAID = st.lists(
    st.tuples(st.floats(-1, 1), st.floats(0, 1), st.floats(0.1, 4)), min_size=0, max_size=5
)


@given(said=SAID, holds=st.booleans())
def test_whatever_is_said_it_never_buys_what_it_holds_nor_sells_what_it_does_not(said, holds):
    opinions = [
        an_opinion(f"s{number}", direction=direction, confidence=confidence)
        for number, (direction, confidence, _) in enumerate(said)
    ]
    weights = {f"s{number}": weight for number, (_, _, weight) in enumerate(said)}
    judgement, action = judged(*opinions, weights=weights, holds=holds)
    assert action is not (Action.ENTER if holds else Action.EXIT)
    if judgement.score is not None:
        directions = [one.direction for one in judgement.used]
        assert min(directions) - 1e-9 <= judgement.score <= max(directions) + 1e-9
    assert len(judgement.used) + len(judgement.left_out) == len(said)
    # The order in which they came in changes nothing.
    assert judged(*reversed(opinions), weights=weights, holds=holds) == (judgement, action)
