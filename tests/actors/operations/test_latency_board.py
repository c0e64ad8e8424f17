"""Latencies are told hop by hop, corrected by the clocks, and raise an alarm when they grow."""

import pytest

from actors.operations.latency_board import SAMPLES_MIN, WINDOW_NS, LatencyBoard
from state.config.measures import LatencySettings
from state.hop_samples import SAMPLES_MAX, HopSamples
from state.messages.flow import LatencyMeasured
from state.values import NS_PER_MS, NS_PER_S
from tests.actors.examples import BTC


def told(ms, count=SAMPLES_MIN, **hops):
    return LatencyMeasured(pair=BTC, socket_to_state=(int(ms * NS_PER_MS),) * count, **hops)


@pytest.fixture
def board():
    return LatencyBoard(LatencySettings(budget_ms=250, hard_ms=1000))


def test_hops_are_told_with_their_percentiles(board):
    board.hear(
        LatencyMeasured(pair=BTC, decode=tuple(n * NS_PER_MS for n in range(1, 101))), offset_ns=0
    )
    [hop] = board.hops()
    assert (hop.hop, hop.count, hop.max_ms) == ("decode", 100, 100.0)
    assert hop.p50_ms == pytest.approx(50, rel=1 / 64)
    assert hop.p99_ms == pytest.approx(99, rel=1 / 64)


def test_the_way_from_the_exchange_is_corrected_by_the_clocks_or_not_told(board):
    way = LatencyMeasured(pair=BTC, exchange_to_socket=(-400 * NS_PER_MS,))
    board.hear(way, offset_ns=None)
    assert board.hops() == ()
    board.hear(way, offset_ns=430 * NS_PER_MS)
    [hop] = board.hops()
    assert hop.max_ms == 30.0


def test_a_budget_that_is_exceeded_is_told_once_until_it_was_kept_again(board):
    board.hear(told(200), 0)
    assert board.look(0) == []
    board.hear(told(300), 0)
    [alarm] = board.look(NS_PER_S)
    assert not alarm.is_hard
    assert board.look(2 * NS_PER_S) == []
    for minute in (1, 2, 3):
        board.hear(told(10), 0)
        assert board.look(minute * WINDOW_NS) == []
    board.hear(told(300), 0)
    assert len(board.look(3 * WINDOW_NS + 1)) == 1


def test_few_samples_are_no_percentile_but_one_beyond_the_hard_limit_is_told(board):
    board.hear(told(900, count=3), 0)
    assert board.look(0) == []
    board.hear(told(1001, count=1), 0)
    [alarm] = board.look(0)
    assert alarm.is_hard
    assert "1,001 ms" in alarm.text


def test_samples_are_gathered_and_told_now_and_then():
    samples = HopSamples(BTC, 2.0)
    assert samples.due(0) is None
    samples.add("fold", 5, 9)
    samples.add("fold", 0, 9)
    samples.add("decode", 7, 0)
    assert samples.due(NS_PER_S) is None
    assert samples.due(2 * NS_PER_S) == LatencyMeasured(pair=BTC, fold=(4,))
    assert samples.due(9 * NS_PER_S) is None, "where nothing happened nothing is told"


def test_a_flood_is_told_in_bounds_and_says_what_it_left_out():
    samples = HopSamples(BTC, 1.0)
    assert samples.due(0) is None
    for _ in range(SAMPLES_MAX + 7):
        samples.add("fold", 1, 2)
    flood = samples.due(NS_PER_S)
    assert flood is not None
    assert (len(flood.fold), flood.left_out) == (SAMPLES_MAX, 7)
