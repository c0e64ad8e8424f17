"""The book analyzer: folds verified changes into a book and measures it."""

from typing import Any

from actors import addresses
from actors.kernel import Actor
from actors.market.book_measures import mid, queue_imbalance, spread_bps, weighted_mid
from state.messages.market import (
    BookChanged,
    BookDelta,
    BookLost,
    BookMeasured,
    BookReset,
    BookSnapshot,
    BookWanted,
)
from state.order_book import BookBroken, OrderBook
from state.values import Pair, TimeNs


class BookAnalyzer(Actor):
    """One per pair. Owns the live book; a restart has none and asks the feed to begin again."""

    def __init__(self, pair: Pair, depth_bps: float) -> None:
        super().__init__()
        self._pair = pair
        self._depth_bps = depth_bps
        self._feed = addresses.feed(pair)
        self._book = OrderBook()

    def on_start(self) -> None:
        """Ask for a book."""
        self.tell(self._feed, BookWanted(pair=self._pair))

    def on_receive(self, message: Any) -> None:
        """Fold and measure; forget the book when it is lost."""
        match message:
            case BookChanged():
                # Before the first snapshot there is nothing to change: what waited in the mailbox
                # over a restart is part of the snapshot that was asked for.
                if self._book.is_live:
                    self._fold(message.delta)
            case BookReset():
                self._fold(message.snapshot)
            case BookLost():
                self._book.clear()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _fold(self, news: BookDelta | BookSnapshot) -> None:
        try:
            if isinstance(news, BookDelta):
                self._book.apply_delta(news)
            else:
                self._book.apply_snapshot(news)
        except BookBroken as broken:
            # A book that broke in our hands is as lost as one that broke on the way.
            self.publish(BookLost(pair=self._pair, reason=str(broken)))
            self.tell(self._feed, BookWanted(pair=self._pair))
            return
        self._measure(news.event_time_ns, news.seen_time_ns)

    def _measure(self, event_time_ns: TimeNs, seen_time_ns: TimeNs) -> None:
        best = self._book.best()
        if best is None:
            return
        bid_depth, ask_depth = self._book.depth(self._depth_bps)
        self.publish(
            BookMeasured(
                pair=self._pair,
                event_time_ns=event_time_ns,
                seen_time_ns=seen_time_ns or self.now_ns(),
                sequence=self._book.last_id,
                bid=best.bid,
                bid_size=best.bid_size,
                ask=best.ask,
                ask_size=best.ask_size,
                mid=mid(best.bid, best.ask),
                weighted_mid=weighted_mid(*best),
                spread_bps=spread_bps(best.bid, best.ask),
                imbalance=queue_imbalance(best.bid_size, best.ask_size),
                bid_depth=bid_depth,
                ask_depth=ask_depth,
                depth_bps=self._depth_bps,
            )
        )
