"""The recorder: the only writer of the journal, and through it the source of everyone's facts."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from actors.kernel import Actor
from state.messages.advice import AdviceWanted
from state.messages.journal import (
    Books,
    BooksWanted,
    Echo,
    EchoWanted,
    JournalOpened,
    KnownSought,
    OrderFound,
    OrderSought,
    Record,
    RecordDenied,
    Recorded,
    SaveSnapshot,
)
from state.store import (
    ActorSnapshot,
    RecordRefused,
    Store,
    advice_books,
    closed_trades,
    fill_cursors,
    known_of,
    last_agreement,
    last_fired,
    last_risk,
    last_session,
    order_named,
    pair_sessions,
    pending_amendments,
    pending_decisions,
    recent_risk,
    save_snapshots,
    searched_triggers,
    stored_protections,
    trigger_numbers,
)
from state.values import Currency

CHECKPOINT_EVERY_S = 20.0
BATCH_MAX = 512
"""Records in one commit: as many as a few milliseconds can write."""


class _Flush(Struct, frozen=True):
    """Everything that waited before this is in one commit with it."""


class _CheckpointDue(Struct, frozen=True):
    """Move the write-ahead log into the file."""


class Recorder(Actor):
    """One. Owns the database; a restart opens it anew and loses nothing that was answered.

    Records that are waiting together are written together, with one sync for all. Only after the
    commit is the sender answered and the fact published, in the order of the journal.

    Args:
        open_store: Opens the store for writing; called where the actor lives.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        super().__init__()
        self._open_store = open_store
        self._store: Store | None = None
        self._waiting: list[Record] = []
        self._snapshots: dict[str, SaveSnapshot] = {}
        self._flushing = False

    def on_start(self) -> None:
        """Open the store and tell everyone to begin from it."""
        self._store = self._open_store()
        opened = JournalOpened(last_seq=self._store.last_seq, epoch=self._store.epoch)
        self.publish(opened)
        self.after(CHECKPOINT_EVERY_S, _CheckpointDue())

    def on_stop(self) -> None:
        """Write what waits and close."""
        self._flush()
        self.store.checkpoint()
        self.store.close()

    @property
    def store(self) -> Store:
        """The open store."""
        assert self._store is not None
        return self._store

    def on_receive(self, message: Any) -> None:
        """Take records, questions and snapshots."""
        match message:
            case Record():
                self._waiting.append(message)
                if len(self._waiting) >= BATCH_MAX:
                    self._flush()
                else:
                    self._flush_soon()
            case SaveSnapshot():
                self._snapshots[message.address] = message
                self._flush_soon()
            case _Flush():
                self._flushing = False
                self._flush()
            case BooksWanted():
                self._flush()
                self.tell(message.reply_to, self._books(message.quote))
            case AdviceWanted():
                self._flush()
                books = advice_books(self.store.connection, self.now_ns())
                self.tell(message.reply_to, books)
            case OrderSought():
                self._flush()
                name = message.client_order_id
                found = OrderFound(client_order_id=name, order=order_named(self.store, name))
                self.tell(message.reply_to, found)
            case KnownSought():
                self._flush()
                self.tell(message.reply_to, known_of(self.store, message))
            case EchoWanted():
                self._flush()
                self.tell(message.reply_to, Echo(number=message.number))
            case _CheckpointDue():
                self.store.checkpoint()
                self.after(CHECKPOINT_EVERY_S, _CheckpointDue())
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _flush_soon(self) -> None:
        if not self._flushing:
            # Behind what is in the mailbox now: that is the batch. Refused by a full mailbox, it is
            # said again with the next record.
            self._flushing = self.tell(self.address, _Flush())

    def _flush(self) -> None:
        records, self._waiting = self._waiting, []
        if records:
            written = self.store.append_many(records)
            for record, outcome in zip(records, written.outcomes, strict=True):
                if isinstance(outcome, RecordRefused):
                    denied = RecordDenied(request=record.request, reason=str(outcome))
                    self.tell(record.sender, denied)
                elif record.request:
                    self.tell(record.sender, Recorded(request=record.request, seqs=outcome))
            # An order waits for this answer, and nobody for the rest.
            self.give_way()
            for one in written.journaled:
                pair = getattr(one.event, "pair", None)
                self.publish(one, topic=type(one.event), pair=pair)
            for trade in written.closed:
                self.publish(trade, pair=trade.pair)
        snapshots, self._snapshots = self._snapshots, {}
        if snapshots:
            save_snapshots(self.store, [_stored(one) for one in snapshots.values()])

    def _books(self, quote: Currency) -> Books:
        store = self.store
        return Books(
            last_seq=store.last_seq,
            epoch=store.epoch,
            ledger=store.ledger(quote),
            orders=tuple(store.unsettled_orders()),
            decisions=tuple(pending_decisions(store, self.now_ns())),
            amendments=tuple(pending_amendments(store, self.now_ns())),
            session=last_session(store),
            pair_sessions=pair_sessions(store),
            protections=tuple(stored_protections(store.connection).values()),
            triggers=tuple(searched_triggers(store.connection)),
            trigger_numbers=trigger_numbers(store.connection),
            fired=tuple(last_fired(store.connection)),
            agreed=last_agreement(store),
            trades=tuple(closed_trades(store, self.now_ns())),
            risk=last_risk(store),
            recent=tuple(recent_risk(store, self.now_ns())),
            parents=tuple(store.open_parents()),
            cursors=fill_cursors(store),
        )


def _stored(message: SaveSnapshot) -> ActorSnapshot:
    return ActorSnapshot(
        address=message.address,
        schema=message.schema,
        at_ns=message.taken_ns,
        payload=message.payload,
    )
