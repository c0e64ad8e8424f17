"""From approval to the wire: durable first, checked last, sent once."""

from decimal import Decimal

import pytest

from actors.execution import facts
from actors.execution.placing import NOT_SENT
from state.messages.market import StreamOpened
from state.messages.operations import AlertRaised
from state.messages.orders import (
    DecisionDropped,
    OrderAccepted,
    OrderFilled,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
)
from state.messages.venue import PlaceOrder, Refused, Succeeded
from state.order import OrderState
from state.values import NS_PER_S, DecisionId, TimeNs
from tests.actors.examples import NOW, a_clock, a_trade_report, an_approval, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER, Scene
from tests.state.examples import an_intent


def drops(heard):
    return [(one.decision_id, one.refusal.code, one.refusal.value) for one in heard]


def assert_dropped(scene, reason, decision="d-1"):
    expected = [(decision, NOT_SENT, reason)]
    assert drops(scene.trader.of(DecisionDropped)) == expected
    assert drops(scene.guard.of(DecisionDropped)) == expected
    assert scene.placed == []
    assert scene.journal.told(OrderIntended) == []


def test_nothing_is_sent_before_the_intent_is_recorded(scene):
    scene.journal.patient = True
    scene.approve()
    assert scene.placed == []
    [record] = scene.journal.records
    assert record.durable
    [intent] = [entry.event for entry in record.entries]
    assert isinstance(intent, OrderIntended)
    scene.journal.write()
    assert scene.placed == [facts.placement(intent)]


def test_the_intent_says_all_that_was_approved(scene):
    scene.approve(quantity=Decimal("1.5"), price=Decimal("99.5"))
    [intent] = scene.journal.told(OrderIntended)
    assert intent == an_intent(
        client_order_id=NAME,
        at_ns=NOW,
        quantity=Decimal("1.5"),
        price=Decimal("99.5"),
        expires_at_ns=TimeNs(NOW + 5 * NS_PER_S),
        reply_to="trader",
    )


def test_the_placement_expires_by_the_exchange_clock(house):
    scene = Scene(house, ready=False)
    scene.tell(a_clock(offset_ms=-2000.0), StreamOpened())
    scene.approve()
    assert scene.placed[0].expires_at_ns == NOW + 3 * NS_PER_S


def test_an_intent_that_comes_back_from_the_disk_too_late_is_not_placed(scene):
    scene.journal.patient = True
    scene.approve()
    scene.house.pass_time(5.0)
    scene.journal.write(1)
    scene.journal.patient = False
    scene.journal.write()
    assert scene.placed == []
    [proof] = scene.journal.told(OrderNotPlaced)
    assert proof.reason == "its intent came back from the disk too late"
    assert scene.order().state is OrderState.NOT_PLACED


def test_an_intent_that_comes_back_just_in_time_is_placed(scene):
    scene.journal.patient = True
    scene.approve()
    scene.house.pass_time(4.99)
    scene.journal.write()
    assert len(scene.placed) == 1


def test_nothing_is_meant_while_the_halt_latch_is_set(scene):
    scene.latch.set("fire")
    scene.approve()
    assert_dropped(scene, "halted: fire")


def test_a_halt_between_intent_and_wire_stops_the_order(scene):
    scene.journal.patient = True
    scene.approve()
    scene.latch.set("fire")
    scene.journal.patient = False
    scene.journal.write()
    assert scene.placed == []
    [proof] = scene.journal.told(OrderNotPlaced)
    assert proof.reason == "halted: fire"


def test_a_stream_lost_between_intent_and_wire_stops_the_order(scene):
    scene.journal.patient = True
    scene.approve()
    scene.lose_stream()
    scene.journal.patient = False
    scene.journal.write()
    assert scene.placed == []
    assert len(scene.journal.told(OrderNotPlaced)) == 1


def test_nothing_is_meant_before_it_is_ready(house):
    scene = Scene(house, ready=False)
    scene.approve()
    assert_dropped(scene, "the order router is not ready")


def test_an_approval_may_be_meant_until_it_expires_and_no_longer(scene):
    scene.house.pass_time(2.0)
    scene.approve("d-1", expires_at_ns=TimeNs(NOW + 2 * NS_PER_S - 1))
    assert_dropped(scene, "the proposal had expired")
    scene.approve("d-2", expires_at_ns=TimeNs(NOW + 2 * NS_PER_S))
    assert len(scene.placed) == 1


def test_what_has_expired_once_does_not_leave_because_the_wall_clock_leapt_back(scene):
    """It was approved for the market of then."""
    elapsed_ns = scene.house.runtime.clock.monotonic_ns()
    scene.approve("d-1", expires_monotonic_ns=elapsed_ns - 1)
    assert_dropped(scene, "the proposal had expired")
    scene.approve("d-2", expires_monotonic_ns=elapsed_ns)
    assert len(scene.placed) == 1


def test_two_decisions_are_two_orders(scene):
    scene.approve("d-1")
    scene.approve("d-2")
    names = [one.client_order_id for one in scene.placed]
    assert len(set(names)) == len(names) == 2


# An approval is an order once, however often it is said.


def test_an_approval_said_twice_is_placed_once(scene):
    scene.approve()
    scene.approve()
    assert len(scene.placed) == 1


def test_an_approval_said_again_before_its_intent_is_written_is_placed_once(scene):
    scene.journal.patient = True
    scene.approve()
    scene.approve()
    scene.journal.write()
    assert len(scene.placed) == 1
    assert len(scene.journal.told(OrderIntended)) == 1


def test_an_approval_said_again_after_a_restart_is_not_placed_again(scene):
    """The order is settled, so the books do not show it; only the journal's key knows it."""
    scene.rest()
    scene.tell(scene.ended())
    scene.house.crash(ROUTER)
    scene.become_ready()
    scene.approve()
    assert len(scene.placed) == 1
    assert len(scene.journal.told(OrderIntended)) == 1


def test_an_approval_of_a_rejected_order_is_not_placed_again(scene):
    scene.approve()
    scene.answer(PlaceOrder, Refused(label="BALANCE_NOT_ENOUGH", message="no"))
    scene.approve()
    assert len(scene.placed) == 1


# What the answer says.


def test_an_accepted_order_is_journalled_with_the_exchange_name(scene):
    scene.rest()
    [accepted] = scene.journal.told(OrderAccepted)
    assert (accepted.client_order_id, accepted.venue_order_id) == (NAME, "v d-1")
    assert scene.order().state is OrderState.OPEN


def test_an_answer_with_fills_is_journalled_with_them(scene):
    scene.approve()
    trade = a_trade_report(NAME, quantity=Decimal(2))
    report = an_order_report(NAME, open=False, finish_as="filled", filled_quantity=Decimal(2))
    scene.answer(PlaceOrder, Succeeded(orders=(report,), trades=(trade,)))
    assert [one.trade_id for one in scene.journal.told(OrderFilled)] == ["7"]
    assert scene.order().state is OrderState.FILLED
    assert scene.order().is_settled


def test_a_refused_order_never_lived(scene):
    scene.approve()
    scene.answer(PlaceOrder, Refused(label="BALANCE_NOT_ENOUGH", message="not enough"))
    [rejected] = scene.journal.told(OrderRejected)
    assert (rejected.label, rejected.message) == ("BALANCE_NOT_ENOUGH", "not enough")
    assert scene.order().state is OrderState.REJECTED


def test_an_answer_may_come_before_the_journal_has_told_of_the_intent(scene):
    """The answer of a fast exchange overtakes the journal's word on its way to us."""
    report = an_order_report(NAME)
    scene.exchange.promptly(PlaceOrder, Succeeded(orders=(report,)))
    scene.approve()
    assert scene.order().state is OrderState.OPEN


# What the journal refuses.


def test_an_intent_the_journal_refuses_is_dropped_and_somebody_is_told(scene):
    scene.approve("d-1", price=Decimal("NaN"))
    assert scene.placed == []
    [dropped] = scene.trader.of(DecisionDropped)
    assert dropped.refusal.code == NOT_SENT
    assert dropped.refusal.value.startswith("the journal refused it")
    assert [one.alert for one in scene.journal.told(AlertRaised)] == ["record_denied"]
    scene.approve("d-1")
    assert len(scene.placed) == 1


def test_a_message_it_does_not_know_is_a_bug(scene):
    scene.tell("nonsense")
    assert scene.house.deaths() == ["TypeError: execution/order_router: unexpected str"]


@pytest.mark.parametrize("lives", [1, 3])
def test_the_name_of_an_order_is_the_same_in_every_life(scene, lives):
    for _ in range(lives - 1):
        scene.house.crash(ROUTER)
        scene.become_ready()
    scene.tell(an_approval(decision_id=DecisionId("d-1")))
    assert scene.placed[0].client_order_id == NAME
