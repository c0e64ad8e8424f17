"""Why balances differ: explained to the last unit or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.accounts.comparison import drift
from actors.accounts.explanation import (
    DUST,
    causes_of,
    explained,
    kinds_of,
    pairs_to_ask,
)
from state.exact import total
from state.ledger import Ledger
from state.messages.accounts import BalanceDifference, DifferenceKind
from state.messages.venue import AccountEntry
from state.values import Currency, Pair, TimeNs, VenueOrderId
from tests.actors.examples import BTC, USDT, a_trade_report
from tests.state.strategies import amounts

SETTLED = TimeNs(1_000)


def an_entry(number, kind="deposit", change="1", currency="USDT", at_ns=2_000):
    return AccountEntry(
        entry_id=str(number),
        currency=Currency(currency),
        change=Decimal(change),
        kind=kind,
        text="",
        event_time_ns=TimeNs(at_ns),
    )


def a_difference(change, currency="USDT", ledger="100"):
    return BalanceDifference(
        currency=Currency(currency),
        ledger=Decimal(ledger),
        exchange=Decimal(ledger) + Decimal(change),
    )


@st.composite
def books(draw) -> list[AccountEntry]:
    """Lines of an account book, each a deposit or withdrawal of some currency."""
    lines = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["USDT", "BTC", "GT"]),
                amounts(4, 10**7),
                st.sampled_from([1, -1]),
                st.integers(0, 3_000),
            ),
            max_size=8,
        )
    )
    return [
        an_entry(number, change=amount * sign, currency=currency, at_ns=at_ns)
        for number, (currency, amount, sign, at_ns) in enumerate(lines)
    ]


def differences_of(lines) -> tuple[BalanceDifference, ...]:
    currencies = sorted({line.currency for line in lines})
    sums = {
        name: total(line.change for line in lines if line.currency == name) for name in currencies
    }
    return tuple(a_difference(amount, name) for name, amount in sums.items() if amount)


@given(lines=books())
def test_what_the_book_tells_explains_what_it_comes_to(lines):
    found = explained(differences_of(lines), causes_of(lines, (), ()), SETTLED)
    assert found is not None
    booked = [moved for cause in found for _, moved in cause.bookings()]
    ledger = Ledger(quote=USDT)
    for moved in booked:
        ledger = ledger.apply(moved)
    for line in differences_of(lines):
        assert ledger.balance(line.currency) == line.exchange - line.ledger
    keys = [key for cause in found for key, _ in cause.bookings()]
    assert len(keys) == len(set(keys))


@given(lines=books(), data=st.data())
def test_what_was_counted_before_all_agreed_is_left_out(lines, data):
    """What is older than the agreement may be in it or not: only the newest fit together."""
    causes = causes_of(lines, (), ())
    old = [cause for cause in causes if cause.at_ns < SETTLED]
    dropped = data.draw(st.integers(0, len(old)))
    kept = {cause.name for cause in causes[dropped:]}
    differing = differences_of([line for line in lines if f"book:{line.entry_id}" in kept])
    found = explained(differing, causes, SETTLED)
    assert found is not None
    # More than one end of the list may fit; each comes to the very same.
    assert (
        differences_of(
            [line for line in lines if f"book:{line.entry_id}" in {cause.name for cause in found}]
        )
        == differing
    )


@given(lines=books(), off=amounts(7, 10**9))
def test_a_unit_more_or_less_is_explained_by_nobody(lines, off):
    fresh = [line for line in lines if line.event_time_ns >= SETTLED]
    wrong = {name: Decimal(0) for name in ("USDT", "BTC", "GT")}
    for one in differences_of(fresh):
        wrong[one.currency] = one.exchange - one.ledger
    wrong["USDT"] += off + 100_000_000
    differing = tuple(a_difference(amount, name) for name, amount in wrong.items() if amount)
    assert explained(differing, causes_of(fresh, (), ()), SETTLED) is None


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("deposit", "1", DifferenceKind.DEPOSIT),
        ("withdraw", "-1", DifferenceKind.WITHDRAWAL),
        ("futures_in", "-1", DifferenceKind.WITHDRAWAL),
        ("sub_account_transfer", "1", DifferenceKind.DEPOSIT),
        ("point_fee", "-1", DifferenceKind.FEE),
        ("referral_fee", "1", DifferenceKind.FEE),
        ("flash_swap_buy", "1", DifferenceKind.FOREIGN),
        ("dust_convert", "-1", DifferenceKind.DUST),
        ("mystery", "1", DifferenceKind.UNKNOWN),
    ],
)
def test_the_words_of_the_account_book_are_classified(kind, change, told):
    [cause] = causes_of([an_entry(1, kind, change)], (), ())
    assert cause.kind is told


def test_lines_of_trades_are_told_by_the_trades_alone():
    lines = [an_entry(1, "order_fill", "-100"), an_entry(2, "order_fee", "-1", "BTC")]
    assert causes_of(lines, (), ()) == []


def test_a_trade_is_ours_by_name_or_because_the_journal_says_so():
    trades = [
        a_trade_report("t-gh-1", trade_id="1"),
        a_trade_report("web", trade_id="2", venue_order_id="55"),
        a_trade_report("web", trade_id="3", venue_order_id="66"),
    ]
    kinds = {cause.name: cause.kind for cause in causes_of((), trades, {VenueOrderId("55")})}
    assert kinds == {
        "fill:BTC_USDT:1": DifferenceKind.MISSED_FILL,
        "fill:BTC_USDT:2": DifferenceKind.MISSED_FILL,
        "foreign:BTC_USDT:3": DifferenceKind.FOREIGN,
    }


def test_rounding_beyond_what_an_exchange_shows_is_dust_booked_once():
    differing = (a_difference("-0.000000009"),)
    found = explained(differing, [], SETTLED)
    assert found is not None
    [dust] = found
    assert dust.kind is DifferenceKind.DUST
    assert dust.name == "dust:USDT:100:99.999999991"
    assert explained((a_difference(-DUST),), [], SETTLED) is None


def test_each_difference_is_named_by_what_moved_most_of_it():
    lines = [an_entry(1, "deposit", "500"), an_entry(2, "point_fee", "-1")]
    [named] = kinds_of((a_difference("499"),), causes_of(lines, (), ()))
    assert named.kind is DifferenceKind.DEPOSIT
    [unknown] = kinds_of((a_difference("1", "GT"),), causes_of(lines, (), ()))
    assert unknown.kind is DifferenceKind.UNKNOWN


def test_the_coins_that_differ_say_which_pairs_somebody_may_have_traded():
    differing = (a_difference("1", "SOL"), a_difference("-1"))
    pairs = (BTC, Pair("ETH_USDT"))
    assert pairs_to_ask(pairs, differing, USDT, everywhere=False) == ["SOL_USDT"]
    everywhere = ["BTC_USDT", "ETH_USDT", "SOL_USDT"]
    assert pairs_to_ask(pairs, differing, USDT, everywhere=True) == everywhere
    assert pairs_to_ask(pairs, differing[1:], USDT, everywhere=False) == list(pairs)


def test_drift_is_what_differences_are_worth_each_counted_positive():
    prices = {Pair("BTC_USDT"): Decimal(50)}
    differing = (a_difference("-2"), a_difference("0.5", "BTC"))
    assert drift(differing, prices, USDT) == 27
    assert drift((a_difference("1", "SOL"),), prices, USDT) is None
    assert drift((), {}, USDT) == 0
