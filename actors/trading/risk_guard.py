"""The risk guard: the only maker of approved orders."""

from collections import deque
from decimal import Decimal
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.execution.order_table import OrderTable
from actors.execution.parent_table import ParentTable
from actors.kernel import Actor, Timer
from actors.outbox import Outbox
from actors.trading.exposure import Commitment, exposure, of_all, of_decision
from actors.trading.risk_rules import Ruling, View, judge
from adapters.ports import Exchange, HaltLatch
from state.config import RiskSettings
from state.instrument import TradingRules
from state.ledger import Ledger
from state.messages.accounts import FundsMoved
from state.messages.held import RulesKnown
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    RecordDenied,
    Recorded,
)
from state.messages.market import BookLost, BookMeasured
from state.messages.operations import SessionSought, SessionState
from state.messages.orders import (
    ApprovedOrder,
    DecisionDropped,
    DecisionMade,
    OrderEvent,
    OrderFilled,
    OrderIntended,
    OrderProposed,
    OrderRejected,
    ParentEvent,
    ParentIntended,
    RulesWanted,
    Verdict,
)
from state.messages.venue import FetchRules, Refused, Succeeded, VenueAnswer
from state.values import (
    NS_PER_S,
    ZERO,
    Currency,
    DecisionId,
    Notional,
    Pair,
    Quantity,
    Session,
    TimeNs,
    quote_of,
)

RULES_EVERY_S = 3600.0
RULES_RETRY_S = 1.0
RULES_AGAIN_S = 10.0
"""Refusals that may come of new rules make nobody ask for them more often than this."""
RULES_BROKEN = frozenset(
    {
        "INVALID_CURRENCY_PAIR",
        "INVALID_PRECISION",
        "INVALID_PARAM_VALUE",
        "AMOUNT_TOO_LITTLE",
        "AMOUNT_TOO_MUCH",
        "PRICE_THRESHOLD_EXCEEDED",
        "TRADE_RESTRICTED",
    }
)
"""Gate's labels for orders that the rules as we know them would not have let through."""
DECISIONS_REMEMBERED = 10_000
HELD_AFTER_EXPIRY_NS = 5 * NS_PER_S
"""An approval the router may still be writing counts this much longer than it may be sent."""


class _RulesDue(Struct, frozen=True):
    """Ask the exchange for the pairs' rules again."""


class RiskGuard(Actor):
    """One. Owns every limit; a restart takes what is held and committed from the books.

    Between an approval and the journal's word of the order, the decision itself counts: at full
    size, until its order is known, it was dropped, or it can no longer be sent.

    Args:
        exchange: For the pairs' rules.
        latch: Why nothing may leave.
        limits: What no order may exceed.
        pairs: What may be traded.
        stale_after_s: Oldest book to trade on, seconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        latch: HaltLatch,
        limits: RiskSettings,
        *,
        pairs: tuple[Pair, ...],
        stale_after_s: float,
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._latch = latch
        self._limits = limits
        self._pairs = pairs
        self._quote: Currency = quote_of(pairs[0])
        self._stale_after_ns = int(stale_after_s * NS_PER_S)
        self._session = Session.STARTING
        self._rules: dict[Pair, TradingRules] = {}
        self._rules_due: Timer | None = None
        self._rules_asked_ns = 0
        self._books: dict[Pair, tuple[BookMeasured, TimeNs]] = {}
        self._ledger = Ledger(quote=self._quote)
        self._orders = OrderTable()
        self._parents = ParentTable()
        self._approved: dict[DecisionId, DecisionMade] = {}
        """Approved, and no order known yet."""
        self._judged: dict[DecisionId, None] = {}
        self._approvals: deque[TimeNs] = deque()
        """When orders were approved within the last minute."""
        self._last_seq: int | None = None

    def on_start(self) -> None:
        """Ask for the books and the rules."""
        self._outbox = Outbox(self.address, self.incarnation)
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), *ParentEvent.__subclasses__()]
        topics += [FundsMoved, JournalOpened]
        topics += [BookMeasured, BookLost, SessionState]
        for topic in topics:
            self.subscribe(topic)
        self._ask_books()
        self._ask_rules()
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))

    def on_receive(self, message: Any) -> None:
        """Judge proposals; hear of everything that bears on them."""
        match message:
            case BookMeasured():
                self._books[message.pair] = (message, self.now_ns())
            case OrderProposed():
                self._on_proposed(message)
            case BookLost():
                self._books.pop(message.pair, None)
            case Journaled():
                self._on_journaled(message)
            case SessionState():
                self._session = message.session
            case RulesWanted():
                if message.pair in self._rules:
                    self.tell(message.reply_to, self._known(message.pair))
            case DecisionDropped():
                self._approved.pop(message.decision_id, None)
            case Books():
                self._on_books(message)
            case JournalOpened():
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)
            case VenueAnswer(request=FetchRules() as request, outcome=outcome):
                self._on_rules(request.pairs, outcome)
            case _RulesDue():
                self._ask_rules()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_proposed(self, proposal: OrderProposed) -> None:
        ruling = judge(proposal, self._view(proposal))
        decision = _decision(proposal, ruling, self.now_ns())
        repeated = proposal.decision_id in self._judged
        if not repeated:
            self._remember(decision)
            # Said before the approval leaves: whoever restarts us finds it in the journal.
            entry = Entry(event=decision, trace_id=proposal.trace_id)
            self.tell(addresses.RECORDER, self._outbox.add([entry]))
        if ruling.verdict is Verdict.DENY:
            assert ruling.refusal is not None
            self.tell(
                proposal.reply_to,
                DecisionDropped(
                    decision_id=proposal.decision_id,
                    pair=proposal.pair,
                    refusal=ruling.refusal,
                ),
            )
            return
        self._approved[proposal.decision_id] = decision
        self._approvals.append(self.now_ns())
        rules = self._rules.get(proposal.pair)
        self.tell(addresses.ORDER_ROUTER, _approval(proposal, ruling.quantity, rules))

    def _remember(self, decision: DecisionMade) -> None:
        self._judged[decision.decision_id] = None
        if len(self._judged) > DECISIONS_REMEMBERED:
            del self._judged[next(iter(self._judged))]

    def _view(self, proposal: OrderProposed) -> View:
        now_ns, pair = self.now_ns(), proposal.pair
        while self._approvals and now_ns - self._approvals[0] > 60 * NS_PER_S:
            self._approvals.popleft()
        marks = {one: Decimal(repr(book.mid)) for one, (book, _) in self._books.items()}
        held = exposure(self._ledger, self._commitments(now_ns), marks, self._pairs)
        book, seen_ns = self._books.get(pair, (None, TimeNs(0)))
        return View(
            now_ns=now_ns,
            # Without the books nothing is known, so nothing may be done.
            session=self._session if self._last_seq is not None else Session.STARTING,
            halted=self._latch.stops(proposal.side, proposal.purpose),
            repeated=proposal.decision_id in self._judged,
            rules=self._rules.get(pair) if pair in self._pairs else None,
            book=book,
            book_seen_ns=seen_ns,
            stale_after_ns=self._stale_after_ns,
            orders_last_minute=len(self._approvals),
            pair_exposure=held.by_pair.get(pair, Notional(ZERO)),
            total_exposure=held.total,
            free_quote=Notional(held.free.get(quote_of(pair), ZERO)),
            free_base=held.free_base.get(pair, Quantity(ZERO)),
            limits=self._limits,
        )

    def _commitments(self, now_ns: TimeNs) -> list[Commitment]:
        for name, decision in list(self._approved.items()):
            if now_ns > decision.expires_at_ns + HELD_AFTER_EXPIRY_NS:
                del self._approved[name]
        found = [of_decision(decision) for decision in self._approved.values()]
        return [*found, *of_all(self._orders.unsettled(), self._parents.all())]

    # What is known.

    def _on_books(self, books: Books) -> None:
        self._last_seq = books.last_seq
        self._ledger = books.ledger
        self._orders.begin(books.orders)
        self._parents.begin(books.parents)
        for decision in books.decisions:
            self._approved.setdefault(decision.decision_id, decision)
            self._remember(decision)

    def _on_journaled(self, journaled: Journaled) -> None:
        if self._last_seq is None or journaled.seq <= self._last_seq:
            return
        self._last_seq = journaled.seq
        event = journaled.event
        if isinstance(event, OrderFilled | FundsMoved):
            self._ledger = self._ledger.apply(event)
        if isinstance(event, OrderEvent):
            self._parents.take(self._orders.apply(event))
        if isinstance(event, ParentEvent):
            self._parents.apply(event)
        if isinstance(event, OrderIntended | ParentIntended):
            self._approved.pop(event.decision_id, None)
        if isinstance(event, OrderRejected) and event.label in RULES_BROKEN:
            since_s = (self.monotonic_ns() - self._rules_asked_ns) / NS_PER_S
            self._ask_rules_in(max(0.0, RULES_AGAIN_S - since_s))

    def _on_rules(self, pairs: tuple[Pair, ...], outcome: Any) -> None:
        match outcome:
            case Succeeded():
                self._rules |= {rules.pair: rules for rules in outcome.rules}
                for rules in outcome.rules:
                    self.publish(self._known(rules.pair))
                self._ask_rules_in(RULES_EVERY_S)
            case Refused(label="INVALID_CURRENCY_PAIR") if len(pairs) > 1:
                # One that is gone must not keep the others from being known.
                for pair in pairs:
                    self._exchange.request(FetchRules(pairs=(pair,)), self.inlet())
            case Refused(label="INVALID_CURRENCY_PAIR"):
                self._rules.pop(pairs[0], None)
                self._ask_rules_in(RULES_EVERY_S)
            case _:
                self._ask_rules_in(RULES_RETRY_S)

    def _known(self, pair: Pair) -> RulesKnown:
        return RulesKnown(pair=pair, rules=self._rules[pair])

    def _ask_rules_in(self, delay_s: float) -> None:
        if self._rules_due is not None:
            self._rules_due.cancel()
        self._rules_due = self.after(delay_s, _RulesDue())

    def _ask_rules(self) -> None:
        self._rules_asked_ns = self.monotonic_ns()
        self._exchange.request(FetchRules(pairs=self._pairs), self.inlet())

    def _ask_books(self) -> None:
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))


def _decision(proposal: OrderProposed, ruling: Ruling, at_ns: TimeNs) -> DecisionMade:
    return DecisionMade(
        decision_id=proposal.decision_id,
        trace_id=proposal.trace_id,
        pair=proposal.pair,
        at_ns=at_ns,
        strategy=proposal.strategy,
        side=proposal.side,
        order_type=proposal.order_type,
        quantity=proposal.quantity,
        price=proposal.price,
        reason=proposal.reason,
        worksheet=proposal.worksheet,
        verdict=ruling.verdict,
        approved_quantity=ruling.quantity,
        refusal=ruling.refusal,
        expires_at_ns=proposal.expires_at_ns,
        purpose=proposal.purpose,
        plan=proposal.plan,
    )


def _approval(
    proposal: OrderProposed, quantity: Quantity, rules: TradingRules | None
) -> ApprovedOrder:
    return ApprovedOrder(
        decision_id=proposal.decision_id,
        trace_id=proposal.trace_id,
        pair=proposal.pair,
        strategy=proposal.strategy,
        side=proposal.side,
        order_type=proposal.order_type,
        quantity=quantity,
        price=proposal.price,
        time_in_force=proposal.time_in_force,
        expires_at_ns=proposal.expires_at_ns,
        reply_to=proposal.reply_to,
        purpose=proposal.purpose,
        plan=proposal.plan,
        smallest=rules.smallest(proposal.price) if rules else Quantity(ZERO),
    )
