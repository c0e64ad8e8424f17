"""No span of the limit's length ever holds more requests than Gate takes."""

import heapq
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gate.rate_limit import HeadRoom, Limit, RateWindow, head_room_told
from state.values import NS_PER_S

TEN_A_SECOND = Limit(requests=10, window_s=1.0)


def arrivals_when_flooded(window, *, until_ns, step_ns, ways_ns):
    """Send whenever the window lets us; return when each request arrived at the exchange.

    `ways_ns` gives each request's way there and back.
    """
    arrived, answers, now = [], [], 0
    while now < until_ns:
        while answers and answers[0] <= now:
            window.ended(heapq.heappop(answers))
        if window.delay_ns(now) == 0:
            window.take()
            there, back = next(ways_ns)
            arrived.append(now + there)
            heapq.heappush(answers, now + there + back)
        else:
            waited = now + min(window.delay_ns(now), step_ns)
            now = min(waited, answers[0]) if answers else waited
    return sorted(arrived)


ways = st.lists(st.tuples(*[st.integers(0, 400_000_000)] * 2), min_size=1, max_size=20)


@given(step_ns=st.integers(1_000_000, 700_000_000), head_room=st.floats(0.3, 1.0), ways_ns=ways)
def test_no_span_holds_more_than_the_limit_however_unevenly_requests_travel(
    step_ns, head_room, ways_ns
):
    window = RateWindow(TEN_A_SECOND, head_room=head_room)
    arrived = arrivals_when_flooded(
        window, until_ns=5 * NS_PER_S, step_ns=step_ns, ways_ns=cycle(ways_ns)
    )
    for first in arrived:
        assert sum(first <= instant < first + NS_PER_S for instant in arrived) <= 10
    longest_ns = max(sum(way) for way in ways_ns)
    assert len(arrived) >= 5 * NS_PER_S // (NS_PER_S + longest_ns) * int(10 * head_room)


def test_the_wait_it_names_is_just_long_enough():
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    for instant in range(10):
        window.take()
        window.ended(instant)
    delay = window.delay_ns(100)
    assert window.delay_ns(100 + delay - 1) > 0
    assert window.delay_ns(100 + delay) == 0


def test_what_was_not_answered_yet_fills_the_window_and_what_never_left_does_not():
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    for _ in range(10):
        window.take()
    assert window.delay_ns(60 * NS_PER_S) > 0
    window.give_back()
    assert window.delay_ns(60 * NS_PER_S) == 0


def test_a_429_halves_what_is_allowed_and_it_comes_back():
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    window.refused(0)
    assert window.allowed == 5
    assert window.delay_ns(0) == NS_PER_S
    now = 0
    while window.allowed < 10:
        now += NS_PER_S
        window.delay_ns(now)
        assert now < 60 * NS_PER_S, "never recovered"
    assert window.delay_ns(now) == 0


@pytest.mark.parametrize(("reset_in_ns", "wait_ns"), [(200_000_000, 200_000_000), (0, NS_PER_S)])
def test_after_a_429_it_waits_until_the_announced_reset_if_that_is_to_come(reset_in_ns, wait_ns):
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    window.refused(0, HeadRoom(limit=10, remaining=0, reset_in_ns=reset_in_ns))
    assert window.delay_ns(0) == wait_ns


def test_what_gate_counts_beyond_our_own_requests_is_counted_too():
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    window.take()
    window.observe(0, HeadRoom(limit=10, remaining=2, reset_in_ns=0))
    window.ended(0)
    for _ in range(2):
        assert window.delay_ns(1) == 0
        window.take()
    assert window.delay_ns(1) > 0


def test_nothing_goes_out_before_the_announced_reset():
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    window.observe(0, HeadRoom(limit=10, remaining=0, reset_in_ns=300_000_000))
    assert window.delay_ns(0) == 300_000_000
    assert window.delay_ns(300_000_000) == 0


def test_a_lower_limit_of_the_account_is_learnt():
    window = RateWindow(TEN_A_SECOND, head_room=1.0)
    window.observe(0, HeadRoom(limit=4, remaining=4, reset_in_ns=0))
    assert window.allowed == 4


@pytest.mark.parametrize("reset", ["1700000003", "1700000003000"])
def test_the_reset_time_is_understood_in_both_units(reset):
    told = head_room_told(
        {
            "x-gate-ratelimit-limit": "10",
            "x-gate-ratelimit-requests-remain": "7",
            "x-gate-ratelimit-reset-timestamp": reset,
        },
        now_s=1_700_000_000,
    )
    assert told == HeadRoom(limit=10, remaining=7, reset_in_ns=3 * NS_PER_S)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "x-gate-ratelimit-limit",
                "x-gate-ratelimit-requests-remain",
                "x-gate-ratelimit-reset-timestamp",
            ]
        ),
        st.text(max_size=6) | st.integers().map(str) | st.floats().map(str),
    )
)
def test_no_header_text_confuses_the_count(headers):
    told = head_room_told(headers, now_s=0)
    assert told is None or 0 <= told.remaining <= told.limit
