"""Double entry: whatever happens, what one account gains another loses."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.double_entry import (
    FEES,
    FEES_ELSEWHERE,
    WALLET,
    booked,
    external,
    postings,
    trading,
    trial_balance,
)
from state.exact import total
from state.ledger import Ledger
from state.messages.accounts import FundsKind
from state.values import Currency, Pair, Side
from tests.state.examples import a_fill, an_opening
from tests.state.strategies import fills, funds_moved

USDT = Currency("USDT")
events = st.one_of(fills(), funds_moved())


@given(event=events)
def test_the_lines_of_a_fact_add_up_to_nothing_in_each_currency(event):
    lines = postings(event)
    for currency in {line.currency for line in lines}:
        assert total(line.amount for line in lines if line.currency == currency) == 0


@given(story=st.lists(events, max_size=30))
def test_the_trial_balance_is_zero_after_every_fact(story):
    ledger = Ledger(quote=USDT)
    for event in story:
        ledger = ledger.apply(event)
        assert trial_balance(ledger.accounts) == {}


@given(story=st.lists(events, max_size=15), data=st.data())
def test_accounts_do_not_depend_on_the_order_of_facts(story, data):
    lines = [postings(event) for event in story]
    shuffled = data.draw(st.permutations(lines))
    one, other = {}, {}
    for some in lines:
        one = booked(one, some)
    for some in shuffled:
        other = booked(other, some)
    assert one == other


def test_a_purchase_is_worked_by_hand():
    lines = postings(
        a_fill(
            quantity=Decimal(2),
            price=Decimal(100),
            fee=Decimal("0.01"),
            gt_fee=Decimal(3),
            point_fee=Decimal(4),
        )
    )
    pair = trading(Pair("BTC_USDT"))
    assert booked({}, lines) == {
        pair: {"BTC": -2, "USDT": 200},
        WALLET: {"BTC": Decimal("1.99"), "USDT": -200, "GT": -3, "POINT": -4},
        FEES: {"BTC": Decimal("0.01")},
        FEES_ELSEWHERE: {"GT": 3, "POINT": 4},
    }


def test_a_fee_in_gt_is_paid_outside_the_trade():
    lines = postings(a_fill(side=Side.SELL, fee=Decimal(1), fee_currency=Currency("GT")))
    assert booked({}, lines)[FEES_ELSEWHERE] == {"GT": 1}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("opening", FundsKind.OPENING),
        ("deposit", FundsKind.DEPOSIT),
        ("withdrawal: to the cold wallet", FundsKind.WITHDRAWAL),
        ("foreign trade 7 of BTC_USDT", FundsKind.FOREIGN),
        ("fee points, entry 9", FundsKind.FEE),
        ("dust of the conversion", FundsKind.DUST),
        ("I found it in a drawer", FundsKind.CORRECTION),
        ("", FundsKind.CORRECTION),
    ],
)
def test_money_from_outside_has_an_account_of_its_kind(reason, kind):
    moved = an_opening(reason=reason, change=Decimal(5))
    assert booked({}, postings(moved)) == {
        external(kind): {USDT: Decimal(-5)},
        WALLET: {USDT: Decimal(5)},
    }


def test_opening_with_nothing_is_an_opening_too():
    ledger = Ledger(quote=USDT)
    assert not ledger.is_open
    assert ledger.apply(an_opening(change=Decimal(0))).is_open
