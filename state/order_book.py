"""One pair's order book, kept by the exchange's rule of snapshot and numbered changes. Pure.

Gate's procedure (gate-protocol section 8): buffer changes, fetch a snapshot with its id, drop the
changes that end at or before it; the first one applied must hold the id that follows; from then on
each change must begin at or before the id that follows the last one. Anything else is a gap, and a
book with a gap is worse than none: it empties itself and raises, so that nobody reads old numbers.

The exchange tells changes of its best levels only, a window. Whether it reports a level that
leaves the window, or one that comes back into it unchanged, no source settles. So a level counts as
verified while it lies within the snapshot's reach and has been within the window ever since. Others
are kept, for they may come back without a word, but they may be old or lack neighbours; a new
snapshot verifies the whole window.

Each side is parallel lists, keys and sizes, sorted so that the best level is at the end: most
changes happen there, where inserting and deleting moves nothing. A bid's key is its price, an
ask's the negative of it. A third list holds key times size: depth is asked for after each change,
and multiplying a hundred levels anew costs as much as all else that is measured. The book is
mutable, alone among the folds: replacing a thousand levels per change would cost a hundred times
the change itself.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import inf
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from state.errors import GatehouseError
from state.messages.market import BookDelta, BookSnapshot, Level

BookSide = NDArray[np.float64]
"""Shape (n, 2), best level first: price in quote units, size in base units."""

_make = tuple.__new__
"""Half the time of calling a named tuple by its name, and they are made after every change."""
_LEVELS_MAX = 5000
_EVERYTHING = -inf
"""A key below every level: the side is known to its end."""


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


class SideView(NamedTuple):
    """The verified levels of one side, as the book keeps them: look, never touch.

    The lists are sorted so that the best level is the last. A bid's key is its price, an ask's the
    negative of it.
    """

    keys: list[float]
    sizes: list[float]
    values: list[float]
    """Key times size of each."""
    first: int
    """Index of the worst verified level."""
    is_whole: bool
    """Whether the side has no other levels than the verified ones."""


class _Side:
    """One side: its levels, and the key from which on they are verified."""

    __slots__ = ("floor", "keys", "sizes", "values")

    def __init__(self, levels: Sequence[Level] = (), *, sign: float = 1.0, window: int = 1) -> None:
        # Later levels of the same price replace earlier ones, as changes would.
        by_key = {price * sign: size for price, size in levels}
        self.keys = sorted(key for key, size in by_key.items() if size)
        self.sizes = [by_key[key] for key in self.keys]
        self.values = list(map(mul, self.keys, self.sizes))
        # A side that shows fewer levels than there is room for has no more.
        self.floor = self.keys[-window] if len(self.keys) >= window else _EVERYTHING

    @property
    def verified(self) -> int:
        """How many of the best levels are verified."""
        return len(self.keys) - bisect_left(self.keys, self.floor)

    def change(self, levels: Sequence[Level], sign: float, window: int) -> None:
        """Fold what changed."""
        keys, sizes, values, floor = self.keys, self.sizes, self.values, self.floor
        count, added, deleted = len(keys), 0, 0
        for price, size in levels:
            key = price * sign
            place = bisect_left(keys, key)
            if place < count and keys[place] == key:
                if size:
                    sizes[place] = size
                    values[place] = key * size
                else:
                    del keys[place], sizes[place], values[place]
                    count -= 1
                    if key >= floor:
                        deleted += 1
            elif size:
                keys.insert(place, key)
                sizes.insert(place, size)
                values.insert(place, key * size)
                count += 1
                if key >= floor:
                    added += 1
        # So many may have been shown at once: those that were, and all that came.
        if added and count - bisect_left(keys, floor) + deleted > window:
            # Levels have left the window: told as gone here, or not told of any more.
            verified = min(self.verified, window)
            self.floor = keys[-verified] if verified else inf

    def trim(self, most: int) -> None:
        """Forget the worst levels beyond so many."""
        excess = len(self.keys) - most
        if excess > 0:
            del self.keys[:excess], self.sizes[:excess], self.values[:excess]

    def view(self) -> SideView:
        """Return the verified levels."""
        keys, floor = self.keys, self.floor
        first, is_whole = bisect_left(keys, floor), floor == _EVERYTHING
        return _make(SideView, (keys, self.sizes, self.values, first, is_whole))

    def level(self, number: int, floor: float) -> tuple[float, float] | None:
        """Return key and size of the `number`-th best level (>= 1), None where none is so good."""
        if number > len(self.keys) or self.keys[-number] < floor:
            return None
        return self.keys[-number], self.sizes[-number]


class OrderBook:
    """The live book of one pair; empty until a snapshot and after every break."""

    __slots__ = ("_asks", "_best", "_bids", "_levels_max", "_window", "is_live", "last_id")

    def __init__(self, window: int = _LEVELS_MAX, levels_max: int = _LEVELS_MAX) -> None:
        """Begin empty.

        Args:
            window: Best levels of each side that snapshots show and changes tell of, >= 1.
            levels_max: Levels kept of each side, >= `window`; the worst ones beyond are forgotten.
        """
        assert 1 <= window <= levels_max
        self._window = window
        self._levels_max = levels_max
        self.clear()

    def clear(self) -> None:
        """Forget everything: nothing is known until the next snapshot."""
        self._bids, self._asks = _Side(), _Side()
        self._best: Best | None = None
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
        last_id = self.last_id
        if delta.first_id > last_id + 1 or not self.is_live:
            self._break(BookGap(f"expected {last_id + 1}, got {delta.first_id}"))
        if delta.last_id <= last_id:
            return False
        self.last_id = delta.last_id
        bid_side, ask_side = self._bids, self._asks
        if levels := delta.bids:
            bid_side.change(levels, 1.0, self._window)
        if levels := delta.asks:
            ask_side.change(levels, -1.0, self._window)
        self._best = None
        bids, asks = bid_side.keys, ask_side.keys
        if bids and asks and bids[-1] >= -asks[-1]:
            self._break(BookCrossed(f"bid {bids[-1]} reaches ask {-asks[-1]}"))
        if len(bids) > self._levels_max or len(asks) > self._levels_max:
            self._trim()
        return True

    def best(self) -> Best | None:
        """Return the best levels, or None while either side is empty.

        Until the next change it is the very same object: whoever looks several times makes one.
        """
        if self._best is None:
            bids, asks = self._bids, self._asks
            bid_keys, ask_keys = bids.keys, asks.keys
            if bid_keys and ask_keys:
                levels = (bid_keys[-1], bids.sizes[-1], -ask_keys[-1], asks.sizes[-1])
                self._best = _make(Best, levels)
        return self._best

    @property
    def verified(self) -> tuple[int, int]:
        """How many of the best levels of bids and asks are verified."""
        return self._bids.verified, self._asks.verified

    def views(self) -> tuple[SideView, SideView]:
        """Return the verified levels of bids and asks, uncopied: good until the next change."""
        return self._bids.view(), self._asks.view()

    def is_short_of(self, count: int) -> bool:
        """Return whether a side has fewer than `count` verified levels, and there may be more."""
        sides = (self._bids, self._asks)
        return any(side.floor > _EVERYTHING and side.verified < count for side in sides)

    def differs(self, other: "OrderBook", count: int) -> str:
        """Return where the best `count` (>= 1) levels verified in both differ; empty: nowhere."""
        sides = (
            ("bid", self._bids, other._bids, 1.0),  # noqa: SLF001 - one of ours
            ("ask", self._asks, other._asks, -1.0),  # noqa: SLF001
        )
        for name, ours, theirs, sign in sides:
            floor = max(ours.floor, theirs.floor)
            for number in range(1, count + 1):
                mine, yours = ours.level(number, floor), theirs.level(number, floor)
                if mine != yours:
                    told = [_words(level, sign) for level in (mine, yours)]
                    return f"{name} {number}: {told[0]}, not {told[1]}"
        return ""

    def levels(self, count: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return up to `count` (>= 1) levels of each side, bids and asks, best first."""
        return _best_first(self._bids, count, 1.0), _best_first(self._asks, count, -1.0)

    def top(self, count: int) -> tuple[BookSide, BookSide]:
        """Return up to `count` (>= 1) levels of each side as arrays, bids and asks, best first."""
        return _array(self._bids, count, 1.0), _array(self._asks, count, -1.0)

    def sizes(self, count: int) -> tuple[float, float]:
        """Return the base units resting in the best `count` (>= 1) levels of bids and asks."""
        return sum(self._bids.sizes[-count:]), sum(self._asks.sizes[-count:])

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
        self._bids = _Side(bids, sign=1.0, window=self._window)
        self._asks = _Side(asks, sign=-1.0, window=self._window)
        self.last_id, self.is_live, self._best = last_id, True, None
        best = self.best()
        if best is not None and best.bid >= best.ask:
            self._break(BookCrossed(f"bid {best.bid} reaches ask {best.ask}"))
        self._trim()

    def _trim(self) -> None:
        self._bids.trim(self._levels_max)
        self._asks.trim(self._levels_max)

    def _break(self, reason: BookBroken) -> None:
        self.clear()
        raise reason


def _words(level: tuple[float, float] | None, sign: float) -> str:
    return "nothing" if level is None else f"{level[1]} at {level[0] * sign}"


def _best_first(side: _Side, count: int, sign: float) -> tuple[Level, ...]:
    keys, sizes = side.keys, side.sizes
    return tuple(
        (key * sign, size)
        for key, size in zip(keys[: -count - 1 : -1], sizes[: -count - 1 : -1], strict=True)
    )


def _array(side: _Side, count: int, sign: float) -> BookSide:
    keys, sizes = side.keys, side.sizes
    levels = np.empty((min(count, len(keys)), 2))
    levels[:, 0] = keys[: -count - 1 : -1]
    levels[:, 0] *= sign
    levels[:, 1] = sizes[: -count - 1 : -1]
    return levels


def _value(side: _Side, from_key: float) -> float:
    """Return the sum of key times size over the levels at or better than `from_key`."""
    return float(sum(side.values[bisect_left(side.keys, from_key) :]))
