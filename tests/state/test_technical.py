"""A timeframe that was lived through and one read from history say the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.candle import length_ns
from state.indicators.bars import BadBar
from state.indicators.series import KEPT
from state.messages.market import Timeframe
from state.technical import Reader
from state.trend import TrendView
from tests.state.indicators.walks import PAIR, candle, walk

HOUR_NS = length_ns(Timeframe.H1)


def reader() -> Reader:
    return Reader(PAIR, Timeframe.H1, TrendView(PAIR))


def shown(one: Reader):
    """What somebody can see of a reader: levels, indicators to nine digits, and the trend."""
    told = one.indicators()
    assert told is not None
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    rounded = {
        name: round(value, 9) if isinstance(value, float) else value
        for name, value in values.items()
        if name not in ("obv", "bars")
    }
    newest = told.event_time_ns
    trend = one._view.measured(newest)
    return one.levels, rounded, [(one.regime, one.closed_time_ns) for one in trend.timeframes]


candles = [candle(bar) for bar in walk(17, 150, noise=0.02).rows()]


@given(st.data())
@settings(max_examples=12)
def test_repetitions_holes_and_revisions_end_where_history_does(data):
    gone = set(data.draw(st.lists(st.integers(40, 100), max_size=4, unique=True)))
    revised = data.draw(st.none() | st.integers(101, 148))
    lived, final = reader(), []
    for place, one in enumerate(candles):
        if place in gone:
            continue
        lived.apply(one)
        final.append(one)
        if place % 11 == 0:
            lived.apply(one)
    if revised is not None:
        [*_, old] = [one for one in final if one.open_time_ns == candles[revised].open_time_ns]
        changed = candle(walk(18, 150, noise=0.02).rows()[revised], revision=1)
        final[final.index(old)] = changed
        lived.apply(changed)
    read = reader()
    assert read.history(tuple(final))
    while not read.read_on(7):
        assert read.levels is None
    assert shown(read) == shown(lived)


def test_a_candle_that_comes_while_history_is_read_comes_after_it():
    slow, whole = reader(), reader()
    slow.history(tuple(candles[:-1]))
    slow.read_on(10)
    assert slow.apply(candles[-1])
    whole.history(tuple(candles))
    assert whole.read_on(KEPT)
    assert shown(slow) == shown(whole)


def test_nonsense_changes_nothing():
    one, other = reader(), reader()
    for each in candles[:60]:
        one.apply(each)
        other.apply(each)
    bad = candle(walk(17, 150).rows()[60]._replace(high=float("inf")))
    with pytest.raises(BadBar):
        one.apply(bad)
    one.apply(candles[60])
    other.apply(candles[60])
    assert shown(one) == shown(other)


def test_an_empty_history_is_no_news():
    one = reader()
    assert not one.history(())
    assert one.read_on(1)
    assert (one.indicators(), one.levels, one.patterns) == (None, None, ())
