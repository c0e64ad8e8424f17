"""An emergency stop at the router: at once, whatever is known, until the exchange shows nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.messages.journal import JournalOpened
from state.messages.orders import CancelIntended, OrdersSwept, SweepOrders
from state.messages.venue import (
    CancelPlaced,
    FetchOpenOrders,
    PlaceOrder,
    Refused,
    Succeeded,
    Unknown,
)
from state.values import Purpose, Side
from tests.actors.examples import BTC, ETH, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER, Scene, name_of
from tests.actors.house import House

SWEEP = SweepOrders(reason="fire")
GONE = Refused(label="ORDER_NOT_FOUND", message="Order not found")


def halt(scene: Scene) -> None:
    scene.latch.set("fire")
    scene.tell(SWEEP)


def swept(scene: Scene) -> list[OrdersSwept]:
    return scene.keeper.of(OrdersSwept)


def look(scene: Scene, *reports) -> None:
    """Let the oldest look show these orders."""
    scene.answer(FetchOpenOrders, Succeeded(orders=reports))


@pytest.fixture
def slow(scene):
    """Give a router whose looks wait for the test."""
    scene.exchange.slowly(FetchOpenOrders)
    return scene


def test_cancels_leave_at_once_and_wait_for_no_disk(slow):
    slow.rest()
    slow.rest("d-2", pair=ETH)
    slow.journal.patient = True
    halt(slow)
    assert [one.client_order_id for one in slow.cancelled] == [NAME, name_of("d-2")]
    slow.journal.write()
    assert len(slow.cancelled) == 2, "the journal's answer sends nothing again"
    assert len(slow.journal.told(CancelIntended)) == 2


def test_it_looks_when_every_cancel_is_answered_and_is_over_when_nothing_of_ours_is_shown(slow):
    slow.rest()
    halt(slow)
    assert slow.exchange.waiting(FetchOpenOrders) == []
    slow.answer(CancelPlaced, Succeeded(orders=(slow.ended(),)))
    look(slow, an_order_report("t-by-hand", venue_order_id="v 7"))
    [told] = swept(slow)
    assert told.is_clean
    assert told.cancelled == 1
    assert [one.client_order_id for one in slow.cancelled] == [NAME], "others are left alone"
    slow.house.pass_time(20)
    assert slow.exchange.waiting(FetchOpenOrders) == []


def test_with_nothing_known_it_looks_at_once(slow):
    halt(slow)
    look(slow)
    assert [one.is_clean for one in swept(slow)] == [True]


def test_an_order_that_the_journal_does_not_know_is_cancelled_all_the_same(slow):
    halt(slow)
    look(slow, an_order_report("t-gh-stray", venue_order_id="v 9"))
    assert [one.resting for one in swept(slow)] == [1]
    assert [one.venue_order_id for one in slow.cancelled] == ["v 9"]
    slow.answer(CancelPlaced, Succeeded())
    look(slow)
    assert swept(slow)[-1].is_clean


@pytest.mark.parametrize("outcome", [GONE, Unknown(reason="no answer"), None])
def test_a_cancel_that_failed_is_repeated_while_the_order_is_shown(slow, outcome):
    slow.rest()
    halt(slow)
    if outcome is None:
        slow.house.pass_time(1.5)
    else:
        slow.answer(CancelPlaced, outcome)
    resting = an_order_report(NAME, venue_order_id="v d-1")
    before = len(slow.cancelled)
    look(slow, resting)
    assert len(slow.cancelled) > before
    slow.exchange.answer(CancelPlaced, Succeeded(orders=(slow.ended(),)), newest=True)
    slow.house.pass_time(0.5)
    look(slow)
    assert swept(slow)[-1].is_clean


def test_cancels_that_keep_failing_are_repeated_with_pauses(scene):
    scene.rest()
    resting = an_order_report(NAME, venue_order_id="v d-1")
    scene.exchange.promptly(CancelPlaced, GONE)
    scene.exchange.promptly(FetchOpenOrders, Succeeded(orders=(resting,)))
    halt(scene)
    at_once = len(scene.cancelled)
    assert at_once in (2, 3, 4), "by the sweep, by its first look, and by a search"
    scene.house.pass_time(2.0)
    assert len(scene.cancelled) - at_once in range(5, 15)
    scene.exchange.promptly(CancelPlaced, Succeeded(orders=(scene.ended(),)))
    scene.house.pass_time(2.0)
    scene.exchange.promptly(FetchOpenOrders, Succeeded())
    scene.house.pass_time(2.0)
    assert swept(scene)[-1].is_clean


def test_a_look_that_fails_is_repeated(slow):
    halt(slow)
    slow.answer(FetchOpenOrders, Unknown(reason="cut"))
    assert swept(slow) == []
    slow.house.pass_time(0.2)
    look(slow)
    assert swept(slow)[-1].is_clean


def test_an_order_on_its_way_keeps_it_from_being_over_and_is_cancelled_when_it_rests(slow):
    slow.approve()
    assert len(slow.placed) == 1
    halt(slow)
    slow.answer(CancelPlaced, GONE)
    look(slow)
    assert swept(slow)[-1].uncertain == 1
    slow.answer(PlaceOrder, Succeeded(orders=(an_order_report(NAME, venue_order_id="v d-1"),)))
    slow.house.pass_time(0.2)
    look(slow, an_order_report(NAME, venue_order_id="v d-1"))
    slow.answer(CancelPlaced, Succeeded(orders=(slow.ended(),)))
    look(slow)
    assert swept(slow)[-1].is_clean


def test_what_was_approved_before_and_written_after_never_leaves(slow):
    slow.journal.patient = True
    slow.approve()
    halt(slow)
    slow.journal.write()
    assert slow.placed == []


def test_sales_that_flatten_are_spared_where_they_may_leave(slow):
    slow.latch.set("fire")
    slow.latch.allow_exits()
    slow.approve(side=Side.SELL, purpose=Purpose.FLATTEN)
    slow.approve("d-2", side=Side.SELL, purpose=Purpose.EXIT)
    assert [one.client_order_id for one in slow.placed] == [NAME]
    slow.tell(SWEEP)
    assert slow.cancelled == []


def test_without_the_latch_nothing_is_swept(slow):
    slow.rest()
    slow.tell(SWEEP)
    assert slow.cancelled == []


def test_a_release_ends_it(slow):
    slow.rest()
    halt(slow)
    slow.answer(CancelPlaced, GONE)
    slow.latch.release()
    before = len(slow.cancelled)
    look(slow, an_order_report(NAME, venue_order_id="v d-1"))
    assert len(slow.cancelled) == before


@pytest.mark.parametrize("way", ["crash", "journal"])
def test_whoever_begins_with_the_latch_set_sweeps(slow, way):
    slow.rest()
    slow.latch.set("fire")
    if way == "crash":
        slow.house.crash(ROUTER)
    else:
        slow.tell(JournalOpened(last_seq=0, epoch=2))
    assert [one.client_order_id for one in slow.cancelled] == [NAME]


def test_said_twice_it_begins_anew_and_does_no_harm(slow):
    slow.rest()
    halt(slow)
    slow.tell(SWEEP)
    for _ in range(len(slow.exchange.waiting(CancelPlaced))):
        slow.answer(CancelPlaced, Succeeded(orders=(slow.ended(),)))
    look(slow)
    assert swept(slow)[-1].is_clean
    assert len(slow.journal.told(CancelIntended)) == 1


# Every interleaving.


STEPS = ["approve", "write", "place", "cancel", "look", "halt", "time"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=25))
def test_in_no_interleaving_does_anything_leave_after_the_latch(steps):
    scene = Scene(House())
    scene.exchange.slowly(FetchOpenOrders)
    decisions = 0
    for step in [*steps, "halt", *["approve", "write", "place", "cancel", "look", "time"] * 3]:
        match step:
            case "approve":
                decisions += 1
                scene.journal.patient = True
                scene.approve(f"d-{decisions}", pair=BTC)
            case "write":
                scene.journal.write(1)
            case "place" if waiting := scene.exchange.waiting(PlaceOrder):
                name = waiting[0].client_order_id
                report = an_order_report(name, venue_order_id=f"v {name}")
                scene.answer(PlaceOrder, Succeeded(orders=(report,)))
            case "cancel" if scene.exchange.waiting(CancelPlaced):
                scene.answer(CancelPlaced, GONE)
            case "look" if scene.exchange.waiting(FetchOpenOrders):
                look(scene)
            case "halt":
                if scene.latch.reason is None:
                    before = len(scene.placed)
                halt(scene)
            case "time":
                scene.house.pass_time(0.3)
            case _:
                pass  # Nothing of the kind waits.
    assert len(scene.placed) == before
