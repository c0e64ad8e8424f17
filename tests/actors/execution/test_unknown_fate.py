"""An order nobody answered for: never sent again, searched until it is found or proven absent.

With the scene's settings a pass can prove something from 9 s after the placement: 5 s of validity,
3 s until everything must be visible, 1 s of clock skew; and the uncertainty of the clock, 10 ms.
"""

from decimal import Decimal

import pytest

from actors.execution.resolution import PASSES_NEEDED
from state.messages.market import StreamOpened
from state.messages.operations import AlertRaised
from state.messages.orders import OrderAccepted, OrderNotPlaced, OrderUnknown
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
from tests.actors.examples import a_clock, a_trade_report, an_order_report
from tests.actors.execution.router_scene import NAME, QUERIES, ROUTER, Scene

CONCLUSIVE_S = 9.01


def lose(scene):
    """Have an order's placement go unanswered."""
    scene.approve()
    scene.answer(PlaceOrder, Unknown(reason="time-out"))


def absent(scene):
    return bool(scene.journal.told(OrderNotPlaced))


def test_it_is_journalled_as_unknown_at_once_and_durably(scene):
    scene.journal.records.clear()
    lose(scene)
    [unknown] = scene.journal.told(OrderUnknown)
    assert unknown.reason == "time-out"
    [record] = [one for one in scene.journal.records if one.entries[0].event == unknown]
    assert record.durable
    assert scene.order().state is OrderState.UNKNOWN


def test_it_is_never_sent_again(scene):
    lose(scene)
    scene.house.pass_time(120.0)
    scene.house.crash(ROUTER)
    scene.become_ready()
    scene.house.pass_time(120.0)
    assert len(scene.placed) == 1


def test_every_place_is_asked_for_it(scene):
    lose(scene)
    scene.exchange.asked.clear()
    scene.house.pass_time(1.0)
    assert {type(one) for one in scene.exchange.asked} == set(QUERIES)
    assert scene.exchange.of(FetchOrder)[0].client_order_id == NAME


def test_it_is_proven_absent_after_expiry_and_lag_by_two_passes(scene):
    lose(scene)
    scene.house.pass_time(CONCLUSIVE_S)
    assert not absent(scene)
    scene.house.pass_time(PASSES_NEEDED + 1.0)
    assert absent(scene)
    assert scene.order().state is OrderState.NOT_PLACED
    scene.exchange.asked.clear()
    scene.house.pass_time(20.0)
    assert not scene.exchange.of(FetchOrder)


def test_before_that_not_found_proves_nothing_however_often_it_is_said(scene):
    lose(scene)
    scene.house.pass_time(CONCLUSIVE_S)
    assert len(scene.exchange.of(FetchOrder)) >= 8
    assert not absent(scene)


def test_a_clock_known_badly_makes_the_proof_wait(house):
    scene = Scene(house, ready=False)
    scene.tell(a_clock(uncertainty_ms=4000.0), StreamOpened())
    lose(scene)
    house.pass_time(CONCLUSIVE_S + 3.9)
    assert not absent(scene)
    house.pass_time(PASSES_NEEDED + 2.0)
    assert absent(scene)


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize(
    "outcome", [Unknown(reason="time-out"), Refused(label="TOO_MANY_REQUESTS", message="")]
)
def test_while_one_place_does_not_answer_nothing_is_proven(scene, kind, outcome):
    lose(scene)
    scene.exchange.promptly(kind, outcome)
    scene.house.pass_time(25.0)  # Before the next reconciliation, which such answers would spoil.
    assert not absent(scene)
    scene.know_nothing()
    scene.house.pass_time(PASSES_NEEDED + 1.0)
    assert absent(scene)


def test_answers_to_questions_asked_too_early_prove_nothing_when_they_come_late(scene):
    scene.be_slow()
    lose(scene)
    scene.house.pass_time(CONCLUSIVE_S)
    for _ in range(PASSES_NEEDED + 2):
        scene.answer_queries(number=len(QUERIES))
        assert not absent(scene)
    assert not scene.exchange.waiting(FetchOrder)
    for _ in range(PASSES_NEEDED):
        scene.house.pass_time(1.0)
        scene.answer_queries()
    scene.house.pass_time(1.0)
    assert absent(scene)


def test_a_pass_waits_for_its_slow_answers_instead_of_beginning_again(scene):
    scene.be_slow()
    lose(scene)
    scene.house.pass_time(10.0)
    assert len(scene.exchange.waiting(FetchOrder)) == 1


def test_answers_to_an_earlier_life_prove_nothing(scene):
    scene.be_slow()
    lose(scene)
    scene.house.pass_time(0.5)
    scene.house.crash(ROUTER)
    scene.house.pass_time(CONCLUSIVE_S)
    scene.know_nothing()  # What waits is answered as well: it was asked by the life before.
    scene.house.settle()
    assert not absent(scene)


# Found.


def test_found_resting_it_is_accepted(scene):
    lose(scene)
    scene.exchange.promptly(FetchOrder, Succeeded(orders=(an_order_report(NAME),)))
    scene.house.pass_time(1.0)
    assert len(scene.journal.told(OrderAccepted)) == 1
    assert scene.order().state is OrderState.OPEN
    scene.house.pass_time(20.0)
    assert not absent(scene)


def test_found_only_among_those_that_ended_it_is_found(scene):
    """Gate forgets our name of an order when it ends: the query by name says not found."""
    lose(scene)
    ended = an_order_report(NAME, open=False, finish_as="ioc", filled_quantity=Decimal(2))
    scene.exchange.promptly(FetchFinishedOrders, Succeeded(orders=(ended,)))
    fill = a_trade_report(NAME, quantity=Decimal(2))
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(fill,)))
    scene.house.pass_time(20.0)
    assert scene.order().is_settled
    assert scene.order().filled == 2
    assert not absent(scene)


def test_found_only_by_its_fills_it_lives(scene):
    lose(scene)
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(a_trade_report(NAME),)))
    scene.house.pass_time(20.0)
    assert scene.order().state is OrderState.OPEN
    assert not absent(scene)


def test_found_among_what_rests_it_lives(scene):
    lose(scene)
    scene.exchange.promptly(FetchOpenOrders, Succeeded(orders=(an_order_report(NAME),)))
    scene.house.pass_time(20.0)
    assert scene.order().state is OrderState.OPEN
    assert not absent(scene)


def test_a_push_of_the_private_stream_finds_it(scene):
    lose(scene)
    scene.tell(an_order_report(NAME))
    assert scene.order().state is OrderState.OPEN
    scene.exchange.asked.clear()
    scene.house.pass_time(10.0)
    assert not scene.exchange.of(FetchOrder)


def test_found_in_the_last_pass_it_is_not_proven_absent(scene):
    scene.be_slow()
    lose(scene)
    scene.house.pass_time(CONCLUSIVE_S)
    scene.answer_queries()
    scene.house.pass_time(1.0)
    scene.answer_queries()  # One conclusive pass that found nothing.
    scene.house.pass_time(1.0)
    scene.exchange.answer(FetchOpenOrders, Succeeded(orders=(an_order_report(NAME),)))
    scene.answer_queries()
    scene.house.pass_time(20.0)
    assert not absent(scene)
    assert scene.order().state is OrderState.OPEN


def test_a_late_answer_to_the_placement_counts_as_well(scene):
    scene.approve()
    scene.lose_stream()
    scene.tell(StreamOpened())  # The reconciliation finds an order it knows nothing of.
    scene.house.pass_time(2.0)
    scene.answer(PlaceOrder, Succeeded(orders=(an_order_report(NAME),)))
    assert scene.order().state is OrderState.OPEN


def test_one_that_lives_although_proven_absent_is_an_alarm(scene):
    lose(scene)
    scene.house.pass_time(15.0)
    assert absent(scene)
    scene.tell(an_order_report(NAME))
    assert [one.alert for one in scene.journal.told(AlertRaised)] == ["order_not_placed_but_live"]


# Over a restart.


def test_an_intent_of_an_earlier_life_is_searched(scene):
    scene.approve()
    scene.house.crash(ROUTER)
    scene.become_ready()
    scene.house.pass_time(CONCLUSIVE_S + PASSES_NEEDED + 1.0)
    assert absent(scene)
    assert len(scene.placed) == 1


def test_an_order_the_earlier_life_lost_is_found_by_the_next(scene):
    lose(scene)
    scene.house.crash(ROUTER)
    scene.exchange.promptly(FetchOpenOrders, Succeeded(orders=(an_order_report(NAME),)))
    scene.become_ready()
    assert scene.order().state is OrderState.OPEN


def test_the_answer_to_an_earlier_life_waits_for_the_books_like_everything_else(scene):
    scene.approve()
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    scene.answer(PlaceOrder, Succeeded(orders=(an_order_report(NAME),)))
    assert scene.journal.told(OrderAccepted) == []
    scene.exchange.promptly(FetchOrder, Succeeded(orders=(an_order_report(NAME),)))
    scene.journal.patient = False
    scene.journal.write()
    scene.become_ready()
    scene.house.pass_time(1.0)
    assert scene.order().state is OrderState.OPEN


def test_without_the_exchange_clock_nothing_is_searched(house):
    scene = Scene(house)
    lose(scene)
    house.crash(ROUTER)
    scene.exchange.asked.clear()
    scene.tell(StreamOpened())
    house.pass_time(10.0)
    assert scene.exchange.asked == []
