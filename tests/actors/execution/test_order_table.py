"""The order table finds orders by any of their names and remembers the newest settled ones."""

from decimal import Decimal

from actors.execution.order_table import SETTLED_KEPT, OrderTable
from state.order import Order, OrderState
from state.values import ClientOrderId, VenueOrderId
from tests.actors.examples import BTC, ETH, a_trade_report, an_order_report
from tests.state.examples import (
    a_fill,
    a_finish,
    a_rejection,
    an_acceptance,
    an_intent,
    an_unknown,
)


def name(number: int) -> ClientOrderId:
    return ClientOrderId(f"t-gh-{number}")


def a_table(*events) -> OrderTable:
    table = OrderTable()
    for event in events:
        table.apply(event)
    return table


def names(orders) -> list[str]:
    return [order.client_order_id for order in orders]


def test_an_order_is_the_fold_of_what_was_told():
    table = a_table(an_intent(client_order_id=name(1)))
    order = table.apply(an_acceptance(client_order_id=name(1)))
    assert order is not None
    assert order.state is OrderState.OPEN
    assert table.get(name(1)) == order


def test_a_fact_of_an_order_nobody_meant_is_of_no_order():
    table = a_table()
    assert table.apply(an_acceptance(client_order_id=name(1))) is None
    assert table.get(name(1)) is None


def test_orders_are_unsettled_until_they_end_and_every_fill_is_known():
    table = a_table(an_intent(client_order_id=name(1)))
    assert names(table.unsettled()) == [name(1)]
    table.apply(a_finish(client_order_id=name(1), filled_quantity=Decimal(1)))
    assert names(table.unsettled()) == [name(1)]
    table.apply(a_fill(client_order_id=name(1), quantity=Decimal(1)))
    assert table.unsettled() == []
    assert table.get(name(1)) is not None


def test_what_is_over_is_not_unsettled_for_being_strange():
    """Nothing more of it is to be heard: it would be asked about for ever, ever further back."""
    table = a_table(an_intent(client_order_id=name(1), quantity=Decimal(1)))
    table.apply(a_finish(client_order_id=name(1), filled_quantity=Decimal(1)))
    table.apply(a_fill(client_order_id=name(1), quantity=Decimal(2)))
    order = table.get(name(1))
    assert order is not None
    assert order.alarms
    assert not order.is_settled
    assert table.unsettled() == []


def test_unsettled_orders_come_oldest_first_and_by_pair():
    table = a_table(
        an_intent(client_order_id=name(2)),
        an_intent(client_order_id=name(1), pair=ETH),
        an_intent(client_order_id=name(3)),
    )
    assert names(table.unsettled()) == [name(2), name(1), name(3)]
    assert names(table.unsettled(BTC)) == [name(2), name(3)]


def test_alive_is_what_rests_or_may_rest():
    table = a_table(
        an_intent(client_order_id=name(1)),
        an_intent(client_order_id=name(2)),
        an_unknown(client_order_id=name(2)),
        an_intent(client_order_id=name(3)),
        an_acceptance(client_order_id=name(3)),
        an_intent(client_order_id=name(4)),
        a_rejection(client_order_id=name(4)),
        an_intent(client_order_id=name(5)),
        a_finish(client_order_id=name(5)),  # Its fills are still missing.
    )
    assert names(table.alive()) == [name(1), name(2), name(3)]


def test_a_report_is_found_by_our_name():
    table = a_table(an_intent(client_order_id=name(1)))
    found = table.of_report(an_order_report(name(1)))
    assert found is not None
    assert found.client_order_id == name(1)


def test_a_report_without_our_name_is_found_by_the_exchange_name_in_its_pair():
    table = a_table(
        an_intent(client_order_id=name(1)),
        an_acceptance(client_order_id=name(1), venue_order_id=VenueOrderId("v-9")),
    )
    found = table.of_report(a_trade_report("-", venue_order_id=VenueOrderId("v-9")))
    assert found is not None
    assert found.client_order_id == name(1)
    foreign = a_trade_report("-", pair=ETH, venue_order_id=VenueOrderId("v-9"))
    assert table.of_report(foreign) is None


def test_reports_of_orders_we_never_meant_are_of_no_order():
    table = a_table(an_intent(client_order_id=name(1)))
    assert table.of_report(an_order_report("apiv4-web")) is None
    assert table.of_report(an_order_report(name(7))) is None


def test_books_take_the_place_of_all_that_was_not_settled():
    table = a_table(
        an_intent(client_order_id=name(1)),
        a_rejection(client_order_id=name(1)),
        an_intent(client_order_id=name(2)),
    )
    table.begin([Order(intent=an_intent(client_order_id=name(3)))])
    assert names(table.unsettled()) == [name(3)]
    assert table.get(name(2)) is None
    assert table.get(name(1)) is not None


def test_an_order_the_journal_found_joins_unless_it_is_known_better():
    table = a_table(an_intent(client_order_id=name(1)), an_unknown(client_order_id=name(1)))
    table.add(Order(intent=an_intent(client_order_id=name(1))))
    known = table.get(name(1))
    assert known is not None
    assert known.state is OrderState.UNKNOWN
    table.add(Order(intent=an_intent(client_order_id=name(2))))
    assert names(table.unsettled()) == [name(1), name(2)]


def test_an_order_that_turns_out_not_to_be_settled_is_unsettled_again():
    table = a_table(an_intent(client_order_id=name(1)), a_rejection(client_order_id=name(1)))
    table.apply(an_acceptance(client_order_id=name(1)))  # It was refused, and lives: an alarm.
    assert names(table.unsettled()) == [name(1)]


def test_only_the_newest_settled_orders_are_remembered():
    table = a_table()
    for number in range(SETTLED_KEPT + 2):
        venue = VenueOrderId(f"v-{number}")
        table.apply(an_intent(client_order_id=name(number)))
        if number != 1:
            table.apply(an_acceptance(client_order_id=name(number), venue_order_id=venue))
        settled = a_finish(client_order_id=name(number), filled_quantity=Decimal(0))
        table.apply(settled)
    assert table.get(name(0)) is None
    assert table.get(name(1)) is None
    assert table.get(name(2)) is not None
    assert table.of_report(a_trade_report("-", venue_order_id=VenueOrderId("v-0"))) is None
    assert table.of_report(a_trade_report("-", venue_order_id=VenueOrderId("v-2"))) is not None
