"""Cancels: durable before the wire, harmless when repeated, never taken for proof."""

from decimal import Decimal

import pytest

from state.messages.orders import CancelAllOrders, CancelIntended, CancelOrder, OrderFinished
from state.messages.venue import (
    CancelPlaced,
    FetchOrder,
    PlaceOrder,
    Refused,
    Succeeded,
    Unknown,
)
from state.order import OrderState
from state.values import VenueOrderId
from tests.actors.examples import BTC, ETH
from tests.actors.execution.router_scene import NAME, ROUTER, Scene, name_of
from tests.state.examples import a_finish


def test_a_cancel_leaves_only_when_its_intent_is_recorded(scene):
    scene.rest()
    scene.journal.patient = True
    scene.cancel()
    assert scene.cancelled == []
    assert scene.journal.records[-1].durable
    scene.journal.write()
    assert scene.cancelled == [
        CancelPlaced(pair=BTC, client_order_id=NAME, venue_order_id=VenueOrderId("v d-1"))
    ]
    [intended] = scene.journal.told(CancelIntended)
    assert intended.reason == "too old"


def test_an_order_without_an_exchange_name_is_cancelled_by_ours(scene):
    scene.approve()
    scene.cancel()
    assert [one.venue_order_id for one in scene.cancelled] == [None]


def test_the_answer_to_a_cancel_ends_the_order(scene):
    scene.rest()
    scene.cancel()
    scene.answer(CancelPlaced, Succeeded(orders=(scene.ended(),)))
    [finished] = scene.journal.told(OrderFinished)
    assert finished.reason == "cancelled"
    assert scene.order().is_settled


def test_a_cancel_said_twice_is_meant_once_and_sent_twice(scene):
    scene.rest()
    scene.cancel()
    scene.cancel()
    assert len(scene.journal.told(CancelIntended)) == 1
    assert len(scene.cancelled) == 2


def test_a_cancel_said_again_before_it_is_written_is_meant_once(scene):
    scene.rest()
    scene.journal.patient = True
    scene.cancel()
    scene.cancel()
    scene.journal.write()
    assert len(scene.journal.told(CancelIntended)) == 1


def test_an_order_that_has_ended_is_not_cancelled(scene):
    scene.rest()
    scene.tell(scene.ended())
    scene.cancel()
    assert scene.cancelled == []
    assert scene.journal.told(CancelIntended) == []


def test_an_order_that_ends_before_the_cancel_is_written_is_not_cancelled(scene):
    scene.rest()
    scene.journal.patient = True
    scene.cancel()
    scene.journal.append(
        a_finish(client_order_id=NAME, filled_quantity=Decimal(0), reason="cancelled")
    )
    scene.journal.write()
    assert scene.cancelled == []
    assert scene.order().state is OrderState.CANCELLED


def test_an_order_nobody_knows_is_not_cancelled(scene):
    scene.tell(CancelOrder(client_order_id=name_of("d-7"), reason="?"))
    assert scene.cancelled == []
    assert scene.journal.records == []


@pytest.mark.parametrize(
    "outcome", [Refused(label="ORDER_NOT_FOUND", message=""), Unknown(reason="time-out")]
)
def test_a_cancel_that_failed_proves_nothing_so_the_order_is_looked_for(scene, outcome):
    scene.rest()
    scene.exchange.asked.clear()
    scene.cancel()
    scene.answer(CancelPlaced, outcome)
    scene.house.pass_time(3.5)
    assert scene.order().state is OrderState.OPEN
    assert len(scene.exchange.of(FetchOrder)) >= 3
    assert len(scene.cancelled) >= 3  # Asked again, while it rests.
    scene.tell(scene.ended())
    scene.exchange.asked.clear()
    scene.house.pass_time(5.0)
    assert not scene.exchange.of(FetchOrder)
    assert scene.cancelled == []


def test_an_order_that_was_accepted_is_never_proven_absent(scene):
    scene.rest()
    scene.cancel()
    scene.answer(CancelPlaced, Refused(label="ORDER_NOT_FOUND", message=""))
    scene.house.pass_time(25.0)
    assert scene.order().state is OrderState.OPEN


def test_a_cancel_of_an_order_of_unknown_fate_is_sent_until_its_fate_is_known(scene):
    scene.approve()
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    scene.cancel()
    scene.house.pass_time(3.5)
    assert len(scene.cancelled) >= 3


def test_all_orders_or_those_of_a_pair_are_cancelled_at_once(house):
    scene = Scene(house)
    scene.rest("d-1")
    scene.rest("d-2", pair=ETH)
    scene.rest("d-3")
    scene.tell(CancelAllOrders(reason="stop", pair=ETH))
    assert [one.client_order_id for one in scene.cancelled] == [name_of("d-2")]
    scene.exchange.asked.clear()
    scene.tell(CancelAllOrders(reason="stop"))
    cancelled = {one.client_order_id for one in scene.cancelled}
    assert cancelled == {name_of("d-1"), name_of("d-2"), name_of("d-3")}


def test_a_cancel_meant_in_an_earlier_life_is_carried_out_by_the_next(scene):
    scene.rest()
    scene.journal.patient = True
    scene.cancel()
    scene.house.crash(ROUTER)
    scene.journal.patient = False
    scene.journal.write()
    scene.become_ready()
    scene.house.pass_time(1.0)
    assert scene.cancelled != []
