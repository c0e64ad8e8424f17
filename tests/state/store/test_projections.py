"""The tables say what the journal says, row by row, and can be made from it again."""

from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.messages.journal import Record
from state.messages.orders import Verdict
from state.store import (
    closed_trades,
    last_session,
    order_named,
    pending_amendments,
    pending_decisions,
    prune,
    rebuild,
    self_check,
)
from state.store.account_rows import ledger_of
from state.store.tables import CHANGING, GROWING
from state.values import (
    NS_PER_S,
    ClientOrderId,
    Currency,
    Price,
    Purpose,
    Quantity,
    Session,
    Side,
    TimeNs,
)
from tests.state.advice.examples import an_exchange
from tests.state.examples import (
    a_command,
    a_decision,
    a_fill,
    a_finish,
    a_judged_amendment,
    a_pair_session,
    a_parent,
    a_proof_of_absence,
    a_rejection,
    a_risk_mark,
    a_session,
    an_acceptance,
    an_amendment,
    an_intent,
    an_opening,
    an_unknown,
)
from tests.state.store.test_writer import events_of
from tests.state.stores import a_day, a_trigger_of, append, entries, in_memory
from tests.state.strategies import fills, funds_moved, order_stories

A_COLUMN = {
    "orders": "filled",
    "parents": "filled",
    "positions": "cost",
    "balances": "amount",
    "accounts": "amount",
    "lots": "cost",
    "trips": "cost",
    "protections": "stop",
    "triggers": "price",
    "decisions": "reason",
    "fills": "fee",
    "equity": "equity",
    "trades": "profit",
    "comparisons": "drift_currency",
    "alerts": "text",
    "sessions": "reason",
    "pair_sessions": "reason",
    "risk_marks": "reason",
    "advice_contracts": "at_ns",
    "advice_asked": "reserved_usd",
    "advice_given": "cost_usd",
    "advice_outcomes": "result_r",
    "advisor_marks": "reason",
}


def a_sale(quantity="0.998", number=50):
    """Of all that `a_day` bought, at 110."""
    name = {"client_order_id": f"t-{number}", "at_ns": TimeNs(number)}
    amount = {"quantity": Quantity(Decimal(quantity))}
    return [
        an_intent(**name, **amount, side=Side.SELL, purpose=Purpose.TAKE_PROFIT),
        a_fill(
            **name,
            **amount,
            side=Side.SELL,
            trade_id=f"sale-{number}",
            price=Price(Decimal(110)),
            fee=Decimal("0.1"),
            fee_currency="USDT",
        ),
    ]


def rows(store, question):
    return store.connection.execute(question).fetchall()


def test_each_kind_of_event_leaves_its_row(store):
    append(store, *a_day(), a_session(), a_command())
    assert rows(store, "SELECT currency, amount, opened FROM balances ORDER BY 1") == [
        ("BTC", "0.998", "0"),
        ("USDT", "9900", "10000"),
    ]
    assert rows(store, "SELECT pair, quantity, oversold, cost, average_entry FROM positions") == [
        ("BTC_USDT", "0.998", "0", "99.8", "100")
    ]
    assert rows(store, "SELECT client_order_id, state, settled, filled FROM orders") == [
        ("t-1", "filled", 1, "0.5"),
        ("t-2", "filled", 1, "0.5"),
    ]
    assert rows(store, "SELECT ordinal, trade_id, client_order_id, fee FROM fills") == [
        (1, "1", "t-1", "0.001"),
        (2, "2", "t-2", "0.001"),
    ]
    assert rows(
        store, "SELECT decision_id, verdict, code, limit_text, value_text, largest FROM decisions"
    ) == [
        ("d-1", "shrink", "POSITION_MAX", "200", "300", "2"),
        ("d-2", "shrink", "POSITION_MAX", "200", "300", "2"),
    ]
    append(store, a_decision(decision_id="d-3", verdict=Verdict.ALLOW, refusal=None))
    assert rows(store, "SELECT verdict, code, largest FROM decisions WHERE code IS NULL") == [
        ("allow", None, None)
    ]
    assert rows(store, "SELECT equity, start FROM equity") == [("10000", "10000")]
    assert rows(store, "SELECT alert, severity FROM alerts") == [("feed_stale", "warning")]
    assert rows(store, "SELECT session, caller FROM sessions") == [("ready", "session keeper")]


@settings(max_examples=25)
@given(
    stories=st.lists(order_stories(), max_size=1),
    flows=st.lists(funds_moved(), max_size=4),
    data=st.data(),
)
def test_what_is_stored_is_what_is_rebuilt_however_it_was_batched(stories, flows, data):
    store = in_memory()
    events = [event for intent, facts in stories for event in (intent, *facts)]
    events += [*flows, *a_day()[6:]] if stories else a_day()
    while events:
        count = data.draw(st.integers(1, len(events)))
        append(store, *events[:count])
        events = events[count:]
    assert self_check(store).differing == []
    store.close()


@given(story=st.lists(fills(), min_size=1, max_size=10, unique_by=lambda f: (f.pair, f.trade_id)))
def test_the_accounts_in_the_tables_are_the_ledgers(story):
    store = in_memory()
    for pair in {fill.pair for fill in story}:
        append(store, an_intent(pair=pair, client_order_id=f"t-{pair}"))
    renamed = [{"client_order_id": f"t-{fill.pair}"} for fill in story]
    for fill, change in zip(story, renamed, strict=True):
        append(
            store, a_fill(**{name: getattr(fill, name) for name in fill.__struct_fields__} | change)
        )
    ledger = store.ledger(Currency("USDT"))
    store.rollback()  # reads the tables again
    again = store.ledger(Currency("USDT"))
    assert again.positions == ledger.positions
    assert again.fills == len(story)
    assert again.accounts == ledger.accounts
    assert self_check(store).differing == []
    store.close()


@pytest.mark.parametrize("table", [*CHANGING, *GROWING])
def test_a_table_that_was_tampered_with_is_named_and_mended(store, table):
    append(store, *a_day(), a_session(), *a_sale(), a_risk_mark(), a_parent(), *a_trigger_of(1))
    append(store, a_pair_session())
    append(store, *an_exchange())
    column = A_COLUMN[table]
    store.connection.execute(f"UPDATE {table} SET {column} = '7'")  # noqa: S608
    assert self_check(store).differing == [table]
    rebuild(store)
    assert self_check(store).differing == []
    assert append(store, an_intent(client_order_id="t-9")) == (store.last_seq,)


def test_lost_projections_come_back_and_the_writer_goes_on(store):
    append(store, *a_day(), an_intent(client_order_id="t-3"), a_fill(client_order_id="t-3"))
    before = (store.ledger(Currency("USDT")), store.unsettled_orders(), events_of(store))
    store.connection.execute("PRAGMA foreign_keys = OFF")
    for table in (*CHANGING, *GROWING):
        store.connection.execute(f"DELETE FROM {table}")  # noqa: S608
    store.connection.execute("PRAGMA foreign_keys = ON")
    rebuild(store)
    assert (store.ledger(Currency("USDT")), store.unsettled_orders(), events_of(store)) == before
    append(store, a_fill(client_order_id="t-3", trade_id="100"))
    assert self_check(store).differing == []


def test_the_database_itself_rejects_a_trade_without_an_order(store):
    append(store, *a_day())
    with pytest.raises(Exception, match="FOREIGN KEY"):
        store.connection.execute("UPDATE fills SET client_order_id = 'nobody'")
    with pytest.raises(Exception, match="CHECK"):
        store.connection.execute("UPDATE orders SET state = 'lost'")


def test_an_amount_that_a_damaged_row_lacks_is_no_amount():
    with pytest.raises(InvalidOperation):
        ledger_of([("wallet", "USDT", None)], [], [], fills=0)


DUE_NS = 1000 * NS_PER_S
LATE_NS = DUE_NS + 600 * NS_PER_S
"""What expired ten minutes ago can have been meant, and wait for the disk."""


def test_an_approved_amendment_is_pending_until_it_is_meant_or_long_over(store):
    def pending(now_ns):
        return [one.client_order_id for one in pending_amendments(store, TimeNs(now_ns))]

    append(
        store,
        a_judged_amendment(client_order_id="t-1", expires_at_ns=TimeNs(DUE_NS)),
        a_judged_amendment(client_order_id="t-2", expires_at_ns=TimeNs(DUE_NS + 1)),
        a_judged_amendment(
            client_order_id="t-3", expires_at_ns=TimeNs(DUE_NS + 1), verdict=Verdict.DENY
        ),
        a_judged_amendment(client_order_id="t-4"),
        an_intent(client_order_id="t-2"),
    )
    assert pending(DUE_NS) == pending(LATE_NS - 1) == ["t-1", "t-2"]
    assert pending(LATE_NS) == ["t-2"]
    append(store, an_amendment(client_order_id="t-2"))
    assert pending(DUE_NS) == ["t-1"]


def test_a_decision_is_pending_until_an_order_comes_or_it_is_long_over(store):
    def pending(now_ns):
        return [one.decision_id for one in pending_decisions(store, TimeNs(now_ns))]

    append(
        store,
        a_decision(decision_id="d-1", expires_at_ns=TimeNs(DUE_NS)),
        a_decision(decision_id="d-2", expires_at_ns=TimeNs(DUE_NS + 1)),
        a_decision(decision_id="d-3", expires_at_ns=TimeNs(DUE_NS + 1), verdict=Verdict.DENY),
        a_decision(decision_id="d-4"),
    )
    assert pending(DUE_NS) == pending(LATE_NS - 1) == ["d-1", "d-2"]
    assert pending(LATE_NS) == ["d-2"]
    append(store, an_intent(decision_id="d-2"))
    assert pending(DUE_NS) == ["d-1"]


def test_an_order_is_found_by_its_name_settled_or_not(store):
    append(store, *a_day(), an_intent(client_order_id="t-open"))
    settled, live, none = (
        order_named(store, ClientOrderId(name)) for name in ("t-1", "t-open", "t-9")
    )
    assert settled is not None
    assert settled.is_settled
    assert live == store.unsettled_orders()[0]
    assert none is None


def test_a_round_trip_is_a_trade_told_once_and_found_again(store):
    append(store, *a_day())
    record = Record(entries=tuple(entries(*a_sale())), sender="tests")
    [trade] = store.append_many([record]).closed
    assert store.append_many([record]).closed == []
    assert (trade.pair, trade.seq, trade.purpose) == ("BTC_USDT", store.last_seq, "take_profit")
    # Cost 99.8 at the price of the fills, the fees in base apart.
    assert (trade.cost, trade.proceeds, trade.fees) == (
        Decimal("99.8"),
        Decimal("109.78"),
        Decimal("0.3"),
    )
    assert closed_trades(store, TimeNs(60)) == [trade]
    assert closed_trades(store, TimeNs(60 + 31 * 86_400 * 10**9)) == []


def test_a_trip_outlives_the_writer_and_what_retention_takes(store):
    append(store, *a_day())
    assert prune(store, TimeNs(1000)) > 0
    append(store, *a_sale("0.5"))
    store.rollback()
    [trade] = store.append_many(
        [Record(entries=tuple(entries(*a_sale("0.498", 51))), sender="tests")]
    ).closed
    assert (trade.quantity, trade.cost) == (Decimal("0.998"), Decimal("99.8"))
    assert trade.opened_at_ns == 2
    assert self_check(store).differing == []


def test_the_last_session_is_remembered(store):
    assert last_session(store) is None
    append(store, a_session(), a_session(session=Session.PAUSED, reason="lunch"))
    assert last_session(store) == a_session(session=Session.PAUSED, reason="lunch")


def test_every_state_of_an_order_can_be_stored(store):
    append(
        store,
        *(an_intent(client_order_id=f"t-{n}", decision_id=f"d-{n}") for n in range(6)),
        an_unknown(client_order_id="t-1"),
        an_acceptance(client_order_id="t-2"),
        a_rejection(client_order_id="t-3"),
        a_proof_of_absence(client_order_id="t-4"),
        a_finish(client_order_id="t-5", filled_quantity=Decimal(1), reason="cancelled"),
    )
    states = rows(store, "SELECT state, working, missing_fills FROM orders ORDER BY intent_seq")
    assert states == [
        ("intended", "2", "0"),
        ("unknown", "2", "0"),
        ("open", "2", "0"),
        ("rejected", "0", "0"),
        ("not_placed", "0", "0"),
        ("cancelled", "0", "1"),
    ]
    assert len(store.unsettled_orders()) == 4
    append(store, an_opening(currency="BTC"))
    assert self_check(store).differing == []
