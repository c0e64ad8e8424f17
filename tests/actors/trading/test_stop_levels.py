"""A stop follows the price in one direction, and the average true range is Wilder's."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.trading.stop_levels import AverageRange, closer_stop
from state.config import CoverSettings, StopMode
from state.protection import Protection
from state.values import Price, Quantity
from tests.actors.examples import BTC, a_candle


def held(stop="98"):
    return Protection(
        pair=BTC,
        quantity=Quantity(Decimal(1)),
        entry=Price(Decimal(100)),
        stop=Price(Decimal(stop)),
        stop_bps=Decimal(200),
    )


def average(window, candles):
    found = AverageRange(window)
    values = []
    for high, low, close in candles:
        found = found.apply(a_candle(high=high, low=low, close=close))
        values.append(found.value)
    return values


def test_the_average_begins_with_the_mean_and_goes_on_by_a_part_of_the_new():
    candles = [(12, 10, 11), (13, 11, 12), (15, 12, 14), (14, 10, 10), (11, 10, 11)]
    # True ranges from the second candle on: 2, 3, 4, 1.
    assert average(2, candles) == [None, None, 2.5, 3.25, 2.125]


def test_a_gap_counts_from_the_close_before_it():
    assert average(2, [(10, 9, 10), (20, 19, 20), (5, 4, 5)])[-1] == (10 + 16) / 2


candles = st.lists(
    st.tuples(st.integers(100, 200), st.integers(1, 99), st.integers(1, 200)), min_size=4
)


@given(story=candles, window=st.integers(2, 5))
def test_the_average_lies_between_the_least_and_the_largest_range(story, window):
    values = [value for value in average(window, story) if value is not None]
    closes = [close for _, _, close in story]
    ranges = [
        max(high, before) - min(low, before)
        for (high, low, _), before in zip(story[1:], closes, strict=False)
    ]
    for value in values:
        assert min(ranges) - 1e-9 <= value <= max(ranges) + 1e-9


def test_a_fixed_stop_stays():
    assert closer_stop(held(), CoverSettings(), 200.0, 1.0) is None


@pytest.mark.parametrize(
    ("peak", "stop"), [(100.0, None), (100.05, None), (101.0, "98.98"), (110.0, "107.8")]
)
def test_a_trailing_stop_follows_the_best_bid_in_steps_worth_a_record(peak, stop):
    settings = CoverSettings(stop=StopMode.TRAILING, stop_bps=Decimal(200))
    found = closer_stop(held(), settings, peak, None)
    assert found == (None if stop is None else Decimal(stop))


def test_a_stop_by_the_average_range_waits_until_there_is_one():
    settings = CoverSettings(stop=StopMode.ATR, atr_multiple=3.0)
    assert closer_stop(held(), settings, 110.0, None) is None
    assert closer_stop(held(), settings, 110.0, 2.0) == 104


@given(
    peaks=st.lists(st.integers(9_000, 12_000).map(lambda cents: cents / 100), min_size=1),
    mode=st.sampled_from(list(StopMode)),
    ranges=st.floats(0.01, 5.0),
)
def test_no_stop_is_ever_drawn_away(peaks, mode, ranges):
    settings, protection = CoverSettings(stop=mode), held()
    for peak in peaks:
        stop = closer_stop(protection, settings, peak, ranges)
        if stop is not None:
            assert stop > protection.stop
            protection = held(str(stop))
