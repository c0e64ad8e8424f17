"""Amendments at the router: durable first, one at a time, and known for what they came to.

With the scene's settings a query proves something from 9 s after the amendment left: 5 s of
validity, 3 s until everything must be visible, 1 s of clock skew; and the clock's uncertainty.
"""

from decimal import Decimal

import pytest

from state.messages.orders import (
    AmendIntended,
    AmendmentDropped,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    ApprovedAmendment,
    OrderAmended,
)
from state.messages.venue import (
    AmendOrder,
    CancelPlaced,
    FetchOpenOrders,
    FetchOrder,
    PlaceOrder,
    Refused,
    Succeeded,
    Unknown,
)
from state.order import OrderState
from state.values import NS_PER_S, Price, Quantity, TimeNs
from tests.actors.examples import BTC, NOW, a_trade_report, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER
from tests.state.examples import a_shape

CONCLUSIVE_S = 9.02
OLD, NEW = a_shape("2", "100"), a_shape("3", "101")


def approve(scene, shape=NEW, name=NAME, **changes):
    members = {
        "client_order_id": name,
        "pair": BTC,
        "quantity": Quantity(shape.quantity),
        "price": Price(shape.price),
        "reason": "better so",
        "expires_at_ns": TimeNs(NOW + 3600 * NS_PER_S),
        "expires_monotonic_ns": 2**62,
        "reply_to": "trader",
    }
    scene.tell(ApprovedAmendment(**members | changes))


def shown(shape=OLD, **changes):
    members = {"venue_order_id": "v d-1", "quantity": shape.quantity, "price": shape.price}
    return an_order_report(NAME, **members | changes)


def show(scene, report):
    """From now on every query shows the order like this."""
    for kind in (FetchOrder, FetchOpenOrders):
        scene.exchange.promptly(kind, Succeeded(orders=(report,)))


def drops(scene):
    return [one.refusal.value for one in scene.trader.of(AmendmentDropped)]


@pytest.fixture
def resting(scene):
    scene.rest()
    show(scene, shown())
    return scene


def asked(scene):
    return scene.exchange.of(AmendOrder)


def test_nothing_is_sent_before_the_intent_is_recorded(resting):
    resting.journal.patient = True
    approve(resting)
    assert asked(resting) == []
    assert resting.journal.records[-1].durable
    resting.journal.write()
    [request] = asked(resting)
    assert (request.client_order_id, request.venue_order_id) == (NAME, "v d-1")
    assert (request.quantity, request.price) == (3, 101)
    assert request.expires_at_ns == NOW + 5 * NS_PER_S


def test_what_stays_is_not_said(resting):
    approve(resting, a_shape("2", "99"))
    assert (asked(resting)[0].quantity, asked(resting)[0].price) == (None, 99)


def test_an_answer_with_the_new_shape_is_that_it_was_made(resting):
    approve(resting)
    resting.answer(AmendOrder, Succeeded(orders=(shown(NEW),)))
    [made] = resting.journal.told(OrderAmended)
    assert (made.number, made.quantity, made.price) == (1, 3, 101)
    order = resting.order()
    assert (order.shape, order.amending, order.venue_order_id) == (NEW, None, "v d-1")


def test_until_there_is_an_answer_the_larger_and_the_worse_count(resting):
    approve(resting, a_shape("1", "101"))
    order = resting.order()
    assert (order.quantity, order.worst_price, order.working) == (2, 101, 2)


def test_a_refusal_leaves_the_order_as_it_was(resting):
    approve(resting)
    resting.answer(AmendOrder, Refused(label="BALANCE_NOT_ENOUGH", message="no"))
    [refused] = resting.journal.told(AmendRefused)
    assert (refused.number, refused.label) == (1, "BALANCE_NOT_ENOUGH")
    assert (resting.order().shape, resting.order().quantity) == (OLD, 2)


def test_without_an_answer_it_is_unknown_at_once_and_durably(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    [unknown] = resting.journal.told(AmendUnknown)
    [record] = [one for one in resting.journal.records if one.entries[0].event == unknown]
    assert record.durable
    assert resting.order().quantity == 3


def test_it_is_never_sent_again(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.house.pass_time(60.0)
    assert len(asked(resting)) == 1


def test_the_new_shape_settles_it_whenever_it_is_seen(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.tell(shown(NEW))
    assert len(resting.journal.told(OrderAmended)) == 1


def test_the_old_shape_proves_nothing_while_it_could_still_arrive(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.tell(shown())
    resting.house.pass_time(CONCLUSIVE_S - 0.1)
    assert len(resting.exchange.of(FetchOrder)) >= 8
    assert resting.journal.told(AmendNotMade) == []
    show(resting, shown(NEW))
    resting.house.pass_time(2.0)
    assert resting.order().shape == NEW


def test_the_old_shape_asked_for_late_enough_is_proof(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.house.pass_time(CONCLUSIVE_S + 2.0)
    assert len(resting.journal.told(AmendNotMade)) == 1
    order = resting.order()
    assert (order.shape, order.amending, order.quantity) == (OLD, None, 2)
    resting.exchange.asked.clear()
    resting.house.pass_time(10.0)
    assert resting.exchange.of(FetchOrder) == []


def test_a_push_with_the_old_shape_is_never_proof(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.exchange.promptly(FetchOrder, Unknown(reason="time-out"))
    resting.exchange.promptly(FetchOpenOrders, Unknown(reason="time-out"))
    resting.house.pass_time(CONCLUSIVE_S + 2.0)
    resting.tell(shown())
    assert resting.journal.told(AmendNotMade) == []


def test_the_end_of_the_order_is_the_end_of_the_question(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.tell(shown(open=False, finish_as="cancelled"))
    assert resting.order().state is OrderState.CANCELLED
    assert resting.order().is_settled


def test_filled_at_its_new_shape_it_was_amended(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    trade = a_trade_report(NAME, venue_order_id="v d-1", quantity=Decimal(3))
    end = shown(NEW, open=False, finish_as="filled", filled_quantity=Decimal(3))
    resting.tell(trade, end)
    order = resting.order()
    assert (order.state, order.shape, order.alarms) == (OrderState.FILLED, NEW, ())


def test_filled_beyond_its_old_size_it_may_still_be_open(resting):
    approve(resting)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.tell(a_trade_report(NAME, venue_order_id="v d-1", quantity=Decimal(2)))
    assert (resting.order().state, resting.order().working) == (OrderState.OPEN, 1)


def test_a_late_report_of_how_it_once_was_is_not_taken_for_the_way_back(resting):
    approve(resting)
    resting.answer(AmendOrder, Succeeded(orders=(shown(NEW, event_time_ns=NOW + 20),)))
    approve(resting, OLD)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    resting.tell(shown(OLD, event_time_ns=NOW + 10))
    assert resting.order().amending is not None
    resting.tell(shown(OLD, event_time_ns=NOW + 30))
    assert (resting.order().amending, resting.order().shape) == (None, OLD)


def test_the_way_back_is_proven_by_a_query_that_was_late_enough(resting):
    approve(resting)
    resting.answer(AmendOrder, Succeeded(orders=(shown(NEW, event_time_ns=NOW + 20),)))
    approve(resting, OLD)
    resting.answer(AmendOrder, Unknown(reason="time-out"))
    show(resting, shown(OLD, event_time_ns=NOW + 20))
    resting.house.pass_time(CONCLUSIVE_S - 0.1)
    assert resting.order().amending is not None
    resting.house.pass_time(2.0)
    assert (resting.order().amending, resting.order().shape) == (None, OLD)


# What must not leave.


@pytest.mark.parametrize(
    ("shape", "why"), [(OLD, "nothing would change"), (a_shape("1", "99"), "filled")]
)
def test_an_amendment_that_makes_no_sense_is_dropped(resting, shape, why):
    resting.tell(a_trade_report(NAME, venue_order_id="v d-1", quantity=Decimal(1)))
    approve(resting, shape)
    assert why in drops(resting)[0]
    assert asked(resting) == []


def test_one_at_a_time(resting):
    approve(resting)
    approve(resting, a_shape("4", "100"))
    assert drops(resting) == ["it is being amended"]
    resting.answer(AmendOrder, Succeeded(orders=(shown(NEW),)))
    approve(resting, a_shape("4", "100"))
    assert [one.number for one in resting.journal.told(AmendIntended)] == [1, 2]


def test_an_order_that_is_being_cancelled_is_not_amended(resting):
    resting.cancel()
    approve(resting)
    assert drops(resting) == ["it is being cancelled"]


def test_a_cancel_may_cross_it_and_ends_the_order_all_the_same(resting):
    resting.journal.patient = True
    approve(resting)
    resting.cancel()
    resting.journal.patient = False
    resting.journal.write()
    assert (len(asked(resting)), len(resting.cancelled)) == (1, 1)
    end = shown(NEW, open=False, finish_as="cancelled")
    resting.answer(CancelPlaced, Succeeded(orders=(end,)))
    order = resting.order()
    assert (order.state, order.shape, order.is_settled) == (OrderState.CANCELLED, NEW, True)


def test_a_halt_between_intent_and_wire_stops_it(resting):
    resting.journal.patient = True
    approve(resting)
    resting.latch.set("fire")
    resting.journal.patient = False
    resting.journal.write()
    assert asked(resting) == []
    [proof] = resting.journal.told(AmendNotMade)
    assert proof.reason == "halted: fire"


def test_an_intent_that_comes_back_from_the_disk_too_late_is_not_sent(resting):
    resting.journal.patient = True
    approve(resting)
    resting.house.pass_time(5.0)
    resting.journal.patient = False
    resting.journal.write()
    assert asked(resting) == []
    assert len(resting.journal.told(AmendNotMade)) == 1


def test_an_order_nobody_knows_is_not_amended(scene):
    approve(scene, name="t-gh-nobody")
    assert len(drops(scene)) == 1


def test_an_order_of_unknown_fate_is_not_amended(scene):
    scene.approve()
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    approve(scene)
    assert drops(scene) == ["there is no such order resting"]


# Over a restart.


def test_what_an_earlier_life_meant_is_found_out_by_the_next(resting):
    approve(resting)
    resting.house.crash(ROUTER)
    resting.become_ready()
    resting.house.pass_time(CONCLUSIVE_S + 2.0)
    assert len(resting.journal.told(AmendNotMade)) == 1
    assert len(asked(resting)) == 1


def test_an_answer_to_an_earlier_life_counts_as_well(resting):
    approve(resting)
    resting.house.crash(ROUTER)
    resting.become_ready()
    resting.answer(AmendOrder, Refused(label="INVALID_PRECISION", message="no"))
    assert len(resting.journal.told(AmendRefused)) == 1
