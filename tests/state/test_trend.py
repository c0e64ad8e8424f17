"""Regimes with hysteresis, agreement with published weights, and no bar before its close."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.candle import length_ns
from state.messages.market import Timeframe
from state.messages.signals import Direction
from state.trend import (
    LATE_NS,
    SLOW,
    T_MOST,
    WEIGHTS,
    RegimeFold,
    TrendView,
    agreement,
    bias,
    confirmed,
    slope_t,
)
from state.values import Pair

M1, M5, M15, H1, H4, D1 = WEIGHTS
PAIR = Pair("BTC_USDT")
UP, DOWN, FLAT = 1, -1, 0


def test_the_published_weights_add_up_to_one():
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("side", [UP, DOWN])
def test_identical_trends_agree_opposite_ones_do_not_and_flat_is_nothing(side):
    alike = dict.fromkeys(WEIGHTS, side)
    assert bias(alike) == pytest.approx(side)
    assert agreement(alike) == pytest.approx(1.0)
    opposite = {one: side if one in SLOW else -side for one in WEIGHTS}
    assert agreement(opposite) == pytest.approx(-1.0)
    assert agreement(dict.fromkeys(WEIGHTS, FLAT)) == 0.0
    partly = agreement({M1: side, H1: side} | dict.fromkeys((M5, M15, H4, D1), FLAT))
    assert partly == pytest.approx(0.05 / 0.30 * 0.25 / 0.70)


def test_what_is_missing_has_no_say_and_too_much_of_it_is_unknown():
    # Hand-worked: M15 weighs half of the fast (0.15 of 0.30), H1 and H4 0.50 of 0.70.
    assert agreement({M15: UP, H1: UP, H4: DOWN}) == pytest.approx(0.0)
    assert agreement({M15: UP, H1: UP, H4: UP}) == pytest.approx(1.0)
    assert agreement({M5: UP, H1: UP, H4: UP}) is None  # 0.10 of 0.30 fast.
    assert bias({M15: UP, H1: UP, H4: DOWN}) == pytest.approx(0.15 / 0.65)
    assert bias({M1: UP, M5: UP, M15: UP}) is None
    assert (bias({}), agreement({}), confirmed({})) == (None, None, None)


def test_three_of_five_confirm_when_one_of_them_is_an_hour_or_more():
    assert confirmed({M1: UP, M5: UP, M15: UP, H1: FLAT}) is None
    assert confirmed({M1: UP, M5: UP, H1: UP, H4: DOWN}) is Direction.UP
    assert confirmed({M1: UP, M5: UP, D1: UP}) is None  # A day is context: it has no vote.
    assert confirmed({M5: DOWN, M15: DOWN, H4: DOWN, M1: UP, H1: UP}) is Direction.DOWN


signs = st.dictionaries(st.sampled_from(list(WEIGHTS)), st.sampled_from([UP, FLAT, DOWN]))


@given(signs)
def test_scores_stay_in_bounds_and_turn_with_the_market(told):
    turned = {one: -sign for one, sign in told.items()}
    for score, sign in ((bias, -1), (agreement, 1)):
        value, other = score(told), score(turned)
        assert (value is None) == (other is None)
        if value is not None and other is not None:
            assert -1.0 - 1e-12 <= value <= 1.0 + 1e-12
            assert other == pytest.approx(sign * value)


@given(st.integers(0, 10**6), st.integers(3, 60))
def test_the_slope_has_the_t_statistic_of_the_textbook(seed, count):
    values = np.cumsum(np.random.default_rng(seed).normal(size=count))
    design = np.c_[np.ones(count), np.arange(count)]
    (_, slope), rest, *_ = np.linalg.lstsq(design, values)
    error = math.sqrt(rest[0] / (count - 2) * np.linalg.inv(design.T @ design)[1, 1])
    expected = max(-T_MOST, min(T_MOST, slope / error))
    assert slope_t(values.tolist()) == pytest.approx(expected, rel=1e-6)


def test_a_straight_line_and_no_line_have_values_too():
    assert slope_t([1.0, 2.0, 3.0, 4.0]) == T_MOST
    assert slope_t([4.0, 3.0, 2.0]) == -T_MOST
    assert slope_t([math.log(50_000.1)] * 30) == 0.0


def regimes(closes, adx) -> list[Direction | None]:
    """Return the regime at each bar."""
    fold = RegimeFold()
    return [fold.apply(close, strength) for close, strength in zip(closes, adx, strict=True)]


def test_a_regime_is_entered_late_and_left_later():
    rising = [100.0 * 1.01**n * (1.02 if n % 2 else 1.0) for n in range(40)]
    assert regimes(rising[:29], [30.0] * 29)[-1] is None
    assert regimes(rising, [24.0] * 40)[-1] is Direction.FLAT
    assert regimes(rising, [25.0] * 40)[-1] is Direction.UP
    # Once in, an ADX between 20 and 25 does not end it; below 20 does, and then 24 is too little.
    told = regimes([*rising, *rising[-1:] * 3], [25.0] * 40 + [21.0, 19.0, 24.0])
    assert told[-3:] == [Direction.UP, Direction.FLAT, Direction.FLAT]
    falling = list(reversed(rising))
    assert regimes(falling, [25.0] * 40)[-1] is Direction.DOWN


def test_a_random_walk_is_seldom_called_a_trend():
    import talib  # noqa: PLC0415 (the only one here who needs it)

    chance = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(chance.normal(0, 0.01, 5_000)))
    reach = 1 + chance.exponential(0.005, 5_000)
    adx = talib.ADX(close * reach, close / reach, close, 14)
    told = regimes(close.tolist(), [None if math.isnan(one) else one for one in adx.tolist()])
    share = sum(one in (Direction.UP, Direction.DOWN) for one in told) / len(told)
    assert share < 0.30


def test_a_longer_timeframe_is_seen_at_its_close_and_not_before():
    view = TrendView(PAIR)
    minute, hour = length_ns(Timeframe.M1), length_ns(Timeframe.H1)
    for n in range(60):
        view.apply(M1, n * minute, 100.0 + n, 30.0)
        measured = view.measured((n + 1) * minute)
        assert [one.timeframe for one in measured.timeframes] == [M1]
        assert measured.timeframes[0].closed_time_ns == (n + 1) * minute
    assert H1 in measured.missing
    view.apply(H1, 0, 160.0, None)
    [fast, slow] = view.measured(hour).timeframes
    assert (slow.timeframe, slow.closed_time_ns, slow.regime) == (H1, hour, None)
    assert fast.regime is Direction.UP
    with pytest.raises(AssertionError, match="future"):
        view.measured(hour - 1)


def test_a_timeframe_that_fell_silent_loses_its_say():
    view = TrendView(PAIR)
    for n in range(40):
        view.apply(M15, n * length_ns(M15), 100.0 + n, 30.0)
    ended = 40 * length_ns(M15)
    assert M15 not in view.measured(ended + length_ns(M15) + LATE_NS).missing
    assert M15 in view.measured(ended + length_ns(M15) + LATE_NS + 1).missing
    view.begin(M15)
    assert view.measured(ended).timeframes == ()
