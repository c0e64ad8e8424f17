"""Fees come off what is received, or are paid in GT or points while the account holds enough."""

from decimal import Decimal

import pytest

from adapters.simulated.core.events import BalanceMoved, TradeDone
from adapters.simulated.core.fees import FeeMode
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import OrderRequest
from state.values import Currency, Role, Side
from tests.adapters.simulated.venues import (
    GT_RULES,
    NOON,
    RULES,
    a_venue,
    balance,
    deposit,
    place,
    street,
)

BUY, SELL = Side.BUY, Side.SELL
ATOM = 10**18


@pytest.fixture
def venue():
    """Alice owns USDT, ABC, one GT at 8 USDT and one point."""
    venue = a_venue(owners=(), others=(GT_RULES,))
    alice = venue.ledger.open("alice", "k", "s")
    for currency, amount in (("USDT", "10000"), ("ABC", "100"), ("GT", "1"), ("POINT", "1")):
        deposit(venue, alice, currency, amount)
    market = venue.pairs[GT_RULES.pair]
    venue.street_quote(market, BUY, 799, 1000, NOON)
    venue.street_quote(market, SELL, 801, 1000, NOON)
    street(venue, BUY, "99.99", "50")
    street(venue, SELL, "100", "50")
    venue.drain()
    yield venue
    assert broken_invariants(venue) == []


def pays_in(venue, mode):
    venue.ledger.accounts["alice"].fee_mode = mode


def the_fill(venue):
    [fill] = [event.trade for event in venue.drain() if isinstance(event, TradeDone)]
    return fill


@pytest.mark.parametrize("side", [BUY, SELL])
def test_gt_pays_at_its_own_rate_and_nothing_comes_off_what_is_received(venue, side):
    pays_in(venue, FeeMode.GT)
    order = place(venue, "alice", side, "1", "100" if side is BUY else "99.99")
    fill = the_fill(venue)

    worth = Decimal(100) if side is BUY else Decimal("99.99")
    due = worth * Decimal("0.0018") / 8
    assert fill.gt_fee == int(due * ATOM)
    assert (fill.fee, fill.point_fee) == (0, 0)
    assert (order.gt_fee, order.gt_taker_fee, order.gt_discount) == (fill.gt_fee, fill.gt_fee, True)
    assert balance(venue, "alice", "GT")[0] == f"{1 - due:f}"
    assert balance(venue, "alice", "ABC")[0] == ("101" if side is BUY else "99")


def test_points_pay_a_dollar_each(venue):
    pays_in(venue, FeeMode.POINTS)
    order = place(venue, "alice", BUY, "1", "100")
    fill = the_fill(venue)

    assert (fill.point_fee, fill.fee, fill.gt_fee) == (ATOM // 5, 0, 0)
    assert order.point_fee == ATOM // 5
    assert balance(venue, "alice", "POINT") == ("0.8", "0")


@pytest.mark.parametrize("mode", [FeeMode.GT, FeeMode.POINTS])
def test_who_holds_too_little_pays_from_what_is_received(venue, mode):
    pays_in(venue, mode)
    for currency in ("GT", "POINT"):
        venue.ledger.accounts["alice"].balances[Currency(currency)].available = 0
        venue.ledger.deposited[Currency(currency)] = 0
    place(venue, "alice", BUY, "1", "100")

    fill = the_fill(venue)
    assert (fill.fee, fill.fee_currency) == (2 * ATOM // 1000, "ABC")
    assert (fill.gt_fee, fill.point_fee) == (0, 0)


def test_without_a_market_for_gt_the_fee_comes_off_what_is_received(venue):
    pays_in(venue, FeeMode.GT)
    del venue.pairs[GT_RULES.pair]
    place(venue, "alice", BUY, "1", "100")
    assert the_fill(venue).fee == 2 * ATOM // 1000


def test_a_maker_pays_gt_as_a_maker(venue):
    pays_in(venue, FeeMode.GT)
    venue.ledger.accounts["alice"].gt_maker_fee_ppm = 900
    order = place(venue, "alice", SELL, "1", "101")
    venue.street_take(venue.pairs[RULES.pair], BUY, 51_000, None, NOON)
    fills = [event.trade for event in venue.drain() if isinstance(event, TradeDone)]

    assert [fill.role for fill in fills] == [Role.MAKER]
    assert (order.gt_maker_fee, order.gt_taker_fee) == (fills[0].gt_fee, 0)
    assert fills[0].gt_fee == int(Decimal("0.0909") / 8 * ATOM)


def test_selling_gt_while_paying_in_gt_keeps_the_account_book_right(venue):
    pays_in(venue, FeeMode.GT)
    request = OrderRequest(pair="GT_USDT", side=SELL, amount=Decimal("0.5"), price=Decimal("7.99"))
    venue.place(venue.ledger.accounts["alice"], request, NOON)
    paid, _, fee = list(venue.ledger.entries)[-3:]

    assert paid.balance == ATOM // 2
    assert fee.balance == paid.balance + fee.change
    assert fee.balance == venue.ledger.accounts["alice"].balances[Currency("GT")].total


def test_a_fee_of_its_own_is_told_as_one(venue):
    pays_in(venue, FeeMode.GT)
    place(venue, "alice", BUY, "1", "100")
    moves = [event for event in venue.drain() if isinstance(event, BalanceMoved)]
    assert [move.change_type for move in moves if move.currency == "GT"] == ["trade-fee-deduct"]
