"""Nothing is sent before books, exchange clock and private stream are there and all agree."""

import pytest

from state.messages.held import OrdersHeld
from state.messages.market import StreamOpened
from state.messages.operations import ClockWanted, ReadinessWanted, StreamStateWanted
from state.messages.orders import OrderIntended, OrdersWanted
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    PlaceOrder,
    Refused,
    Succeeded,
    Unknown,
)
from state.order import OrderState
from tests.actors.examples import BTC, ETH, a_clock, a_trade_report, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER, Scene, name_of
from tests.state.examples import an_intent

QUERIES = (FetchOpenOrders, FetchTrades, FetchFinishedOrders)


@pytest.fixture
def starting(house):
    return Scene(house, ready=False)


def test_it_begins_by_asking_for_books_clock_and_stream(starting):
    assert starting.monitor == [ClockWanted(reply_to=ROUTER)]
    assert starting.stream == [StreamStateWanted(reply_to=ROUTER)]
    assert starting.readiness == "starting"


def test_with_books_clock_and_stream_it_asks_the_exchange_and_is_ready(starting):
    starting.be_slow()
    starting.tell(a_clock())
    starting.tell(StreamOpened())
    assert starting.exchange.waiting(FetchOpenOrders)
    assert not starting.is_ready
    starting.answer_queries()
    assert starting.is_ready


def test_without_the_stream_it_is_not_ready(starting):
    starting.tell(a_clock())
    assert not starting.is_ready
    assert starting.exchange.asked == []


def test_without_the_clock_it_is_not_ready(starting):
    starting.tell(StreamOpened())
    assert not starting.is_ready
    assert starting.exchange.asked == []


def test_without_the_books_it_is_not_ready(scene):
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    scene.exchange.asked.clear()
    scene.tell(a_clock(), StreamOpened())
    assert not scene.is_ready
    assert scene.exchange.asked == []
    scene.journal.patient = False
    scene.journal.write()
    assert scene.is_ready


def test_a_lost_stream_makes_it_not_ready_until_it_has_reconciled(scene):
    scene.lose_stream()
    assert scene.readiness == "account stream lost: cut"
    scene.be_slow()
    scene.tell(StreamOpened())
    assert not scene.is_ready
    scene.answer_queries()
    assert scene.is_ready


def test_it_is_not_ready_before_what_it_found_is_written_and_told(scene):
    """Whoever is to protect what was bought meanwhile must know of it first."""
    scene.rest()
    scene.lose_stream()
    found = a_trade_report(client_order_id=NAME, venue_order_id="v d-1")
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(found,)))
    scene.journal.patient = True
    scene.tell(StreamOpened())
    assert scene.journal.records[-1].entries[0].event.trade_id == found.trade_id
    assert not scene.is_ready
    scene.journal.patient = False
    scene.journal.write()
    assert scene.is_ready


def test_an_answer_from_before_the_stream_was_lost_does_not_make_it_ready(scene):
    """What happened in between is in no push, and the answer is too old to know it."""
    scene.be_slow()
    scene.house.pass_time(30.0)  # A comparison is under way.
    scene.lose_stream()
    scene.house.pass_time(1.0)
    scene.tell(StreamOpened())
    scene.exchange.answer(FetchOpenOrders, Succeeded())
    scene.house.settle()
    assert not scene.is_ready
    scene.exchange.answer(FetchOpenOrders, Succeeded())
    scene.house.settle()
    assert scene.is_ready


def test_a_comparison_that_ends_while_the_stream_is_lost_does_not_make_it_ready(scene):
    scene.be_slow()
    scene.house.pass_time(30.0)
    scene.lose_stream()
    scene.answer_queries()
    assert not scene.is_ready


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize(
    "outcome", [Unknown(reason="time-out"), Refused(label="SERVER_ERROR", message="")]
)
def test_a_comparison_that_cannot_be_completed_is_made_again(scene, kind, outcome):
    scene.rest()
    scene.exchange.promptly(kind, outcome)
    scene.house.pass_time(30.0)
    assert scene.readiness.startswith(kind.__name__)
    scene.know_nothing()
    scene.house.pass_time(1.0)
    assert scene.is_ready


def test_it_compares_every_so_often(scene):
    scene.exchange.asked.clear()
    scene.house.pass_time(95.0)
    assert len(scene.exchange.of(FetchOpenOrders)) == 3


def test_an_order_in_flight_while_comparing_is_looked_for_and_found(scene):
    scene.approve()
    scene.exchange.promptly(FetchOpenOrders, Succeeded(orders=(an_order_report(NAME),)))
    scene.house.pass_time(30.0)
    assert scene.order().state is OrderState.OPEN
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    assert scene.order().state is OrderState.OPEN


def test_a_fill_that_no_push_told_is_found_by_the_comparison(scene):
    scene.rest()
    fill = a_trade_report(NAME, venue_order_id="v d-1")
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(fill,)))
    scene.house.pass_time(30.0)
    assert scene.order().filled == 1


def test_it_says_whether_it_is_ready_when_asked(scene):
    for told in ("", "account stream lost: cut"):
        scene.keeper.clear()
        scene.tell(ReadinessWanted())
        assert scene.readiness == told
        scene.lose_stream()


# Over restarts.


def test_a_restart_begins_from_the_books_and_sends_nothing_again(scene):
    scene.rest("d-1")
    scene.rest("d-2", pair=ETH)
    scene.house.crash(ROUTER)
    assert scene.readiness == "starting"
    scene.become_ready()
    scene.tell(OrdersWanted(pair=BTC, reply_to="trader"))
    [held] = scene.trader.of(OrdersHeld)
    assert [one.client_order_id for one in held.orders] == [name_of("d-1")]
    assert len(scene.placed) == 2


def test_who_asks_for_orders_before_the_books_are_there_is_answered_when_they_are(scene):
    """Answered at once, a trader would believe that nothing of its is out."""
    scene.rest()
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    scene.tell(OrdersWanted(pair=BTC, reply_to="trader"))
    assert scene.trader.of(OrdersHeld) == []
    scene.journal.patient = False
    scene.journal.write()
    [held] = scene.trader.of(OrdersHeld)
    assert [one.client_order_id for one in held.orders] == [NAME]


def test_a_new_recorder_may_know_more_so_who_asks_waits_for_its_books(scene):
    """The old one died between writing that the order ended and telling anybody."""
    scene.rest()
    scene.journal.append(*_an_end(scene), silently=True)
    scene.journal.patient = True
    scene.journal.reopen()
    scene.tell(OrdersWanted(pair=BTC, reply_to="trader"))
    assert scene.trader.of(OrdersHeld) == []
    scene.journal.patient = False
    scene.journal.write()
    [held] = scene.trader.of(OrdersHeld)
    assert held.orders == ()


def _an_end(scene):
    order = scene.order()
    scene.journal.patient = True
    scene.tell(scene.ended())
    events = [entry.event for entry in scene.journal.records[-1].entries]
    scene.journal.lose()
    scene.journal.patient = False
    assert order.finished is None
    return events


def test_a_new_recorder_is_told_again_what_was_not_answered(scene):
    scene.journal.patient = True
    scene.approve()
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    assert len(scene.journal.told(OrderIntended)) == 1
    assert len(scene.placed) == 1


def test_what_the_old_recorder_wrote_without_saying_so_is_not_doubled(scene):
    scene.journal.patient = True
    scene.approve()
    [record] = scene.journal.records
    scene.journal.append(*[entry.event for entry in record.entries], silently=True)
    scene.journal.lose()
    scene.journal.patient = False
    scene.journal.reopen()
    assert len(scene.journal.told(OrderIntended)) == 1
    assert len(scene.placed) == 1


def test_an_answer_of_the_recorder_to_an_earlier_life_places_nothing(scene):
    """The intent is in the books: the new life searches for it instead."""
    scene.journal.patient = True
    scene.approve()
    scene.house.crash(ROUTER)
    scene.journal.patient = False
    scene.journal.write()
    scene.become_ready()
    assert scene.placed == []
    scene.house.pass_time(13.0)
    assert scene.order().state is OrderState.NOT_PLACED


def test_facts_the_books_contain_are_not_folded_again(scene):
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    scene.journal.append(an_intent(client_order_id=name_of("d-9")))
    scene.journal.patient = False
    scene.journal.write()
    scene.become_ready()
    scene.tell(OrdersWanted(pair=BTC, reply_to="trader"))
    [held] = scene.trader.of(OrdersHeld)
    assert [one.client_order_id for one in held.orders] == [name_of("d-9")]
    assert scene.exchange.of(FetchOrder)
