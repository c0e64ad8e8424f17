"""Pivots and the levels made of them: known ones are found, nothing of the future goes in."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.indicators.bars import Bar, Columns
from state.levels import MOST, TOLERANCE, LevelBook
from state.messages.market import Timeframe
from state.messages.signals import LevelRole, LevelState, PriceLevel
from state.pivots import WIDTH, PivotFold
from tests.state.indicators.walks import drawn, walk


def levels_of(bars: Columns, atr: float = 1.0, timeframe: Timeframe = Timeframe.H1):
    """Return the levels after each bar."""
    pivots, book, told = PivotFold(), LevelBook(timeframe), []
    for bar in bars.rows():
        book.apply(bar, pivots.apply(bar), atr)
        told.append(book.levels())
    return told


def near(levels: tuple[PriceLevel, ...], price: float) -> PriceLevel:
    """Return the one level within its tolerance of `price`."""
    [found] = [one for one in levels if abs(one.price - price) <= one.tolerance]
    return found


def way(*corners: float, steps: int = 8) -> list[float]:
    """Return closes that go straight from corner to corner."""
    closes = [corners[0]]
    for one, other in pairwise(corners):
        closes += [one + (other - one) * n / steps for n in range(1, steps + 1)]
    return closes


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_pivots_equal_a_search_that_knows_everything(seed):
    bars = walk(seed, 120).rows()
    fold = PivotFold()
    found = [(one.is_high, one.place) for bar in bars for one in fold.apply(bar)]
    expected = []
    for place in range(WIDTH, len(bars) - WIDTH):
        before, after = bars[place - WIDTH : place], bars[place + 1 : place + 1 + WIDTH]
        bar = bars[place]
        if bar.high > max(b.high for b in before) and bar.high >= max(b.high for b in after):
            expected.append((True, place))
        if bar.low < min(b.low for b in before) and bar.low <= min(b.low for b in after):
            expected.append((False, place))
    assert found == expected


def test_known_levels_are_recovered_from_a_noisy_range():
    # A market that turns between 100 and 110, each turn up to a quarter off.
    chance = np.random.default_rng(4)
    corners = [(100.0 if n % 2 else 110.0) + chance.uniform(-0.25, 0.25) for n in range(21)]
    levels = levels_of(drawn(way(*corners)))[-1]
    assert len(levels) == 2
    support, resistance = near(levels, 100.0), near(levels, 110.0)
    assert (support.role, support.state) == (LevelRole.SUPPORT, LevelState.HOLDING)
    assert (resistance.role, resistance.state) == (LevelRole.RESISTANCE, LevelState.HOLDING)
    assert support.touches + resistance.touches == 19  # All turns but the first and the last.
    assert support.price == pytest.approx(100.0, abs=0.15)
    assert resistance.price == pytest.approx(110.0, abs=0.15)
    assert support.age_bars > 100


def test_a_broken_support_that_is_met_from_below_has_flipped():
    told = levels_of(drawn(way(105, 100, 105, 100, 105, 95, 100, 94)))
    support = near(told[36], 100.0)
    assert (support.touches, support.state) == (2, LevelState.HOLDING)
    broken = near(told[40], 100.0)
    assert (broken.id, broken.state, broken.role) == (
        support.id,
        LevelState.BROKEN,
        LevelRole.SUPPORT,
    )
    flipped = near(told[-1], 100.0)
    assert (flipped.id, flipped.state, flipped.role) == (
        support.id,
        LevelState.FLIPPED,
        LevelRole.RESISTANCE,
    )
    assert (flipped.touches, flipped.first_touch_ns) == (3, support.first_touch_ns)
    assert broken.strength < support.strength


def test_a_false_break_holds_again_and_a_miss_is_no_touch():
    told = levels_of(drawn(way(105, 100, 105, 98, 105)))
    assert near(told[23], 100.0).state is LevelState.BROKEN
    assert near(told[-1], 100.0).state is LevelState.HOLDING
    # Half an average range is the tolerance: a turn at 100.6 founds a level of its own.
    levels = levels_of(drawn(way(105, 100, 105, 100.0 + TOLERANCE + 0.1, 105)))[-1]
    assert near(levels, 100.0).touches == 1
    assert near(levels, 100.6).touches == 1


@given(st.integers(0, 10**6), st.integers(60, 140))
@settings(max_examples=25)
def test_the_future_changes_nothing_and_equal_bars_give_equal_ids(seed, cut):
    bars = walk(seed, 160)
    other = walk(seed + 1, 160)
    changed = [*bars.rows()[:cut], *(Bar(*row) for row in other.rows()[cut:])]
    ours, theirs = levels_of(bars, 2.0), levels_of(Columns.of(changed), 2.0)
    assert ours[:cut] == theirs[:cut]
    for levels in ours:
        assert len(levels) <= MOST
        strengths = [one.strength for one in levels]
        assert strengths == sorted(strengths, reverse=True)
        assert all(0.0 <= one <= 1.0 for one in strengths)
        assert len({one.id for one in levels}) == len(levels)


def test_nothing_is_founded_before_the_average_range_is_known():
    pivots, book = PivotFold(), LevelBook(Timeframe.M5)
    for bar in drawn(way(105, 100, 105, 100)).rows():
        assert not book.apply(bar, pivots.apply(bar), None)
    assert book.levels() == ()
