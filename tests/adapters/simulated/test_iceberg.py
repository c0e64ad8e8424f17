"""An iceberg shows a part of itself; the rest is found, later, and pays as a taker."""

from decimal import Decimal

import pytest

from adapters.simulated.core.events import OrderMoved, TradeDone
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import AmendRequest
from state.errors import VenueRefused
from state.values import Role, Side, TimeInForce
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


def sell(venue, amount):
    """Let bob sell at market and return alice's fills and what was told of her order."""
    venue.drain()
    place(venue, "bob", SELL, amount, None)
    told = venue.drain()
    fills = [each.trade for each in told if isinstance(each, TradeDone)]
    moves = [each for each in told if isinstance(each, OrderMoved)]
    return (
        [fill for fill in fills if fill.owner == "alice"],
        [(move.event, move.order.left) for move in moves if move.order.owner == "alice"],
    )


def test_the_book_shows_a_part_and_refills_it(venue):
    order = place(venue, "alice", BUY, "5", "100", iceberg="2")
    bids = the_market(venue).book.bids
    assert bids.top(1) == [(10_000, 2000)]
    assert balance(venue, "alice", "USDT") == ("9500", "500")

    sell(venue, "1.5")
    assert bids.top(1) == [(10_000, 500)]
    sell(venue, "0.5")
    assert bids.top(1) == [(10_000, 2000)]
    sell(venue, "2")
    assert bids.top(1) == [(10_000, 1000)]
    assert order.left == 1000


def test_a_refilled_part_stands_at_the_back(venue):
    place(venue, "alice", BUY, "2", "100", iceberg="1")
    street(venue, BUY, "100", "1")
    other = place(venue, "bob", BUY, "1", "100")
    bids = the_market(venue).book.bids
    venue.street_take(the_market(venue), SELL, 2500, None, NOON)

    assert other.left == 500
    assert bids.top(1) == [(10_000, 1500)]


def test_the_hidden_part_pays_as_a_taker_and_the_shown_one_as_a_maker(venue):
    alice = venue.ledger.accounts["alice"]
    alice.maker_fee_ppm, alice.taker_fee_ppm = 0, 10_000
    place(venue, "alice", BUY, "5", "100", iceberg="2")
    fills, _ = sell(venue, "3")

    assert [(fill.lots, fill.role) for fill in fills] == [(2000, Role.MAKER), (1000, Role.MAKER)]
    assert [fill.fee for fill in fills] == [0, 10**16]


def test_one_taker_can_meet_every_part_and_each_fill_is_told_with_its_rest(venue):
    place(venue, "alice", BUY, "5", "100", iceberg="2")
    fills, moves = sell(venue, "5")

    assert [fill.lots for fill in fills] == [2000, 2000, 1000]
    assert moves == [("update", 3000), ("update", 1000), ("finish", 0)]


def test_a_fill_or_kill_order_counts_on_what_is_hidden(venue):
    place(venue, "alice", BUY, "5", "100", iceberg="2")
    with pytest.raises(VenueRefused, match=r"^FOK_NOT_FILL"):
        place(venue, "bob", SELL, "5.001", "100", tif=TimeInForce.FOK)
    assert place(venue, "bob", SELL, "5", "100", tif=TimeInForce.FOK).left == 0


def test_a_market_buy_spends_through_hidden_parts(venue):
    place(venue, "alice", SELL, "5", "100", iceberg="2")
    order = place(venue, "bob", BUY, "450", None)
    assert (order.filled_lots, order.left) == (4500, 0)


def test_what_was_taken_at_first_leaves_the_shown_part_whole(venue):
    street(venue, SELL, "100", "1")
    place(venue, "alice", BUY, "5", "100", iceberg="2")
    assert the_market(venue).book.bids.top(1) == [(10_000, 2000)]


def test_an_amended_iceberg_shows_no_more_than_is_left(venue):
    order = place(venue, "alice", BUY, "5", "100", iceberg="2")
    alice = venue.ledger.accounts["alice"]
    venue.amend(alice, str(order.id), PAIR, AmendRequest(amount=Decimal(1)), NOON)
    assert the_market(venue).book.bids.top(1) == [(10_000, 1000)]


@pytest.mark.parametrize(
    ("iceberg", "label"),
    [
        ("6", "INVALID_PARAM_VALUE"),
        ("0.001", "INVALID_PARAM_VALUE"),
        ("-1", "INVALID_PARAM_VALUE"),
        ("0.0001", "INVALID_PRECISION"),
        ("NaN", "INVALID_PRECISION"),
    ],
)
def test_a_part_that_cannot_be_shown_is_refused(venue, iceberg, label):
    with pytest.raises(VenueRefused, match=f"^{label}"):
        place(venue, "alice", BUY, "5", "100", iceberg=iceberg)


@pytest.mark.parametrize("iceberg", ["0", "5"])
def test_none_hidden_is_a_plain_order(venue, iceberg):
    assert place(venue, "alice", BUY, "5", "100", iceberg=iceberg).iceberg == 0
