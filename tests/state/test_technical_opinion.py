"""The technical opinion follows its published formula and never says what no opinion may say."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from state.messages.market import Timeframe
from state.messages.signals import (
    Direction,
    LevelRole,
    LevelState,
    Opinion,
    PatternFound,
    PatternKind,
    PriceLevel,
    TimeframeTrend,
    TrendMeasured,
)
from state.technical_opinion import LIVES_NS, MOST_CONFIDENT, Ground, fresh, opinion
from state.trend import WEIGHTS
from state.values import NS_PER_S, Pair, TimeNs

PAIR = Pair("BTC_USDT")
NOW = TimeNs(1_704_067_200 * NS_PER_S)
CLOSE = 100.0


def trend(bias, *, agreement=None, confirmed=None, missing=()):
    """What all timeframes say."""
    told = TimeframeTrend(
        timeframe=Timeframe.H1,
        closed_time_ns=NOW,
        regime=Direction.UP,
        adx=30.0,
        slope_t=9.0,
        weight=0.25,
    )
    return TrendMeasured(
        pair=PAIR,
        event_time_ns=NOW,
        timeframes=(told,),
        missing=tuple(missing),
        bias=bias,
        agreement=agreement,
        confirmed=confirmed,
    )


def pattern(direction=Direction.UP, *, timeframe=Timeframe.H1, age_s=0, invalidation=None):
    """A pattern that was completed so long ago."""
    return PatternFound(
        pair=PAIR,
        event_time_ns=TimeNs(NOW - age_s * NS_PER_S),
        timeframe=timeframe,
        open_time_ns=TimeNs(NOW - (age_s + timeframe.seconds) * NS_PER_S),
        pattern="CDLENGULFING",
        kind=PatternKind.CANDLESTICK,
        direction=direction,
        quality=0.5,
        invalidation=invalidation,
    )


def level(price, role, *, state=LevelState.HOLDING, strength=0.5):
    """A level of two touches."""
    return PriceLevel(
        id=f"15m-{role}-{price}",
        price=price,
        tolerance=0.5,
        role=role,
        state=state,
        touches=2,
        first_touch_ns=NOW,
        last_touch_ns=NOW,
        age_bars=10,
        strength=strength,
    )


def said(*given) -> Opinion:
    """The opinion that there is."""
    told = opinion(*given)
    assert told is not None
    return told


SUPPORT, RESISTANCE = LevelRole.SUPPORT, LevelRole.RESISTANCE


def ground(*levels, atr=1.0):
    return {Timeframe.M15: Ground(levels, atr)}


def test_without_a_trend_there_is_no_opinion_and_without_a_side_nothing_to_say():
    assert opinion(trend(None), CLOSE, (), ground()) is None
    told = said(trend(0.0), CLOSE, (), ground())
    assert (told.direction, told.confidence, told.invalidation) == (0.0, 0.0, None)


def test_the_published_formula_worked_by_hand():
    both = (level(99.5, SUPPORT, strength=0.6), level(100.5, RESISTANCE, strength=0.2))
    told = said(
        trend(0.5, agreement=0.4, confirmed=Direction.UP, missing=(Timeframe.M1,)),
        CLOSE,
        (pattern(), pattern(Direction.DOWN, timeframe=Timeframe.M15), pattern(Direction.FLAT)),
        ground(*both),
    )
    # Patterns: 0.5 x 0.25/0.25 - 0.5 x 0.15/0.25 = 0.2; levels: 0.6 - 0.2 = 0.4.
    assert told.direction == pytest.approx(0.6 * 0.5 + 0.25 * 0.2 + 0.15 * 0.4)
    assert told.confidence == pytest.approx(0.6 * 0.95 * 1.4 / 2)
    assert told.invalidation == pytest.approx(99.5 - 0.5)
    assert (told.as_of_ns, told.expires_at_ns) == (NOW, NOW + LIVES_NS)
    refers = [one.refers.partition(":")[0] for one in told.reasons]
    assert refers == ["trend", "pattern", "pattern", "level", "level"]


def test_what_is_not_confirmed_counts_half():
    full = said(trend(-0.8, confirmed=Direction.DOWN), CLOSE, (), ground())
    half = said(trend(-0.8), CLOSE, (), ground())
    against = said(trend(-0.8, confirmed=Direction.UP), CLOSE, (), ground())
    assert full.direction == pytest.approx(-0.48)
    assert half.direction == against.direction == pytest.approx(-0.24)


def test_it_is_refuted_at_a_level_in_reach_and_else_by_the_average_range():
    def refuted(side, *levels, atr=1.0):
        return said(trend(side), CLOSE, (), ground(*levels, atr=atr)).invalidation

    far, near = level(96.0, SUPPORT), level(97.5, SUPPORT)
    assert refuted(1.0, far) == pytest.approx(98.0)
    assert refuted(1.0, far, near) == pytest.approx(97.0)
    assert refuted(1.0, level(97.5, SUPPORT, state=LevelState.BROKEN)) == pytest.approx(98.0)
    assert refuted(-1.0, level(102.0, RESISTANCE)) == pytest.approx(102.5)
    assert refuted(1.0, atr=None) is None
    assert refuted(1.0, atr=60.0) is None  # It would be below zero.


def test_a_pattern_counts_for_three_of_its_bars_and_until_it_is_refuted():
    kept, old = pattern(age_s=3 * 3600 - 1), pattern(age_s=3 * 3600)
    assert fresh((kept, old), NOW, CLOSE) == (kept,)
    up, down = pattern(invalidation=99.0), pattern(Direction.DOWN, invalidation=101.0)
    assert fresh((up, down), NOW, 98.9) == (down,)
    assert fresh((up, down), NOW, 101.1) == (up,)


@given(
    st.floats(-1, 1),
    st.none() | st.floats(-1, 1),
    st.none() | st.sampled_from([Direction.UP, Direction.DOWN]),
    st.lists(st.sampled_from(list(WEIGHTS)), unique=True),
    st.lists(st.sampled_from(list(Direction)), max_size=9),
    st.none() | st.floats(1e-9, 1e6),
)
@example(5e-324, None, None, [], [], None)
@example(5e-324, None, None, [], [], 1.0)
def test_no_market_makes_it_say_what_no_opinion_may_say(bias, agreed, side, missing, sides, atr):
    told = said(
        trend(bias, agreement=agreed, confirmed=side, missing=missing),
        CLOSE,
        tuple(map(pattern, sides)),
        ground(level(99.9, SUPPORT), level(100.1, RESISTANCE), atr=atr),
    )
    # Its own checks have passed: all numbers are in their ranges.
    assert told.confidence <= MOST_CONFIDENT
    assert (told.confidence == 0.0) or told.direction != 0.0
    if told.invalidation is not None:
        assert (CLOSE - told.invalidation) * told.direction > 0.0
