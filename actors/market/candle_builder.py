"""The candle builder: from trades to closed candles of every timeframe, checked and filled."""

import itertools
from collections import deque
from typing import Any

import msgspec
from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from actors.market.candle_shelf import Shelf
from adapters.ports import Exchange
from state.candle import CandleFold, difference, from_exchange, length_ns, opening_of, rolled_up
from state.config.candles import CandleSettings
from state.messages.journal import Entry, Record
from state.messages.market import (
    CandleClosed,
    CandleCounts,
    CandleRevised,
    CandlesCounted,
    CandleSeen,
    CandleSource,
    HistoryGiven,
    HistoryWanted,
    StreamLost,
    StreamOpened,
    Timeframe,
    TradePrinted,
)
from state.messages.operations import ClockMeasured, ClockWanted
from state.messages.venue import FetchCandles, Outcome, Succeeded, VenueAnswer
from state.values import NS_PER_S, Pair, TimeNs

GRACE_NS = NS_PER_S // 4
"""After a candle's end, how long its trades may still be on their way."""
CHECK_AFTER_NS = 3 * NS_PER_S
"""After a candle's end, when the exchange's own is asked for."""
CHECKED_FROM = Timeframe.M5
"""Candles of this length and longer are asked for; the exchange pushes its minutes unasked."""
ATTEMPTS_MAX = 6
"""The exchange's candles trail its trades: asked for so often, what does not come is missing."""
RETRY_S = (1, 2, 4, 8, 16, 30)

TIMEFRAMES = tuple(Timeframe)
SMALLEST, *_ = TIMEFRAMES
_LARGER = dict(itertools.pairwise(TIMEFRAMES))


class _Boundary(Struct, frozen=True):
    """A smallest candle may be over."""


class _CandlesAnswered(Struct, frozen=True):
    """What came of one question."""

    life: int
    question: int
    outcome: Outcome


class _Question(Struct, frozen=True, kw_only=True):
    """What was asked of the exchange last."""

    number: int
    timeframe: Timeframe
    span: tuple[TimeNs, TimeNs]
    checks: bool
    """Whether it is about a candle of ours, not about a hole."""


class CandleBuilder(Actor):
    """One per pair. Owns the candles that form and the newest closed ones; a restart fetches them.

    Only the smallest are built from trades. Each larger one is rolled up from the next smaller,
    so all agree. The exchange's clock decides where a candle ends. What was not watched is filled
    with the exchange's own candles, one question at a time; a candle that closed meanwhile in one
    of the larger ones makes that whole again.

    A closed candle is compared with the exchange's own. Where they differ the exchange is right:
    the change is journalled and the candle told again, with a higher revision.
    """

    def __init__(self, pair: Pair, exchange: Exchange, settings: CandleSettings) -> None:
        super().__init__()
        self._pair = pair
        self._exchange = exchange
        self._backfills = settings.backfill
        self._clock: ClockMeasured | None = None
        """The exchange's clock against ours; None before it was measured: then nothing is built."""
        self._fold: CandleFold | None = None
        self._shelves = {one: Shelf(pair, one, settings.kept) for one in TIMEFRAMES}
        self._question: _Question | None = None
        self._questions = 0
        self._attempts: dict[Timeframe, int] = {}
        """How often the hole of a timeframe was asked for in vain."""
        self._ask_at_ns = 0
        """No question before this, by the monotonic clock."""
        self._to_check: deque[CandleClosed] = deque(maxlen=32)
        self._early: dict[Timeframe, CandleSeen] = {}
        """The exchange's newest closed candles, for ours may close a moment later."""
        self._counts = CandleCounts()

    def on_start(self) -> None:
        """Listen to the pair's trades and to the exchange's own candles."""
        for topic in (TradePrinted, CandleSeen, StreamOpened, StreamLost):
            self.subscribe(topic, self._pair)
        self.subscribe(ClockMeasured)
        self.tell(addresses.HEALTH_MONITOR, ClockWanted(reply_to=self.address))
        self._wait()

    def on_receive(self, message: Any) -> None:
        """Fold trades and the passing of time."""
        match message:
            case TradePrinted():
                if self._fold is not None:
                    self._fold, closed = self._fold.apply(message)
                    self._take_all(closed)
            case _Boundary():
                if self._fold is not None:
                    self._fold, closed = self._fold.advance(self._venue_ns() - GRACE_NS)
                    self._take_all(closed)
                    self._look()
                self._wait()
            case CandleSeen():
                if message.closed:
                    self._early[message.timeframe] = message
                    self._compare(message)
            case HistoryWanted():
                self.tell(message.reply_to, self._history(message.timeframe, message.bars))
            case _CandlesAnswered():
                self._on_answered(message)
            case StreamOpened():
                self._begin()
            case StreamLost():
                self._fold = None  # Trades may be missing: the exchange is asked for these candles.
            case ClockMeasured():
                is_first = self._clock is None
                self._clock = message
                if is_first:
                    self._begin()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _begin(self) -> None:
        if self._clock is not None:
            self._fold = CandleFold.watching(self._pair, SMALLEST, TimeNs(self._venue_ns()))
            self._attempts.clear()
            self._ask_at_ns = 0

    def _venue_ns(self) -> int:
        # By the clock that nothing sets: a step of the other would close candles that never were.
        clock, now_ns = self._clock, self.now_ns()
        return now_ns if clock is None else clock.venue_ns(now_ns, self.monotonic_ns())

    def _wait(self) -> None:
        left_ns = NS_PER_S - (self._venue_ns() - GRACE_NS) % NS_PER_S
        self.after(left_ns / NS_PER_S, _Boundary())

    # Candles that close.

    def _take_all(self, closed: tuple[CandleClosed, ...]) -> None:
        for candle in closed:
            self._take(candle)

    def _take(self, candle: CandleClosed) -> None:
        """Tell a candle that has closed, and the larger one that closes with it."""
        timeframe, opening = candle.timeframe, candle.open_time_ns
        shelf = self._shelves[timeframe]
        fetched = shelf.at(opening)
        if fetched is None or fetched.missing:
            shelf.put(candle)
            self.publish(candle)
            if length_ns(timeframe) >= length_ns(CHECKED_FROM):
                self._to_check.append(candle)
            early = self._early.get(timeframe)
            if early is not None and early.open_time_ns == opening:
                self._compare(early)
        else:
            self.publish(fetched)  # It came from the exchange before we were done with it.
        larger = _LARGER.get(timeframe)
        end = opening + length_ns(timeframe)
        if larger is not None and end % length_ns(larger) == 0:
            rolled = self._rolled(larger, end - length_ns(larger))
            if rolled is not None:
                self._take(rolled)

    def _rolled(self, timeframe: Timeframe, opening: int) -> CandleClosed | None:
        """Return a larger candle rolled up from its parts; None while they are not all known."""
        smaller = self._shelves[TIMEFRAMES[TIMEFRAMES.index(timeframe) - 1]]
        parts = smaller.parts(opening, opening + length_ns(timeframe))
        return None if parts is None else rolled_up(parts, timeframe, TimeNs(opening))

    # Comparing with the exchange's own.

    def _compare(self, theirs: CandleSeen) -> None:
        shelf = self._shelves[theirs.timeframe]
        ours = shelf.at(theirs.open_time_ns)
        if ours is None or ours.missing or ours.source is CandleSource.EXCHANGE:
            return
        self._count(checked=1)
        if difference(ours, theirs):
            self._revise(ours, from_exchange(theirs, revision=ours.revision + 1))
        else:
            self._early.pop(theirs.timeframe, None)

    def _revise(self, before: CandleClosed, after: CandleClosed) -> None:
        """Put `after` in the place of `before`, and in the larger candles that it is a part of."""
        self._count(revised=1)
        self._shelves[after.timeframe].put(after)
        revised = CandleRevised(pair=self._pair, before=before, after=after, at_ns=self.now_ns())
        record = Record(entries=(Entry(event=revised),), sender=self.address)
        self.tell(addresses.RECORDER, record)
        self.publish(after)
        larger = _LARGER.get(after.timeframe)
        if larger is None:
            return
        whole = self._shelves[larger].at(opening_of(after.open_time_ns, larger))
        if whole is None or whole.source is CandleSource.EXCHANGE:
            return
        rolled = self._rolled(larger, whole.open_time_ns)
        if rolled is not None and difference(whole, rolled):
            self._revise(whole, msgspec.structs.replace(rolled, revision=whole.revision + 1))

    # What was not watched.

    def _look(self) -> None:
        """Ask for the first hole there is, or else for a candle to compare with."""
        if not self._backfills or self._fold is None or self._question is not None:
            return
        if self.monotonic_ns() < self._ask_at_ns:
            return
        venue_ns = self._venue_ns() - GRACE_NS
        for timeframe, shelf in self._shelves.items():
            hole = shelf.hole(venue_ns)
            if hole is not None:
                self._ask(timeframe, hole, checks=False)
                return
        if self._to_check and self._to_check[0].event_time_ns + CHECK_AFTER_NS <= venue_ns:
            candle = self._to_check.popleft()
            span = (candle.open_time_ns, candle.open_time_ns)
            self._ask(candle.timeframe, span, checks=True)

    def _ask(self, timeframe: Timeframe, span: tuple[TimeNs, TimeNs], *, checks: bool) -> None:
        self._questions += 1
        self._question = _Question(
            number=self._questions, timeframe=timeframe, span=span, checks=checks
        )
        life, number, deliver = self.incarnation, self._questions, self.inlet()

        def answered(answer: VenueAnswer) -> None:
            deliver(_CandlesAnswered(life, number, answer.outcome))

        since_ns, until_ns = span
        request = FetchCandles(
            pair=self._pair, timeframe=timeframe, since_ns=since_ns, until_ns=until_ns
        )
        self._exchange.request(request, answered)

    def _on_answered(self, answered: _CandlesAnswered) -> None:
        question = self._question
        if answered.life != self.incarnation or question is None:
            return
        if answered.question != question.number:
            return
        self._question = None
        outcome = answered.outcome
        candles = outcome.candles if isinstance(outcome, Succeeded) else ()
        first_ns, last_ns = question.span
        closed = [one for one in candles if one.closed and first_ns <= one.open_time_ns <= last_ns]
        if question.checks:
            for one in closed:
                self._compare(one)
        else:
            self._fill(question, closed)
        self._look()

    def _fill(self, question: _Question, closed: list[CandleSeen]) -> None:
        timeframe, shelf = question.timeframe, self._shelves[question.timeframe]
        attempts = self._attempts.get(timeframe, 0) + 1
        missing = shelf.missing
        filled = shelf.fill(
            question.span, map(from_exchange, closed), give_up=attempts >= ATTEMPTS_MAX
        )
        is_whole = shelf.hole(self._venue_ns() - GRACE_NS) is None
        if filled or shelf.missing > missing:
            self._count(filled=filled, missing=shelf.missing - missing)
        if is_whole:
            self._attempts.pop(timeframe, None)
        elif not filled or attempts >= ATTEMPTS_MAX:
            self._attempts[timeframe] = attempts
            wait_s = RETRY_S[min(attempts, len(RETRY_S)) - 1]
            self._ask_at_ns = self.monotonic_ns() + wait_s * NS_PER_S
        if timeframe is SMALLEST:
            self._know_last_close(shelf)
        if is_whole:
            self.publish(self._history(timeframe, shelf.kept))

    def _know_last_close(self, shelf: Shelf) -> None:
        """Let candles in which nothing trades repeat a close from before we began."""
        fold = self._fold
        if fold is not None and fold.forming is None and fold.last_close is None:
            last = shelf.at(fold.open_time_ns - shelf.length_ns)
            if last is not None:
                self._fold = msgspec.structs.replace(fold, last_close=last.close)

    def _history(self, timeframe: Timeframe, bars: int) -> HistoryGiven:
        shelf = self._shelves[timeframe]
        is_ready = self._fold is not None and shelf.is_ready(self._venue_ns() - NS_PER_S)
        return HistoryGiven(
            pair=self._pair,
            timeframe=timeframe,
            candles=shelf.newest(bars) if is_ready else (),
            ready=is_ready,
        )

    def _count(
        self, *, checked: int = 0, revised: int = 0, filled: int = 0, missing: int = 0
    ) -> None:
        counts = self._counts
        self._counts = CandleCounts(
            checked=counts.checked + checked,
            revised=counts.revised + revised,
            filled=counts.filled + filled,
            missing=counts.missing + missing,
        )
        self.publish(CandlesCounted(pair=self._pair, counts=self._counts))
