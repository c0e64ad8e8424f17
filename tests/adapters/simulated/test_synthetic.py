"""The synthetic market shows what markets show, and the same seed shows the same."""

import math
from itertools import pairwise
from random import Random

import pytest

from adapters.simulated.building import build_venue
from adapters.simulated.catalogue import CATALOGUE
from adapters.simulated.core.events import BookPublished, TradePublished
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.markets.history import _walk_back
from adapters.simulated.markets.order_flow import OrderFlow
from adapters.simulated.markets.price_process import PriceProcess, student_t4
from adapters.simulated.options import ExchangeOptions
from state.values import NS_PER_S, Pair
from tests.adapters.simulated.venues import NOON

PAIRS = ("BTC_USDT", "ETH_USDT", "XRP_USDT")


def run(seed, seconds, pairs=PAIRS):
    """Return the venue and everything it published."""
    venue = build_venue(ExchangeOptions(pairs=pairs, seed=seed), NOON)
    for market in venue.pairs.values():
        market.channel("100ms", removed_reported=False)
    events = []
    for step in range(1, seconds * 10 + 1):
        venue.advance(NOON + step * NS_PER_S // 10)
        events += venue.drain()
    return venue, events


@pytest.mark.parametrize("length_s", [1, 60, 3600])
def test_what_happened_before_is_drawn_as_the_formula_says(length_s):
    """Each close is the next start, rounded once, and the same to the last tick."""
    pair = Pair("BTC_USDT")
    market = build_venue(ExchangeOptions(pairs=(pair,), seed=1), NOON).pairs[pair]
    (_, traits), end_s = CATALOGUE[pair], NOON // NS_PER_S
    bars = _walk_back(market, traits, Random("w"), 97_000.0, end_s, length_s, 300)
    rng, close = Random("w"), 97_000.0
    scale = traits.daily_volatility * math.sqrt(length_s / 86_400.0)
    ticks, units = 10**market.units.price_decimals, 10**market.units.amount_decimals
    for number, bar in enumerate(reversed(bars), 1):
        start = close * math.exp(-max(-0.2, min(0.2, scale * student_t4(rng))))
        away = scale * abs(rng.gauss(0.0, 0.5))
        stretch, squeeze = math.exp(away), math.exp(-away)
        volume = traits.trades_per_s * length_s * traits.trade_notional * 2.5
        volume *= math.exp(rng.gauss(-0.2, 0.6))
        assert bar.time_s == end_s - number * length_s
        assert bar.open == max(1, round(start * ticks))
        assert bar.high == max(1, round(max(start, close) * stretch * ticks))
        assert bar.low == max(1, round(min(start, close) * squeeze * ticks))
        assert bar.close == max(1, round(close * ticks))
        assert bar.lots == max(1, round(volume / close * units))
        assert bar.ticks_lots == bar.lots * max(1, round((start + close) / 2 * ticks))
        close = start


def correlation(first, second):
    mean_1, mean_2 = sum(first) / len(first), sum(second) / len(second)
    covariance = sum((a - mean_1) * (b - mean_2) for a, b in zip(first, second, strict=True))
    spread_1 = sum((a - mean_1) ** 2 for a in first)
    spread_2 = sum((b - mean_2) ** 2 for b in second)
    return covariance / math.sqrt(spread_1 * spread_2)


def lagged(series, lag):
    return correlation(series[:-lag], series[lag:])


@pytest.fixture(scope="module")
def returns():
    """A week of one-minute log returns of two pairs."""
    traits = [CATALOGUE[Pair(name)][1] for name in ("BTC_USDT", "ETH_USDT")]
    process = PriceProcess(traits, Random(3))
    prices = {each.pair: [each.price] for each in traits}
    for _ in range(7 * 1440):
        process.step(60.0)
        for pair, price in process.prices.items():
            prices[pair].append(price)
    return {
        pair: [math.log(after / before) for before, after in pairwise(series)]
        for pair, series in prices.items()
    }


def test_the_same_seed_gives_the_same_market():
    first, second, other = run(1, 20)[1], run(1, 20)[1], run(2, 20)[1]
    assert first == second
    assert first != other


def test_another_pair_beside_it_does_not_change_a_pairs_history():
    alone = build_venue(ExchangeOptions(pairs=("BTC_USDT",)), NOON)
    among = build_venue(ExchangeOptions(pairs=PAIRS), NOON)
    candles = [venue.pairs[Pair("BTC_USDT")].candles.series[60].bars for venue in (alone, among)]
    assert candles[0] == candles[1]


def test_pairs_move_together(returns):
    first, second = returns.values()
    assert 0.5 < correlation(first, second) < 0.9


def test_returns_have_fat_tails_and_no_memory_but_their_size_has(returns):
    series = returns["BTC_USDT"]
    mean = sum(series) / len(series)
    variance = sum((each - mean) ** 2 for each in series) / len(series)
    kurtosis = sum((each - mean) ** 4 for each in series) / len(series) / variance**2
    sizes = [abs(each) for each in series]

    assert kurtosis > 5, "a normal distribution has 3"
    assert abs(lagged(series, 1)) < 0.05
    assert lagged(sizes, 1) > 0.1
    assert lagged(sizes, 10) > 0.05


def test_a_day_is_about_as_volatile_as_the_pair_is(returns):
    series = returns["BTC_USDT"]
    daily = math.sqrt(sum(each * each for each in series) / 7)
    assert 0.4 * 0.026 < daily < 2.5 * 0.026


def test_a_student_draw_has_variance_one():
    rng = Random(5)
    draws = [student_t4(rng) for _ in range(200_000)]
    assert 0.8 < sum(each * each for each in draws) / len(draws) < 1.3


def test_trade_signs_remember_for_long():
    flow = OrderFlow(Random(1))
    signs = [float(flow.next_side().sign) for _ in range(40_000)]

    assert lagged(signs, 1) > 0.1
    assert lagged(signs, 20) > 0.03
    assert lagged(signs, 1) > lagged(signs, 20) > lagged(signs, 2_000)
    assert abs(sum(signs) / len(signs)) < 0.2, "neither side wins in the long run"


def test_books_are_deep_tight_and_never_crossed():
    venue, events = run(4, 60)
    for pair, market in venue.pairs.items():
        bid, ask = market.book.bids.best(), market.book.asks.best()
        assert bid is not None
        assert ask is not None
        spread_bps = (ask - bid) / bid * 10_000
        assert 0 < spread_bps < 10
        assert len(market.book.bids.keys) >= 25, pair
        assert len(market.book.asks.keys) >= 25, pair
    updates = [event for event in events if isinstance(event, BookPublished)]
    assert len(updates) > 0.9 * 3 * 600, "about ten updates a second and pair"
    assert broken_invariants(venue) == []


def test_trades_happen_inside_the_book_and_about_as_often_as_they_should():
    _, events = run(4, 120, ("BTC_USDT",))
    prices = [event.ticks for event in events if isinstance(event, TradePublished)]
    assert 120 < len(prices) < 3_000
    assert max(prices) / min(prices) < 1.05


def test_the_book_comes_back_after_a_large_taker():
    venue = build_venue(ExchangeOptions(pairs=("BTC_USDT",)), NOON)
    [market] = venue.pairs.values()
    from state.values import Side  # noqa: PLC0415

    venue.street_take(market, Side.BUY, 10**12, None, NOON)
    assert market.book.asks.best() is None
    for step in range(1, 301):
        venue.advance(NOON + step * NS_PER_S // 10)
    assert len(market.book.asks.keys) > 25


def test_after_a_long_pause_it_goes_on_from_now():
    venue = build_venue(ExchangeOptions(pairs=("BTC_USDT",)), NOON)
    venue.advance(NOON + 3600 * NS_PER_S)
    due_ns = venue.next_due_ns()
    assert due_ns is not None
    assert due_ns > NOON + 3600 * NS_PER_S


def test_history_ends_where_the_market_begins():
    venue = build_venue(ExchangeOptions(pairs=("ETH_USDT",)), NOON)
    [market] = venue.pairs.values()
    now_s = NOON // NS_PER_S
    minutes = market.candles.bars("1m", now_s - 86_400, now_s, now_s)
    hours = market.candles.bars("1h", now_s - 900 * 3600, now_s, now_s)
    mid = (market.book.bids.top(1)[0][0] + market.book.asks.top(1)[0][0]) / 2

    assert abs(minutes[-1].close / mid - 1) < 0.001
    assert all(later.open == earlier.close for earlier, later in pairwise(minutes[:-1]))
    assert len(hours) > 890
    assert all(bar.low <= min(bar.open, bar.close) for bar in hours)
