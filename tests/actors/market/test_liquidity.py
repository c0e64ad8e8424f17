"""The liquidity score keeps to its published weights, knows its own week, and sees a thin book."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market.book_watch import BookWatch
from actors.market.liquidity import (
    DAY_NS,
    SAMPLES_MIN,
    WEIGHTS,
    WeekOfScores,
    scaled,
    score,
)
from actors.market.resilience import GIVEN_UP_S, Resilience
from state.order_book import OrderBook
from state.values import NS_PER_S, TimeNs
from tests.actors.examples import NOW, a_measure, a_snapshot

GOOD: dict[str, Any] = {"spread_bps": 0.5, "depth": 1e6, "cost_bps": 1.0, "half_life_s": 0.5}
BAD: dict[str, Any] = {"spread_bps": 50.0, "depth": 1e3, "cost_bps": 100.0, "half_life_s": 60.0}


def test_the_weights_are_those_of_the_page_and_each_part_has_its_own():
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert score(**GOOD) == pytest.approx(100.0)
    assert score(**BAD) == pytest.approx(0.0)
    parts = {
        "spread": "spread_bps",
        "depth": "depth",
        "cost": "cost_bps",
        "resilience": "half_life_s",
    }
    for name, member in parts.items():
        assert score(**BAD | {member: GOOD[member]}) == pytest.approx(100 * WEIGHTS[name])


def test_halfway_between_the_ends_is_their_geometric_mean():
    assert scaled(5.0, (50.0, 0.5)) == pytest.approx(0.5)
    assert scaled(31_622.8, (1e3, 1e6)) == pytest.approx(0.5, abs=1e-5)


def test_what_is_not_known_shares_its_weight_and_what_is_not_there_has_none():
    assert score(**GOOD | {"half_life_s": None}) == pytest.approx(100.0)
    assert score(**GOOD | {"cost_bps": None}) == pytest.approx(100 * (1 - WEIGHTS["cost"]))


@given(
    st.floats(0.0, 1e6), st.floats(0.0, 1e12), st.none() | st.floats(0.0, 1e6), st.floats(0.0, 1e4)
)
def test_it_stays_within_its_range(spread, depth, cost, half_life):
    points = score(spread_bps=spread, depth=depth, cost_bps=cost, half_life_s=half_life)
    assert 0.0 <= points <= 100.0 + 1e-9


days = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 100)), max_size=300)


@given(days)
def test_the_week_is_that_of_the_newest_seven_days(scores):
    scores = sorted(scores, key=lambda one: one[0])
    week = WeekOfScores()
    for day, points in scores:
        week.add(float(points), day * DAY_NS + 5)
    newest = max((day for day, _ in scores), default=0)
    kept = [points for day, points in scores if day > newest - 7]
    if week.count < SAMPLES_MIN:
        assert week.percentile(50.0) is None
    assert week.count == len(kept)
    again = WeekOfScores(week.days())
    assert (again.count, again.days()) == (week.count, week.days())


def test_the_percentile_is_the_share_below_with_ties_counted_half():
    week = WeekOfScores()
    for number in range(SAMPLES_MIN):
        week.add(float(number % 4) * 10, NOW)
    assert [week.percentile(points) for points in (0.0, 10.0, 15.0, 30.0, 99.0)] == [
        12.5,
        37.5,
        50.0,
        87.5,
        100.0,
    ]


def a_book(size):
    book = OrderBook(100)
    bids = tuple((100.0 - 0.01 * number, size) for number in range(60))
    asks = tuple((100.01 + 0.01 * number, size) for number in range(60))
    book.apply_snapshot(a_snapshot(bids=bids, asks=asks))
    return book


def measured(watch, size, second=0):
    book, at_ns = a_book(size), TimeNs(NOW + second * NS_PER_S)
    best = book.best()
    assert best is not None
    bps = (best.ask - best.bid) / 100.005 * 10_000
    return watch.liquidity(book, a_measure(mid=100.005, spread_bps=bps, event_time_ns=at_ns))


def test_a_thin_book_scores_visibly_less_than_it_used_to():
    watch = BookWatch(1.0)
    for second in range(SAMPLES_MIN + 1):
        usual = measured(watch, 100.0, second)
    thin = measured(watch, 1.0)
    assert usual.percentile == pytest.approx(50.0, abs=0.1)
    assert thin.score < usual.score - 20
    assert thin.percentile < 1.0
    assert thin.buy_cost_10000 is thin.sell_cost_10000 is None
    assert thin.buy_cost_1000 > usual.buy_cost_1000


def test_what_was_measured_is_kept_over_a_restart():
    watch = BookWatch(1.0)
    assert watch.state() is None
    for second in range(SAMPLES_MIN):
        measured(watch, 100.0, second)
    later, kept = BookWatch(1.0), watch.state()
    assert kept is not None
    later.restore(kept)
    assert measured(later, 100.0).samples == SAMPLES_MIN


# Resilience.


def hit(resilience, at_s, *, recovers_s):
    """Take 80 % off a depth of 1000, and have it come back in a straight line."""
    resilience.apply(200.0, int(at_s * NS_PER_S))
    for step in range(1, 11):
        at_ns = int((at_s + recovers_s * step / 10) * NS_PER_S)
        resilience.apply(200.0 + 80.0 * step, at_ns)


def watched(until_s=600):
    resilience = Resilience()
    for second in range(until_s + 1):
        resilience.apply(1000.0, second * NS_PER_S)
    return resilience


def test_the_half_life_is_the_time_until_half_is_back():
    resilience = watched()
    for number, recovers_s in enumerate((2.0, 4.0, 20.0)):
        assert resilience.half_life_s() is None
        hit(resilience, 601 + 60 * number, recovers_s=recovers_s)
    assert resilience.half_lives == pytest.approx((1.0, 2.0, 10.0))
    assert resilience.half_life_s() == pytest.approx(2.0)


def test_a_depth_that_does_not_come_back_counts_as_given_up_and_becomes_usual():
    resilience = watched()
    for second in range(601, 701):
        resilience.apply(200.0, second * NS_PER_S)
    assert resilience.half_lives == (GIVEN_UP_S,)
    for second in range(701, 900):
        resilience.apply(200.0, second * NS_PER_S)
    assert resilience.half_lives == (GIVEN_UP_S,)


def test_a_hole_forgets_the_shock_and_keeps_what_was_measured():
    resilience = watched()
    hit(resilience, 601, recovers_s=2.0)
    resilience.apply(200.0, 640 * NS_PER_S)
    resilience.begin()
    resilience.apply(1000.0, 641 * NS_PER_S)
    assert len(resilience.half_lives) == 1
