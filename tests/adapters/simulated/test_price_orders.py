"""A price order waits outside the book, and when its price comes it places another order."""

from decimal import Decimal

import pytest

from adapters.simulated.core.events import PriceOrderMoved
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.price_orders import PriceOrderRequest, PriceOrderStatus, Rule
from adapters.simulated.core.switches import Switches
from state.errors import VenueRefused
from state.values import NS_PER_S, OrderType, Side
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
    venue = a_trading_venue()
    yield venue
    assert broken_invariants(venue) == []


def a_trading_venue(**switches):
    """Return a venue whose last price is 100."""
    venue = a_venue(switches=Switches(**switches))
    street(venue, BUY, "99.99", "50")
    street(venue, SELL, "100", "50")
    venue.street_take(the_market(venue), BUY, 1, None, NOON)
    return venue


def arm(venue, rule, trigger, side, price, amount="1", *, expiration_s=60, who="alice", **more):
    request = PriceOrderRequest(
        pair=PAIR,
        trigger_price=Decimal(trigger),
        rule=Rule(rule),
        expiration_s=expiration_s,
        side=side,
        amount=Decimal(amount),
        price=None if price is None else Decimal(price),
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        **more,
    )
    return venue.triggers.arm(venue.ledger.accounts[who], request, NOON)


def trade_at(venue, price, now_ns=NOON + NS_PER_S):
    """Let the street trade one lot at `price`."""
    market = the_market(venue)
    ticks = market.units.ticks(Decimal(price))
    venue.clearing.publish(market, 1, BUY, ticks, 1, now_ns)


def orders(venue, who="alice"):
    return venue.index.open_orders(who)


@pytest.mark.parametrize(
    ("rule", "trigger", "short", "met"),
    [(">=", "105", "104.99", "105"), ("<=", "95", "95.01", "95")],
)
def test_it_places_a_new_order_when_its_price_comes(venue, rule, trigger, short, met):
    armed = arm(venue, rule, trigger, BUY, "90")
    trade_at(venue, short)
    venue.advance(NOON + NS_PER_S)
    assert (armed.is_open, orders(venue)) == (True, [])

    trade_at(venue, met)
    assert venue.next_due_ns() == NOON + NS_PER_S
    venue.advance(NOON + NS_PER_S)

    [order] = orders(venue)
    assert (armed.status, armed.fired_order_id) == (PriceOrderStatus.FINISHED, order.id)
    assert order.id != armed.id
    assert (order.text, order.ticks, order.amount) == ("apiv4", 9_000, 1000)


def test_a_price_that_came_and_went_between_two_looks_counts(venue):
    armed = arm(venue, ">=", "105", SELL, "110")
    for price in ("100", "106", "101"):
        trade_at(venue, price)
    venue.advance(NOON + NS_PER_S)
    assert armed.status is PriceOrderStatus.FINISHED


def test_prices_from_before_it_was_armed_do_not_count(venue):
    trade_at(venue, "106", NOON)
    trade_at(venue, "100", NOON)
    armed = arm(venue, ">=", "105", SELL, "110")
    venue.advance(NOON + NS_PER_S)
    assert armed.is_open


def test_arming_another_does_not_forget_what_the_first_has_met(venue):
    first = arm(venue, ">=", "105", SELL, "110")
    trade_at(venue, "106")
    trade_at(venue, "100")
    second = arm(venue, ">=", "105", SELL, "110")
    venue.advance(NOON + NS_PER_S)
    assert (first.is_open, second.is_open) == (False, True)


def test_an_order_that_fires_can_fire_the_next(venue):
    arm(venue, ">=", "105", BUY, None, "60")
    street(venue, SELL, "103", "20")
    later = arm(venue, ">=", "103", SELL, "110", who="bob")
    trade_at(venue, "105")
    venue.advance(NOON + NS_PER_S)
    assert later.status is PriceOrderStatus.FINISHED
    assert broken_invariants(venue) == []


def test_a_market_buy_is_armed_in_base_and_placed_in_quote(venue):
    armed = arm(venue, "<=", "99", BUY, None, "2")
    trade_at(venue, "99")
    venue.advance(NOON + NS_PER_S)

    order = venue.order(venue.ledger.accounts["alice"], str(armed.fired_order_id), PAIR, NOON)
    assert (order.amount, order.finish_as) == (198 * 10**18, "filled")
    assert order.filled_lots == 1980


def test_what_cannot_be_placed_fails_with_the_reason(venue):
    armed = arm(venue, ">=", "105", SELL, "110", "101")
    trade_at(venue, "105")
    venue.advance(NOON + NS_PER_S)

    assert (armed.status, armed.fired_order_id) == (PriceOrderStatus.FAILED, 0)
    assert armed.reason == "BALANCE_NOT_ENOUGH: Not enough balance"


def test_it_expires(venue):
    armed = arm(venue, ">=", "105", SELL, "110", expiration_s=10)
    assert venue.next_due_ns() == NOON + 10 * NS_PER_S
    venue.advance(NOON + 10 * NS_PER_S)
    assert armed.status is PriceOrderStatus.EXPIRED
    with pytest.raises(VenueRefused, match=r"^ORDER_CLOSED"):
        venue.triggers.cancel("alice", str(armed.id), NOON)


def test_it_is_taken_back_by_its_owner_only(venue):
    armed = arm(venue, ">=", "105", SELL, "110")
    with pytest.raises(VenueRefused, match=r"^ORDER_NOT_FOUND"):
        venue.triggers.cancel("bob", str(armed.id), NOON)
    venue.triggers.cancel("alice", str(armed.id), NOON)
    trade_at(venue, "105")
    venue.advance(NOON + NS_PER_S)

    assert armed.status is PriceOrderStatus.CANCELLED
    assert orders(venue) == []
    with pytest.raises(VenueRefused, match=r"^ORDER_CANCELLED"):
        venue.triggers.cancel("alice", str(armed.id), NOON)


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"rule": ">=", "trigger": "100"}, "AUTO_TRIGGER_PRICE_LESS_LAST"),
        ({"rule": "<=", "trigger": "100"}, "AUTO_TRIGGER_PRICE_GREATE_LAST"),
        ({"trigger": "105.001"}, "INVALID_PRECISION"),
        ({"price": "110.001"}, "INVALID_PRECISION"),
        ({"amount": "0.001"}, "INVALID_PARAM_VALUE: Your order size"),
        ({"expiration_s": 0}, "INVALID_PARAM_VALUE"),
        ({"wallet": "margin"}, "INVALID_PARAM_VALUE"),
    ],
)
def test_a_bad_one_is_not_armed(venue, change, label):
    good = {"rule": ">=", "trigger": "105", "side": SELL, "price": "110"}
    with pytest.raises(VenueRefused, match=f"^{label}"):
        arm(venue, **(good | change))
    assert venue.triggers.of("alice") == []


def test_too_many_are_refused(venue):
    for _ in range(500):
        arm(venue, ">=", "105", SELL, "110")
    with pytest.raises(VenueRefused, match=r"^TOO_MANY_ORDERS"):
        arm(venue, ">=", "105", SELL, "110")


@pytest.mark.parametrize("locks", [False, True])
def test_funds_are_taken_when_it_fires_or_when_it_is_armed_as_switched(locks):
    venue = a_trading_venue(price_orders_lock_funds=locks)
    armed = arm(venue, ">=", "105", BUY, "90")
    assert balance(venue, "alice", "USDT")[1] == ("90" if locks else "0")
    assert broken_invariants(venue) == []
    trade_at(venue, "105")
    venue.advance(NOON + NS_PER_S)
    assert balance(venue, "alice", "USDT") == ("9910", "90")
    other = arm(venue, ">=", "110", SELL, "112", "2")
    assert balance(venue, "alice", "ABC")[1] == ("2" if locks else "0")
    venue.triggers.cancel_all("alice", None, NOON)
    assert balance(venue, "alice", "ABC") == ("100", "0")
    assert (armed.locked, other.locked) == (0, 0)
    assert broken_invariants(venue) == []


@pytest.mark.parametrize("cancels", [False, True])
def test_the_countdown_leaves_price_orders_or_not_as_switched(cancels):
    venue = a_trading_venue(countdown_cancels_price_orders=cancels)
    armed = arm(venue, ">=", "105", SELL, "110", expiration_s=600)
    resting = place(venue, "alice", BUY, "1", "90")
    venue.arm_countdown(venue.ledger.accounts["alice"], 5, None, NOON)
    venue.advance(NOON + 5 * NS_PER_S)
    assert (resting.is_open, armed.is_open) == (False, not cancels)


def test_each_turn_is_told_as_it_then_stood(venue):
    venue.drain()
    arm(venue, ">=", "105", SELL, "110")
    trade_at(venue, "105")
    venue.advance(NOON + NS_PER_S)
    told = [each.order for each in venue.drain() if isinstance(each, PriceOrderMoved)]
    assert [(each.status, bool(each.fired_order_id)) for each in told] == [
        (PriceOrderStatus.OPEN, False),
        (PriceOrderStatus.FINISHED, True),
    ]
