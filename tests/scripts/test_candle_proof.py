"""Candles rolled up from recorded ones are the exchange's own, and one that is not is listed."""

from pathlib import Path

import msgspec
import pytest

from scripts.proofs import candles as candle_proof
from state.messages.market import Timeframe
from tests.state.tapes import tape


@pytest.mark.slow
def test_every_recorded_hour_makes_the_exchanges_own_day():
    shared = Path(tape("candles", "binance_spot_1d_2024-01_2024-09.parquet")).parents[1]
    file, _, way = candle_proof.COMPARISONS[1]
    assert candle_proof.rolled(shared, file, way) == (7_470, [])
    assert candle_proof.from_trades(shared, Timeframe.M5) == (706, [])


@pytest.mark.slow
def test_a_bar_that_differs_is_listed():
    shared = Path(tape("candles", "binance_spot_xrpeth_5m_20191011.parquet")).parents[1]
    file, _, way = candle_proof.COMPARISONS[3]
    [bars] = candle_proof.recorded(shared, file, way[-1]).values()
    spoilt = [msgspec.structs.replace(bars[0], high=9.0), *bars[1:]]
    count, told = candle_proof.differences(spoilt, bars)
    assert count == 706
    assert told == [
        f"XRPETH 5m {bars[0].open_time_ns}: high 9.0 against {bars[0].high!r}",
    ]
