"""However pushes are lost, doubled and reordered: a live book is the exchange's, or there is none.

A model of the exchange keeps every state its book ever had. Feed and analyzer live between it and
the test, over a network that does what the example says. Each measure is compared with the state
of its id; and once the network behaves, the book comes alive within moments, in both channels.
"""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import addresses
from actors.market.book_analyzer import BookAnalyzer
from actors.market.book_chain import BELIEVED_NS
from actors.market.feed import STEADY_S, Feed
from state.config.settings import BookChannel, FeedSettings
from state.messages.market import (
    BookLost,
    BookMeasured,
    BookState,
    FeedChanged,
    StreamLost,
    StreamOpened,
)
from state.messages.venue import FetchBook, Succeeded
from tests.actors.examples import BTC, a_delta, a_snapshot
from tests.actors.house import House
from tests.fakes import FakeExchange, FakeMarketStream

WHOLE_S = 8.0
"""A lost stream is stood in for, and left again only after it has been steady."""
levels = st.tuples(st.integers(1, 5), st.sampled_from([0.0, 1.0, 2.0]))
steps = st.one_of(
    st.tuples(st.just("change"), st.lists(levels, max_size=3), st.lists(levels, max_size=3)),
    st.tuples(st.sampled_from(["drop", "repeat", "hold", "release", "cut", "open", "answer"])),
    st.tuples(st.just("stale"), st.integers(1, 6)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 0.6, 2.0, 6.0])),
)


class Market:
    """The exchange, its pushes on their way, and a house that follows them."""

    def __init__(self, channel):
        self.house = House()
        self.stream, self.exchange = FakeMarketStream(), FakeExchange()
        self.channel, self.opened = channel, 0
        self.states = {100: ({49.0: 1.0}, {51.0: 1.0})}
        """The whole book by id."""
        self.last_id = 100
        self.wire = deque()
        """Pushes that have left the exchange."""
        self.held = []
        self.heard = self.house.listener(BookMeasured, BookLost, FeedChanged)
        chosen = FeedSettings(book_channel=channel, compare_every_s=3.0)
        feed, analyzer = addresses.feed(BTC), addresses.book_analyzer(BTC)
        self.house.live(feed, Feed, BTC, self.stream, self.exchange, chosen)
        self.house.live(analyzer, BookAnalyzer, BTC, 10_000.0, 100)

    def change(self, bids, asks):
        before = self.states[self.last_id]
        told_bids = tuple((50.0 - place, size) for place, size in bids)
        told_asks = tuple((50.0 + place, size) for place, size in asks)
        self.states[self.last_id + 1] = (
            _changed(before[0], told_bids),
            _changed(before[1], told_asks),
        )
        self.last_id += 1
        self.wire.append(a_delta(self.last_id, bids=told_bids, asks=told_asks))

    def snapshot(self, age=0):
        last_id = max(100, self.last_id - age)
        bids, asks = self.states[last_id]
        return {
            "last_id": last_id,
            "bids": tuple(sorted(bids.items(), reverse=True)),
            "asks": tuple(sorted(asks.items())),
        }

    def deliver(self):
        """Let everything arrive that is on its way."""
        while self.wire:
            self.say(self.wire.popleft())

    def say(self, message):
        if self.opened:
            self.stream.say(BTC, message)
            self.house.settle()

    def open(self):
        """Answer a subscription: what had left before is gone."""
        self.wire.clear()
        self.held.clear()
        self.opened = len(self.stream.subscribed)
        self.say(StreamOpened(pair=BTC))
        if self.channel is BookChannel.OBU:
            whole = self.snapshot()
            self.say(a_delta(whole.pop("last_id"), full=True, **whole))

    def cut(self):
        if self.opened:
            self.say(StreamLost(reason="cut", pair=BTC))
            self.opened = 0

    def answer(self, age=0):
        if self.exchange.waiting(FetchBook):
            book = a_snapshot(**self.snapshot(age))
            self.exchange.answer(FetchBook, Succeeded(book=book))
            self.house.settle()

    def do(self, step):
        what, *how = step
        match what:
            case "change":
                self.change(*how)
            case "drop" if self.wire:
                self.wire.popleft()
            case "repeat" if self.wire:
                self.wire.append(self.wire[0])
            case "hold" if self.wire:
                self.held.append(self.wire.popleft())
            case "release":
                self.wire.extend(self.held)
                self.held.clear()
            case "cut":
                self.cut()
            case "open":
                self.open()
            case "answer":
                self.answer()
            case "stale":
                self.answer(how[0])
            case "wait":
                self.deliver()
                self.house.pass_time(how[0])
            case _:
                pass  # There was nothing to do it with.

    def behave(self, seconds):
        """Lose nothing more: the exchange lives on, answers and is subscribed to."""
        for _ in range(int(seconds * 5)):
            if self.opened != len(self.stream.subscribed):
                self.open()
            self.change([(1, 1.0)], [(1, 2.0)])
            self.deliver()
            while self.exchange.waiting(FetchBook):
                self.answer()
            self.house.pass_time(0.2)

    def check_measures(self):
        measures = self.heard.of(BookMeasured)
        for place, one in enumerate(measures):
            newer = [past for past in measures[:place] if past.sequence > one.sequence]
            # Only a venue that counts anew is let to fall back, and only after a while.
            assert all(one.seen_time_ns - past.seen_time_ns > BELIEVED_NS for past in newer)
        for one in measures:
            bids, asks = self.states[one.sequence]
            bid, ask = max(bids), min(asks)
            truth = (bid, bids[bid], ask, asks[ask], _worth(bids), _worth(asks))
            seen = (one.bid, one.bid_size, one.ask, one.ask_size, one.bid_depth, one.ask_depth)
            assert seen == truth, one.sequence

    @property
    def state(self):
        return self.heard.of(FeedChanged)[-1]


def _changed(side, changes):
    return {price: size for price, size in (side | dict(changes)).items() if size}


def _worth(side):
    return sum(price * size for price, size in side.items())


@given(channel=st.sampled_from(BookChannel), wrongs=st.lists(steps, max_size=40))
@settings(max_examples=150, deadline=None)
def test_a_live_book_is_right_and_comes_back(channel, wrongs):
    market = Market(channel)
    market.open()
    for step in wrongs:
        market.do(step)
        market.check_measures()
    market.behave(WHOLE_S + STEADY_S)
    market.check_measures()
    assert (market.state.state, market.state.polled) == (BookState.LIVE, False)
    assert market.heard.of(BookMeasured)[-1].sequence == market.last_id
    assert market.state.counts.mismatches == 0
    assert market.state.counts.comparisons > 0


@pytest.mark.parametrize("channel", list(BookChannel))
def test_a_book_that_went_wrong_unseen_is_found_out_and_mended(channel):
    market = Market(channel)
    market.open()
    market.behave(1.0)
    # A level that changes without a word, as no id could show.
    market.states[market.last_id][0][48.5] = 7.0
    market.behave(4.0)
    counts = market.state.counts
    assert (market.state.state, counts.mismatches, counts.resyncs) == (BookState.LIVE, 1, 1)
    market.heard.clear()
    market.behave(1.0)
    market.check_measures()
