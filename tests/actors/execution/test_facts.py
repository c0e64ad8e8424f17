"""What the exchange says becomes facts, each once and only where it says something new."""

from decimal import Decimal

from actors.execution import facts
from state.messages.orders import (
    OrderAccepted,
    OrderFilled,
    OrderFinished,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
)
from state.messages.venue import PlaceOrder, Refused
from state.order import Order
from state.values import (
    NS_PER_S,
    Currency,
    OrderType,
    Price,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
    TradeId,
    VenueOrderId,
)
from tests.actors.examples import BTC, NOW, a_trade_report, an_order_report
from tests.state.examples import ID, a_fill, a_finish, an_acceptance, an_intent


def an_order(*events, **changes) -> Order:
    order = Order(intent=an_intent(**changes))
    for event in events:
        order = order.apply(event)
    return order


# What an intent stands for.


def test_a_limit_order_is_placed_as_it_was_meant():
    assert facts.placement(an_intent(expires_at_ns=TimeNs(NS_PER_S))) == PlaceOrder(
        client_order_id=ID,
        pair=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Quantity(Decimal(2)),
        price=Price(Decimal(100)),
        time_in_force=TimeInForce.GTC,
        expires_at_ns=TimeNs(NS_PER_S),
    )


def test_a_market_purchase_is_sized_in_quote_and_a_market_sale_in_base():
    bought = facts.placement(an_intent(order_type=OrderType.MARKET))
    assert (bought.quantity, bought.price) == (Decimal(200), None)
    sold = facts.placement(an_intent(order_type=OrderType.MARKET, side=Side.SELL))
    assert (sold.quantity, sold.price) == (Decimal(2), None)


# What a report tells.


def events_of(entries):
    return [entry.event for entry in entries]


def test_the_first_report_of_an_order_accepts_it():
    [entry] = facts.of_report(an_order(), an_order_report(ID))
    assert entry.event == OrderAccepted(
        client_order_id=ID, pair=BTC, at_ns=NOW, venue_order_id=VenueOrderId("v-1")
    )
    assert (entry.key, entry.trace_id) == (f"accepted:{ID}", "trace-1")


def test_a_report_of_an_open_order_that_is_known_tells_nothing():
    assert facts.of_report(an_order(an_acceptance()), an_order_report(ID)) == []


def test_a_report_that_it_ended_says_how_much_was_filled_and_why():
    report = an_order_report(ID, open=False, finish_as="ioc", filled_quantity=Decimal("0.5"))
    [entry] = facts.of_report(an_order(an_acceptance()), report)
    assert entry.event == OrderFinished(
        client_order_id=ID,
        pair=BTC,
        at_ns=NOW,
        filled_quantity=Quantity(Decimal("0.5")),
        reason="ioc",
    )
    assert entry.key == f"finished:{ID}"


def test_a_first_report_that_it_ended_tells_both():
    report = an_order_report(ID, open=False, finish_as="filled")
    accepted, finished = events_of(facts.of_report(an_order(), report))
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(finished, OrderFinished)


def test_an_end_that_is_known_is_not_told_again():
    report = an_order_report(ID, open=False, finish_as="filled")
    assert facts.of_report(an_order(an_acceptance(), a_finish()), report) == []


def test_a_trade_is_a_fill_with_all_its_fees():
    report = a_trade_report(ID, gt_fee=Decimal(1), point_fee=Decimal(2))
    [entry] = facts.of_trade(an_order(), report)
    assert entry.event == OrderFilled(
        client_order_id=ID,
        pair=BTC,
        at_ns=NOW,
        trade_id=TradeId("7"),
        venue_order_id=VenueOrderId("v-1"),
        side=Side.BUY,
        price=Price(Decimal(100)),
        quantity=Quantity(Decimal(1)),
        role=report.role,
        fee=Decimal("0.002"),
        fee_currency=Currency("BTC"),
        gt_fee=Decimal(1),
        point_fee=Decimal(2),
    )
    assert entry.trace_id == "trace-1"


def test_a_trade_that_is_known_is_no_news():
    assert facts.of_trade(an_order(a_fill()), a_trade_report(ID)) == []
    assert facts.of_trade(an_order(a_fill()), a_trade_report(ID, trade_id="8")) != []


# What no report tells.


def test_a_refusal_an_unanswered_question_and_a_proof_have_their_names():
    order = an_order()
    refused = facts.rejected(order, Refused(label="NO", message="never"), NOW)
    assert refused.event == OrderRejected(
        client_order_id=ID, pair=BTC, at_ns=NOW, label="NO", message="never"
    )
    unknown = facts.unknown(order, "time-out", NOW)
    assert unknown.event == OrderUnknown(client_order_id=ID, pair=BTC, at_ns=NOW, reason="time-out")
    absent = facts.not_placed(order, "not found", NOW)
    assert absent.event == OrderNotPlaced(
        client_order_id=ID, pair=BTC, at_ns=NOW, reason="not found"
    )
    keys = [entry.key for entry in (refused, unknown, absent)]
    assert keys == [f"rejected:{ID}", f"unknown:{ID}", f"not_placed:{ID}"]
