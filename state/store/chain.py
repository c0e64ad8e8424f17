"""How the journal's records are written, linked and checked.

Every record carries the hash of itself and of the hash before it. So a changed byte, a missing or
an inserted record shows at that record, and nowhere can history be rewritten without all that
follows.
"""

import hashlib
import sqlite3
from decimal import InvalidOperation
from typing import Any

import msgspec
from msgspec import Struct

from state.errors import StoreCorrupt
from state.messages.journal import Entry, Event
from state.messages.operations import EpochBegan
from state.messages.orders import (
    AmendIntended,
    DecisionMade,
    OrderFilled,
    OrderIntended,
    ParentIntended,
)
from state.messages.protection import TriggerIntended
from state.store.moment import one_moment

COLUMNS = "seq, epoch, actor, type, trace_id, key, at_ns, payload"

UNREADABLE = (sqlite3.Error, UnicodeDecodeError, InvalidOperation, msgspec.DecodeError)
"""What reading a damaged file may raise: bad pages, bad text, amounts and events that are none."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


class Stored(Struct, frozen=True, kw_only=True):
    """One record of the journal, as it lies in the table."""

    seq: int
    epoch: int
    actor: str
    """Address of whoever asked to remember it."""
    type: str
    trace_id: str
    key: str | None
    at_ns: int
    event: Any
    """One of `state.messages.journal.Event`."""


def payload_of(event: Event) -> bytes:
    """Return how `event` is written."""
    return _encode(event)


def event_of(payload: bytes | str) -> Event:
    """Return the event that `payload` says.

    Raises:
        msgspec.ValidationError: If it says none.
    """
    event: Event = _decode(payload)
    return event


def key_of(entry: Entry) -> str | None:
    """Return what makes `entry` the same as another.

    What happens once in the world has its key by nature: nobody can record it twice by giving
    it a second key, or none.
    """
    match entry.event:
        case OrderFilled() as event:
            return f"fill:{event.pair}:{event.trade_id}"
        case OrderIntended() as event:
            return f"intent:{event.client_order_id}"
        case TriggerIntended() as event:
            return f"trigger:{event.trigger_id}"
        case AmendIntended() as event:
            return f"amend:{event.client_order_id}:{event.number}"
        case ParentIntended() as event:
            return f"parent:{event.decision_id}"
        case DecisionMade() as event:
            return f"decision:{event.decision_id}"
        case EpochBegan() as event:
            return f"epoch:{event.epoch}"
        case _:
            return entry.key


def link(previous: bytes, record: tuple[Any, ...]) -> bytes:
    """Return the hash of `record` (its `COLUMNS`) after one whose hash is `previous`."""
    return hashlib.blake2b(previous + _encode(record), digest_size=32).digest()


def verify(connection: sqlite3.Connection, file: str, *, newest: int | None = None) -> int:
    """Walk the chain and return how many records follow from one another.

    Args:
        connection: Open on the journal.
        file: What to call it.
        newest: Look only at so many of the newest records; None looks at all.

    Raises:
        StoreCorrupt: At the first record that does not follow; the text names file, seq and type.
    """
    seq = -1
    try:
        with one_moment(connection):
            seq, hash_, end, end_hash = _bounds(connection, newest)
            first = seq
            rows = connection.execute(
                f"SELECT {COLUMNS}, hash FROM events WHERE seq > ? ORDER BY seq",  # noqa: S608
                (seq,),
            )
            for *record, stored in rows:
                if record[0] != seq + 1:
                    raise _broken(file, seq + 1, "is missing")
                hash_ = link(hash_, tuple(record))
                if hash_ != stored:
                    raise _broken(file, record[0], f"({record[3]}) is not what was written")
                seq += 1
    except UNREADABLE as error:
        raise _broken(file, seq + 1, f"cannot be read ({error})") from None
    if seq != end:
        raise _broken(file, seq + 1, "is missing")
    if hash_ != end_hash:
        raise _broken(file, end, "is not the last one written")
    return seq - first


def _bounds(connection: sqlite3.Connection, newest: int | None) -> tuple[int, bytes, int, bytes]:
    """Return seq and hash of the record before the first to check, and of the last."""
    ends = connection.execute(
        "SELECT anchor.seq, anchor.hash, head.seq, head.hash FROM anchor, head"
    ).fetchone()
    if ends is None or list(map(type, ends)) != [int, bytes, int, bytes]:
        raise sqlite3.DatabaseError("the ends of the chain are lost")
    anchor, anchor_hash, end, end_hash = ends
    if newest is None or end - newest <= anchor:
        return anchor, anchor_hash, end, end_hash
    before = connection.execute("SELECT seq, hash FROM events WHERE seq = ?", (end - newest,))
    seq, hash_ = before.fetchone() or (end - newest, b"")
    return seq, hash_, end, end_hash


def _broken(file: str, seq: int, what: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{file}: record seq {seq} {what}. Nothing was changed. Way out: stop, move the file away "
        "together with its -wal and -shm, put a backup in its place and start again; what "
        "happened since the backup is read back from the exchange"
    )
