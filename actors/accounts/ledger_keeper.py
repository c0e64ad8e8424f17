"""The ledger keeper: what we own, to the last unit, held against the exchange."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.accounts.comparison import Comparison
from actors.kernel import Actor
from actors.outbox import Outbox
from adapters.ports import Exchange
from state.ledger import OPENING, Ledger
from state.messages.accounts import (
    BalancesCompared,
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
    RecordDenied,
    Recorded,
)
from state.messages.market import BookMeasured
from state.messages.operations import (
    AlertRaised,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    ReconcileWanted,
    Severity,
)
from state.messages.orders import OrderFilled
from state.messages.venue import BalanceReport, FetchBalances, Outcome, Succeeded, VenueAnswer
from state.values import ZERO, Currency, Pair, TimeNs, plain

PART = "ledger"
LOOK_AGAIN_S = 0.25
MARK_EVERY_S = 1.0
MARKS_PER_RECORD = 60
"""Equity is told every second and journalled every minute."""


class _CompareDue(Struct, frozen=True):
    """Hold the ledger against the exchange, as every so often."""


class _LookAgain(Struct, frozen=True):
    """One more look within a comparison."""


class _Looked(Struct, frozen=True):
    """What the exchange shows, and which life asked: another one's question was about then."""

    life: int
    outcome: Outcome


class _MarkDue(Struct, frozen=True):
    """Say what everything is worth."""


class LedgerKeeper(Actor):
    """One. Owns the ledger; a restart takes it from the books, which the journal keeps.

    Args:
        exchange: Whose balances it is held against.
        quote: What equity is counted in.
        compare_every_s: How often.
    """

    def __init__(self, exchange: Exchange, quote: Currency, compare_every_s: float) -> None:
        super().__init__()
        self._exchange = exchange
        self._quote = quote
        self._compare_every_s = compare_every_s
        self._ledger = Ledger(quote=quote)
        self._last_seq: int | None = None
        self._opening = False
        """Whether the opening balances have been asked for or are being written."""
        self._comparison: Comparison | None = None
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
            case _Looked():
                if message.life == self.incarnation:
                    self._on_balances(message.outcome)
            case Books():
                self._on_books(message)
            case JournalOpened():
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)
            case ReconcileWanted():
                self._accept = message.accept or None
                self._compare()
            case ReadinessWanted():
                self._tell_readiness()
            case _CompareDue():
                self.after(self._compare_every_s, _CompareDue())
                self._compare()
            case _LookAgain():
                self._look()
            case _MarkDue():
                self.after(MARK_EVERY_S, _MarkDue())
                self._mark()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_books(self, books: Books) -> None:
        self._last_seq = books.last_seq
        self._ledger = books.ledger
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
        if self._last_seq is not None and self._comparison is None:
            self._comparison = Comparison()
            self._look()

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
            now_ns = self.now_ns()
            # An account that was never funded opens with nothing, which has to be said too.
            opening = {self._quote: ZERO}
            opening |= {one.currency: one.available + one.locked for one in outcome.balances}
            self._record(
                [
                    Entry(
                        key=f"opening:{currency}", event=_moved(currency, change, OPENING, now_ns)
                    )
                    for currency, change in opening.items()
                ]
            )
        self.after(LOOK_AGAIN_S, _LookAgain())

    def _conclude(self, comparison: Comparison) -> None:
        now_ns, differences = self.now_ns(), comparison.differences
        # It was said of these differences: the next ones may be of another kind.
        accepted, self._accept = self._accept, None
        compared = BalancesCompared(at_ns=now_ns, fills=self._ledger.fills, differences=differences)
        self._record([Entry(event=compared)])
        self.publish(compared)
        if not differences:
            self._unready = ""
            self._tell_readiness()
            return
        if accepted is not None:
            # Said again to a new recorder, it is the same entry by its key and not booked twice.
            self._record(
                [
                    Entry(
                        key=f"accepted:{one.currency}:{now_ns}",
                        event=_moved(one.currency, one.exchange - one.ledger, accepted, now_ns),
                    )
                    for one in differences
                ]
            )
            self._comparison = Comparison()
            self.after(LOOK_AGAIN_S, _LookAgain())
            return
        told = ", ".join(
            f"{one.currency}: ledger {plain(one.ledger)}, exchange {plain(one.exchange)}"
            for one in differences
        )
        self._not_ready(f"the exchange shows other balances: {told}")
        alert = AlertRaised(
            alert="ledger_mismatch",
            severity=Severity.CRITICAL,
            text=f"{told}; no trading until they agree, or reconcile accept=REASON books it",
            at_ns=now_ns,
        )
        self._record([Entry(event=alert)])

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


def _moved(currency: Currency, change: Decimal, reason: str, at_ns: TimeNs) -> FundsMoved:
    return FundsMoved(currency=currency, change=change, reason=reason, at_ns=at_ns)
