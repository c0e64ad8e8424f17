"""The feed: from the exchange's stream to verified changes, or to no book at all."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import addresses
from actors.kernel import Actor
from actors.market.book_chain import BookChain, ChainBroken
from actors.market.validation import Inspector
from adapters.ports import Exchange, MarketStream
from state.book_changes import joined
from state.config.measures import ValidationSettings
from state.config.settings import BookChannel, FeedSettings, ObuIds
from state.messages.market import (
    BookChanged,
    BookDelta,
    BookLost,
    BookProof,
    BookProved,
    BookReset,
    BookSnapshot,
    BookState,
    BookWanted,
    CandleSeen,
    FeedChanged,
    FeedCounts,
    ProofWanted,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.messages.venue import FetchBook, Outcome, Succeeded, VenueAnswer
from state.values import NS_PER_MS, NS_PER_S, Pair

BELIEVED = ValidationSettings()
SNAPSHOT_RETRY_S = 0.5
"""The REST book trails the stream by up to a second, so asking again is routine."""
SNAPSHOT_TIMEOUT_S = 5.0
POLL_AFTER_S = 1.5
"""A stream that has not come back by then is stood in for: most losses are shorter."""
POLL_EVERY_S = 1.0
"""From an answer to the next question."""
TOGETHER_NS = 5 * NS_PER_MS
"""So long after the newest change no trade goes before those that are held back."""
STEADY_S = 5.0
"""A polled book is left for its stream only when that has been open for so long."""
WHOLE_BOOK_S = 1.0
"""A stream that gives whole books gives one within this, or is subscribed anew."""


class _AskAgain(Struct, frozen=True):
    attempt: int


class _BookAnswered(Struct, frozen=True):
    """What came of one question: two questions are equal, so each answer says which it is for."""

    life: int
    attempt: int
    outcome: Outcome


class _Look(Struct, frozen=True):
    """Time to look whether anything still comes."""


class _PollDue(Struct, frozen=True):
    """The book has been gone for long."""

    loss: int


class _ProofDue(Struct, frozen=True):
    """Time to compare with the exchange's own snapshot."""


class Feed(Actor):
    """One per pair. Owns the chain of update ids; a restart subscribes anew and begins again.

    The exchange's documented procedures. By `order_book_update`: subscribe and keep changes, ask
    for a snapshot with its id, drop changes up to that id, apply those that follow on without a
    hole. By `obu`: the stream gives the whole book itself, and after a hole it is subscribed anew.

    A book that follows its stream is compared with a fetched snapshot every so often. While the
    stream stays away snapshots stand in for it, and the book is live but marked as polled.
    """

    def __init__(
        self,
        pair: Pair,
        stream: MarketStream,
        exchange: Exchange,
        settings: FeedSettings,
        validation: ValidationSettings = BELIEVED,
    ) -> None:
        super().__init__()
        self._pair = pair
        self._stream = stream
        self._exchange = exchange
        self._settings = settings
        self._by_obu = settings.book_channel is BookChannel.OBU
        self._has_rest_ids = not self._by_obu or settings.obu_ids is ObuIds.REST
        self._analyzer = addresses.book_analyzer(pair)
        self._state = BookState.SYNCING
        self._reason = ""
        self._was_live = False
        """Whether it was live when it was lost."""
        self._counts = FeedCounts()
        self._handled_ns = 0
        """When the present handler began: looking at the clock once a message is enough."""
        self._chain = BookChain(strict=self._by_obu, monotonic_ns=lambda: self._handled_ns)
        self._inspector = Inspector(pair, validation, lambda: self._handled_ns, self.now_ns)
        self._held: list[BookDelta] = []
        """Changes that follow on and are told with the next one."""
        self._opened = False
        self._opened_ns = 0
        self._attempt = 0
        self._first_attempt = 1
        """Snapshots asked for earlier may be older than changes that were lost since."""
        self._loss = 0
        """Number of the newest loss."""
        self._polling = False
        """Whether snapshots may stand in for the stream."""
        self._polled_ns = 0
        self._proof = 0
        """The newest question that was asked to compare."""
        self._ahead: BookSnapshot | None = None
        """A snapshot to compare with that the stream has not reached yet."""
        self._heard_ns = 0

    @property
    def _is_polled(self) -> bool:
        """Whether the book is live by snapshots alone."""
        return self._state is BookState.LIVE and not self._chain.follows

    def on_start(self) -> None:
        """Subscribe; everything else follows from what the stream tells."""
        self._handled_ns = self._heard_ns = self.monotonic_ns()
        if self.incarnation > 1:
            # What an earlier life had in hand is gone, and nobody looks after what it told.
            self.publish(StreamLost(reason="the feed begins again", pair=self._pair))
            self._tell_lost("the feed begins again")
        self._change(BookState.SYNCING, "subscribing")
        self._stream.subscribe(self._pair, self.inlet())
        self.after(self._settings.book_stale_after_s / 2, _Look())
        self.after(self._settings.compare_every_s, _ProofDue())
        self._poll_in(POLL_AFTER_S)

    def on_stop(self) -> None:
        """Unsubscribe."""
        self._stream.unsubscribe(self._pair)

    def on_receive(self, message: Any) -> None:
        """Take what the stream, the exchange and the analyzer say."""
        self._handled_ns = self.monotonic_ns()
        if type(message) is BookDelta:
            self._on_delta(message)
            return
        # Whoever hears trades hears no changes: these may go on waiting for more, but not long.
        if not (
            type(message) is TradePrinted
            and self.mail_waits
            and self._handled_ns - self._heard_ns < TOGETHER_NS
        ):
            self._hand_over()
        match message:
            case TradePrinted() | TickerSeen() | CandleSeen():
                for fact in self._inspector.admit(message):
                    self.publish(fact)
                self._tell_refusals()
            case _BookAnswered():
                self._on_answered(message)
            case StreamOpened():
                self._opened = True
                self._opened_ns = self._heard_ns = self.monotonic_ns()
                self._inspector.begin()
                self.publish(message)
                self._on_opened()
            case StreamLost():
                self._opened = False
                self.publish(message)
                self._lose_stream(f"stream lost: {message.reason}")
            case BookWanted():
                self._on_wanted()
            case BookProved():
                self._on_proved(message)
            case ProofWanted():
                self._ask_for_proof()
            case _AskAgain():
                self._ask_again(message.attempt)
            case _PollDue():
                self._begin_to_poll(message.loss)
            case _ProofDue():
                self.after(self._settings.compare_every_s, _ProofDue())
                self._ask_for_proof()
            case _Look():
                self._look()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    # What the stream tells.

    def _on_delta(self, delta: BookDelta) -> None:
        self._heard_ns = self._handled_ns
        chain = self._chain
        objection = self._inspector.objection(delta)
        if objection:
            self._on_spoiled(objection)
            return
        if not chain.follows:
            chain.keep(delta)
            if delta.full and self._may_follow:
                self._follow(chain.offered)
        elif delta.full:
            self._hand_over()
            if delta.last_id > chain.last_id:
                chain.begin()
                chain.keep(delta)
                joined = self._follow(chain.offered)
                assert joined, "nothing newer than a whole book ahead of the chain is known"
        else:
            self._go_on(delta)

    def _on_spoiled(self, objection: str) -> None:
        """Go without a change that cannot be: what it should have said is missing."""
        self._tell_refusals()
        if self._chain.follows:
            self._counts = replace(self._counts, gaps=self._counts.gaps + 1)
            self._lose(objection)
            self._renew(objection)

    def _tell_refusals(self) -> None:
        for refusal in self._inspector.take_refusals():
            self.publish(refusal)

    def _on_opened(self) -> None:
        if self._chain.follows:
            self._lose("stream opened")
        self._chain.begin()
        self._begin_again("stream opened")

    def _go_on(self, delta: BookDelta) -> None:
        try:
            is_news = self._chain.take(delta)
        except ChainBroken as broken:
            self._counts = replace(self._counts, gaps=self._counts.gaps + 1)
            self._lose(str(broken))
            self._chain.keep(delta)
            self._renew(str(broken))
            return
        if is_news:
            self._held.append(delta)
        # In a flood several become one: telling each would cost more than folding it.
        if (
            not self.mail_waits
            or len(self._held) >= self._settings.together_max
            or self._ahead is not None
        ):
            self._hand_over()
        if is_news and self._ahead is not None:
            self._compare(self._ahead)

    def _hand_over(self) -> None:
        """Tell the changes that were held back, as one."""
        if self._held:
            changed = BookChanged(delta=joined(self._held), fed_time_ns=self.now_ns())
            self._held.clear()
            self.tell(self._analyzer, changed)
            self.publish(changed, pair=self._pair)

    def _lose_stream(self, reason: str) -> None:
        if self._is_polled:
            self._chain.begin()  # What stands in for it does not need it.
        else:
            self._lose(reason)

    def _look(self) -> None:
        """A stream that says nothing is as bad as one that is gone, whatever its pings say."""
        limit_s = self._settings.book_stale_after_s
        self.after(limit_s / 2, _Look())
        self._inspector.give_up()
        self._tell_refusals()
        now_ns = self.monotonic_ns()
        if self._is_polled and (now_ns - self._polled_ns) / NS_PER_S >= limit_s:
            self._lose("neither stream nor snapshots come")
        silent_s = (now_ns - self._heard_ns) / NS_PER_S
        if not self._opened or silent_s < limit_s:
            return
        if self._chain.follows:
            self._lose(f"silent for {silent_s:.1f} s")
        self._subscribe_anew()

    def _subscribe_anew(self) -> None:
        self._heard_ns = self.monotonic_ns()
        self._opened = False
        self._stream.subscribe(self._pair, self.inlet())

    # From no book to a book.

    def _on_wanted(self) -> None:
        reason = "the analyzer has no book"
        if self._chain.follows:
            self._lose(reason)
        if self._opened:
            self._renew(reason)
        elif self._polling:
            self._ask()

    def _renew(self, reason: str) -> None:
        """Begin again, after a loss, on a stream that is open."""
        if self._by_obu:
            self._change(BookState.SYNCING, reason)
            self._subscribe_anew()
        else:
            self._begin_again(reason)

    def _begin_again(self, reason: str) -> None:
        if not self._is_polled:
            self._change(BookState.SYNCING, reason)
        self._first_attempt = self._attempt + 1
        if self._by_obu and not self._polling:
            self._attempt += 1
            self.after(WHOLE_BOOK_S, _AskAgain(self._attempt))
        else:
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
        if attempt != self._attempt or self._chain.follows:
            return
        if self._by_obu and not self._polling:
            if self._opened:
                self._subscribe_anew()  # The whole book has not come.
        elif self._opened or self._polling:
            self._ask()

    def _on_answered(self, answered: _BookAnswered) -> None:
        if answered.life != self.incarnation or answered.attempt < self._first_attempt:
            return
        outcome = answered.outcome
        snapshot = outcome.book if isinstance(outcome, Succeeded) else None
        if snapshot is not None and self._inspector.objection(snapshot):
            self._tell_refusals()
            snapshot = None  # As good as no answer.
        if self._chain.follows:
            if snapshot is not None and answered.attempt == self._proof:
                self._compare(snapshot)
            return
        if not self._opened and not self._polling:
            return
        if self._may_follow:
            if self._follow(self._chain.offered if self._by_obu else snapshot):
                return
            if self._by_obu and self._open_s >= WHOLE_BOOK_S:
                self._subscribe_anew()
        if snapshot is not None and self._polling and self._chain.is_news(snapshot):
            self._stand_in(snapshot)
        # No answer, or one that what we have does not join: a newer one will overlap.
        joins_soon = self._may_follow and not self._by_obu
        retry_s = SNAPSHOT_RETRY_S if joins_soon else POLL_EVERY_S
        self.after(retry_s, _AskAgain(answered.attempt))

    @property
    def _may_follow(self) -> bool:
        """Whether the stream is open, and steady enough to leave a polled book for it."""
        return self._opened and (not self._is_polled or self._open_s >= STEADY_S)

    @property
    def _open_s(self) -> float:
        """For how long the stream has been open, if it is."""
        return (self.monotonic_ns() - self._opened_ns) / NS_PER_S

    def _follow(self, snapshot: BookSnapshot | None) -> bool:
        """Go on from `snapshot` with the stream; return whether that was possible."""
        since = None if snapshot is None else self._chain.join(snapshot)
        if snapshot is None or since is None:
            return False
        self._loss += 1
        self._polling = False
        reset = BookReset(snapshot=snapshot, since=since)
        self.tell(self._analyzer, reset)
        self.publish(reset, pair=self._pair)
        if self._was_live:
            self._was_live = False
            self._counts = replace(self._counts, resyncs=self._counts.resyncs + 1)
        self._state, self._reason = BookState.LIVE, ""
        self._tell_state()
        return True

    # Snapshots in place of the stream.

    def _poll_in(self, delay_s: float) -> None:
        self._loss += 1
        self.after(delay_s, _PollDue(self._loss))

    def _begin_to_poll(self, loss: int) -> None:
        if loss == self._loss:
            self._polling = True
            self._ask()

    def _stand_in(self, snapshot: BookSnapshot) -> None:
        self._polled_ns = self.monotonic_ns()
        self._counts = replace(self._counts, polls=self._counts.polls + 1)
        self.tell(self._analyzer, BookReset(snapshot=snapshot, polled=True))
        self._change(BookState.LIVE, "polled: the stream is away")

    # Comparing with the exchange.

    def _ask_for_proof(self) -> None:
        if self._chain.follows and self._has_rest_ids:
            self._ask()
            self._proof = self._attempt

    def _compare(self, snapshot: BookSnapshot) -> None:
        """Compare by id: only when the stream is as far as the snapshot, and at that very id."""
        self._ahead = snapshot if snapshot.last_id > self._chain.last_id else None
        if self._ahead is None:
            since = self._chain.since(snapshot)
            # One that is too old to be brought up to date proves nothing: the next one may.
            if since is not None:
                self.tell(self._analyzer, BookProof(snapshot=snapshot, since=since))

    def _on_proved(self, proved: BookProved) -> None:
        wrong = bool(proved.difference)
        self._counts = replace(
            self._counts,
            comparisons=self._counts.comparisons + 1,
            mismatches=self._counts.mismatches + wrong,
        )
        if wrong and self._chain.follows:
            reason = f"differs from the exchange's snapshot: {proved.difference}"
            self._lose(reason)
            self._renew(reason)
        else:
            self._tell_state()

    # Where the book stands.

    def _lose(self, reason: str) -> None:
        self._hand_over()
        self._was_live |= self._state is BookState.LIVE
        self._chain.begin()
        self._ahead = None
        self._polling = False
        self._tell_lost(reason)
        self._change(BookState.STALE, reason)
        self._poll_in(POLL_AFTER_S)

    def _tell_lost(self, reason: str) -> None:
        lost = BookLost(pair=self._pair, reason=reason)
        self.tell(self._analyzer, lost)
        self.publish(lost)

    def _change(self, state: BookState, reason: str) -> None:
        if state is not self._state or reason:
            self._state, self._reason = state, reason
            self._tell_state()

    def _tell_state(self) -> None:
        changed = FeedChanged(
            pair=self._pair,
            state=self._state,
            reason=self._reason,
            at_ns=self.now_ns(),
            polled=self._is_polled,
            counts=self._counts,
        )
        self.publish(changed)
