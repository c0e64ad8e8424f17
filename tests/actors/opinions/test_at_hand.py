"""Only what is live, warm and fresh becomes a fact, dated by when it was so."""

from typing import Any

import pytest

from actors.opinions.at_hand import AtHand
from state.config import AdvisorSettings
from state.messages.market import BookLost, HistoryGiven, Timeframe
from state.messages.signals import Direction, IndicatorsUpdated, PatternFound, PatternKind
from state.values import NS_PER_S, TimeNs
from tests.actors.examples import BTC, NOW, a_candle, a_measure, rules
from tests.actors.opinions.test_advisor import bars

MINUTE_NS = 60 * NS_PER_S


@pytest.fixture
def hand():
    made = AtHand(BTC, AdvisorSettings())
    made.rules = rules()
    made.take(a_measure(event_time_ns=NOW), NOW)
    history = bars(Timeframe.M5, 15)
    made.take(HistoryGiven(pair=BTC, timeframe=Timeframe.M5, candles=history), NOW)
    return made


def facts(hand, now_ns=NOW):
    question = hand.question("a-1", TimeNs(now_ns))
    return None if question is None else {fact.name: fact for fact in question.facts}


def indicators(**changes):
    members: dict[str, Any] = {
        "pair": BTC,
        "event_time_ns": NOW,
        "timeframe": Timeframe.M5,
        "open_time_ns": TimeNs(NOW - 5 * MINUTE_NS),
        "close": 100.0,
        "bars": 400,
    }
    return IndicatorsUpdated(**(members | changes))


def test_facts_are_numbered_from_one_and_dated(hand):
    found = list(facts(hand).values())
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert all(0 < one.as_of_ns <= NOW for one in found)
    question = hand.question("a-1", NOW)
    assert question.as_of_ns == max(one.as_of_ns for one in found)
    assert question.terms.tick == 0.1


def test_what_is_not_warm_is_no_fact(hand):
    hand.take(indicators(rsi14=None, ema20=99.0), NOW)
    assert "rsi14_5m" not in facts(hand)
    assert facts(hand)["ema20_5m"].value == 99.0


def test_what_is_overdue_is_no_fact(hand):
    hand.take(indicators(rsi14=50.0), NOW)
    assert "close_5m" in facts(hand)
    later = NOW + 12 * MINUTE_NS
    hand.take(a_measure(event_time_ns=later), TimeNs(later))
    found = facts(hand, later)
    assert "close_5m" not in found
    assert "rsi14_5m" not in found
    assert "mid" in found


def test_without_a_live_book_there_is_no_question(hand):
    assert facts(hand, NOW + 31 * NS_PER_S) is None
    hand.take(BookLost(pair=BTC, reason="a hole"), NOW)
    assert facts(hand) is None


def test_the_range_is_wilders_first_value_until_the_indicator_is_warm(hand):
    assert hand.question("a-1", NOW).atr == pytest.approx(100.0)
    hand.take(indicators(atr14=77.0), NOW)
    assert hand.question("a-1", NOW).atr == 77.0


def test_a_missing_candle_takes_the_range_away(hand):
    opening = bars(Timeframe.M5, 15)[-1].open_time_ns + 5 * MINUTE_NS
    gone = a_candle(timeframe=Timeframe.M5, open_time_ns=TimeNs(opening), missing=True)
    hand.take(gone, NOW)
    assert hand.question("a-1", NOW).atr is None


def test_a_pattern_that_expects_nothing_is_not_told(hand):
    for name, direction in (("CDLDOJI", Direction.FLAT), ("CDLENGULFING", Direction.UP)):
        found = PatternFound(
            pair=BTC,
            event_time_ns=NOW,
            timeframe=Timeframe.M5,
            open_time_ns=TimeNs(NOW - 5 * MINUTE_NS),
            pattern=name,
            kind=PatternKind.CANDLESTICK,
            direction=direction,
            quality=1.0,
        )
        hand.take(found, NOW)
    names = [name for name in facts(hand) if name.startswith("pattern")]
    assert names == ["pattern_cdlengulfing_5m"]
