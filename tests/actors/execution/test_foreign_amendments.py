"""What somebody else makes of an order of ours is noticed, counted in full, told, and cancelled."""

from decimal import Decimal

import pytest

from actors.trading.exposure import of_order
from state.messages.operations import AlertRaised
from state.messages.orders import (
    AmendmentDropped,
    AmendUnknown,
    ApprovedAmendment,
    CancelIntended,
    CancelOrder,
    ForeignAmendment,
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
from state.values import NS_PER_S, OrderType, Price, Quantity, TimeInForce, TimeNs
from tests.actors.examples import BTC, NOW, a_trade_report, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER
from tests.state.examples import a_shape

OURS, THEIRS = a_shape("2", "100"), a_shape("5", "103")


def shown(shape=OURS, **changes):
    members = {"venue_order_id": "v d-1", "quantity": shape.quantity, "price": shape.price}
    return an_order_report(NAME, **members | changes)


def amend(scene, shape):
    scene.tell(
        ApprovedAmendment(
            client_order_id=NAME,
            pair=BTC,
            quantity=Quantity(shape.quantity),
            price=Price(shape.price),
            reason="better so",
            expires_at_ns=TimeNs(NOW + 3600 * NS_PER_S),
            expires_monotonic_ns=2**62,
            reply_to="trader",
        )
    )


def foreign(scene):
    return scene.journal.told(ForeignAmendment)


def alerts(scene):
    return [one.text for one in scene.journal.told(AlertRaised)]


@pytest.fixture
def resting(scene):
    scene.rest()
    return scene


def test_it_is_journalled_told_and_cancelled_in_one_durable_record(resting):
    resting.tell(shown(THEIRS))
    [record] = [one for one in resting.journal.records if len(one.entries) == 3]
    assert [type(one.event) for one in record.entries] == [
        ForeignAmendment,
        AlertRaised,
        CancelIntended,
    ]
    assert record.durable
    assert alerts(resting) == [
        f"{NAME}: 2 at 100 was asked for, somebody else made it 5 at 103; it is cancelled"
    ]
    assert [one.client_order_id for one in resting.cancelled] == [NAME]


def test_the_cancel_leaves_only_once_the_journal_has_it(resting):
    resting.journal.patient = True
    resting.tell(shown(THEIRS))
    assert resting.cancelled == []
    resting.journal.write()
    assert len(resting.cancelled) == 1


@pytest.mark.parametrize("theirs", [THEIRS, a_shape("1", "103"), a_shape("5", "90")])
def test_risk_counts_the_larger_and_the_worse_until_it_has_ended(resting, theirs):
    resting.tell(shown(theirs))
    committed = of_order(resting.order())
    assert committed is not None
    assert committed.quantity == max(OURS.quantity, theirs.quantity)
    assert committed.price == max(OURS.price, theirs.price)
    resting.tell(shown(theirs, open=False, finish_as="cancelled"))
    assert of_order(resting.order()) is None
    assert resting.order().is_settled


def test_the_list_of_what_rests_shows_it_as_well_as_a_push(resting):
    resting.exchange.promptly(FetchOpenOrders, Succeeded(orders=(shown(THEIRS),)))
    resting.house.pass_time(31.0)
    assert len(foreign(resting)) == 1
    assert len(resting.cancelled) >= 1


def test_told_again_it_is_the_same(resting):
    resting.tell(shown(THEIRS), shown(THEIRS))
    resting.tell(shown(THEIRS, event_time_ns=NOW + 5, filled_quantity=Quantity(Decimal(1))))
    assert len(foreign(resting)) == len(alerts(resting)) == 1


def test_one_that_is_seen_only_when_it_ended_is_told_and_nothing_is_cancelled(resting):
    trade = a_trade_report(NAME, venue_order_id="v d-1", quantity=Decimal(5))
    end = shown(THEIRS, open=False, finish_as="filled", filled_quantity=Decimal(5))
    resting.tell(end, trade)
    assert alerts(resting)[-1].endswith("5 at 103; it has ended")
    order = resting.order()
    assert (order.state, order.filled, order.alarms) == (OrderState.FILLED, 5, ())
    assert resting.cancelled == []


def test_a_fill_beyond_what_was_asked_for_is_explained_by_the_report_that_follows(resting):
    resting.tell(a_trade_report(NAME, venue_order_id="v d-1", quantity=Decimal(3)))
    assert resting.order().alarms
    resting.tell(shown(THEIRS, filled_quantity=Quantity(Decimal(3))))
    order = resting.order()
    assert (order.state, order.working, order.alarms) == (OrderState.OPEN, 2, ())


@pytest.mark.parametrize("filled", [2, 3])
def test_what_is_left_of_it_is_cancelled_though_all_that_we_asked_for_is_filled(resting, filled):
    quantity = Decimal(filled)
    resting.tell(a_trade_report(NAME, venue_order_id="v d-1", quantity=quantity))
    assert resting.order().state is OrderState.FILLED
    resting.tell(shown(THEIRS, filled_quantity=Quantity(quantity)))
    assert resting.order().state is OrderState.OPEN
    assert alerts(resting)[-1].endswith("5 at 103; it is cancelled")
    assert [one.client_order_id for one in resting.cancelled] == [NAME]


def test_a_cancel_that_was_given_up_for_filled_goes_on(resting):
    resting.tell(CancelOrder(client_order_id=NAME, reason="old"))
    resting.tell(a_trade_report(NAME, venue_order_id="v d-1", quantity=Decimal(2)))
    resting.answer(CancelPlaced, Unknown(reason="time-out"))
    resting.house.pass_time(2.0)
    assert len(resting.cancelled) == 1
    resting.tell(shown(THEIRS, filled_quantity=Quantity(Decimal(2))))
    resting.house.pass_time(0.1)
    assert len(resting.cancelled) == 2


def test_an_order_whose_acceptance_nobody_heard_is_found_as_somebody_else_made_it(scene):
    scene.approve()
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    scene.exchange.promptly(FetchOrder, Succeeded(orders=(shown(THEIRS),)))
    scene.house.pass_time(2.0)
    order = scene.order()
    assert (order.shape, order.quantity) == (THEIRS, 5)
    assert len(scene.cancelled) >= 1


def test_a_cancel_that_was_lost_with_the_process_is_sent_by_the_next(resting):
    resting.tell(shown(THEIRS))
    resting.house.crash(ROUTER)
    resting.exchange.asked.clear()
    resting.exchange.promptly(FetchOpenOrders, Succeeded(orders=(shown(THEIRS),)))
    resting.exchange.promptly(FetchOrder, Succeeded(orders=(shown(THEIRS),)))
    resting.become_ready()
    resting.house.pass_time(1.0)
    assert len(resting.cancelled) >= 1
    assert len(foreign(resting)) == len(alerts(resting)) == 1


# Beside amendments of ours.


def test_while_one_of_ours_is_under_way_old_and_new_are_no_surprise(resting):
    amend(resting, a_shape("3", "101"))
    resting.tell(shown())
    resting.tell(shown(a_shape("3", "101")))
    assert foreign(resting) == []
    assert len(resting.journal.told(OrderAmended)) == 1


@pytest.mark.parametrize("theirs", [THEIRS, a_shape("3", "100"), a_shape("2", "101")])
def test_what_neither_the_old_nor_the_new_explains_is_foreign(resting, theirs):
    amend(resting, a_shape("3", "101"))
    resting.tell(shown(theirs))
    order = resting.order()
    assert len(foreign(resting)) == 1
    assert order.quantity == max(3, theirs.quantity)
    assert order.worst_price == max(101, theirs.price)
    # Ours may arrive yet: it is still open, and counted.
    assert order.amending is not None


def test_ours_that_arrives_after_theirs_settles_its_question(resting):
    amend(resting, a_shape("3", "101"))
    resting.tell(shown(THEIRS, event_time_ns=NOW + 1))
    resting.tell(shown(a_shape("3", "101"), event_time_ns=NOW + 2))
    order = resting.order()
    assert (order.shape, order.amending) == (a_shape("3", "101"), None)
    assert (order.quantity, order.worst_price) == (5, 103)


def test_a_late_report_of_how_it_was_is_not_taken_for_the_hand_of_somebody_else(resting):
    amend(resting, a_shape("3", "101"))
    resting.answer(
        AmendOrder, Succeeded(orders=(shown(a_shape("3", "101"), event_time_ns=NOW + 9),))
    )
    resting.tell(shown(event_time_ns=NOW + 8), shown(event_time_ns=NOW + 9))
    assert foreign(resting) == []


def test_who_amends_it_back_is_noticed_too(resting):
    amend(resting, a_shape("3", "101"))
    resting.answer(
        AmendOrder, Succeeded(orders=(shown(a_shape("3", "101"), event_time_ns=NOW + 9),))
    )
    resting.tell(shown(event_time_ns=NOW + 10))
    assert len(foreign(resting)) == 1
    assert resting.order().shape == OURS


def test_that_nothing_would_change_is_no_proof_that_nothing_did(resting):
    amend(resting, a_shape("3", "101"))
    resting.exchange.promptly(FetchOrder, Succeeded(orders=(shown(a_shape("3", "101")),)))
    resting.answer(AmendOrder, Refused(label="NO_CHANGE", message="No change"))
    assert len(resting.journal.told(AmendUnknown)) == 1
    resting.house.pass_time(2.0)
    order = resting.order()
    assert (order.shape, order.amending, order.alarms) == (a_shape("3", "101"), None, ())


def test_what_somebody_else_amended_is_not_amended_by_us(resting):
    resting.exchange.slowly(CancelPlaced)
    resting.tell(shown(THEIRS))
    amend(resting, a_shape("3", "101"))
    assert len(resting.trader.of(AmendmentDropped)) == 1
    assert resting.exchange.of(AmendOrder) == []


# What may look otherwise than it was asked for.


def test_an_order_that_never_rests_cannot_be_amended(scene):
    scene.approve(time_in_force=TimeInForce.IOC)
    end = shown(THEIRS, open=False, finish_as="ioc", time_in_force=TimeInForce.IOC)
    scene.answer(PlaceOrder, Succeeded(orders=(end,)))
    assert foreign(scene) == []


def test_a_market_buy_is_counted_in_quote_units(scene):
    scene.approve(order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC)
    worth = shown(a_shape("200", "0"), open=False, finish_as="filled", order_type=OrderType.MARKET)
    scene.answer(PlaceOrder, Succeeded(orders=(worth,)))
    assert foreign(scene) == []
