"""Textbook shapes are found, near misses are not, and nothing later changes what was told."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.indicators.bars import Bar, Columns
from state.messages.signals import Direction, PatternKind
from state.patterns.chart import UPSIDE_DOWN, ChartPatterns, Found
from state.pivots import PivotFold
from tests.state.indicators.walks import drawn, walk


def way(*corners: tuple[int, float]) -> list[float]:
    """Return closes that go straight from corner to corner, each (bar, price).

    Five bars lead to the first corner from the other side, so that it is a turn as well.
    """
    first, second = corners[0][1], corners[1][1]
    closes = [first + (second - first) * n / 20 for n in range(5, 0, -1)]
    closes.append(first)
    for (begin, one), (end, other) in pairwise(corners):
        steps = end - begin
        closes += [one + (other - one) * n / steps for n in range(1, steps + 1)]
    return closes


def found_in(bars: Columns, atr: float = 1.0) -> list[list[Found]]:
    """Return what each bar completed, by the average true range given."""
    pivots, patterns = PivotFold(), ChartPatterns()
    return [list(patterns.apply(bar, pivots.apply(bar), atr)) for bar in bars.rows()]


def names_in(closes: list[float]) -> list[str]:
    """Return the names of all patterns in closes, in the order of their completion."""
    return [one.name for told in found_in(drawn(closes)) for one in told]


def mirrored(closes: list[float]) -> list[float]:
    """Return the same way upside down."""
    return [200.0 - close for close in closes]


DOUBLE_TOP = way((0, 95), (10, 110), (18, 104), (26, 110.4), (40, 100))
HEAD_CORNERS = ((0, 90), (10, 104), (16, 100), (24, 110), (32, 100.5), (40, 104.5), (54, 95))
HEAD = way(*HEAD_CORNERS)
TRIANGLE_CORNERS = ((0, 92), (8, 108), (16, 98))
TRIANGLE = way(*TRIANGLE_CORNERS, (24, 105), (32, 98.2), (38, 102), (48, 92))
SYMMETRICAL = way((0, 92), (8, 108), (16, 96), (24, 105), (32, 99), (38, 102), (48, 92))
FLAG = way((0, 108), (8, 110), (14, 98), (19, 102), (24, 100), (27, 101.4), (36, 92))
TEXTBOOK = {
    "double_top": DOUBLE_TOP,
    "head_and_shoulders": HEAD,
    "descending_triangle": TRIANGLE,
    "symmetrical_triangle": SYMMETRICAL,
    "bear_flag": FLAG,
    "uptrend_reversal": way((0, 90), (8, 96), (16, 92), (24, 104), (32, 99), (40, 106), (56, 96)),
}


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_textbook_shape_is_found_and_its_mirror_image_too(name):
    assert name in names_in(TEXTBOOK[name])
    assert UPSIDE_DOWN[name] in names_in(mirrored(TEXTBOOK[name]))
    assert UPSIDE_DOWN[name] not in names_in(TEXTBOOK[name]) or name == UPSIDE_DOWN[name]


NEAR_MISSES = [
    # The second top is a quarter of the height above the first.
    ("double_top", way((0, 95), (10, 110), (18, 104), (26, 111.5), (40, 100))),
    # The valley is less than three average ranges deep.
    ("double_top", way((0, 95), (10, 110), (18, 107.5), (26, 110), (40, 100))),
    # Nothing closes below the valley.
    ("double_top", way((0, 95), (10, 110), (18, 104), (26, 110), (34, 104.2), (44, 109))),
    # It does not come from below the valley: a range, not a top.
    ("double_top", way((0, 107), (10, 110), (18, 104), (26, 110), (40, 100))),
    # Five bars from top to top.
    ("double_top", way((0, 80), (10, 110), (13, 104), (15, 110), (30, 100))),
    # The head is hardly above the shoulders.
    (
        "head_and_shoulders",
        way((0, 90), (10, 104), (16, 100), (24, 104.6), (32, 100.5), (40, 104), (54, 95)),
    ),
    # The right shoulder is almost as high as the head.
    (
        "head_and_shoulders",
        way((0, 90), (10, 104), (16, 100), (24, 110), (32, 100.5), (40, 109), (54, 95)),
    ),
    # The neckline is steep.
    (
        "head_and_shoulders",
        way((0, 90), (10, 104), (16, 96), (24, 110), (32, 101), (40, 104.5), (54, 90)),
    ),
    # The neckline holds.
    (
        "head_and_shoulders",
        way(
            (0, 90),
            (10, 104),
            (16, 100),
            (24, 110),
            (32, 100.5),
            (40, 104.5),
            (47, 101.5),
            (60, 112),
        ),
    ),
    # The lows fall: a channel, not a triangle.
    (
        "descending_triangle",
        way((0, 92), (8, 108), (16, 98), (24, 105), (32, 95), (38, 102), (48, 90)),
    ),
    # Level on both sides: a rectangle.
    (
        "descending_triangle",
        way((0, 92), (8, 108), (16, 98), (24, 108), (32, 98), (40, 108), (52, 92)),
    ),
    # The side that slopes is no straight line.
    (
        "descending_triangle",
        way((0, 92), (8, 108), (16, 98), (24, 102.1), (32, 98), (38, 102), (48, 92)),
    ),
    # The pole took too long.
    ("bear_flag", way((0, 100), (8, 110), (26, 98), (31, 102), (36, 100), (39, 101.4), (48, 92))),
    # It takes back nearly all of the pole.
    ("bear_flag", way((0, 108), (8, 110), (14, 98), (20, 107), (25, 100), (28, 101.4), (36, 92))),
    # The second high is not higher: there was no rising trend to end.
    ("uptrend_reversal", way((0, 90), (8, 104), (16, 92), (24, 103), (32, 99), (48, 88))),
]


@pytest.mark.parametrize(("name", "closes"), NEAR_MISSES)
def test_a_near_miss_is_not_found(name, closes):
    assert name not in names_in(closes)
    assert UPSIDE_DOWN[name] not in names_in(mirrored(closes))


def test_a_pattern_is_told_at_the_close_that_breaks_its_line():
    told = found_in(drawn(DOUBLE_TOP))
    [(bar, found)] = [
        (n, one) for n, all_ in enumerate(told) for one in all_ if one.name == "double_top"
    ]
    closes = DOUBLE_TOP
    assert closes[bar] < 104 <= closes[bar - 1]
    assert (found.kind, found.direction) == (PatternKind.CHART, Direction.DOWN)
    assert [point.price for point in found.points] == pytest.approx([110, 104, 110.4])
    assert found.invalidation == pytest.approx(110.4)
    assert found.quality == pytest.approx(1 - 0.4 / (0.15 * 6))
    assert found_in(drawn(mirrored(DOUBLE_TOP)))[bar][0].invalidation == pytest.approx(89.6)


def test_noise_below_the_average_range_is_no_shape():
    for name, closes in TEXTBOOK.items():
        told = found_in(drawn(closes), atr=20.0)
        assert name not in [one.name for all_ in told for one in all_]
    for pivots_only in found_in(drawn(DOUBLE_TOP), atr=0.0):
        assert pivots_only == []


@given(st.integers(0, 10**6), st.integers(50, 190))
@settings(max_examples=25)
def test_what_was_told_does_not_depend_on_later_bars(seed, cut):
    bars, other = walk(seed, 200), walk(seed + 1, 200)
    changed = [*bars.rows()[:cut], *(Bar(*row) for row in other.rows()[cut:])]
    ours = found_in(bars, 1.0)
    assert ours[:cut] == found_in(Columns.of(changed), 1.0)[:cut]
    for one in (found for all_ in ours for found in all_):
        assert 0.0 <= one.quality <= 1.0
        assert one.invalidation > 0.0
        side = one.direction.sign
        assert side in (1, -1)
