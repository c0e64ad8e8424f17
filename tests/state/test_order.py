"""An order is the same whatever the order its facts came in, and however often."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.amendment import Shape
from state.messages.orders import ForeignAmendment, OrderAmended, OrderFilled, OrderFinished
from state.order import Alarm, Order, OrderState
from state.values import OrderType, Side, TimeNs
from tests.state.examples import (
    a_cancel,
    a_fill,
    a_finish,
    a_foreign_amendment,
    a_proof_of_absence,
    a_refused_amendment,
    a_rejection,
    a_shape,
    an_acceptance,
    an_amended,
    an_amendment,
    an_amendment_not_made,
    an_intent,
    an_unknown,
)
from tests.state.strategies import amended_stories, order_stories

TWO = Decimal(2)
ONE = Decimal(1)


def folded(*facts, intent=None) -> Order:
    order = Order(intent=intent or an_intent())
    for fact in facts:
        order = order.apply(fact)
    return order


@given(story=order_stories(), data=st.data())
def test_any_order_and_any_repetition_of_the_facts_gives_the_same_order(story, data):
    intent, facts = story
    shuffled = data.draw(st.permutations(facts))
    repeated = [fact for fact in shuffled for _ in range(data.draw(st.integers(1, 3)))]
    assert folded(*repeated, intent=intent) == folded(*facts, intent=intent)


@given(story=amended_stories(foreign=True), data=st.data())
def test_amendments_too_may_be_told_in_any_order_and_again(story, data):
    intent, facts = story
    shuffled = data.draw(st.permutations(facts))
    repeated = [fact for fact in shuffled for _ in range(data.draw(st.integers(1, 2)))]
    assert folded(*repeated, intent=intent) == folded(*facts, intent=intent)


@given(story=amended_stories())
def test_while_an_amendment_is_open_the_larger_and_the_worse_count(story):
    intent, facts = story
    order = Order(intent=intent)
    shape = order.shape
    for fact in facts:
        order = order.apply(fact)
        if isinstance(fact, OrderAmended):
            shape = Shape(fact.quantity, fact.price)
        assert order.shape == shape
        assert not order.alarms
        assert order.filled + order.working == max(order.quantity, order.filled)
        amending = order.amending
        if amending is None:
            assert (order.quantity, order.worst_price) == (shape.quantity, shape.price)
        else:
            assert amending.intent is not None
            wanted = amending.intent
            assert order.quantity == max(shape.quantity, wanted.quantity)
            assert (order.worst_price - wanted.price) * intent.side.sign >= 0
            assert (order.worst_price - shape.price) * intent.side.sign >= 0


@given(story=amended_stories(foreign=True))
def test_once_somebody_else_amended_it_all_that_it_ever_was_counts(story):
    intent, facts = story
    order = Order(intent=intent)
    shapes = [Shape(intent.quantity, intent.price)]
    for fact in facts:
        order = order.apply(fact)
        if isinstance(fact, OrderAmended | ForeignAmendment):
            shapes.append(Shape(fact.quantity, fact.price))
        assert order.shape == shapes[-1]
        assert not order.alarms
        if order.foreign_amendments:
            assert order.quantity >= max(shape.quantity for shape in shapes)
            assert all((order.worst_price - one.price) * intent.side.sign >= 0 for one in shapes)


def test_what_somebody_else_made_of_it_is_overtaken_by_a_later_amendment_of_ours():
    foreign = a_foreign_amendment(at_ns=TimeNs(5))
    ours = (an_amendment(), an_amended(at_ns=TimeNs(6)))
    assert folded(an_acceptance(), *ours, foreign).shape == a_shape("3", "101")
    order = folded(an_acceptance(), *ours, a_foreign_amendment(at_ns=TimeNs(6)))
    assert (order.shape, order.wanted) == (a_shape("5", "102"), a_shape("3", "101"))
    assert order.had(order.wanted)
    assert not order.had(order.shape)


@pytest.mark.parametrize("said", [a_refused_amendment, an_amendment_not_made])
def test_an_amendment_that_was_made_although_it_was_said_that_it_was_not_is_an_alarm(said):
    order = folded(an_acceptance(), an_amendment(), said(), an_amended())
    assert order.alarms == (Alarm.AMEND_DISOWNED,)
    assert order.shape == a_shape("3", "101")


@given(story=order_stories())
def test_filled_working_and_missing_always_account_for_the_whole_order(story):
    intent, facts = story
    order = Order(intent=intent)
    for fact in facts:
        order = order.apply(fact)
        assert order.filled + order.working <= intent.quantity
        assert order.filled == sum(f.quantity for f in facts if f in order.fills)
        assert not order.alarms
    if order.finished is None and order.state is not OrderState.FILLED:
        assert order.filled + order.working == intent.quantity


@given(story=order_stories(), data=st.data())
def test_fills_that_are_still_on_their_way_are_missed_until_they_come(story, data):
    intent, facts = story
    late = [fact for fact in facts if isinstance(fact, OrderFilled)]
    prompt = [fact for fact in facts if not isinstance(fact, OrderFilled)]
    order = folded(*prompt, intent=intent)
    is_finished = any(isinstance(fact, OrderFinished) for fact in facts)
    for fill in data.draw(st.permutations(late)):
        assert order.missing_fills == (sum(f.quantity for f in late) - order.filled) * is_finished
        order = order.apply(fill)
    assert order.missing_fills == 0


@pytest.mark.parametrize(
    ("facts", "state", "working"),
    [
        ((), OrderState.INTENDED, TWO),
        ((an_unknown(),), OrderState.UNKNOWN, TWO),
        ((an_acceptance(),), OrderState.OPEN, TWO),
        ((an_unknown(), an_acceptance()), OrderState.OPEN, TWO),
        ((an_acceptance(), an_unknown()), OrderState.OPEN, TWO),
        ((a_fill(),), OrderState.OPEN, ONE),
        ((a_cancel(), an_acceptance()), OrderState.OPEN, TWO),
        ((a_rejection(),), OrderState.REJECTED, 0),
        ((an_unknown(), a_rejection()), OrderState.REJECTED, 0),
        ((an_unknown(), a_proof_of_absence()), OrderState.NOT_PLACED, 0),
        ((a_fill(quantity=TWO),), OrderState.FILLED, 0),
        ((a_finish(filled_quantity=TWO),), OrderState.FILLED, 0),
        ((a_fill(), a_finish(filled_quantity=ONE, reason="ioc")), OrderState.CANCELLED, 0),
        ((a_finish(filled_quantity=Decimal(0), reason="ioc"),), OrderState.CANCELLED, 0),
    ],
)
def test_the_state_and_what_may_still_be_filled_follow_from_the_facts(facts, state, working):
    order = folded(*facts)
    assert order.state is state
    assert order.working == working
    assert not order.alarms


def test_a_market_buy_is_done_when_the_exchange_says_so_whatever_base_came_of_it():
    intent = an_intent(order_type=OrderType.MARKET, quantity=TWO, price=Decimal(100))
    cheaper = a_fill(quantity=Decimal("2.5"), price=Decimal(80))
    assert folded(cheaper, intent=intent).state is OrderState.OPEN
    assert not folded(cheaper, intent=intent).alarms

    ended = folded(
        a_fill(quantity=Decimal("1.9"), price=Decimal(105)),
        a_finish(filled_quantity=Decimal("1.9"), reason="filled"),
        intent=intent,
    )
    assert ended.state is OrderState.FILLED
    assert ended.is_settled

    dearer = a_fill(quantity=Decimal("1.9"), price=Decimal(106))
    assert folded(dearer, intent=intent).alarms == (Alarm.OVERFILLED,)


def test_a_market_sale_is_counted_in_base():
    intent = an_intent(order_type=OrderType.MARKET, side=Side.SELL, quantity=TWO)
    assert folded(a_fill(side=Side.SELL, quantity=TWO), intent=intent).state is OrderState.FILLED


@pytest.mark.parametrize(
    ("facts", "alarm"),
    [
        ((a_rejection(), a_fill()), Alarm.REJECTED_BUT_LIVE),
        ((an_acceptance(), a_rejection()), Alarm.REJECTED_BUT_LIVE),
        ((a_rejection(), a_finish(filled_quantity=Decimal("0.1"))), Alarm.REJECTED_BUT_LIVE),
        ((a_proof_of_absence(), a_fill()), Alarm.NOT_PLACED_BUT_LIVE),
        ((a_proof_of_absence(), a_finish(filled_quantity=Decimal(0))), Alarm.NOT_PLACED_BUT_LIVE),
        ((a_fill(quantity=Decimal("2.01")),), Alarm.OVERFILLED),
        ((a_fill(), a_finish(filled_quantity=Decimal(0))), Alarm.FILLS_BEYOND_FINISH),
        ((a_fill(), a_fill(quantity=TWO)), Alarm.CONTRADICTED),
        ((an_acceptance(), an_acceptance(venue_order_id="v-2")), Alarm.CONTRADICTED),
        ((an_intent(quantity=Decimal(3)),), Alarm.CONTRADICTED),
        (
            (a_finish(filled_quantity=ONE), a_finish(filled_quantity=TWO)),
            Alarm.CONTRADICTED,
        ),
    ],
)
def test_what_must_not_happen_is_an_alarm_and_no_crash_in_either_order(facts, alarm):
    order = folded(*facts)
    assert alarm in order.alarms
    assert not order.is_settled
    assert folded(*reversed(facts)).alarms == order.alarms


def test_a_refused_order_that_trades_all_the_same_counts_as_live():
    order = folded(a_rejection(), a_fill())
    assert order.state is OrderState.OPEN
    assert order.working == ONE


def test_a_refused_order_that_is_also_told_as_ended_unfilled_is_no_alarm():
    order = folded(a_rejection(), a_finish(filled_quantity=Decimal(0), reason="poc"))
    assert order.alarms == ()
    assert order.state is OrderState.CANCELLED


def test_the_larger_of_two_counts_stands():
    order = folded(a_finish(filled_quantity=TWO), a_finish(filled_quantity=ONE))
    assert order.missing_fills == TWO


def test_two_wordings_of_one_fact_are_one_fact_and_the_earlier_stands():
    early, late = a_rejection(at_ns=3, message="no"), a_rejection(at_ns=4, message="NO")
    assert folded(late, early) == folded(early, late)
    assert folded(late, early).rejected == early
    assert folded(a_finish(at_ns=9), a_finish(at_ns=8)).finished == a_finish(at_ns=8)


def test_a_fact_that_is_known_gives_back_the_very_same_order():
    order = folded(an_acceptance(), a_fill(), a_finish(filled_quantity=ONE))
    for fact in (an_acceptance(), a_fill(), a_finish(filled_quantity=ONE)):
        assert order.apply(fact) is order


def test_an_order_knows_its_names_prices_and_last_change():
    order = folded()
    assert order.client_order_id == "t-1"
    assert order.venue_order_id is None
    assert order.average_price is None
    assert order.updated_at_ns == 1

    assert folded(a_fill()).venue_order_id == "v-1"
    order = folded(
        a_fill(price=Decimal(100), at_ns=5),
        a_fill(trade_id="8", price=Decimal(101), quantity=Decimal("0.5"), at_ns=9),
    )
    assert order.venue_order_id == "v-1"
    assert order.filled_notional == Decimal("150.5")
    assert order.average_price == Decimal("150.5") / Decimal("1.5")
    assert order.updated_at_ns == 9
    assert folded(an_acceptance(venue_order_id="v-9")).venue_order_id == "v-9"


def test_an_event_of_another_order_is_a_bug():
    with pytest.raises(AssertionError, match="another order"):
        folded(an_acceptance(client_order_id="t-2"))
