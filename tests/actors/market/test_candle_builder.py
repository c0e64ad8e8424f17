"""The candle builder tells only candles it has watched from their first to their last moment.

What it has not watched it takes from the exchange. A house begins 40 s before a whole minute.
"""

import pytest
from msgspec.structs import replace

from actors import addresses
from actors.market.candle_builder import CandleBuilder
from state.config.candles import CandleSettings
from state.messages.journal import Record
from state.messages.market import (
    CandleClosed,
    CandlesCounted,
    CandleSeen,
    CandleSource,
    HistoryGiven,
    HistoryWanted,
    StreamLost,
    StreamOpened,
    Timeframe,
)
from state.messages.operations import ClockWanted
from state.messages.venue import FetchCandles, Refused, Succeeded
from state.values import NS_PER_S
from tests.actors.examples import BTC, NOW, a_clock, a_trade
from tests.fakes import FakeExchange

BUILDER = addresses.candle_builder(BTC)
GRACE_S = 0.25
KEPT = 30


class Scene:
    """A candle builder whose house knows the exchange's clock, and who listens."""

    def __init__(self, house, offset_ms=0.0):
        self.house = house
        self.monitor = house.ear(addresses.HEALTH_MONITOR)
        self.heard = house.listener(CandleClosed)
        self.given = house.listener(HistoryGiven)
        self.counted = house.listener(CandlesCounted)
        self.journal = house.ear(addresses.RECORDER)
        self.exchange = FakeExchange()
        house.live(BUILDER, CandleBuilder, BTC, self.exchange, CandleSettings(kept=KEPT))
        house.tell(BUILDER, a_clock(offset_ms))

    def trade(self, trade_id, at_s, **changes):
        """Let `at_s` come, counted from the house's beginning, and a trade with it."""
        elapsed_s = (self.house.now_ns - NOW) / 1e9
        self.house.pass_time(max(0.0, at_s - elapsed_s))
        self.house.publish(a_trade(trade_id, at_s, **changes))

    def of(self, timeframe):
        return [one for one in self.heard.of(CandleClosed) if one.timeframe is timeframe]

    @property
    def seconds(self):
        """The one-second candles told: how long after the beginning each opened, and its close."""
        return [((one.open_time_ns - NOW) / 1e9, one.close) for one in self.of(Timeframe.S1)]

    def history(self, timeframe, bars=KEPT):
        """What comes to somebody who asks."""
        asker = f"asker {len(self.house.runtime.mailboxes)}"
        ear = self.house.ear(asker)
        wanted = HistoryWanted(pair=BTC, timeframe=timeframe, bars=bars, reply_to=asker)
        self.house.tell(BUILDER, wanted)
        [given] = ear.of(HistoryGiven)
        return given

    def exchange_tells(self, price_of=lambda opening_s: 50.0, *, without=(), from_s=-(10**9)):
        """Let the exchange answer every question, with what `price_of` says of an opening."""

        def answer(request):
            length_ns = request.timeframe.seconds * NS_PER_S
            openings = range(request.since_ns, request.until_ns + 1, length_ns)
            told = [(one - NOW) / 1e9 for one in openings]
            return Succeeded(
                candles=tuple(
                    a_seen(request.timeframe, at_s, price_of(at_s))
                    for at_s in told
                    if at_s not in without and at_s >= from_s
                )
            )

        self.exchange.promptly(FetchCandles, answer)

    @property
    def counts(self):
        return self.counted[-1].counts


def a_seen(timeframe, at_s, price, **changes):
    """A closed candle of the exchange's that opened `at_s` after the house began."""
    opening = NOW + round(at_s * 1e9)
    members = {"open": price, "high": price, "low": price, "close": price, "base_volume": 1.0}
    return CandleSeen(
        pair=BTC,
        event_time_ns=opening + timeframe.seconds * NS_PER_S,
        timeframe=timeframe,
        open_time_ns=opening,
        quote_volume=price,
        closed=True,
        **(members | changes),
    )


@pytest.fixture
def scene(house):
    return Scene(house)


def test_a_second_is_closed_a_moment_after_its_end_without_another_trade(scene):
    scene.trade(1, 0.1, price=100.0)
    scene.trade(2, 0.9, price=102.0, quantity=2.0)
    scene.house.pass_time(0.1 + GRACE_S - 0.01)
    assert scene.seconds == []
    scene.house.pass_time(0.02)
    [candle] = scene.of(Timeframe.S1)
    prices = (candle.open, candle.high, candle.low, candle.close)
    assert prices == (100.0, 102.0, 100.0, 102.0)
    assert (candle.base_volume, candle.quote_volume, candle.trades) == (3.0, 304.0, 2)


def test_a_trade_of_the_next_second_closes_the_one_before(scene):
    scene.trade(1, 0.1)
    scene.trade(2, 1.05, price=101.0)
    assert scene.seconds == [(0.0, 100.0)]


def test_a_second_without_trades_repeats_the_last_close(scene):
    scene.trade(1, 0.1)
    scene.house.pass_time(3.0)
    assert scene.seconds == [(0.0, 100.0), (1.0, 100.0)]
    assert scene.of(Timeframe.S1)[-1].trades == 0


def test_before_the_first_trade_there_is_no_candle(scene):
    scene.house.pass_time(5.0)
    assert scene.heard == []


def test_the_second_in_which_watching_began_is_not_told(house):
    house.pass_time(0.5)
    scene = Scene(house)
    scene.trade(1, 0.6, price=100.0)
    scene.trade(2, 1.5, price=101.0)
    house.pass_time(1.0)
    assert scene.seconds == [(1.0, 101.0)]


def test_larger_candles_are_rolled_up_from_the_smaller_ones(scene):
    for number in range(101):
        scene.trade(number, number + 0.5, price=100.0 + number)
    tens, [minute] = scene.of(Timeframe.S10), scene.of(Timeframe.M1)
    assert [(one.open, one.close) for one in tens[:2]] == [(100.0, 109.0), (110.0, 119.0)]
    assert (minute.open_time_ns - NOW) / 1e9 == 40.0
    assert (minute.open, minute.close, minute.trades) == (140.0, 199.0, 60)
    assert minute.base_volume == sum(one.base_volume for one in tens[4:10]) == 60.0


def test_no_candle_is_told_over_a_gap_of_the_stream(scene):
    scene.trade(1, 0.5)
    scene.trade(2, 1.5)
    scene.house.publish(StreamLost(reason="cut", pair=BTC))
    scene.house.pass_time(0.5)
    scene.house.publish(StreamOpened(pair=BTC))
    scene.trade(3, 2.5)
    scene.trade(4, 3.5)
    scene.trade(5, 4.5)
    assert [opened for opened, _ in scene.seconds] == [0.0, 2.0, 3.0]


def test_nothing_is_built_while_the_stream_is_lost(scene):
    scene.house.publish(StreamLost(reason="cut", pair=BTC))
    scene.trade(1, 0.5)
    scene.house.pass_time(3.0)
    assert scene.heard == []


def test_a_larger_candle_with_a_gap_in_it_is_not_told(scene):
    for number in range(25):
        scene.trade(number, number + 0.5)
        if number == 12:
            scene.house.publish(StreamLost(reason="cut", pair=BTC), StreamOpened(pair=BTC))
    assert [(one.open_time_ns - NOW) / 1e9 for one in scene.of(Timeframe.S10)] == [0.0]


def test_the_exchange_clock_decides_where_a_second_ends(house):
    scene = Scene(house, offset_ms=-400.0)  # The exchange's clock is behind ours.
    house.pass_time(0.45)
    house.publish(a_trade(1, 0.05), a_trade(2, 0.9))
    house.pass_time(0.55 + 0.4 + GRACE_S - 0.01)
    assert scene.seconds == []
    house.pass_time(0.02)
    assert scene.seconds == [(0.0, 100.0)]


def test_before_the_exchange_clock_is_known_nothing_is_built(house):
    """Cut by our own clock, a candle could be told before its last trades came."""
    monitor, heard = house.ear(addresses.HEALTH_MONITOR), house.listener(CandleClosed)
    house.live(BUILDER, CandleBuilder, BTC, FakeExchange(), CandleSettings())
    assert monitor.of(ClockWanted) == [ClockWanted(reply_to=BUILDER)]
    house.publish(StreamOpened(pair=BTC), a_trade(1, 0.5))
    house.pass_time(3.0)
    assert heard == []
    house.publish(a_clock(0.0))
    house.publish(a_trade(2, 4.1), a_trade(3, 5.1))
    assert [(one.open_time_ns - NOW) / 1e9 for one in heard.of(CandleClosed)] == [4.0]


@pytest.mark.parametrize("leap_s", [3_600, -3_600])
def test_a_wall_clock_that_leaps_closes_no_candle_and_keeps_none_open(house, leap_s):
    """An hour forward would tell an hour of flat candles, and take no trade for an hour."""
    scene = Scene(house)
    clock = house.runtime.clock
    steady_ns = clock.now_ns() - clock.monotonic_ns()
    house.publish(replace(a_clock(), steady_ns=steady_ns))
    scene.trade(1, 0.5)
    clock.wall_offset_ns += leap_s * NS_PER_S
    house.pass_time(1.0)
    house.publish(a_trade(2, 1.6, price=102.0))
    assert scene.seconds == [(0.0, 100.0)]
    measured = replace(a_clock(-1e3 * leap_s), steady_ns=steady_ns, at_ns=house.now_ns)
    house.publish(measured)
    house.pass_time(1.0)
    assert scene.seconds == [(0.0, 100.0), (1.0, 102.0)]


def test_a_later_measurement_of_the_clock_forgets_nothing(scene):
    scene.trade(1, 0.5)
    scene.house.publish(a_clock(1.0))
    scene.house.pass_time(1.0)
    assert scene.seconds == [(0.0, 100.0)]


def test_a_restart_begins_with_the_next_whole_second(scene):
    scene.trade(1, 0.5)
    scene.trade(2, 1.5)
    scene.house.crash(BUILDER)
    scene.house.tell(BUILDER, a_clock(0.0))
    scene.trade(3, 2.5, price=103.0)
    scene.trade(4, 3.5)
    assert scene.seconds == [(0.0, 100.0), (2.0, 103.0)]


def test_a_trade_that_comes_twice_counts_once(scene):
    scene.trade(1, 0.5)
    scene.trade(1, 0.5)
    scene.house.pass_time(1.0)
    assert scene.of(Timeframe.S1)[0].trades == 1


def test_at_the_start_every_timeframe_is_filled_and_told_whole(scene):
    assert not scene.history(Timeframe.H1).ready
    scene.exchange_tells()
    scene.trade(1, 0.5, price=60.0)
    scene.house.pass_time(4.0)
    for timeframe in Timeframe:
        given = scene.history(timeframe)
        assert given.ready
        assert len(given.candles) == KEPT
        openings = [one.open_time_ns for one in given.candles]
        length_ns = timeframe.seconds * NS_PER_S
        assert openings == list(range(openings[0], openings[-1] + 1, length_ns))
        assert NOW - length_ns <= openings[-1] + length_ns <= scene.house.now_ns
    assert {one.timeframe for one in scene.given if one.ready} == set(Timeframe)
    assert all(one.source is CandleSource.EXCHANGE for one in scene.history(Timeframe.D1).candles)
    # What we watched is ours, in the midst of what the exchange gave.
    [ours] = [one for one in scene.history(Timeframe.S1).candles if one.close == 60.0][:1]
    assert (ours.open_time_ns - NOW, ours.source) == (0, CandleSource.TRADES)
    assert len(scene.history(Timeframe.M1, bars=5).candles) == 5


def test_one_question_at_a_time_for_no_more_than_is_kept(scene):
    scene.house.pass_time(5.0)
    [request] = scene.exchange.of(FetchCandles)
    assert request.timeframe is Timeframe.S1
    assert request.until_ns - request.since_ns == (KEPT - 1) * NS_PER_S


def test_a_candle_over_a_restart_is_whole_again(scene):
    """The minute from 40 s on: half of it was traded in an earlier life."""
    scene.exchange_tells(lambda opening_s: 77.0 if opening_s == 45.0 else 50.0)
    for number in range(40, 60):
        scene.trade(number, number + 0.5)
    scene.house.crash(BUILDER)
    scene.house.tell(BUILDER, a_clock(0.0))
    for number in range(61, 101):
        scene.trade(number, number + 0.5)
    [minute] = [one for one in scene.of(Timeframe.M1) if one.open_time_ns == NOW + 40 * NS_PER_S]
    assert (minute.high, minute.source) == (100.0, CandleSource.MIXED)
    assert (minute.low, minute.trades) == (50.0, -1)


def test_what_a_lost_stream_did_not_show_is_fetched(scene):
    scene.exchange_tells(lambda opening_s: 90.0 + opening_s)
    scene.trade(1, 0.5)
    scene.house.publish(StreamLost(reason="cut", pair=BTC))
    scene.house.pass_time(5.0)
    assert not scene.history(Timeframe.S1).ready
    scene.house.publish(StreamOpened(pair=BTC))
    scene.trade(2, 6.5, price=60.0)
    scene.house.pass_time(2.0)
    given = scene.history(Timeframe.S1)
    closes = {(one.open_time_ns - NOW) / 1e9: one.close for one in given.candles}
    assert [closes[second] for second in (3.0, 4.0, 5.0, 6.0)] == [93.0, 94.0, 95.0, 60.0]
    assert scene.given[-1].timeframe is Timeframe.S1


def test_what_the_exchange_leaves_out_is_marked_as_missing(scene):
    scene.exchange_tells(without=(-5.0, -4.0))
    scene.trade(1, 0.5)
    scene.house.pass_time(2.0)
    given = scene.history(Timeframe.S1)
    assert [(one.open_time_ns - NOW) / 1e9 for one in given.candles if one.missing] == [-5.0, -4.0]
    marked = next(one for one in given.candles if one.missing)
    assert (marked.close, marked.base_volume, marked.trades) == (50.0, 0.0, 0)
    assert scene.counts.missing == 2


def test_history_that_begins_late_is_not_missing_before(scene):
    scene.exchange_tells(from_s=-7.0)
    scene.trade(1, 0.5)
    scene.house.pass_time(3.0)
    given = scene.history(Timeframe.S1)
    assert (given.candles[0].open_time_ns - NOW) / 1e9 == -7.0
    assert scene.counts.missing == 0


def test_an_exchange_that_gives_nothing_is_asked_again_and_then_believed(scene):
    scene.exchange.promptly(FetchCandles, Refused(label="SERVER", message="no"))
    scene.trade(1, 0.5)
    scene.house.pass_time(2.0)
    asked = len(scene.exchange.of(FetchCandles))
    assert 1 <= asked <= 3
    assert not scene.history(Timeframe.S1).ready
    scene.house.pass_time(70.0)
    assert scene.history(Timeframe.S1).ready
    assert len(scene.exchange.of(FetchCandles)) < asked + 20


def test_a_candle_that_differs_from_the_exchanges_is_revised_in_the_open(scene):
    scene.exchange_tells()
    for number in range(40, 101):
        scene.trade(number, number + 0.5)
    minute = scene.of(Timeframe.M1)[-1]
    theirs = a_seen(Timeframe.M1, 40, 100.0, high=103.0, base_volume=60.0)
    scene.house.publish(theirs)
    first, again = scene.of(Timeframe.M1)[-2:]
    assert first == minute
    assert (again.high, again.revision, again.source) == (103.0, 1, CandleSource.EXCHANGE)
    entries = [one for record in scene.journal.of(Record) for one in record.entries]
    assert (entries[0].event.before, entries[0].event.after) == (minute, again)
    # Those that closed with it follow.
    revised = [one.event.after.timeframe for one in entries]
    assert revised == [Timeframe.M1, Timeframe.M5, Timeframe.M15]
    assert scene.history(Timeframe.M1).candles[-1] == again
    assert (scene.counts.checked, scene.counts.revised) == (1, 3)
    scene.house.publish(theirs)  # Said twice, it is no news.
    assert scene.of(Timeframe.M1)[-1] is again


def test_a_candle_that_agrees_is_counted_and_left_alone(scene):
    scene.exchange_tells()
    for number in range(40, 101):
        scene.trade(number, number + 0.5)
    scene.house.publish(a_seen(Timeframe.M1, 40, 100.0, base_volume=60.0))
    assert [one.revision for one in scene.of(Timeframe.M1)] == [0, 0]
    assert (scene.counts.checked, scene.counts.revised) == (1, 0)


def test_a_candle_with_parts_of_the_exchanges_is_compared_too(scene):
    scene.exchange_tells()
    scene.trade(1, 39.5)
    scene.house.publish(StreamLost(reason="cut", pair=BTC))
    scene.house.pass_time(1.2)
    scene.house.publish(StreamOpened(pair=BTC))
    for number in range(41, 101):  # The second of 40 s is the exchange's.
        scene.trade(number, number + 0.5)
    minute = scene.of(Timeframe.M1)[-1]
    assert (minute.open, minute.source) == (50.0, CandleSource.MIXED)
    scene.house.publish(a_seen(Timeframe.M1, 40, 100.0, low=50.0, open=50.0, base_volume=60.0))
    assert (scene.counts.checked, scene.counts.revised) == (1, 0)


def test_a_revised_part_revises_the_larger_candle_that_closed_with_it(scene):
    scene.exchange_tells()
    for number in range(100, 402):
        scene.trade(number, number + 0.5)
    scene.house.publish(a_seen(Timeframe.M1, 340, 100.0, low=42.0, base_volume=60.0))
    fives = [one for one in scene.of(Timeframe.M5) if one.open_time_ns == NOW + 100 * NS_PER_S]
    assert [(one.low, one.revision) for one in fives] == [(100.0, 0), (42.0, 1)]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(BUILDER, "nonsense")
    assert scene.house.deaths() == ["TypeError: market/BTC_USDT/candle_builder: unexpected str"]
