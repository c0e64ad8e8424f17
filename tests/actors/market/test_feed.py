"""The feed follows the exchange's procedure of snapshot and numbered changes, or has no book.

Kept apart: what the stream says (`say`), what the exchange answers (`answer`), what the analyzer
is told and what everybody hears.
"""

import pytest

from actors import addresses
from actors.market.feed import BUFFER_MAX, SNAPSHOT_RETRY_S, SNAPSHOT_TIMEOUT_S, Feed
from state.config.settings import FeedSettings
from state.messages.market import (
    BookChanged,
    BookLost,
    BookReset,
    BookState,
    BookWanted,
    FeedChanged,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.messages.venue import FetchBook, Refused, Succeeded, Unknown
from tests.actors.examples import BTC, a_delta, a_snapshot, a_ticker, a_trade
from tests.fakes import FakeExchange, FakeMarketStream

FEED = addresses.feed(BTC)
STALE_S = 5.0


class Scene:
    """A feed, its two ports, and who listens."""

    def __init__(self, house):
        self.house = house
        self.stream, self.exchange = FakeMarketStream(), FakeExchange()
        self.analyzer = house.ear(addresses.book_analyzer(BTC))
        self.heard = house.listener(
            FeedChanged, BookLost, StreamOpened, StreamLost, TradePrinted, TickerSeen
        )
        settings = FeedSettings(book_stale_after_s=STALE_S, book_depth=50)
        house.live(FEED, Feed, BTC, self.stream, self.exchange, settings)

    def say(self, *messages):
        self.stream.say(BTC, *messages)
        self.house.settle()

    def answer(self, outcome, **which):
        self.exchange.answer(FetchBook, outcome, **which)
        self.house.settle()

    def show(self, snapshot, **which):
        self.answer(Succeeded(book=snapshot), **which)

    def come_alive(self, last_id=10):
        self.say(StreamOpened(pair=BTC))
        self.show(a_snapshot(last_id))
        assert self.state is BookState.LIVE
        self.analyzer.clear()

    @property
    def state(self):
        return self.heard.of(FeedChanged)[-1].state

    @property
    def told(self):
        """What the analyzer was told, in short."""
        return [_short(message) for message in self.analyzer]


def _short(message):
    match message:
        case BookReset():
            return f"reset {message.snapshot.last_id}"
        case BookChanged():
            return f"change {message.delta.first_id}-{message.delta.last_id}"
        case _:
            return type(message).__name__


@pytest.fixture
def scene(house):
    return Scene(house)


def test_it_subscribes_and_waits_for_the_stream_before_it_asks_for_a_book(scene):
    assert scene.stream.subscribed == [BTC]
    assert scene.state is BookState.SYNCING
    assert scene.exchange.asked == []


def test_an_open_stream_makes_it_ask_for_the_book_with_its_id(scene):
    scene.say(StreamOpened(pair=BTC))
    assert scene.exchange.asked == [FetchBook(pair=BTC, depth=50)]


def test_a_snapshot_is_followed_by_the_changes_that_came_meanwhile(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(9, 10), a_delta(11, 12), a_delta(13))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    assert scene.told == ["reset 10", "change 11-12", "change 13-13"]
    assert scene.state is BookState.LIVE


def test_a_change_that_overlaps_the_snapshot_is_told_whole(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(8, 12))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    assert scene.told == ["reset 10", "change 8-12"]


def test_a_snapshot_older_than_the_oldest_change_is_asked_for_again(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(15, 16))
    scene.show(a_snapshot(10))
    assert scene.state is BookState.SYNCING
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.analyzer.clear()
    scene.show(a_snapshot(15))
    assert scene.told == ["reset 15", "change 15-16"]


@pytest.mark.parametrize(
    "outcome", [Refused(label="INVALID_PAIR", message="no"), Unknown(reason="time-out")]
)
def test_a_book_that_was_not_given_is_asked_for_again(scene, outcome):
    scene.say(StreamOpened(pair=BTC))
    scene.answer(outcome)
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    assert len(scene.exchange.waiting(FetchBook)) == 1


def test_a_book_nobody_answers_for_is_asked_for_again(scene):
    scene.say(StreamOpened(pair=BTC))
    scene.house.pass_time(SNAPSHOT_TIMEOUT_S)
    assert len(scene.exchange.asked) == 2


def test_once_it_has_a_book_it_asks_no_more(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(15))
    scene.show(a_snapshot(10))
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.show(a_snapshot(14))
    for number in range(16, 16 + int(SNAPSHOT_TIMEOUT_S) + 2):
        scene.house.pass_time(1.0)
        scene.say(a_delta(number))
    assert len(scene.exchange.asked) == 2


def test_changes_of_a_live_book_are_passed_on_in_order(scene):
    scene.come_alive(10)
    scene.say(a_delta(11), a_delta(12, 14), a_delta(15))
    assert scene.told == ["change 11-11", "change 12-14", "change 15-15"]


def test_a_change_that_repeats_what_is_known_is_dropped(scene):
    scene.come_alive(10)
    scene.say(a_delta(11, 13), a_delta(11, 13), a_delta(12), a_delta(14))
    assert scene.told == ["change 11-13", "change 14-14"]


def test_a_gap_makes_the_book_stale_at_once_and_begins_again(scene):
    scene.come_alive(10)
    scene.heard.clear()
    scene.say(a_delta(12))
    assert scene.told == ["BookLost"]
    assert [(one.state, one.reason) for one in scene.heard.of(FeedChanged)] == [
        (BookState.STALE, "updates 11 to 11 are missing"),
        (BookState.SYNCING, "updates 11 to 11 are missing"),
    ]
    assert [one.pair for one in scene.heard.of(BookLost)] == [BTC]
    scene.analyzer.clear()
    scene.show(a_snapshot(11))
    assert scene.told == ["reset 11", "change 12-12"]


def test_a_gap_among_the_kept_changes_begins_again_too(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(11), a_delta(13), a_delta(14))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    assert scene.told == ["reset 10", "change 11-11", "BookLost"]
    scene.analyzer.clear()
    scene.show(a_snapshot(13))
    assert scene.told == ["reset 13", "change 14-14"]


def test_a_full_change_replaces_the_book_without_asking(scene):
    scene.say(StreamOpened(pair=BTC))
    scene.analyzer.clear()
    scene.say(a_delta(20, full=True), a_delta(21))
    assert scene.told == ["reset 20", "change 21-21"]
    assert scene.state is BookState.LIVE


def test_a_full_change_in_a_live_book_resets_it(scene):
    scene.come_alive(10)
    scene.say(a_delta(30, full=True), a_delta(31))
    assert scene.told == ["reset 30", "change 31-31"]


def test_a_snapshot_that_comes_after_the_book_is_live_changes_nothing(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(20, full=True))
    scene.analyzer.clear()
    scene.show(a_snapshot(15))
    assert scene.told == []


def test_a_lost_stream_makes_the_book_stale_and_asks_for_nothing(scene):
    scene.come_alive(10)
    scene.say(StreamLost(reason="cut", pair=BTC))
    assert scene.told == ["BookLost"]
    assert scene.state is BookState.STALE
    scene.house.pass_time(STALE_S * 3)
    assert len(scene.exchange.asked) == 1
    assert scene.heard.of(StreamLost)[-1].reason == "cut"


def test_a_stream_that_opens_again_begins_again(scene):
    scene.come_alive(10)
    scene.say(StreamLost(reason="cut", pair=BTC), StreamOpened(pair=BTC))
    assert scene.state is BookState.SYNCING
    scene.analyzer.clear()
    scene.show(a_snapshot(50))
    assert scene.told == ["reset 50"]


def test_a_stream_that_opens_without_having_been_lost_begins_again(scene):
    scene.come_alive(10)
    scene.say(StreamOpened(pair=BTC))
    assert scene.told == ["BookLost"]
    assert scene.state is BookState.SYNCING


def test_a_snapshot_asked_for_before_the_stream_opened_again_is_no_book(scene):
    """It may be older than changes that were lost with the old stream."""
    scene.say(StreamOpened(pair=BTC))
    scene.say(StreamLost(reason="cut", pair=BTC))
    scene.say(StreamOpened(pair=BTC))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))  # The answer to the first question.
    assert scene.told == []
    assert scene.state is BookState.SYNCING
    scene.show(a_snapshot(40))
    assert scene.told == ["reset 40"]


def test_a_snapshot_asked_for_before_the_book_was_lost_is_no_book(scene):
    scene.say(StreamOpened(pair=BTC))
    scene.house.pass_time(SNAPSHOT_TIMEOUT_S)  # Asked again: two answers are on their way.
    scene.say(StreamOpened(pair=BTC))
    scene.house.tell(FEED, BookWanted(pair=BTC))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    scene.show(a_snapshot(11))
    scene.show(a_snapshot(12))
    assert scene.told == []
    scene.show(a_snapshot(13))
    assert scene.told == ["reset 13"]


def test_the_answer_to_an_earlier_life_is_no_book(scene):
    scene.say(StreamOpened(pair=BTC))
    scene.house.crash(FEED)
    scene.say(StreamOpened(pair=BTC))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    assert scene.told == []
    scene.show(a_snapshot(20))
    assert scene.told == ["reset 20"]


def test_the_analyzer_without_a_book_makes_it_begin_again(scene):
    scene.come_alive(10)
    scene.house.tell(FEED, BookWanted(pair=BTC))
    assert scene.told == ["BookLost"]
    scene.analyzer.clear()
    scene.show(a_snapshot(12))
    assert scene.told == ["reset 12"]


def test_the_analyzer_asking_before_the_stream_is_open_has_to_wait(scene):
    scene.house.tell(FEED, BookWanted(pair=BTC))
    assert scene.exchange.asked == []


def test_a_silent_stream_makes_the_book_stale_and_is_subscribed_anew(scene):
    scene.come_alive(10)
    scene.house.pass_time(STALE_S * 1.5)
    assert scene.told == ["BookLost"]
    assert scene.state is BookState.STALE
    assert scene.stream.subscribed == [BTC, BTC]


def test_changes_keep_a_book_alive(scene):
    scene.come_alive(10)
    for number in range(11, 31):
        scene.house.pass_time(STALE_S / 2)
        scene.say(a_delta(number))
    assert scene.state is BookState.LIVE
    assert scene.stream.subscribed == [BTC]


def test_trades_alone_do_not_keep_a_book_alive(scene):
    scene.come_alive(10)
    for number in range(1, 7):
        scene.house.pass_time(STALE_S / 4)
        scene.say(a_trade(number))
    assert scene.state is BookState.STALE


def test_a_stream_silent_from_the_first_is_subscribed_anew(scene):
    scene.say(StreamOpened(pair=BTC))
    scene.house.pass_time(STALE_S * 1.5)
    assert scene.stream.subscribed == [BTC, BTC]


def test_trades_and_tickers_are_published_as_they_come(scene):
    scene.say(a_trade(1), a_ticker())
    assert scene.heard.of(TradePrinted) == [a_trade(1)]
    assert scene.heard.of(TickerSeen) == [a_ticker()]


def test_a_restart_says_that_there_is_no_book_and_begins_again(scene):
    scene.come_alive(10)
    scene.heard.clear()
    scene.house.crash(FEED)
    assert scene.told == ["BookLost"]
    assert scene.state is BookState.SYNCING
    # Trades may have been lost with the life before: no candle may be made of those that are left.
    assert [one.pair for one in scene.heard.of(StreamLost)] == [BTC]
    scene.say(StreamOpened(pair=BTC), a_delta(12))
    scene.analyzer.clear()
    scene.show(a_snapshot(11))
    assert scene.told == ["reset 11", "change 12-12"]


def test_it_keeps_only_the_newest_changes_while_it_waits(scene):
    scene.say(StreamOpened(pair=BTC), *(a_delta(11 + n) for n in range(BUFFER_MAX + 5)))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))  # The changes that follow on are forgotten already.
    assert scene.told == []
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.show(a_snapshot(16))
    assert scene.told[:2] == ["reset 16", "change 17-17"]
    assert len(scene.told) == BUFFER_MAX


def test_stopped_in_good_order_it_unsubscribes(scene):
    scene.house.stop(FEED)
    assert scene.stream.unsubscribed == [BTC]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(FEED, "nonsense")
    assert scene.house.deaths() == ["TypeError: market/BTC_USDT/feed: unexpected str"]
