"""Actors' states between two lives: the newest two of each address."""

import hashlib
from collections.abc import Iterable

from msgspec import Struct

from state.store.writer import Store
from state.values import TimeNs

_KEPT = 2


class ActorSnapshot(Struct, frozen=True, kw_only=True):
    """What one actor was, at one moment."""

    address: str
    schema: int
    """Version of the payload's form, the actor's own counting."""
    at_ns: TimeNs
    payload: bytes


def save_snapshots(store: Store, snapshots: Iterable[ActorSnapshot]) -> None:
    """Keep `snapshots` in one transaction and forget all but the newest two of each address.

    Raises:
        EpochStale: If a later opening has taken over.
    """
    with store.transaction() as connection:
        for one in snapshots:
            connection.execute(
                "INSERT INTO snapshots (address, schema, at_ns, payload, checksum)"
                " VALUES (?, ?, ?, ?, ?)",
                (one.address, one.schema, one.at_ns, one.payload, _checksum(one.payload)),
            )
            connection.execute(
                "DELETE FROM snapshots WHERE address = ?1 AND id NOT IN (SELECT id FROM snapshots"
                " WHERE address = ?1 ORDER BY id DESC LIMIT ?2)",
                (one.address, _KEPT),
            )


def stored_snapshots(store: Store, address: str) -> list[ActorSnapshot]:
    """Return the snapshots of `address`, newest first; one that was damaged is left out."""
    rows = store.connection.execute(
        "SELECT schema, at_ns, payload, checksum FROM snapshots WHERE address = ? ORDER BY id DESC",
        (address,),
    )
    return [
        ActorSnapshot(address=address, schema=schema, at_ns=at_ns, payload=payload)
        for schema, at_ns, payload, checksum in rows
        if _checksum(payload) == checksum
    ]


def _checksum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
