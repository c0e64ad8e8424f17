"""The promise: `intensity` restarts within any period are allowed, the next one is not."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from supervisor.restart_budget import RestartBudget

SECOND = 1_000_000_000


def spent(intensity, period_s, *at_s):
    budget = RestartBudget(intensity, period_s)
    return [budget.spend(int(at * SECOND)) for at in at_s]


def test_one_more_than_the_intensity_is_too_many():
    assert spent(2, 10, 1, 2, 3) == [True, True, False]


def test_a_restart_exactly_one_period_old_still_counts():
    assert spent(1, 10, 0, 10) == [True, False]
    assert spent(1, 10, 0, 10.001) == [True, True]


def test_intensity_zero_allows_none():
    assert spent(0, 10, 5) == [False]


def test_new_limits_keep_what_was_spent():
    budget = RestartBudget(5, 10)
    budget.spend(0)
    budget.limit(1, 10)
    assert not budget.spend(SECOND)


@given(
    intensity=st.integers(0, 5),
    period_s=st.integers(1, 20),
    gaps_s=st.lists(st.integers(0, 15), max_size=40),
)
def test_it_agrees_with_counting_by_hand(intensity, period_s, gaps_s):
    budget = RestartBudget(intensity, period_s)
    times = list(accumulate(gaps_s))
    for number, now in enumerate(times):
        within = sum(1 for at in times[: number + 1] if now - at <= period_s)
        assert budget.spend(now * SECOND) == (within <= intensity)
        assert budget.within(now * SECOND) == within
