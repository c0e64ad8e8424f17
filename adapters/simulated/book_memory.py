"""Order books as they were a moment ago, for a venue that shows old ones. Pure.

Nothing is remembered while nobody may be shown an old book: a copy of every book costs time.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.simulated.core.order_book import BookSide, OrderBook
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from state.values import NS_PER_MS, NS_PER_S, Pair

_EVERY_NS = 100 * NS_PER_MS
_KEPT_NS = 10 * NS_PER_S
_DEPTH = 100
"""Levels of a side that are remembered."""


class BookMemory:
    """What the books of a venue looked like.

    Args:
        venue: Whose books.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._kept: deque[tuple[int, dict[Pair, OrderBook]]] = deque()

    def remember(self, now_ns: int) -> None:
        """Keep the books as they are, unless that was done a moment ago."""
        if self._kept and now_ns - self._kept[-1][0] < _EVERY_NS:
            return
        books = {pair: _copied(market) for pair, market in self._venue.pairs.items()}
        self._kept.append((now_ns, books))
        while now_ns - self._kept[0][0] > _KEPT_NS:
            self._kept.popleft()

    @contextmanager
    def showing(self, then_ns: int) -> Iterator[None]:
        """Let every book be as it was at `then_ns`, or as near to that as is remembered."""
        books: dict[Pair, OrderBook] = {}
        for kept_ns, kept in self._kept:
            if books and kept_ns > then_ns:
                break
            books = kept
        present = {pair: market.book for pair, market in self._venue.pairs.items()}
        try:
            for pair, market in self._venue.pairs.items():
                market.book = books.get(pair, market.book)
            yield
        finally:
            for pair, market in self._venue.pairs.items():
                market.book = present[pair]


def _copied(market: PairMarket) -> OrderBook:
    # Whoever is shown this follows from here: what becomes of its levels must be told.
    market.snapshot(_DEPTH, followed=True)
    copy = OrderBook()
    copy.update_id = market.book.update_id
    for side, kept in ((market.book.bids, copy.bids), (market.book.asks, copy.asks)):
        _copy_levels(side, kept)
    return copy


def _copy_levels(side: BookSide, kept: BookSide) -> None:
    for key in side.keys[-_DEPTH:]:
        kept.at(key).street = side.levels[key].total
