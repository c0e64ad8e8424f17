"""Parent orders at the router: durable before their children, never exceeded, ended for good."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.execution.client_ids import client_order_id, parent_name
from state.messages.held import ParentHeld
from state.messages.market import StreamOpened
from state.messages.orders import (
    CancelAllOrders,
    CancelIntended,
    CancelParent,
    ChildProposed,
    ChildRefused,
    DecisionDropped,
    Ladder,
    OrderIntended,
    OrderNotPlaced,
    ParentCancelIntended,
    ParentFinished,
    ParentIntended,
    ParentWanted,
    PlanOver,
)
from state.messages.venue import PlaceOrder, Refused, Succeeded, Unknown
from state.values import (
    NS_PER_S,
    DecisionId,
    Price,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
)
from tests.actors.examples import a_clock, a_trade_report, an_order_report
from tests.actors.execution.router_scene import ACCOUNT, ROUTER, Scene

D = DecisionId("d-1")
WORKER = addresses.order_worker(parent_name(ACCOUNT, D))
LADDER = Ladder(rungs_bps=(Decimal(5), Decimal(20)))


def name(number):
    return client_order_id(ACCOUNT, D, number)


@pytest.fixture
def worker(house, scene):
    return house.ear(WORKER)


@pytest.fixture
def parent(scene, worker):
    """A sale of 2 at 90 or better has been approved."""
    scene.approve("d-1", plan=LADDER, side=Side.SELL, quantity=Decimal(2), price=Decimal(90))
    return worker


def propose(scene, number=1, quantity="2", price="99", **changes):
    members = {
        "decision_id": D,
        "number": number,
        "quantity": Quantity(Decimal(quantity)),
        "price": Price(Decimal(price)),
        "time_in_force": TimeInForce.IOC,
        "touch": Price(Decimal(100)),
        "reply_to": WORKER,
    }
    scene.tell(ChildProposed(**members | changes))


def ended(scene, number, filled="0"):
    """The exchange answers the child's placement: it ended with so much filled."""
    reports = {"side": Side.SELL, "venue_order_id": f"v-{number}"}
    report = an_order_report(
        name(number),
        open=False,
        finish_as="ioc",
        filled_quantity=Decimal(filled),
        **reports,
    )
    trade = a_trade_report(
        name(number), trade_id=f"t-{number}", quantity=Decimal(filled), **reports
    )
    trades = (trade,) if trade.quantity else ()
    scene.answer(PlaceOrder, Succeeded(orders=(report,), trades=trades))


def refusals(worker):
    return [one.reason for one in worker.of(ChildRefused)]


def test_it_is_durable_and_then_a_worker_is_asked_for(scene):
    scene.journal.patient = True
    scene.approve("d-1", plan=LADDER)
    assert scene.workers == []
    [record] = scene.journal.records
    assert record.durable
    scene.journal.write()
    [intent] = scene.journal.told(ParentIntended)
    assert (intent.decision_id, intent.plan, intent.reply_to) == (D, LADDER, "trader")
    assert scene.workers == [(parent_name(ACCOUNT, D), D)]
    assert scene.placed == []


def test_an_approval_said_twice_is_one_parent(scene):
    scene.approve("d-1", plan=LADDER)
    scene.approve("d-1", plan=LADDER)
    assert len(scene.journal.told(ParentIntended)) == 1


def test_a_child_is_an_intent_like_every_other(scene, parent):
    scene.journal.patient = True
    propose(scene, quantity="1.5")
    assert scene.placed == []
    scene.journal.write()
    [intent] = scene.journal.told(OrderIntended)
    assert (intent.parent, intent.attempt, intent.client_order_id) == (D, 1, name(1))
    assert (intent.quantity, intent.price, intent.touch) == (Decimal("1.5"), 99, 100)
    [placed] = scene.placed
    assert placed.client_order_id == name(1)


def test_a_child_proposed_twice_is_placed_once(scene, parent):
    scene.journal.patient = True
    propose(scene)
    propose(scene)
    scene.journal.write()
    propose(scene)
    scene.journal.write()
    assert len(scene.placed) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"quantity": "2.1"}, "2.1 of 2 left"), ({"price": "89"}, "worse than")],
)
def test_a_child_beyond_its_parent_is_refused(scene, parent, changes, why):
    propose(scene, **changes)
    [reason] = refusals(parent)
    assert why in reason
    assert scene.placed == []


def test_what_is_out_and_what_is_filled_counts_against_the_next_child(scene, parent):
    propose(scene, 1, "1.5")
    propose(scene, 2, "0.6")
    assert "0.6 of 0.5 left" in refusals(parent)[0]
    ended(scene, 1, "1")
    propose(scene, 2, "1.1")
    assert "1.1 of 1 left" in refusals(parent)[1]
    propose(scene, 2, "1")
    assert [one.client_order_id for one in scene.placed] == [name(1), name(2)]


def test_a_child_of_unknown_fate_counts_in_full_until_it_is_proven_absent(scene, parent):
    propose(scene, 1)
    scene.answer(PlaceOrder, Unknown(reason="time-out"))
    propose(scene, 2)
    assert "2 of 0 left" in refusals(parent)[0]
    scene.house.pass_time(12.0)
    assert len(scene.journal.told(OrderNotPlaced)) == 1
    propose(scene, 2)
    assert [one.client_order_id for one in scene.placed] == [name(1), name(2)]


def test_a_rejected_child_gives_its_part_back(scene, parent):
    propose(scene, 1)
    scene.answer(PlaceOrder, Refused(label="TOO_MANY_REQUESTS", message="slow down"))
    propose(scene, 2)
    assert len(scene.placed) == 2


def test_its_worker_hears_of_every_change(scene, parent):
    propose(scene, 1, "2")
    ended(scene, 1, "1")
    held = [one.parent for one in parent.of(ParentHeld)]
    assert [(one.filled, one.outstanding) for one in held][-1] == (1, 0)
    assert held[-1].next_number == 2


def test_it_is_over_when_all_is_filled(scene, parent):
    propose(scene, 1, "2")
    ended(scene, 1, "2")
    [end] = scene.journal.told(ParentFinished)
    assert (end.filled, end.reason) == (2, "filled")
    assert end.slippage_bps == pytest.approx(0.0)
    assert parent.of(ParentHeld)[-1].parent is None


def test_it_is_over_when_its_plan_is(scene, parent):
    propose(scene, 1, "2")
    scene.tell(PlanOver(decision_id=D, reason="nobody takes the rest"))
    assert scene.journal.told(ParentFinished) == []
    ended(scene, 1, "0.5")
    [end] = scene.journal.told(ParentFinished)
    assert (end.filled, end.reason) == (Decimal("0.5"), "nobody takes the rest")
    propose(scene, 2, "1")
    assert len(scene.placed) == 1


# Cancelled.


def test_a_cancel_lets_no_child_leave_and_leaves_nothing(scene, parent):
    propose(scene, 1)
    report = an_order_report(name(1), side=Side.SELL)
    scene.answer(PlaceOrder, Succeeded(orders=(report,)))
    scene.tell(CancelParent(decision_id=D, reason="enough"))
    assert len(scene.journal.told(ParentCancelIntended)) == 1
    assert [one.client_order_id for one in scene.cancelled] == [name(1)]
    propose(scene, 2, "1")
    assert "cancelled" in refusals(parent)[-1]
    scene.tell(an_order_report(name(1), side=Side.SELL, open=False, finish_as="cancelled"))
    [end] = scene.journal.told(ParentFinished)
    assert (end.filled, end.reason) == (0, "cancelled: enough")


def test_a_child_between_intent_and_wire_does_not_leave_after_a_cancel(scene, parent):
    scene.journal.patient = True
    propose(scene, 1)
    scene.tell(CancelParent(decision_id=D, reason="enough"))
    scene.journal.patient = False
    scene.journal.write()
    assert scene.placed == []
    assert len(scene.journal.told(OrderNotPlaced)) == 1
    assert len(scene.journal.told(ParentFinished)) == 1


def test_to_cancel_everything_cancels_parents_as_well(scene, parent):
    scene.tell(CancelAllOrders(reason="stop"))
    assert [one.reason for one in scene.journal.told(ParentFinished)] == ["cancelled: stop"]


def test_a_halt_lets_no_child_leave(scene, parent):
    scene.latch.set("fire")
    propose(scene, 1)
    assert refusals(parent) == ["halted: fire"]
    assert scene.journal.told(OrderIntended) == []


# Other lives.


def test_a_new_router_goes_on_where_the_old_one_was(scene, parent):
    propose(scene, 1, "2")
    ended(scene, 1, "1")
    scene.workers.clear()
    parent.clear()
    scene.house.crash(ROUTER)
    scene.become_ready()
    assert scene.workers[:1] == [(parent_name(ACCOUNT, D), D)]
    assert parent.of(ParentHeld)[-1].parent.left == 1
    propose(scene, 1, "1")  # The worker repeats itself: that child had its time.
    propose(scene, 2, "1.5")
    assert "1.5 of 1 left" in refusals(parent)[-1]
    propose(scene, 2, "1")
    assert [one.client_order_id for one in scene.placed] == [name(1), name(2)]


def test_a_new_router_ends_what_was_cancelled_before(scene, parent):
    propose(scene, 1)
    report = an_order_report(name(1), side=Side.SELL)
    scene.answer(PlaceOrder, Succeeded(orders=(report,)))
    scene.tell(CancelParent(decision_id=D, reason="enough"))
    scene.house.crash(ROUTER)
    scene.exchange.asked.clear()
    scene.become_ready()
    assert scene.cancelled
    assert len(scene.journal.told(CancelIntended)) == 1


def test_questions_before_the_books_came_are_answered_when_they_have(scene, parent):
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    parent.clear()
    scene.tell(ParentWanted(decision_id=D, reply_to=WORKER), PlanOver(decision_id=D, reason="done"))
    assert parent == []
    scene.journal.patient = False
    scene.journal.write()
    assert parent.of(ParentHeld)[0].parent is not None
    assert [one.reason for one in scene.journal.told(ParentFinished)] == ["done"]


def test_a_worker_of_a_parent_that_is_over_is_told_so(scene, parent):
    scene.tell(CancelParent(decision_id=D, reason="enough"))
    parent.clear()
    scene.tell(ParentWanted(decision_id=D, reply_to=WORKER))
    assert parent == [ParentHeld(decision_id=D, parent=None)]


def test_workers_are_asked_for_again_and_again_while_their_parents_live(scene, parent):
    scene.workers.clear()
    scene.house.pass_time(3.5)
    assert len(scene.workers) == 3
    scene.tell(CancelParent(decision_id=D, reason="enough"))
    scene.workers.clear()
    scene.house.pass_time(3.5)
    assert scene.workers == []


def test_a_parent_the_journal_refuses_is_dropped(scene):
    scene.approve("d-1", plan=LADDER, quantity=Decimal("NaN"))
    [dropped] = scene.trader.of(DecisionDropped)
    assert dropped.refusal.value.startswith("the journal refused it")


def test_nothing_is_meant_before_it_is_ready(house):
    scene = Scene(house, ready=False)
    scene.approve("d-1", plan=LADDER)
    assert scene.journal.told(ParentIntended) == []
    scene.tell(a_clock(), StreamOpened())
    scene.approve("d-1", plan=LADDER)
    assert len(scene.journal.told(ParentIntended)) == 1


def come_back_late(scene, **changes):
    """Have a parent order approved whose intent takes longer than it is valid."""
    scene.journal.patient = True
    expires_ns = TimeNs(scene.house.now_ns + 2 * NS_PER_S)
    scene.approve("d-1", plan=LADDER, quantity=Decimal(2), expires_at_ns=expires_ns, **changes)
    scene.house.pass_time(2.1)
    scene.journal.patient = False


def test_an_entry_that_comes_back_from_the_disk_too_late_is_over(scene, worker):
    """It was approved for the market of then; who wanted it proposes anew."""
    come_back_late(scene)
    scene.journal.write()
    propose(scene)
    assert scene.placed == []
    [finished] = scene.journal.told(ParentFinished)
    assert finished.reason == "cancelled: its intent came back from the disk too late"


def test_an_entry_that_comes_back_too_late_to_another_life_is_over(house, scene, worker):
    come_back_late(scene)
    house.crash(ROUTER)
    scene.journal.write()
    scene.tell(a_clock(), StreamOpened())
    house.settle()
    [finished] = scene.journal.told(ParentFinished)
    assert finished.reason == "cancelled: its intent came back from the disk too late"


def test_a_stop_goes_on_however_late_it_comes_back_from_the_disk(scene, worker):
    """Else a disk that is slow would keep every stop from being carried out."""
    come_back_late(scene, side=Side.SELL, price=Decimal(90), purpose=Purpose.STOP_LOSS)
    scene.journal.write()
    propose(scene)
    assert len(scene.placed) == 1
    assert scene.journal.told(ParentFinished) == []
