"""One price of one side of a book: the street's size, and accounts' orders queued in it. Pure.

A level holds `street` lots that belong to nobody in particular, and our orders in time order, each
knowing how many street lots stand before it. That is price-time priority for a market whose own
orders are known only as level sizes, as on a recorded tape:

- street size that is added joins behind us; size that goes away leaves from behind us first, so a
  queue position is never flattered;
- whoever takes from the level takes the street lots before the first order, then that order;
- an iceberg stands in the queue with what it shows; when that is gone it joins anew, at the back.
"""

from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from adapters.simulated.core.orders import Order

NOBODY: Final[AbstractSet[str]] = frozenset()


class Fill(NamedTuple):
    """A meeting of two orders; None is the street."""

    ticks: int
    lots: int
    maker: Order | None
    hidden: bool = False
    """Whether the maker's part was hidden when its order came."""


class _Resting:
    """An order in a level's queue."""

    __slots__ = ("ahead", "order")

    def __init__(self, order: Order, ahead: int) -> None:
        self.order = order
        self.ahead = ahead


class Places:
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

    def __init__(self, places: Places) -> None:
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
