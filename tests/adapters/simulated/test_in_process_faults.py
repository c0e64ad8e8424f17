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
)
from state.messages.venue import (
    FetchBalances,
    Refused,
    Succeeded,
    Unknown,
)
from state.values import (
    Side,
)
from tests.adapters.simulated.worlds import BTC, World


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
    kinds = [type(message).__name__ for message in world.heard]
    places = [place for place, kind in enumerate(kinds) if kind == "TickerSeen"]
    assert kinds[places[1] - 1] == "CandleSeen", "the candle of its second came before it"


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
