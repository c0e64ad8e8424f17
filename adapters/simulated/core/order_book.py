"""One pair's book: anonymous size from the street, and accounts' orders queued in it. Pure.

A level holds `street` lots that belong to nobody in particular, and our orders in time order, each
knowing how many street lots stand before it. That is price-time priority for a market whose own
orders are known only as level sizes, as on a recorded tape:

- street size that is added joins behind us; size that goes away leaves from behind us first, so a
  queue position is never flattered;
- whoever takes from the level takes the street lots before the first order, then that order;
- an iceberg stands in the queue with what it shows; when that is gone it joins anew, at the back.

Keys are ticks for bids and negative ticks for asks: on both sides the best level is the last.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Protocol

from adapters.simulated.core.orders import Order
from state.values import Side

NOBODY: Final[AbstractSet[str]] = frozenset()


class Fill(NamedTuple):
    """A meeting of two orders; None is the street."""

    ticks: int
    lots: int
    maker: Order | None
    hidden: bool = False
    """Whether the maker's part was hidden when its order came."""


class BookWatcher(Protocol):
    """Whoever wants to know which levels changed."""

    def touched(self, side: Side, key: int) -> None:
        """Note that the level at `key` changed."""
        ...


class _Resting:
    """An order in a level's queue."""

    __slots__ = ("ahead", "order")

    def __init__(self, order: Order, ahead: int) -> None:
        self.order = order
        self.ahead = ahead


class _Places:
    """Numbers that grow with every order that joins a queue of one book."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        """Return the next number."""
        taken = self._next
        self._next += 1
        return taken

    def pass_by(self, taken: int) -> None:
        """Go on behind a number that is taken."""
        self._next = max(self._next, taken + 1)


class Level:
    """One price of one side."""

    __slots__ = ("_places", "queue", "street")

    def __init__(self, places: _Places) -> None:
        self._places = places
        self.street = 0
        self.queue: list[_Resting] = []

    @property
    def total(self) -> int:
        """Lots anybody sees here."""
        if not self.queue:
            return self.street
        return self.street + sum(resting.order.visible for resting in self.queue)

    def join(self, order: Order) -> None:
        """Queue `order` behind everybody."""
        self.queue.append(_Resting(order, self.street))

    def reachable(self, avoided: AbstractSet[str], *, passed: bool) -> tuple[int, bool]:
        """Return (lots to be had here, hidden ones too; whether an avoided order bars the rest).

        Args:
            avoided: Owners that one does not trade with.
            passed: Whether their orders make way, instead of barring it.
        """
        free = self.street
        for place, resting in enumerate(self.queue):
            order = resting.order
            if order.owner not in avoided:
                free += order.left
            elif not passed:
                before = (each.order.visible for each in self.queue[:place])
                return resting.ahead + sum(before), True
        return free, False

    def set_street(self, lots: int) -> None:
        """Make the anonymous size `lots`; what goes away leaves from behind."""
        self.street = lots
        for resting in self.queue:
            resting.ahead = min(resting.ahead, lots)

    def take(self, lots: int, ticks: int, avoided: AbstractSet[str] = NOBODY) -> list[Fill]:
        """Take up to `lots` in queue order; the makers' `left` shrinks with it.

        Whoever is `avoided` ends it.
        """
        fills: list[Fill] = []
        while lots:
            before_us = self.queue[0].ahead if self.queue else self.street
            if before_us:
                part = min(lots, before_us)
                self.street -= part
                self._move_up(part)
                fill = Fill(ticks, part, None)
            elif self.queue and self.queue[0].order.owner not in avoided:
                fill = self._take_head(lots, ticks)
            else:
                break
            fills.append(fill)
            lots -= fill.lots
        return fills

    def take_ours(self, lots: int, ticks: int) -> list[Fill]:
        """Fill queued orders with up to `lots`, whatever stands before them."""
        fills = []
        while lots and self.queue:
            fills.append(self._take_head(lots, ticks))
            lots -= fills[-1].lots
        return fills

    def pass_by(self, lots: int, ticks: int) -> list[Fill]:
        """Let `lots` trade here as a tape says they did; fill queued orders they reach.

        The street's size stays: the tape tells it itself.
        """
        fills = []
        while lots and self.queue:
            part = min(lots, self.queue[0].ahead)
            if part:
                self._move_up(part)
            else:
                fills.append(self._take_head(lots, ticks))
                part = fills[-1].lots
            lots -= part
        return fills

    def _move_up(self, lots: int) -> None:
        for resting in self.queue:
            resting.ahead = max(0, resting.ahead - lots)

    def _take_head(self, lots: int, ticks: int) -> Fill:
        order = self.queue[0].order
        fill = Fill(ticks, min(lots, order.visible), order, order.refilled)
        order.left -= fill.lots
        if order.iceberg:
            order.shown -= fill.lots
        if not order.visible:
            del self.queue[0]
            if order.left:
                order.refill()
                order.queued = self._places.take()
                self.join(order)
        return fill


class BookSide:
    """One side's levels."""

    def __init__(self, side: Side, places: _Places) -> None:
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
        self._places = _Places()
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
