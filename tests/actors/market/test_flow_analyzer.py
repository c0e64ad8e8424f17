"""The flow analyzer tells a pair's flow now and then, and what book and flow expect."""

from typing import Any

import pytest

from actors import addresses
from actors.market.flow_analyzer import FlowAnalyzer
from actors.market.flow_opinion import CONFIDENCE_MAX, WEIGHTS, opinion
from state.config.measures import FlowSettings
from state.messages.flow import FlowMeasured, LiquidityMeasured
from state.messages.held import RulesKnown
from state.messages.market import BookLost, StreamOpened
from state.messages.orders import RulesWanted
from state.messages.signals import Opinion
from state.values import NS_PER_S, Side, TimeNs
from tests.actors.examples import BTC, NOW, a_ticker, a_trade, rules

FLOW = addresses.flow_analyzer(BTC)


def a_liquidity(**changes: Any) -> LiquidityMeasured:
    members: dict[str, Any] = dict.fromkeys(LiquidityMeasured.__struct_fields__)
    members |= {
        "pair": BTC,
        "event_time_ns": NOW,
        "seen_time_ns": NOW,
        "sequence": 1,
        "mid": 100.0,
        "spread_bps": 2.0,
        "score": 60.0,
        "samples": 0,
        "weighted_imbalance": 0.5,
        "order_flow_depths": 10.0,
        "micro_price": 100.005,
    }
    return LiquidityMeasured(**members | changes)


def a_flow(**changes: Any) -> FlowMeasured:
    members: dict[str, Any] = dict.fromkeys(FlowMeasured.__struct_fields__)
    members |= {
        "pair": BTC,
        "event_time_ns": NOW,
        "seen_time_ns": NOW,
        "since_ns": NOW,
        "trades": 1,
        "buy_volume": 1.0,
        "sell_volume": 0.0,
        "unknown_volume": 0.0,
        "cumulative_delta": 1.0,
        "imbalance_60s": 0.2,
        "hidden": (),
    }
    return FlowMeasured(**members | changes)


class Scene:
    """A flow analyzer and who listens."""

    def __init__(self, house):
        self.house = house
        self.guard = house.ear(addresses.RISK_GUARD)
        self.heard = house.listener(FlowMeasured, Opinion)
        house.live(FLOW, FlowAnalyzer, BTC, FlowSettings())
        house.publish(RulesKnown(pair=BTC, rules=rules()))

    def trade(self, number, at_s, **changes):
        self.house.publish(a_trade(number, at_s, **changes))

    @property
    def flows(self):
        return self.heard.of(FlowMeasured)


@pytest.fixture
def scene(house):
    return Scene(house)


def test_flow_is_told_at_once_and_then_once_a_second_at_most(scene):
    scene.trade(1, 0.0)
    scene.trade(2, 0.1)
    assert [one.trades for one in scene.flows] == [1]
    scene.house.pass_time(1.0)
    assert len(scene.flows) == 1, "where nothing happens nothing is told"
    scene.trade(3, 1.0, taker=Side.SELL)
    assert [one.trades for one in scene.flows] == [1, 3]
    assert scene.flows[-1].cumulative_delta == 1.0


def test_before_the_rules_are_known_there_is_nothing_to_tell(house):
    heard = house.listener(FlowMeasured)
    house.live(FLOW, FlowAnalyzer, BTC, FlowSettings())
    house.publish(a_trade(1))
    assert heard == []


def test_book_and_flow_together_make_an_opinion(scene):
    scene.trade(1, 0.0)
    assert scene.heard.of(Opinion) == []
    scene.house.pass_time(1.0)
    scene.house.publish(a_liquidity())
    [told] = scene.heard.of(Opinion)
    assert (told.source, told.pair) == ("microstructure", BTC)
    assert told.direction > 0
    assert told.expires_at_ns > told.as_of_ns == NOW


def test_a_book_that_is_lost_or_old_is_no_ground_for_an_opinion(scene):
    scene.house.publish(a_liquidity())
    scene.house.publish(BookLost(pair=BTC, reason="gap"))
    scene.trade(1, 1.0)
    assert scene.heard.of(Opinion) == []
    scene.house.publish(a_liquidity())
    scene.house.pass_time(1.0)
    scene.trade(2, 60.0)
    assert len(scene.flows) == 2
    assert scene.heard.of(Opinion) == []


def test_a_stream_that_opens_anew_may_have_missed_trades(scene):
    scene.trade(1, 0.0)
    scene.house.publish(StreamOpened(pair=BTC))
    scene.house.pass_time(1.0)
    scene.trade(7, 5.0)
    assert (scene.flows[-1].trades, scene.flows[-1].since_ns) == (1, NOW + 5 * NS_PER_S)


def test_a_restart_keeps_the_buckets_and_asks_for_the_rules(scene):
    scene.house.publish(a_ticker(base_volume_24h=200.0))  # Buckets of 1.
    for number in range(1, 61):
        scene.trade(number, 0.0)
    scene.house.pass_time(1.0)
    scene.trade(61, 1.0)
    assert scene.flows[-1].vpin == 1.0
    scene.house.stop(FLOW)
    scene.house.crash(FLOW)
    assert scene.guard.of(RulesWanted) == [RulesWanted(pair=BTC, reply_to=FLOW)]
    scene.house.tell(FLOW, RulesKnown(pair=BTC, rules=rules()))
    scene.trade(62, 2.0)
    assert (scene.flows[-1].vpin, scene.flows[-1].trades) == (1.0, 1)


def test_a_trade_without_a_side_is_counted_apart(scene):
    scene.trade(1, 0.0, taker=None)
    [flow] = scene.flows
    assert (flow.buy_volume, flow.sell_volume, flow.unknown_volume) == (0.0, 0.0, 1.0)


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(FLOW, "nonsense")
    assert scene.house.deaths() == ["TypeError: market/BTC_USDT/flow_analyzer: unexpected str"]


# The rule.


def expected(book, flow) -> Opinion:
    told = opinion(book, flow, 7.0)
    assert told is not None
    return told


def test_the_rule_by_hand():
    told = expected(a_liquidity(), a_flow())
    # tanh(10/10), 0.2, 0.5, and 0.005 of half a spread of 0.01.
    direction = 0.30 * 0.761594156 + 0.30 * 0.2 + 0.25 * 0.5 + 0.15 * 0.5
    assert told.direction == pytest.approx(direction)
    assert told.confidence == pytest.approx(CONFIDENCE_MAX)
    assert told.invalidation == pytest.approx(99.9)
    assert told.expires_at_ns - told.as_of_ns == 7 * NS_PER_S
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert told.reasons[0].refers == "liquidity:order_flow_depths"


def test_parts_that_disagree_and_thin_books_cost_confidence():
    split = expected(a_liquidity(weighted_imbalance=-0.5, score=25.0), a_flow())
    assert split.confidence == pytest.approx(CONFIDENCE_MAX * 0.75 * 0.5)


def test_the_mirror_image_expects_the_opposite():
    book = {"weighted_imbalance": -0.5, "order_flow_depths": -10.0, "micro_price": 99.995}
    up = expected(a_liquidity(), a_flow())
    down = expected(a_liquidity(**book), a_flow(imbalance_60s=-0.2))
    assert down.direction == pytest.approx(-up.direction)
    assert down.confidence == up.confidence
    assert down.invalidation == pytest.approx(100.1)


def test_where_less_than_half_is_known_there_is_no_opinion():
    unknown = {"order_flow_depths": None, "micro_price": None}
    assert opinion(a_liquidity(**unknown), a_flow(imbalance_60s=None), 7.0) is None
    assert opinion(a_liquidity(**unknown), a_flow(), 7.0) is not None


def test_nothing_leaning_expects_nothing():
    level = a_liquidity(weighted_imbalance=0.0, order_flow_depths=0.0, micro_price=100.0)
    told = expected(level, a_flow(imbalance_60s=0.0))
    assert (told.direction, told.confidence, told.invalidation) == (0.0, 0.0, None)
    assert told.as_of_ns == TimeNs(NOW)
