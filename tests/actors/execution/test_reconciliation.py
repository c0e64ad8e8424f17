"""A reconciliation asks for all that concerns our unsettled orders, and waits for every answer."""

from actors.execution.reconciliation import Reconciliation
from actors.execution.resolution import look_from
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Refused,
    Succeeded,
    Unknown,
)
from state.order import Order
from state.values import ClientOrderId, TimeNs, VenueOrderId
from tests.actors.examples import BTC, ETH, an_order_report
from tests.state.examples import an_acceptance, an_intent


def an_order(number: int, *, pair=BTC, expires_at_ns=100, rests=True) -> Order:
    name = ClientOrderId(f"t-gh-{number}")
    order = Order(
        intent=an_intent(client_order_id=name, pair=pair, expires_at_ns=TimeNs(expires_at_ns))
    )
    if not rests:
        return order
    venue = VenueOrderId(f"v-{number}")
    return order.apply(an_acceptance(client_order_id=name, pair=pair, venue_order_id=venue))


def answered(reconciliation: Reconciliation, *reports, asked_ns=0) -> None:
    for number, question in enumerate(reconciliation.questions):
        outcome = Succeeded(orders=reports if number == 0 else ())
        assert reconciliation.heard(question, outcome, asked_ns=asked_ns)


def test_without_unsettled_orders_only_what_rests_is_asked_for():
    assert Reconciliation([], 0).questions == (FetchOpenOrders(),)


def test_each_pair_is_asked_for_fills_and_ends_since_its_oldest_order():
    old, new = an_order(1, expires_at_ns=50), an_order(2, expires_at_ns=90)
    elsewhere = an_order(3, pair=ETH, expires_at_ns=70)
    first, other = look_from(old.intent), look_from(elsewhere.intent)
    assert Reconciliation([new, elsewhere, old], 0).questions == (
        FetchOpenOrders(),
        FetchTrades(pair=BTC, since_ns=first),
        FetchFinishedOrders(pair=BTC, since_ns=first),
        FetchTrades(pair=ETH, since_ns=other),
        FetchFinishedOrders(pair=ETH, since_ns=other),
    )


def test_it_is_done_when_every_question_is_answered():
    reconciliation = Reconciliation([an_order(1)], 0)
    for question in reconciliation.questions:
        assert not reconciliation.done
        assert reconciliation.heard(question, Succeeded(), asked_ns=0)
    assert reconciliation.done
    assert not reconciliation.failed


def test_an_answer_it_did_not_wait_for_is_not_its_own():
    reconciliation = Reconciliation([], 0)
    other = FetchTrades(pair=BTC, since_ns=TimeNs(0))
    assert not reconciliation.heard(other, Succeeded(), asked_ns=0)
    assert reconciliation.heard(FetchOpenOrders(), Succeeded(), asked_ns=0)
    assert not reconciliation.heard(FetchOpenOrders(), Succeeded(), asked_ns=0)


def test_an_answer_to_an_earlier_question_says_nothing_about_now():
    reconciliation = Reconciliation([], 10)
    assert not reconciliation.heard(FetchOpenOrders(), Succeeded(), asked_ns=9)
    assert not reconciliation.done


def test_one_question_without_an_answer_spoils_it():
    for outcome in (Unknown(reason="time-out"), Refused(label="NO", message="")):
        reconciliation = Reconciliation([], 0)
        assert reconciliation.heard(FetchOpenOrders(), outcome, asked_ns=0)
        assert reconciliation.failed.startswith("FetchOpenOrders")
        assert not reconciliation.done


def test_orders_that_rested_and_are_in_no_list_are_asked_for_by_name():
    reconciliation = Reconciliation([an_order(1), an_order(2), an_order(3, rests=False)], 0)
    answered(reconciliation, an_order_report("t-gh-1"))
    assert reconciliation.vanished() == [
        FetchOrder(
            pair=BTC,
            client_order_id=ClientOrderId("t-gh-2"),
            venue_order_id=VenueOrderId("v-2"),
        )
    ]
