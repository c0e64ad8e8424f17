"""The feed: from the exchange's stream to verified changes, or to no book at all."""

from collections import deque
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from adapters.ports import Exchange, MarketStream
from state.config.settings import FeedSettings
from state.messages.market import (
    BookChanged,
    BookDelta,
    BookLost,
    BookReset,
    BookSnapshot,
    BookState,
    BookWanted,
    CandleSeen,
    FeedChanged,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.messages.venue import FetchBook, Outcome, Succeeded, VenueAnswer
from state.values import Pair

SNAPSHOT_RETRY_S = 0.5
"""The REST book trails the stream by up to a second, so asking again is routine."""
SNAPSHOT_TIMEOUT_S = 5.0
BUFFER_MAX = 5_000
"""Changes kept while waiting for a snapshot; older ones could not join it any more."""


class _AskAgain(Struct, frozen=True):
    attempt: int


class _BookAnswered(Struct, frozen=True):
    """What came of one question: two questions are equal, so each answer says which it is for."""

    life: int
    attempt: int
    outcome: Outcome


class _Look(Struct, frozen=True):
    """Time to look whether anything still comes."""


class Feed(Actor):
    """One per pair. Owns the chain of update ids; a restart subscribes anew and begins again.

    The exchange's documented procedure: subscribe and keep changes, ask for a snapshot with its
    id, drop changes up to that id, apply those that follow on without a hole.
    """

    def __init__(
        self, pair: Pair, stream: MarketStream, exchange: Exchange, settings: FeedSettings
    ) -> None:
        super().__init__()
        self._pair = pair
        self._stream = stream
        self._exchange = exchange
        self._settings = settings
        self._analyzer = addresses.book_analyzer(pair)
        self._state = BookState.SYNCING
        self._last_id = 0
        self._buffer: deque[BookDelta] = deque(maxlen=BUFFER_MAX)
        self._opened = False
        self._attempt = 0
        self._first_attempt = 1
        """Snapshots asked for earlier may be older than changes that were lost since."""
        self._heard_ns = 0

    def on_start(self) -> None:
        """Subscribe; everything else follows from what the stream tells."""
        self._heard_ns = self.monotonic_ns()
        if self.incarnation > 1:
            # What an earlier life had in hand is gone, and nobody looks after what it told.
            self.publish(StreamLost(reason="the feed begins again", pair=self._pair))
            self._tell_lost("the feed begins again")
        self._change(BookState.SYNCING, "subscribing")
        self._stream.subscribe(self._pair, self.inlet())
        self.after(self._settings.book_stale_after_s / 2, _Look())

    def on_stop(self) -> None:
        """Unsubscribe."""
        self._stream.unsubscribe(self._pair)

    def on_receive(self, message: Any) -> None:
        """Take what the stream, the exchange and the analyzer say."""
        match message:
            case BookDelta():
                self._on_delta(message)
            case TradePrinted() | TickerSeen() | CandleSeen():
                self.publish(message)
            case _BookAnswered():
                self._on_answered(message)
            case StreamOpened():
                self._opened = True
                self._heard_ns = self.monotonic_ns()
                self.publish(message)
                self._begin_again("stream opened")
            case StreamLost():
                self._opened = False
                self.publish(message)
                self._lose(f"stream lost: {message.reason}")
            case BookWanted():
                if self._opened:
                    self._begin_again("the analyzer has no book")
            case _AskAgain():
                self._ask_again(message.attempt)
            case _Look():
                self._look()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_delta(self, delta: BookDelta) -> None:
        self._heard_ns = self.monotonic_ns()
        if delta.full:
            self._reset(
                BookSnapshot(
                    pair=delta.pair,
                    event_time_ns=delta.event_time_ns,
                    seen_time_ns=delta.seen_time_ns,
                    last_id=delta.last_id,
                    bids=delta.bids,
                    asks=delta.asks,
                )
            )
        elif self._state is not BookState.LIVE:
            self._buffer.append(delta)
        elif delta.last_id <= self._last_id:
            pass  # It repeats what is known.
        elif delta.first_id > self._last_id + 1:
            hole = f"updates {self._last_id + 1} to {delta.first_id - 1} are missing"
            self._lose(hole)
            self._buffer.append(delta)
            self._begin_again(hole)
        else:
            self._last_id = delta.last_id
            self.tell(self._analyzer, BookChanged(delta=delta))

    def _begin_again(self, reason: str) -> None:
        if self._state is BookState.LIVE:
            self._lose(reason)
        self._change(BookState.SYNCING, reason)
        self._first_attempt = self._attempt + 1
        self._ask()

    def _ask(self) -> None:
        self._attempt += 1
        life, attempt, deliver = self.incarnation, self._attempt, self.inlet()

        def answered(answer: VenueAnswer) -> None:
            deliver(_BookAnswered(life, attempt, answer.outcome))

        request = FetchBook(pair=self._pair, depth=self._settings.book_depth)
        self._exchange.request(request, answered)
        self.after(SNAPSHOT_TIMEOUT_S, _AskAgain(attempt))

    def _ask_again(self, attempt: int) -> None:
        if attempt == self._attempt and self._opened and self._state is not BookState.LIVE:
            self._ask()

    def _on_answered(self, answered: _BookAnswered) -> None:
        if self._state is BookState.LIVE or not self._opened:
            return
        if answered.life != self.incarnation or answered.attempt < self._first_attempt:
            return
        outcome = answered.outcome
        snapshot = outcome.book if isinstance(outcome, Succeeded) else None
        if snapshot is None or (self._buffer and self._buffer[0].first_id > snapshot.last_id + 1):
            # No answer, or older than the oldest change we have: a newer one will overlap.
            self.after(SNAPSHOT_RETRY_S, _AskAgain(answered.attempt))
            return
        self._reset(snapshot)

    def _reset(self, snapshot: BookSnapshot) -> None:
        self._last_id = snapshot.last_id
        kept, self._buffer = self._buffer, deque(maxlen=BUFFER_MAX)
        self.tell(self._analyzer, BookReset(snapshot=snapshot))
        self._change(BookState.LIVE, "")
        for delta in kept:
            self._on_delta(delta)

    def _lose(self, reason: str) -> None:
        self._buffer.clear()
        self._tell_lost(reason)
        self._change(BookState.STALE, reason)

    def _tell_lost(self, reason: str) -> None:
        lost = BookLost(pair=self._pair, reason=reason)
        self.tell(self._analyzer, lost)
        self.publish(lost)

    def _change(self, state: BookState, reason: str) -> None:
        if state is not self._state or reason:
            self._state = state
            changed = FeedChanged(pair=self._pair, state=state, reason=reason, at_ns=self.now_ns())
            self.publish(changed)

    def _look(self) -> None:
        """A stream that says nothing is as bad as one that is gone, whatever its pings say."""
        self.after(self._settings.book_stale_after_s / 2, _Look())
        silent_s = (self.monotonic_ns() - self._heard_ns) / 1e9
        if not self._opened or silent_s < self._settings.book_stale_after_s:
            return
        if self._state is BookState.LIVE:
            self._lose(f"silent for {silent_s:.1f} s")
        self._heard_ns = self.monotonic_ns()
        self._opened = False
        self._stream.subscribe(self._pair, self.inlet())
