"""Order flow by the equations of Cont, Kukanov and Stoikov (2014), from changes, over a window."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market.order_flow import OrderFlow, flow_of
from state.order_book import Best
from state.values import NS_PER_S

BEFORE = Best(99.0, 5.0, 101.0, 7.0)


@pytest.mark.parametrize(
    ("after", "flow"),
    [
        (Best(99.0, 8.0, 101.0, 7.0), 3.0),  # The bid grew by 3.
        (Best(99.0, 5.0, 101.0, 4.0), 3.0),  # 3 were bought off the ask.
        (Best(99.5, 2.0, 101.0, 7.0), 2.0),  # A better bid of 2.
        (Best(98.0, 9.0, 101.0, 7.0), -5.0),  # The bid of 5 is gone.
        (Best(99.0, 5.0, 100.5, 1.0), -1.0),  # A better ask of 1.
        (Best(99.0, 5.0, 102.0, 2.0), 7.0),  # The ask of 7 is gone.
        (Best(98.0, 4.0, 100.0, 6.0), -11.0),  # Both fell.
        (BEFORE, 0.0),
    ],
)
def test_one_change_by_hand(after, flow):
    assert flow_of(BEFORE, after) == flow


best = st.builds(
    lambda bid, width, one, other: Best(bid, one, bid + width, other),
    st.integers(90, 110).map(float),
    st.integers(1, 3).map(float),
    st.floats(0.1, 10.0),
    st.floats(0.1, 10.0),
)


@given(st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), best), min_size=1, max_size=60))
def test_the_window_holds_what_happened_within_it_and_nothing_else(steps):
    watched, at_ns, told = OrderFlow(10 * NS_PER_S), 0, []
    for passed_ns, level in steps:
        at_ns += passed_ns
        watched.apply(level, at_ns)
        told.append((at_ns, level))
    changes = [
        (time, flow_of(one, level), (level.bid_size + level.ask_size) / 2)
        for (_, one), (time, level) in pairwise(told)
        if time > at_ns - 10 * NS_PER_S
    ]
    if at_ns - told[0][0] < 10 * NS_PER_S:
        assert watched.imbalance(at_ns) is watched.in_depths(at_ns) is None
    else:
        flow = sum(one for _, one, _ in changes)
        assert watched.imbalance(at_ns) == pytest.approx(flow, abs=1e-9)
        if changes:
            depth = sum(one for _, _, one in changes) / len(changes)
            assert watched.in_depths(at_ns) == pytest.approx(flow / depth, abs=1e-9)


def test_a_hole_begins_it_again():
    watched = OrderFlow(10 * NS_PER_S)
    watched.apply(BEFORE, 0)
    watched.apply(BEFORE, 11 * NS_PER_S)
    assert watched.imbalance(11 * NS_PER_S) == 0.0
    watched.begin()
    watched.apply(Best(50.0, 1.0, 51.0, 1.0), 12 * NS_PER_S)
    assert watched.imbalance(12 * NS_PER_S) is None
