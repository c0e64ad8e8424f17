"""A shelf is whole from its oldest candle on, and what is not whole is told, whatever comes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.market.candle_shelf import Shelf
from state.candle import length_ns
from state.messages.market import Timeframe
from state.values import TimeNs
from tests.actors.examples import BTC, a_candle

KEPT = 30
LENGTH = length_ns(Timeframe.M1)


def candle(number, close=1.0):
    opening = TimeNs(number * LENGTH)
    return a_candle(open_time_ns=opening, timeframe=Timeframe.M1, close=close)


def numbers(candles):
    return [one.open_time_ns // LENGTH for one in candles]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("live"), st.integers(0, 3)),
        st.tuples(st.just("away"), st.integers(1, 45)),
        st.tuples(st.just("fill"), st.sets(st.integers(0, 29))),
        st.tuples(st.just("give_up"), st.sets(st.integers(0, 29))),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(steps=steps)
def test_what_is_whole_has_no_hole_and_nobody_makes_up_a_candle(steps):
    """`now` is in candles; the exchange knows every one but those a step says it leaves out."""
    shelf, now = Shelf(BTC, Timeframe.M1, KEPT), 1_000
    known = set()
    for what, detail in steps:
        if what == "live":  # So many candles close while we watch.
            for _ in range(detail):
                shelf.put(candle(now))
                known.add(now)
                now += 1
        elif what == "away":  # So many close while nobody watches.
            now += detail
        else:
            hole = shelf.hole(now * LENGTH)
            if hole is None:
                continue
            first, last = hole[0] // LENGTH, hole[1] // LENGTH
            assert last == now - 1
            assert last - first < KEPT
            told = [one for one in range(first, last + 1) if one - first not in detail]
            known |= set(told)
            shelf.fill(hole, [candle(one) for one in told], give_up=what == "give_up")
            if what == "give_up":
                assert shelf.hole(now * LENGTH) is None
        newest = shelf.newest(KEPT)
        held = numbers(newest)
        assert len(held) <= KEPT
        assert held == list(range(held[0], held[-1] + 1)) if held else True
        for one in newest:
            assert one.missing or one.open_time_ns // LENGTH in known
        if shelf.is_ready(now * LENGTH):
            assert not held or held[-1] == now - 1
            assert shelf.hole(now * LENGTH) is None
        elif shelf.hole(now * LENGTH) is not None and held:
            assert held[-1] < now - 1
    # Once the exchange gives everything, everything is there.
    hole = shelf.hole(now * LENGTH)
    if hole is not None:
        span = range(hole[0] // LENGTH, hole[1] // LENGTH + 1)
        shelf.fill(hole, [candle(one) for one in span], give_up=False)
    assert shelf.hole(now * LENGTH) is None
    assert shelf.is_ready(now * LENGTH)


def test_parts_are_given_only_where_all_are_known():
    shelf = Shelf(BTC, Timeframe.M1, KEPT)
    hole = shelf.hole(10 * LENGTH)
    assert hole is not None
    shelf.fill(hole, [candle(one) for one in (5, 6, 8, 9)], give_up=False)
    assert numbers(shelf.parts(5 * LENGTH, 7 * LENGTH) or ()) == [5, 6]
    assert shelf.parts(6 * LENGTH, 9 * LENGTH) is None  # The seventh is missing.
    assert shelf.parts(9 * LENGTH, 11 * LENGTH) is None  # The tenth is not here.
