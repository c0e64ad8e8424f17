"""The book analyzer: folds verified changes into a book and measures it."""

from typing import Any

from actors import addresses
from actors.kernel import Actor
from actors.market.book_watch import BookWatch, WatchState
from state.config.measures import FlowSettings
from state.hop_samples import HopSamples
from state.messages.market import (
    BookChanged,
    BookDelta,
    BookLost,
    BookProof,
    BookProved,
    BookReset,
    BookWanted,
    ProofWanted,
)
from state.order_book import BookBroken, OrderBook
from state.values import NS_PER_MS, NS_PER_S, Pair, TimeNs

COMPARED_LEVELS = 20
"""Best levels of each side that have to agree with the exchange's snapshot."""
USUAL = FlowSettings()
PROOF_WANTED_NS = NS_PER_S
"""Between two wishes for a snapshot."""


class BookAnalyzer(Actor):
    """One per pair. Owns the live book; a restart has none and asks the feed to begin again.

    What its snapshot keeps is how liquid the pair was in the last week, to compare with.

    Args:
        pair: Whose book.
        depth_bps: How far from the mid its depth is measured.
        window: Best levels of each side that snapshots show and changes tell of.
        flow: How often what is dear is measured.
        latency_every_s: How often samples of latency are told.
    """

    snapshot_type = WatchState

    def __init__(
        self,
        pair: Pair,
        depth_bps: float,
        window: int,
        flow: FlowSettings = USUAL,
        latency_every_s: float = 2.0,
    ) -> None:
        super().__init__()
        self._pair = pair
        self._depth_bps = depth_bps
        self._window = window
        self._feed = addresses.feed(pair)
        self._book = OrderBook(window)
        self._watch = BookWatch(flow.liquidity_every_s)
        self._samples = HopSamples(pair, latency_every_s)
        self._change: BookChanged | None = None
        """The newest change, until it was measured."""
        self._folded_ns = TimeNs(0)
        self._conflated_ns = int(flow.conflated_ms * NS_PER_MS)
        self._measured_ns = -self._conflated_ns
        self._skipped: tuple[TimeNs, TimeNs] | None = None
        """Event and seen time of the newest change, while it is not measured yet."""
        self._polled = False
        self._fed_ns = TimeNs(0)
        """When the feed passed on the newest change."""
        self._wanted_ns = -PROOF_WANTED_NS
        """When a snapshot was last wished for."""

    def snapshot(self) -> WatchState | None:
        """Return how liquid the pair was; nothing while nothing was measured."""
        return self._watch.state()

    def restore(self, snapshot: Any) -> None:
        """Take over how liquid it was."""
        self._watch.restore(snapshot)

    def on_start(self) -> None:
        """Ask for a book."""
        self.tell(self._feed, BookWanted(pair=self._pair))

    def on_receive(self, message: Any) -> None:
        """Fold and measure; forget the book when it is lost."""
        match message:
            case BookChanged():
                # Before the first snapshot there is nothing to change: what waited in the mailbox
                # over a restart is part of the snapshot that was asked for.
                if self._book.is_live:
                    self._fed_ns = message.fed_time_ns
                    self._change = message
                    self._fold(message.delta)
            case BookReset():
                self._fed_ns = TimeNs(0)
                self._change = None
                self._fold(message)
            case BookProof():
                self._prove(message)
                # What waited behind the newest change was this.
                self._catch_up()
            case BookLost():
                self._book.clear()
                self._watch.begin()
                self._skipped = None
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _fold(self, news: BookDelta | BookReset) -> None:
        try:
            if isinstance(news, BookDelta):
                self._book.apply_delta(news)
            else:
                self._polled = news.polled
                self._watch.begin()
                self._book.apply_snapshot(news.snapshot, news.since)
        except BookBroken as broken:
            # A book that broke in our hands is as lost as one that broke on the way.
            self._skipped = None
            self._watch.begin()
            self.publish(BookLost(pair=self._pair, reason=str(broken)))
            self.tell(self._feed, BookWanted(pair=self._pair))
            return
        if isinstance(news, BookReset):
            newest = news.since[-1] if news.since else news.snapshot
        else:
            newest = news
        self._folded_ns = self.now_ns()
        best = self._book.best()
        if best is not None:
            self._watch.apply(best, newest.event_time_ns)
        self._skipped = (newest.event_time_ns, newest.seen_time_ns)
        is_recent = self.monotonic_ns() - self._measured_ns < self._conflated_ns
        if not (is_recent and self.mail_waits):
            self._catch_up()
        self._want_more()

    def _catch_up(self) -> None:
        """Measure the newest change, if that was left for later."""
        if self._skipped is not None:
            times, self._skipped = self._skipped, None
            self._measured_ns = self.monotonic_ns()
            self._measure(*times)

    def _prove(self, proof: BookProof) -> None:
        """Compare with the exchange's own book at the very id of ours, and take it over."""
        if not self._book.is_live:
            return
        theirs = OrderBook(self._window)
        try:
            theirs.apply_snapshot(proof.snapshot, proof.since)
            difference = self._book.differs(theirs, COMPARED_LEVELS)
        except BookBroken as broken:
            difference = str(broken)
        if not difference:
            was_blind = min(self._book.verified) == 0
            self._book = theirs  # All of its levels are verified.
            if was_blind:
                newest = proof.since[-1] if proof.since else proof.snapshot
                self._measure(newest.event_time_ns, newest.seen_time_ns)
        self.tell(self._feed, BookProved(pair=self._pair, difference=difference))

    def _want_more(self) -> None:
        """Where the market has moved through half of what is verified, a snapshot helps."""
        now_ns = self.monotonic_ns()
        few = self._book.is_short_of(self._window // 2)
        if few and not self._polled and now_ns - self._wanted_ns >= PROOF_WANTED_NS:
            self._wanted_ns = now_ns
            self.tell(self._feed, ProofWanted(pair=self._pair))

    def _measure(self, event_time_ns: TimeNs, seen_time_ns: TimeNs) -> None:
        now_ns = self.now_ns()
        measured = self._watch.measured(
            self._book,
            self._pair,
            self._depth_bps,
            event_time_ns=event_time_ns,
            seen_time_ns=seen_time_ns,
            now_ns=now_ns,
            fed_time_ns=self._fed_ns,
            polled=self._polled,
        )
        if measured is None:
            return
        self.publish(measured)
        if self._change is not None:
            self._note_latency(self._change, now_ns)
        if self._watch.is_due(self.monotonic_ns()):
            self.publish(self._watch.liquidity(self._book, measured))

    def _note_latency(self, change: BookChanged, measured_ns: TimeNs) -> None:
        """Note how long each part of the way of a change took that has just been measured."""
        self._change = None
        delta, add = change.delta, self._samples.add
        seen_ns, decoded_ns, fed_ns = delta.seen_time_ns, delta.decoded_time_ns, change.fed_time_ns
        add("exchange_to_socket", delta.event_time_ns, seen_ns)
        add("decode", seen_ns, decoded_ns)
        add("hand_over", decoded_ns or seen_ns, fed_ns)
        add("fold", fed_ns, self._folded_ns)
        add("measure", self._folded_ns, measured_ns)
        add("socket_to_state", seen_ns, measured_ns)
        told = self._samples.due(self.monotonic_ns())
        if told is not None:
            self.publish(told)
