"""Holes, repetitions and revisions: nothing is papered over, and history equals life."""

import pytest

from state.indicators.bars import BadBar
from state.indicators.series import FILLED, Series
from state.messages.market import Timeframe
from state.messages.signals import IndicatorsUpdated
from tests.state.indicators.walks import PAIR, candle, walk

BARS = walk(11, 140).rows()


def told_by(series: Series) -> IndicatorsUpdated:
    """Return what a series says of its newest bar."""
    told = series.updated()
    assert told is not None
    return told


def lived(bars, **kinds) -> Series:
    """Return a series that was told each bar when it closed."""
    series = Series(PAIR, Timeframe.H1)
    for place, bar in enumerate(bars):
        series.apply(candle(bar, missing=place in kinds.get("missing", ())))
    return series


def test_history_and_life_give_the_same_message():
    series = Series(PAIR, Timeframe.H1)
    assert series.updated() is None
    assert series.history(tuple(candle(bar) for bar in BARS[:100]))
    for bar in BARS[100:]:
        series.apply(candle(bar))
    ours, expected = told_by(series), told_by(lived(BARS))
    for name in ours.__struct_fields__:
        one, other = getattr(ours, name), getattr(expected, name)
        assert one == (pytest.approx(other, rel=1e-9) if isinstance(other, float) else other), name
    assert ours.event_time_ns == BARS[-1].open_time_ns + 3_600_000_000_000
    assert ours.bars == 140


def test_a_small_hole_is_filled_flat_and_counted():
    series = lived([*BARS[:100], *BARS[100 + FILLED :]])
    assert series.n_missing == FILLED
    assert len(series.bars) == 140
    hole = list(series.bars)[100 : 100 + FILLED]
    assert {bar[1:] for bar in hole} == {(*[BARS[99].close] * 4, 0.0)}
    assert told_by(series).rsi14 is not None
    assert lived(BARS, missing=range(20, 25)).n_missing == 5


def test_a_long_hole_begins_anew_and_nothing_is_said_before_it_is_warm():
    series = lived([*BARS[:100], *BARS[101 + FILLED : 111 + FILLED]])
    told = told_by(series)
    assert (told.bars, told.n_missing, series.begun) == (10, 0, 1)
    assert told.rsi14 is None
    assert told.williams_r14 is None
    again = Series(PAIR, Timeframe.H1)
    again.history(tuple(candle(bar) for bar in (*BARS[:100], *BARS[101 + FILLED : 111 + FILLED])))
    assert told_by(again) == told


def test_a_bar_told_twice_counts_once_and_a_revised_one_replaces_the_old():
    series = lived(BARS)
    before = told_by(series)
    assert not series.apply(candle(BARS[-1]))
    assert not series.apply(candle(BARS[50]))
    assert (told_by(series), series.ignored) == (before, 2)

    revised = BARS[120]._replace(high=BARS[120].high * 1.5)
    assert series.apply(candle(revised, revision=1))
    expected = told_by(lived([*BARS[:120], revised, *BARS[121:]]))
    assert told_by(series).atr14 == pytest.approx(expected.atr14, rel=1e-12)
    assert expected.atr14 != before.atr14


def test_nonsense_is_refused_and_changes_nothing():
    series = lived(BARS[:-1])
    with pytest.raises(BadBar, match="not a bar"):
        series.apply(candle(BARS[-1]._replace(high=float("nan"))))
    series.apply(candle(BARS[-1]))
    assert told_by(series) == told_by(lived(BARS))
