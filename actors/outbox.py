"""What an actor has handed to the recorder and not been answered yet. Pure but for its own memory.

The recorder may die with a record in hand, so whoever records keeps it until it is answered and
says it again when the recorder comes back; the journal's keys make that harmless.
"""

from collections.abc import Iterable

from state.messages.journal import Entry, Record

SAY_AGAIN_EVERY_S = 10.0
"""What was not answered from one of these to the next was lost."""
_LIFE = 1_000_000_000
"""Requests of one incarnation: an answer meant for an earlier life is never taken for ours."""


class Outbox:
    """The unanswered records of one incarnation.

    Args:
        sender: Address of the actor, where answers go.
        incarnation: Which life it is.
    """

    def __init__(self, sender: str, incarnation: int) -> None:
        self._sender = sender
        self._last = incarnation * _LIFE
        self._records: dict[int, Record] = {}
        self._seen: set[int] = set()
        """Those that were unanswered when `overdue` was asked last."""

    def add(self, entries: Iterable[Entry], *, durable: bool = False) -> Record:
        """Return a new record of `entries`, to be told to the recorder."""
        self._last += 1
        record = Record(
            entries=tuple(entries), sender=self._sender, request=self._last, durable=durable
        )
        self._records[self._last] = record
        return record

    def answered(self, request: int) -> Record | None:
        """Return the record that was answered, once; None when it is not ours."""
        return self._records.pop(request, None)

    def overdue(self) -> list[Record]:
        """Return what was unanswered already when this was asked last, oldest first.

        Who asks so seldom that nobody takes so long has to say it again: where a mailbox was full
        nobody died, and nobody says that it was lost.
        """
        late = [record for request, record in self._records.items() if request in self._seen]
        self._seen = set(self._records)
        return late

    def unanswered(self) -> list[Record]:
        """Return what has to be said again, oldest first."""
        return list(self._records.values())
