"""Price, then time; the street's size stands before whoever came later."""

import pytest

from adapters.simulated.core.order_book import OrderBook
from adapters.simulated.core.orders import Order
from state.values import OrderType, Pair, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL


def an_order(number, side, ticks, lots):
    return Order(
        id=number,
        text="t-x",
        owner="alice",
        pair=Pair("ABC_USDT"),
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        ticks=ticks,
        amount=lots,
        left=lots,
        created_ns=0,
        updated_ns=0,
    )


def whom(fills):
    return [(fill.ticks, fill.lots, fill.maker.id if fill.maker else None) for fill in fills]


@pytest.fixture
def book():
    return OrderBook()


def test_the_best_price_is_taken_first_on_both_sides(book):
    book.quote(SELL, 102, 5)
    book.quote(SELL, 101, 5)
    book.quote(BUY, 99, 5)
    book.quote(BUY, 98, 5)

    assert whom(book.take(BUY, 7, None)) == [(101, 5, None), (102, 2, None)]
    assert whom(book.take(SELL, 7, None)) == [(99, 5, None), (98, 2, None)]


def test_a_limit_is_not_passed(book):
    book.quote(SELL, 101, 5)
    book.quote(SELL, 103, 5)

    assert whom(book.take(BUY, 9, 102)) == [(101, 5, None)]
    assert book.take(BUY, 9, 102) == []


def test_earlier_orders_and_earlier_street_size_are_taken_first(book):
    book.quote(BUY, 100, 4)
    book.rest(an_order(1, BUY, 100, 3))
    book.quote(BUY, 100, 6)  # two more lots behind the first order
    book.rest(an_order(2, BUY, 100, 3))

    assert whom(book.take(SELL, 11, 100)) == [
        (100, 4, None),
        (100, 3, 1),
        (100, 2, None),
        (100, 2, 2),
    ]
    assert book.bids.top(5) == [(100, 1)]


def test_street_size_leaves_from_behind_an_order_first(book):
    book.quote(BUY, 100, 4)
    book.rest(an_order(1, BUY, 100, 3))
    book.quote(BUY, 100, 9)
    book.quote(BUY, 100, 4)

    assert whom(book.take(SELL, 5, 100)) == [(100, 4, None), (100, 1, 1)]


def test_street_size_that_leaves_from_before_an_order_moves_it_forward(book):
    book.quote(BUY, 100, 4)
    book.rest(an_order(1, BUY, 100, 3))
    book.quote(BUY, 100, 1)

    assert whom(book.take(SELL, 2, 100)) == [(100, 1, None), (100, 1, 1)]


def test_an_arriving_street_order_fills_what_it_crosses_at_the_resting_price(book):
    book.rest(an_order(1, BUY, 100, 3))

    assert whom(book.quote(SELL, 98, 5)) == [(100, 3, 1)]
    assert book.asks.top(5) == [(98, 2)]
    assert book.bids.top(5) == []


def test_a_larger_resting_order_keeps_the_street_from_crossing(book):
    book.rest(an_order(1, BUY, 100, 9))

    assert whom(book.quote(SELL, 98, 5)) == [(100, 5, 1)]
    assert book.asks.top(5) == []
    assert book.bids.top(5) == [(100, 4)]


def test_street_levels_that_new_street_size_crosses_are_stale(book):
    book.quote(BUY, 100, 5)
    book.quote(BUY, 99, 5)

    assert book.quote(SELL, 100, 2) == []
    assert book.bids.top(5) == [(99, 5)]
    assert book.asks.top(5) == [(100, 2)]


def test_a_print_at_the_price_moves_the_queue_and_fills_with_the_rest(book):
    book.quote(BUY, 100, 4)
    book.rest(an_order(1, BUY, 100, 3))

    assert whom(book.trade_through(SELL, 100, 3)) == []
    assert whom(book.trade_through(SELL, 100, 2)) == [(100, 1, 1)]
    assert book.bids.top(1) == [(100, 6)], "the tape itself tells the street's size"


def test_a_print_reaches_a_second_order_only_past_the_street_between(book):
    book.rest(an_order(1, BUY, 100, 3))
    book.quote(BUY, 100, 5)
    book.rest(an_order(2, BUY, 100, 3))

    assert whom(book.trade_through(SELL, 100, 9)) == [(100, 3, 1), (100, 1, 2)]


def test_a_print_at_a_worse_price_fills_better_orders_up_to_its_size(book):
    book.quote(BUY, 101, 50)
    book.rest(an_order(1, BUY, 101, 3))
    book.rest(an_order(2, BUY, 100, 3))
    book.rest(an_order(3, BUY, 98, 3))

    assert whom(book.trade_through(SELL, 99, 4)) == [(101, 3, 1), (100, 1, 2)]


def test_each_change_is_one_update_and_none_makes_no_update(book):
    book.quote(BUY, 100, 5)
    before = book.update_id
    book.quote(BUY, 100, 5)
    book.quote(BUY, 90, 0)
    assert book.update_id == before

    order = an_order(1, BUY, 100, 3)
    book.rest(order)
    book.remove(order)
    assert book.update_id == before + 2
    assert book.bids.top(5) == [(100, 5)]
