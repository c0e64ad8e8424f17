"""The trend strategy: averages worked by hand, and every decision it can come to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.trading.strategies.trend import Action, Averages, decide


def averages(*closes, fast_window=2, slow_window=4) -> Averages:
    made = Averages(fast_window=fast_window, slow_window=slow_window)
    for close in closes:
        made = made.apply(close)
    return made


def decided(made, *, imbalance=0.0, held="0", entry_bps=10.0, imbalance_min=0.2):
    wish = decide(
        averages=made,
        imbalance=imbalance,
        held=Decimal(held),
        entry_bps=entry_bps,
        imbalance_min=imbalance_min,
    )
    return None if wish is None else wish.action


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
    ("bps", "imbalance", "held", "action"),
    [
        (11.0, 0.3, "0", Action.ENTER),
        (11.0, 0.2, "0", Action.ENTER),
        (11.0, 0.19, "0", None),  # The book does not agree.
        (9.0, 0.9, "0", None),  # The trend is too weak.
        (11.0, 0.9, "1", None),  # Held already.
        (-1.0, -0.3, "1", Action.EXIT),
        (0.0, -0.2, "1", Action.EXIT),
        (-1.0, -0.19, "1", None),  # The book does not agree.
        (0.1, -0.9, "1", None),  # The trend has not turned.
        (-50.0, -0.9, "0", None),  # Nothing to sell.
    ],
)
def test_it_enters_and_leaves_when_trend_and_book_agree(bps, imbalance, held, action):
    assert decided(trending(bps), imbalance=imbalance, held=held) == action


def test_before_the_averages_are_ready_it_wants_nothing():
    assert decided(averages(100.0, 200.0, 300.0), imbalance=1.0) is None
    assert decided(averages(300.0, 200.0, 100.0), imbalance=-1.0, held="1") is None


def test_the_threshold_itself_is_enough_to_enter():
    made = Averages(fast_window=2, slow_window=4, count=4, fast=100.0, slow=100.0)
    assert decided(made, imbalance=0.0, entry_bps=0.0, imbalance_min=0.0) is Action.ENTER


def test_the_reason_says_what_was_seen():
    wish = decide(
        averages=trending(12.0), imbalance=0.5, held=Decimal(0), entry_bps=10.0, imbalance_min=0.2
    )
    assert wish is not None
    assert wish.reason == "upward: trend +12.00 bps, imbalance +0.50"


@given(
    bps=st.floats(-500, 500),
    imbalance=st.floats(-1, 1),
    held=st.sampled_from(["0", "0.5"]),
    entry_bps=st.floats(0, 50),
    imbalance_min=st.floats(0, 1),
)
def test_it_never_buys_what_it_holds_nor_sells_what_it_does_not(
    bps, imbalance, held, entry_bps, imbalance_min
):
    action = decided(
        trending(bps),
        imbalance=imbalance,
        held=held,
        entry_bps=entry_bps,
        imbalance_min=imbalance_min,
    )
    assert action is not (Action.ENTER if Decimal(held) else Action.EXIT)
