"""What becomes of an order: fills, fees, locks and endings, worked by hand."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters.simulated.core.events import BalanceMoved, OrderMoved, TradeDone, TradePublished
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import OrderStatus
from adapters.simulated.core.pair_rules import TradeStatus
from adapters.simulated.core.switches import PriceBand, Switches
from state.errors import VenueRefused
from state.values import NS_PER_MS, NS_PER_S, Role, Side, TimeInForce
from tests.adapters.simulated.venues import (
    NOON,
    PAIR,
    RULES,
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


def refused(label):
    return pytest.raises(VenueRefused, match=f"^{label}")


def test_a_resting_buy_locks_its_price_and_a_cancel_gives_it_back(venue):
    order = place(venue, "alice", BUY, "2", "50.00")

    assert (order.status, order.finish_as, order.left) == (OrderStatus.OPEN, "open", 2000)
    assert balance(venue, "alice", "USDT") == ("9900", "100")

    cancelled = venue.cancel(venue.ledger.accounts["alice"], str(order.id), PAIR, NOON)

    assert (cancelled.status, cancelled.finish_as) == (OrderStatus.CANCELLED, "cancelled")
    assert balance(venue, "alice", "USDT") == ("10000", "0")


def test_a_buy_pays_its_fee_in_base_and_a_sell_in_quote(venue):
    place(venue, "bob", SELL, "1", "100")
    place(venue, "alice", BUY, "1", "100")

    assert balance(venue, "alice", "ABC") == ("100.998", "0")
    assert balance(venue, "alice", "USDT") == ("9900", "0")
    assert balance(venue, "bob", "ABC") == ("99", "0")
    assert balance(venue, "bob", "USDT") == ("10099.8", "0")


def test_makers_and_takers_pay_their_own_rates(venue):
    venue.ledger.accounts["bob"].maker_fee_ppm = 0
    venue.ledger.accounts["alice"].taker_fee_ppm = 10_000
    place(venue, "bob", SELL, "1", "100")
    place(venue, "alice", BUY, "1", "100")

    assert balance(venue, "bob", "USDT") == ("10100", "0")
    assert balance(venue, "alice", "ABC") == ("100.99", "0")


def test_a_better_price_is_the_takers_and_the_rest_is_unlocked(venue):
    street(venue, SELL, "99.00", "1")
    order = place(venue, "alice", BUY, "3", "100")

    assert (order.left, order.filled_lots) == (2000, 1000)
    assert balance(venue, "alice", "USDT") == ("9701", "200")


def test_two_accounts_trade_with_one_public_trade_and_a_fill_each(venue):
    maker = place(venue, "bob", SELL, "1", "100", text="t-maker")
    venue.drain()
    taker = place(venue, "alice", BUY, "1", "101", text="t-taker")
    events = venue.drain()

    [public] = [event for event in events if isinstance(event, TradePublished)]
    fills = {event.trade.owner: event.trade for event in events if isinstance(event, TradeDone)}
    assert (public.taker, public.ticks, public.lots) == (BUY, 10_000, 1000)
    assert (fills["alice"].role, fills["alice"].order_id) == (Role.TAKER, taker.id)
    assert (fills["bob"].role, fills["bob"].order_id) == (Role.MAKER, maker.id)
    assert fills["alice"].id != fills["bob"].id
    assert {fill.market_id for fill in fills.values()} == {public.id}


def test_what_happens_is_told_in_order_with_the_state_of_that_moment(venue):
    street(venue, SELL, "100", "1")
    place(venue, "alice", BUY, "3", "100")
    street(venue, SELL, "100", "5")
    told = [
        (event.event, event.order.left, event.order.finish_as)
        for event in venue.drain()
        if isinstance(event, OrderMoved)
    ]

    assert told == [("put", 3000, "open"), ("update", 2000, "open"), ("finish", 0, "filled")]


def test_every_balance_change_is_told_with_what_is_left(venue):
    place(venue, "alice", BUY, "1", "100")
    [moved] = [event for event in venue.drain() if isinstance(event, BalanceMoved)]

    assert (moved.available, moved.locked) == (9900 * 10**18, 100 * 10**18)
    assert (moved.available_change, moved.locked_change) == (-(10**20), 10**20)
    assert moved.change_type == "order-create"


def test_a_market_buy_spends_quote_and_a_rest_below_one_lot_counts_as_filled(venue):
    street(venue, SELL, "7.00", "100")
    order = place(venue, "alice", BUY, "10", None)

    assert (order.status, order.finish_as) == (OrderStatus.CLOSED, "filled")
    assert order.filled_lots == 1428
    assert order.filled_quote == 9_996_000_000_000_000_000
    assert order.filled_quote + order.left == order.amount
    assert balance(venue, "alice", "USDT") == ("9990.004", "0")


def test_a_market_order_in_a_thin_book_ends_cancelled_with_what_it_got(venue):
    street(venue, SELL, "100", "0.5")
    order = place(venue, "alice", BUY, "80", None)

    assert (order.status, order.finish_as) == (OrderStatus.CANCELLED, "depth_not_enough")
    assert (order.filled_lots, order.left) == (500, 30 * 10**18)


def test_a_market_order_goes_no_further_than_the_slippage(venue):
    street(venue, SELL, "100", "0.5")
    street(venue, BUY, "99", "1")
    place(venue, "alice", BUY, "0.1", "100")  # a trade, so there is a last price
    street(venue, SELL, "104", "50")
    order = place(venue, "alice", BUY, "1000", None)

    assert order.finish_as == "depth_not_enough"
    assert order.filled_lots == 400, "104 is more than 3 % above 100"


def test_a_market_sell_counts_base(venue):
    street(venue, BUY, "100", "5")
    order = place(venue, "alice", SELL, "2", None)

    assert (order.status, order.filled_lots, order.left) == (OrderStatus.CLOSED, 2000, 0)
    assert balance(venue, "alice", "USDT") == ("10199.6", "0")


def test_an_ioc_order_never_rests(venue):
    street(venue, SELL, "100", "1")
    part = place(venue, "alice", BUY, "3", "100", tif=TimeInForce.IOC)
    nothing = place(venue, "alice", BUY, "3", "100", tif=TimeInForce.IOC)

    assert (part.status, part.finish_as, part.left) == (OrderStatus.CANCELLED, "ioc", 2000)
    assert (nothing.status, nothing.left) == (OrderStatus.CANCELLED, nothing.amount)
    assert balance(venue, "alice", "USDT") == ("9900", "0")


def test_a_post_only_order_is_refused_rather_than_taken(venue):
    street(venue, SELL, "100", "1")
    with refused("POC_FILL_IMMEDIATELY"):
        place(venue, "alice", BUY, "1", "100", tif=TimeInForce.POC)

    order = place(venue, "alice", BUY, "1", "99.99", tif=TimeInForce.POC)
    assert order.is_open


@pytest.mark.parametrize(("side", "price"), [(BUY, "100"), (SELL, "90")])
def test_a_fill_or_kill_order_fills_whole_or_is_refused(venue, side, price):
    street(venue, SELL, "100", "2")
    street(venue, BUY, "90", "2")
    with refused("FOK_NOT_FILL"):
        place(venue, "alice", side, "3", price, tif=TimeInForce.FOK)

    assert place(venue, "alice", side, "2", price, tif=TimeInForce.FOK).finish_as == "filled"


def test_a_fill_or_kill_market_buy_looks_whether_its_quote_can_be_spent(venue):
    street(venue, SELL, "100", "2")
    with refused("FOK_NOT_FILL"):
        place(venue, "alice", BUY, "300", None, tif=TimeInForce.FOK)

    assert place(venue, "alice", BUY, "150", None, tif=TimeInForce.FOK).filled_lots == 1500
    street(venue, SELL, "100", "0.1")
    street(venue, SELL, "103.01", "9")
    with refused("FOK_NOT_FILL"):
        place(venue, "alice", BUY, "20", None, tif=TimeInForce.FOK)


def test_nobody_sees_or_cancels_anothers_order(venue):
    order = place(venue, "alice", BUY, "1", "100", text="t-1")
    bob = venue.ledger.accounts["bob"]
    for reference in (str(order.id), "t-1", "²", ""):
        with refused("ORDER_NOT_FOUND"):
            venue.order(bob, reference, PAIR, NOON)
        with refused("ORDER_NOT_FOUND"):
            venue.cancel(bob, reference, PAIR, NOON)


def test_an_order_that_ended_cannot_be_cancelled_and_says_how_it_ended(venue):
    alice = venue.ledger.accounts["alice"]
    street(venue, SELL, "100", "1")
    filled = place(venue, "alice", BUY, "1", "100")
    gone = place(venue, "alice", BUY, "1", "90")
    venue.cancel(alice, str(gone.id), PAIR, NOON)

    with refused("ORDER_CLOSED"):
        venue.cancel(alice, str(filled.id), PAIR, NOON)
    with refused("ORDER_CANCELLED"):
        venue.cancel(alice, str(gone.id), PAIR, NOON)


def test_a_request_that_arrives_after_its_expiry_is_refused(venue):
    late_ms = NOON // NS_PER_MS - 1
    with refused("REQUEST_EXPIRED"):
        place(venue, "alice", BUY, "1", "100", expires_ms=late_ms)
    order = place(venue, "alice", BUY, "1", "100", expires_ms=late_ms + 1)
    with refused("REQUEST_EXPIRED"):
        venue.cancel(venue.ledger.accounts["alice"], str(order.id), PAIR, NOON, late_ms)


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({"status": TradeStatus.SELLABLE}, {SELL}),
        ({"status": TradeStatus.BUYABLE}, {BUY}),
        ({"status": TradeStatus.UNTRADABLE}, set()),
        ({"buy_start_s": NOON // NS_PER_S + 1}, {SELL}),
        ({"sell_start_s": NOON // NS_PER_S}, {BUY, SELL}),
        ({"delisting_s": NOON // NS_PER_S}, set()),
        ({"delisting_s": NOON // NS_PER_S + 1}, {BUY, SELL}),
    ],
)
def test_a_pair_takes_the_sides_that_its_status_and_its_dates_allow(change, taken):
    venue = a_venue(rules=replace(RULES, **change))
    for side in Side:
        for price in ("100", None):
            if side in taken:
                assert place(venue, "alice", side, "3", price).amount
            else:
                with refused("TRADE_RESTRICTED"):
                    place(venue, "alice", side, "3", price)


@pytest.mark.parametrize(
    ("side", "amount", "label"), [(BUY, "50.01", "AMOUNT_TOO_MUCH"), (SELL, "2.001", "AMOUNT_TOO")]
)
def test_an_order_at_market_has_caps_of_its_own(side, amount, label):
    caps = {"market_max_base": Decimal(2), "market_max_quote": Decimal(50)}
    venue = a_venue(rules=replace(RULES, **caps))
    with refused(label):
        place(venue, "alice", side, amount, None)
    assert place(venue, "alice", side, "3", "100").is_open
    assert place(venue, "alice", side, "50" if side is BUY else "2", None).amount


def test_the_band_can_bind_aggressive_prices_only():
    venue = a_venue(switches=Switches(price_band=PriceBand.AGGRESSIVE))
    street(venue, BUY, "99.99", "1")
    street(venue, SELL, "100.01", "1")

    assert place(venue, "alice", BUY, "1", "50").is_open
    with refused("PRICE_THRESHOLD_EXCEEDED"):
        place(venue, "alice", BUY, "1", "121")


def test_cancel_all_takes_what_it_names_and_nothing_else(venue):
    alice = venue.ledger.accounts["alice"]
    buy = place(venue, "alice", BUY, "1", "90")
    sell = place(venue, "alice", SELL, "1", "110")
    others = place(venue, "bob", BUY, "1", "90")

    assert venue.cancel_all(alice, NOON, pair=PAIR, side=SELL) == [sell]
    assert venue.cancel_all(alice, NOON) == [buy]
    assert others.is_open
    with refused("INVALID_CURRENCY_PAIR"):
        venue.cancel_all(alice, NOON, pair="NOPE_USDT")


def test_the_countdown_cancels_unless_called_again(venue):
    alice = venue.ledger.accounts["alice"]
    order = place(venue, "alice", BUY, "1", "90")
    others = place(venue, "bob", BUY, "1", "90")
    assert venue.arm_countdown(alice, 10, None, NOON) == NOON // NS_PER_MS + 10_000

    venue.advance(NOON + 9 * NS_PER_S)
    venue.arm_countdown(alice, 10, None, NOON + 9 * NS_PER_S)
    venue.advance(NOON + 18 * NS_PER_S)
    assert order.is_open
    venue.advance(NOON + 19 * NS_PER_S)

    assert order.finish_as == "cancelled"
    assert others.is_open


def test_the_countdown_of_a_pair_can_be_disarmed(venue):
    alice = venue.ledger.accounts["alice"]
    order = place(venue, "alice", BUY, "1", "90")
    venue.arm_countdown(alice, 5, PAIR, NOON)
    assert venue.next_due_ns() == NOON + 5 * NS_PER_S
    assert venue.arm_countdown(alice, 0, PAIR, NOON) == 0

    venue.advance(NOON + 60 * NS_PER_S)
    assert order.is_open
    with refused("INVALID_PARAM_VALUE"):
        venue.arm_countdown(alice, 4, PAIR, NOON)


def test_an_account_may_trade_with_itself(venue):
    place(venue, "alice", SELL, "1", "100")
    place(venue, "alice", BUY, "1", "100")

    assert balance(venue, "alice", "ABC") == ("99.998", "0")
    assert balance(venue, "alice", "USDT") == ("9999.8", "0")


def test_the_book_never_shows_more_than_what_rests(venue):
    place(venue, "alice", BUY, "1", "100")
    street(venue, BUY, "100", "2")
    place(venue, "bob", SELL, "0.5", "100")

    assert the_market(venue).book.bids.top(1) == [(10_000, 2500)]
