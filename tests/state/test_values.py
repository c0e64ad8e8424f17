"""Money is written plainly and rounded in one place, always to the safe side."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.instrument import TradingRules
from state.messages.market import Timeframe
from state.values import Currency, Notional, Pair, Price, Quantity, Side, base_of, plain, quote_of

decimals = st.decimals(min_value=0, max_value=10**9, places=12)
prices = st.decimals(min_value="0.00000001", max_value=10**9, places=12)


def rules(**changes) -> TradingRules:
    members: dict[str, Any] = {
        "pair": Pair("BTC_USDT"),
        "base": Currency("BTC"),
        "quote": Currency("USDT"),
        "price_decimals": 1,
        "quantity_decimals": 5,
        "quantity_min": Quantity(Decimal("0.0001")),
        "notional_min": Notional(Decimal(3)),
    }
    return TradingRules(**members | changes)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("0.500", "0.5"), ("-0.00", "0"), ("100", "100"), ("-1.10", "-1.1")],
)
def test_money_is_written_without_exponent_or_idle_zeros(value, text):
    assert plain(Decimal(value)) == text


@given(value=st.decimals(allow_nan=False, allow_infinity=False))
def test_written_money_is_the_same_money(value):
    text = plain(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()


def test_a_pair_is_base_and_quote():
    assert base_of(Pair("BTC_USDT")) == "BTC"
    assert quote_of(Pair("BTC_USDT")) == "USDT"


def test_sides_are_opposite_and_signed():
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert Side.BUY.sign == -Side.SELL.sign == 1


def test_timeframes_know_their_length():
    assert [t.seconds for t in (Timeframe.S10, Timeframe.M5, Timeframe.H4, Timeframe.D1)] == [
        10,
        300,
        14_400,
        86_400,
    ]


@given(price=prices, side=st.sampled_from(Side))
def test_a_passive_price_never_pays_more_and_an_aggressive_one_never_waits(price, side):
    passive, aggressive = rules().price_passive(price, side), rules().price_aggressive(price, side)
    assert side.sign * (price - passive) >= 0
    assert side.sign * (aggressive - price) >= 0
    for rounded in (passive, aggressive):
        assert rounded % rules().price_step == 0
        assert abs(rounded - price) < rules().price_step


@given(quantity=decimals)
def test_a_quantity_is_only_ever_rounded_down(quantity):
    rounded = rules().quantity_down(quantity)
    assert 0 <= quantity - rounded < rules().quantity_step
    assert rounded % rules().quantity_step == 0


@given(price=st.decimals(min_value="0.01", max_value=10**6, places=2))
def test_the_smallest_order_meets_every_minimum_and_nothing_smaller_does(price):
    smallest = rules().smallest(price)
    assert smallest >= rules().quantity_min
    assert smallest * price >= rules().notional_min
    assert smallest % rules().quantity_step == 0
    less = smallest - rules().quantity_step
    assert less < rules().quantity_min or less * price < rules().notional_min


def test_without_minima_the_smallest_order_is_one_step():
    free = rules(quantity_min=Quantity(Decimal(0)), notional_min=Notional(Decimal(0)))
    assert free.smallest(Decimal(100)) == Decimal("0.00001")


def test_amounts_of_base_and_quote_cannot_be_mixed():
    """The guard is mypy: it must refuse each marked line, or the mark itself is an error."""
    base, quote, price = Quantity(Decimal(1)), Notional(Decimal(2)), Price(Decimal(3))

    def takes_base(amount: Quantity) -> Quantity:
        return amount

    assert takes_base(base + base) == 2
    assert base < base + base
    assert price * base == 3
    refused = [
        base + quote,  # type: ignore[operator]
        quote - base,  # type: ignore[operator]
        price + quote,  # type: ignore[operator]
        base < quote,  # type: ignore[operator]
        quote >= price,  # type: ignore[operator]
        takes_base(quote),  # type: ignore[arg-type]
        takes_base(price * base),  # type: ignore[arg-type]
    ]
    assert len(refused) == 7
