"""An approval that was lost on its way holds nothing back, and one that may still come does."""

from decimal import Decimal

import pytest

from actors.outbox import SAY_AGAIN_EVERY_S
from state.messages.held import ApprovalsHeld, ApprovalsWanted
from state.messages.journal import Echo
from state.messages.orders import (
    AmendmentDropped,
    AmendProposed,
    ApprovedAmendment,
    ApprovedOrder,
    DecisionDropped,
    Refusal,
)
from state.values import NS_PER_S, Quantity, TimeNs
from tests.actors.trading.test_risk_guard import GUARD, Scene
from tests.state.examples import a_fill, a_rejection, an_acceptance, an_intent


@pytest.fixture
def scene(house):
    """A guard whose journal answers at once, and whose router says what the test has it say."""
    return Scene(house)


def asked(scene) -> list[int]:
    """The numbers of the questions to the router since this was last asked."""
    return [one.request for one in scene.router.take(ApprovalsWanted)]


def answer(scene, *, decisions=(), amendments=(), number=None):
    """Have the router answer the newest question: it still has these, and nothing else."""
    request = number or asked(scene)[-1]
    told = ApprovalsHeld(request=request, decisions=decisions, amendments=amendments)
    scene.house.tell(GUARD, told)


def hold(scene, quantity="2"):
    """Buy and have it filled: something to sell."""
    name = scene.become_order(scene.propose(quantity), quantity=Decimal(quantity))
    scene.journal.append(a_fill(client_order_id=name, quantity=Decimal(quantity), fee=Decimal(0)))
    scene.approved()


def test_what_the_router_has_no_more_is_released_and_its_proposer_told(scene):
    decision = scene.propose("2")
    assert scene.room() == 1
    scene.house.pass_time(1.0)
    answer(scene)
    [dropped] = scene.trader.take(DecisionDropped)
    assert (dropped.decision_id, dropped.refusal.code) == (decision, "NOT_SENT")
    scene.book()
    assert scene.room() == 2


def test_what_the_router_still_has_counts(scene):
    decision = scene.propose("2")
    scene.house.pass_time(1.0)
    answer(scene, decisions=(decision,))
    scene.book()
    assert scene.room() == 1
    assert scene.trader.take(DecisionDropped) == []


def test_nothing_is_asked_while_nothing_is_out(scene):
    scene.house.pass_time(3.0)
    assert asked(scene) == []


def test_what_is_not_told_to_the_router_yet_is_not_asked_about(scene):
    scene.journal.patient = True
    scene.propose("2")
    scene.house.pass_time(3.0)
    assert asked(scene) == []


def test_a_stop_that_an_approval_holds_up_asks_at_once(scene):
    hold(scene)
    lost = scene.sell("2")
    scene.approved()
    scene.sell("2")
    assert scene.denied() == ["HOLDING"]
    answer(scene)
    assert [one.decision_id for one in scene.trader.take(DecisionDropped)] == [lost]
    scene.book()
    scene.sell("2")
    assert [quantity for _, quantity in scene.approved()] == [Decimal(2)]


def test_a_stop_that_an_approval_makes_smaller_asks_at_once(scene):
    hold(scene)
    scene.sell("1.5")
    scene.sell("2")
    assert [one.quantity for one in scene.router.of(ApprovedOrder)] == [
        Decimal("1.5"),
        Decimal("0.5"),
    ]
    assert len(asked(scene)) == 1


def test_an_answer_that_comes_after_the_next_question_is_one(scene):
    """Behind a disk that is slow each answer takes longer than a question lasts."""
    scene.propose("2")
    scene.house.pass_time(3.0)
    first, *_ = asked(scene)
    answer(scene, number=first)
    scene.book()
    assert scene.room() == 2


def test_while_books_are_due_nothing_is_asked_and_no_answer_is_proof(scene):
    scene.propose("2")
    scene.house.pass_time(1.0)
    [number] = asked(scene)
    scene.journal.patient = True
    scene.journal.reopen()
    scene.journal.lose()  # As a mailbox that is full loses the question for the books.
    scene.house.pass_time(0.9)
    assert asked(scene) == []
    answer(scene, number=number)
    scene.journal.patient = False
    scene.book()
    scene.house.pass_time(1.1)  # The books are asked for again.
    assert asked(scene)
    scene.book()
    assert scene.room() == 1


def test_what_lived_through_a_recorder_is_released_without_a_word_to_its_proposer(scene):
    """The books may have its order, which it is not for the guard to call lost."""
    decision = scene.propose("2")
    intent = an_intent(decision_id=decision, quantity=Quantity(Decimal(2)))
    refused = a_rejection(client_order_id=intent.client_order_id)
    scene.journal.append(intent, refused, silently=True)
    scene.journal.reopen()
    scene.book()
    assert scene.room() == 1
    answer(scene)
    assert scene.trader.take(DecisionDropped) == []
    assert scene.room() == 2


def test_what_has_its_order_in_the_books_counts_once(scene):
    decision = scene.propose("1.5")
    intent = an_intent(decision_id=decision, quantity=Quantity(Decimal("1.5")))
    scene.journal.append(intent, silently=True)
    scene.journal.reopen()
    scene.book()
    assert scene.room() == Decimal("1.5")


def test_a_ruling_that_was_lost_on_its_way_to_the_journal_is_said_again(scene):
    """Nobody died: a mailbox was full."""
    scene.journal.patient = True
    scene.propose("2", expires_at_ns=TimeNs(scene.house.now_ns + 60 * NS_PER_S))
    scene.journal.lose()
    scene.journal.patient = False
    scene.house.pass_time(2 * SAY_AGAIN_EVERY_S)
    assert [quantity for _, quantity in scene.approved()] == [Decimal(2)]


def test_what_was_lost_comes_to_light_in_the_order_it_was_approved(scene):
    decisions = [scene.propose("0.1") for _ in range(8)]
    scene.house.pass_time(1.0)
    answer(scene)
    assert [one.decision_id for one in scene.trader.take(DecisionDropped)] == decisions


def test_until_the_recorder_echoes_it_counts(scene):
    """The router may have handed it to the recorder, whose word is on its way."""
    decision = scene.propose("2")
    scene.house.pass_time(1.0)
    scene.journal.patient = True
    answer(scene)
    scene.journal.patient = False
    scene.book()
    assert scene.room() == 1
    scene.journal.append(an_intent(decision_id=decision, quantity=Quantity(Decimal(2))))
    scene.journal.write()
    assert scene.trader.take(DecisionDropped) == []
    assert scene.room() == 1


def test_an_echo_of_a_recorder_that_died_meanwhile_is_no_proof(scene):
    scene.propose("2")
    scene.approved()
    scene.house.pass_time(1.0)
    scene.journal.patient = True
    [number] = asked(scene)
    answer(scene, number=number)
    scene.journal.lose()
    scene.journal.reopen()
    scene.house.tell(GUARD, Echo(number=number))
    scene.book()
    scene.propose("2")
    scene.journal.patient = False
    scene.journal.write()
    assert [quantity for _, quantity in scene.approved()] == [Decimal(1)]


def test_an_answer_to_an_earlier_life_is_no_proof(scene):
    scene.propose("2")
    scene.house.pass_time(1.0)
    [number] = asked(scene)
    scene.house.crash(GUARD)
    scene.get_ready()
    assert asked(scene) != [number]
    answer(scene, number=number)
    assert scene.room() == 1


def test_a_guard_that_begins_anew_asks_about_what_it_finds_in_the_books(scene):
    scene.propose("2")
    scene.house.crash(GUARD)
    scene.get_ready()
    assert scene.room() == 1
    answer(scene)
    assert scene.room() == 2


def test_an_approval_made_after_the_question_is_not_in_its_answer(scene):
    scene.propose("1")
    scene.house.pass_time(1.0)
    scene.book()
    scene.propose("1")
    answer(scene)
    assert scene.room() == 2


def resting(scene):
    name = scene.become_order(scene.propose("1"), quantity=Decimal(1))
    scene.journal.append(an_acceptance(client_order_id=name))
    return name


def amend(scene, name, quantity):
    proposed = AmendProposed(
        client_order_id=name,
        pair=scene.journal.store.unsettled_orders()[0].intent.pair,
        quantity=Quantity(Decimal(quantity)),
        price=None,
        reason="a test",
        expires_at_ns=TimeNs(scene.house.now_ns + 2 * NS_PER_S),
        reply_to="trader",
    )
    scene.house.tell(GUARD, proposed)
    assert len(scene.router.take(ApprovedAmendment)) == 1


def test_a_lost_amendment_is_released_and_its_proposer_told(scene):
    name = resting(scene)
    amend(scene, name, "2")
    assert scene.room() == 1
    scene.house.pass_time(1.0)
    answer(scene)
    assert [one.client_order_id for one in scene.trader.take(AmendmentDropped)] == [name]
    scene.book()
    assert scene.room() == 2


def test_an_amendment_that_took_the_place_of_a_lost_one_counts(scene):
    name = resting(scene)
    amend(scene, name, "1.5")
    scene.house.pass_time(1.0)
    [number] = asked(scene)
    dropped = AmendmentDropped(
        client_order_id=name,
        pair=scene.journal.store.unsettled_orders()[0].intent.pair,
        refusal=Refusal(code="NOT_SENT", limit="", value=""),
    )
    scene.house.tell(GUARD, dropped)
    scene.book()
    amend(scene, name, "2")
    answer(scene, number=number)
    assert scene.room() == 1
