"""The technical analyst says what closed candles say: nothing early, nothing twice."""

import pytest

from actors import addresses
from actors.opinions.technical_analyst import TIMEFRAMES, TechnicalAnalyst
from state.candle import length_ns
from state.config.technical import TechnicalSettings
from state.messages.market import HistoryGiven, HistoryWanted, Timeframe
from state.messages.signals import (
    Direction,
    IndicatorsUpdated,
    LevelsUpdated,
    Opinion,
    PatternFound,
    TrendMeasured,
)
from state.technical_opinion import LIVES_NS
from tests.actors.examples import BTC
from tests.state.indicators.walks import START_NS, candle, drawn, walk

ANALYST = addresses.technical_analyst(BTC)
END_NS = START_NS + 400 * 86_400 * 10**9
"""Where all histories end."""


class Scene:
    """An analyst, and who listens to it."""

    def __init__(self, house):
        self.house = house
        self.builder = house.ear(addresses.candle_builder(BTC))
        self.heard = house.listener(
            IndicatorsUpdated, TrendMeasured, PatternFound, LevelsUpdated, Opinion
        )
        house.live(ANALYST, TechnicalAnalyst, BTC, 200, TechnicalSettings())

    def candles(self, timeframe, bars, end_ns=END_NS):
        """Closed candles of a timeframe, made of `bars`, the last of which ends at `end_ns`."""
        length, rows = length_ns(timeframe), bars.rows()
        begin = end_ns - len(rows) * length
        return tuple(
            candle(bar._replace(open_time_ns=begin + n * length), timeframe)
            for n, bar in enumerate(rows)
        )

    def give(self, timeframe, candles, **changes):
        given = HistoryGiven(pair=BTC, timeframe=timeframe, candles=candles, **changes)
        self.house.tell(ANALYST, given)


@pytest.fixture
def scene(house):
    return Scene(house)


def rising(bars=120):
    """A market that rises, with small steps back."""
    return drawn([100.0 * 1.004**n * (1.003 if n % 3 else 1.0) for n in range(bars)], reach=0.1)


def test_it_asks_for_history_of_each_timeframe_and_says_nothing_without(scene):
    wanted = scene.builder.of(HistoryWanted)
    assert {one.timeframe for one in wanted} == TIMEFRAMES
    assert {(one.bars, one.reply_to) for one in wanted} == {(200, ANALYST)}
    scene.give(Timeframe.M1, (), ready=False)
    scene.give(Timeframe.M5, ())
    assert scene.heard.of(IndicatorsUpdated) == []
    assert scene.heard.of(Opinion) == []


def test_history_of_all_timeframes_makes_a_confirmed_opinion(scene):
    for timeframe in sorted(TIMEFRAMES, key=lambda one: -one.seconds):
        scene.give(timeframe, scene.candles(timeframe, rising()))
    trend = scene.heard.of(TrendMeasured)[-1]
    assert (trend.missing, trend.confirmed) == ((), Direction.UP)
    assert trend.bias == pytest.approx(1.0)
    assert trend.agreement == pytest.approx(1.0)
    assert {one.closed_time_ns for one in trend.timeframes} == {END_NS}
    assert scene.heard.of(PatternFound) == []  # What completed before we listened is not news.

    opinion = scene.heard.of(Opinion)[-1]
    assert (opinion.source, opinion.pair, opinion.as_of_ns) == ("technical", BTC, END_NS)
    assert 0.5 <= opinion.direction <= 1.0
    assert opinion.confidence == pytest.approx(0.6)
    assert opinion.expires_at_ns == END_NS + LIVES_NS
    assert opinion.invalidation is not None
    assert opinion.invalidation < rising().close[-1]
    assert opinion.reasons[0].refers == "trend"


def test_candles_that_close_together_make_one_opinion_of_all_of_them(scene):
    bars, five = rising(121), length_ns(Timeframe.M5)
    for timeframe in TIMEFRAMES:
        late = five - length_ns(timeframe) if timeframe is Timeframe.M1 else 0
        scene.give(timeframe, scene.candles(timeframe, bars.part(0, 120), END_NS + late))
    scene.heard.clear()
    for timeframe in (Timeframe.S1, Timeframe.M1, Timeframe.M5):
        # Published in one turn, as the builder does.
        [*_, newest] = scene.candles(timeframe, bars, END_NS + five)
        scene.house.runtime.publish(newest)
    scene.house.settle()
    told = scene.heard.of(IndicatorsUpdated)
    assert [one.timeframe for one in told] == [Timeframe.M1, Timeframe.M5]
    assert {one.event_time_ns for one in told} == {END_NS + five}
    assert {one.bars for one in told} == {121}
    assert None not in {one.rsi14 for one in told}
    assert [one.timeframe for one in scene.heard.of(LevelsUpdated)] == [Timeframe.M1, Timeframe.M5]
    [trend] = scene.heard.of(TrendMeasured)
    used = {one.timeframe: one.closed_time_ns for one in trend.timeframes}
    assert used[Timeframe.M5] == END_NS + five
    assert used[Timeframe.M15] == END_NS
    [opinion] = scene.heard.of(Opinion)
    assert opinion.as_of_ns == END_NS + five


def test_a_candle_told_twice_is_no_news_and_a_pattern_is_told_once(scene):
    candles = scene.candles(Timeframe.H1, walk(3, 160, noise=0.02))
    for one in candles:
        scene.house.publish(one)
    found = scene.heard.of(PatternFound)
    assert len({(one.pattern, one.open_time_ns, one.points) for one in found}) == len(found) > 0
    assert {one.timeframe for one in found} == {Timeframe.H1}
    scene.heard.clear()
    scene.house.publish(candles[-1])
    assert scene.heard == []


def test_a_life_that_begins_anew_says_the_same(scene):
    histories = {one: scene.candles(one, walk(5, 180)) for one in TIMEFRAMES}
    for timeframe in Timeframe:
        if timeframe in TIMEFRAMES:
            scene.give(timeframe, histories[timeframe])
    before = scene.heard.take(Opinion)
    assert before
    scene.house.crash(ANALYST)
    for timeframe in Timeframe:
        if timeframe in TIMEFRAMES:
            scene.give(timeframe, histories[timeframe])
    assert scene.heard.of(Opinion) == before


def test_histories_that_come_at_once_are_concluded_when_all_are_read(scene):
    """Found here: the hour was concluded while minutes after its end were half read."""
    hour_ns = length_ns(Timeframe.H1)
    earlier = scene.candles(Timeframe.H1, rising(60), END_NS - hour_ns // 2)
    minutes = scene.candles(Timeframe.M1, rising(200))
    for timeframe, candles in ((Timeframe.M1, minutes), (Timeframe.H1, earlier)):
        given = HistoryGiven(pair=BTC, timeframe=timeframe, candles=candles)
        scene.house.runtime.tell(ANALYST, given)
    scene.house.settle()
    assert scene.house.runtime.mailboxes[ANALYST].epoch == 1
    trends = scene.heard.of(TrendMeasured)
    assert [one.event_time_ns for one in trends] == [END_NS]
    assert {one.timeframe for one in trends[0].timeframes} == {Timeframe.M1, Timeframe.H1}


def test_a_candle_that_closes_while_its_history_is_read_is_read_after_it(scene):
    """Found here: all the rest was read in one handler, which counted as hanging."""
    *history, newest = scene.candles(Timeframe.M1, rising(200))
    given = HistoryGiven(pair=BTC, timeframe=Timeframe.M1, candles=tuple(history))
    scene.house.runtime.tell(ANALYST, given)
    scene.house.runtime.tell(ANALYST, newest)
    scene.house.settle()
    told = scene.heard.of(IndicatorsUpdated)
    assert told[-1].open_time_ns == newest.open_time_ns
    assert told[-1].bars == 200
