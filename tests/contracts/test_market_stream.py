"""The `MarketStream` port: opened before anything else, books that fit their snapshots."""

from itertools import pairwise

import pytest

from adapters.simulated.faults import FaultName, FaultOrder
from state.messages.market import (
    BookDelta,
    CandleSeen,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.order_book import BookGap, OrderBook
from state.values import Pair
from tests.contracts.orders import BTC, book_of
from tests.contracts.worlds import PAIRS, inbox

ETH = PAIRS[1]


def synchronised(world, told):
    """Return a book begun by the documented procedure: buffer, snapshot, drop, apply."""
    told.wait_for(BookDelta)
    book = OrderBook()
    for _ in range(5):
        snapshot = book_of(world)
        # Something that reaches beyond the snapshot, so that the join itself is tested.
        world.run_until(lambda: told.of(BookDelta)[-1].last_id > snapshot.last_id)  # noqa: B023
        try:
            deltas = told.of(BookDelta)
            book.apply_snapshot(snapshot, deltas)
        except BookGap:
            continue
        return book, len(deltas)
    raise AssertionError("no snapshot reached the changes")


def test_a_pair_is_opened_first_and_then_everything_comes(world):
    told = inbox(world)
    world.market.subscribe(BTC, told)
    for kind in (BookDelta, TradePrinted, TickerSeen, CandleSeen):
        told.wait_for(kind)
    assert told.messages[0] == StreamOpened(pair=BTC)
    assert all(message.pair == BTC for message in told.messages)
    for message in told.messages[1:]:
        assert message.seen_time_ns > 0
        assert abs(message.event_time_ns - world.now_ns()) < 90_000_000_000


def test_changes_are_contiguous_and_join_the_snapshot(world):
    told = inbox(world)
    world.market.subscribe(BTC, told)
    book, applied = synchronised(world, told)
    told.wait_for(BookDelta, applied + 10)
    deltas = told.of(BookDelta)
    for earlier, later in pairwise(deltas):
        assert later.first_id == earlier.last_id + 1
    for delta in deltas[applied:]:
        book.apply_delta(delta)
    assert book.is_live


def test_a_followed_book_equals_a_later_snapshot(world):
    told = inbox(world)
    world.market.subscribe(BTC, told)
    book, applied = synchronised(world, told)
    told.wait_for(BookDelta, applied + 10)
    for _ in range(20):
        truth = book_of(world)
        world.run_until(lambda: told.of(BookDelta)[-1].last_id >= truth.last_id)  # noqa: B023
        deltas = told.of(BookDelta)
        for delta in deltas[applied:]:
            if delta.last_id <= truth.last_id:
                book.apply_delta(delta)
                applied += 1
        if book.last_id == truth.last_id:
            break
    assert book.last_id == truth.last_id, "no snapshot ever fell on the end of a change"
    bids, asks = book.levels(20)
    assert bids == truth.bids[:20]
    assert asks == truth.asks[:20]


def followed_whole(told):
    """Return the book that a stream of whole books gives, and how many changes are in it."""
    told.wait_for(BookDelta, 10)
    deltas = told.of(BookDelta)
    book = OrderBook(100)
    for delta in deltas:
        book.apply_delta(delta)
    return book, len(deltas)


def test_a_stream_of_whole_books_begins_with_one_and_goes_on_without_a_hole(obu_world):
    told = inbox(obu_world)
    obu_world.market.subscribe(BTC, told)
    told.wait_for(BookDelta, 20)
    assert told.messages[0] == StreamOpened(pair=BTC)
    first, *later = told.of(BookDelta)
    assert (first.full, {delta.full for delta in later}) == (True, {False})
    assert min(len(first.bids), len(first.asks)) >= 20
    for earlier, delta in pairwise([first, *later]):
        assert delta.first_id == earlier.last_id + 1


def test_who_subscribes_again_is_given_another_whole_book(obu_world):
    first, second = inbox(obu_world), inbox(obu_world)
    obu_world.market.subscribe(BTC, first)
    first.wait_for(BookDelta, 5)
    obu_world.market.subscribe(BTC, second)
    second.wait_for(BookDelta, 5)
    assert second.messages[0] == StreamOpened(pair=BTC)
    assert [delta.full for delta in second.of(BookDelta)[:5]] == [True, False, False, False, False]


def agrees_with_rest(world, told, book, applied):
    """Return whether a followed book equals a fetched one at the very id, as the feed has it."""
    for _ in range(20):
        truth = book_of(world)
        world.run_until(lambda: told.of(BookDelta)[-1].last_id >= truth.last_id)  # noqa: B023
        deltas = told.of(BookDelta)
        reached = [delta for delta in deltas[applied:] if delta.first_id <= truth.last_id]
        applied += len(reached)
        for delta in reached:
            book.apply_delta(delta)
        theirs = OrderBook(100)
        theirs.apply_snapshot(truth, reached[-1:])
        if theirs.last_id == book.last_id:
            return book.differs(theirs, 20) == ""
    raise AssertionError("no snapshot could be brought to the id of the book")


def test_both_channels_end_in_the_book_that_rest_shows(world, obu_world):
    by_updates, by_obu = inbox(world), inbox(obu_world)
    world.market.subscribe(BTC, by_updates)
    obu_world.market.subscribe(BTC, by_obu)
    assert agrees_with_rest(world, by_updates, *synchronised(world, by_updates))
    assert agrees_with_rest(obu_world, by_obu, *followed_whole(by_obu))


def test_each_pair_has_a_stream_of_its_own(world):
    both = {pair: inbox(world) for pair in PAIRS}
    for pair, told in both.items():
        world.market.subscribe(pair, told)
    for pair, told in both.items():
        told.wait_for(BookDelta, 3)
        assert {message.pair for message in told.messages} == {pair}


def test_a_second_subscriber_replaces_the_first_with_an_opening_of_its_own(world):
    first, second = inbox(world), inbox(world)
    world.market.subscribe(BTC, first)
    first.wait_for(BookDelta)
    world.market.subscribe(BTC, second)
    before = len(first.messages)
    second.wait_for(BookDelta, 3)
    assert second.messages[0] == StreamOpened(pair=BTC)
    # One delivery may have been on its way when it was replaced.
    assert len(first.messages) <= before + 1


def test_nothing_more_comes_after_unsubscribing(world):
    gone, kept = inbox(world), inbox(world)
    world.market.subscribe(BTC, gone)
    world.market.subscribe(ETH, kept)
    gone.wait_for(BookDelta)
    world.market.unsubscribe(BTC)
    before = len(gone.messages)
    kept.wait_for(BookDelta, len(kept.of(BookDelta)) + 5)
    assert len(gone.messages) <= before + 1


def test_after_a_loss_nothing_comes_before_the_next_opening(world):
    told = inbox(world)
    world.market.subscribe(BTC, told)
    told.wait_for(BookDelta)
    world.cut_streams()
    lost = told.wait_for(StreamLost)
    assert lost.pair == BTC
    assert lost.reason
    told.wait_for(StreamOpened, 2)
    count = len(told.of(BookDelta))
    told.wait_for(BookDelta, count + 1)
    at = told.messages.index(lost)
    assert told.messages[at + 1] == StreamOpened(pair=BTC)


def test_an_unknown_pair_is_told_to_be_lost_and_harms_no_other(world):
    wrong, right = inbox(world), inbox(world)
    world.market.subscribe(Pair("NOPE_NOPE"), wrong)
    world.market.subscribe(BTC, right)
    assert wrong.wait_for(StreamLost).pair == "NOPE_NOPE"
    right.wait_for(BookDelta)
    assert wrong.of(StreamOpened) == []


def test_a_stream_that_falls_silent_is_lost_and_comes_back(world):
    told = inbox(world)
    world.market.subscribe(BTC, told)
    told.wait_for(BookDelta)
    silence = FaultOrder(
        fault=FaultName.STREAM_SILENT, match="spot.", occurrences=(1,), delay_ms=60_000
    )
    world.set_faults(silence)
    told.wait_for(StreamLost)
    told.wait_for(StreamOpened, 2)


@pytest.mark.parametrize("fault", [FaultName.BOOK_GAP, FaultName.PUSH_REORDERED])
def test_a_hole_in_the_ids_reaches_the_reader(world, fault):
    told = inbox(world)
    world.market.subscribe(BTC, told)
    told.wait_for(BookDelta)
    # Again and again: what a push changes places with may be a trade.
    strikes = FaultOrder(fault=fault, match=f"spot.order_book_update {BTC}", probability=0.5)
    world.set_faults(strikes)

    def has_a_hole():
        deltas = told.of(BookDelta)
        return any(later.first_id > earlier.last_id + 1 for earlier, later in pairwise(deltas))

    world.run_until(has_a_hole)
