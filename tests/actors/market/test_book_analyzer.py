"""The book analyzer measures verified, live books and nothing else."""

from math import exp

import pytest

from actors import addresses
from actors.market.book_analyzer import BookAnalyzer
from state.messages.flow import HOPS, LatencyMeasured, LiquidityMeasured
from state.messages.market import (
    BookChanged,
    BookLost,
    BookMeasured,
    BookProof,
    BookProved,
    BookReset,
    BookWanted,
    ProofWanted,
)
from state.values import NS_PER_MS, NS_PER_S, TimeNs
from tests.actors.examples import BTC, NOW, a_delta, a_snapshot

ANALYZER = addresses.book_analyzer(BTC)


class Scene:
    """An analyzer, the feed's ear, and who listens."""

    def __init__(self, house):
        self.house = house
        self.feed = house.ear(addresses.feed(BTC))
        self.heard = house.listener(BookMeasured, BookLost)
        house.live(ANALYZER, BookAnalyzer, BTC, 500.0, 100)

    def reset(self, *args, **changes):
        self.house.tell(ANALYZER, BookReset(snapshot=a_snapshot(*args, **changes)))

    def change(self, *args, **changes):
        self.house.tell(ANALYZER, BookChanged(delta=a_delta(*args, **changes)))

    @property
    def measures(self):
        return self.heard.of(BookMeasured)


@pytest.fixture
def scene(house):
    return Scene(house)


def test_it_begins_by_asking_for_a_book(scene):
    assert scene.feed == [BookWanted(pair=BTC)]


def test_a_snapshot_is_measured(scene):
    scene.reset(10, bids=((99.0, 3.0), (90.0, 7.0)), asks=((101.0, 1.0), (110.0, 7.0)))
    [measure] = scene.measures
    assert measure == BookMeasured(
        pair=BTC,
        event_time_ns=NOW,
        seen_time_ns=NOW,
        sequence=10,
        bid=99.0,
        bid_size=3.0,
        ask=101.0,
        ask_size=1.0,
        mid=100.0,
        weighted_mid=100.5,
        spread_bps=200.0,
        imbalance=0.5,
        bid_depth=297.0,  # 500 basis points reach to 95 and 105: one level of each side.
        ask_depth=101.0,
        depth_bps=500.0,
        levels=2,
        imbalance_5=2 / 18,
        weighted_imbalance=2 / (4 + 14 * exp(-0.5)),
        measured_time_ns=NOW,
    )


def test_every_change_is_measured_with_its_own_times(scene):
    scene.reset(10)
    scene.change(11, bids=((100.0, 6.0),), event_time_ns=TimeNs(5), seen_time_ns=TimeNs(6))
    measure = scene.measures[-1]
    assert (measure.sequence, measure.bid, measure.bid_size) == (11, 100.0, 6.0)
    assert (measure.event_time_ns, measure.seen_time_ns) == (5, 6)


def test_what_nobody_saw_come_was_seen_now(scene):
    scene.house.pass_time(2.0)
    scene.reset(10)
    assert scene.measures[-1].seen_time_ns == scene.house.now_ns


def test_a_change_before_the_first_snapshot_is_not_measured(scene):
    scene.change(11)
    assert scene.heard == []


def test_a_lost_book_is_measured_no_more(scene):
    scene.reset(10)
    scene.heard.clear()
    scene.house.tell(ANALYZER, BookLost(pair=BTC, reason="gap"))
    scene.change(11)
    assert scene.heard == []


def test_a_book_with_an_empty_side_has_no_measures(scene):
    scene.reset(10, asks=())
    assert scene.heard == []
    scene.change(11, asks=((101.0, 1.0),))
    assert scene.measures[-1].ask == 101.0


def test_a_gap_in_its_hands_is_told_and_the_feed_begins_again(scene):
    scene.reset(10)
    scene.feed.clear()
    scene.heard.clear()
    scene.change(13)
    assert [one.reason for one in scene.heard.of(BookLost)] == ["expected 11, got 13"]
    assert scene.feed == [BookWanted(pair=BTC)]
    scene.change(14)
    assert scene.measures == []
    scene.reset(20)
    assert scene.measures[-1].sequence == 20


def test_a_book_that_crosses_in_its_hands_is_lost(scene):
    scene.reset(10)
    scene.feed.clear()
    scene.heard.clear()
    scene.change(11, bids=((101.5, 1.0),))
    assert len(scene.heard.of(BookLost)) == 1
    assert scene.measures == []
    assert scene.feed == [BookWanted(pair=BTC)]


def test_a_snapshot_that_is_crossed_kills_nobody_and_is_no_book(scene):
    scene.feed.clear()
    scene.reset(10, bids=((102.0, 1.0),), asks=((101.0, 1.0),))
    assert len(scene.heard.of(BookLost)) == 1
    assert scene.feed == [BookWanted(pair=BTC)]
    scene.reset(11)
    assert scene.measures[-1].sequence == 11


def prove(scene, snapshot, *since):
    scene.feed.clear()
    scene.house.tell(ANALYZER, BookProof(snapshot=snapshot, since=since))
    return [one.difference for one in scene.feed.of(BookProved)]


def test_a_snapshot_with_the_changes_since_must_give_the_same_book(scene):
    scene.reset(10)
    changes = [a_delta(11, bids=((100.0, 6.0),)), a_delta(12, asks=((101.0, 4.0),))]
    for change in changes:
        scene.house.tell(ANALYZER, BookChanged(delta=change))
    before = a_snapshot(11, bids=((100.0, 6.0), (99.0, 2.0), (98.0, 5.0)))
    assert prove(scene, before, changes[1]) == [""]


@pytest.mark.parametrize(
    ("bids", "difference"),
    [
        (((99.0, 2.5), (98.0, 5.0)), "bid 1: 2.0 at 99.0, not 2.5 at 99.0"),
        (((99.0, 2.0),), "bid 2: 5.0 at 98.0, not nothing"),
        (((103.0, 2.0),), "bid 103.0 reaches ask 101.0"),
    ],
)
def test_a_snapshot_that_says_otherwise_is_told_to_the_feed(scene, bids, difference):
    scene.reset(10)
    assert prove(scene, a_snapshot(10, bids=bids)) == [difference]


def test_a_book_that_was_lost_has_nothing_to_compare(scene):
    assert prove(scene, a_snapshot(10)) == []


def levels(best, count, step):
    return tuple((best + step * number, 1.0) for number in range(count))


def test_a_market_that_moved_through_what_is_verified_wants_a_snapshot_now_and_then(scene):
    scene.reset(10, bids=levels(200.0, 100, -1.0), asks=levels(201.0, 100, 1.0))
    scene.feed.clear()
    gone = [(200.0 - number, 0.0) for number in range(51)]
    scene.change(11, bids=tuple(gone[:50]))
    assert (scene.measures[-1].levels, scene.feed) == (50, [])
    scene.change(12, bids=(gone[50], (99.0, 1.0)))
    scene.change(13)
    assert (scene.measures[-1].levels, scene.feed) == (49, [ProofWanted(pair=BTC)])
    proof = a_snapshot(13, bids=levels(149.0, 100, -1.0), asks=levels(201.0, 100, 1.0))
    assert prove(scene, proof) == [""]
    scene.change(14)
    assert scene.measures[-1].levels == 100


def test_a_book_with_nothing_verified_on_a_side_is_not_measured_until_a_snapshot_proves_it(scene):
    """The exchange may show better levels than those it has told of."""
    scene.reset(10, bids=levels(200.0, 100, -1.0), asks=levels(201.0, 100, 1.0))
    scene.change(11, bids=tuple((200.0 - number, 0.0) for number in range(99)))
    assert scene.measures[-1].levels == 1
    scene.heard.clear()
    scene.change(12, bids=((101.0, 0.0), (50.0, 1.0)))
    assert scene.heard == []
    proof = a_snapshot(12, bids=levels(90.0, 100, -1.0), asks=levels(201.0, 100, 1.0))
    assert prove(scene, proof) == [""]
    assert (scene.measures[-1].bid, scene.measures[-1].levels) == (90.0, 100)


def test_a_book_that_is_polled_is_measured_as_such_and_wants_no_proof(scene):
    scene.feed.clear()
    full = levels(100.0, 100, -1.0)
    scene.house.tell(ANALYZER, BookReset(snapshot=a_snapshot(10, bids=full), polled=True))
    assert scene.measures[-1].polled
    scene.reset(11)
    assert not scene.measures[-1].polled
    assert scene.feed == []


def test_a_restart_has_no_book_and_asks_anew(scene):
    scene.reset(10)
    scene.feed.clear()
    scene.heard.clear()
    scene.house.crash(ANALYZER)
    assert scene.feed == [BookWanted(pair=BTC)]
    scene.change(11)
    assert scene.heard == []


def test_few_verified_levels_have_no_imbalance_of_five_and_of_ten(scene):
    scene.reset(10, bids=levels(200.0, 100, -1.0), asks=levels(201.0, 100, 1.0))
    measure = scene.measures[-1]
    assert (measure.imbalance_5, measure.weighted_imbalance) == (0.0, 0.0)
    scene.change(11, bids=tuple((200.0 - number, 0.0) for number in range(94)))
    measure = scene.measures[-1]
    assert (measure.levels, measure.imbalance_5, measure.weighted_imbalance) == (6, 0.0, None)
    scene.change(12, bids=((106.0, 0.0), (105.0, 0.0)))
    assert scene.measures[-1].imbalance_5 is None


def test_order_flow_is_told_once_ten_seconds_were_watched_and_begins_anew_with_the_book(scene):
    scene.reset(10, bids=((99.0, 3.0),), asks=((101.0, 1.0),))
    for number in range(1, 12):
        at_ns = TimeNs(NOW + number * NS_PER_S)
        scene.change(10 + number, bids=((99.0, 3.0 + number),), event_time_ns=at_ns)
    flows = [one.order_flow for one in scene.measures]
    assert flows == [None] * 10 + [10.0, 10.0]
    scene.reset(30)
    scene.change(31, event_time_ns=TimeNs(NOW + 5 * NS_PER_S))
    assert scene.measures[-1].order_flow is None


def test_liquidity_is_measured_once_a_second_at_most_and_never_of_a_lost_book(scene):
    heard = scene.house.listener(LiquidityMeasured)
    scene.reset(10)
    for number in range(11, 16):
        scene.change(number)
    assert [one.sequence for one in heard] == [10]
    scene.house.pass_time(1.0)
    scene.change(16)
    assert [one.sequence for one in heard] == [10, 16]
    scene.house.pass_time(1.0)
    scene.house.tell(ANALYZER, BookLost(pair=BTC, reason="gap"))
    scene.change(17)
    assert len(heard) == 2


def test_how_liquid_it_was_survives_a_restart(scene):
    heard = scene.house.listener(LiquidityMeasured)
    scene.reset(10)
    scene.house.stop(ANALYZER)
    scene.house.crash(ANALYZER)
    scene.reset(20)
    assert [one.samples for one in heard] == [0, 1]


def test_how_long_each_part_of_the_way_took_is_told_now_and_then(scene):
    heard = scene.house.listener(LatencyMeasured)
    scene.reset(10)
    for number in (11, 12):
        now_ns = scene.house.now_ns
        seen_ns, decoded_ns, fed_ns = (TimeNs(now_ns - ms * NS_PER_MS) for ms in (5, 4, 2))
        event_ns = TimeNs(now_ns - 30 * NS_PER_MS)
        delta = a_delta(
            number, event_time_ns=event_ns, seen_time_ns=seen_ns, decoded_time_ns=decoded_ns
        )
        scene.house.tell(ANALYZER, BookChanged(delta=delta, fed_time_ns=fed_ns))
        scene.house.pass_time(2.0)
    [told] = heard
    ms = {hop: [took_ns // NS_PER_MS for took_ns in getattr(told, hop)] for hop in HOPS}
    assert ms == {
        "exchange_to_socket": [25, 25],
        "decode": [1, 1],
        "hand_over": [2, 2],
        "fold": [2, 2],
        "measure": [0, 0],
        "deliver": [],
        "socket_to_state": [5, 5],
        "socket_to_trader": [],
    }


def test_of_changes_that_wait_together_the_first_and_the_newest_are_measured(scene):
    scene.reset(10)
    scene.house.pass_time(1.0)
    scene.heard.clear()
    for number in range(11, 31):
        change = BookChanged(delta=a_delta(number, bids=((99.0, float(number)),)))
        scene.house.runtime.tell(ANALYZER, change)
    scene.house.settle()
    assert [one.sequence for one in scene.measures] == [11, 30]
    assert scene.measures[-1].bid_size == 30.0


def test_what_waits_behind_a_change_may_be_no_change_and_it_is_measured_all_the_same(scene):
    scene.reset(10)
    scene.house.pass_time(1.0)
    scene.heard.clear()
    snapshot = a_snapshot(12, bids=((99.0, 3.0), (98.0, 5.0)))
    for news in (
        BookChanged(delta=a_delta(11)),
        BookChanged(delta=a_delta(12)),
        BookProof(snapshot=snapshot, since=()),
    ):
        scene.house.runtime.tell(ANALYZER, news)
    scene.house.settle()
    assert [one.sequence for one in scene.measures] == [11, 12]


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.house.tell(ANALYZER, "nonsense")
    assert scene.house.deaths() == ["TypeError: market/BTC_USDT/book_analyzer: unexpected str"]
