"""What cannot be true is refused; what jumped waits for a second source; all of it is counted."""

from math import inf, nan
from typing import Any

import pytest

from actors.market.validation import HELD_MAX, HISTORY_NS, Inspector
from state.config.measures import ValidationSettings
from state.messages.flow import MarketSource, Rejection
from state.messages.market import CandleSeen, Timeframe
from state.values import NS_PER_S, Side, TimeNs
from tests.actors.examples import BTC, NOW, a_delta, a_snapshot, a_ticker, a_trade


def a_candle(**changes: Any) -> CandleSeen:
    members: dict[str, Any] = {
        "pair": BTC,
        "event_time_ns": NOW,
        "timeframe": Timeframe.M1,
        "open_time_ns": NOW,
        "open": 100.0,
        "high": 101.0,
        "low": 99.0,
        "close": 100.5,
        "base_volume": 1.0,
        "quote_volume": 100.0,
        "closed": False,
    }
    return CandleSeen(**members | changes)


class Scene:
    """An inspector and a clock that is told."""

    def __init__(self):
        self.ns = 0
        settings = ValidationSettings(jump_floor_bps=200, quarantine_s=10, regression_s=5)
        self.inspector = Inspector(BTC, settings, lambda: self.ns, lambda: TimeNs(NOW + self.ns))
        self.trades = 0

    def trade(self, price, at_s=None, **changes):
        self.trades += 1
        at_s = self.ns / NS_PER_S if at_s is None else at_s
        return a_trade(self.trades, at_s, price=price, **changes)

    def admit(self, fact):
        return self.inspector.admit(fact)

    def calm(self, price=100.0, count=30):
        for number in range(count):
            assert self.admit(self.trade(price + 0.01 * (number % 5)))

    def count(self, reason, source=MarketSource.TRADES):
        return self.inspector.counts.get((source, reason), 0)


@pytest.fixture
def scene():
    return Scene()


@pytest.mark.parametrize(
    ("fact", "source", "reason"),
    [
        (a_trade(price=0.0), MarketSource.TRADES, Rejection.NOT_POSITIVE),
        (a_trade(price=-1.0), MarketSource.TRADES, Rejection.NOT_POSITIVE),
        (a_trade(quantity=0.0), MarketSource.TRADES, Rejection.NOT_POSITIVE),
        (a_trade(price=nan), MarketSource.TRADES, Rejection.NOT_FINITE),
        (a_trade(quantity=inf), MarketSource.TRADES, Rejection.NOT_FINITE),
        (a_ticker(last=nan), MarketSource.TICKER, Rejection.NOT_FINITE),
        (a_ticker(bid=102.0), MarketSource.TICKER, Rejection.CROSSED),
        (a_ticker(bid=101.0), MarketSource.TICKER, Rejection.CROSSED),
        (a_ticker(ask=-1.0), MarketSource.TICKER, Rejection.NOT_POSITIVE),
        (a_ticker(base_volume_24h=-1.0), MarketSource.TICKER, Rejection.NOT_POSITIVE),
        (a_candle(low=100.2), MarketSource.CANDLES, Rejection.INCONSISTENT),
        (a_candle(high=100.2), MarketSource.CANDLES, Rejection.INCONSISTENT),
        (a_candle(close=inf), MarketSource.CANDLES, Rejection.NOT_FINITE),
        (a_candle(quote_volume=-0.1), MarketSource.CANDLES, Rejection.NOT_POSITIVE),
    ],
)
def test_what_cannot_be_true_is_refused_with_its_reason(scene, fact, source, reason):
    assert scene.admit(fact) == ()
    [told] = scene.inspector.take_refusals()
    assert (told.source, told.reason, told.count) == (source, reason, 1)


@pytest.mark.parametrize("fact", [a_trade(), a_ticker(), a_ticker(bid=nan), a_candle()])
def test_what_may_be_true_passes_as_it_is(scene, fact):
    assert scene.admit(fact) == (fact,)
    assert scene.inspector.take_refusals() == []


@pytest.mark.parametrize(
    ("level", "reason"),
    [
        ((0.0, 1.0), "not_positive"),
        ((-2.0, 1.0), "not_positive"),
        ((99.0, -1.0), "not_positive"),
        ((nan, 1.0), "not_finite"),
        ((99.0, nan), "not_finite"),
        ((inf, 1.0), "not_finite"),
    ],
)
def test_a_book_with_a_level_that_cannot_be_is_refused(scene, level, reason):
    for book in (a_delta(bids=(level,)), a_snapshot(asks=((101.0, 1.0), level))):
        assert scene.inspector.objection(book).startswith(reason)
    assert scene.inspector.objection(a_delta(bids=((99.0, 0.0),))) == ""


def test_a_price_that_jumped_waits_until_the_ticker_tells_it_too(scene):
    scene.calm()
    jumped = scene.trade(70.0)
    assert scene.admit(jumped) == ()
    assert scene.count(Rejection.QUARANTINED) == 1
    ticker = a_ticker(last=70.3, bid=70.2, ask=70.4)
    assert scene.admit(ticker) == (jumped, ticker)
    after = scene.trade(70.1)
    assert scene.admit(after) == (after,)


def test_two_trades_do_not_confirm_one_another(scene):
    scene.calm()
    assert scene.admit(scene.trade(70.0)) == scene.admit(scene.trade(70.0)) == ()


def test_a_fall_that_the_book_shows_too_is_believed_at_once(scene):
    scene.calm()
    scene.inspector.objection(a_delta(asks=((70.5, 2.0),)))
    fallen = scene.trade(70.0)
    assert scene.admit(fallen) == (fallen,)


@pytest.mark.parametrize(
    "delta",
    [
        a_delta(bids=((70.0, 2.0),)),  # Somebody always bids far below.
        a_delta(bids=(), asks=((70.0, 0.0),)),  # Gone is gone.
        a_delta(bids=(), asks=((90.0, 2.0),)),
    ],
)
def test_a_book_that_does_not_offer_so_low_confirms_no_fall(scene, delta):
    scene.calm()
    scene.inspector.objection(delta)
    assert scene.admit(scene.trade(70.0)) == ()


def test_what_nobody_confirms_in_time_is_refused_for_good(scene):
    scene.calm()
    scene.admit(scene.trade(70.0))
    scene.ns += 10 * NS_PER_S
    calm = scene.trade(100.0)
    scene.inspector.give_up()
    assert scene.count(Rejection.UNCONFIRMED) == 1
    ticker = a_ticker(last=70.0, bid=69.9, ask=70.1, event_time_ns=calm.event_time_ns)
    assert scene.admit(ticker) == (ticker,)


def test_a_flood_of_jumps_is_held_in_bounds(scene):
    scene.calm()
    for _ in range(HELD_MAX + 50):
        scene.admit(scene.trade(70.0))
    assert scene.count(Rejection.QUARANTINED) == HELD_MAX + 50
    assert scene.count(Rejection.UNCONFIRMED) == 50


def test_a_wild_market_jumps_further_before_it_is_disbelieved(scene):
    for number in range(40):
        price = 100.0 + 3.0 * (number % 5 - 2)
        assert scene.admit(scene.trade(price))
    # Ten scaled deviations of 3 around the median of 100: 44.5 either way.
    assert scene.admit(scene.trade(140.0))
    assert scene.admit(scene.trade(160.0)) == ()


def test_where_little_is_known_or_long_ago_everything_possible_is_believed(scene):
    scene.calm(count=10)
    assert scene.admit(scene.trade(70.0))
    scene.calm(price=70.0)
    scene.ns += HISTORY_NS + 1
    assert scene.admit(scene.trade(100.0))
    scene.calm()
    scene.inspector.begin()
    assert scene.admit(scene.trade(70.0))


def test_the_past_is_refused_until_it_insists(scene):
    assert scene.admit(scene.trade(100.0, at_s=60.0))
    assert scene.admit(scene.trade(100.0, at_s=55.0))
    assert scene.admit(scene.trade(100.0, at_s=54.0)) == ()
    assert scene.admit(scene.trade(100.0, at_s=54.0)) == ()
    assert scene.count(Rejection.TIME_REGRESSION) == 2
    assert scene.admit(scene.trade(100.0, at_s=54.0)), "the exchange's clock was set back"
    assert scene.admit(scene.trade(100.0, at_s=54.5))


def test_a_change_of_the_book_from_the_past_is_counted_and_believed_by_its_id(scene):
    scene.inspector.objection(a_delta(11, event_time_ns=TimeNs(NOW + 60 * NS_PER_S)))
    assert scene.inspector.objection(a_delta(12)) == ""
    assert scene.count(Rejection.TIME_REGRESSION, MarketSource.BOOK) == 1


def test_of_a_flood_of_refusals_not_each_is_told_and_none_is_missed(scene):
    told = []
    for _ in range(1000):
        scene.admit(scene.trade(0.0))
        told += scene.inspector.take_refusals()
    assert len(told) == 10
    scene.ns += NS_PER_S
    [last] = scene.inspector.take_refusals()
    assert (last.count, last.says) == (1000, "0.0")
    assert last.at_ns == NOW + NS_PER_S


def test_the_taker_s_side_does_not_matter_to_what_is_believed(scene):
    for side in Side:
        assert scene.admit(scene.trade(100.0, taker=side))
