"""Positions and ledger: worked cases, and identities that hold to the last unit whatever comes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.exact import exactly, share, total
from state.invariants import equity_violations
from state.ledger import Ledger, balance_changes
from state.messages.accounts import EquityMarked
from state.position import Position
from state.values import Currency, Pair, Side, TimeNs
from tests.state.examples import a_fill, an_opening
from tests.state.strategies import amounts, fills, funds_moved

BTC = Pair("BTC_USDT")
USDT = Currency("USDT")


def a_ledger(*events) -> Ledger:
    ledger = Ledger(quote=USDT)
    for event in events:
        ledger = ledger.apply(event)
    return ledger


def marked(ledger: Ledger, prices: dict[Pair, Decimal]) -> EquityMarked:
    mark = ledger.marked(prices, TimeNs(1))
    assert mark is not None
    return mark


def a_sale(**changes):
    return a_fill(**{"side": Side.SELL, "fee": Decimal(0), "trade_id": "8"} | changes)


@given(
    events=st.lists(st.one_of(fills(), funds_moved()), max_size=30),
    btc=amounts(3),
    eth=amounts(7),
)
def test_what_came_in_and_what_was_earned_is_what_there_is(events, btc, eth):
    ledger = a_ledger(*events)
    mark = marked(ledger, {BTC: btc, Pair("ETH_USDT"): eth})
    assert mark.realised_fifo is not None
    assert mark.unrealised_fifo is not None
    with exactly():
        earned = mark.realised + mark.unrealised - mark.fees
        assert mark.start + mark.flows + earned == mark.equity
        by_lots = mark.realised_fifo + mark.unrealised_fifo - mark.fees
        assert mark.start + mark.flows + by_lots == mark.equity
    assert equity_violations(mark) == []


@given(events=st.lists(st.one_of(fills(), funds_moved()), max_size=20), data=st.data())
def test_balances_do_not_depend_on_the_order_of_events(events, data):
    shuffled = data.draw(st.permutations(events))
    assert a_ledger(*events).balances == a_ledger(*shuffled).balances
    assert a_ledger(*events).fees_elsewhere == a_ledger(*shuffled).fees_elsewhere


@given(events=st.lists(st.one_of(fills(), funds_moved()), max_size=20))
def test_a_balance_is_the_sum_of_its_changes(events):
    ledger = a_ledger(*events)
    for currency, balance in ledger.balances.items():
        assert balance == total(
            balance_changes(event).get(currency, Decimal(0))
            if hasattr(event, "trade_id")
            else event.change * (event.currency == currency)
            for event in events
        )


@given(story=st.lists(fills((BTC,)), max_size=30))
def test_a_position_is_never_negative_and_says_what_was_oversold(story):
    position = Position(pair=BTC)
    for fill in story:
        position = position.apply(fill)
        assert position.quantity >= 0
        assert position.quantity - position.oversold == position.net
        assert (position.net == 0) == (position.opened_at_ns == 0) or position.net < 0
        if position.net == 0:
            assert position.cost == 0
        else:
            assert position.cost * position.net >= 0


@given(story=st.lists(fills((BTC,)), min_size=1, max_size=10))
def test_a_position_closed_at_any_price_has_realised_everything(story):
    position = Position(pair=BTC)
    for fill in story:
        position = position.apply(fill)
    before = position.unrealised(Decimal(777))
    side = Side.SELL if position.net > 0 else Side.BUY
    closed = position.apply(
        a_fill(side=side, quantity=abs(position.net), price=Decimal(777), fee=Decimal(0))
    )
    assert closed.net == closed.cost == 0
    with exactly():
        assert closed.realised == position.realised + before


def test_a_purchase_with_its_fee_in_base_brings_less_and_costs_the_fee():
    position = Position(pair=BTC).apply(a_fill(quantity=Decimal(1), fee=Decimal("0.002")))
    assert position.quantity == Decimal("0.998")
    assert position.average_entry == 100
    assert position.fees == Decimal("0.2")
    assert position.value(Decimal(110)) == Decimal("109.78")
    assert position.unrealised(Decimal(110)) == Decimal("9.98")


def test_average_cost_is_worked_by_hand():
    position = Position(pair=BTC)
    for price, quantity in ((100, 1), (130, 2)):
        position = position.apply(
            a_fill(price=Decimal(price), quantity=Decimal(quantity), fee=Decimal(0))
        )
    assert position.average_entry == 120
    position = position.apply(
        a_sale(price=Decimal(150), quantity=Decimal(1), fee=Decimal("0.3"), fee_currency=USDT)
    )
    assert position.realised == 30
    assert position.fees == Decimal("0.3")
    assert position.cost == 240
    assert position.quantity == 2


def test_first_in_first_out_is_worked_by_hand():
    position = Position(pair=BTC)
    for ordinal, price, quantity in ((1, 100, 1), (2, 130, 2)):
        position = position.apply(
            a_fill(price=Decimal(price), quantity=Decimal(quantity), fee=Decimal(0)), ordinal
        )
    position = position.apply(a_sale(price=Decimal(150), quantity=Decimal("1.5")), 3)
    # The first at 100 and half of one at 130.
    assert position.realised_fifo == 50 + 10
    assert position.realised == 45
    [lot] = position.lots
    assert (lot.ordinal, lot.quantity, lot.cost) == (2, Decimal("1.5"), Decimal("195.0"))
    assert position.unrealised_fifo(Decimal(150)) == 30
    assert position.unrealised(Decimal(150)) == 45
    position = position.apply(a_sale(price=Decimal(150), quantity=Decimal("1.5")), 4)
    assert position.lots == ()
    assert position.realised_fifo == position.realised == 90


@given(story=st.lists(fills((BTC,)), max_size=30))
def test_lots_are_the_holding_and_earn_what_the_average_earns(story):
    position = Position(pair=BTC)
    for ordinal, fill in enumerate(story, 1):
        position = position.apply(fill, ordinal)
        assert position.net == total(lot.quantity for lot in position.lots)
        assert all(lot.quantity * position.net > 0 for lot in position.lots)
        ordinals = [lot.ordinal for lot in position.lots]
        assert ordinals == sorted(set(ordinals))
        with exactly():
            by_lots = position.realised_fifo + position.unrealised_fifo(Decimal(777))
            assert by_lots == position.realised + position.unrealised(Decimal(777))
    if not position.net:
        assert position.realised == position.realised_fifo


def test_a_share_that_cannot_be_divided_evenly_is_lost_nowhere():
    position = Position(pair=BTC).apply(
        a_fill(quantity=Decimal(3), price=Decimal("33.33"), fee=Decimal(0))
    )
    for _ in range(2):
        position = position.apply(a_sale(quantity=Decimal(1), price=Decimal(40)))
        assert position.realised + position.unrealised(Decimal(40)) == Decimal("20.01")
    position = position.apply(a_sale(quantity=Decimal(1), price=Decimal(40)))
    assert position.realised == Decimal("20.01")
    assert position.cost == 0


def test_a_sale_told_before_its_purchase_is_oversold_until_the_purchase_comes():
    position = Position(pair=BTC).apply(a_sale(price=Decimal(110), quantity=Decimal(2)))
    assert position.quantity == 0
    assert position.oversold == 2
    position = position.apply(a_fill(price=Decimal(100), quantity=Decimal(3), fee=Decimal(0)))
    assert position.oversold == 0
    assert position.quantity == 1
    assert position.realised == 20
    assert position.average_entry == 100


def test_time_in_a_position_counts_from_flat():
    position = Position(pair=BTC)
    for at_ns, fill in ((5, a_fill), (6, a_fill), (7, a_sale)):
        position = position.apply(fill(at_ns=at_ns, fee=Decimal(0)))
    assert position.opened_at_ns == 5
    assert position.apply(a_sale(at_ns=8)).opened_at_ns == 0


def test_a_fee_in_base_on_a_sale_takes_more_than_was_sold():
    bought = Position(pair=BTC).apply(a_fill(quantity=Decimal(2), fee=Decimal(0)))
    position = bought.apply(a_sale(quantity=Decimal(1), fee=Decimal("0.01")))
    assert position.quantity == Decimal("0.99")
    assert position.fees == 1


def test_amounts_of_any_length_are_not_rounded():
    long = Decimal("123456789012345678901234567890.123456789")
    bought = Position(pair=BTC).apply(a_fill(quantity=long, fee=Decimal(0)))
    sold = Position(pair=BTC).apply(a_sale(quantity=long))
    assert bought.quantity == sold.oversold == long


def test_a_fill_of_another_pair_is_a_bug():
    with pytest.raises(AssertionError, match="another pair"):
        Position(pair=BTC).apply(a_fill(pair=Pair("ETH_USDT")))


def test_balances_follow_fees_wherever_they_are_taken():
    ledger = a_ledger(
        an_opening(),
        an_opening(currency="GT", change=Decimal(5)),
        a_fill(fee=Decimal("0.002"), gt_fee=Decimal(1), point_fee=Decimal(2)),
        a_sale(quantity=Decimal("0.5"), fee=Decimal("0.1"), fee_currency="USDT"),
        a_sale(quantity=Decimal("0.1"), fee=Decimal("0.3"), fee_currency="GT", trade_id="9"),
    )
    assert ledger.balances == {
        "USDT": Decimal("9959.9"),
        "BTC": Decimal("0.398"),
        "GT": Decimal("3.7"),
        "POINT": Decimal(-2),
    }
    assert ledger.fees_elsewhere == {"GT": Decimal("1.3"), "POINT": Decimal(2)}
    assert ledger.fees == Decimal("0.3")
    assert ledger.fills == 3
    assert ledger.balance(Currency("ETH")) == 0


def test_coins_that_nobody_trades_are_held_but_not_counted():
    ledger = a_ledger(an_opening(), an_opening(currency="BTC", change=Decimal(1)))
    assert ledger.balance(Currency("BTC")) == 1
    assert marked(ledger, {}).equity == 10_000


def test_deposits_are_flows_and_not_profit():
    ledger = a_ledger(an_opening(), an_opening(reason="deposit", change=Decimal(500)))
    mark = marked(ledger, {})
    assert [mark.start, mark.flows, mark.equity] == [10_000, 500, 10_500]


def test_equity_is_unknown_while_a_price_is():
    ledger = a_ledger(an_opening(), a_fill())
    assert ledger.marked({}, TimeNs(1)) is None
    assert marked(ledger, {BTC: Decimal(100)}).equity == Decimal("9999.8")


def test_a_pair_in_another_quote_is_held_but_not_counted():
    ledger = a_ledger(a_fill(pair=Pair("ETH_BTC"), fee=Decimal(0), fee_currency="ETH"))
    assert ledger.balances == {"ETH": 1, "BTC": -100}
    assert marked(ledger, {}).equity == 0
    assert ledger.position(Pair("ETH_BTC")).quantity == 1


def test_a_float_or_a_rounding_is_refused():
    with pytest.raises(TypeError):
        a_ledger(a_fill(price=100.5))
    with exactly(), pytest.raises(ArithmeticError):
        Decimal(1) / Decimal(3)
    with exactly(), pytest.raises(ArithmeticError):
        Decimal(0.5)  # noqa: RUF032 (that is the mistake)


def test_a_share_is_rounded_to_twelve_decimals_and_the_whole_is_not():
    assert share(Decimal(1), Decimal(1), Decimal(3)) == Decimal("0.333333333333")
    assert share(Decimal("0.1234567890123456"), Decimal(3), Decimal(3)) == Decimal(
        "0.1234567890123456"
    )
