"""Letting old events go, never one that somebody may still have to reconcile.

The rows made of them stay (orders, fills, decisions, ...), and so do their keys: what was recorded
once is known for ever. The chain stays verifiable from an anchor: the hash of the last event that
went, and the accounts as they were then.
"""

import sqlite3
from collections.abc import Iterable

from state.messages.accounts import BalancesCompared
from state.store.anchor import Anchor, anchored, move_anchor
from state.store.chain import event_of
from state.store.projector import Projector
from state.store.protecting import Protecting, trigger_reader
from state.store.tables import Row
from state.store.writer import Store
from state.values import ClientOrderId, DecisionId, TimeNs


def prunable_up_to(store: Store, before_ns: TimeNs) -> int:
    """Return the seq up to which events can go, 0 when none can.

    An event can go if it happened before `before_ns`, if every order intended up to it is settled,
    every parent order over and every trigger order ended, and if a later comparison with the
    exchange's balances, with every fill counted, found no difference.
    """
    connection = store.connection
    anchor = anchored(connection).seq
    limits = (
        _scalar(connection, "SELECT min(seq) - 1 FROM events WHERE at_ns >= ?", before_ns),
        _scalar(connection, "SELECT min(intent_seq) - 1 FROM orders WHERE settled = 0"),
        _scalar(connection, "SELECT min(intent_seq) - 1 FROM triggers WHERE state <> 'ended'"),
        _scalar(connection, "SELECT min(intent_seq) - 1 FROM parents WHERE over = 0"),
        _compared_up_to(connection),
        store.last_seq,
    )
    limit = min(limit for limit in limits if limit is not None)
    return limit if limit > anchor else 0


def prune(store: Store, before_ns: TimeNs) -> int:
    """Let go of the events that `prunable_up_to` allows and return how many went.

    Raises:
        StoreCorrupt: If the chain is broken; then nothing goes.
        EpochStale: If a later opening has taken over.
    """
    last = prunable_up_to(store, before_ns)
    if not last:
        return 0
    store.verify()
    anchor = anchored(store.connection)
    with store.transaction(durable=True) as connection:
        moved = _moved(connection, anchor, last)
        connection.execute(
            "INSERT INTO pruned_keys SELECT key, seq FROM events"
            " WHERE seq <= ? AND key IS NOT NULL",
            (last,),
        )
        move_anchor(connection, moved)
        connection.execute("DELETE FROM events WHERE seq <= ?", (last,))
    store.rollback()
    return last - anchor.seq


def _moved(connection: sqlite3.Connection, anchor: Anchor, last: int) -> Anchor:
    """Return the anchor as it is after the events up to `last`."""

    def stored_order(name: ClientOrderId) -> Row | None:
        # It has settled, now as well as then: nothing about it makes a difference any more.
        row: Row | None = connection.execute(
            "SELECT fold, intent_seq FROM orders WHERE client_order_id = ?", (name,)
        ).fetchone()
        return row

    protecting = Protecting(anchor.protections, trigger_reader(connection))

    def stored_parent(decision: DecisionId) -> Row | None:
        row: Row | None = connection.execute(
            "SELECT fold, intent_seq FROM parents WHERE decision_id = ?", (decision,)
        ).fetchone()
        return row

    projector = Projector(anchor.ledger, anchor.trips, stored_order, stored_parent, protecting)
    events = connection.execute(
        "SELECT seq, payload FROM events WHERE seq <= ? ORDER BY seq", (last,)
    )
    for seq, payload in events:
        projector.apply(seq, event_of(payload))
        projector.keep()
    return Anchor(
        seq=last,
        ledger=projector.ledger,
        trips=projector.trips,
        protections=protecting.protections,
    )


def _compared_up_to(connection: sqlite3.Connection) -> int:
    """Return the seq up to which the newest clean comparison vouches for the accounts."""
    comparisons: Iterable[tuple[int, str]] = connection.execute(
        "SELECT seq, payload FROM events WHERE type = 'BalancesCompared' ORDER BY seq DESC"
    )
    for seq, payload in comparisons:
        event = event_of(payload)
        assert isinstance(event, BalancesCompared)
        if not event.differences:
            # A fill that was written before the comparison, but not yet counted in it.
            uncounted = _scalar(
                connection, "SELECT min(seq) - 1 FROM fills WHERE ordinal > ?", event.fills
            )
            return seq if uncounted is None else min(seq, uncounted)
    return 0


def _scalar(connection: sqlite3.Connection, question: str, *parameters: int) -> int | None:
    value: int | None = connection.execute(question, parameters).fetchone()[0]
    return value
