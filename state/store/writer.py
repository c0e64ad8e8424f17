"""The store's one writer: entries in, seqs out, projections kept in the same transaction.

One thread at a time may use it, not always the same: an actor that is restarted comes back on
another thread. Another opening of the same file raises the epoch, and this one is refused from
then on.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlite_utils import Database

from state.errors import StoreRefused
from state.ledger import Ledger
from state.messages.accounts import TradeClosed
from state.messages.journal import Entry, Journaled, Record
from state.messages.operations import EpochBegan
from state.order import Order
from state.parent_order import ParentOrder
from state.store import chain
from state.store.account_rows import stored_ledger, trip_of
from state.store.anchor import anchored
from state.store.projector import Projector
from state.store.protecting import Protecting, stored_protections, trigger_reader
from state.store.refusals import EpochStale, EventsPruned, RecordRefused
from state.store.tables import Row, insertion, write_rows
from state.values import ClientOrderId, Currency, DecisionId, TimeNs, Venue

_INSERT_EVENT = insertion("events", f"{chain.COLUMNS}, hash")


class Written(Struct, frozen=True, kw_only=True):
    """What became of a batch of records."""

    outcomes: list[tuple[int, ...] | RecordRefused]
    """For each record its entries' seqs, or why none of them was written."""
    journaled: list[Journaled]
    """What is new, in order: an entry that was known already is not in it."""
    closed: list[TradeClosed] = []
    """The trades that it closed, in order."""


class Store:
    """The database of one venue, open for writing. Made by `open_store` and `store_over`."""

    def __init__(self, database: Database, venue: Venue, file: str) -> None:
        self._database = database
        self._connection = database.conn
        self.venue = venue
        self.file = file
        """The database's path, or a word for one without."""
        self.epoch = -1
        """The number of this opening; -1 until `begin`."""
        self._broken: str | None = None
        self._synchronous = ""
        self._seq = 0
        self._next: tuple[int, bytes] = (0, b"")
        """Seq and hash of the newest record, one not yet committed included."""
        self._is_pruned = False
        self._projector = Projector(
            Ledger(quote=Currency("")),
            {},
            self._stored_order,
            self._stored_parent,
            Protecting({}, lambda _: None),
        )
        self._reload()

    def begin(self, version: str, at_ns: TimeNs) -> None:
        """Take over from whoever wrote before: the first record of this opening.

        Args:
            version: Of Gatehouse, for the record.
            at_ns: Now.
        """
        epoch: int = self._scalar("SELECT epoch FROM head") + 1
        self.epoch = epoch
        event = EpochBegan(epoch=epoch, version=version, at_ns=at_ns)
        record = Record(entries=(Entry(event=event),), sender="store", durable=True)
        with self._transaction(durable=True, fenced=False):
            self._connection.execute("UPDATE head SET epoch = ?", (epoch,))
            self._write([record], [])

    @property
    def name(self) -> str:
        """What tells this journal from every other, also from one that took its place."""
        name: str = self._scalar("SELECT value FROM meta WHERE name = 'name'")
        return name

    @property
    def connection(self) -> sqlite3.Connection:
        """For the store's other modules: to ask, never to write."""
        return self._connection

    @property
    def last_seq(self) -> int:
        """Position of the newest record, 0 when there is none."""
        return self._seq

    def append(
        self, entries: Sequence[Entry], sender: str, *, durable: bool = False
    ) -> tuple[int, ...]:
        """Write `entries`, all or none, and return the seq of each.

        Args:
            entries: An entry whose key is known gives the seq it already has.
            sender: Address of who asks.
            durable: True returns only once it is on the platter.

        Raises:
            RecordRefused: If they contradict what is known; nothing was written.
            EpochStale: If a later opening has taken over.
            StoreRefused: If the disk failed; the store must be opened again.
        """
        record = Record(entries=tuple(entries), sender=sender, durable=durable)
        [outcome] = self.append_many([record]).outcomes
        if isinstance(outcome, RecordRefused):
            raise outcome
        return outcome

    def append_many(self, records: Sequence[Record]) -> Written:
        """Write `records` in one transaction: one sync for all that waits.

        Each record is all or none by itself: one that is refused takes no other with it.

        Raises:
            EpochStale: If a later opening has taken over.
            StoreRefused: If the disk failed; the store must be opened again.
        """
        journaled: list[Journaled] = []
        try:
            with self._transaction(durable=any(record.durable for record in records)):
                outcomes = self._write(records, journaled)
                closed = self._projector.closed
        except RecordRefused as refusal:
            if len(records) == 1:
                return Written(outcomes=[refusal], journaled=[])
            singly = [self.append_many([record]) for record in records]
            return Written(
                outcomes=[one for written in singly for one in written.outcomes],
                journaled=[one for written in singly for one in written.journaled],
                closed=[one for written in singly for one in written.closed],
            )
        return Written(outcomes=list(outcomes), journaled=journaled, closed=closed)

    def rollback(self) -> None:
        """Return to what is stored: for a writer that was stopped somewhere in between."""
        self._connection.rollback()
        self._reload()

    def read(self, after_seq: int, limit: int) -> list[Journaled]:
        """Return up to `limit` events after `after_seq`, oldest first.

        Raises:
            EventsPruned: If some of them were retired.
        """
        anchor = anchored(self._connection).seq
        if after_seq < anchor:
            raise EventsPruned(
                f"{self.file}: events up to {anchor} were retired, asked for those after "
                f"{after_seq}"
            )
        rows = self._connection.execute(
            "SELECT seq, payload FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (after_seq, limit),
        )
        return [Journaled(seq=seq, event=chain.event_of(payload)) for seq, payload in rows]

    def base(self, quote: Currency) -> tuple[int, Ledger]:
        """Return where the journal begins and the accounts there: (0, empty) if all is kept."""
        anchor = anchored(self._connection)
        return anchor.seq, msgspec.structs.replace(anchor.ledger, quote=quote)

    def ledger(self, quote: Currency) -> Ledger:
        """Return the accounts as of `last_seq`, counted in `quote`."""
        return msgspec.structs.replace(self._projector.ledger, quote=quote)

    def unsettled_orders(self) -> list[Order]:
        """Return the orders that may still change or lack fills, oldest first."""
        rows = self._connection.execute(
            "SELECT fold FROM orders WHERE settled = 0 ORDER BY intent_seq"
        )
        return [msgspec.json.decode(fold, type=Order) for (fold,) in rows]

    def open_parents(self) -> list[ParentOrder]:
        """Return the parent orders that are not over, oldest first."""
        rows = self._connection.execute(
            "SELECT fold FROM parents WHERE over = 0 ORDER BY intent_seq"
        )
        return [msgspec.json.decode(fold, type=ParentOrder) for (fold,) in rows]

    def known(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the seqs of those `keys` that the journal has, or had before it was pruned."""
        return self._known(keys)

    def verify(self) -> int:
        """Walk the whole chain and return how many records follow from one another.

        Raises:
            StoreCorrupt: At the first record that does not.
        """
        return chain.verify(self._connection, self.file)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file: for a moment when nobody waits."""
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._connection.close()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Give the connection within one fenced transaction: for the store's other modules."""
        with self._transaction(durable=durable):
            yield self._connection

    @contextlib.contextmanager
    def _transaction(self, *, durable: bool, fenced: bool = True) -> Iterator[None]:
        if self._broken is not None:
            raise StoreRefused(
                f"{self.file}: failed before and must be opened again: {self._broken}"
            )
        try:
            self._set_synchronous("FULL" if durable else "NORMAL")
            self._connection.execute("BEGIN IMMEDIATE")
            if fenced:
                self._require_epoch()
            yield
            self._connection.execute("COMMIT")
        except (sqlite3.IntegrityError, ArithmeticError) as error:
            self.rollback()
            raise RecordRefused(f"the entries contradict what is known: {error}") from error
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                # After a failed write or sync nobody knows what the disk holds: only a new
                # opening, which looks, may go on. Never sync again.
                self._broken = str(error)
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            raise StoreRefused(f"{self.file}: {error}") from error
        except BaseException:
            self.rollback()
            raise
        self._seq = self._next[0]
        self._projector.keep()

    def _require_epoch(self) -> None:
        if self._scalar("SELECT epoch FROM head") != self.epoch:
            raise EpochStale(f"{self.file}: a later opening has taken over from {self.epoch}")

    def _write(
        self, records: Sequence[Record], journaled: list[Journaled]
    ) -> list[tuple[int, ...]]:
        """Write `records` in the open transaction, adding to `journaled`; return their seqs."""
        keyed = [[chain.key_of(entry) for entry in record.entries] for record in records]
        keys = self._known(key for some in keyed for key in some if key is not None)
        rows: list[Row] = []
        outcomes = []
        for record, its_keys in zip(records, keyed, strict=True):
            seqs = []
            for entry, key in zip(record.entries, its_keys, strict=True):
                seq = None if key is None else keys.get(key)
                if seq is None:
                    seq = self._add(entry, key, record.sender, rows, journaled)
                    if key is not None:
                        keys[key] = seq
                seqs.append(seq)
            outcomes.append(tuple(seqs))
        self._flush(rows)
        return outcomes

    def _add(
        self,
        entry: Entry,
        key: str | None,
        sender: str,
        rows: list[Row],
        journaled: list[Journaled],
    ) -> int:
        seq, previous = self._next[0] + 1, self._next[1]
        try:
            payload = chain.payload_of(entry.event)
            # What is folded and published is what the disk will say, not what we were handed.
            event = chain.event_of(payload)
            self._projector.apply(seq, event)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise RecordRefused(f"{type(entry.event).__name__}: {error}") from error
        record = (
            seq,
            self.epoch,
            sender,
            type(event).__name__,
            entry.trace_id,
            key,
            event.at_ns,
            payload.decode(),
        )
        hash_ = chain.link(previous, record)
        rows.append((*record, hash_))
        journaled.append(Journaled(seq=seq, event=event))
        self._next = (seq, hash_)
        return seq

    def _flush(self, events: list[Row]) -> None:
        self._connection.executemany(_INSERT_EVENT, events)
        write_rows(self._connection, self._projector.rows())
        # Counting makes every commit a write: one that changes nothing would not be synced, and
        # with it what an earlier one, not durable, had left to the operating system.
        self._connection.execute(
            "UPDATE head SET seq = ?, hash = ?, writes = writes + 1", self._next
        )

    def _known(self, keys: Iterable[str]) -> dict[str, int]:
        """Return the seqs of those `keys` that the journal has, or had before it was pruned."""
        wanted = msgspec.json.encode(list(keys)).decode()
        if wanted == "[]":
            return {}
        known: dict[str, int] = {}
        for table in ("pruned_keys", "events") if self._is_pruned else ("events",):
            question = (
                f"SELECT key, seq FROM {table}"  # noqa: S608 (names of ours)
                " WHERE key IN (SELECT value FROM json_each(?))"
            )
            known.update(self._connection.execute(question, (wanted,)))
        return known

    def _reload(self) -> None:
        """Take what is stored as what is known."""
        execute = self._connection.execute
        self._next = execute("SELECT seq, hash FROM head").fetchone()
        self._seq = self._next[0]
        self._is_pruned = self._scalar("SELECT seq FROM anchor") > 0
        fills = self._scalar("SELECT coalesce((SELECT ordinal FROM fills ORDER BY seq DESC), 0)")
        ledger = stored_ledger(self._connection, fills)
        trips = [trip_of(row) for row in execute("SELECT * FROM trips")]
        self._projector = Projector(
            ledger,
            {trip.pair: trip for trip in trips},
            self._stored_order,
            self._stored_parent,
            Protecting(stored_protections(self._connection), trigger_reader(self._connection)),
        )

    def _stored_order(self, name: ClientOrderId) -> Row | None:
        row: Row | None = self._connection.execute(
            "SELECT fold, intent_seq FROM orders WHERE client_order_id = ?", (name,)
        ).fetchone()
        return row

    def _stored_parent(self, decision: DecisionId) -> Row | None:
        row: Row | None = self._connection.execute(
            "SELECT fold, intent_seq FROM parents WHERE decision_id = ?", (decision,)
        ).fetchone()
        return row

    def _set_synchronous(self, level: str) -> None:
        if level != self._synchronous:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    def _scalar(self, question: str) -> Any:
        return self._connection.execute(question).fetchone()[0]
