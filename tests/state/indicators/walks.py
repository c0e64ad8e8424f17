"""Bars to try things on: random walks from a seed, recorded candles, and hand-drawn shapes."""

import duckdb
import numpy as np

from state.indicators.bars import Bar, Columns
from state.messages.market import CandleClosed, Timeframe
from state.values import NS_PER_S, Pair, TimeNs
from tests.state.tapes import tape

START_NS = 1_704_067_200 * NS_PER_S
"""2024-01-01T00:00:00Z."""
PAIR = Pair("BTC_USDT")


def walk(seed: int, bars: int, *, step_s: int = 3600, noise: float = 0.01) -> Columns:
    """Return a geometric random walk with honest highs, lows and volumes."""
    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0, noise, bars)))
    opened = np.r_[100.0, close[:-1]]
    high = np.maximum(opened, close) * (1 + chance.exponential(noise / 2, bars))
    low = np.minimum(opened, close) / (1 + chance.exponential(noise / 2, bars))
    times = START_NS + np.arange(bars, dtype=np.int64) * step_s * NS_PER_S
    return Columns(times, opened, high, low, close, chance.exponential(10.0, bars)).checked()


def recorded(name: str, symbol: str, limit: int = 10**9) -> Columns:
    """Return recorded candles of one symbol, or skip the test where there are none."""
    rows = duckdb.execute(
        "select ts_open_ns, open, high, low, close, volume from read_parquet($1)"
        " where symbol = $2 order by 1 limit $3",
        [tape("candles", name), symbol, limit],
    ).fetchnumpy()
    return Columns(*(np.asarray(column) for column in rows.values())).checked()


def candle(bar: Bar, timeframe: Timeframe = Timeframe.H1, **changes) -> CandleClosed:
    """Return the closed candle of a bar."""
    return CandleClosed(
        pair=PAIR,
        event_time_ns=TimeNs(bar.open_time_ns + timeframe.seconds * NS_PER_S),
        timeframe=timeframe,
        open_time_ns=bar.open_time_ns,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        base_volume=bar.volume,
        quote_volume=bar.volume * bar.close,
        trades=1,
        **changes,
    )


def drawn(closes: list[float], *, reach: float = 0.0, step_s: int = 3600) -> Columns:
    """Return bars through `closes`, each from the last close, `reach` beyond its body."""
    close = np.array(closes, dtype=np.float64)
    opened = np.r_[close[:1], close[:-1]]
    high, low = np.maximum(opened, close) + reach, np.minimum(opened, close) - reach
    times = START_NS + np.arange(len(close), dtype=np.int64) * step_s * NS_PER_S
    return Columns(times, opened, high, low, close, np.ones(len(close))).checked()
