"""Each fault of the catalogue in process: what is answered, what happened, what is told."""

from itertools import pairwise
from random import Random

import pytest

from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.faults import FaultName, FaultOrder
from state.messages.market import (
    BookDelta,
    StreamLost,
    StreamOpened,
    TickerSeen,
)
from state.messages.venue import (
    FetchBalances,
    FetchBook,
    FetchOpenOrders,
    FetchOrder,
    FetchTime,
    Refused,
    Succeeded,
    TradeReport,
    Unknown,
)
from state.values import NS_PER_S, Side, TimeInForce, TimeNs
from tests.adapters.simulated.worlds import BTC, World, by_text


def strike(name, match="POST /spot/orders", *, occurrences=(1,), **more):
    return FaultOrder(fault=name, match=match, occurrences=occurrences, **more)


@pytest.mark.parametrize(
    ("name", "outcome", "lives"),
    [
        (FaultName.REQUEST_LOST, Unknown, False),
        (FaultName.ANSWER_LOST, Unknown, True),
        (FaultName.SERVER_ERROR, Unknown, False),
        (FaultName.SERVER_ERROR_ACCEPTED, Unknown, True),
        (FaultName.RATE_LIMITED, Refused, False),
        (FaultName.ANSWER_LATE, Succeeded, True),
    ],
)
def test_each_request_fault_has_one_answer_and_the_stated_effect(name, outcome, lives):
    world = World(strike(name))
    assert isinstance(world.asked(world.order()), outcome)
    assert bool(world.open_texts()) is lives
    world.run(60)
    assert len(world.answers) == 1


def test_an_answer_beyond_the_time_out_comes_as_unknown_and_never_again():
    world = World(strike(FaultName.ANSWER_LATE, delay_ms=20_000))
    outcome = world.asked(world.order())
    assert outcome == Unknown(reason="no answer in time")
    world.run(60)
    assert len(world.answers) == 1
    assert world.open_texts() == ["t-1"]


def test_a_request_can_arrive_long_after_its_sender_gave_up():
    world = World(strike(FaultName.REQUEST_LATE, delay_ms=20_000))
    assert isinstance(world.asked(world.order(valid_s=60)), Unknown)
    assert world.open_texts() == []
    world.run(20)
    assert world.open_texts() == ["t-1"]
    assert len(world.answers) == 1


def test_a_request_that_arrives_after_its_expiry_does_nothing():
    world = World(strike(FaultName.REQUEST_LATE, delay_ms=20_000))
    world.asked(world.order(valid_s=10))
    world.run(60)
    assert world.open_texts() == []


def test_a_storm_refuses_everything_until_it_is_over():
    world = World(strike(FaultName.RATE_LIMIT_STORM, match="", delay_ms=2_000))
    outcomes = [type(world.asked(FetchBalances(), seconds=0.9)) for _ in range(4)]
    assert outcomes == [Refused, Refused, Refused, Succeeded]


def test_a_skewed_clock_is_told_and_orders_expire_by_it():
    ahead = {"delay_ms": 90_000, "occurrences": (1,)}
    world = World(
        strike(FaultName.CLOCK_SKEW, "GET /spot/time", **ahead),
        strike(FaultName.CLOCK_SKEW, "POST /spot/orders", **ahead),
    )
    asking = FetchTime(asked_at_ns=TimeNs(world.clock.at_ns))
    skewed, true = world.asked(asking), world.asked(asking)
    assert (skewed.time.venue_ns - true.time.venue_ns) // NS_PER_S == 84, "90 s less 5 s and a bit"

    assert world.asked(world.order(valid_s=60)).label == "REQUEST_EXPIRED"
    assert isinstance(world.asked(world.order(valid_s=60)), Succeeded)


def test_a_stale_snapshot_is_a_book_that_was():
    world = World(strike(FaultName.BOOK_STALE, "GET /spot/order_book", occurrences=(1,)))
    world.follow()
    world.run(10)
    before = world.venue.pairs[BTC].book.update_id
    stale, fresh = (world.asked(FetchBook(pair=BTC, depth=20)).book for _ in range(2))
    assert stale.last_id < before < fresh.last_id
    seen = [delta for delta in world.of(BookDelta) if delta.last_id <= stale.last_id]
    assert len(seen) < len(world.of(BookDelta)) - 40, "the stream was ahead of it"


def test_a_currency_is_missing_for_a_while():
    world = World(strike(FaultName.BALANCE_MISSING, "GET /spot/accounts", delay_ms=3_000))
    names = [
        [balance.currency for balance in world.asked(FetchBalances(), seconds=1.6).balances]
        for _ in range(3)
    ]
    assert names == [["USDT", "BTC"], ["USDT", "BTC"], ["USDT", "BTC", "ETH"]]


def test_a_young_order_is_hidden_from_every_read():
    world = World(FaultOrder(fault=FaultName.ORDER_HIDDEN, probability=1, delay_ms=1_000))
    world.asked(world.order(), seconds=0.1)
    assert world.asked(FetchOrder(**by_text()), seconds=0.1).label == "ORDER_NOT_FOUND"
    assert world.asked(FetchOpenOrders(), seconds=0.1).orders == ()
    world.run(1)
    assert world.asked(FetchOrder(**by_text())).orders[0].client_order_id == "t-1"
    assert len(world.asked(FetchOpenOrders()).orders) == 1


def pushes(name, *occurrences, match="order_book_update BTC_USDT", **more):
    return strike(name, match, occurrences=occurrences, **more)


def joins(deltas):
    return [later.first_id == earlier.last_id + 1 for earlier, later in pairwise(deltas)]


@pytest.mark.parametrize("name", [FaultName.BOOK_GAP, FaultName.PUSH_LOST])
def test_a_lost_delta_is_a_gap(name):
    world = World(pushes(name, 3))
    world.follow()
    world.run(3)
    assert joins(world.of(BookDelta))[:4] == [True, False, True, True]


def test_a_message_can_come_twice_or_after_the_next():
    world = World(
        pushes(FaultName.PUSH_TWICE, 1), pushes(FaultName.PUSH_REORDERED, 2, match="tickers")
    )
    world.follow()
    world.run(6)
    first, second, *_ = world.of(BookDelta)
    assert first == second
    times = [ticker.event_time_ns for ticker in world.of(TickerSeen)]
    one, three, two, *_ = times
    assert one < two < three


def test_a_cut_stream_says_so_and_comes_back_by_itself():
    world = World(pushes(FaultName.DISCONNECT, 5))
    world.follow()
    world.run(10)
    states = [
        (place, type(message))
        for place, message in enumerate(world.heard)
        if isinstance(message, StreamOpened | StreamLost)
    ]
    (_, first), (lost_at, second), (opened_at, third) = states
    assert [first, second, third] == [StreamOpened, StreamLost, StreamOpened]
    assert opened_at == lost_at + 1, "nothing comes while it is lost"


def test_a_fill_can_be_told_again_long_after():
    world = World(strike(FaultName.TRADE_REPEATED, "spot.usertrades", delay_ms=5_000))
    world.client.account.open(world.heard.append)
    world.run(1)
    world.asked(world.order(price="70000", tif=TimeInForce.IOC), seconds=1)
    fills = world.of(TradeReport)
    world.run(6)
    assert world.of(TradeReport) == [*fills, fills[0]]


def test_a_half_open_line_says_nothing_and_is_cut_at_last():
    world = World(pushes(FaultName.HALF_OPEN, 2, delay_ms=8_000))
    world.follow()
    world.run(30)
    [lost] = world.of(StreamLost)
    assert lost.reason == "the connection was cut"
    first, second = world.of(BookDelta)[:2]
    assert second.event_time_ns - first.event_time_ns > 8 * NS_PER_S


def test_a_silent_stream_is_given_up_after_a_while():
    world = World(pushes(FaultName.STREAM_SILENT, 2, delay_ms=60_000))
    world.follow()
    world.run(30)
    assert [type(state) for state in world.of(StreamOpened, StreamLost)] == [
        StreamOpened,
        StreamLost,
        StreamOpened,
    ]
    [lost] = world.of(StreamLost)
    assert lost.reason == "no data for too long"


def test_a_short_silence_is_a_gap_without_a_word():
    world = World(pushes(FaultName.STREAM_SILENT, 2, delay_ms=2_000))
    world.follow()
    world.run(10)
    assert len(world.of(StreamOpened, StreamLost)) == 1
    assert joins(world.of(BookDelta)).count(False) == 1


def trace(seed):
    """Return everything a busy client heard under every fault at once, with its times."""
    faults = [FaultOrder(fault=name, probability=0.05) for name in FaultName]
    world = World(*faults, seed=seed)
    log = []
    record = lambda message: log.append((world.clock.at_ns, message))  # noqa: E731
    world.client.market.subscribe(BTC, record)
    world.client.account.open(record)
    chance = Random(seed)
    for number in range(150):
        price = str(65_000 + chance.randint(-100, 100))
        order = world.order(f"t-{number}", side=chance.choice(list(Side)), price=price)
        world.client.exchange.request(order, record)
        world.client.exchange.request(FetchBalances(), record)
        world.run(0.3)
    world.run(60)
    assert sum(1 for _, each in log if getattr(each, "request", None) is not None) == 300
    assert broken_invariants(world.venue) == []
    return log


def test_the_same_seed_is_the_same_run_whatever_goes_wrong():
    assert trace(11) == trace(11)
    assert trace(11) != trace(12)
