"""Cancel on silence: armed while anything may rest, disarmed when nothing does; and going down."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from actors import addresses
from actors.kernel import ChildReport
from state.config.settings import OrdersAtShutdown
from state.messages.orders import CancelIntended, DecisionDropped
from state.messages.venue import ArmCountdown, PlaceOrder, Succeeded, Unknown
from state.values import VenueOrderId
from tests.actors.examples import a_trade_report
from tests.actors.execution.router_scene import NAME, ROUTER, SETTINGS, Scene, name_of


def a_report(address, state):
    return ChildReport(
        address=address,
        supervisor="",
        state=state,
        incarnation=1,
        restarts=0,
        last_error="",
        since_ns=0,
    )


def test_an_order_that_rests_arms_it(scene):
    assert scene.armed == []
    scene.rest()
    assert scene.armed == [30]


def test_an_order_that_has_left_arms_it_before_anybody_answers(scene):
    """Found by freezing the house as its order came to rest: nobody cancelled it."""
    scene.approve()
    assert scene.exchange.of(PlaceOrder)
    assert scene.armed == [30]
    scene.rest("d-2")
    assert scene.armed == [30]


def test_while_something_rests_it_is_armed_again_three_times_as_often(scene):
    scene.rest()
    scene.house.pass_time(25.0)
    assert scene.armed == [30, 30, 30]


def test_a_second_order_does_not_arm_it_once_more(scene):
    scene.rest("d-1")
    scene.rest("d-2")
    assert scene.armed == [30]


def test_when_nothing_rests_any_more_it_is_disarmed(scene):
    scene.rest()
    scene.tell(scene.ended())
    scene.house.pass_time(10.0)
    assert scene.armed == [30, 0]
    scene.house.pass_time(60.0)
    assert scene.armed == [30, 0]
    scene.rest("d-2")
    assert scene.armed == [30, 0, 30]


def test_an_order_of_unknown_fate_may_rest_and_arms_it_too(scene):
    scene.approve()
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    assert scene.armed == [30]


def test_an_arming_nobody_confirmed_is_repeated_soon(scene):
    scene.exchange.promptly(ArmCountdown, Unknown(reason="time-out"))
    scene.rest()
    scene.house.pass_time(2.5)
    assert scene.armed == [30, 30, 30]
    scene.exchange.promptly(ArmCountdown, Succeeded())
    scene.house.pass_time(1.0)
    scene.exchange.asked.clear()
    scene.house.pass_time(9.0)
    assert scene.armed == []


def test_a_disarming_nobody_confirmed_is_repeated_soon(scene):
    scene.rest()
    scene.tell(scene.ended())
    scene.exchange.promptly(ArmCountdown, Unknown(reason="time-out"))
    scene.house.pass_time(11.5)
    assert scene.armed == [30, 0, 0]


def test_set_to_never_it_is_never_armed(house):
    scene = Scene(house, settings=replace(SETTINGS, countdown_s=0))
    scene.rest()
    house.pass_time(60.0)
    assert scene.armed == []


def test_a_restart_with_a_resting_order_arms_it_again(scene):
    scene.rest()
    scene.exchange.asked.clear()
    scene.house.crash(ROUTER)
    scene.become_ready()
    assert scene.armed == [30]


# Going down.


def test_with_nothing_out_it_ends_at_once(scene):
    scene.house.stop(ROUTER)
    assert not scene.house.is_alive(ROUTER)


def test_going_down_it_cancels_what_rests_and_ends_when_that_has_ended(scene):
    scene.rest()
    scene.house.stop(ROUTER)
    assert [one.client_order_id for one in scene.cancelled] == [NAME]
    [cancel] = scene.journal.told(CancelIntended)
    assert cancel.reason == "the house goes down"
    assert scene.house.is_alive(ROUTER)
    scene.tell(scene.ended())
    assert not scene.house.is_alive(ROUTER)


def test_it_waits_for_the_last_of_them(scene):
    scene.rest("d-1")
    scene.rest("d-2")
    scene.house.stop(ROUTER)
    scene.tell(scene.ended("d-1"))
    assert scene.house.is_alive(ROUTER)
    scene.tell(scene.ended("d-2"))
    assert not scene.house.is_alive(ROUTER)


def test_an_order_that_ended_filled_keeps_it_until_the_fills_are_known_too(scene):
    """Else the next start finds a filled order whose coins nobody has booked."""
    scene.rest()
    scene.be_slow()
    scene.tell(scene.ended(filled="1"))
    scene.house.stop(ROUTER)
    assert scene.cancelled == []
    assert scene.house.is_alive(ROUTER)
    scene.tell(a_trade_report(NAME, venue_order_id=VenueOrderId("v d-1")))
    assert not scene.house.is_alive(ROUTER)


def test_an_order_of_unknown_fate_is_cancelled_too(scene):
    scene.approve()
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    scene.house.stop(ROUTER)
    assert [one.client_order_id for one in scene.cancelled] == [NAME]


def test_cancels_nobody_answers_do_not_hold_it_for_ever(scene):
    scene.rest()
    scene.house.stop(ROUTER)
    scene.house.pass_time(3.9)
    assert scene.house.is_alive(ROUTER)
    scene.house.pass_time(0.2)
    assert not scene.house.is_alive(ROUTER)


def test_while_it_goes_down_nothing_new_is_meant(scene):
    scene.rest()
    scene.house.stop(ROUTER)
    scene.approve("d-2")
    assert len(scene.placed) == 1
    assert [one.decision_id for one in scene.trader.of(DecisionDropped)] == ["d-2"]


def test_what_is_to_be_left_is_left_and_kept_from_the_countdown(house):
    scene = Scene(house, at_shutdown=OrdersAtShutdown.LEAVE)
    scene.rest()
    house.stop(ROUTER)
    assert not house.is_alive(ROUTER)
    assert scene.cancelled == []
    assert scene.armed == [30, 0]


def test_an_order_that_is_over_and_strange_does_not_hold_up_the_end(house):
    scene = Scene(house)
    scene.rest()
    much = a_trade_report(NAME, venue_order_id=VenueOrderId("v d-1"), quantity=Decimal(1000))
    scene.tell(much, scene.ended())
    assert scene.order().alarms
    began_ns = house.now_ns
    house.stop(ROUTER)
    assert not house.is_alive(ROUTER)
    assert house.now_ns == began_ns


@pytest.mark.parametrize("known_before", [True, False])
def test_what_nobody_can_write_down_is_not_waited_for(house, known_before):
    scene = Scene(house)
    scene.rest()
    scene.journal.patient = True
    began_ns = house.now_ns
    if known_before:
        house.publish(a_report("operations", "stopped"))
        house.stop(ROUTER)
    else:
        house.stop(ROUTER)
        house.publish(a_report(addresses.RECORDER, "stopped"))
        assert house.is_alive(ROUTER), "it is restarted in a moment"
        house.publish(a_report("operations", "backoff"))
    assert not house.is_alive(ROUTER)
    assert house.now_ns == began_ns
    assert scene.cancelled == []
    assert scene.armed == [30], "the exchange cancels it if nobody comes back"


def test_without_a_countdown_there_is_none_to_keep_them_from(house):
    settings = replace(SETTINGS, countdown_s=0)
    scene = Scene(house, settings=settings, at_shutdown=OrdersAtShutdown.LEAVE)
    scene.rest()
    house.stop(ROUTER)
    assert not house.is_alive(ROUTER)
    assert scene.armed == []


def test_an_intent_on_its_way_to_the_disk_is_not_sent_while_it_goes_down(scene):
    scene.rest("d-1")
    scene.journal.patient = True
    scene.approve("d-2")
    scene.house.stop(ROUTER)
    scene.journal.patient = False
    scene.journal.write()
    assert [one.client_order_id for one in scene.placed] == [name_of("d-1")]
