"""What a closed candle costs: indicators, patterns, all of it; beside computing 500 bars anew."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from scripts.benchmarks.figures import Figure, in_turn, percentile
from state.indicators.bars import Bar, Columns
from state.indicators.catalogue import catalogue, make_all
from state.messages.market import CandleClosed, Timeframe
from state.patterns import candlesticks
from state.technical import Reader
from state.trend import TrendView
from state.values import NS_PER_S, Pair, TimeNs

PEER = "anew over 500 bars"
WARM = 500
TIMES = 1_000
ROUNDS = 5
TARGET_US = 200.0
_PAIR = Pair("BTC_USDT")


def measure() -> list[Figure]:
    """Measure everything; some seconds."""
    bars = _walk(WARM + ROUNDS * TIMES)
    rows = bars.rows()
    warm, news = bars.part(0, WARM), rows[WARM:]
    indicators = [indicator for _, indicator in make_all()]
    for indicator in indicators:
        indicator.warm(warm)
    patterns = candlesticks.Candlesticks()
    patterns.warm(warm)

    def all_indicators(bar: Bar) -> None:
        bar.checked()
        for indicator in indicators:
            indicator.feed(bar)

    figures = [
        _compared("24 indicators, 38 outputs, a bar", all_indicators, news, lambda: _anew(warm)),
        _compared("61 candlestick patterns, a bar", patterns.apply, news, lambda: _seen(warm)),
    ]
    reader = Reader(_PAIR, Timeframe.M1, TrendView(_PAIR))
    candles = [_candle(bar) for bar in rows]
    history = tuple(candles[:WARM])
    opened = percentile([_us(_read, history) for _ in range(7)], 0.5)
    reader.history(history)
    reader.read_on(WARM)
    whole = [_us(reader.apply, candle) for candle in candles[WARM:]]
    figures += [
        Figure(
            name="all of it, levels and shapes too, p50", value=percentile(whole, 0.5), unit="us"
        ),
        Figure(name="all of it, p99", value=percentile(whole, 0.99), unit="us"),
        Figure(name=f"history of {WARM} bars read", value=opened, unit="us"),
    ]
    return figures


def _compared(
    name: str, deed: Callable[[Bar], object], news: Sequence[Bar], anew: Callable[[], object]
) -> Figure:
    batches = iter([news[n * TIMES : (n + 1) * TIMES] for n in range(ROUNDS)])

    def ours() -> float:
        return percentile([_us(deed, bar) for bar in next(batches)], 0.5)

    def theirs() -> float:
        return percentile([_us(anew) for _ in range(20)], 0.5)

    value, peer = in_turn(ROUNDS, ours, theirs)
    return Figure(
        name=name,
        value=value,
        unit="us",
        peer=peer,
        target=f"<= {TARGET_US:g} us",
        met=value <= TARGET_US,
    )


def _us(deed: Callable[..., object], *given: object) -> float:
    began = time.thread_time_ns()
    deed(*given)
    return (time.thread_time_ns() - began) / 1000


def _anew(bars: Columns) -> None:
    for spec in catalogue():
        spec.batch(bars)


def _seen(bars: Columns) -> None:
    for name in candlesticks.names():
        candlesticks.whole(name, bars)


def _read(history: tuple[CandleClosed, ...]) -> None:
    reader = Reader(_PAIR, Timeframe.M1, TrendView(_PAIR))
    reader.history(history)
    reader.read_on(WARM)


def _walk(bars: int) -> Columns:
    chance = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0, 0.001, bars)))
    opened = np.r_[100.0, close[:-1]]
    high = np.maximum(opened, close) * (1 + chance.exponential(0.0005, bars))
    low = np.minimum(opened, close) / (1 + chance.exponential(0.0005, bars))
    times = np.arange(bars, dtype=np.int64) * 60 * NS_PER_S
    return Columns(times, opened, high, low, close, chance.exponential(10.0, bars)).checked()


def _candle(bar: Bar) -> CandleClosed:
    return CandleClosed(
        pair=_PAIR,
        event_time_ns=TimeNs(bar.open_time_ns + 60 * NS_PER_S),
        timeframe=Timeframe.M1,
        open_time_ns=bar.open_time_ns,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        base_volume=bar.volume,
        quote_volume=bar.volume * bar.close,
        trades=1,
    )
