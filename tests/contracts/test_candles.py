"""The exchange's own candles, fetched: every length, aligned, each once, whole ones marked."""

import pytest

from state.messages.market import Timeframe
from state.messages.venue import CANDLES_A_REQUEST, FetchCandles, Refused, Succeeded
from state.values import NS_PER_S, Pair, TimeNs
from tests.contracts.orders import only
from tests.contracts.worlds import PAIRS, ask

BTC = PAIRS[0]


def fetched(world, timeframe, bars, pair=BTC, before=0):
    """Ask for the newest `bars` candles but `before`."""
    length_ns = timeframe.seconds * NS_PER_S
    newest_ns = world.now_ns() // length_ns * length_ns - before * length_ns
    since_ns = TimeNs(newest_ns - (bars - 1) * length_ns)
    request = FetchCandles(
        pair=pair, timeframe=timeframe, since_ns=since_ns, until_ns=TimeNs(newest_ns)
    )
    return ask(world, request)


def test_candles_of_every_length_lie_side_by_side(world):
    for timeframe in Timeframe:
        length_ns = timeframe.seconds * NS_PER_S
        candles = only(Succeeded, fetched(world, timeframe, 2)).candles
        assert all(one.pair == BTC and one.timeframe is timeframe for one in candles)
        assert all(one.open_time_ns % length_ns == 0 for one in candles)
        openings = [one.open_time_ns for one in candles]
        assert openings == sorted(set(openings))
        for one in candles:
            assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high
            is_over = one.open_time_ns + length_ns <= world.now_ns() + NS_PER_S
            assert is_over or not one.closed


def test_minutes_make_up_the_hour(world):
    hours = only(Succeeded, fetched(world, Timeframe.H1, 2)).candles
    hour = hours[0]
    assert hour.closed
    minutes = only(
        Succeeded,
        ask(
            world,
            FetchCandles(
                pair=BTC,
                timeframe=Timeframe.M1,
                since_ns=hour.open_time_ns,
                until_ns=TimeNs(hour.open_time_ns + 3599 * NS_PER_S),
            ),
        ),
    ).candles
    assert len(minutes) == 60
    assert (minutes[0].open, minutes[-1].close) == (hour.open, hour.close)
    assert max(one.high for one in minutes) == hour.high
    assert min(one.low for one in minutes) == hour.low
    assert sum(one.base_volume for one in minutes) == pytest.approx(hour.base_volume)


def test_too_many_or_too_old_candles_are_refused(world):
    many = only(Refused, fetched(world, Timeframe.M1, CANDLES_A_REQUEST + 2))
    old = only(Refused, fetched(world, Timeframe.M1, 10, before=20_000))
    assert {many.label, old.label} == {"INVALID_PARAM_VALUE"}
    assert "too long ago" in old.message


def test_candles_of_an_unknown_pair_are_refused(world):
    refused = only(Refused, fetched(world, Timeframe.M1, 2, pair=Pair("NOPE_NOPE")))
    assert refused.label == "INVALID_CURRENCY_PAIR"
