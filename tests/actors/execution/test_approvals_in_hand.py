"""The router says which approvals it may still have journalled: all it has in hand, no others."""

from decimal import Decimal

import pytest

from actors import addresses
from actors.outbox import SAY_AGAIN_EVERY_S
from state.messages.held import ApprovalsHeld, ApprovalsWanted
from state.messages.orders import ApprovedAmendment, Ladder, OrderNotPlaced
from state.messages.protection import ReleaseTriggers, TriggersReleased
from state.values import NS_PER_S, Price, Quantity, Side, TimeNs
from tests.actors.examples import BTC, NOW
from tests.actors.execution.router_scene import NAME, ROUTER, Scene


def in_hand(scene):
    scene.tell(ApprovalsWanted(reply_to=addresses.RISK_GUARD, request=7))
    [held] = scene.guard.take(ApprovalsHeld)
    assert held.request == 7
    return held


@pytest.fixture
def scene(house):
    return Scene(house, releasing=False)


def test_without_approvals_nothing_is_in_hand(scene):
    held = in_hand(scene)
    assert (held.decisions, held.amendments) == ((), ())


def test_a_sale_that_waits_for_its_release_is_in_hand_until_it_is_dropped(scene):
    scene.approve("d-1", side=Side.SELL, expires_at_ns=TimeNs(NOW + 2 * NS_PER_S))
    assert in_hand(scene).decisions == ("d-1",)
    scene.house.pass_time(2.1)
    assert in_hand(scene).decisions == ()


def test_a_sale_that_was_released_is_in_hand_until_its_intent_is_written(scene):
    scene.approve("d-1", side=Side.SELL)
    [asked] = scene.trigger_keeper.of(ReleaseTriggers)
    scene.journal.patient = True
    until_ns = scene.house.runtime.clock.monotonic_ns() + 3 * NS_PER_S
    scene.tell(TriggersReleased(pair=BTC, request=asked.request, until_ns=until_ns))
    assert in_hand(scene).decisions == ("d-1",)
    scene.journal.write()
    assert in_hand(scene).decisions == ()


@pytest.mark.parametrize("plan", [None, Ladder(rungs_bps=(Decimal(5),))])
def test_an_order_or_a_parent_order_is_in_hand_until_it_is_written(scene, plan):
    scene.journal.patient = True
    scene.approve("d-1", plan=plan)
    assert in_hand(scene).decisions == ("d-1",)
    scene.journal.write()
    assert in_hand(scene).decisions == ()


def test_what_a_recorder_lost_is_in_hand_until_it_was_said_again(scene):
    scene.journal.patient = True
    scene.approve("d-1")
    scene.journal.lose()
    scene.journal.reopen()
    assert in_hand(scene).decisions == ("d-1",)
    scene.journal.write()
    assert in_hand(scene).decisions == ()


def test_an_amendment_is_in_hand_until_it_is_written(scene):
    scene.rest()
    scene.journal.patient = True
    scene.tell(
        ApprovedAmendment(
            client_order_id=NAME,
            pair=BTC,
            quantity=Quantity(Decimal(3)),
            price=Price(Decimal(101)),
            reason="better so",
            expires_at_ns=TimeNs(NOW + 3600 * NS_PER_S),
            expires_monotonic_ns=2**62,
            reply_to="trader",
        )
    )
    assert in_hand(scene).amendments == (NAME,)
    scene.journal.write()
    assert in_hand(scene).amendments == ()


def test_a_router_that_begins_anew_has_nothing_of_what_waited_before(scene):
    scene.approve("d-1", side=Side.SELL)
    scene.house.crash(ROUTER)
    assert in_hand(scene).decisions == ()


def test_an_intent_that_was_lost_on_its_way_to_the_journal_is_said_again(scene):
    """Nobody died: a mailbox was full. Too late for the exchange, it is proven absent."""
    scene.journal.patient = True
    scene.approve("d-1")
    scene.journal.lose()
    scene.journal.patient = False
    assert in_hand(scene).decisions == ("d-1",)
    scene.house.pass_time(2 * SAY_AGAIN_EVERY_S)
    assert in_hand(scene).decisions == ()
    assert scene.placed == []
    assert len(scene.journal.told(OrderNotPlaced)) == 1
