"""Which orders and fills the venue still knows, and by which names. Pure."""

from collections import deque
from collections.abc import Iterator
from itertools import takewhile

from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.switches import TextLookup
from state.values import NS_PER_S, Pair

_LOOKUP_NS = 3600 * NS_PER_S


class _Owned:
    """What one account has."""

    def __init__(self, keep: int) -> None:
        self.open: dict[int, Order] = {}
        self.finished: deque[Order] = deque(maxlen=keep)
        self.trades: deque[UserTrade] = deque(maxlen=keep)
        self.by_text: dict[str, Order] = {}


class OrderIndex:
    """Orders by id, by client id and by account.

    Args:
        text_lookup: How long a client id finds its order.
        keep: Finished orders and fills remembered per account; the oldest are forgotten.
    """

    def __init__(self, text_lookup: TextLookup, keep: int = 200_000) -> None:
        self._text_lookup = text_lookup
        self._keep = keep
        self._orders: dict[int, Order] = {}
        self._owners: dict[str, _Owned] = {}

    def _of(self, owner: str) -> _Owned:
        book = self._owners.get(owner)
        if book is None:
            book = self._owners[owner] = _Owned(self._keep)
        return book

    def add(self, order: Order) -> None:
        """Remember an order, open or (after a restart) finished."""
        self._orders[order.id] = order
        book = self._of(order.owner)
        book.open[order.id] = order
        if order.text.startswith("t-"):
            book.by_text[order.text] = order
        if not order.is_open:
            self.finish(order)

    def finish(self, order: Order) -> None:
        """Move an order that ended from the open ones to the finished ones."""
        book = self._of(order.owner)
        del book.open[order.id]
        if len(book.finished) == self._keep:
            oldest = book.finished[0]
            self._orders.pop(oldest.id, None)
            if book.by_text.get(oldest.text) is oldest:
                del book.by_text[oldest.text]
        book.finished.append(order)
        if self._text_lookup is TextLookup.OPEN and book.by_text.get(order.text) is order:
            del book.by_text[order.text]

    def add_trade(self, trade: UserTrade) -> None:
        """Remember a fill."""
        self._of(trade.owner).trades.append(trade)

    def get(self, number: int) -> Order | None:
        """Return the order with that id, None when it is not known any more."""
        return self._orders.get(number)

    def find(self, owner: str, reference: str, now_ns: int) -> Order | None:
        """Return `owner`'s order by the venue's id or by client id, None when not known."""
        if reference.startswith("t-"):
            return self._by_text(owner, reference, now_ns)
        order = self._orders.get(int(reference)) if reference.isdecimal() else None
        return order if order is not None and order.owner == owner else None

    def _by_text(self, owner: str, text: str, now_ns: int) -> Order | None:
        order = self._of(owner).by_text.get(text)
        if order is None or order.is_open or now_ns - order.updated_ns <= _LOOKUP_NS:
            return order
        return None

    def open_orders(self, owner: str) -> list[Order]:
        """Return `owner`'s resting orders, oldest first."""
        return list(self._of(owner).open.values())

    def finished_since(self, owner: str, since_ns: int) -> Iterator[Order]:
        """Yield `owner`'s orders that ended at or after `since_ns`, newest first."""
        newest_first = reversed(self._of(owner).finished)
        return takewhile(lambda order: order.updated_ns >= since_ns, newest_first)

    def trades_since(self, owner: str, pair: Pair | None, since_ns: int) -> Iterator[UserTrade]:
        """Yield `owner`'s fills at or after `since_ns`, newest first; of every pair for None."""
        recent = takewhile(lambda t: t.time_ns >= since_ns, reversed(self._of(owner).trades))
        return (trade for trade in recent if pair is None or trade.pair == pair)

    def every_open(self) -> Iterator[Order]:
        """Yield the resting orders of all accounts."""
        for book in self._owners.values():
            yield from book.open.values()
