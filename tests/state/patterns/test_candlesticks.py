"""All of TA-Lib's patterns, bar by bar as over whole columns; textbook candles and near misses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.indicators.bars import BadBar, Bar, Columns
from state.messages.signals import Direction
from state.patterns.candlesticks import (
    UNDECIDED,
    Candlesticks,
    direction_of,
    names,
    whole,
)
from state.values import TimeNs
from tests.state.indicators.walks import START_NS, walk

HOUR_NS = 3_600_000_000_000


def test_they_are_sixty_one_and_the_undecided_are_among_them():
    assert len(names()) == 61
    assert set(names()) > UNDECIDED


@given(st.integers(0, 10**6))
@settings(max_examples=8)
def test_bar_by_bar_they_equal_whole_columns(seed):
    bars = walk(seed, 150)
    patterns = Candlesticks()
    told = [dict(patterns.apply(bar)) for bar in bars.rows()]
    late = Candlesticks()
    late.warm(bars.part(0, 70))
    assert [dict(late.apply(bar)) for bar in bars.rows()[70:]] == told[70:]
    for name in names():
        ours = np.array([one.get(name, 0) for one in told], dtype=float)
        assert (ours == whole(name, bars)).all(), name


def after(trend: int, *candles: tuple[float, float, float, float]) -> dict[str, int]:
    """Return the patterns at the last of `candles` (open, high, low, close) after a trend."""
    rows = []
    for n in range(25):
        middle = 100.0 + trend * (n - 24)
        rows.append((middle - trend * 0.5, middle + 1.0, middle - 1.0, middle + trend * 0.5))
    rows += candles
    patterns, told = Candlesticks(), {}
    for n, row in enumerate(rows):
        told = dict(patterns.apply(Bar(TimeNs(START_NS + n * HOUR_NS), *row, 1.0)))
    return told


TEXTBOOK = [
    ("CDLENGULFING", -1, [(99.5, 100, 98, 98.5), (98, 101.5, 97.8, 101.2)], 1),
    ("CDLHAMMER", -1, [(98.0, 98.35, 95.0, 98.3)], 1),
    ("CDLSHOOTINGSTAR", 1, [(101.6, 104.5, 101.55, 101.9)], -1),
    (
        "CDLMORNINGSTAR",
        -1,
        [(99.5, 99.8, 95.5, 95.8), (95.0, 95.3, 94.6, 94.8), (95.6, 99.4, 95.5, 99.2)],
        1,
    ),
    (
        "CDLEVENINGSTAR",
        1,
        [(100.5, 104.5, 100.2, 104.2), (105.0, 105.3, 104.8, 105.2), (104.5, 104.6, 100.8, 101.0)],
        -1,
    ),
    ("CDLDARKCLOUDCOVER", 1, [(100.5, 103.2, 100.4, 103.0), (103.6, 103.8, 100.9, 101.2)], -1),
    ("CDLPIERCING", -1, [(99.5, 99.6, 96.8, 97.0), (96.4, 98.9, 96.2, 98.8)], 1),
]


@pytest.mark.parametrize(("name", "trend", "candles", "sign"), TEXTBOOK)
def test_a_textbook_candle_is_found(name, trend, candles, sign):
    value = after(trend, *candles).get(name, 0)
    assert np.sign(value) == sign
    assert direction_of(name, value).sign == sign


NEAR_MISSES = [
    # The body does not reach around the one before.
    ("CDLENGULFING", -1, [(99.5, 100, 98, 98.5), (98.6, 101.5, 97.8, 99.4)]),
    # The lower shadow is as short as the body.
    ("CDLHAMMER", -1, [(98.0, 98.35, 97.7, 98.3)]),
    # The upper shadow is short.
    ("CDLSHOOTINGSTAR", 1, [(101.6, 102.1, 101.55, 101.9)]),
    # The third candle does not come back into the first.
    (
        "CDLMORNINGSTAR",
        -1,
        [(99.5, 99.8, 95.5, 95.8), (95.0, 95.3, 94.6, 94.8), (95.0, 96.2, 94.9, 96.1)],
    ),
    (
        "CDLEVENINGSTAR",
        1,
        [(100.5, 104.5, 100.2, 104.2), (105.0, 105.3, 104.8, 105.2), (105.0, 105.1, 103.6, 103.8)],
    ),
    # It opens within the candle before, not above its high.
    ("CDLDARKCLOUDCOVER", 1, [(100.5, 103.2, 100.4, 103.0), (103.1, 103.2, 100.9, 101.2)]),
    # It closes below the middle of the body before.
    ("CDLPIERCING", -1, [(99.5, 99.6, 96.8, 97.0), (96.4, 98.2, 96.2, 98.0)]),
]


@pytest.mark.parametrize(("name", "trend", "candles"), NEAR_MISSES)
def test_a_near_miss_is_not_found(name, trend, candles):
    assert name not in after(trend, *candles)


def test_a_doji_takes_no_side():
    told = after(0, (100.0, 101.5, 98.5, 100.0))
    assert told["CDLDOJI"] == 100
    assert direction_of("CDLDOJI", 100) is Direction.FLAT


def test_nonsense_is_refused_and_changes_nothing():
    bars = walk(3, 60).rows()
    one, other = Candlesticks(), Candlesticks()
    for bar in bars[:-1]:
        one.apply(bar)
        other.apply(bar)
    with pytest.raises(BadBar):
        one.apply(bars[-1]._replace(low=0.0))
    assert one.apply(bars[-1]) == other.apply(bars[-1])
    assert Columns.of([]).rows() == []
