"""What is handed on together makes the same books as what came one by one."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from adapters.gate.gathering import Gathering
from state.messages.market import BookDelta, BookSnapshot
from state.order_book import BookGap, OrderBook
from state.values import Pair, TimeNs

PAIRS = (Pair("BTC_USDT"), Pair("ETH_USDT"))
MOST = 4
LEVEL = st.tuples(st.integers(1, 6), st.sampled_from([0.0, 1.0, 2.0]))


def a_delta(pair, first_id, last_id, levels, *, full):
    sides = [
        tuple((100.0 + sign * price, size) for price, size in levels[side::2])
        for side, sign in enumerate((-1, 1))
    ]
    return BookDelta(
        pair=pair,
        event_time_ns=TimeNs(last_id),
        first_id=first_id,
        last_id=last_id,
        bids=sides[0],
        asks=sides[1],
        full=full,
    )


@st.composite
def told(draw):
    """Draw changes of two books: most follow on, some leave a hole, some are whole books."""
    ids, deltas = dict.fromkeys(PAIRS, 10), []
    for _ in range(draw(st.integers(0, 14))):
        pair = draw(st.sampled_from(PAIRS))
        first_id = ids[pair] + draw(st.sampled_from([1, 1, 1, 1, 1, 2, -1]))
        ids[pair] = first_id + draw(st.integers(0, 2))
        levels = draw(st.lists(LEVEL, max_size=4))
        full = draw(st.integers(0, 9)) == 0
        deltas.append(a_delta(pair, first_id, ids[pair], levels, full=full))
    return deltas


def a_book(pair):
    levels = range(1, 7)
    book = OrderBook(10)
    book.apply_snapshot(
        BookSnapshot(
            pair=pair,
            event_time_ns=TimeNs(0),
            last_id=10,
            bids=tuple((100.0 - at, 1.0) for at in levels),
            asks=tuple((100.0 + at, 1.0) for at in levels),
        )
    )
    return book


def folded(pair, deltas):
    """Return how the book ends; None where that is at a hole."""
    book = a_book(pair)
    try:
        for delta in deltas:
            book.apply_delta(delta)
    except BookGap:
        return None
    return book.levels(10)


@given(told(), st.sets(st.integers(0, 14)))
def test_the_books_are_the_same_and_nothing_is_lost(deltas, ends):
    handed = []
    gathering = Gathering(MOST, handed.append)
    for place, delta in enumerate(deltas):
        gathering.take(delta)
        if place in ends:
            gathering.hand_on()
    gathering.hand_on()
    for pair in PAIRS:
        came = iter([one for one in deltas if one.pair == pair])
        for one in (one for one in handed if one.pair == pair):
            # Each is a run of what came, all of it in order.
            run = [next(came)]
            while run[-1].last_id != one.last_id:
                run.append(next(came))
                assert run[-1].first_id == run[-2].last_id + 1
            assert len(run) <= MOST
            assert one.first_id == run[0].first_id
            assert one.full == run[0].full
            assert one.bids == tuple(level for each in run for level in each.bids)
            assert one.asks == tuple(level for each in run for level in each.asks)
        assert next(came, None) is None
        those = [one for one in deltas if one.pair == pair]
        follows = all(later.first_id > one.last_id for one, later in itertools.pairwise(those))
        # What is made up tells one id twice in two ways, which no exchange does: the book began
        # at 10 and has what is older.
        if follows and (not those or those[0].first_id > 10):
            assert folded(pair, [one for one in handed if one.pair == pair]) == folded(pair, those)


def test_so_many_at_most_are_one():
    handed = []
    gathering = Gathering(MOST, handed.append)
    for number in range(11, 21):
        gathering.take(a_delta(PAIRS[0], number, number, [(1, 1.0)], full=False))
    gathering.hand_on()
    assert [(one.first_id, one.last_id) for one in handed] == [(11, 14), (15, 18), (19, 20)]


def test_one_at_most_is_each_at_once():
    handed = []
    gathering = Gathering(1, handed.append)
    delta = a_delta(PAIRS[0], 11, 11, [], full=False)
    gathering.take(delta)
    assert handed == [delta]
