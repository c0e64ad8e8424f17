"""One pair as the public sees it: book, trades, candles, ticker, book channels. Pure."""

from collections import deque

from adapters.simulated.core.book_channel import BOOK_KINDS, BookChannel
from adapters.simulated.core.candles import CandleStore
from adapters.simulated.core.conditions import ORDINARY
from adapters.simulated.core.events import BookPublished, TradePublished
from adapters.simulated.core.order_book import OrderBook
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.units import PairUnits
from state.values import NS_PER_MS, NS_PER_S

_TRADES_KEPT = 2_000


class PairMarket:
    """One pair's public state.

    Args:
        rules: What the pair allows; replaced when it changes.
        now_ns: First update ids grow from this instant in ms, so that they also grow over a
            restart of the venue.
    """

    def __init__(self, rules: PairRules, now_ns: int) -> None:
        self.rules = rules
        self.units: PairUnits = rules.units
        self.book = OrderBook()
        self.book.update_id = now_ns // NS_PER_MS
        self.candles = CandleStore()
        self.trades: deque[TradePublished] = deque(maxlen=_TRADES_KEPT)
        self.last_ticks: int | None = None
        self.range_ticks: tuple[int, int] | None = None
        """Lowest and highest price of trades since `forget_range`, None without a trade."""
        self.priced_ns = now_ns
        """When the last trade was."""
        self.sequence = 0
        self.channels: dict[str, BookChannel] = {}
        self.conditions = ORDINARY

    @property
    def taped(self) -> bool:
        """Whether a tape numbers the book's updates."""
        return self.book.id_step == 0

    def reference_ticks(self) -> int | None:
        """Return the price orders are measured by: the last trade's, else the middle's.

        None before any trade while a side of the book is empty.
        """
        if self.last_ticks is not None:
            return self.last_ticks
        bid, ask = self.book.bids.best(), self.book.asks.best()
        return None if bid is None or ask is None else (bid + ask) // 2

    def print_trade(self, trade: TradePublished) -> None:
        """Fold one public trade into candles and history."""
        self.last_ticks = trade.ticks
        self.priced_ns = trade.time_ns
        low, high = self.range_ticks or (trade.ticks, trade.ticks)
        self.range_ticks = (min(low, trade.ticks), max(high, trade.ticks))
        self.sequence = trade.sequence
        self.trades.append(trade)
        self.candles.add(trade.time_ns, trade.ticks, trade.lots)

    def forget_range(self) -> None:
        """Let the range of prices begin anew."""
        self.range_ticks = None

    def channel(self, name: str, *, removed_reported: bool) -> BookChannel:
        """Return the book channel `name`, which begins with its first subscriber."""
        channel = self.channels.get(name)
        if channel is None:
            kind = BOOK_KINDS[name]
            channel = BookChannel(self.book, kind, removed_reported=removed_reported)
            self.channels[name] = channel
        return channel

    def close_channel(self, name: str) -> None:
        """End the book channel `name`, whose last subscriber left."""
        channel = self.channels.pop(name, None)
        if channel is not None:
            channel.close()

    def next_report_ns(self) -> int | None:
        """Return when a book channel has something to tell, None when none has."""
        due = [channel.due_ns for channel in self.channels.values() if channel.pending]
        return min(due, default=None)

    def reports(self, now_ns: int, first_id: int | None = None) -> list[BookPublished]:
        """Return what the book channels have to tell by `now_ns`.

        A taped book has its own rhythm: each taped update is told at once, whatever the pace, and
        `first_id` is the tape's own.
        """
        return [
            self._report(channel, now_ns, first_id)
            for channel in self.channels.values()
            if channel.pending and (self.taped or now_ns >= channel.due_ns)
        ]

    def _report(
        self, channel: BookChannel, now_ns: int, first_id: int | None = None
    ) -> BookPublished:
        interval_ns = channel.kind.interval_ns
        channel.due_ns = now_ns - now_ns % interval_ns + interval_ns
        first, last, bids, asks = channel.report()
        if first_id is not None and (first_id > first or not channel.kind.begins_full):
            # After a snapshot a tape's diff may begin before it. Whoever was told the whole
            # window is not told anything twice.
            first = first_id
        return BookPublished(
            pair=self.rules.pair,
            channel=channel.kind.name,
            first_id=first,
            last_id=last,
            bids=bids,
            asks=asks,
            time_ns=now_ns,
        )

    def join(self, name: str, now_ns: int) -> tuple[list[BookPublished], BookPublished]:
        """Let somebody follow the book channel `name` from its whole window.

        Returns:
            What the others have to be told now, ahead of its pace, and the window for the
            newcomer: what comes after it joins both without a gap.
        """
        channel = self.channels[name]
        others = [self._report(channel, now_ns)] if channel.pending else []
        depth = channel.kind.depth
        channel.shown(depth)
        window = BookPublished(
            pair=self.rules.pair,
            channel=name,
            first_id=channel.last_id,
            last_id=channel.last_id,
            bids=self.book.bids.top(depth),
            asks=self.book.asks.top(depth),
            time_ns=now_ns,
            full=True,
        )
        return others, window

    def snapshot(
        self, depth: int, *, followed: bool
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return the best `depth` (ticks, lots) of bids and asks.

        Args:
            depth: Levels of each side.
            followed: Whether the reader will go on from here with a book channel.
        """
        if followed:
            for channel in self.channels.values():
                channel.shown(depth)
        return self.book.bids.top(depth), self.book.asks.top(depth)

    def day(self, now_ns: int) -> tuple[int, int, int, int, int] | None:
        """Return (open, high, low, lots, ticks x lots) of the last 24 hours."""
        return self.candles.day(now_ns // NS_PER_S)
