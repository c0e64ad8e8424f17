"""State that outlives an incarnation: what an actor declares, and how old states are read.

A snapshot is plain data with a schema number, never a pickle: a renamed class must not brick a
restart. An older schema is brought forward by a chain of pure functions, a newer one is refused.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the plain data of schema n into that of n + 1. Pure."""


class SnapshotUnreadable(Exception):
    """A stored state cannot be read by this version; starting from nothing would be a guess."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One snapshot as the store keeps it."""

    schema: int
    payload: bytes
    """msgspec JSON."""
    taken_ns: int


class SnapshotStore(Protocol):
    """Where snapshots live. Neither call blocks."""

    def newest(self, address: str) -> Stored | None:
        """Return the newest snapshot of `address`, None when there never was one."""
        ...

    def save(self, address: str, stored: Stored) -> None:
        """Keep `stored` as the newest of `address`; durable soon, not at once."""
        ...


class MemorySnapshots:
    """A `SnapshotStore` that lives as long as its process. Safe to use from any thread."""

    def __init__(self, primed: Mapping[str, Stored] | None = None) -> None:
        self._newest = dict(primed or {})
        self._lock = threading.Lock()

    def newest(self, address: str) -> Stored | None:
        """See `SnapshotStore.newest`."""
        with self._lock:
            return self._newest.get(address)

    def save(self, address: str, stored: Stored) -> None:
        """See `SnapshotStore.save`."""
        with self._lock:
            self._newest[address] = stored


def decode(
    stored: Stored, kind: type[msgspec.Struct], schema: int, upgrades: Mapping[int, Upgrade]
) -> msgspec.Struct:
    """Return the state in `stored`, brought forward to `schema`.

    Raises:
        SnapshotUnreadable: It is of a newer schema, an upgrade is missing, or it does not fit.
    """
    if stored.schema > schema:
        raise SnapshotUnreadable(
            f"{kind.__qualname__}: stored schema {stored.schema} is newer than ours, {schema};"
            " run the newer Gatehouse, or restore a backup"
        )
    try:
        plain = msgspec.json.decode(stored.payload)
        for version in range(stored.schema, schema):
            plain = upgrades[version](plain)
        return msgspec.convert(plain, kind, strict=False)
    except KeyError as missing:
        raise SnapshotUnreadable(
            f"{kind.__qualname__}: no upgrade from schema {missing} to {schema}"
        ) from missing
    except msgspec.MsgspecError as error:
        raise SnapshotUnreadable(f"{kind.__qualname__}: {error}") from error
