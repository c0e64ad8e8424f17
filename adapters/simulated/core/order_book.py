"""One pair's book: the levels of both sides, what is taken from them, who watches them. Pure.

Keys are ticks for bids and negative ticks for asks: on both sides the best level is the last.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Protocol

from adapters.simulated.core.level import NOBODY, Fill, Level, Places
from adapters.simulated.core.orders import Order
from state.values import Side


class BookWatcher(Protocol):
    """Whoever wants to know which levels changed."""

    def touched(self, side: Side, key: int) -> None:
        """Note that the level at `key` changed."""
        ...


class BookSide:
    """One side's levels."""

    def __init__(self, side: Side, places: Places) -> None:
        self._places = places
        self.side = side
        self.sign = side.sign
        self.keys: list[int] = []
        """Ascending, the best last."""
        self.levels: dict[int, Level] = {}
        self.owned: set[int] = set()
        """Keys of levels in which accounts have orders."""

    def best(self) -> int | None:
        """Return the best price in ticks, None when the side is empty."""
        return self.keys[-1] * self.sign if self.keys else None

    def size_at(self, key: int) -> int:
        """Return the lots at `key`, 0 where there is no level."""
        level = self.levels.get(key)
        return level.total if level is not None else 0

    def at(self, key: int) -> Level:
        """Return the level at `key`, new where there is none."""
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(self._places)
            insort(self.keys, key)
        return level

    def tidy(self, key: int) -> None:
        """Forget the level at `key` if nothing is left there."""
        level = self.levels[key]
        if not level.queue:
            self.owned.discard(key)
            if not level.street:
                del self.levels[key]
                del self.keys[bisect_left(self.keys, key)]

    def top(self, depth: int) -> list[tuple[int, int]]:
        """Return the best `depth` levels as (ticks, lots), best first."""
        best_first = self.keys[: -depth - 1 : -1]
        return [(key * self.sign, self.levels[key].total) for key in best_first]


class OrderBook:
    """Both sides, and who watches them."""

    def __init__(self) -> None:
        self._places = Places()
        self.bids = BookSide(Side.BUY, self._places)
        self.asks = BookSide(Side.SELL, self._places)
        self.update_id = 0
        self.id_step = 1
        """What one change adds to `update_id`; 0 when a tape numbers the updates."""
        self.watchers: list[BookWatcher] = []

    def side(self, side: Side) -> BookSide:
        """Return the side that orders of `side` rest on."""
        return self.bids if side is Side.BUY else self.asks

    def crossing(self, taker: Side, limit: int | None) -> int | None:
        """Return the best opposite key that a `taker` with `limit` ticks reaches, else None."""
        opposite = self.side(taker.opposite)
        if not opposite.keys:
            return None
        best = opposite.keys[-1]
        if limit is None or best >= limit * opposite.sign:
            return best
        return None

    def touch(self, side: BookSide, key: int) -> None:
        """Count one change of the level at `key` and tell it."""
        self.update_id += self.id_step
        for watcher in self.watchers:
            watcher.touched(side.side, key)

    def take(
        self, taker: Side, lots: int, limit: int | None, avoided: AbstractSet[str] = NOBODY
    ) -> list[Fill]:
        """Take up to `lots` at `limit` ticks or better, best price first, oldest first.

        Ends before the first order of an `avoided` owner.
        """
        opposite = self.side(taker.opposite)
        fills: list[Fill] = []
        while lots and (key := self.crossing(taker, limit)) is not None:
            taken = opposite.levels[key].take(lots, key * opposite.sign, avoided)
            if not taken:
                break
            lots -= sum(fill.lots for fill in taken)
            fills += taken
            self._settled(opposite, key)
        return fills

    def barred_by(self, taker: Side, limit: int, avoided: AbstractSet[str]) -> Order | None:
        """Return the order of an `avoided` owner that a `take` meets first, None for others."""
        key = self.crossing(taker, limit)
        queue = self.side(taker.opposite).levels[key].queue if key is not None else []
        if queue and not queue[0].ahead and queue[0].order.owner in avoided:
            return queue[0].order
        return None

    def reachable(
        self, taker: Side, limit: int, avoided: AbstractSet[str] = NOBODY, *, passed: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield (ticks, lots) that a `take` would get, level by level; see `Level.reachable`."""
        opposite = self.side(taker.opposite)
        for key in reversed(opposite.keys):
            if key < limit * opposite.sign:
                return
            lots, barred = opposite.levels[key].reachable(avoided, passed=passed)
            yield key * opposite.sign, lots
            if barred:
                return

    def rest(self, order: Order) -> None:
        """Queue `order` at its price, behind everybody."""
        order.queued = self._places.take()
        self._join(order)

    def restore(self, order: Order) -> None:
        """Queue an order of an earlier life; of one level, those that joined first come first."""
        self._places.pass_by(order.queued)
        self._join(order)

    def _join(self, order: Order) -> None:
        side = self.side(order.side)
        key = order.ticks * side.sign
        side.at(key).join(order)
        side.owned.add(key)
        self.touch(side, key)

    def remove(self, order: Order) -> None:
        """Take a resting `order` out of its queue."""
        side = self.side(order.side)
        key = order.ticks * side.sign
        level = side.levels[key]
        level.queue = [resting for resting in level.queue if resting.order is not order]
        self._settled(side, key)

    def resized(self, order: Order) -> None:
        """Tell that a resting `order` shows less, in the place it has."""
        side = self.side(order.side)
        self.touch(side, order.ticks * side.sign)

    def quote(self, side: Side, ticks: int, lots: int) -> list[Fill]:
        """Make the street's size at `ticks` equal to `lots`; return what it met on the way.

        Street size that crosses is a street order that arrives: it fills accounts' orders at
        their price first. Street levels it crosses are stale and vanish, so the book is never
        crossed.
        """
        ours = self.side(side)
        key = ticks * ours.sign
        fills: list[Fill] = []
        if lots:
            fills = self._clear_for(side, ticks, lots)
            lots -= sum(fill.lots for fill in fills)
        level = ours.levels.get(key)
        if level is None and not lots:
            return fills
        level = level or ours.at(key)
        if level.street != lots:
            level.set_street(lots)
            self._settled(ours, key)
        return fills

    def _clear_for(self, side: Side, ticks: int, lots: int) -> list[Fill]:
        opposite = self.side(side.opposite)
        fills: list[Fill] = []
        while lots and (key := self.crossing(side, ticks)) is not None:
            level = opposite.levels[key]
            level.set_street(0)
            taken = level.take_ours(lots, key * opposite.sign)
            lots -= sum(fill.lots for fill in taken)
            fills += taken
            self._settled(opposite, key)
        return fills

    def trade_through(self, taker: Side, ticks: int, lots: int) -> list[Fill]:
        """Fill accounts' orders that a print of `lots` at `ticks` must have met.

        Orders at better prices stood before the print and fill; at its price the queue before
        them passes by first. The street's sizes stay as the tape tells them.
        """
        side = self.side(taker.opposite)
        last = ticks * side.sign
        fills: list[Fill] = []
        for key in sorted((key for key in side.owned if key >= last), reverse=True):
            level, price = side.levels[key], key * side.sign
            taken = level.pass_by(lots, price) if key == last else level.take_ours(lots, price)
            if taken:
                lots -= sum(fill.lots for fill in taken)
                fills += taken
                self._settled(side, key)
        return fills

    def _settled(self, side: BookSide, key: int) -> None:
        side.tidy(key)
        self.touch(side, key)
