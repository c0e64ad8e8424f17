"""The promise: delays double up to a cap, jitter comes after the cap, a good life forgets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.backoff import Backoff


def test_delays_double_up_to_the_cap():
    backoff = Backoff(min_s=0.1, max_s=0.4, jitter=0)
    assert [backoff.delay_s(failures, 0.5) for failures in range(4)] == [0.1, 0.2, 0.4, 0.4]


def test_jitter_comes_after_the_cap():
    backoff = Backoff(min_s=1, max_s=4, jitter=0.5)
    assert backoff.delay_s(10, 0.0) == 4
    assert backoff.delay_s(10, 0.5) == 5


def test_a_life_as_long_as_the_least_delay_forgets_failures_unless_told_otherwise():
    assert Backoff(min_s=0.5, max_s=4).forgets(0.5)
    assert not Backoff(min_s=0.5, max_s=4).forgets(0.49)
    assert not Backoff(min_s=0.5, max_s=4, reset_after_s=10).forgets(9)


@pytest.mark.parametrize("settings", [{"min_s": 0, "max_s": 1}, {"min_s": 2, "max_s": 1}])
def test_delays_that_make_no_sense_are_refused(settings):
    with pytest.raises(AssertionError):
        Backoff(**settings)


@given(failures=st.integers(0, 10**6), chance=st.floats(0, 1, exclude_max=True))
def test_a_delay_never_exceeds_the_cap_by_more_than_the_jitter(failures, chance):
    backoff = Backoff(min_s=0.1, max_s=30, jitter=0.2)
    assert 0.1 <= backoff.delay_s(failures, chance) <= 30 * 1.2
