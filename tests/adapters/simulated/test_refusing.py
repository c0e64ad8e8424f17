"""What the venue refuses, with Gate's labels, and the switches that decide."""

from decimal import Decimal

import msgspec
import pytest

from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.switches import RepeatedText, Switches, TextLookup
from state.errors import VenueRefused
from state.values import NS_PER_S, Side, TimeInForce
from tests.adapters.simulated.venues import (
    NOON,
    PAIR,
    RULES,
    a_venue,
    place,
    street,
)

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def venue():
    venue = a_venue()
    yield venue
    assert broken_invariants(venue) == []


def refused(label):
    return pytest.raises(VenueRefused, match=f"^{label}")


@pytest.mark.parametrize(
    ("side", "amount", "price", "label"),
    [
        (BUY, "1", "100.001", "INVALID_PRECISION"),
        (BUY, "1.0001", "100", "INVALID_PRECISION"),
        (BUY, "NaN", "100", "INVALID_PRECISION"),
        (BUY, "0", "100", "INVALID_PARAM_VALUE: Invalid request parameter `amount`"),
        (BUY, "-1", "100", "INVALID_PARAM_VALUE: Invalid request parameter `amount`"),
        (BUY, "1", "-100", "INVALID_PARAM_VALUE: Invalid request parameter `price`"),
        (BUY, "1", "120.01", "PRICE_THRESHOLD_EXCEEDED"),
        (SELL, "1", "79.99", "PRICE_THRESHOLD_EXCEEDED"),
        (BUY, "101", "100", "BALANCE_NOT_ENOUGH: Not enough balance"),
        (SELL, "100.001", "100", "BALANCE_NOT_ENOUGH"),
        (BUY, "2.99", None, "INVALID_PARAM_VALUE: Your order size 2.990000 USDT is too small. "),
        (SELL, "0.029", None, "INVALID_PARAM_VALUE: Your order size 2.900000 USDT is too small. "),
    ],
)
def test_what_may_not_be_placed_gets_gates_label(venue, side, amount, price, label):
    street(venue, BUY, "99.99", "1")
    street(venue, SELL, "100.01", "1")
    with refused(label):
        place(venue, "alice", side, amount, price)
    assert venue.drain() == []


def test_an_order_below_the_minimum_gets_the_sentence_of_the_real_venue(venue):
    with pytest.raises(VenueRefused) as caught:
        place(venue, "alice", BUY, "0.006", "100")

    assert caught.value.label == "INVALID_PARAM_VALUE"
    assert caught.value.message == (
        "Your order size 0.600000 USDT is too small. The minimum is 3 USDT"
    )
    assert caught.value.status == 400


def test_a_limit_order_needs_a_price(venue):
    from adapters.simulated.core.orders import OrderRequest  # noqa: PLC0415

    request = OrderRequest(pair=PAIR, side=BUY, amount=Decimal(1))
    with refused("MISSING_REQUIRED_PARAM"):
        venue.place(venue.ledger.accounts["alice"], request, NOON)


@pytest.mark.parametrize("tif", [TimeInForce.GTC, TimeInForce.POC])
def test_a_market_order_takes_only_ioc_and_fok(venue, tif):
    with refused("INVALID_PARAM_VALUE"):
        place(venue, "alice", BUY, "10", None, tif=tif)


@pytest.mark.parametrize(
    "text", ["apiv4", "x-1", "t-", "t-" + "a" * 29, "t-ümlaut", "t-a b", "t-a\n", "t-٣"]
)
def test_a_client_id_keeps_gates_rules(venue, text):
    with refused("INVALID_CLIENT_ORDER_ID"):
        place(venue, "alice", BUY, "1", "100", text=text)


def test_the_longest_client_id_with_every_kind_of_character_is_taken(venue):
    text = "t-" + "aZ0_-." + "x" * 22
    assert place(venue, "alice", BUY, "1", "100", text=text).text == text


def test_a_client_id_is_refused_while_its_order_is_known(venue):
    order = place(venue, "alice", BUY, "1", "100", text="t-1")
    with refused("REPEATED_CREATION"):
        place(venue, "alice", BUY, "1", "100", text="t-1")

    assert place(venue, "bob", BUY, "1", "100", text="t-1").is_open, "names are per account"
    venue.cancel(venue.ledger.accounts["alice"], str(order.id), PAIR, NOON)
    assert place(venue, "alice", BUY, "1", "100", text="t-1").is_open


def test_the_switch_allows_repeated_client_ids():
    venue = a_venue(switches=Switches(repeated_text=RepeatedText.ALLOWED))
    first = place(venue, "alice", BUY, "1", "100", text="t-1")
    second = place(venue, "alice", BUY, "1", "100", text="t-1")

    alice = venue.ledger.accounts["alice"]
    assert venue.order(alice, "t-1", PAIR, NOON) is second
    assert venue.order(alice, str(first.id), PAIR, NOON) is first


def test_an_order_is_found_by_client_id_only_while_it_rests(venue):
    alice = venue.ledger.accounts["alice"]
    order = place(venue, "alice", BUY, "1", "100", text="t-1")
    assert venue.order(alice, "t-1", PAIR, NOON) is order

    venue.cancel(alice, "t-1", PAIR, NOON)

    with refused("ORDER_NOT_FOUND"):
        venue.order(alice, "t-1", PAIR, NOON)
    assert venue.order(alice, str(order.id), PAIR, NOON).finish_as == "cancelled"


def test_the_switch_finds_a_client_id_for_an_hour_after_the_end():
    venue = a_venue(switches=Switches(text_lookup=TextLookup.HOUR))
    alice = venue.ledger.accounts["alice"]
    place(venue, "alice", BUY, "1", "100", text="t-1")
    venue.cancel(alice, "t-1", PAIR, NOON)

    assert venue.order(alice, "t-1", PAIR, NOON + 3600 * NS_PER_S).text == "t-1"
    with refused("ORDER_NOT_FOUND"):
        venue.order(alice, "t-1", PAIR, NOON + 3601 * NS_PER_S)


@pytest.mark.parametrize(
    ("amount", "price", "complaint"),
    [
        ("11", "100", "Your order size 11.000000 ABC is too large. The maximum is 10 ABC"),
        ("9", "120", "Your order size 1080.000000 USDT is too large. The maximum is 1000 USDT"),
    ],
)
def test_a_pair_may_have_maxima(amount, price, complaint):
    rules = msgspec.structs.replace(RULES, max_base=Decimal(10), max_quote=Decimal(1000))
    with refused("AMOUNT_TOO_MUCH") as caught:
        place(a_venue(rules=rules), "alice", BUY, amount, price)
    assert caught.value.message == complaint


def test_a_market_buy_finer_than_an_atom_is_refused(venue):
    with refused("INVALID_PRECISION"):
        place(venue, "alice", BUY, "3.0000000000000000001", None)
    with refused("INVALID_PARAM_VALUE"):
        place(venue, "alice", BUY, "-3", None)
