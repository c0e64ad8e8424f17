"""Candles begin at exact multiples, and longer ones are exactly their parts."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.core.candles import SECONDS, Candle, CandleStore, merged
from state.values import NS_PER_S

START = 1_699_999_200  # a whole hour
TRADES = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=7200),
        st.integers(min_value=90, max_value=110),
        st.integers(min_value=1, max_value=5),
    ),
    min_size=1,
    max_size=60,
).map(sorted)


def stored(trades):
    store = CandleStore()
    for after_s, ticks, lots in trades:
        store.add((START + after_s) * NS_PER_S, ticks, lots)
    return store


def test_a_bar_folds_its_trades():
    store = stored([(1, 100, 2), (30, 105, 1), (59, 98, 3), (60, 99, 1)])

    bars = store.bars("1m", START, START + 60, START + 61)

    assert bars == [
        Candle(START, 100, 105, 98, 98, 6, 2 * 100 + 105 + 3 * 98),
        Candle(START + 60, 99, 99, 99, 99, 1, 99),
    ]


def test_a_silence_repeats_the_last_close():
    store = stored([(1, 100, 2), (190, 105, 1)])

    bars = store.bars("1m", START, START + 300, START + 300)

    assert [bar.close for bar in bars] == [100, 100, 100, 105, 105, 105]
    assert [bar.lots for bar in bars] == [2, 0, 0, 1, 0, 0]
    assert [bar.time_s for bar in bars] == [START + 60 * n for n in range(6)]


def test_asking_before_the_first_trade_of_a_bar_does_not_change_it():
    asked, not_asked = stored([(1, 100, 2)]), stored([(1, 100, 2)])
    asked.bars("1m", START, START + 65, START + 65)
    for store in (asked, not_asked):
        store.add((START + 70) * NS_PER_S, 107, 1)

    now = START + 80
    assert asked.bars("1m", START, now, now) == not_asked.bars("1m", START, now, now)
    assert asked.newest("1m", now) == Candle(START + 60, 107, 107, 107, 107, 1, 107)


@given(TRADES)
def test_every_length_is_the_sum_of_its_parts(trades):
    store = stored(trades)
    now = START + 7200
    seconds = store.bars("10s", START, now, now)
    for interval in ("1m", "5m", "15m", "1h"):
        whole = store.bars(interval, START, now, now)
        parts = merged(seconds, SECONDS[interval])
        traded = {bar.time_s: bar for bar in parts if bar.lots}
        assert {bar.time_s: bar for bar in whole if bar.lots} == traded
        assert all(bar.time_s % SECONDS[interval] == 0 for bar in whole)


@given(TRADES)
def test_the_day_counts_every_trade_of_the_last_24_hours(trades):
    store = stored(trades)
    day = store.day(START + 7200)

    assert day is not None
    _, high, low, lots, ticks_lots = day
    assert high == max(ticks for _, ticks, _ in trades)
    assert low == min(ticks for _, ticks, _ in trades)
    assert lots == sum(lots for _, _, lots in trades)
    assert ticks_lots == sum(ticks * lots for _, ticks, lots in trades)


def test_a_trade_of_yesterday_is_not_of_this_day():
    store = stored([(0, 200, 9), (60, 100, 1)])
    store.add((START + 86_400 + 30) * NS_PER_S, 110, 2)

    assert store.day(START + 86_400 + 40)[:4] == (200, 200, 100, 12)
    assert store.day(START + 86_400 + 60)[:4] == (100, 110, 100, 3)


def test_nothing_is_known_before_the_first_trade():
    store = CandleStore()
    assert store.bars("1m", 0, START, START) == []
    assert store.newest("1m", START) is None
    assert store.day(START) is None


def test_the_price_at_an_hour_is_the_last_before_it_or_the_first_known():
    store = CandleStore()
    assert store.price_at(0) is None
    store.add(7_200 * NS_PER_S, 100, 1)
    store.add(10_900 * NS_PER_S, 110, 1)
    store.add(18_100 * NS_PER_S, 130, 1)

    assert store.price_at(3_600) == 100
    assert store.price_at(14_400) == 110
    assert store.price_at(25_200) == 130
