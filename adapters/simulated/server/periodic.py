"""What is told by the clock: tickers, candles, whole books, best prices."""

from adapters.simulated.core.candles import SECONDS
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from adapters.simulated.server import pushes
from adapters.simulated.server.rows import ticker_row
from adapters.simulated.server.subscriptions import Subscriptions, Topic
from state.values import NS_PER_MS, NS_PER_S

BEST_PRICES, TICKERS, CANDLES, WHOLE_BOOKS = (
    "spot.book_ticker",
    "spot.tickers",
    "spot.candlesticks",
    "spot.order_book",
)
BOOK_PACES_NS = {"100ms": 100 * NS_PER_MS, "1000ms": NS_PER_S}
"""How often a whole book may be told."""

_TICKERS_NS = NS_PER_S
_CANDLES_NS = 2 * NS_PER_S


class Periodic:
    """Tells at each channel's pace.

    Args:
        venue: Whose pairs are told of.
        subscribed: Who wants what.
    """

    def __init__(self, venue: Venue, subscribed: Subscriptions) -> None:
        self._venue = venue
        self._subscribed = subscribed
        self._due_ns: dict[str, int] = {}
        self._candle_told_s: dict[str, int] = {}
        self._best_told: dict[str, tuple[object, object]] = {}

    def forget(self, topic: Topic) -> None:
        """Forget what was told of `topic`: nobody follows it any more."""
        channel, what = topic
        if channel == CANDLES:
            self._candle_told_s.pop(what, None)
        elif channel == BEST_PRICES:
            self._best_told.pop(what, None)

    def tell(self, now_ns: int) -> None:
        """Push what is due."""
        for pair in self._subscribed.wanted(BEST_PRICES):
            self._tell_best(self._venue.pair(pair), pair, now_ns)
        if self._is_due(TICKERS, _TICKERS_NS, now_ns):
            for pair in self._subscribed.wanted(TICKERS):
                result = ticker_row(self._venue.pair(pair), now_ns)
                self._send(TICKERS, pair, pair, result, now_ns)
        if self._is_due(CANDLES, _CANDLES_NS, now_ns):
            for what in self._subscribed.wanted(CANDLES):
                self._tell_candles(what, now_ns)
        due = [
            pace
            for pace, interval_ns in BOOK_PACES_NS.items()
            if self._is_due(pace, interval_ns, now_ns)
        ]
        if due:
            self._tell_books(due, now_ns)

    def _is_due(self, name: str, interval_ns: int, now_ns: int) -> bool:
        if now_ns < self._due_ns.get(name, 0):
            return False
        self._due_ns[name] = now_ns - now_ns % interval_ns + interval_ns
        return True

    def _send(self, channel: str, what: str, pair: str, result: object, now_ns: int) -> None:
        message = pushes.push(channel, result, now_ns)
        self._subscribed.send((channel, what), f"{channel} {pair}", message)

    def _tell_best(self, market: PairMarket, pair: str, now_ns: int) -> None:
        best = (market.book.bids.top(1), market.book.asks.top(1))
        if self._best_told.get(pair) != best:
            self._best_told[pair] = best
            self._send(BEST_PRICES, pair, pair, pushes.book_ticker(market, now_ns), now_ns)

    def _tell_candles(self, what: str, now_ns: int) -> None:
        """Push the open candle, and before it those that closed since the last time."""
        interval, _, pair = what.partition("_")
        market = self._venue.pair(pair)
        now_s = now_ns // NS_PER_S
        since_s = self._candle_told_s.get(what, now_s - SECONDS[interval])
        for bar in market.candles.bars(interval, since_s, now_s, now_s):
            self._candle_told_s[what] = bar.time_s
            self._send(CANDLES, what, pair, pushes.candle(market, bar, interval, now_ns), now_ns)

    def _tell_books(self, due: list[str], now_ns: int) -> None:
        for what in self._subscribed.wanted(WHOLE_BOOKS):
            levels, pace, pair = what.split("_", 2)
            if pace in due:
                result = pushes.whole_book(self._venue.pair(pair), int(levels), now_ns)
                self._send(WHOLE_BOOKS, what, pair, result, now_ns)
