"""What subscribers of one book at one pace are told: a window of it, change by change. Pure.

A channel tells the best `depth` levels. A level that enters the window is told though it did not
change; a level that leaves it is not, but what becomes of it later still is. So whoever follows
from a snapshot holds no level that is wrong, and lacks none in the window.
"""

from typing import NamedTuple

from adapters.simulated.core.order_book import BookSide, OrderBook
from state.values import NS_PER_MS, Side

_EVERYTHING = -(1 << 62)
"""A key below every price."""


class BookKind(NamedTuple):
    """What a channel tells of a book, and how often."""

    name: str
    interval_ns: int
    depth: int
    """Levels of each side in the window."""
    begins_full: bool = False
    """Whether each subscriber is first told the whole window, and nothing older after it."""


BOOK_KINDS = {
    kind.name: kind
    for kind in (
        BookKind("20ms", 20 * NS_PER_MS, 20),
        BookKind("100ms", 100 * NS_PER_MS, 100),
        BookKind("ob.50", 20 * NS_PER_MS, 50, begins_full=True),
        BookKind("ob.400", 100 * NS_PER_MS, 400, begins_full=True),
    )
}
"""The paces of `spot.order_book_update` and the depths of `spot.obu`, by Gate's names."""


class _Window:
    """One side as its followers know it, and what changed since they were told."""

    def __init__(self, side: BookSide, depth: int) -> None:
        self._side = side
        self._depth = depth
        self.changed: set[int] = set()
        self._known_to_all = set(side.keys[-depth:])
        """Levels that no follower lacks."""
        self._known_to_some = set(self._known_to_all)
        """Levels that a follower may hold: each of their changes has to be told."""

    def shown(self, depth: int) -> None:
        """Note that somebody saw the best `depth` levels as they are and follows from there."""
        seen = set(self._side.keys[-depth:])
        self._known_to_some |= seen
        self._known_to_all &= seen

    def report(self, *, removed_reported: bool) -> list[tuple[int, int]]:
        """Return (ticks, lots) of what the followers have to hear, best first."""
        side = self._side
        window = side.keys[-self._depth :]
        lowest = window[0] if len(window) == self._depth else _EVERYTHING
        told = {key for key in self.changed if key >= lowest or key in self._known_to_some}
        told.update(key for key in window if key not in self._known_to_all)
        left: set[int] = set()
        if removed_reported:
            left = {key for key in self._known_to_some if key < lowest}
            told |= left
        self.changed.clear()
        levels = []
        for key in sorted(told, reverse=True):
            lots = 0 if key in left else side.size_at(key)
            levels.append((key * side.sign, lots))
            for known in (self._known_to_all, self._known_to_some):
                if lots:
                    known.add(key)
                else:
                    known.discard(key)
        return levels


class BookChannel:
    """Changes of one book, collected from one report to the next.

    Args:
        book: Watched from now on.
        kind: What is told, and how often.
        removed_reported: Whether levels that leave the window are reported with size 0.
    """

    def __init__(self, book: OrderBook, kind: BookKind, *, removed_reported: bool = False) -> None:
        self._book = book
        self._removed_reported = removed_reported
        self.kind = kind
        self.due_ns = 0
        self.last_id = book.update_id
        self._bids = _Window(book.bids, kind.depth)
        self._asks = _Window(book.asks, kind.depth)
        book.watchers.append(self)

    def touched(self, side: Side, key: int) -> None:
        """See `BookWatcher.touched`."""
        (self._bids if side is Side.BUY else self._asks).changed.add(key)

    @property
    def pending(self) -> bool:
        """Whether anything happened since the last report."""
        return self._book.update_id > self.last_id

    def shown(self, depth: int) -> None:
        """Note that a snapshot of `depth` levels with its id left now."""
        self._bids.shown(depth)
        self._asks.shown(depth)

    def report(
        self,
    ) -> tuple[int, int, list[tuple[int, int]], list[tuple[int, int]]]:
        """Return (first id, last id, bids, asks) since the last report."""
        first, self.last_id = self.last_id + 1, self._book.update_id
        bids = self._bids.report(removed_reported=self._removed_reported)
        asks = self._asks.report(removed_reported=self._removed_reported)
        return first, self.last_id, bids, asks

    def close(self) -> None:
        """Stop watching."""
        self._book.watchers.remove(self)
