"""Stores to test, and a day's worth of events to put into them."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from state.messages.journal import Entry, Event
from state.store import DataLock, Store, open_store, store_over
from state.values import ClientOrderId, DecisionId, Quantity, TimeNs, TradeId, Venue
from tests.state.examples import (
    a_choice,
    a_comparison,
    a_decision,
    a_fill,
    a_finish,
    a_mark,
    a_trigger_cancel,
    a_trigger_end,
    a_trigger_intent,
    an_acceptance,
    an_alert,
    an_armed_trigger,
    an_intent,
    an_opening,
)

ROOT = Path(__file__).resolve().parents[2]


def opened(lock: DataLock, venue: Venue = Venue.SIMULATED) -> Store:
    return open_store(lock, venue=venue, version="test", at_ns=TimeNs(1))


def in_memory(connection: sqlite3.Connection | None = None) -> Store:
    return store_over(
        connection or sqlite3.connect(":memory:", check_same_thread=False),
        venue=Venue.SIMULATED,
        version="test",
        at_ns=TimeNs(1),
    )


def entries(*events: Event, trace_id: str = "") -> list[Entry]:
    return [Entry(event=event, trace_id=trace_id) for event in events]


def append(store: Store, *events: Event, durable: bool = False) -> tuple[int, ...]:
    return store.append(entries(*events), "tests", durable=durable)


def an_order_of(number: int, at_ns: int = 2) -> list[Event]:
    """The whole life of one order: decided, intended, accepted, filled, finished."""
    name, decision = ClientOrderId(f"t-{number}"), DecisionId(f"d-{number}")
    quantity = Quantity(Decimal("0.5"))
    common = {"client_order_id": name, "at_ns": TimeNs(at_ns)}
    return [
        a_decision(decision_id=decision, trace_id=f"trace-{number}", at_ns=TimeNs(at_ns)),
        an_intent(**common, decision_id=decision, quantity=quantity, trace_id=f"trace-{number}"),
        an_acceptance(**common, venue_order_id=f"v-{number}"),
        a_fill(
            **common,
            trade_id=TradeId(str(number)),
            quantity=quantity,
            fee=Decimal("0.001"),
            venue_order_id=f"v-{number}",
        ),
        a_finish(**common, filled_quantity=quantity),
    ]


def a_day() -> Sequence[Event]:
    """Events of many kinds, the accounts compared at the end."""
    return [
        an_opening(),
        *an_order_of(1),
        an_alert(),
        *an_order_of(2),
        a_mark(),
        a_comparison(fills=2),
    ]


def a_trigger_of(number: int) -> Sequence[Event]:
    """A trigger order's life, and what was chosen before it."""
    name = f"trigger/BTC_USDT/{number}"
    return [
        a_choice(),
        a_trigger_intent(number),
        an_armed_trigger(trigger_id=name),
        a_trigger_cancel(trigger_id=name),
        a_trigger_end(trigger_id=name),
    ]
