"""Candles open at exact multiples, repeat what is silent, and roll up to the very same numbers."""

from decimal import Decimal
from itertools import pairwise

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.candle import CandleFold, RollUp, length_ns, opening_of, roll_up
from state.messages.market import CandleClosed, Timeframe, TradePrinted
from state.values import NS_PER_S, Pair, Side, TimeNs
from tests.state.tapes import tape

PAIR = Pair("BTC_USDT")
SMALL, LARGE = Timeframe.M1, Timeframe.M5


def a_trade(trade_id, at_s, price=100.0, quantity=1.0) -> TradePrinted:
    return TradePrinted(
        pair=PAIR,
        event_time_ns=TimeNs(int(at_s * NS_PER_S)),
        trade_id=trade_id,
        price=price,
        quantity=quantity,
        taker=Side.BUY,
    )


def told(fold: CandleFold, trades, until_s=None) -> list[CandleClosed]:
    candles: list[CandleClosed] = []
    for trade in trades:
        fold, closed = fold.apply(trade)
        candles += closed
    if until_s is not None:
        candles += fold.advance(until_s * NS_PER_S)[1]
    return candles


def watching(since_s=0, timeframe=SMALL) -> CandleFold:
    return CandleFold.watching(PAIR, timeframe, TimeNs(since_s * NS_PER_S))


trades = st.lists(
    st.tuples(
        st.integers(0, 40),  # seconds since the trade before
        st.integers(1, 10**6),
        st.integers(1, 10**5),
    ),
    min_size=1,
    max_size=60,
).map(
    lambda steps: [
        a_trade(number, sum(s[0] for s in steps[: number + 1]), step[1] / 100, step[2] / 10**4)
        for number, step in enumerate(steps)
    ]
)


@given(trades=trades)
def test_rolled_up_candles_are_those_built_from_the_trades(trades):
    end_s = int(trades[-1].event_time_ns / NS_PER_S) // 300 * 300 + 300
    direct = told(watching(timeframe=LARGE), trades, end_s)
    rolled = roll_up(told(watching(), trades, end_s), LARGE)
    # Before the first trade there is no close to repeat, so a small candle may be missing there.
    assert rolled == direct[len(direct) - len(rolled) :]
    assert len(direct) - len(rolled) <= 1


@given(trades=trades)
def test_every_trade_is_in_one_candle_and_candles_leave_no_hole(trades):
    end_s = int(trades[-1].event_time_ns / NS_PER_S) // 60 * 60 + 60
    candles = told(watching(), trades, end_s)
    assert sum(candle.trades for candle in candles) == len(trades)
    volume = sum(Decimal(repr(candle.base_volume)) for candle in candles)
    assert volume == sum(Decimal(repr(trade.quantity)) for trade in trades)
    for before, after in pairwise(candles):
        assert after.open_time_ns - before.open_time_ns == length_ns(SMALL)
    for candle in candles:
        assert candle.low <= min(candle.open, candle.close)
        assert candle.high >= max(candle.open, candle.close)
        assert candle.open_time_ns % length_ns(SMALL) == 0


@given(trades=trades, data=st.data())
def test_trades_told_again_change_nothing(trades, data):
    again = [t for t in trades for _ in range(data.draw(st.integers(1, 2)))]
    assert told(watching(), again, 10_000) == told(watching(), trades, 10_000)


@pytest.mark.parametrize(
    ("timeframe", "hour"), [(Timeframe.H4, 4), (Timeframe.H1, 1), (Timeframe.D1, 24)]
)
def test_candles_open_at_multiples_of_utc(timeframe, hour):
    noon_ish = TimeNs(1_723_161_600 * NS_PER_S + 13 * 3600 * NS_PER_S + 5)
    opening = opening_of(noon_ish, timeframe)
    assert opening // NS_PER_S % 86_400 == 13 // hour * hour * 3600


def test_a_candle_is_worked_by_hand():
    [candle] = told(
        watching(),
        [
            a_trade(1, 0, 100.0, 0.1),
            a_trade(2, 30, 103.0, 0.2),
            a_trade(3, 59.999999999, 99.0, 0.3),
            a_trade(4, 60, 101.0, 5.0),
        ],
    )
    assert candle == CandleClosed(
        pair=PAIR,
        event_time_ns=TimeNs(60 * NS_PER_S),
        timeframe=SMALL,
        open_time_ns=TimeNs(0),
        open=100.0,
        high=103.0,
        low=99.0,
        close=99.0,
        base_volume=0.6,
        quote_volume=60.3,
        trades=3,
    )


def test_silence_repeats_the_last_close_without_trades():
    candles = told(watching(), [a_trade(1, 10, 100.0)], until_s=180)
    assert [c.trades for c in candles] == [1, 0, 0]
    assert {(c.open, c.high, c.low, c.close) for c in candles} == {(100.0,) * 4}
    assert [c.base_volume for c in candles] == [1.0, 0.0, 0.0]


def test_before_the_first_trade_there_is_nothing_to_tell():
    fold, closed = watching().advance(10**9 * NS_PER_S)
    assert closed == ()
    assert told(fold, [a_trade(1, 10**9 + 61)], until_s=10**9 + 140)[0].trades == 1


def test_the_candle_in_which_watching_began_is_not_told():
    candles = told(watching(since_s=30), [a_trade(1, 40), a_trade(2, 70)], until_s=120)
    assert [c.open_time_ns for c in candles] == [60 * NS_PER_S]


def test_a_trade_too_late_for_its_candle_is_counted_as_ignored():
    fold = watching()
    for trade in (a_trade(1, 10), a_trade(2, 61), a_trade(3, 59)):
        fold, _ = fold.apply(trade)
    assert fold.ignored == 1
    assert fold.forming is not None
    assert fold.forming.trades == 1


def test_a_fold_survives_being_written_and_read():
    fold, _ = watching().apply(a_trade(1, 10, 0.1, 0.3))
    assert msgspec.json.decode(msgspec.json.encode(fold), type=CandleFold) == fold


def test_a_trade_of_another_pair_is_a_bug():
    with pytest.raises(AssertionError, match="another pair"):
        watching().apply(msgspec.structs.replace(a_trade(1, 1), pair=Pair("ETH_USDT")))


def test_a_larger_candle_with_a_missing_part_is_not_told_but_counted():
    parts = told(watching(), [a_trade(1, 0)], until_s=900)
    fold = RollUp(timeframe=LARGE)
    found = []
    for part in parts[1:7] + parts[10:]:
        fold, larger = fold.apply(part)
        found.append(larger)
    assert [c.open_time_ns for c in found if c] == [600 * NS_PER_S]
    # The first began in the middle, the second never ended.
    assert fold.incomplete == 2


def test_a_larger_candle_must_be_a_multiple():
    part = told(watching(timeframe=LARGE), [a_trade(1, 0)], until_s=300)[0]
    with pytest.raises(AssertionError, match="multiple"):
        RollUp(timeframe=SMALL).apply(part)


def test_an_empty_part_does_not_stretch_the_range_of_the_larger_candle():
    candles = told(watching(), [a_trade(1, 0, 100.0), a_trade(2, 361, 200.0)], until_s=600)
    [_, second] = roll_up(candles, LARGE)
    assert (second.open, second.low) == (200.0, 200.0)
    silent = roll_up(told(watching(), [a_trade(1, 0, 100.0)], until_s=600), LARGE)[1]
    assert (silent.open, silent.trades) == (100.0, 0)


def _stored(path, symbol, timeframe) -> list[CandleClosed]:
    rows = duckdb.execute(
        "select ts_open_ns, open, high, low, close, volume from read_parquet(?)"
        " where symbol = ? order by ts_open_ns",
        [path, symbol],
    ).fetchall()
    return [
        CandleClosed(
            pair=Pair(symbol),
            event_time_ns=TimeNs(row[0] + length_ns(timeframe)),
            timeframe=timeframe,
            open_time_ns=TimeNs(row[0]),
            open=row[1],
            high=row[2],
            low=row[3],
            close=row[4],
            base_volume=row[5],
            quote_volume=0.0,
            trades=int(row[5] > 0),
        )
        for row in rows
    ]


@pytest.mark.slow
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETCUSDT", "PEPEUSDT"])
def test_five_minute_candles_roll_up_to_the_exchanges_own_hours(symbol):
    small = _stored(
        tape("candles", "binance_spot_5m_2024-01_2024-09.parquet"), symbol, Timeframe.M5
    )
    large = _stored(
        tape("candles", "binance_spot_1h_2024-01_2024-09.parquet"), symbol, Timeframe.H1
    )
    rolled = roll_up(small, Timeframe.H1)
    assert len(rolled) == len(large) > 5000
    for ours, theirs in zip(rolled, large, strict=True):
        assert msgspec.structs.replace(ours, trades=theirs.trades) == theirs


@pytest.mark.slow
@pytest.mark.parametrize(("timeframe", "name"), [(Timeframe.M1, "1m"), (Timeframe.M5, "5m")])
def test_candles_built_from_recorded_trades_are_the_exchanges_own(timeframe, name):
    rows = duckdb.execute(
        "select ts_exchange_ns, agg_id, price, size from read_parquet(?) order by agg_id",
        [tape("trades", "xrpeth_binance_spot_20191011.parquet")],
    ).fetchall()
    theirs = _stored(
        tape("candles", f"binance_spot_xrpeth_{name}_20191011.parquet"), "XRPETH", timeframe
    )
    fold = CandleFold.watching(PAIR, timeframe, theirs[0].open_time_ns)
    printed = [a_trade(row[1], 0, row[2], row[3]) for row in rows]
    printed = [
        msgspec.structs.replace(trade, event_time_ns=TimeNs(row[0]))
        for trade, row in zip(printed, rows, strict=True)
    ]
    ours = [c for c in told(fold, printed, theirs[-1].event_time_ns // NS_PER_S) if c.trades]
    assert len(ours) == len(theirs)
    for mine, its in zip(ours, theirs, strict=True):
        assert (mine.open_time_ns, mine.open, mine.high, mine.low, mine.close) == (
            its.open_time_ns,
            its.open,
            its.high,
            its.low,
            its.close,
        )
        assert mine.base_volume == its.base_volume
