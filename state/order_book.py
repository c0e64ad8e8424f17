"""One pair's order book, kept by the exchange's rule of snapshot and numbered changes. Pure.

Gate's procedure (gate-protocol section 8): buffer changes, fetch a snapshot with its id, drop the
changes that end at or before it; the first one applied must hold the id that follows; from then on
each change must begin at or before the id that follows the last one. Anything else is a gap, and a
book with a gap is worse than none: it empties itself and raises, so that nobody reads old numbers.

Each side is two parallel lists, keys and sizes, sorted so that the best level is at the end: most
changes happen there, where inserting and deleting moves nothing. A bid's key is its price, an
ask's the negative of it. The book is mutable, alone among the folds: replacing a thousand levels
per change would cost a hundred times the change itself.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from state.errors import GatehouseError
from state.messages.market import BookDelta, BookSnapshot, Level

BookSide = NDArray[np.float64]
"""Shape (n, 2), best level first: price in quote units, size in base units."""

_LEVELS_MAX = 5000


class BookBroken(GatehouseError):
    """The book cannot be trusted any more and has emptied itself: begin again from a snapshot."""


class BookGap(BookBroken):
    """Changes are missing between the book and what came."""


class BookCrossed(BookBroken):
    """The best bid reached the best ask: some change must have been lost unseen."""


class Best(NamedTuple):
    """The best level of each side; price in quote units, size in base units."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float


class OrderBook:
    """The live book of one pair; empty until a snapshot and after every break."""

    __slots__ = ("_asks", "_bids", "_levels_max", "is_live", "last_id")

    def __init__(self, levels_max: int = _LEVELS_MAX) -> None:
        """Begin empty.

        Args:
            levels_max: Levels kept of each side, >= 1; the worst ones beyond are forgotten.
        """
        assert levels_max >= 1
        self._levels_max = levels_max
        self.clear()

    def clear(self) -> None:
        """Forget everything: nothing is known until the next snapshot."""
        self._bids: tuple[list[float], list[float]] = ([], [])
        self._asks: tuple[list[float], list[float]] = ([], [])
        self.is_live = False
        self.last_id = 0

    def apply_snapshot(self, snapshot: BookSnapshot, buffered: Iterable[BookDelta] = ()) -> None:
        """Begin again from `snapshot`, then apply the changes that were buffered meanwhile.

        Raises:
            BookGap: If the snapshot is older than the first of `buffered` allows: fetch another.
            BookCrossed: If the sides overlap.
        """
        self._replace(snapshot.bids, snapshot.asks, snapshot.last_id)
        for delta in buffered:
            self.apply_delta(delta)

    def apply_delta(self, delta: BookDelta) -> bool:
        """Apply one change; return whether it said anything new.

        Raises:
            BookGap: If changes before it are missing, or no snapshot was applied yet.
            BookCrossed: If the sides overlap afterwards.
        """
        if delta.full:
            self._replace(delta.bids, delta.asks, delta.last_id)
            return True
        if not self.is_live or delta.first_id > self.last_id + 1:
            self._break(BookGap(f"expected {self.last_id + 1}, got {delta.first_id}"))
        if delta.last_id <= self.last_id:
            return False
        self.last_id = delta.last_id
        if delta.bids:
            _change(self._bids, delta.bids, 1.0)
        if delta.asks:
            _change(self._asks, delta.asks, -1.0)
        bids, asks = self._bids[0], self._asks[0]
        if bids and asks and bids[-1] >= -asks[-1]:
            self._break(BookCrossed(f"bid {bids[-1]} reaches ask {-asks[-1]}"))
        if len(bids) > self._levels_max or len(asks) > self._levels_max:
            self._trim()
        return True

    def best(self) -> Best | None:
        """Return the best levels, or None while either side is empty."""
        bids, asks = self._bids, self._asks
        if not bids[0] or not asks[0]:
            return None
        return Best(bids[0][-1], bids[1][-1], -asks[0][-1], asks[1][-1])

    def levels(self, count: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return up to `count` (>= 1) levels of each side, bids and asks, best first."""
        return _best_first(self._bids, count, 1.0), _best_first(self._asks, count, -1.0)

    def top(self, count: int) -> tuple[BookSide, BookSide]:
        """Return up to `count` (>= 1) levels of each side as arrays, bids and asks, best first."""
        return _array(self._bids, count, 1.0), _array(self._asks, count, -1.0)

    def sizes(self, count: int) -> tuple[float, float]:
        """Return the base units resting in the best `count` (>= 1) levels of bids and asks."""
        return sum(self._bids[1][-count:]), sum(self._asks[1][-count:])

    def depth(self, bps: float) -> tuple[float, float]:
        """Return the quote units resting within `bps` (> 0) of the mid, in bids and asks.

        (0, 0) while either side is empty.
        """
        best = self.best()
        if best is None:
            return 0.0, 0.0
        mid = (best.bid + best.ask) / 2
        reach = mid * bps / 10_000
        return _value(self._bids, mid - reach), -_value(self._asks, -(mid + reach))

    def _replace(self, bids: Sequence[Level], asks: Sequence[Level], last_id: int) -> None:
        self._bids = _sorted_side(bids, 1.0)
        self._asks = _sorted_side(asks, -1.0)
        self.last_id, self.is_live = last_id, True
        best = self.best()
        if best is not None and best.bid >= best.ask:
            self._break(BookCrossed(f"bid {best.bid} reaches ask {best.ask}"))
        self._trim()

    def _break(self, reason: BookBroken) -> None:
        self.clear()
        raise reason

    def _trim(self) -> None:
        for keys, sizes in (self._bids, self._asks):
            excess = len(keys) - self._levels_max
            if excess > 0:
                del keys[:excess], sizes[:excess]


def _change(side: tuple[list[float], list[float]], levels: Sequence[Level], sign: float) -> None:
    keys, sizes = side
    for price, size in levels:
        key = price * sign
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            if size:
                sizes[place] = size
            else:
                del keys[place], sizes[place]
        elif size:
            keys.insert(place, key)
            sizes.insert(place, size)


def _sorted_side(levels: Sequence[Level], sign: float) -> tuple[list[float], list[float]]:
    # Later levels of the same price replace earlier ones, as changes would.
    by_key = {price * sign: size for price, size in levels}
    keys = sorted(key for key, size in by_key.items() if size)
    return keys, [by_key[key] for key in keys]


def _best_first(
    side: tuple[list[float], list[float]], count: int, sign: float
) -> tuple[Level, ...]:
    keys, sizes = side
    return tuple(
        (key * sign, size)
        for key, size in zip(keys[: -count - 1 : -1], sizes[: -count - 1 : -1], strict=True)
    )


def _array(side: tuple[list[float], list[float]], count: int, sign: float) -> BookSide:
    keys, sizes = side
    levels = np.empty((min(count, len(keys)), 2))
    levels[:, 0] = keys[: -count - 1 : -1]
    levels[:, 0] *= sign
    levels[:, 1] = sizes[: -count - 1 : -1]
    return levels


def _value(side: tuple[list[float], list[float]], from_key: float) -> float:
    """Return the sum of key times size over the levels at or better than `from_key`."""
    keys, sizes = side
    place = bisect_left(keys, from_key)
    return float(sum(map(mul, keys[place:], sizes[place:])))
