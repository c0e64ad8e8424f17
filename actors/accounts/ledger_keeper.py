"""The ledger keeper: what we own, to the last unit, held against the exchange."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.accounts import bookings
from actors.accounts.comparison import ATTEMPTS, Comparison, drift
from actors.accounts.explanation import kinds_of, pairs_to_ask
from actors.accounts.inquiry import Inquiry, Settled
from actors.kernel import Actor
from actors.outbox import Outbox
from adapters.ports import Exchange
from state.ledger import Ledger
from state.messages.accounts import (
    BalanceDifference,
    BalancesCompared,
    DifferenceKind,
    FundsMoved,
    PositionChanged,
    PositionWanted,
)
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    KnownFound,
    RecordDenied,
    Recorded,
)
from state.messages.market import BookMeasured, StreamOpened
from state.messages.operations import (
    PartNotReady,
    PartReady,
    ReadinessWanted,
    ReconcileWanted,
)
from state.messages.orders import OrderFilled
from state.messages.venue import (
    BalanceReport,
    FetchBalances,
    Outcome,
    Succeeded,
    VenueAnswer,
    VenueRequest,
)
from state.values import Currency, Pair, TimeNs

PART = "ledger"
LOOK_AGAIN_S = 0.25
MARK_EVERY_S = 1.0
MARKS_PER_RECORD = 60
"""Equity is told every second and journalled every minute."""
INQUIRIES = 5
"""Rounds of questions before a difference is unknown: what explains it may lag behind it."""
INQUIRIES_A_LIFE = 1_000_000_000
ASK_AGAIN_S = 0.5


class _CompareDue(Struct, frozen=True):
    """Hold the ledger against the exchange, as every so often."""


class _LookAgain(Struct, frozen=True):
    """One more look within a comparison."""


class _Looked(Struct, frozen=True):
    """What the exchange shows, and which life asked: another one's question was about then."""

    life: int
    outcome: Outcome


class _Answered(Struct, frozen=True):
    """What the exchange said to one question of an inquiry."""

    life: int
    number: int
    request: VenueRequest
    outcome: Outcome


class _MarkDue(Struct, frozen=True):
    """Say what everything is worth."""


class LedgerKeeper(Actor):
    """One. Owns the ledger; a restart takes it from the books, which the journal keeps.

    Args:
        exchange: Whose balances it is held against.
        quote: What equity is counted in.
        compare_every_s: How often.
        pairs: What we trade.
    """

    def __init__(
        self,
        exchange: Exchange,
        quote: Currency,
        compare_every_s: float,
        pairs: tuple[Pair, ...] = (),
    ) -> None:
        super().__init__()
        self._pairs = pairs
        self._exchange = exchange
        self._quote = quote
        self._compare_every_s = compare_every_s
        self._ledger = Ledger(quote=quote)
        self._last_seq: int | None = None
        self._opening = False
        """Whether the opening balances have been asked for or are being written."""
        self._comparison: Comparison | None = None
        self._began_ns = TimeNs(0)
        """When the comparison under way began."""
        self._agreed: BalancesCompared | None = None
        """The newest comparison without a difference."""
        self._inquiry: Inquiry | None = None
        self._inquiries = 0
        """Rounds since the comparison under way began."""
        self._asked = 0
        """Number of the newest inquiry; none of another life has it."""
        self._accept: str | None = None
        """Why the next differences are to be booked as funds moved; None: they are not."""
        self._unready = "starting"
        """Why the accounts are not to be trusted; empty when they are."""
        self._curious: list[PositionWanted] = []
        """Who asked for a position before the books were there."""
        self._prices: dict[Pair, Decimal] = {}
        self._marks = 0

    def on_start(self) -> None:
        """Ask for the books."""
        self._outbox = Outbox(self.address, self.incarnation)
        self._asked = self.incarnation * INQUIRIES_A_LIFE
        for topic in (OrderFilled, FundsMoved, JournalOpened, BookMeasured):
            self.subscribe(topic)
        self._not_ready("starting")
        self._ask_books()
        self.after(self._compare_every_s, _CompareDue())
        self.after(MARK_EVERY_S, _MarkDue())

    def on_receive(self, message: Any) -> None:
        """Fold facts, answer questions, compare."""
        match message:
            case Journaled():
                self._on_journaled(message)
            case BookMeasured():
                # The shortest decimal that gives back a float is the one the exchange sent.
                self._prices[message.pair] = Decimal(repr(message.bid))
            case BalanceReport():
                pass  # Balances lag the order they follow; the comparison asks for all at once.
            case PositionWanted():
                self._on_position_wanted(message)
            case Books() | JournalOpened() | KnownFound() | Recorded() | RecordDenied():
                self._on_journal(message)
            case _Looked() | _Answered():
                if message.life == self.incarnation:
                    self._on_exchange(message)
            case _CompareDue() | _LookAgain() | _MarkDue():
                self._on_time(message)
            case StreamOpened():
                self._compare()  # Nobody knows what happened while the stream was away.
            case ReconcileWanted():
                self._accept = message.accept or None
                self._compare()
            case ReadinessWanted():
                self._tell_readiness()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_journal(
        self, message: Books | JournalOpened | KnownFound | Recorded | RecordDenied
    ) -> None:
        match message:
            case Books():
                self._on_books(message)
            case JournalOpened():
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
                if self._inquiry is not None and self._inquiry.done:
                    self.tell(addresses.RECORDER, self._inquiry.sought(self.address))
            case KnownFound():
                self._on_known(message)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)

    def _on_exchange(self, message: _Looked | _Answered) -> None:
        if isinstance(message, _Looked):
            self._on_balances(message.outcome)
        else:
            self._on_answer(message)

    def _on_time(self, message: _CompareDue | _LookAgain | _MarkDue) -> None:
        match message:
            case _CompareDue():
                self.after(self._compare_every_s, _CompareDue())
                self._compare()
            case _LookAgain():
                self._look()
            case _MarkDue():
                self.after(MARK_EVERY_S, _MarkDue())
                self._mark()

    def _on_books(self, books: Books) -> None:
        self._last_seq = books.last_seq
        self._ledger = books.ledger
        self._agreed = books.agreed
        self._opening = False
        for pair in self._ledger.positions:
            self.publish(self._position(pair))
        curious, self._curious = self._curious, []
        for question in curious:
            self._on_position_wanted(question)
        self._compare()

    def _on_journaled(self, journaled: Journaled) -> None:
        if self._last_seq is None or journaled.seq <= self._last_seq:
            return
        self._last_seq = journaled.seq
        event = journaled.event
        assert isinstance(event, OrderFilled | FundsMoved)
        self._ledger = self._ledger.apply(event)
        if isinstance(event, OrderFilled):
            self.publish(self._position(event.pair))

    def _on_position_wanted(self, question: PositionWanted) -> None:
        if self._last_seq is None:
            self._curious.append(question)  # Nothing is known yet: an answer would say "flat".
        else:
            self.tell(question.reply_to, self._position(question.pair))

    def _position(self, pair: Pair) -> PositionChanged:
        position = self._ledger.position(pair)
        return PositionChanged(
            pair=pair,
            quantity=position.quantity,
            average_entry=position.average_entry,
            realised=position.realised,
            fees=position.fees,
            at_ns=self.now_ns(),
        )

    # Against the exchange.

    def _compare(self) -> None:
        if self._last_seq is None or self._comparison is not None or self._inquiry is not None:
            return
        self._inquiries = 0
        self._compare_anew(Comparison())
        self._look()

    def _compare_anew(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._began_ns = self.now_ns()

    def _look(self) -> None:
        life, deliver = self.incarnation, self.inlet()

        def looked(answer: VenueAnswer) -> None:
            deliver(_Looked(life, answer.outcome))

        self._exchange.request(FetchBalances(), looked)

    def _on_balances(self, outcome: Outcome) -> None:
        if not isinstance(outcome, Succeeded):
            self.after(LOOK_AGAIN_S, _LookAgain())
            return
        if not self._ledger.is_open:
            self._open(outcome)
            return
        assert self._comparison is not None, "looked without a comparison"
        self._comparison = self._comparison.looked(self._ledger.balances, outcome.balances)
        if not self._comparison.over:
            self.after(LOOK_AGAIN_S, _LookAgain())
            return
        comparison, self._comparison = self._comparison, None
        self._conclude(comparison)

    def _open(self, outcome: Succeeded) -> None:
        """The first look ever: what is there now is where the accounts begin."""
        if not self._opening:
            self._opening = True
            self._record(bookings.opening(outcome.balances, self._quote, self.now_ns()))
        self.after(LOOK_AGAIN_S, _LookAgain())

    def _conclude(self, comparison: Comparison) -> None:
        if not comparison.differences:
            self._agreed = self._record_comparison((), [])
            self._accept = None
            self._unready = ""
            self._tell_readiness()
        elif self._accept is not None:
            # It was said of these differences: the next ones may be of another kind.
            reason, self._accept = self._accept, None
            entries = bookings.accepted(comparison.differences, reason, self.now_ns())
            self._book(comparison.differences, entries)
        else:
            self._inquire(comparison.differences)

    def _record_comparison(
        self, differences: tuple[BalanceDifference, ...], entries: list[Entry]
    ) -> BalancesCompared:
        now_ns = self.now_ns()
        compared = BalancesCompared(
            at_ns=now_ns,
            began_at_ns=self._began_ns,
            fills=self._ledger.fills,
            differences=differences,
            drift=drift(differences, self._prices, self._quote),
            drift_currency=self._quote,
        )
        # Its key keeps a record that is said again to a new recorder from being written twice.
        self._record([Entry(key=f"compared:{now_ns}", event=compared), *entries])
        self.publish(compared)
        return compared

    def _book(self, differences: tuple[BalanceDifference, ...], entries: list[Entry]) -> None:
        """Journal what accounts for `differences`, and look whether it does."""
        self._record_comparison(differences, entries)
        self._compare_anew(Comparison())
        self.after(LOOK_AGAIN_S, _LookAgain())

    # Why they differ.

    def _inquire(self, differences: tuple[BalanceDifference, ...]) -> None:
        self._inquiries += 1
        self._asked += 1
        # Where it is not known at once, what is asked for grows: it takes from what others may ask.
        pairs = pairs_to_ask(self._pairs, differences, self._quote, everywhere=self._inquiries > 1)
        inquiry = Inquiry(self._asked, differences, pairs, Settled.at(self._agreed, self.now_ns()))
        self._inquiry = inquiry
        life, deliver = self.incarnation, self.inlet()

        def answered(answer: VenueAnswer) -> None:
            deliver(_Answered(life, inquiry.number, answer.request, answer.outcome))

        for question in inquiry.questions:
            self._exchange.request(question, answered)

    def _on_answer(self, answer: _Answered) -> None:
        inquiry = self._inquiry
        if inquiry is None or answer.number != inquiry.number or inquiry.done:
            return
        inquiry.heard(answer.request, answer.outcome)
        if not inquiry.done:
            return
        if inquiry.failed:
            self._not_explained(inquiry, f"nobody could say why: {inquiry.failed}")
        else:
            self.tell(addresses.RECORDER, inquiry.sought(self.address))

    def _on_known(self, known: KnownFound) -> None:
        inquiry = self._inquiry
        if inquiry is None or known.request != inquiry.number or not inquiry.done:
            return
        causes = inquiry.explained(known)
        if causes is None:
            self._not_explained(inquiry, "")
            return
        kinds = kinds_of(inquiry.differences, causes)
        missed = [one for one in causes if one.kind is DifferenceKind.MISSED_FILL]
        if missed:
            for one in missed:
                # As if the stream had told it: the router knows whose it is, or finds out.
                self.tell(addresses.ORDER_ROUTER, one.trade)
            self.tell(addresses.ORDER_ROUTER, ReconcileWanted())
            self._not_explained(inquiry, f"missed: {missed[0].text}", kinds)
        elif self._inquiries > INQUIRIES:
            self._not_explained(inquiry, "what was booked did not account for it", kinds)
        else:
            self._inquiry = None
            self._book(kinds, bookings.of_causes(causes))

    def _not_explained(
        self,
        inquiry: Inquiry,
        why: str,
        kinds: tuple[BalanceDifference, ...] = (),
    ) -> None:
        """Look again, at all balances in one moment; in the end say that nobody knows."""
        self._inquiry = None
        if self._inquiries < INQUIRIES or self._accept is not None:
            self._compare_anew(Comparison(looks=ATTEMPTS - 1))
            self.after(ASK_AGAIN_S, _LookAgain())
            return
        differences = kinds or inquiry.differences
        told = bookings.in_words(differences)
        self._not_ready(f"the exchange shows other balances: {told}")
        self._record_comparison(differences, [bookings.mismatch(told, why, self.now_ns())])

    # Equity.

    def _mark(self) -> None:
        if not self._ledger.is_open:
            return  # An account that is not known yet is not worth nothing.
        equity = self._ledger.marked(self._prices, self.now_ns())
        if equity is None:
            return
        self.publish(equity)
        if self._marks % MARKS_PER_RECORD == 0:
            self._record([Entry(event=equity)])
        self._marks += 1

    def _record(self, entries: list[Entry]) -> None:
        self.tell(addresses.RECORDER, self._outbox.add(entries))

    def _ask_books(self) -> None:
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))

    def _not_ready(self, reason: str) -> None:
        self._unready = reason
        self._tell_readiness()

    def _tell_readiness(self) -> None:
        self.tell_control(
            addresses.SESSION_KEEPER,
            PartNotReady(part=PART, reason=self._unready)
            if self._unready
            else PartReady(part=PART),
        )
