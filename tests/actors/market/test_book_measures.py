"""Measures of the best levels: worked by hand, and within their bounds whatever the book."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market.book_measures import mid, queue_imbalance, spread_bps, weighted_mid

sizes = st.floats(1e-8, 1e9)


@st.composite
def best_levels(draw) -> tuple[float, float, float, float]:
    bid = draw(st.floats(1e-8, 1e8))
    ask = bid * (1 + draw(st.floats(1e-6, 0.5)))
    return bid, draw(sizes), ask, draw(sizes)


def test_the_mid_lies_halfway():
    assert mid(99.0, 101.0) == 100.0


def test_the_spread_is_counted_in_basis_points_of_the_mid():
    assert spread_bps(99.0, 101.0) == pytest.approx(200.0)


def test_the_weighted_mid_leans_away_from_the_larger_queue():
    # 3 on the bid against 1 on the ask: the next trade is likelier at the ask.
    assert weighted_mid(99.0, 3.0, 101.0, 1.0) == 100.5


def test_equal_queues_weigh_to_the_mid():
    assert weighted_mid(99.0, 2.0, 101.0, 2.0) == mid(99.0, 101.0)


@pytest.mark.parametrize(
    ("bid_size", "ask_size", "imbalance"), [(3.0, 1.0, 0.5), (1.0, 3.0, -0.5), (2.0, 2.0, 0.0)]
)
def test_the_imbalance_is_the_difference_over_the_sum(bid_size, ask_size, imbalance):
    assert queue_imbalance(bid_size, ask_size) == imbalance


@given(best=best_levels())
def test_the_weighted_mid_lies_between_the_best_prices(best):
    bid, _, ask, _ = best
    weighted = weighted_mid(*best)
    assert bid <= weighted <= ask or math.isclose(weighted, bid) or math.isclose(weighted, ask)


@given(bid_size=sizes, ask_size=sizes)
def test_the_imbalance_is_bounded_and_changes_sign_with_the_sides(bid_size, ask_size):
    imbalance = queue_imbalance(bid_size, ask_size)
    assert -1 <= imbalance <= 1
    assert queue_imbalance(ask_size, bid_size) == -imbalance


@given(best=best_levels())
def test_a_spread_is_above_zero(best):
    bid, _, ask, _ = best
    assert spread_bps(bid, ask) > 0
