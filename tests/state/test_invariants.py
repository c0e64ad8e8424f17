"""Each invariant is silent on a sane world and names what breaks it."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from state.double_entry import WALLET, external
from state.invariants import (
    balance_violations,
    book_violations,
    decision_violations,
    equity_violations,
    journal_violations,
    ledger_violations,
    order_violations,
)
from state.ledger import Ledger
from state.messages.accounts import FundsKind
from state.messages.journal import Journaled
from state.messages.operations import EpochBegan
from state.order import Order
from state.order_book import OrderBook
from state.position import Position
from state.values import Currency, Pair, TimeNs
from tests.state.examples import (
    a_fill,
    a_finish,
    a_mark,
    a_proof_of_absence,
    a_rejection,
    an_acceptance,
    an_intent,
    an_opening,
)
from tests.state.strategies import fills, order_stories
from tests.state.test_order_book import a_snapshot

USDT = Currency("USDT")
PAIR = Pair("BTC_USDT")


def names(violations) -> list[str]:
    return [violation.name for violation in violations]


def an_order(*facts, **changes) -> Order:
    order = Order(intent=an_intent(**changes))
    for fact in facts:
        order = order.apply(fact)
    return order


@given(story=order_stories())
def test_a_sane_order_breaks_nothing(story):
    intent, facts = story
    order = Order(intent=intent)
    for fact in facts:
        order = order.apply(fact)
    assert order_violations(order) == []
    assert decision_violations([order]) == []


def test_an_alarm_is_a_violation():
    order = an_order(a_rejection(), a_fill())
    assert names(order_violations(order)) == ["order_rejected_but_live"]


def test_two_live_orders_of_one_decision_are_one_too_many():
    first = an_order()
    second = an_order(client_order_id="t-2", attempt=2)
    assert names(decision_violations([first, second])) == ["decision_doubled"]
    assert decision_violations([first, an_order(client_order_id="t-3", decision_id="d-2")]) == []
    assert decision_violations([an_order(a_proof_of_absence()), second]) == []
    unfilled = an_order(a_finish(filled_quantity=Decimal(0), reason="ioc"))
    assert decision_violations([unfilled, second]) == []
    assert decision_violations([an_order(a_fill(quantity=Decimal(2))), second]) != []


@given(story=st.lists(fills(), max_size=20))
def test_a_ledger_breaks_nothing_but_overselling(story):
    ledger = Ledger(quote=USDT).apply(an_opening())
    for fill in story:
        ledger = ledger.apply(fill)
    is_oversold = any(position.oversold for position in ledger.positions.values())
    assert set(names(ledger_violations(ledger))) == (
        {"position_oversold"} if is_oversold else set()
    )


def test_a_ledger_that_was_tampered_with_shows():
    ledger = Ledger(
        quote=USDT,
        accounts={WALLET: {USDT: Decimal(5)}, external(FundsKind.OPENING): {USDT: Decimal(-4)}},
    )
    assert names(ledger_violations(ledger)) == ["trial_balance", "cash_differs"]
    costless = Ledger(quote=USDT, positions={PAIR: Position(pair=PAIR, cost=Decimal(1))})
    assert "position_without_cost" in names(ledger_violations(costless))
    assert "lots_differ" in names(ledger_violations(costless))


def test_balances_are_compared_to_the_last_unit_and_in_both_directions():
    ledger = Ledger(quote=USDT).apply(an_opening())
    assert balance_violations(ledger, {USDT: Decimal("10000.00")}) == []
    theirs = {USDT: Decimal("10000.00000001"), Currency("BTC"): Decimal(1)}
    assert [v.detail for v in balance_violations(ledger, theirs)] == [
        "BTC: ledger 0, exchange 1",
        "USDT: ledger 10000, exchange 10000.00000001",
    ]


def test_equity_that_does_not_add_up_shows_by_how_much():
    assert equity_violations(a_mark()) == []
    earned = a_mark(
        equity=Decimal(10_007),
        flows=Decimal(1),
        realised=Decimal(5),
        unrealised=Decimal(3),
        fees=Decimal(2),
    )
    assert equity_violations(earned) == []
    [violation] = equity_violations(a_mark(fees=Decimal("0.1")))
    assert violation.detail == "by 0.1"


def journal(*events) -> list[Journaled]:
    return [Journaled(seq=seq, event=event) for seq, event in enumerate(events, 1)]


def an_epoch(number) -> EpochBegan:
    return EpochBegan(epoch=number, version="1", at_ns=TimeNs(1))


def test_a_journal_has_no_hole_rising_epochs_and_each_intent_once():
    sane = journal(an_epoch(1), an_intent(), an_acceptance(), an_epoch(2))
    assert journal_violations(sane) == []
    assert names(journal_violations([sane[0], sane[2]])) == ["journal_hole"]
    assert names(journal_violations(journal(an_epoch(2), an_epoch(2)))) == ["epoch_not_rising"]
    assert names(journal_violations(journal(an_intent(), an_intent()))) == ["intent_doubled"]


def test_an_unsound_book_shows():
    book = OrderBook()
    assert book_violations(book) == []
    book.apply_snapshot(a_snapshot())
    assert book_violations(book) == []
    book._asks.keys, book._asks.sizes = [-102.0, -102.0], [1.0, 1.0]
    assert names(book_violations(book)) == ["book_unsorted"]
    book._asks.keys, book._asks.sizes = [-102.0, -0.0], [0.0, 1.0]
    assert names(book_violations(book)) == ["book_level_unsound"] * 2 + ["book_crossed"]
    book.clear()
    book.apply_snapshot(a_snapshot())
    book._bids.keys, book._bids.sizes = [98.0, 97.0, 101.0], [1.0, -1.0, float("nan")]
    assert names(book_violations(book)) == [
        "book_unsorted",
        "book_level_unsound",
        "book_level_unsound",
        "book_crossed",
    ]
