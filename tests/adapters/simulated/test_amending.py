"""An order that is changed keeps its id, and its place only if it became smaller."""

from decimal import Decimal

import pytest

from adapters.simulated.core.events import BalanceMoved, OrderMoved, TradeDone
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import AmendRequest, OrderStatus
from state.errors import VenueRefused
from state.values import NS_PER_MS, NS_PER_S, Side, TimeInForce
from tests.adapters.simulated.venues import (
    NOON,
    PAIR,
    a_venue,
    balance,
    place,
    street,
    the_market,
)

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def venue():
    venue = a_venue()
    yield venue
    assert broken_invariants(venue) == []


def amend(venue, order, *, amount=None, price=None, text=None, now_ns=NOON, expires_ms=None):
    request = AmendRequest(
        amount=None if amount is None else Decimal(amount),
        price=None if price is None else Decimal(price),
        text=text,
    )
    owner = venue.ledger.accounts[order.owner]
    return venue.amend(owner, str(order.id), PAIR, request, now_ns, expires_ms)


def refused(label):
    return pytest.raises(VenueRefused, match=f"^{label}")


def first_filled(venue):
    """Let the street sell one lot and return whose order it met."""
    venue.drain()
    venue.street_take(the_market(venue), SELL, 1, None, NOON)
    [done] = [event for event in venue.drain() if isinstance(event, TradeDone)]
    return done.trade.owner


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"amount": "1"}, "alice"),
        ({"amount": "3"}, "bob"),
        ({"price": "99.99"}, "bob"),
        ({"amount": "1", "price": "100.01"}, "alice"),
    ],
)
def test_only_a_pure_reduction_keeps_the_place(venue, change, first):
    order = place(venue, "alice", BUY, "2", "100")
    place(venue, "bob", BUY, "2", "100")
    number = order.id

    assert amend(venue, order, **change).id == number
    assert first_filled(venue) == first


def test_what_an_amended_order_locks_is_what_it_may_cost(venue):
    order = place(venue, "alice", BUY, "2", "100")
    amend(venue, order, amount="3", price="90.50")
    assert balance(venue, "alice", "USDT") == ("9728.5", "271.5")
    amend(venue, order, amount="1")
    assert balance(venue, "alice", "USDT") == ("9909.5", "90.5")
    assert the_market(venue).book.bids.top(5) == [(9_050, 1000)]


def test_what_more_is_locked_is_told_as_an_update(venue):
    order = place(venue, "alice", BUY, "2", "100")
    venue.drain()
    amend(venue, order, amount="3")
    [moved] = [event for event in venue.drain() if isinstance(event, BalanceMoved)]
    assert (moved.change_type, moved.locked_change) == ("order-update", 100 * 10**18)


def test_an_amended_order_that_reaches_the_other_side_trades(venue):
    street(venue, SELL, "101", "1")
    order = place(venue, "alice", BUY, "2", "100")
    venue.drain()
    amend(venue, order, price="101", text="up", now_ns=NOON + NS_PER_S)
    told = venue.drain()

    assert (order.left, order.filled_lots, order.amend_text) == (1000, 1000, "up")
    moves = [(each.event, each.order.left) for each in told if isinstance(each, OrderMoved)]
    assert moves == [("update", 2000), ("update", 1000)]
    [done] = [each.trade for each in told if isinstance(each, TradeDone)]
    assert done.amend_text == "up"
    assert order.updated_ns == NOON + NS_PER_S


def test_a_post_only_order_is_not_moved_across(venue):
    street(venue, SELL, "101", "1")
    order = place(venue, "alice", BUY, "2", "100", tif=TimeInForce.POC)
    with refused("POC_FILL_IMMEDIATELY"):
        amend(venue, order, price="101", text="up")
    assert (order.ticks, order.amend_text) == (10_000, "-")


@pytest.mark.parametrize("amount", ["1", "0.5"])
def test_an_amount_that_is_filled_already_cancels_the_rest(venue, amount):
    order = place(venue, "alice", BUY, "3", "100")
    venue.street_take(the_market(venue), SELL, 1000, None, NOON)
    amend(venue, order, amount=amount)

    assert (order.status, order.finish_as) == (OrderStatus.CANCELLED, "cancelled")
    assert balance(venue, "alice", "USDT") == ("9900", "0")


def test_the_amount_counts_what_is_filled(venue):
    order = place(venue, "alice", BUY, "3", "100")
    venue.street_take(the_market(venue), SELL, 1000, None, NOON)
    amend(venue, order, amount="2.5")

    assert (order.amount, order.left) == (2500, 1500)


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({}, "NO_CHANGE"),
        ({"text": "only a remark"}, "NO_CHANGE"),
        ({"amount": "2", "price": "100"}, "NO_CHANGE"),
        ({"amount": "0.01"}, "INVALID_PARAM_VALUE: Your order size 1.000000 USDT is too small"),
        ({"amount": "101"}, "BALANCE_NOT_ENOUGH"),
        ({"price": "100.001"}, "INVALID_PRECISION"),
        ({"price": "150"}, "PRICE_THRESHOLD_EXCEEDED"),
        ({"amount": "NaN"}, "INVALID_PRECISION"),
        ({"amount": "1", "expires_ms": NOON // NS_PER_MS - 1}, "REQUEST_EXPIRED"),
    ],
)
def test_a_refused_change_changes_nothing(venue, change, label):
    street(venue, BUY, "99.99", "1")
    street(venue, SELL, "101", "1")
    order = place(venue, "alice", BUY, "2", "100")
    venue.drain()
    with refused(label):
        amend(venue, order, **change)

    assert (order.ticks, order.amount, order.left) == (10_000, 2000, 2000)
    assert venue.drain() == []


def test_what_ended_cannot_be_changed(venue):
    order = place(venue, "alice", BUY, "2", "100")
    venue.cancel(venue.ledger.accounts["alice"], str(order.id), PAIR, NOON)
    with refused("ORDER_CANCELLED"):
        amend(venue, order, amount="1")
