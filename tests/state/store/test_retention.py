"""Old events go only when nobody may still need them, and what was known stays known."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.errors import StoreCorrupt
from state.invariants import ledger_violations
from state.messages.accounts import BalanceDifference
from state.messages.journal import Event
from state.messages.orders import ParentFinished
from state.store import EventsPruned, prunable_up_to, prune, rebuild, self_check
from state.values import Currency, DecisionId, Pair, Price, Quantity, Side, TimeNs
from tests.state.examples import (
    a_child,
    a_comparison,
    a_fill,
    a_finish,
    a_parent,
    an_intent,
    an_opening,
)
from tests.state.stores import a_day, an_order_of, append, in_memory, opened

LATER = TimeNs(1000)
USDT = Currency("USDT")
BTC = Pair("BTC_USDT")


def test_nothing_goes_before_the_accounts_were_compared(store):
    append(store, *a_day()[:-1])
    assert prunable_up_to(store, LATER) == 0
    assert prune(store, LATER) == 0
    differing = a_comparison(
        fills=2,
        differences=(BalanceDifference(currency=USDT, ledger=Decimal(1), exchange=Decimal(2)),),
    )
    append(store, differing)
    assert prunable_up_to(store, LATER) == 0


def test_what_was_compared_clean_goes_up_to_the_comparison(store):
    append(store, *a_day())
    compared = store.last_seq
    append(store, *an_order_of(3))
    assert prunable_up_to(store, LATER) == compared


def test_a_fill_that_the_comparison_had_not_counted_stays(store):
    append(store, an_opening(), *an_order_of(1), *an_order_of(2), a_comparison(fills=1))
    uncounted = 2 + 5 + 3 + 1
    assert prunable_up_to(store, LATER) == uncounted - 1


def test_an_order_that_is_not_settled_stays_with_all_that_follows(store):
    append(store, an_opening(), an_intent(), *an_order_of(2), a_comparison(fills=1))
    assert prunable_up_to(store, LATER) == 2


def test_young_events_stay(store):
    append(store, an_opening(), *an_order_of(1, at_ns=2), *an_order_of(2, at_ns=500))
    append(store, a_comparison(fills=2, at_ns=TimeNs(600)))
    assert prunable_up_to(store, TimeNs(500)) == 7
    assert prunable_up_to(store, TimeNs(1)) == 0


def test_after_pruning_the_chain_verifies_and_everything_is_still_known(lock):
    store = opened(lock)
    append(store, *a_day())
    ledger = store.ledger(USDT)
    anchor = store.last_seq
    assert prune(store, LATER) == anchor
    assert prunable_up_to(store, LATER) == prune(store, LATER) == 0
    assert store.verify() == 0
    append(store, *an_order_of(3))
    assert store.verify() == 5
    assert store.base(USDT) == (anchor, ledger)
    with pytest.raises(EventsPruned, match=f"up to {anchor} were retired"):
        store.read(0, 10)
    assert len(store.read(anchor, 10)) == 5
    store.close()

    again = opened(lock)
    # The same fill and the same intent as ever.
    assert append(again, a_day()[4], a_day()[2]) == (6, 4)
    assert again.ledger(USDT).fills == 3
    assert again.verify() == 6
    again.close()


def test_pruning_again_takes_what_came_since(store):
    append(store, *a_day())
    prune(store, LATER)
    append(store, *an_order_of(3), a_comparison(fills=3))
    assert prune(store, LATER) == 6
    assert store.base(USDT) == (store.last_seq, store.ledger(USDT))
    assert append(store, a_day()[4], *an_order_of(3)[:2]) == (6, 16, 17)


def test_a_late_event_of_an_order_whose_events_went_is_taken(store):
    append(store, *a_day())
    prune(store, LATER)
    append(store, a_fill(client_order_id="t-1", trade_id="late", quantity=Decimal("0.1")))
    [order] = store.unsettled_orders()
    assert order.alarms
    assert self_check(store).differing == []
    rebuild(store)
    assert self_check(store).differing == []


@settings(max_examples=20)
@given(days=st.integers(1, 4), prune_at=st.sets(st.integers(0, 3)))
def test_pruning_never_changes_what_the_tables_say(days, prune_at):
    store, whole = in_memory(), in_memory()
    for day in range(days):
        events = [*an_order_of(day * 2 + 10), *an_order_of(day * 2 + 11)]
        events.append(a_comparison(fills=day * 2 + 2))
        for one in (store, whole):
            append(one, *events)
        if day in prune_at:
            assert prune(store, LATER) > 0
        assert self_check(store).differing == []
        assert store.ledger(USDT) == whole.ledger(USDT)
        assert self_check(store).stored.keys() == self_check(whole).stored.keys()
    for table in ("orders", "fills", "positions", "balances", "decisions"):
        question = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608
        assert (
            store.connection.execute(question).fetchall()
            == whole.connection.execute(question).fetchall()
        )
    store.close()
    whole.close()


def test_lots_and_what_they_earned_outlive_what_retention_takes(store):
    append(store, *a_day())
    prune(store, LATER)
    before = store.ledger(USDT)
    assert [lot.ordinal for lot in before.position(BTC).lots] == [1, 2]
    sale = {"client_order_id": "t-3", "side": Side.SELL, "quantity": Quantity(Decimal("0.7"))}
    append(store, an_intent(**sale), a_fill(**sale, trade_id="3", price=Price(Decimal(110))))
    store.rollback()
    position = store.ledger(USDT).position(BTC)
    [lot] = position.lots
    # A sale's fee in base is taken too; 0.499 of the first went whole.
    assert (lot.ordinal, lot.quantity) == (2, Decimal("0.296"))
    assert ledger_violations(store.ledger(USDT)) == []
    assert self_check(store).differing == []
    rebuild(store)
    assert store.ledger(USDT).position(BTC) == position


def test_an_anchor_from_before_double_entry_balances(store):
    """What trading moved then is one sum, and each holding one lot."""
    append(store, *a_day())
    prune(store, LATER)
    ledger = store.ledger(USDT)
    old = {
        "quote": "",
        "balances": {"USDT": "9900", "BTC": "0.998"},
        "positions": {
            "BTC_USDT": {
                "pair": "BTC_USDT",
                "net": "0.998",
                "cost": "99.8",
                "fees": "0.2",
                "opened_at_ns": 2,
            }
        },
        "opened": {"USDT": "10000"},
        "fills": 2,
    }
    text = msgspec.json.encode(old).decode()
    store.connection.execute("UPDATE anchor SET ledger = ?, trips = ''", (text,))
    rebuild(store)
    again = store.ledger(USDT)
    assert (again.balances, again.opened) == (ledger.balances, ledger.opened)
    assert ledger_violations(again) == []
    [lot] = again.position(BTC).lots
    assert (lot.quantity, lot.cost) == (Decimal("0.998"), Decimal("99.8"))
    assert self_check(store).differing == []


def test_a_broken_chain_is_not_pruned(store):
    append(store, *a_day())
    store.connection.execute("UPDATE events SET actor = 'forged' WHERE seq = 3")
    with pytest.raises(StoreCorrupt):
        prune(store, LATER)
    assert store.base(USDT)[0] == 0


def a_sale_in_parts() -> list[Event]:
    """A parent order that is over, sold by two children."""
    facts: list[Event] = []
    for number in (1, 2):
        name = f"t-p-{number}"
        part = {"client_order_id": name, "quantity": Quantity(Decimal(1))}
        facts += [
            a_child(number, quantity=Decimal(1)),
            a_fill(**part, trade_id=f"p-{number}", side=Side.SELL, fee_currency=USDT),
            a_finish(client_order_id=name, filled_quantity=Decimal(1)),
        ]
    end = ParentFinished(
        decision_id=DecisionId("p-1"),
        pair=BTC,
        at_ns=TimeNs(5),
        filled=Quantity(Decimal(2)),
        reason="filled",
    )
    return [a_parent(), *facts, end]


def test_a_parent_that_is_not_over_stays_with_all_that_follows(store):
    append(store, an_opening(), a_parent(), *an_order_of(2), a_comparison(fills=1))
    assert prunable_up_to(store, LATER) == 2


@pytest.mark.parametrize("fills", [1, 2])
def test_a_parent_whose_beginning_went_is_rebuilt_as_it_was(store, fills):
    append(store, an_opening(), *a_sale_in_parts(), a_comparison(fills=fills))
    assert prune(store, LATER)
    assert self_check(store).differing == []
    rebuild(store)
    assert self_check(store).differing == []
    assert store.open_parents() == []
