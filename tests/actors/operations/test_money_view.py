"""What the operator is shown of money: exact, as text, and adding up where it does."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.operations.money_view import (
    balances_view,
    drift_view,
    equity_view,
    positions_view,
)
from state.exact import exactly
from state.messages.accounts import BalanceDifference
from state.values import Currency
from tests.state.examples import a_comparison, a_mark

USDT = Currency("USDT")


def test_before_any_equity_was_told_there_is_none():
    assert equity_view(None) is None


def test_equity_is_shown_as_text_without_exponents():
    view = equity_view(a_mark(equity=Decimal("1E+4"), fees=Decimal("0.50")))
    assert view is not None
    assert (view["equity"], view["fees"], view["currency"]) == ("10000", "0.5", "USDT")
    assert view["difference"] == "-0.5"


amounts = st.integers(-(10**40), 10**40).map(lambda units: Decimal(units).scaleb(-20))


@given(parts=st.tuples(amounts, amounts, amounts, amounts, amounts))
def test_an_identity_that_holds_is_shown_to_hold_however_many_digits_it_has(parts):
    start, flows, realised, unrealised, fees = parts
    with exactly():
        equity = start + flows + realised + unrealised - fees
    view = equity_view(
        a_mark(
            equity=equity,
            start=start,
            flows=flows,
            realised=realised,
            unrealised=unrealised,
            fees=fees,
        )
    )
    assert view is not None
    assert view["difference"] == "0"


def test_equity_is_shown_by_both_methods_where_both_are_known():
    mark = a_mark(realised_fifo=Decimal(3), unrealised_fifo=Decimal(-3))
    view = equity_view(mark)
    assert view is not None
    assert (view["realised_fifo"], view["unrealised_fifo"]) == ("3", "-3")
    assert view["difference_fifo"] == view["difference"] == "0"
    assert "realised_fifo" not in (equity_view(a_mark()) or {})


def test_balances_show_that_every_currency_adds_up_to_nothing():
    accounts = [
        {"account": "wallet", "currency": "USDT", "amount": "9900"},
        {"account": "external:opening", "currency": "USDT", "amount": "-10000"},
        {"account": "trading:BTC_USDT", "currency": "USDT", "amount": "100"},
        {"account": "wallet", "currency": "BTC", "amount": "1"},
    ]
    view = balances_view([], accounts, None, None)
    assert view["trial_balance"] == {"BTC": "1", "USDT": "0"}
    assert view["drift"] == {"total": None, "currency": None, "by_currency": {}}


def test_drift_is_signed_by_currency_and_counted_positive_together():
    one = BalanceDifference(currency=USDT, ledger=Decimal(10), exchange=Decimal("9.5"))
    compared = a_comparison(differences=(one,), drift=Decimal("0.50"), drift_currency=USDT)
    assert drift_view(compared) == {
        "total": "0.5",
        "currency": "USDT",
        "by_currency": {"USDT": "-0.5"},
    }


def test_each_position_is_shown_with_its_lots():
    lot = {"ordinal": 1, "pair": "BTC_USDT", "at_ns": 2, "quantity": "1", "cost": "100"}
    rows = positions_view([{"pair": "BTC_USDT"}, {"pair": "ETH_USDT"}], [lot])
    assert rows[0]["lots"] == [{"at_ns": 2, "quantity": "1", "cost": "100"}]
    assert rows[1]["lots"] == []
