"""What subscribers of one book at one pace are told: a window of it, change by change. Pure.

A channel reports the best `depth` levels. A level that enters the window from below is reported
like one that changed, so a client that follows the window never lacks a level in it.
"""

from bisect import bisect_left

from adapters.simulated.core.order_book import BookSide, OrderBook
from state.values import Side

_EVERYTHING = -(1 << 62)
"""A key below every price: the window holds the whole side."""


class _Window:
    """One side's changes since the last report."""

    def __init__(self, side: BookSide, depth: int) -> None:
        self._side = side
        self._depth = depth
        self.bound = self._bound(depth)
        self.changed: set[int] = set()

    def _bound(self, depth: int) -> int:
        keys = self._side.keys
        return keys[-depth] if len(keys) > depth else _EVERYTHING

    def shown(self, depth: int) -> None:
        """Somebody saw the best `depth` levels as they are now and will follow from there."""
        self.bound = max(self.bound, self._bound(depth))

    def report(self, *, removed_reported: bool) -> list[tuple[int, int]]:
        """Return (ticks, lots) of what changed in the window, and forget it."""
        side, old, new = self._side, self.bound, self._bound(self._depth)
        lowest = min(old, new)
        told = {key for key in self.changed if key >= lowest}
        told.update(_between(side.keys, new, old))
        if removed_reported:
            told.update(_between(side.keys, old, new))
        self.changed.clear()
        self.bound = new
        return [
            (key * side.sign, 0 if removed_reported and key < new else side.size_at(key))
            for key in sorted(told, reverse=True)
        ]


def _between(keys: list[int], low: int, high: int) -> list[int]:
    """Return those of the ascending `keys` in [low, high); none when low >= high."""
    return keys[bisect_left(keys, low) : bisect_left(keys, high)]


class BookChannel:
    """Changes of one book, collected from one report to the next.

    Args:
        book: Watched from now on.
        name: The pace in Gate's spelling: `100ms`, `20ms`.
        depth: Levels of each side in the window.
        removed_reported: Whether levels that leave the window are reported with size 0.
    """

    def __init__(
        self, book: OrderBook, name: str, *, depth: int, removed_reported: bool = False
    ) -> None:
        self._book = book
        self._removed_reported = removed_reported
        self.name = name
        self.interval_ns = int(name.removesuffix("ms")) * 1_000_000
        self.due_ns = 0
        self.last_id = book.update_id
        self._bids = _Window(book.bids, depth)
        self._asks = _Window(book.asks, depth)
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
