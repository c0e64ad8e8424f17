"""The projections once more from the journal: to compare, or to put in place.

Orders that retention has settled, and trigger orders that had ended, are taken as they are, for
their events are gone; a late event of one of them folds into it again, which changes nothing.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import msgspec
from msgspec import Struct

from state.order import Order
from state.parent_order import ParentOrder
from state.store.account_rows import account_row, balance_row, lot_row, position_row, trip_row
from state.store.anchor import Anchor, anchored
from state.store.blank import lay_out
from state.store.chain import event_of
from state.store.moment import one_moment
from state.store.projector import Projector
from state.store.protecting import Protecting, protection_row, trigger_reader
from state.store.tables import CHANGING, GROWING, Row, write_rows
from state.store.writer import Store
from state.values import ClientOrderId, DecisionId

_CHUNK = 1000


class SelfCheck(Struct, frozen=True, kw_only=True):
    """Digests of the projections as stored and as rebuilt, by table."""

    stored: dict[str, str]
    rebuilt: dict[str, str]

    @property
    def differing(self) -> list[str]:
        """Tables that are not what the journal says; empty when all is well."""
        return [table for table, digest in self.stored.items() if digest != self.rebuilt[table]]


class Source(Protocol):
    """A store, or a reader while the house runs."""

    @property
    def connection(self) -> sqlite3.Connection:
        """The open database."""
        ...


def self_check(source: Source) -> SelfCheck:
    """Compare the stored projections with what the journal says they must be."""
    connection = source.connection
    with one_moment(connection):
        anchor = anchored(connection).seq
        with _rebuilt(connection) as scratch:
            return SelfCheck(stored=_digests(connection, anchor), rebuilt=_digests(scratch, anchor))


def rebuild(store: Store) -> None:
    """Put what the journal says in place of the stored projections.

    Raises:
        EpochStale: If a later opening has taken over.
    """
    anchor = anchored(store.connection).seq
    with _rebuilt(store.connection) as scratch, store.transaction(durable=True) as connection:
        # Fills refer to orders: both are gone for a moment.
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table in CHANGING:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names of ours)
        for table in GROWING:
            connection.execute(f"DELETE FROM {table} WHERE seq > ?", (anchor,))  # noqa: S608
        for table, question in _questions().items():
            write_rows(connection, {table: scratch.execute(question, {"anchor": anchor})})
    store.rollback()


@contextmanager
def _rebuilt(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Give a temporary database whose projections come from the journal."""
    # An empty name: SQLite keeps it in memory while it is small and on disk when it is not.
    scratch = sqlite3.connect("", isolation_level=None)
    try:
        lay_out(scratch)
        scratch.execute("BEGIN")
        anchor = anchored(connection)
        write_rows(scratch, _rows_at(connection, anchor))

        def stored_order(name: ClientOrderId) -> Row | None:
            row: Row | None = scratch.execute(
                "SELECT fold, intent_seq FROM orders WHERE client_order_id = ?", (name,)
            ).fetchone()
            return row

        protecting = Protecting(anchor.protections, trigger_reader(scratch))

        def stored_parent(decision: DecisionId) -> Row | None:
            row: Row | None = scratch.execute(
                "SELECT fold, intent_seq FROM parents WHERE decision_id = ?", (decision,)
            ).fetchone()
            return row

        projector = Projector(anchor.ledger, anchor.trips, stored_order, stored_parent, protecting)
        events = connection.execute(
            "SELECT seq, payload FROM events WHERE seq > ? ORDER BY seq", (anchor.seq,)
        )
        while chunk := events.fetchmany(_CHUNK):
            for seq, payload in chunk:
                projector.apply(seq, event_of(payload))
            write_rows(scratch, projector.rows())
            projector.keep()
        yield scratch
    finally:
        scratch.close()


def _rows_at(connection: sqlite3.Connection, anchor: Anchor) -> dict[str, list[Row]]:
    """Return the rows that the journal's kept part builds on."""

    def settled(table: str) -> list[Row]:
        columns = ", ".join(CHANGING[table])
        rows = connection.execute(
            f"SELECT {columns} FROM {table} WHERE intent_seq <= ?",  # noqa: S608 (names of ours)
            (anchor.seq,),
        )
        return rows.fetchall()

    ledger = anchor.ledger
    # A lot that was gone by then is gone for ever; how much was left of the others is known.
    lots = connection.execute(
        "SELECT ordinal, pair, at_ns, '0', '0' FROM lots WHERE ordinal <= ?", (ledger.fills,)
    )
    held = [lot_row(pair, lot) for pair, one in ledger.positions.items() for lot in one.lots]
    return {
        "triggers": settled("triggers"),
        "protections": [protection_row(one) for one in anchor.protections.values()],
        "orders": settled("orders"),
        "parents": settled("parents"),
        "positions": [position_row(position) for position in ledger.positions.values()],
        "balances": [balance_row(ledger, currency) for currency in ledger.balances],
        "accounts": [
            account_row(ledger, account, currency)
            for account, amounts in ledger.accounts.items()
            for currency in amounts
        ],
        "lots": [*lots, *held],
        "trips": [trip_row(trip) for trip in anchor.trips.values()],
    }


def _questions() -> dict[str, str]:
    """Return for each table the question for the rows that come from the journal, sorted.

    `:anchor` is the seq up to which events are gone.
    """
    changing = {
        table: f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1"  # noqa: S608
        for table, columns in CHANGING.items()
    }
    growing = {
        table: f"SELECT {columns} FROM {table} WHERE seq > :anchor ORDER BY seq"  # noqa: S608
        for table, columns in GROWING.items()
    }
    return changing | growing


def _digests(connection: sqlite3.Connection, anchor: int) -> dict[str, str]:
    digests = {}
    for table, question in _questions().items():
        digest = hashlib.blake2b(digest_size=16)
        of = _FOLDS.get(table)
        for row in connection.execute(question, {"anchor": anchor}):
            digest.update(msgspec.json.encode(row if of is None else _as_of_today(row, of)))
        digests[table] = digest.hexdigest()
    return digests


def _as_of_today(row: Row, of: type[Struct]) -> Row:
    """Return a row whose fold, its last column, is written as it would be now.

    A member that came later has a default, and an older row is not wrong for lacking it.
    """
    try:
        return (*row[:-1], msgspec.json.encode(msgspec.json.decode(row[-1], type=of)).decode())
    except (msgspec.DecodeError, TypeError):
        return row  # A damaged one: it differs from whatever is rebuilt.


_FOLDS: dict[str, type[Struct]] = {"orders": Order, "parents": ParentOrder}
