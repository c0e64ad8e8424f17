"""A position has its stop from the fill that opens it, and no stop ever loosens."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.ledger import Ledger
from state.messages.protection import FlattenBegan, ProtectionChosen, StopMoved
from state.protection import Protection
from state.store import self_check, stored_protections
from state.values import Currency, Price, Quantity, Side, TimeNs, TradeId
from tests.state.examples import PAIR, a_fill, an_intent
from tests.state.stores import append, in_memory

CHOSEN = ProtectionChosen(
    pair=PAIR, at_ns=TimeNs(1), stop_bps=Decimal(200), target_bps=Decimal(500)
)


class Pair:
    """A position and its protection, folded together as the projector does."""

    def __init__(self, chosen=CHOSEN):
        self.ledger = Ledger(quote=Currency("USDT"))
        self.protection = Protection(pair=PAIR)
        if chosen is not None:
            self.protection = self.protection.apply(chosen)
        self._trades = 0

    def fill(self, side, quantity, price, at_ns=None):
        self._trades += 1
        fill = a_fill(
            trade_id=TradeId(str(self._trades)),
            side=side,
            quantity=Quantity(Decimal(quantity)),
            price=Price(Decimal(price)),
            fee=Decimal(0),
            at_ns=TimeNs(at_ns or self._trades * 10),
        )
        self.ledger = self.ledger.apply(fill)
        self.protection = self.protection.filled(fill, self.ledger.position(PAIR))
        return self.protection

    def buy(self, quantity, price):
        return self.fill(Side.BUY, quantity, price)

    def sell(self, quantity, price):
        return self.fill(Side.SELL, quantity, price)

    def move(self, stop, began_at_ns=None):
        moved = StopMoved(
            pair=PAIR,
            at_ns=TimeNs(99),
            began_at_ns=self.protection.began_at_ns if began_at_ns is None else began_at_ns,
            stop=Price(Decimal(stop)),
            reason="",
        )
        self.protection = self.protection.apply(moved)
        return self.protection


def test_the_first_fill_has_its_levels():
    protection = Pair().buy(1, 100)
    assert (protection.stop, protection.target) == (98, 105)
    assert protection.quantity == 1


def test_each_further_fill_is_covered_by_the_very_fill():
    pair = Pair()
    pair.buy(1, 100)
    protection = pair.buy(1, 102)
    assert protection.quantity == 2
    assert protection.stop == Decimal("98.98")  # 2 % below the average entry of 101
    assert protection.target == Decimal("106.05")


def test_buying_lower_does_not_loosen_the_stop():
    pair = Pair()
    pair.buy(1, 100)
    protection = pair.buy(1, 99)
    assert protection.stop == 98
    assert protection.target == Decimal("104.475")


def test_a_partial_close_keeps_the_levels_and_shrinks_the_quantity():
    pair = Pair()
    pair.buy(2, 100)
    before = pair.move("99")
    protection = pair.sell(1, 101)
    assert protection.quantity == 1
    assert (protection.stop, protection.target) == (before.stop, before.target) == (99, 105)


def test_what_is_flat_has_no_levels_and_keeps_what_was_chosen():
    pair = Pair()
    pair.buy(1, 100)
    pair.protection = pair.protection.apply(
        FlattenBegan(pair=PAIR, at_ns=TimeNs(5), reason="by hand")
    )
    flat = pair.sell(1, 90)
    assert (flat.stop, flat.target, flat.flatten, flat.quantity) == (None, None, "", 0)
    assert pair.buy(1, 50).stop == 49


def test_a_leftover_does_not_give_its_old_stop_to_a_new_position():
    pair = Pair()
    pair.buy(1, 100)
    pair.move("120")
    dust = pair.sell("0.999", 119)
    assert dust.stop == 120
    fresh = pair.buy(1, 100)
    assert fresh.stop == pytest.approx(Decimal(98), abs=Decimal("0.1"))
    assert fresh.began_at_ns != dust.began_at_ns


def test_what_was_decided_about_an_earlier_position_is_not_for_this_one():
    pair = Pair()
    earlier = pair.buy(1, 100).began_at_ns
    pair.sell(1, 100)
    pair.buy(1, 100)
    assert pair.move("99.5", began_at_ns=earlier).stop == 98


def test_what_was_held_before_anybody_chose_gets_its_stop_when_somebody_does():
    pair = Pair(chosen=None)
    assert pair.buy(1, 100).stop is None
    assert pair.protection.apply(CHOSEN).stop == 98


@pytest.mark.parametrize(
    ("stop_bps", "target_bps"),
    [("0", None), ("10000", None), ("-5", None), ("200", "0"), ("0.00001", None)],
)
def test_a_choice_after_which_no_fill_could_be_booked_is_none(stop_bps, target_bps):
    chosen = ProtectionChosen(
        pair=PAIR,
        at_ns=TimeNs(1),
        stop_bps=Decimal(stop_bps),
        target_bps=None if target_bps is None else Decimal(target_bps),
    )
    with pytest.raises(ValueError, match=r"stop|distance"):
        Protection(pair=PAIR).apply(chosen)


prices = st.integers(5_000, 20_000).map(lambda cents: Decimal(cents) / 100)
steps = st.one_of(
    st.tuples(st.just("buy"), st.integers(1, 100), prices),
    st.tuples(st.just("sell"), st.integers(1, 100), prices),
    st.tuples(st.just("move"), st.integers(1, 100), prices),
)


@given(story=st.lists(steps, max_size=20))
def test_the_stop_of_one_position_is_never_loosened(story):
    pair = Pair()
    for what, quantity, price in story:
        before = pair.protection
        if what == "move":
            after = pair.move(price)
        elif what == "buy":
            after = pair.buy(quantity, price)
        else:
            held = pair.ledger.position(PAIR).quantity
            if not held:
                continue
            after = pair.sell(min(Decimal(quantity), held), price)
        assert (after.stop is None) == (not after.quantity)
        if after.quantity and after.began_at_ns == before.began_at_ns and before.stop:
            assert after.stop >= before.stop


@given(parts=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_the_row_changes_in_the_transaction_of_the_fill(parts):
    store = in_memory()
    append(store, CHOSEN, an_intent(quantity=Quantity(Decimal(100))))
    held = Decimal(0)
    for number, part in enumerate(parts):
        append(
            store,
            a_fill(trade_id=TradeId(str(number)), quantity=Quantity(Decimal(part)), fee=Decimal(0)),
        )
        held += part
        protection = stored_protections(store.connection)[PAIR]
        assert protection.quantity == held == store.ledger(Currency("USDT")).position(PAIR).quantity
        assert protection.stop == 98
    assert self_check(store).differing == []
    store.close()


def test_it_reads_the_same_when_the_store_was_opened_anew_between_its_fills():
    """What a table gives back has lost its trailing zeros; a stored fold must not show it."""
    store = in_memory()
    append(store, an_intent(quantity=Quantity(Decimal(2))))
    first = {"trade_id": TradeId("1"), "quantity": Quantity(Decimal("0.4500")), "fee": Decimal(0)}
    append(store, a_fill(**first))
    store = in_memory(store.connection)
    more = {"trade_id": TradeId("2"), "quantity": Quantity(Decimal("0.05")), "fee": Decimal(0)}
    append(store, a_fill(**more))

    assert self_check(store).differing == []
