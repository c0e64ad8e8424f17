"""Whatever the exchange says of our orders, in any order and however often, gives one truth."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from state.messages.operations import AlertRaised, Severity
from state.messages.orders import OrderAccepted, OrderFilled, OrderFinished
from state.messages.venue import FetchOrder, FetchTrades, PlaceOrder, Refused, Succeeded
from state.order import OrderState
from state.values import Price, Quantity, TradeId
from tests.actors.examples import a_trade_report, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER, Scene, name_of
from tests.actors.house import House
from tests.state.examples import a_fill, a_finish, an_acceptance, an_intent


def a_trade(number: int, quantity: str = "1", **changes):
    return a_trade_report(
        NAME,
        **{"trade_id": TradeId(str(number)), "quantity": Quantity(Decimal(quantity))} | changes,
    )


def test_a_fill_told_twice_is_journalled_once(scene):
    scene.rest()
    scene.tell(a_trade(7), a_trade(7))
    assert len(scene.journal.told(OrderFilled)) == 1


def test_a_fill_told_again_before_it_is_written_is_journalled_once(scene):
    """Until the journal tells it back, only the journal's key knows the second for the first."""
    scene.rest()
    scene.journal.patient = True
    scene.tell(a_trade(7), a_trade(7))
    scene.journal.write()
    assert len(scene.journal.told(OrderFilled)) == 1
    assert scene.order().filled == 1


def test_a_fill_may_come_before_the_answer_to_the_placement(scene):
    scene.approve()
    scene.tell(a_trade(7, "2"))
    assert scene.order().state is OrderState.FILLED
    scene.answer(PlaceOrder, Succeeded(orders=(an_order_report(NAME),)))
    assert scene.order().state is OrderState.FILLED
    assert scene.order().alarms == ()


def test_a_fill_after_the_end_is_a_fill(scene):
    scene.rest()
    scene.tell(scene.ended(filled="1"), a_trade(7))
    assert scene.order().is_settled
    assert scene.order().filled == 1


def test_an_order_that_ended_without_its_fills_is_searched_for_them(scene):
    scene.rest()
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(a_trade(7, venue_order_id="v d-1"),)))
    scene.tell(scene.ended(filled="1"))
    assert scene.order().missing_fills == 0
    assert scene.order().is_settled
    scene.exchange.asked.clear()
    scene.house.pass_time(10.0)
    assert not scene.exchange.of(FetchTrades)


def test_missing_fills_are_asked_for_until_they_come(scene):
    scene.rest()
    scene.tell(scene.ended(filled="1"))
    scene.house.pass_time(10.0)
    assert len(scene.exchange.of(FetchTrades)) >= 8
    assert scene.order().state is OrderState.CANCELLED
    scene.tell(a_trade(7))
    scene.exchange.asked.clear()
    scene.house.pass_time(10.0)
    assert not scene.exchange.of(FetchTrades)


def test_a_report_with_only_the_exchange_name_is_ours(scene):
    scene.rest()
    report = a_trade(7, client_order_id="-", venue_order_id="v d-1")
    scene.tell(report)
    assert scene.order().filled == 1


# Whatever the order of the reports.


@st.composite
def tellings(draw):
    """One truth: 2 bought in one to three fills, then ended; told in any order, some twice."""
    sizes = draw(st.sampled_from([["2"], ["0.5", "1.5"], ["0.5", "0.5", "1"]]))
    trades = [
        a_trade(number, size, price=Price(Decimal(100 - number)))
        for number, size in enumerate(sizes)
    ]
    open_ = an_order_report(NAME)
    ended = an_order_report(
        NAME, open=False, finish_as="filled", filled_quantity=Quantity(Decimal(2))
    )
    reports = [open_, ended, *trades]
    again = draw(st.lists(st.sampled_from(reports), max_size=4))
    return draw(st.permutations([*reports, *again]))


@settings(max_examples=60, deadline=None)
@given(reports=tellings(), seed=st.integers(0, 1000), at_once=st.booleans())
def test_any_order_and_repetition_of_the_reports_gives_the_same_order(reports, seed, at_once):
    house = House(seed)
    scene = Scene(house)
    scene.approve()
    for report in reports:
        house.runtime.tell(ROUTER, report)
        if not at_once:
            house.settle()
    house.settle()
    order = scene.order()
    assert order.state is OrderState.FILLED
    assert order.is_settled
    fills = {report for report in reports if hasattr(report, "trade_id")}
    assert order.filled == 2
    assert order.filled_notional == sum(fill.price * fill.quantity for fill in fills)
    assert len(scene.journal.told(OrderFilled)) == len(fills)
    assert len(scene.journal.told(OrderAccepted)) == 1
    assert len(scene.journal.told(OrderFinished)) == 1
    assert not house.deaths()


# What is not ours, and what should not be.


def test_orders_of_others_are_left_alone(scene):
    scene.exchange.asked.clear()
    scene.journal.records.clear()
    scene.tell(an_order_report("apiv4-web"), a_trade_report("apiv4-web"))
    scene.house.pass_time(5.0)
    assert scene.exchange.asked == []
    assert scene.journal.records == []


def test_an_order_of_ours_that_nobody_meant_is_an_alarm(scene):
    scene.tell(an_order_report(name_of("d-99")))
    [alert] = scene.journal.told(AlertRaised)
    assert (alert.alert, alert.severity) == ("order_without_intent", Severity.CRITICAL)
    assert name_of("d-99") in alert.text


def test_the_same_alarm_is_journalled_once(scene):
    scene.tell(an_order_report(name_of("d-99")), an_order_report(name_of("d-99")))
    assert len(scene.journal.told(AlertRaised)) == 1


def test_a_late_report_of_an_order_that_is_settled_is_no_alarm(scene):
    """After a restart the books show only what is not settled; the journal knows the rest."""
    name = name_of("d-50")
    scene.journal.append(
        an_intent(client_order_id=name),
        an_acceptance(client_order_id=name),
        a_fill(client_order_id=name, quantity=Decimal(2)),
        a_finish(client_order_id=name),
    )
    scene.house.crash(ROUTER)
    scene.become_ready()
    scene.tell(an_order_report(name, open=False, finish_as="filled", filled_quantity=Decimal(2)))
    scene.tell(an_order_report(name, open=False, finish_as="filled", filled_quantity=Decimal(2)))
    assert scene.journal.told(AlertRaised) == []


def test_before_the_books_come_a_report_of_ours_waits_for_the_reconciliation(scene):
    scene.rest()
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    scene.tell(a_trade(7, venue_order_id="v d-1"))
    assert scene.journal.told(OrderFilled) == []
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(a_trade(7, venue_order_id="v d-1"),)))
    scene.journal.patient = False
    scene.journal.write()
    scene.become_ready()
    assert scene.order().filled == 1


def test_the_journal_is_asked_for_an_order_only_once_the_books_are_there(scene):
    scene.journal.patient = True
    scene.house.crash(ROUTER)
    scene.tell(an_order_report(name_of("d-99")))
    scene.journal.patient = False
    scene.journal.write()
    assert scene.journal.told(AlertRaised) == []


def test_a_refused_order_that_lives_is_an_alarm(scene):
    scene.approve()
    scene.answer(PlaceOrder, Refused(label="NO", message="never"))
    scene.tell(a_trade(7))
    assert [one.alert for one in scene.journal.told(AlertRaised)] == ["order_rejected_but_live"]
    assert scene.order().filled == 1


def test_more_fills_than_the_order_is_an_alarm(scene):
    scene.rest()
    scene.tell(a_trade(7, "2", venue_order_id="v d-1"), a_trade(8, "1", venue_order_id="v d-1"))
    assert [one.alert for one in scene.journal.told(AlertRaised)] == ["order_overfilled"]


def test_an_order_that_rested_and_is_in_no_list_is_asked_for_by_name(scene):
    scene.rest()
    scene.exchange.asked.clear()
    scene.house.pass_time(30.0)
    [question] = scene.exchange.of(FetchOrder)
    assert (question.client_order_id, question.venue_order_id) == (NAME, "v d-1")
