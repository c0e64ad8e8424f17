"""Whoever follows a window of a book from a snapshot never has a wrong level in the window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.core.book_channel import BookChannel, BookKind
from adapters.simulated.core.order_book import OrderBook
from state.values import Side

DEPTH = 4
KIND = BookKind("100ms", 100_000_000, DEPTH)


def narrow(low, high):
    """Return a strategy of quotes in few prices, so that windows move over them again."""
    return st.tuples(
        st.just("quote"),
        st.sampled_from(list(Side)),
        st.integers(min_value=low, max_value=high),
        st.integers(min_value=0, max_value=2),
    )


STEPS = st.lists(
    st.one_of(narrow(90, 110), st.just(("report",)), st.sampled_from([("join", 4), ("join", 9)])),
    max_size=80,
)


class Follower:
    """A client's local book, by the documented procedure."""

    def __init__(self, book, depth=DEPTH):
        self.last_id = book.update_id
        self.levels = {side: dict(book.side(side).top(depth)) for side in Side}

    def apply(self, first_id, last_id, bids, asks):
        if last_id <= self.last_id:
            return
        assert first_id <= self.last_id + 1
        self.last_id = last_id
        for side, levels in ((Side.BUY, bids), (Side.SELL, asks)):
            for ticks, lots in levels:
                self.levels[side].pop(ticks, None)
                if lots:
                    self.levels[side][ticks] = lots

    def best(self, side):
        ordered = sorted(self.levels[side].items(), reverse=side is Side.BUY)
        return ordered[:DEPTH]


@given(STEPS, st.booleans())
def test_every_follower_agrees_on_the_window_after_each_report(steps, removed_reported):
    book = OrderBook()
    channel = BookChannel(book, KIND, removed_reported=removed_reported)
    followers = [Follower(book)]
    for step in steps:
        match step:
            case ("quote", side, ticks, lots):
                book.quote(side, ticks, lots)
            case ("join", depth):
                followers.append(Follower(book, depth))
                channel.shown(depth)
            case _:
                report = channel.report()
                for follower in followers:
                    follower.apply(*report)
                    for side in Side:
                        assert follower.best(side) == book.side(side).top(DEPTH)


@pytest.mark.parametrize("removed_reported", [False, True])
def test_a_level_that_leaves_the_window_is_removed_only_by_switch(removed_reported):
    book = OrderBook()
    for ticks in range(91, 95):
        book.quote(Side.BUY, ticks, 1)
    channel = BookChannel(book, KIND, removed_reported=removed_reported)
    book.quote(Side.BUY, 95, 1)

    _, _, bids, _ = channel.report()

    assert bids == ([(95, 1), (91, 0)] if removed_reported else [(95, 1)])


def test_a_level_that_enters_the_window_is_told_though_it_did_not_change():
    book = OrderBook()
    for ticks in range(90, 95):
        book.quote(Side.BUY, ticks, 1)
    channel = BookChannel(book, KIND)
    book.quote(Side.BUY, 94, 0)

    _, _, bids, _ = channel.report()

    assert bids == [(94, 0), (90, 1)]


def test_whoever_joins_while_the_window_is_higher_is_told_what_it_did_not_see():
    book = OrderBook()
    for ticks in range(90, 94):
        book.quote(Side.BUY, ticks, 1)
    channel = BookChannel(book, KIND)
    book.quote(Side.BUY, 94, 1)
    follower = Follower(book)  # its snapshot no longer holds 90
    channel.shown(DEPTH)
    book.quote(Side.BUY, 94, 0)

    follower.apply(*channel.report())

    assert follower.best(Side.BUY) == [(93, 1), (92, 1), (91, 1), (90, 1)]


def test_a_level_that_ends_outside_the_window_does_not_haunt_it_later():
    book = OrderBook()
    for ticks in (80, 90, 91, 92, 93):
        book.quote(Side.BUY, ticks, 1)
    channel = BookChannel(book, KIND)
    follower = Follower(book)
    book.quote(Side.BUY, 94, 1)  # 90 leaves the window, and nobody is told
    follower.apply(*channel.report())
    book.quote(Side.BUY, 90, 0)
    follower.apply(*channel.report())
    book.quote(Side.BUY, 94, 0)

    follower.apply(*channel.report())

    assert follower.best(Side.BUY) == [(93, 1), (92, 1), (91, 1), (80, 1)]


def test_a_snapshot_deeper_than_the_channel_is_kept_right_as_well():
    book = OrderBook()
    for ticks in range(88, 94):
        book.quote(Side.BUY, ticks, 1)
    channel = BookChannel(book, KIND)
    follower = Follower(book, depth=6)
    channel.shown(6)
    book.quote(Side.BUY, 89, 0)

    follower.apply(*channel.report())

    assert 89 not in follower.levels[Side.BUY]


def test_changes_below_the_window_move_the_id_and_tell_no_level():
    book = OrderBook()
    for ticks in range(90, 95):
        book.quote(Side.BUY, ticks, 1)
    channel = BookChannel(book, KIND)
    assert not channel.pending
    book.quote(Side.BUY, 80, 1)
    assert channel.pending

    first, last, bids, asks = channel.report()

    assert (first, last) == (book.update_id, book.update_id)
    assert (bids, asks) == ([], [])


def test_a_closed_channel_watches_no_more():
    book = OrderBook()
    channel = BookChannel(book, KIND)
    channel.close()
    assert book.watchers == []
