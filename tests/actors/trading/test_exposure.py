"""Exposure says what could be held at most: nothing that happens afterwards exceeds it."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.trading.exposure import Commitment, exposure, of_decision, of_order
from state.exact import exactly
from state.ledger import Ledger
from state.messages.orders import OrderFilled, OrderFinished
from state.order import Order
from state.values import ClientOrderId, Currency, Quantity, Side, TradeId, base_of
from tests.actors.examples import BTC, ETH, USDT
from tests.state.examples import (
    a_decision,
    a_fill,
    a_finish,
    a_rejection,
    an_acceptance,
    an_intent,
    an_opening,
    an_unknown,
)

PAIRS = (BTC, ETH)


def a_ledger(*events) -> Ledger:
    ledger = Ledger(quote=USDT).apply(an_opening())
    for event in events:
        ledger = ledger.apply(event)
    return ledger


def an_order(*facts, **changes) -> Order:
    order = Order(intent=an_intent(**changes))
    for fact in facts:
        order = order.apply(fact)
    return order


def a_purchase(quantity="1", price="100", pair=BTC) -> Commitment:
    return Commitment(
        pair=pair, side=Side.BUY, quantity=Quantity(Decimal(quantity)), price=Decimal(price)
    )


def a_sale(quantity="1", price="100", pair=BTC) -> Commitment:
    return msgspec.structs.replace(a_purchase(quantity, price, pair), side=Side.SELL)


# What an order may still do: 2 BTC at 100 unless said.


def test_an_order_counts_in_full_until_it_is_filled_or_has_ended():
    for facts in ((), (an_unknown(),), (an_acceptance(),)):
        commitment = of_order(an_order(*facts))
        assert commitment is not None
        assert (commitment.quantity, commitment.notional) == (Decimal(2), Decimal(200))


def test_what_is_filled_counts_no_more():
    commitment = of_order(an_order(an_acceptance(), a_fill()))
    assert commitment is not None
    assert commitment.quantity == 1


def test_an_order_that_never_lived_counts_nothing():
    assert of_order(an_order(a_rejection())) is None


def test_fills_that_the_exchange_counted_and_we_have_not_seen_count():
    commitment = of_order(an_order(an_acceptance(), a_finish()))
    assert commitment is not None
    assert commitment.quantity == 2
    assert of_order(an_order(an_acceptance(), a_finish(filled_quantity=Decimal(0)))) is None


def test_a_decision_counts_at_the_size_that_was_approved():
    commitment = of_decision(a_decision(approved_quantity=Decimal("1.5")))
    assert commitment == a_purchase("1.5")


# What all of it comes to.


def test_what_is_held_is_worth_its_mark():
    held = exposure(a_ledger(a_fill(fee=Decimal(0))), [], {BTC: Decimal(110)}, PAIRS)
    assert held.by_pair == {BTC: Decimal(110), ETH: Decimal(0)}
    assert held.total == 110


def test_without_a_mark_it_is_worth_what_it_cost():
    held = exposure(a_ledger(a_fill(fee=Decimal(0))), [], {}, PAIRS)
    assert held.by_pair[BTC] == 100


def test_purchases_add_to_their_pair_and_take_from_the_balance():
    commitments = [a_purchase("1", "100"), a_purchase("2", "10", ETH)]
    held = exposure(a_ledger(), commitments, {}, PAIRS)
    assert held.by_pair == {BTC: Decimal(100), ETH: Decimal(20)}
    assert held.total == 120
    assert held.free == {USDT: Decimal(9880)}


def test_a_purchase_below_the_market_counts_at_the_mark_but_pays_its_price():
    held = exposure(a_ledger(), [a_purchase("1", "80")], {BTC: Decimal(100)}, PAIRS)
    assert held.by_pair[BTC] == 100
    assert held.free[USDT] == 9920


def test_sales_bind_what_is_held_and_count_for_nothing_before_they_are_filled():
    ledger = a_ledger(a_fill(fee=Decimal(0)))
    held = exposure(ledger, [a_sale("0.4", "110")], {BTC: Decimal(100)}, PAIRS)
    assert held.by_pair[BTC] == 100
    assert held.free_base[BTC] == Decimal("0.6")
    assert held.free == {USDT: Decimal(9900)}


def test_only_what_our_trading_holds_is_free_to_sell():
    """Coins that were deposited are not ours to trade, and coins withdrawn are gone."""
    deposited = an_opening(currency=Currency("BTC"), change=Decimal(5))
    assert exposure(a_ledger(deposited), [], {}, PAIRS).free_base[BTC] == 0
    withdrawn = an_opening(currency=Currency("BTC"), change=Decimal("-0.3"), reason="withdrawal")
    ledger = a_ledger(a_fill(fee=Decimal(0)), withdrawn)
    assert exposure(ledger, [], {}, PAIRS).free_base[BTC] == Decimal("0.7")


def test_a_commitment_in_a_pair_of_no_interest_counts_all_the_same():
    held = exposure(a_ledger(), [a_purchase(), a_sale("1", "1", ETH)], {}, ())
    assert held.by_pair == {BTC: Decimal(100)}
    assert held.free == {USDT: Decimal(-100)}
    assert held.free_base == {ETH: Decimal(-1)}


# Nothing that happens afterwards exceeds it.


@st.composite
def stories(draw):
    """Orders, and what the exchange does to them, told in any order: the worst it may do."""
    orders: list[Order] = []
    events: list[OrderFilled | OrderFinished] = []
    for number in range(draw(st.integers(1, 4))):
        name = ClientOrderId(f"t-{number}")
        side, pair = draw(st.sampled_from(Side)), draw(st.sampled_from(PAIRS))
        price = Decimal(draw(st.integers(500, 1500))).scaleb(-1)
        quantity = Decimal(draw(st.integers(1, 100))).scaleb(-2)
        ours = {"client_order_id": name, "pair": pair}
        orders.append(an_order(**ours, side=side, price=price, quantity=quantity))
        left = quantity
        for part in range(draw(st.integers(0, 3))):
            filled = min(left, Decimal(draw(st.integers(0, 60))).scaleb(-2))
            if not filled:
                break
            left -= filled
            better = draw(st.integers(0, 20)) * Decimal("0.1") * -side.sign
            at = price + better
            fee_rate = draw(st.sampled_from([Decimal(0), Decimal("0.002")]))
            fee = filled * fee_rate if side is Side.BUY else filled * at * fee_rate
            events.append(
                a_fill(
                    **ours,
                    trade_id=TradeId(f"{number}.{part}"),
                    side=side,
                    price=at,
                    quantity=filled,
                    fee=fee,
                    fee_currency=base_of(pair) if side is Side.BUY else USDT,
                )
            )
        if draw(st.booleans()):
            events.append(a_finish(**ours, filled_quantity=quantity - left, reason="cancelled"))
    return orders, draw(st.permutations(events))


@given(
    story=stories(),
    marks=st.fixed_dictionaries(
        {},
        optional={
            BTC: st.integers(500, 1500).map(lambda tenths: Decimal(tenths) / 10),
            ETH: st.integers(500, 1500).map(lambda tenths: Decimal(tenths) / 10),
        },
    ),
)
def test_no_order_of_events_exceeds_what_was_said(story, marks):
    orders, events = story
    ledger = a_ledger(
        a_fill(pair=BTC, quantity=Decimal(10), fee=Decimal(0), trade_id="held BTC"),
        a_fill(pair=ETH, quantity=Decimal(10), fee=Decimal(0), trade_id="held ETH"),
        an_opening(change=Decimal(10**6), reason="deposit"),
    )
    by_name = {order.client_order_id: order for order in orders}

    def said():
        commitments = [one for order in by_name.values() if (one := of_order(order)) is not None]
        return exposure(ledger, commitments, marks, PAIRS)

    before = said()
    for event in events:
        name = event.client_order_id
        by_name[name] = by_name[name].apply(event)
        if isinstance(event, OrderFilled):
            ledger = ledger.apply(event)
        after = said()
        with exactly():
            assert after.total <= before.total
            for pair in PAIRS:
                assert after.by_pair[pair] <= before.by_pair[pair]
                assert after.free_base[pair] >= before.free_base[pair]
                position = ledger.position(pair)
                if pair in marks:
                    assert position.value(marks[pair]) <= before.by_pair[pair]
                assert position.quantity >= before.free_base[pair]
            assert after.free[USDT] >= before.free[USDT]
            assert ledger.balance(USDT) >= before.free[USDT]
