"""The candle builder tells only candles it has watched from their first to their last moment.

A house begins 40 s before a whole minute.
"""

import pytest

from actors import addresses
from actors.market.candle_builder import CandleBuilder
from state.messages.market import CandleClosed, StreamLost, StreamOpened, Timeframe
from state.messages.operations import ClockWanted
from tests.actors.examples import BTC, NOW, a_clock, a_trade

BUILDER = addresses.candle_builder(BTC)
GRACE_S = 0.25


class Scene:
    """A candle builder whose house knows the exchange's clock, and who listens."""

    def __init__(self, house, offset_ms=0.0):
        self.house = house
        self.monitor = house.ear(addresses.HEALTH_MONITOR)
        self.heard = house.listener(CandleClosed)
        house.live(BUILDER, CandleBuilder, BTC)
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
    house.live(BUILDER, CandleBuilder, BTC)
    assert monitor.of(ClockWanted) == [ClockWanted(reply_to=BUILDER)]
    house.publish(StreamOpened(pair=BTC), a_trade(1, 0.5))
    house.pass_time(3.0)
    assert heard == []
    house.publish(a_clock(0.0))
    house.publish(a_trade(2, 4.1), a_trade(3, 5.1))
    assert [(one.open_time_ns - NOW) / 1e9 for one in heard.of(CandleClosed)] == [4.0]


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


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(BUILDER, "nonsense")
    assert scene.house.deaths() == ["TypeError: market/BTC_USDT/candle_builder: unexpected str"]
