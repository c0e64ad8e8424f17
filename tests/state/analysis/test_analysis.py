"""A feature that knows the future is caught; ours do not; base rates are what they should be."""

from typing import Any

import numpy as np
import pytest

from state.analysis.base_rates import base_rates, wilson
from state.analysis.features import CHART_PATTERNS, features
from state.analysis.lookahead import look
from state.analysis.rolling import rolled
from state.analysis.warm_up import BARS, warmth
from state.candle import length_ns, roll_up
from state.indicators.bars import Bar, Columns
from state.indicators.catalogue import WARM_UP
from state.messages.market import Timeframe
from state.messages.signals import Direction
from state.patterns.candlesticks import names
from tests.state.indicators.walks import candle, recorded, walk


def centred(bars: Columns):
    """Return a mean that reaches three bars into the future."""
    return {"centred": np.convolve(bars.close, np.ones(7) / 7, mode="same")}


def scaled(bars: Columns):
    """Return closes scaled by the whole history's spread: the commonest leak of all."""
    return {"scaled": (bars.close - bars.close.mean()) / bars.close.std()}


def unconfirmed(bars: Columns):
    """Return whether a bar is the highest of the five around it, told at that very bar."""
    high = np.r_[[0.0] * 2, bars.high, [0.0] * 2]
    around = np.max([high[n : n + len(bars.high)] for n in range(5)], axis=0)
    return {"unconfirmed": (bars.high == around).astype(float)}


def late(bars: Columns):
    """Return the close before: it knows nothing of the future."""
    return {"late": np.r_[np.nan, bars.close[:-1]]}


def test_every_feature_of_the_house_says_the_same_without_the_future():
    looked = list(look(features(), walk(1, 500), cuts=3))
    assert [leak for one in looked for leak in one.leaks] == []
    assert sum(one.columns for one in looked) > 100
    # Of five minutes enough of the longer timeframes are there for an agreement.
    fast = walk(2, 2_000, step_s=300, noise=0.002)
    trend = features()["trend"]
    assert not np.isnan(trend(fast)["agreement"][-1])
    [told] = look({"trend": trend}, fast, cuts=2)
    assert told.leaks == ()


def test_features_that_know_the_future_are_caught():
    made = {"centred": centred, "scaled": scaled, "unconfirmed": unconfirmed, "late": late}
    found = {one.feature: one.leaks for one in look(made, walk(3, 300))}
    assert [name for name, leaks in found.items() if leaks] == ["centred", "scaled", "unconfirmed"]
    [leak] = found["centred"]
    assert 0 <= leak.cut - leak.bar <= 3
    assert leak.with_future != leak.without


def test_a_feature_that_gives_another_number_of_values_is_refused():
    def bare(bars: Columns) -> Any:
        return bars.close

    with pytest.raises(ValueError, match="not one value a bar"):
        list(look({"short": lambda bars: {"short": bars.close[1:]}}, walk(4, 100)))
    with pytest.raises(ValueError, match="too few"):
        list(look({"late": late}, walk(4, 10)))
    with pytest.raises(ValueError, match=r"expected columns by name, .* not ndarray"):
        list(look({"bare": bare}, walk(4, 100)))
    with pytest.raises(ValueError, match="its columns are others"):
        list(look({"some": lambda bars: {str(len(bars.close)): bars.close}}, walk(4, 100)))


@pytest.mark.parametrize("price", [1e-12, 1e9])
def test_a_leak_is_caught_however_small_the_price(price):
    """Only when what may differ is a share of the prices, not of 1."""
    made = {"leaks": lambda bars: {"mean": centred(bars)["centred"] * price}, "late": late}
    leaks, none = look(made, walk(3, 300))
    assert leaks.leaks
    assert not none.leaks


def test_an_endless_value_is_a_leak_too():
    def endless(bars: Columns):
        found = bars.close.copy()
        found[0] = np.inf if len(found) == 100 else 1.0
        return {"endless": found}

    [told] = look({"endless": endless}, walk(4, 100))
    assert told.leaks[0].with_future == np.inf


def test_bars_roll_up_as_candles_do():
    bars = walk(5, 300, step_s=3600).part(3, 290)
    hours = [candle(bar) for bar in bars.rows()]
    for frame in (Timeframe.H4, Timeframe.D1):
        expected = [Bar.of(one) for one in roll_up(hours, frame)]
        ours = rolled(bars, length_ns(frame)).rows()
        assert [one[:5] for one in ours] == [one[:5] for one in expected]
        assert [one.volume for one in ours] == pytest.approx([one.volume for one in expected])


def test_enough_history_makes_every_indicator_what_it_is_over_all():
    found = {one.output: one for one in warmth(walk(6, 1_300))}
    assert all(one.is_settled for one in found.values())
    assert found["obv"].cumulative
    first, _, last = (found["ema50"].differences[n] for n in range(len(BARS)))
    assert first is not None
    assert last is not None
    assert first > last
    assert max(one.warm_up for one in found.values()) == WARM_UP
    with pytest.raises(ValueError, match="too few"):
        list(warmth(walk(6, 500)))


def test_wilsons_interval_is_the_published_one():
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_a_pattern_that_always_comes_true_differs_and_overlaps_count_once():
    # Long white candles, each followed by a rise; long black ones by another fall.
    bars = walk(7, 1_500)
    rows = {(one.pattern, one.direction): one for one in base_rates({"walk": bars}, 6)}
    for one in rows.values():
        assert one.counted <= one.seen
        assert one.hits <= one.counted
        if one.rate is not None:
            assert one.low is not None
            assert one.high is not None
            assert one.low <= one.rate <= one.high
    long_up = rows["CDLLONGLINE", Direction.UP]
    futures = bars.close[6:] / bars.close[:-6] - 1
    assert long_up.base == pytest.approx((futures > 0).mean())
    assert long_up.base_bps == pytest.approx(futures.mean() * 1e4)
    assert rows["CDLLONGLINE", Direction.DOWN].base == pytest.approx((futures < 0).mean())


def test_in_a_random_walk_no_pattern_is_worth_anything():
    walks = {str(seed): walk(seed, 1_500) for seed in range(20, 24)}
    told = [one for one in base_rates(walks, 6) if one.differs is not None]
    assert len(told) > 15
    assert sum(one.differs is True for one in told) == 0


def test_a_pattern_that_moves_the_market_is_found_out():
    bars = walk(8, 1_200)
    steps = np.log(bars.close[1:] / bars.close[:-1])
    # After each bar that fell by more than a standard deviation the market rises for three bars.
    for place in np.flatnonzero(steps < -0.01):
        steps[place + 1 : place + 4] = np.abs(steps[place + 1 : place + 4])
    close = 100 * np.exp(np.r_[0.0, np.cumsum(steps)])
    opened = np.r_[close[:1], close[:-1]]
    high, low = np.maximum(opened, close) * 1.0005, np.minimum(opened, close) / 1.0005
    moved = Columns(bars.open_time_ns, opened, high, low, close, bars.volume).checked()
    rows = {(one.pattern, one.direction): one for one in base_rates({"moved": moved}, 3)}
    marubozu = rows["CDLMARUBOZU", Direction.DOWN]
    assert marubozu.differs
    assert marubozu.rate is not None
    assert marubozu.rate < 0.3 < marubozu.base


def test_the_recorded_hours_have_base_rates():
    hours = recorded("binance_spot_1h_2024-01_2024-09.parquet", "BTCUSDT")
    rows = base_rates({"BTCUSDT": hours}, 12)
    assert len({one.pattern for one in rows}) > 40
    charts = {one.pattern for one in rows} - set(names())
    assert charts <= {*CHART_PATTERNS}
    assert len(charts) >= 9  # No double bottom in those months.
