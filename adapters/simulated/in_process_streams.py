"""The stream ports over the in-process venue."""

from collections.abc import Callable
from functools import partial

from adapters.ports import AccountMessage, MarketMessage
from adapters.simulated.core.book_channel import BOOK_KINDS
from adapters.simulated.core.events import (
    BalanceMoved,
    BookPublished,
    OrderMoved,
    PriceOrderMoved,
    TradeDone,
    TradePublished,
)
from adapters.simulated.in_process_exchange import Host, Life
from adapters.simulated.in_process_line import Line, Route
from adapters.simulated.reports import (
    balance_report,
    book_delta,
    candle_seen,
    order_report,
    ticker_seen,
    trade_printed,
    trade_report,
)
from state.messages.market import StreamLost, StreamOpened, Timeframe
from state.messages.venue import TriggerMoved
from state.values import NS_PER_S, Pair

BOOK_UPDATES = "100ms"
"""What `spot.order_book_update` is followed at; its snapshots are fetched."""
_CANDLES = Timeframe.M1


class InProcessMarketStream:
    """See `adapters.ports.MarketStream`. One line for all pairs.

    Args:
        host: The venue.
        life: Whose stream.
        now_ns: The trading side's clock.
        book: The kind of book channel that is followed, by its name in `BOOK_KINDS`.
    """

    def __init__(
        self, host: Host, life: Life, now_ns: Callable[[], int], book: str = BOOK_UPDATES
    ) -> None:
        self._host = host
        self._kind = BOOK_KINDS[book]
        channel = "spot.obu" if self._kind.begins_full else "spot.order_book_update"
        self._book_subject = channel
        self._begun: dict[Pair, int] = {}
        """The id of the whole book that a follower began with: nothing older is told."""
        self._client_now_ns = now_ns
        self._routes: dict[Pair, Route[MarketMessage]] = {}
        self._live: dict[Pair, Route[MarketMessage]] = {}
        """Whom the venue serves now; asking anew takes a while to arrive there."""
        self._candle_told_s: dict[Pair, int] = {}
        self._line: Line[MarketMessage] = Line(host, life, self._lost, self._opened)

    def subscribe(self, pair: Pair, deliver: Callable[[MarketMessage], None]) -> None:
        """See `adapters.ports.MarketStream.subscribe`."""
        if pair in self._routes:
            self._routes[pair].wanted = False
        route = self._routes[pair] = Route(deliver)
        self._line.connect()
        if self._line.up:
            latency_ns = self._host.network.latency_ns(self._host.chance)
            self._host.schedule(latency_ns, partial(self._open, pair, route))

    def unsubscribe(self, pair: Pair) -> None:
        """See `adapters.ports.MarketStream.unsubscribe`."""
        route = self._routes.pop(pair, None)
        if route is not None:
            route.wanted = False
            self._live.pop(pair, None)

    def forget_all(self) -> None:
        """Unsubscribe from everything: the client died."""
        for pair in tuple(self._routes):
            self.unsubscribe(pair)

    def break_off(self, reason: str) -> None:
        """Lose the connection, as a test may wish."""
        if self._line.up:
            self._line.break_off(reason)

    def _open(self, pair: Pair, route: Route[MarketMessage]) -> None:
        """Serve a subscription that arrived at the venue."""
        if not self._line.up or not route.wanted or self._live.get(pair) is route:
            return
        market = self._host.venue.pairs.get(pair)
        if market is None:
            self._line.tell(route, StreamLost(pair=pair, reason=f"unknown currency pair: {pair}"))
        else:
            removed = self._host.venue.switches.removed_levels_reported
            market.channel(self._kind.name, removed_reported=removed)
            self._live[pair] = route
            self._line.tell(route, StreamOpened(pair=pair))
            if self._kind.begins_full:
                self._begin(pair, route)
        self._line.flush()

    def _begin(self, pair: Pair, route: Route[MarketMessage]) -> None:
        """Tell a new follower the whole book."""
        venue, now_ns = self._host.venue, self._host.now_ns()
        others, window = venue.pairs[pair].join(self._kind.name, now_ns)
        venue.outbox += others
        self._begun[pair] = window.last_id
        self._push_book(window, route)

    def _push_book(self, told: BookPublished, route: Route[MarketMessage]) -> None:
        units = self._host.venue.pairs[told.pair].units
        seen_ns = self._client_now_ns() + self._line.travel_ns()
        delta = book_delta(told, units, seen_ns)
        self._line.push(f"{self._book_subject} {told.pair}", route, delta)

    def _opened(self) -> None:
        for pair, route in self._routes.items():
            self._open(pair, route)

    def _lost(self, reason: str) -> None:
        for pair, route in self._live.items():
            self._line.tell(route, StreamLost(pair=pair, reason=reason))
        self._live.clear()

    def tell(self, event: BookPublished | TradePublished) -> None:
        """Push what happened in a pair to whoever follows it."""
        pair, route = event.pair, self._live.get(event.pair)
        if route is None:
            return
        if isinstance(event, TradePublished):
            units = self._host.venue.pairs[pair].units
            seen_ns = self._client_now_ns() + self._line.travel_ns()
            printed = trade_printed(event, units, seen_ns)
            self._line.push(f"spot.trades {pair}", route, printed)
        elif event.channel == self._kind.name and event.last_id > self._begun.get(pair, 0):
            self._push_book(event, route)

    def tell_summaries(self, now_ns: int) -> None:
        """Push tickers, and candles with those that closed since the last time."""
        for pair, route in tuple(self._live.items()):
            for subject, message in self._summaries(pair, now_ns):
                self._line.push(f"{subject} {pair}", route, message)
        self.flush()

    def _summaries(self, pair: Pair, now_ns: int) -> list[tuple[str, MarketMessage]]:
        market = self._host.venue.pairs[pair]
        seen_ns = self._client_now_ns() + self._line.travel_ns()
        told: list[tuple[str, MarketMessage]] = []
        ticker = ticker_seen(market, now_ns, seen_ns)
        if ticker is not None:
            told.append(("spot.tickers", ticker))
        now_s = now_ns // NS_PER_S
        since_s = self._candle_told_s.get(pair, now_s - _CANDLES.seconds)
        for bar in market.candles.bars(_CANDLES.value, since_s, now_s, now_s):
            self._candle_told_s[pair] = bar.time_s
            candle = candle_seen(market, bar, _CANDLES, now_ns, seen_ns)
            told.append(("spot.candlesticks", candle))
        return told

    def flush(self) -> None:
        """Send what was pushed in this turn."""
        self._line.flush()


class InProcessAccountStream:
    """See `adapters.ports.AccountStream`."""

    def __init__(self, host: Host, life: Life) -> None:
        self._host = host
        self._route: Route[AccountMessage] | None = None
        self._line: Line[AccountMessage] = Line(host, life, self._lost, self._opened)

    def open(self, deliver: Callable[[AccountMessage], None]) -> None:
        """See `adapters.ports.AccountStream.open`."""
        if self._route is not None:
            self._route.wanted = False
        self._route = Route(deliver)
        self._line.connect()
        if self._line.up:
            self._opened()

    def break_off(self, reason: str) -> None:
        """Lose the connection, as a test may wish."""
        if self._line.up:
            self._line.break_off(reason)

    def _opened(self) -> None:
        assert self._route is not None, "only whoever opened it connects"
        self._line.tell(self._route, StreamOpened())
        self._line.flush()

    def _lost(self, reason: str) -> None:
        assert self._route is not None, "only whoever opened it connects"
        self._line.tell(self._route, StreamLost(reason=reason))

    def tell(self, event: OrderMoved | TradeDone | PriceOrderMoved | BalanceMoved) -> None:
        """Push what happened to the account."""
        if self._route is None or not self._line.up:
            return
        pairs = self._host.venue.pairs
        match event:
            case OrderMoved(order=order):
                subject = f"spot.orders {order.pair}"
                message: AccountMessage = order_report(order, pairs[order.pair].units)
            case PriceOrderMoved(order=price_order):
                subject = f"spot.priceorders {price_order.pair}"
                message = TriggerMoved(pair=price_order.pair)
            case TradeDone(trade=trade):
                subject = f"spot.usertrades {trade.pair}"
                message = trade_report(trade, pairs[trade.pair].units)
            case BalanceMoved():
                subject = "spot.balances !all"
                message = balance_report(event)
        self._line.push(subject, self._route, message)

    def flush(self) -> None:
        """Send what was pushed in this turn."""
        self._line.flush()
