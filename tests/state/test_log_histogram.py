"""A histogram tells percentiles within its stated error, and adds up."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from state.log_histogram import LARGEST, RELATIVE_ERROR, LogHistogram, bucket_of, middle_of

numbers = st.integers(0, LARGEST) | st.integers(0, 200) | st.integers(0, 10**9)
many = st.lists(numbers, min_size=1, max_size=200)


def filled(values):
    histogram = LogHistogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(numbers)
def test_a_number_is_told_within_the_stated_error(number):
    assert abs(middle_of(bucket_of(number)) - number) <= RELATIVE_ERROR * number


@given(numbers, numbers)
def test_buckets_are_in_the_order_of_the_numbers(one, other):
    assert (bucket_of(one) <= bucket_of(other)) or one > other


@given(many, st.floats(0.001, 1.0))
def test_a_percentile_is_the_exact_one_within_the_stated_error(values, share):
    exact = sorted(values)[ceil(share * len(values)) - 1]
    told = filled(values).percentile(share)
    assert abs(told - exact) <= RELATIVE_ERROR * exact


@given(many, many)
def test_two_added_up_are_the_one_that_counted_all(first, second):
    both, whole = filled(first), filled(first + second)
    other = filled(second)
    both.add(other.counts(), other.largest)
    assert (both.counts(), both.count, both.largest) == (
        whole.counts(),
        whole.count,
        max(first + second),
    )


def test_nothing_counted_has_no_percentile_and_clearing_forgets():
    assert LogHistogram().percentile(0.5) is None
    histogram = filled([5, 7])
    histogram.clear()
    assert (histogram.percentile(1.0), histogram.count, histogram.largest) == (None, 0, 0)


def test_what_is_below_zero_or_beyond_a_day_is_counted_at_the_end():
    histogram = filled([-3, LARGEST * 5])
    assert (histogram.percentile(0.5), histogram.percentile(1.0)) == (0, LARGEST)
