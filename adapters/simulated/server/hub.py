"""What happened at the venue, told to whoever subscribed to it."""

from collections.abc import Iterable

from adapters.simulated.core.book_channel import BOOK_KINDS
from adapters.simulated.core.events import (
    Announced,
    BalanceMoved,
    BookPublished,
    Event,
    OrderMoved,
    PriceOrderMoved,
    TradeDone,
    TradePublished,
)
from adapters.simulated.core.switches import PushOrder
from adapters.simulated.core.venue import Venue
from adapters.simulated.server import pushes
from adapters.simulated.server.periodic import Periodic
from adapters.simulated.server.rows import Row, order_push
from adapters.simulated.server.subscriptions import EVERY_PAIR, Listener, Subscriptions, Topic

BOOK_UPDATES, BOOK_STREAM = "spot.order_book_update", "spot.obu"

_Private = OrderMoved | TradeDone | BalanceMoved | PriceOrderMoved

_PRIVATE: dict[type[_Private], tuple[str, ...]] = {
    OrderMoved: ("spot.orders", "spot.orders_v2"),
    TradeDone: ("spot.usertrades", "spot.usertrades_v2"),
    BalanceMoved: ("spot.balances",),
    PriceOrderMoved: ("spot.priceorders",),
}
"""The channels that tell of an account's own affairs; `_v2` is the same without fees."""

_TOLD_FIRST = {
    PushOrder.ORDERS_FIRST: (OrderMoved,),
    PushOrder.TRADES_FIRST: (TradeDone,),
}


class Hub:
    """Subscriptions, and the pushes they ask for. A push is written once for all who hear it.

    Args:
        venue: Whose events are told.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._subscribed = Subscriptions()
        self._periodic = Periodic(venue, self._subscribed)

    @property
    def subscriptions(self) -> int:
        """How many there are."""
        return self._subscribed.count

    def add(self, listener: Listener, topics: Iterable[Topic], now_ns: int) -> None:
        """Subscribe; subscriptions add up."""
        for topic in topics:
            joined = 0
            if topic[0] in (BOOK_UPDATES, BOOK_STREAM):
                joined = self._follow(listener, topic, now_ns)
            self._subscribed.add(listener, topic, joined)

    def _follow(self, listener: Listener, topic: Topic, now_ns: int) -> int:
        """Begin to follow a book; return the last update that need not be told any more."""
        channel, what = topic
        name, _, pair = what.partition("_")
        market, switches = self._venue.pair(pair), self._venue.switches
        market.channel(name, removed_reported=switches.removed_levels_reported)
        if not (BOOK_KINDS[name].begins_full or switches.book_update_begins_full):
            return 0
        others, window = market.join(name, now_ns)
        self._venue.outbox += others
        listener.push(f"{channel} {pair}", self._book(channel, window, now_ns))
        return window.last_id

    def remove(self, listener: Listener, topics: Iterable[Topic]) -> None:
        """Unsubscribe; what was not subscribed is ignored."""
        for topic in topics:
            if self._subscribed.remove(listener, topic):
                self._end(topic)

    def drop(self, listener: Listener) -> None:
        """Forget a connection."""
        self.remove(listener, self._subscribed.of(listener))

    def _end(self, topic: Topic) -> None:
        channel, what = topic
        self._periodic.forget(topic)
        if channel in (BOOK_UPDATES, BOOK_STREAM):
            name, _, pair = what.partition("_")
            self._venue.pair(pair).close_channel(name)

    def tell(self, events: Iterable[Event], now_ns: int) -> None:
        """Push what happened to everybody who wants it."""
        first = _TOLD_FIRST.get(self._venue.switches.push_order)
        if first is not None:
            events = sorted(events, key=lambda event: not isinstance(event, first))
        for event in events:
            match event:
                case BookPublished():
                    self._tell_book(event, now_ns)
                case TradePublished():
                    self._tell_trade(event, now_ns)
                case OrderMoved() | TradeDone() | BalanceMoved() | PriceOrderMoved():
                    self._tell_owner(event, now_ns)
                case Announced():
                    self._announce(event, now_ns)

    def _announce(self, told: Announced, now_ns: int) -> None:
        for channel in map(pushes.announcement_channel, (told.subject, "all")):
            for language in pushes.LANGUAGES:
                message = pushes.push(channel, pushes.announcement(told, language), now_ns)
                self._subscribed.send((channel, language), channel, message)

    def _book(self, channel: str, told: BookPublished, now_ns: int) -> bytes:
        units = self._venue.pairs[told.pair].units
        if channel == BOOK_STREAM:
            shared = self._venue.switches.book_stream_shares_ids
            return pushes.push(channel, pushes.book_stream(units, told, shared=shared), now_ns)
        return pushes.push(channel, pushes.book_update(units, told), now_ns)

    def _tell_book(self, told: BookPublished, now_ns: int) -> None:
        channel = BOOK_STREAM if BOOK_KINDS[told.channel].begins_full else BOOK_UPDATES
        topic = (channel, f"{told.channel}_{told.pair}")
        if self._subscribed.wants(topic):
            message = self._book(channel, told, now_ns)
            self._subscribed.send(topic, f"{channel} {told.pair}", message, told.last_id)

    def _tell_trade(self, trade: TradePublished, now_ns: int) -> None:
        for channel in ("spot.trades", "spot.trades_v2"):
            topic = (channel, str(trade.pair))
            if self._subscribed.wants(topic):
                result = pushes.public_trade(self._venue.pairs[trade.pair].units, trade)
                message = pushes.push(channel, result, now_ns)
                self._subscribed.send(topic, f"{channel} {trade.pair}", message)

    def _tell_owner(self, event: _Private, now_ns: int) -> None:
        match event:
            case OrderMoved(order=order):
                owner, pair = order.owner, str(order.pair)
            case TradeDone(trade=trade):
                owner, pair = trade.owner, str(trade.pair)
            case BalanceMoved(owner=owner):
                pair = EVERY_PAIR
            case PriceOrderMoved(order=armed):
                owner, pair = armed.owner, str(armed.pair)
        for channel in _PRIVATE[type(event)]:
            # A connection that asked for the pair and for all is told once.
            wanted = [(channel, f"{owner}/{what}") for what in (pair, EVERY_PAIR)]
            listeners = self._subscribed.listeners(wanted)
            if listeners:
                row = self._row(event)
                if channel.endswith("_v2"):
                    row = pushes.without_fees(row)
                # Of all private results only this one is no array.
                result = row if isinstance(event, PriceOrderMoved) else [row]
                message = pushes.push(channel, result, now_ns)
                for listener in listeners:
                    listener.push(f"{channel} {pair}", message)

    def _row(self, event: _Private) -> Row:
        venue = self._venue
        match event:
            case OrderMoved(event=word, order=order):
                user_id = venue.ledger.accounts[order.owner].user_id
                return order_push(order, venue.pairs[order.pair].rules, word, user_id)
            case TradeDone(trade=trade):
                user_id = venue.ledger.accounts[trade.owner].user_id
                return pushes.user_trade(trade, venue.pairs[trade.pair].units, user_id)
            case BalanceMoved():
                return pushes.balance(event, venue.switches.change_of)
            case PriceOrderMoved(order=armed):
                user_id = venue.ledger.accounts[armed.owner].user_id
                return pushes.price_order(armed, venue.pairs[armed.pair].rules, user_id)

    def tell_by_the_clock(self, now_ns: int) -> None:
        """Push what is told by the clock, as far as it is due."""
        self._periodic.tell(now_ns)
