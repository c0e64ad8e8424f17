"""What the exchange tells of a pair is looked at before anybody else sees it. Pure.

The feed asks here about every message. What cannot be true is refused: nothing, infinite, crossed,
of long ago. A price that can be true but jumped waits for a second source: trades, ticker, candles
and book are four tellings of one market, and a price that two of them tell is believed. What no
second one tells in time is refused. Every refusal has a reason and is counted.

A book is judged by its ids and by comparing it with the exchange's own (`book_chain`, the feed);
here only levels that cannot be are looked for. Its newest changes are evidence for the others.

A jump: Leys et al. (2013), "Detecting outliers: do not use standard deviation around the mean, use
absolute deviation around the median"; the deviation is scaled by 1.4826, as for a normal.
"""

from collections import Counter, deque
from collections.abc import Callable
from math import inf, isfinite, isnan
from statistics import median
from typing import NamedTuple

from state.config.measures import ValidationSettings
from state.messages.flow import MarketSource, NumberRejected, Rejection
from state.messages.market import (
    BookDelta,
    BookSnapshot,
    CandleSeen,
    TickerSeen,
    TradePrinted,
)
from state.values import NS_PER_S, Pair, TimeNs

Fact = TradePrinted | TickerSeen | CandleSeen

HISTORY = 64
"""Prices of a channel that the next one is compared with."""
HISTORY_MIN = 16
"""Fewer are no base to judge on: then every price is believed."""
HISTORY_NS = 300 * NS_PER_S
"""A channel that was believed for the last time so long ago begins without a past."""
EVIDENCE_NS = 10 * NS_PER_S
"""What another source told longer ago confirms nothing."""
DELTAS = 32
"""Newest changes of the book that may confirm a price."""
HELD_MAX = 256
"""Messages held back; of more the oldest is given up."""
INSISTING = 3
"""So many in a row from the past, and the exchange's clock was set back."""
TOLD_EACH = 10
"""Refusals of one kind that are each published; from then on one a second."""
SIGMA_OF_MAD = 1.4826


class _Problem(NamedTuple):
    reason: Rejection
    says: str


class _Held(NamedTuple):
    fact: Fact
    source: MarketSource
    price: float
    since_ns: int


class _Channel:
    """What one source told last."""

    __slots__ = ("believed_ns", "newest_ns", "past", "prices", "seen", "seen_ns")

    def __init__(self) -> None:
        self.prices: deque[float] = deque(maxlen=HISTORY)
        """Believed ones."""
        self.believed_ns = 0
        self.seen = 0.0
        """The newest price, believed or not."""
        self.seen_ns = -EVIDENCE_NS
        self.newest_ns = 0
        """Newest event time."""
        self.past = 0
        """How many in a row came from the past."""


class Inspector:
    """Looks at all that is told of one pair.

    Args:
        pair: Whose.
        settings: When to disbelieve.
        monotonic_ns: A clock that never goes back.
        now_ns: The time, for what is published.
    """

    def __init__(
        self,
        pair: Pair,
        settings: ValidationSettings,
        monotonic_ns: Callable[[], int],
        now_ns: Callable[[], TimeNs],
    ) -> None:
        self._pair = pair
        self._settings = settings
        self._floor = settings.jump_floor_bps / 10_000
        self._monotonic_ns = monotonic_ns
        self._now_ns = now_ns
        self._channels = {source: _Channel() for source in MarketSource}
        self._book = self._channels[MarketSource.BOOK]
        self._trades = self._channels[MarketSource.TRADES]
        self._deltas: deque[tuple[int, BookDelta]] = deque(maxlen=DELTAS)
        self._held: deque[_Held] = deque()
        self._counts: Counter[tuple[MarketSource, Rejection]] = Counter()
        self._untold: dict[tuple[MarketSource, Rejection], str] = {}
        """What was refused and not published yet, with its newest words."""
        self._told_ns: dict[tuple[MarketSource, Rejection], int] = {}

    @property
    def counts(self) -> dict[tuple[MarketSource, Rejection], int]:
        """How often what was refused, by source and reason."""
        return dict(self._counts)

    def begin(self) -> None:
        """Forget the past: the stream begins anew, and prices may have gone anywhere meanwhile."""
        self._channels = {source: _Channel() for source in MarketSource}
        self._book = self._channels[MarketSource.BOOK]
        self._trades = self._channels[MarketSource.TRADES]
        self._deltas.clear()
        for held in self._held:
            self._refuse(held.source, Rejection.UNCONFIRMED, f"{held.price!r}: the stream ended")
        self._held.clear()

    # Books.

    def objection(self, book: BookDelta | BookSnapshot) -> str:
        """Return what cannot be in a change or a snapshot of the book; empty when nothing."""
        for levels in (book.bids, book.asks):
            for price, size in levels:
                # Written so that NaN fails too.
                if not (0.0 < price < inf and 0.0 <= size < inf):
                    problem = _spoiled(price, size)
                    self._refuse(MarketSource.BOOK, *problem)
                    return f"{problem.reason.value}: {problem.says}"
        channel, at_ns = self._book, book.event_time_ns
        if at_ns >= channel.newest_ns:
            channel.newest_ns, channel.past = at_ns, 0
        elif type(book) is BookDelta:
            # Its ids say where it belongs, so it is counted and believed all the same.
            self._is_past(MarketSource.BOOK, at_ns)
        if type(book) is BookDelta:
            self._deltas.append((self._monotonic_ns(), book))
        return ""

    def note_crossed(self, says: str) -> None:
        """Count a book whose sides overlapped when it was put together."""
        self._refuse(MarketSource.BOOK, Rejection.CROSSED, says)

    # Trades, tickers, candles.

    def admit(self, fact: Fact) -> tuple[Fact, ...]:
        """Return what may pass on now: this, and what it confirms, oldest first; or nothing."""
        if type(fact) is TradePrinted and not self._held and self._follows(fact):
            return (fact,)
        source, price = _told_by(fact)
        problem = _impossible(fact)
        if problem is not None:
            self._refuse(source, *problem)
            return ()
        if self._is_past(source, fact.event_time_ns):
            return ()
        now_ns = self._monotonic_ns()
        channel = self._channels[source]
        channel.seen, channel.seen_ns = price, now_ns
        jumped = self._jumped(channel, price, now_ns)
        if not jumped:
            self._believe(channel, price, now_ns)
            if not self._held:
                return (fact,)
        elif self._confirmed(source, price, now_ns):
            self._believe(channel, price, now_ns)
        else:
            self._refuse(source, Rejection.QUARANTINED, f"{price!r} after {channel.prices[-1]!r}")
            self._held.append(_Held(fact, source, price, now_ns))
            return self._released(now_ns)
        return (*self._released(now_ns), fact)

    def _follows(self, trade: TradePrinted) -> bool:
        """Believe a trade that nothing is wrong with: nearly each one, so it is told at once."""
        channel, price, at_ns = self._trades, trade.price, trade.event_time_ns
        prices = channel.prices
        if not (
            prices
            and 0.0 < price < inf
            and 0.0 < trade.quantity < inf
            and at_ns >= channel.newest_ns
            and abs(price / prices[-1] - 1.0) <= self._floor
        ):
            return False
        channel.newest_ns, channel.past, channel.seen = at_ns, 0, price
        channel.seen_ns = channel.believed_ns = self._monotonic_ns()
        prices.append(price)
        return True

    def give_up(self) -> None:
        """Refuse what has been held back for too long."""
        now_ns = self._monotonic_ns()
        limit_ns = int(self._settings.quarantine_s * NS_PER_S)
        while self._held and (
            now_ns - self._held[0].since_ns >= limit_ns or len(self._held) > HELD_MAX
        ):
            held = self._held.popleft()
            self._refuse(held.source, Rejection.UNCONFIRMED, repr(held.price))

    def take_refusals(self) -> list[NumberRejected]:
        """Return what is to be published of what was refused; nothing as a rule."""
        if not self._untold:
            return []
        now_ns, told = self._monotonic_ns(), []
        for key, says in list(self._untold.items()):
            count = self._counts[key]
            if count > TOLD_EACH and now_ns - self._told_ns.get(key, -NS_PER_S) < NS_PER_S:
                continue
            del self._untold[key]
            self._told_ns[key] = now_ns
            source, reason = key
            told.append(
                NumberRejected(
                    pair=self._pair,
                    source=source,
                    reason=reason,
                    says=says,
                    count=count,
                    at_ns=self._now_ns(),
                )
            )
        return told

    def _refuse(self, source: MarketSource, reason: Rejection, says: str) -> None:
        key = (source, reason)
        self._counts[key] += 1
        self._untold[key] = says

    def _is_past(self, source: MarketSource, at_ns: int) -> bool:
        channel = self._channels[source]
        behind_ns = channel.newest_ns - at_ns
        if behind_ns <= self._settings.regression_s * NS_PER_S:
            channel.newest_ns, channel.past = max(channel.newest_ns, at_ns), 0
            return False
        channel.past += 1
        if channel.past >= INSISTING:
            channel.newest_ns, channel.past = at_ns, 0
            return False
        says = f"{behind_ns / NS_PER_S:.1f} s before the newest"
        self._refuse(source, Rejection.TIME_REGRESSION, says)
        return True

    def _jumped(self, channel: _Channel, price: float, now_ns: int) -> bool:
        prices = channel.prices
        if not prices or abs(price / prices[-1] - 1.0) <= self._floor:
            return False  # Nine hundred and ninety-nine in a thousand.
        if now_ns - channel.believed_ns > HISTORY_NS:
            prices.clear()
        if len(prices) < HISTORY_MIN:
            return False
        middle = median(prices)
        deviation = median(abs(one - middle) for one in prices)
        limit = max(self._floor * middle, self._settings.jump_mads * SIGMA_OF_MAD * deviation)
        return abs(price - middle) > limit

    def _believe(self, channel: _Channel, price: float, now_ns: int) -> None:
        channel.prices.append(price)
        channel.believed_ns = now_ns

    def _released(self, now_ns: int) -> tuple[Fact, ...]:
        """Return what was held back and is confirmed by now."""
        self.give_up()
        free = [held for held in self._held if self._confirmed(held.source, held.price, now_ns)]
        for held in free:
            self._held.remove(held)
            self._believe(self._channels[held.source], held.price, now_ns)
        return tuple(held.fact for held in free)

    def _confirmed(self, source: MarketSource, price: float, now_ns: int) -> bool:
        """Return whether another source tells such a price."""
        for other, channel in self._channels.items():
            recent = now_ns - channel.seen_ns <= EVIDENCE_NS
            if other is not source and recent and self._near(channel.seen, price):
                return True
        return any(
            now_ns - at_ns <= EVIDENCE_NS and self._shows(delta, price)
            for at_ns, delta in reversed(self._deltas)
        )

    def _shows(self, delta: BookDelta, price: float) -> bool:
        """Return whether somebody wants to trade about there: a far quote alone says nothing.

        An ask as low as `price` confirms a fall, a bid as high a rise; were it an error, either
        would have been traded away at once.
        """
        low, high = price * (1 - self._floor), price * (1 + self._floor)
        asks = any(low <= level <= high and size for level, size in delta.asks)
        bids = any(low <= level <= high and size for level, size in delta.bids)
        last = self._channels[MarketSource.TRADES].prices
        if not last:
            return asks or bids
        return asks if price < last[-1] else bids

    def _near(self, one: float, other: float) -> bool:
        return abs(one / other - 1.0) <= self._floor


def _told_by(fact: Fact) -> tuple[MarketSource, float]:
    match fact:
        case TradePrinted():
            return MarketSource.TRADES, fact.price
        case TickerSeen():
            return MarketSource.TICKER, fact.last
        case CandleSeen():
            return MarketSource.CANDLES, fact.close


def _spoiled(price: float, size: float) -> _Problem:
    worse = size if 0.0 < price < inf else price
    reason = Rejection.NOT_POSITIVE if isfinite(worse) else Rejection.NOT_FINITE
    return _Problem(reason, f"{size!r} at {price!r}")


def _impossible(fact: Fact) -> _Problem | None:
    match fact:
        case TradePrinted():
            if 0.0 < fact.price < inf and 0.0 < fact.quantity < inf:
                return None
            return _bad((fact.price, fact.quantity), ())
        case TickerSeen():
            # A side without an order has no price, which is NaN and nothing wrong.
            quotes = tuple(one for one in (fact.bid, fact.ask) if not isnan(one))
            volumes = (fact.base_volume_24h, fact.quote_volume_24h)
            if len(quotes) == 2 and quotes[0] >= quotes[1] > 0:
                return _Problem(Rejection.CROSSED, f"bid {fact.bid!r}, ask {fact.ask!r}")
            return _bad((fact.last, *quotes), volumes)
        case CandleSeen():
            prices = (fact.open, fact.high, fact.low, fact.close)
            problem = _bad(prices, (fact.base_volume, fact.quote_volume))
            if problem is None and not (
                fact.low <= min(fact.open, fact.close) <= max(fact.open, fact.close) <= fact.high
            ):
                says = f"open, high, low, close {prices!r}"
                return _Problem(Rejection.INCONSISTENT, says)
            return problem


def _bad(prices: tuple[float, ...], volumes: tuple[float, ...]) -> _Problem | None:
    for number in (*prices, *volumes):
        if not isfinite(number):
            return _Problem(Rejection.NOT_FINITE, repr(number))
    for number in prices:
        if number <= 0:
            return _Problem(Rejection.NOT_POSITIVE, repr(number))
    for number in volumes:
        if number < 0:
            return _Problem(Rejection.NOT_POSITIVE, repr(number))
    return None
