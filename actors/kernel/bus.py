"""Publish and subscribe by (message type, pair): a direct fan-out into mailboxes.

There is no broker actor: publishing costs one look-up and one `put` a subscriber. Subscriptions
belong to addresses, so they survive restarts; subscribing again is harmless.
"""

import threading
from typing import Any


class Bus:
    """Who wants to hear what. Reading takes no lock; the tables are replaced, never changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: dict[tuple[type[Any], str | None], tuple[str, ...]] = {}

    def subscribe(self, address: str, topic: type[Any], pair: str | None = None) -> None:
        """Have `address` hear every `topic` message of `pair`, or of all pairs when None."""
        with self._lock:
            listeners = self._table.get((topic, pair), ())
            if address not in listeners:
                self._table = {**self._table, (topic, pair): (*listeners, address)}

    def unsubscribe(self, address: str, topic: type[Any], pair: str | None = None) -> None:
        """Undo one `subscribe`."""
        with self._lock:
            listeners = self._table.get((topic, pair), ())
            kept = tuple(one for one in listeners if one != address)
            self._table = {**self._table, (topic, pair): kept}

    def forget(self, address: str) -> None:
        """Undo every `subscribe` of an address that is closed for good."""
        with self._lock:
            heard = {
                key: tuple(one for one in listeners if one != address)
                for key, listeners in self._table.items()
                if address in listeners
            }
            if heard:
                self._table = {**self._table, **heard}

    def listeners(self, topic: type[Any], pair: str | None) -> tuple[str, ...]:
        """Return who hears a `topic` message of `pair`, in the order of subscription."""
        table = self._table
        everyone = table.get((topic, None), ())
        if pair is None:
            return everyone
        of_pair = table.get((topic, pair), ())
        if not everyone:
            return of_pair
        return everyone + tuple(one for one in of_pair if one not in everyone)
