"""Who wants to be told what: subscriptions of all connections, and the telling."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from adapters.simulated.core.candles import SECONDS
from adapters.simulated.core.events import (
    BalanceMoved,
    BookPublished,
    Event,
    OrderMoved,
    TradeDone,
    TradePublished,
)
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from adapters.simulated.server import pushes
from adapters.simulated.server.connection import Connection
from adapters.simulated.server.rows import order_push, ticker_row
from state.values import NS_PER_S, Pair

Topic = tuple[str, str]
"""(channel, what of it): a pair, `100ms_BTC_USDT`, `1m_BTC_USDT`; of a private channel
`account/pair`, with `!all` for every pair."""

EVERY_PAIR = "!all"
_TICKERS_NS = NS_PER_S
_CANDLES_NS = 2 * NS_PER_S


class Hub:
    """Subscriptions, and the pushes they ask for.

    Args:
        venue: Whose events are told.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._topics: defaultdict[Topic, dict[Connection, None]] = defaultdict(dict)
        self._tickers_due_ns = 0
        self._candles_due_ns = 0
        self._candle_told_s: dict[str, int] = {}
        self._best_told: dict[Pair, tuple[object, object]] = {}

    def add(self, connection: Connection, topics: Iterable[Topic]) -> None:
        """Subscribe; subscriptions add up."""
        for topic in topics:
            self._topics[topic][connection] = None
            channel, what = topic
            if channel == "spot.order_book_update":
                pace, _, pair = what.partition("_")
                removed = self._venue.switches.removed_levels_reported
                self._venue.pair(pair).channel(pace, removed_reported=removed)

    def remove(self, connection: Connection, topics: Iterable[Topic]) -> None:
        """Unsubscribe; what was not subscribed is ignored."""
        for topic in topics:
            self._topics[topic].pop(connection, None)
            self._forget_if_unwanted(topic)

    def drop(self, connection: Connection) -> None:
        """Forget a connection."""
        self.remove(connection, [topic for topic, who in self._topics.items() if connection in who])

    def _forget_if_unwanted(self, topic: Topic) -> None:
        if self._topics[topic]:
            return
        del self._topics[topic]
        channel, what = topic
        self._candle_told_s.pop(what, None)
        if channel == "spot.order_book_update":
            pace, _, pair = what.partition("_")
            self._venue.pair(pair).close_channel(pace)

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return sum(len(who) for who in self._topics.values())

    def tell(self, events: Iterable[Event], now_ns: int) -> None:
        """Push what happened to everybody who wants it."""
        for event in events:
            match event:
                case BookPublished():
                    self._tell_book(event, now_ns)
                case TradePublished():
                    self._tell_trade(event, now_ns)
                case OrderMoved() | TradeDone() | BalanceMoved():
                    self._tell_owner(event, now_ns)

    def _send(self, channel: str, what: str, pair: str, message: bytes) -> None:
        for connection in tuple(self._topics.get((channel, what), ())):
            connection.push(f"{channel} {pair}", message)

    def _tell_book(self, told: BookPublished, now_ns: int) -> None:
        what = f"{told.channel}_{told.pair}"
        channel = "spot.order_book_update"
        if (channel, what) in self._topics:
            result = pushes.book_update(self._venue.pairs[told.pair].units, told)
            self._send(channel, what, told.pair, pushes.push(channel, result, now_ns))

    def _tell_trade(self, trade: TradePublished, now_ns: int) -> None:
        channel = "spot.trades"
        if (channel, trade.pair) in self._topics:
            result = pushes.public_trade(self._venue.pairs[trade.pair].units, trade)
            self._send(channel, trade.pair, trade.pair, pushes.push(channel, result, now_ns))

    def _tell_owner(self, event: OrderMoved | TradeDone | BalanceMoved, now_ns: int) -> None:
        venue = self._venue
        match event:
            case OrderMoved(event=word, order=order):
                channel, owner, pair = "spot.orders", order.owner, str(order.pair)
                user_id = venue.ledger.accounts[owner].user_id
                result = order_push(order, venue.pairs[order.pair].rules, word, user_id)
            case TradeDone(trade=trade):
                channel, owner, pair = "spot.usertrades", trade.owner, str(trade.pair)
                user_id = venue.ledger.accounts[owner].user_id
                result = pushes.user_trade(trade, venue.pairs[trade.pair].units, user_id)
            case BalanceMoved(owner=owner):
                channel, pair = "spot.balances", EVERY_PAIR
                result = pushes.balance(event, venue.switches.change_of)
        wanted = (f"{owner}/{pair}", f"{owner}/{EVERY_PAIR}")
        # A connection that asked for the pair and for all is told once.
        who = {each: None for what in wanted for each in self._topics.get((channel, what), ())}
        if who:
            message = pushes.push(channel, [result], now_ns)
            for connection in who:
                connection.push(f"{channel} {pair}", message)

    def tell_by_the_clock(self, now_ns: int) -> None:
        """Push tickers and candles when they are due, best prices when they changed."""
        for market, what in self._wanted("spot.book_ticker"):
            self._tell_best(market, what, now_ns)
        if now_ns >= self._tickers_due_ns:
            self._tickers_due_ns = now_ns - now_ns % _TICKERS_NS + _TICKERS_NS
            for market, what in self._wanted("spot.tickers"):
                message = pushes.push("spot.tickers", ticker_row(market, now_ns), now_ns)
                self._send("spot.tickers", what, what, message)
        if now_ns >= self._candles_due_ns:
            self._candles_due_ns = now_ns - now_ns % _CANDLES_NS + _CANDLES_NS
            for market, what in self._wanted("spot.candlesticks"):
                self._tell_candle(market, what, now_ns)

    def _wanted(self, wanted: str) -> Iterator[tuple[PairMarket, str]]:
        for channel, what in list(self._topics):
            if channel == wanted:
                pair = what.partition("_")[2] if channel == "spot.candlesticks" else what
                yield self._venue.pair(pair), what

    def _tell_best(self, market: PairMarket, what: str, now_ns: int) -> None:
        best = (market.book.bids.top(1), market.book.asks.top(1))
        if self._best_told.get(market.rules.pair) != best:
            self._best_told[market.rules.pair] = best
            result = pushes.book_ticker(market, now_ns)
            message = pushes.push("spot.book_ticker", result, now_ns)
            self._send("spot.book_ticker", what, what, message)

    def _tell_candle(self, market: PairMarket, what: str, now_ns: int) -> None:
        """Push the open candle, and before it those that closed since the last time."""
        interval, _, pair = what.partition("_")
        now_s = now_ns // NS_PER_S
        since_s = self._candle_told_s.get(what, now_s - SECONDS[interval])
        for bar in market.candles.bars(interval, since_s, now_s, now_s):
            self._candle_told_s[what] = bar.time_s
            result = pushes.candle(market, bar, interval, now_ns)
            message = pushes.push("spot.candlesticks", result, now_ns)
            self._send("spot.candlesticks", what, pair, message)
