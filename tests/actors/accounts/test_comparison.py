"""A comparison: a currency that has agreed once has agreed; a difference must last."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.accounts.comparison import ATTEMPTS, Comparison
from state.messages.accounts import BalanceDifference
from state.values import Currency
from tests.actors.examples import a_balance

USDT, BTC = Currency("USDT"), Currency("BTC")


def looked(ledger: dict[str, str], *reports, times: int = 1) -> Comparison:
    ours = {Currency(name): Decimal(amount) for name, amount in ledger.items()}
    comparison = Comparison()
    for _ in range(times):
        comparison = comparison.looked(ours, reports)
    return comparison


def difference(currency: str, ledger: str, exchange: str) -> BalanceDifference:
    return BalanceDifference(
        currency=Currency(currency), ledger=Decimal(ledger), exchange=Decimal(exchange)
    )


def test_without_a_look_nothing_is_over():
    assert not Comparison().over


def test_agreement_in_everything_is_over_at_once():
    comparison = looked({"USDT": "10"}, a_balance("USDT", "10"))
    assert comparison.over
    assert comparison.differences == ()


def test_what_is_locked_in_orders_counts():
    assert looked({"USDT": "10"}, a_balance("USDT", "4", "6")).differences == ()


def test_a_difference_counts_only_after_many_looks():
    early = looked({"USDT": "10"}, a_balance("USDT", "9"), times=ATTEMPTS - 1)
    assert not early.over
    late = looked({"USDT": "10"}, a_balance("USDT", "9"), times=ATTEMPTS)
    assert late.over
    assert late.differences == (difference("USDT", "10", "9"),)


def test_a_currency_that_one_side_leaves_out_is_zero_there():
    assert looked({"BTC": "1"}).differences == (difference("BTC", "1", "0"),)
    assert looked({}, a_balance("BTC", "1")).differences == (difference("BTC", "0", "1"),)
    assert looked({"BTC": "0"}, a_balance("USDT", "0")).differences == ()


def test_currencies_need_not_agree_at_the_same_look():
    """While it trades there may be no moment at which nothing is on its way."""
    first = Comparison().looked(
        {USDT: Decimal(10), BTC: Decimal(1)}, [a_balance("USDT", "10"), a_balance("BTC", "2")]
    )
    assert not first.over
    second = first.looked(
        {USDT: Decimal(7), BTC: Decimal(2)}, [a_balance("USDT", "10"), a_balance("BTC", "2")]
    )
    assert second.over
    assert second.differences == ()


amounts = st.dictionaries(
    st.sampled_from(["USDT", "BTC", "GT"]).map(Currency), st.integers(0, 3).map(Decimal)
)


@given(ledger=amounts, shown=amounts)
def test_one_look_tells_exactly_the_currencies_that_differ(ledger, shown):
    reports = [a_balance(name, str(amount)) for name, amount in shown.items()]
    comparison = Comparison().looked(ledger, reports)
    differing = {
        name
        for name in {*ledger, *shown}
        if ledger.get(name, Decimal(0)) != shown.get(name, Decimal(0))
    }
    assert {one.currency for one in comparison.differences} == differing
    assert comparison.agreed == {*ledger, *shown} - differing
    assert comparison.over == (not differing)
