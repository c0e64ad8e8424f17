"""The `MarketStream` port over Gate's WebSockets.

Public methods may be called from any thread; everything else runs on the socket loop, and so do
the `deliver` callbacks, which therefore have to be cheap.
"""

import asyncio
import random as system_random
import threading
import time
from collections.abc import Callable

from loguru import logger

from adapters.gate.connection import StreamSettings
from adapters.gate.frames import (
    BOOK,
    CANDLES,
    OBU,
    TICKERS,
    TRADES,
    Pushed,
    decode_market,
)
from adapters.gate.gathering import Gathering
from adapters.gate.pair_watch import PairWatch
from adapters.gate.session import Route, Session, SessionSettings
from adapters.gate.subscriptions import Channel
from adapters.gate.venue_clock import UNMEASURED, Skew
from adapters.loop import LoopThread
from adapters.ports import Clock, MarketMessage
from state.config.settings import BookChannel
from state.messages.market import BookDelta, StreamLost, StreamOpened, Timeframe
from state.values import Pair

_OBU_DEPTHS = (50, 400)
_EARLY_MAX = 1000
"""Changes kept while the acknowledgements are still on their way."""


def book_updates(pair: Pair) -> Channel:
    """Return the channel of numbered changes whose snapshots are fetched over REST."""
    return BOOK, (pair, "100ms")


def followed_by(channel: BookChannel, depth: int) -> Callable[[Pair], Channel]:
    """Return what names a pair's channel of this kind, for `depth` levels of each side."""
    return whole_books(depth) if channel is BookChannel.OBU else book_updates


def whole_books(depth: int) -> Callable[[Pair], Channel]:
    """Return what names the channel that begins with the whole book, of at least `depth` levels."""
    told = next(one for one in _OBU_DEPTHS if one >= depth)
    return lambda pair: (OBU, (f"ob.{pair}.{told}",))


class GateMarketStream:
    """See `adapters.ports.MarketStream`. As many connections as the pairs need.

    A channel that begins with the whole book is subscribed anew with each `subscribe`, so that it
    gives another.
    """

    def __init__(
        self,
        loop: LoopThread,
        *,
        ws_urls: tuple[str, ...],
        clock: Clock,
        skew: Skew = UNMEASURED,
        random: Callable[[], float] = system_random.random,
        settings: StreamSettings | None = None,
        book: Callable[[Pair], Channel] = book_updates,
        together_max: int = 1,
    ) -> None:
        """Prepare; the first subscription connects.

        Args:
            loop: Owns the sockets.
            ws_urls: With Gate's path; the first that works is used.
            clock: Ours: stamps what arrives.
            skew: The exchange's clock.
            random: Uniform in [0, 1): draws the waits before reconnecting.
            settings: Times and limits.
            book: Names the channel that a pair's book is followed by.
            together_max: Changes of a book, come with one read of the socket, that are delivered
                as one.
        """
        self._loop = loop
        self._book = book
        self._together_max = together_max
        self._settings = SessionSettings(
            urls=ws_urls,
            name="market stream",
            streams=settings or StreamSettings(),
            clock=clock,
            skew=skew,
            random=random,
        )
        self._lock = threading.Lock()
        self._routes: dict[Pair, Route[MarketMessage]] = {}
        self._lines: list[_MarketLine] = []
        self._closed = False

    def subscribe(self, pair: Pair, deliver: Callable[[MarketMessage], None]) -> None:
        """See `adapters.ports.MarketStream.subscribe`."""
        route = Route(deliver)
        with self._lock:
            self._replace(pair, route)
            self._loop.call(self._adopt, pair, route)

    def unsubscribe(self, pair: Pair) -> None:
        """See `adapters.ports.MarketStream.unsubscribe`."""
        with self._lock:
            self._replace(pair, None)
            self._loop.call(self._drop, pair)

    def close(self) -> None:
        """Deliver nothing more and end the connections soon."""
        with self._lock:
            for pair in list(self._routes):
                self._replace(pair, None)
            self._loop.call(self._end)

    @property
    def malformed(self) -> int:
        """Frames nobody could read since the start."""
        return sum(line.session.malformed for line in tuple(self._lines))

    @property
    def connects(self) -> int:
        """Connections made since the start."""
        return sum(line.session.connects for line in tuple(self._lines))

    def _replace(self, pair: Pair, route: Route[MarketMessage] | None) -> None:
        """Silence whoever had `pair` at once, even before the loop has heard of it."""
        previous = self._routes.pop(pair, None)
        if previous is not None:
            previous.wanted = False
        if route is not None:
            self._routes[pair] = route

    def _adopt(self, pair: Pair, route: Route[MarketMessage]) -> None:
        if not route.wanted or self._closed:
            return
        room = self._settings.streams.pairs_per_connection
        line = self._line_of(pair) or next(
            (line for line in self._lines if len(line.routes) < room), None
        )
        if line is None:
            line = _MarketLine(self._settings, self._book, self._together_max)
            self._lines.append(line)
        line.add(pair, route)

    def _drop(self, pair: Pair) -> None:
        line = self._line_of(pair)
        if line is not None:
            line.remove(pair)
            if not line.routes:
                self._lines.remove(line)
                line.end()

    def _end(self) -> None:
        self._closed = True
        for line in self._lines:
            line.end()

    def _line_of(self, pair: Pair) -> "_MarketLine | None":
        return next((line for line in self._lines if pair in line.routes), None)


class _MarketLine:
    """One connection and the pairs on it."""

    def __init__(
        self, settings: SessionSettings, book: Callable[[Pair], Channel], together_max: int
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._book = book
        self._gathering = Gathering(together_max, self._hand_on)
        self._early: dict[Pair, list[BookDelta]] = {}
        """Whole books, and what followed them, that overtook the acknowledgements."""
        self.routes: dict[Pair, Route[MarketMessage]] = {}
        self._live: set[Pair] = set()
        self._watches: dict[Pair, PairWatch] = {}
        self._refused: set[Pair] = set()
        self._connected = False
        self.session: Session[Pair] = Session(settings, self)
        self._task = self._loop.create_task(self.session.run())

    def add(self, pair: Pair, route: Route[MarketMessage]) -> None:
        is_new = pair not in self.routes
        self.routes[pair] = route
        if pair in self._live:
            self._open_again(pair, route)
        elif self._connected and (is_new or pair in self._refused):
            self._ask(pair)

    def _open_again(self, pair: Pair, route: Route[MarketMessage]) -> None:
        book = self._book(pair)
        if book[0] != OBU:
            route.deliver(StreamOpened(pair=pair))
            return
        # A second subscription beside the first is refused.
        self._live.discard(pair)
        self._gathering.forget(pair)
        self._early.pop(pair, None)
        self.session.unsubscribe(pair, (book,), private=False)
        self.session.subscribe(pair, (book,), private=False)

    def remove(self, pair: Pair) -> None:
        del self.routes[pair]
        self._watches.pop(pair, None)
        self._live.discard(pair)
        self._gathering.forget(pair)
        self._early.pop(pair, None)
        self._refused.discard(pair)
        self.session.unsubscribe(pair, self._channels(pair), private=False)

    def end(self) -> None:
        self._task.cancel()

    def opened(self) -> None:
        self._connected = True
        for pair in self.routes:
            self._ask(pair)

    def pushed(self, push: Pushed) -> None:
        clock_ns = self._settings.clock.now_ns
        message = decode_market(push, clock_ns(), clock_ns)
        pair = message.pair
        # Data may overtake the acknowledgements, but nothing is delivered before `StreamOpened`.
        if type(message) is BookDelta:
            if pair in self._live:
                if not self._gathering.holds:
                    # After what this read of the socket has brought: then all of it is here.
                    self._loop.call_soon(self._gathering.hand_on)
                self._gathering.take(message)
            elif pair in self.routes:
                self._keep(message)
            return
        assert not isinstance(message, StreamOpened | StreamLost), "the wire carries neither"
        if pair in self._live:
            # Ahead of changes that wait: whoever hears of these hears no changes.
            self._watches[pair].heard(message, time.monotonic())
            self.routes[pair].deliver(message)

    def _hand_on(self, delta: BookDelta) -> None:
        self._watches[delta.pair].heard(delta, time.monotonic())
        self.routes[delta.pair].deliver(delta)

    def _keep(self, delta: BookDelta) -> None:
        """Keep a whole book that came before its acknowledgement: there is no second one."""
        if delta.full:
            self._early[delta.pair] = [delta]
        elif len(self._early.get(delta.pair, ())) in range(1, _EARLY_MAX):
            self._early[delta.pair].append(delta)

    def looked(self) -> None:
        self._gathering.hand_on()
        now_s = time.monotonic()
        for pair in tuple(self._live):
            silent = self._watches[pair].overdue(now_s)
            if silent:
                self._live.discard(pair)
                self.routes[pair].deliver(StreamLost(reason=silent, pair=pair))
                self.session.unsubscribe(pair, self._channels(pair), private=False)
                self._ask(pair)

    def completed(self, group: Pair) -> None:
        self._live.add(group)
        watch = self._watches.setdefault(group, PairWatch(self._settings.streams))
        watch.begin(time.monotonic())
        route = self.routes[group]
        route.deliver(StreamOpened(pair=group))
        for delta in self._early.pop(group, ()):
            route.deliver(delta)

    def refused(self, group: Pair, error: str) -> None:
        logger.error("the exchange refused to stream {}: {}", group, error)
        self._gathering.forget(group)
        self._live.discard(group)
        self._refused.add(group)
        self.routes[group].deliver(StreamLost(reason=f"refused: {error}", pair=group))
        again_s = self._settings.streams.refused_again_s
        asyncio.get_running_loop().call_later(again_s, self._ask_again, group)

    def lost(self, reason: str) -> None:
        self._connected = False
        self._gathering.hand_on()
        self._refused.clear()
        dead, self._live = self._live, set()
        for pair in dead:
            self.routes[pair].deliver(StreamLost(reason=reason, pair=pair))

    def _ask(self, pair: Pair) -> None:
        self._refused.discard(pair)
        self._early.pop(pair, None)
        self.session.subscribe(pair, self._channels(pair), private=False)

    def _ask_again(self, pair: Pair) -> None:
        if pair in self._refused:
            self._ask(pair)

    def _channels(self, pair: Pair) -> tuple[Channel, ...]:
        # Each pair by itself: one unknown pair fails a whole request. The book comes last, so
        # that its first push, which may be the whole book, follows the last acknowledgement.
        return (
            (TRADES, (pair,)),
            (TICKERS, (pair,)),
            (CANDLES, (Timeframe.M1.value, pair)),
            self._book(pair),
        )
