"""The feed follows the exchange's procedure of snapshot and numbered changes, or has no book.

Kept apart: what the stream says (`say`), what the exchange answers (`answer`), what the analyzer
is told and what everybody hears.
"""

import pytest

from actors import addresses
from actors.market.book_chain import BUFFER_MAX
from actors.market.feed import (
    POLL_AFTER_S,
    POLL_EVERY_S,
    SNAPSHOT_RETRY_S,
    SNAPSHOT_TIMEOUT_S,
    STEADY_S,
    WHOLE_BOOK_S,
    Feed,
)
from state.config.settings import BookChannel, FeedSettings, ObuIds
from state.messages.flow import NumberRejected, Rejection
from state.messages.market import (
    BookChanged,
    BookLost,
    BookProof,
    BookProved,
    BookReset,
    BookState,
    BookWanted,
    FeedChanged,
    ProofWanted,
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

    def __init__(self, house, **changes):
        self.house = house
        self.stream, self.exchange = FakeMarketStream(), FakeExchange()
        self.analyzer = house.ear(addresses.book_analyzer(BTC))
        self.heard = house.listener(
            FeedChanged, BookLost, StreamOpened, StreamLost, TradePrinted, TickerSeen
        )
        settings = FeedSettings(book_stale_after_s=STALE_S, book_depth=50, **changes)
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
    def last(self):
        return self.heard.of(FeedChanged)[-1]

    @property
    def state(self):
        return self.last.state

    @property
    def told(self):
        """What the analyzer was told, in short."""
        return [_short(message) for message in self.analyzer]


def _short(message):
    match message:
        case BookReset():
            since = "".join(f" +{one.first_id}-{one.last_id}" for one in message.since)
            return f"{'poll' if message.polled else 'reset'} {message.snapshot.last_id}{since}"
        case BookProof():
            return f"proof {message.snapshot.last_id} {[one.last_id for one in message.since]}"
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
    assert scene.told == ["reset 10 +11-12 +13-13"]
    assert scene.state is BookState.LIVE


def test_a_change_that_overlaps_the_snapshot_is_told_whole(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(8, 12))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    assert scene.told == ["reset 10 +8-12"]


def test_a_snapshot_older_than_the_oldest_change_is_asked_for_again(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(15, 16))
    scene.show(a_snapshot(10))
    assert scene.state is BookState.SYNCING
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.analyzer.clear()
    scene.show(a_snapshot(15))
    assert scene.told == ["reset 15 +15-16"]


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
    for change in (a_delta(11), a_delta(12, 14), a_delta(15)):
        scene.say(change)
    assert scene.told == ["change 11-11", "change 12-14", "change 15-15"]


def test_a_change_that_repeats_what_is_known_is_dropped(scene):
    scene.come_alive(10)
    for change in (a_delta(11, 13), a_delta(11, 13), a_delta(12), a_delta(14)):
        scene.say(change)
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
    assert scene.told == ["reset 11 +12-12"]


def test_a_gap_among_the_kept_changes_is_waited_out(scene):
    scene.say(StreamOpened(pair=BTC), a_delta(11), a_delta(13), a_delta(14))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))
    assert scene.told == []
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.show(a_snapshot(13))
    assert scene.told == ["reset 13 +14-14"]


def test_a_snapshot_older_than_what_was_seen_before_the_loss_is_no_book(scene):
    scene.come_alive(10)
    scene.say(a_delta(11, 20), StreamLost(reason="cut", pair=BTC), StreamOpened(pair=BTC))
    scene.analyzer.clear()
    scene.show(a_snapshot(15))
    assert scene.told == []
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.show(a_snapshot(20))
    assert scene.told == ["reset 20"]


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


def test_a_lost_stream_makes_the_book_stale_at_once(scene):
    scene.come_alive(10)
    scene.say(StreamLost(reason="cut", pair=BTC))
    assert scene.told == ["BookLost"]
    assert scene.state is BookState.STALE
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
    assert scene.told == ["reset 11 +12-12"]


def test_it_keeps_only_the_newest_changes_while_it_waits(scene):
    scene.say(StreamOpened(pair=BTC), *(a_delta(11 + n) for n in range(BUFFER_MAX + 5)))
    scene.analyzer.clear()
    scene.show(a_snapshot(10))  # The changes that follow on are forgotten already.
    assert scene.told == []
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.show(a_snapshot(16))
    assert scene.told[0].startswith("reset 16 +17-17 +18-18")
    assert scene.told[0].count("+") == BUFFER_MAX - 1


# While the stream stays away.


def cut(scene):
    scene.come_alive(10)
    scene.say(StreamLost(reason="cut", pair=BTC))
    scene.house.pass_time(POLL_AFTER_S)
    scene.analyzer.clear()


def test_a_stream_that_stays_away_is_stood_in_for_by_snapshots(scene):
    cut(scene)
    scene.show(a_snapshot(12))
    assert scene.told == ["poll 12"]
    assert (scene.state, scene.last.polled) == (BookState.LIVE, True)
    scene.house.pass_time(POLL_EVERY_S)
    scene.show(a_snapshot(15))
    assert scene.told == ["poll 12", "poll 15"]
    assert scene.last.counts.polls == 2


def test_a_stream_that_never_came_is_stood_in_for_too(scene):
    scene.house.pass_time(POLL_AFTER_S)
    scene.show(a_snapshot(12))
    assert scene.told == ["poll 12"]


def test_a_stream_that_is_soon_back_is_not_stood_in_for(scene):
    scene.come_alive(10)
    scene.say(StreamLost(reason="cut", pair=BTC), StreamOpened(pair=BTC))
    scene.show(a_snapshot(12))
    scene.house.pass_time(POLL_AFTER_S)
    assert len(scene.exchange.asked) == 2
    assert not scene.last.polled


def test_snapshots_that_cannot_be_had_leave_the_book_stale(scene):
    cut(scene)
    for _ in range(3):
        scene.answer(Unknown(reason="time-out"))
        assert scene.state is BookState.STALE
        scene.house.pass_time(POLL_EVERY_S)


def test_a_snapshot_older_than_what_the_stream_told_stands_in_for_nothing(scene):
    cut(scene)
    scene.show(a_snapshot(9))
    assert scene.told == []
    assert scene.state is BookState.STALE


def test_a_venue_that_counts_anew_is_believed_after_a_while(scene):
    cut(scene)
    for _ in range(11):
        scene.show(a_snapshot(5))
        scene.house.pass_time(POLL_EVERY_S)
    assert scene.told
    assert set(scene.told) == {"poll 5"}


def test_snapshots_that_stop_coming_make_the_book_stale(scene):
    cut(scene)
    scene.show(a_snapshot(12))
    scene.house.pass_time(STALE_S * 1.5)
    assert scene.told == ["poll 12", "BookLost"]
    assert scene.state is BookState.STALE


def test_a_polled_book_is_left_for_its_stream_only_when_that_is_steady(scene):
    cut(scene)
    scene.show(a_snapshot(12))
    scene.say(StreamOpened(pair=BTC))
    scene.show(a_snapshot(12), newest=True)
    scene.say(StreamLost(reason="again", pair=BTC), StreamOpened(pair=BTC), a_delta(13))
    for _ in range(int(STEADY_S)):
        assert scene.last.polled
        scene.house.pass_time(POLL_EVERY_S)
        scene.show(a_snapshot(13), newest=True)
    assert scene.told == [
        "poll 12",
        "poll 12",
        "poll 13",
        "poll 13",
        "poll 13",
        "poll 13",
        "reset 13",
    ]
    assert (scene.state, scene.last.polled) == (BookState.LIVE, False)
    assert "BookLost" not in scene.told
    assert scene.last.counts.resyncs == 1
    scene.say(a_delta(14))
    assert scene.told[-1] == "change 14-14"


def test_an_analyzer_that_lost_a_polled_book_gets_the_next(scene):
    cut(scene)
    scene.show(a_snapshot(12))
    scene.house.tell(FEED, BookWanted(pair=BTC))
    scene.show(a_snapshot(12), newest=True)
    assert scene.told == ["poll 12", "poll 12"]


# Compared with the exchange.


def asked_for_proof(scene):
    scene.come_alive(10)
    scene.say(a_delta(11, 12), a_delta(13))
    scene.analyzer.clear()
    scene.house.tell(FEED, ProofWanted(pair=BTC))


def test_a_followed_book_is_compared_every_so_often(house):
    scene = Scene(house, compare_every_s=7.0)
    scene.come_alive(10)
    for number in range(11, 18):
        scene.house.pass_time(1.0)
        scene.say(a_delta(number))
    assert len(scene.exchange.asked) == 2
    scene.analyzer.clear()
    scene.show(a_snapshot(15))
    assert scene.told == ["proof 15 [16, 17]"]


def test_a_snapshot_is_compared_with_the_changes_since(scene):
    asked_for_proof(scene)
    scene.show(a_snapshot(11))
    assert scene.told == ["proof 11 [12, 13]"]


def test_a_snapshot_of_this_very_id_needs_no_changes(scene):
    asked_for_proof(scene)
    scene.show(a_snapshot(13))
    assert scene.told == ["proof 13 []"]


def test_a_snapshot_ahead_of_the_stream_waits_for_it(scene):
    asked_for_proof(scene)
    scene.show(a_snapshot(15))
    assert scene.told == []
    scene.say(a_delta(14))
    assert scene.told == ["change 14-14"]
    scene.say(a_delta(15, 16))
    assert scene.told == ["change 14-14", "change 15-16", "proof 15 [16]"]
    scene.say(a_delta(17))
    assert scene.told[-1] == "change 17-17"


def test_a_snapshot_too_old_to_be_brought_up_to_date_proves_nothing(scene):
    asked_for_proof(scene)
    scene.show(a_snapshot(9))
    assert scene.told == []


def test_a_snapshot_to_compare_with_is_none_for_a_book_that_was_lost_since(scene):
    asked_for_proof(scene)
    scene.say(a_delta(15))
    scene.analyzer.clear()
    scene.show(a_snapshot(13))
    assert scene.told == []


def test_an_agreement_is_counted(scene):
    asked_for_proof(scene)
    scene.house.tell(FEED, BookProved(pair=BTC, difference=""))
    counts = scene.last.counts
    assert (counts.comparisons, counts.mismatches, scene.state) == (1, 0, BookState.LIVE)


def test_a_mismatch_is_counted_and_begins_again(scene):
    asked_for_proof(scene)
    scene.house.tell(FEED, BookProved(pair=BTC, difference="bid 1: nothing, not 3 at 4"))
    assert scene.told == ["BookLost"]
    assert scene.state is BookState.SYNCING
    assert "bid 1: nothing" in scene.last.reason
    assert scene.last.counts.mismatches == 1
    scene.show(a_snapshot(14), newest=True)
    assert scene.last.counts.resyncs == 1


def test_gaps_and_what_came_of_them_are_counted(scene):
    scene.come_alive(10)
    scene.say(a_delta(12))
    scene.show(a_snapshot(12))
    scene.say(a_delta(14))
    counts = scene.last.counts
    assert (counts.gaps, counts.resyncs) == (2, 1)


# By the channel that gives whole books.


@pytest.fixture
def obu(house):
    return Scene(house, book_channel=BookChannel.OBU)


def whole(obu, last_id):
    obu.say(StreamOpened(pair=BTC), a_delta(last_id, full=True))
    obu.analyzer.clear()


def test_a_whole_book_over_the_stream_needs_no_question(obu):
    obu.say(StreamOpened(pair=BTC), a_delta(20, full=True), a_delta(21, 23))
    assert obu.told == ["reset 20", "change 21-23"]
    assert obu.exchange.asked == []
    assert obu.state is BookState.LIVE


@pytest.mark.parametrize("begins_at", [23, 20])
def test_a_change_that_does_not_begin_after_the_last_one_subscribes_anew(obu, begins_at):
    whole(obu, 21)
    obu.say(a_delta(begins_at, 24))
    assert obu.told == ["BookLost"]
    assert obu.stream.subscribed == [BTC, BTC]
    assert obu.last.counts.gaps == 1
    whole(obu, 25)
    assert obu.state is BookState.LIVE
    assert obu.last.counts.resyncs == 1


def test_a_repeated_change_is_dropped_there_too(obu):
    whole(obu, 20)
    for change in (a_delta(21, 22), a_delta(21, 22), a_delta(23), a_delta(20, full=True)):
        obu.say(change)
    assert obu.told == ["change 21-22", "change 23-23"]


def test_a_whole_book_that_does_not_come_subscribes_anew(obu):
    obu.say(StreamOpened(pair=BTC), a_delta(21))
    obu.house.pass_time(WHOLE_BOOK_S)
    assert obu.stream.subscribed == [BTC, BTC]


def test_a_stream_of_whole_books_that_stays_away_is_stood_in_for(obu):
    whole(obu, 20)
    obu.say(StreamLost(reason="cut", pair=BTC))
    obu.house.pass_time(POLL_AFTER_S)
    obu.analyzer.clear()
    obu.show(a_snapshot(22))
    obu.say(StreamOpened(pair=BTC), a_delta(23, full=True), a_delta(24))
    for _ in range(int(STEADY_S)):
        obu.house.pass_time(POLL_EVERY_S)
        obu.show(a_snapshot(24), newest=True)
    assert obu.told[0] == "poll 22"
    assert obu.told[-1] == "reset 23 +24-24"
    assert not obu.last.polled


def test_books_that_count_otherwise_than_rest_are_not_compared(house):
    obu = Scene(house, book_channel=BookChannel.OBU, obu_ids=ObuIds.OWN)
    whole(obu, 20)
    obu.house.tell(FEED, ProofWanted(pair=BTC))
    assert obu.exchange.asked == []


def test_stopped_in_good_order_it_unsubscribes(scene):
    scene.house.stop(FEED)
    assert scene.stream.unsubscribed == [BTC]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(FEED, "nonsense")
    assert scene.house.deaths() == ["TypeError: market/BTC_USDT/feed: unexpected str"]


# What cannot be true.


def test_a_change_that_cannot_be_loses_the_book_and_it_begins_again(scene):
    scene.come_alive(10)
    refused = scene.house.listener(NumberRejected)
    scene.exchange.asked.clear()
    scene.say(a_delta(11, bids=((0.0, 5.0),)))
    assert scene.told == ["BookLost"]
    assert scene.heard.of(BookLost)[-1].reason == "not_positive: 5.0 at 0.0"
    assert [one.reason for one in refused] == [Rejection.NOT_POSITIVE]
    assert scene.exchange.asked == [FetchBook(pair=BTC, depth=50)]
    scene.show(a_snapshot(11))
    assert scene.state is BookState.LIVE


def test_a_snapshot_that_cannot_be_is_as_good_as_none(scene):
    scene.say(StreamOpened(pair=BTC))
    scene.show(a_snapshot(10, asks=((101.0, float("nan")),)))
    assert scene.last.state is BookState.SYNCING
    scene.house.pass_time(SNAPSHOT_RETRY_S)
    scene.show(a_snapshot(11))
    assert scene.state is BookState.LIVE


def test_a_trade_that_jumped_is_told_when_the_ticker_confirms_it(scene):
    scene.come_alive()
    scene.say(*[a_trade(number, price=100.0) for number in range(1, 31)])
    scene.heard.clear()
    scene.say(a_trade(31, price=50.0))
    assert scene.heard == []
    scene.say(a_ticker(last=50.0, bid=49.9, ask=50.1))
    assert [type(one).__name__ for one in scene.heard] == ["TradePrinted", "TickerSeen"]


def test_what_is_held_back_in_silence_is_refused_in_time(scene):
    scene.come_alive()
    scene.say(*[a_trade(number, price=100.0) for number in range(1, 31)])
    refused = scene.house.listener(NumberRejected)
    scene.say(a_trade(31, price=50.0))
    scene.house.pass_time(13.0)
    assert Rejection.UNCONFIRMED in {one.reason for one in refused}


def test_changes_that_wait_together_are_told_as_one_and_before_anything_else(scene):
    scene.come_alive(10)
    for message in (
        a_delta(11, 12, bids=((99.0, 1.0),)),
        a_delta(13, bids=((99.0, 2.0), (98.5, 1.0))),
        a_delta(14, bids=(), asks=((101.0, 3.0),)),
        a_ticker(),
        a_delta(15),
    ):
        scene.stream.say(BTC, message)
    scene.house.settle()
    assert scene.told == ["change 11-14", "change 15-15"]
    together = scene.analyzer.of(BookChanged)[0].delta
    assert together.bids == ((99.0, 1.0), (99.0, 2.0), (98.5, 1.0))
    assert together.asks == ((101.0, 3.0),)


def test_changes_between_trades_are_told_as_one_too_and_none_is_left(scene):
    scene.come_alive(10)
    for message in (a_delta(11), a_trade(1), a_delta(12), a_trade(2)):
        scene.stream.say(BTC, message)
    scene.house.settle()
    assert scene.told == ["change 11-12"]


def test_what_is_held_back_is_told_although_nothing_new_follows(scene):
    scene.come_alive(10)
    scene.say(a_delta(11), a_delta(11))
    assert scene.told == ["change 11-11"]


def test_changes_that_waited_with_a_hole_are_told_up_to_it(scene):
    scene.come_alive(10)
    for message in (a_delta(11), a_delta(12), a_delta(14)):
        scene.stream.say(BTC, message)
    scene.house.settle()
    assert scene.told == ["change 11-12", "BookLost"]
