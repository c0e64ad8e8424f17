"""The trend strategy: averages worked by hand, and every decision it can come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.trading.strategies.trend import Averages, opinion
from state.config.settings import TrendSettings
from tests.actors.examples import BTC, a_measure


def averages(*closes, fast_window=2, slow_window=4) -> Averages:
    made = Averages(fast_window=fast_window, slow_window=slow_window)
    for close in closes:
        made = made.apply(close)
    return made


def decided(made, *, imbalance=0.0, held=False, entry_bps=10.0, imbalance_min=0.2):
    settings = TrendSettings(entry_bps=entry_bps, imbalance_min=imbalance_min)
    said = opinion(BTC, made, a_measure(imbalance=imbalance), holds=held, settings=settings)
    return None if said is None else said.direction


# TA-Lib's EMA: the mean of the first window, from then on alpha = 2 / (window + 1).


def test_the_first_window_is_its_mean():
    made = averages(10.0, 20.0, 60.0, 70.0)
    assert made.slow == 40.0


def test_after_the_first_window_each_close_moves_it_by_alpha():
    # Window 2: mean of 10 and 20 is 15; alpha 2/3: 15 + 2/3 x (60 - 15) = 45, then 61 2/3.
    assert averages(10.0, 20.0).fast == 15.0
    assert averages(10.0, 20.0, 60.0).fast == 45.0
    assert averages(10.0, 20.0, 60.0, 70.0).fast == pytest.approx(61 + 2 / 3)
    # Window 4: mean 40; alpha 2/5: 40 + 2/5 x (80 - 40) = 56.
    assert averages(10.0, 20.0, 60.0, 70.0, 80.0).slow == pytest.approx(56.0)


def test_a_window_of_one_is_the_last_close():
    assert averages(10.0, 20.0, 7.0, fast_window=1).fast == 7.0


def test_it_is_ready_once_the_slow_window_is_full():
    assert [averages(*[1.0] * count).ready for count in (0, 3, 4, 5)] == [False, False, True, True]


def test_the_trend_is_fast_over_slow_in_basis_points():
    made = Averages(fast_window=2, slow_window=4, count=4, fast=101.0, slow=100.0)
    assert made.trend_bps == pytest.approx(100.0)


@given(
    closes=st.lists(st.floats(1.0, 1e6), min_size=1, max_size=40),
    fast=st.integers(1, 10),
    slow=st.integers(2, 20),
)
def test_an_average_lies_within_what_it_averages(closes, fast, slow):
    made = averages(*closes, fast_window=fast, slow_window=slow)
    assert made.count == len(closes)
    for average in (made.fast, made.slow):
        assert min(closes) * (1 - 1e-9) <= average <= max(closes) * (1 + 1e-9)


# Deciding.


def trending(bps: float) -> Averages:
    return Averages(fast_window=2, slow_window=4, count=4, fast=100.0 + bps / 100, slow=100.0)


@pytest.mark.parametrize(
    ("bps", "imbalance", "held", "direction"),
    [
        (11.0, 0.3, False, 1.0),
        (11.0, 0.2, False, 1.0),
        (11.0, 0.19, False, 0.0),  # The book does not agree.
        (9.0, 0.9, False, 0.0),  # The trend is too weak.
        (11.0, 0.9, True, 0.0),  # Held already.
        (-1.0, -0.3, True, -1.0),
        (0.0, -0.2, True, -1.0),
        (-1.0, -0.19, True, 0.0),  # The book does not agree.
        (0.1, -0.9, True, 0.0),  # The trend has not turned.
        (-50.0, -0.9, False, 0.0),  # Nothing to sell.
    ],
)
def test_it_speaks_when_trend_and_book_agree(bps, imbalance, held, direction):
    assert decided(trending(bps), imbalance=imbalance, held=held) == direction


def test_before_the_averages_are_ready_it_has_no_opinion():
    assert decided(averages(100.0, 200.0, 300.0), imbalance=1.0) is None
    assert decided(averages(300.0, 200.0, 100.0), imbalance=-1.0, held=True) is None


def test_the_threshold_itself_is_enough_to_enter():
    made = Averages(fast_window=2, slow_window=4, count=4, fast=100.0, slow=100.0)
    assert decided(made, imbalance=0.0, entry_bps=0.0, imbalance_min=0.0) == 1.0


def test_what_it_says_is_of_this_book_alone_and_says_what_was_seen():
    book = a_measure(imbalance=0.5)
    said = opinion(BTC, trending(12.0), book, holds=False, settings=TrendSettings())
    assert said is not None
    assert said.confidence == 1.0
    assert said.as_of_ns == book.event_time_ns < said.expires_at_ns
    assert said.reasons[0].says == "upward: trend +12.00 bps, imbalance +0.50"
