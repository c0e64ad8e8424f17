"""The risk guard: the only maker of approved orders."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import addresses
from actors.execution.placing import NOT_SENT
from actors.kernel import Actor, Timer
from actors.outbox import SAY_AGAIN_EVERY_S, Outbox
from actors.trading.risk.alerts import alerts_of
from actors.trading.risk.amendments import NOT_AMENDABLE, judge_amendment, wanted_shape
from actors.trading.risk.approvals import Inquiry
from actors.trading.risk.codes import Code
from actors.trading.risk.known import Known
from actors.trading.risk.rules import Ruling, judge
from actors.trading.risk.uses import uses, why_not
from adapters.ports import Exchange, HaltLatch
from state.config import ProtectionSettings, RiskSettings
from state.messages.accounts import FundsMoved, TradeClosed
from state.messages.held import ApprovalsHeld, RulesKnown
from state.messages.journal import (
    Books,
    BooksWanted,
    Echo,
    Entry,
    Journaled,
    JournalOpened,
    Record,
    RecordDenied,
    Recorded,
)
from state.messages.market import BookLost, BookMeasured, CandleClosed
from state.messages.operations import (
    ClockMeasured,
    ClockWanted,
    SessionAnswer,
    SessionChanged,
    SessionSought,
    SessionState,
    SessionWanted,
)
from state.messages.orders import (
    AmendmentDropped,
    AmendmentJudged,
    AmendProposed,
    ApprovedAmendment,
    ApprovedOrder,
    DecisionDropped,
    DecisionMade,
    OrderEvent,
    OrderProposed,
    OrderRejected,
    ParentEvent,
    Refusal,
    RulesWanted,
    Verdict,
)
from state.messages.protection import FlattenWanted, PositionCovered
from state.messages.risk import LimitsTold, LimitsWanted, RiskMarked, Tier
from state.messages.venue import FetchRules, Refused, Succeeded, VenueAnswer
from state.standing import is_grave, is_to_be_told, resumed
from state.values import (
    NS_PER_S,
    ZERO,
    ClientOrderId,
    DecisionId,
    Pair,
    Quantity,
    Session,
    Side,
    TimeNs,
)

MARK_EVERY_S = 1.0
FLATTEN_AGAIN_NS = 10 * NS_PER_S
"""Between two wishes to sell what a halt still holds: whoever heard the first may have died."""
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
_OVER = frozenset({Session.STOPPED, Session.EMERGENCY})


class _RulesDue(Struct, frozen=True):
    """Ask the exchange for the pairs' rules again."""


class _MarkDue(Struct, frozen=True):
    """See what is lost and what that forbids."""


class _SayAgainDue(Struct, frozen=True):
    """Say again what the recorder should have answered long ago."""


class RiskGuard(Actor):
    """One. Owns every limit; a restart takes what is held, committed and lost from the books.

    Args:
        exchange: For the pairs' rules.
        latch: Why nothing may leave.
        limits: What no order may exceed.
        protections: What closed trades forbid.
        pairs: What may be traded.
        stale_after_s: Oldest book to trade on, seconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        latch: HaltLatch,
        limits: RiskSettings,
        protections: ProtectionSettings | None = None,
        *,
        pairs: tuple[Pair, ...],
        stale_after_s: float,
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._latch = latch
        self._pairs = pairs
        self._known = Known(
            limits, protections or ProtectionSettings(), pairs=pairs, stale_after_s=stale_after_s
        )
        self._rules_due: Timer | None = None
        self._rules_asked_ns = 0
        self._told: RiskMarked | None = None
        """What was journalled last of how the account stands."""
        self._flatten_told_ns = -FLATTEN_AGAIN_NS
        self._leaving: dict[int, ApprovedOrder | ApprovedAmendment] = {}
        """Approved, by the number of the record that says so; out when that is written."""
        self._books_due = False
        """Whether books are on their way: until then we may not know all that the journal does."""

    def on_start(self) -> None:
        """Ask for the books, the rules, the session and the clock."""
        self._outbox = Outbox(self.address, self.incarnation)
        self._inquiry = Inquiry(self.address, self.incarnation)
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), *ParentEvent.__subclasses__()]
        topics += [FundsMoved, JournalOpened]
        topics += [BookMeasured, BookLost, SessionState, SessionChanged, TradeClosed]
        topics += [CandleClosed, ClockMeasured, PositionCovered]
        for topic in topics:
            self.subscribe(topic)
        self._ask_books()
        self._ask_rules()
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))
        self.tell(addresses.HEALTH_MONITOR, ClockWanted(reply_to=self.address))
        self.after(MARK_EVERY_S, _MarkDue())
        self.after(SAY_AGAIN_EVERY_S, _SayAgainDue())

    def on_receive(self, message: Any) -> None:
        """Judge proposals; hear of everything that bears on them."""
        self._known.look(self.now_ns(), self.monotonic_ns())
        if self._known.see(message):
            return
        match message:
            case OrderProposed():
                self._on_proposed(message)
            case AmendProposed():
                self._on_amend_proposed(message)
            case AmendmentDropped() | DecisionDropped():
                self._known.approvals.dropped(message)
            case Journaled():
                self._on_journaled(message)
            case TradeClosed():
                if self._known.close_trade(message):
                    self._mark()
            case _MarkDue():
                self._on_mark_due()
            case RulesWanted():
                if message.pair in self._known.rules:
                    self.tell(message.reply_to, self._rules_known(message.pair))
            case LimitsWanted():
                self.tell(message.reply_to, self._limits(message))
            case ApprovalsHeld() | Echo():
                self._on_inquired(message)
            case Books():
                self._on_books(message)
            case JournalOpened():
                self._inquiry.void()
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._let_leave(message)
                self._on_recorded(self._outbox.answered(message.request))
            case VenueAnswer(request=FetchRules() as request, outcome=outcome):
                self._on_rules(request.pairs, outcome)
            case _:
                self._on_other(message)

    def _on_other(self, message: Any) -> None:
        match message:
            case _RulesDue():
                self._ask_rules()
            case _SayAgainDue():
                self.after(SAY_AGAIN_EVERY_S, _SayAgainDue())
                for record in self._outbox.overdue():
                    self.tell(addresses.RECORDER, record)
            case SessionAnswer():
                pass  # An emergency stop or an operator came first.
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_proposed(self, proposal: OrderProposed) -> None:
        if proposal.side is Side.BUY:
            self._mark()
        ruling = self._ruling(proposal)
        if ruling.refusal is not None and ruling.refusal.code == Code.HOLDING:
            self._inquire()  # What holds it back may be lost, and this may be a stop.
        decision = _decision(proposal, ruling, self.now_ns())
        request = 0
        if not self._known.has_judged(proposal.decision_id):
            self._known.remember(decision.decision_id)
            request = self._record([Entry(event=decision, trace_id=proposal.trace_id)])
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
        self._known.approve(decision, proposal.reply_to)
        rules = self._known.rules.get(proposal.pair)
        self._leaving[request] = ApprovedOrder(
            decision_id=proposal.decision_id,
            trace_id=proposal.trace_id,
            pair=proposal.pair,
            strategy=proposal.strategy,
            side=proposal.side,
            order_type=proposal.order_type,
            quantity=ruling.quantity,
            price=proposal.price,
            time_in_force=proposal.time_in_force,
            expires_at_ns=proposal.expires_at_ns,
            expires_monotonic_ns=self._monotonic(proposal.expires_at_ns),
            reply_to=proposal.reply_to,
            purpose=proposal.purpose,
            plan=proposal.plan,
            smallest=rules.smallest(proposal.price) if rules else Quantity(ZERO),
            as_of_seq=self._known.last_seq or 0,
        )

    def _on_amend_proposed(self, proposed: AmendProposed) -> None:
        name, order = proposed.client_order_id, self._known.order(proposed.client_order_id)
        if order is None or self._known.approvals.is_amending(name):
            value = "it is not known" if order is None else "it is being amended"
            refused = Refusal(code=NOT_AMENDABLE, limit="an order that rests", value=value)
            self._drop_amendment(proposed, refused)
            return
        if order.intent.side is Side.BUY:
            self._mark()
        halted = self._latch.stops(order.intent.side, order.intent.purpose)
        ruling = judge_amendment(order, proposed, self._known.view_without(order, halted=halted))
        shape = wanted_shape(order, proposed)
        judged = AmendmentJudged(
            client_order_id=name,
            pair=order.intent.pair,
            at_ns=self.now_ns(),
            quantity=shape.quantity,
            price=shape.price,
            reason=proposed.reason,
            verdict=ruling.verdict,
            refusal=ruling.refusal,
            expires_at_ns=proposed.expires_at_ns,
        )
        request = self._record([Entry(event=judged, trace_id=order.intent.trace_id)])
        if ruling.refusal is not None:
            self._drop_amendment(proposed, ruling.refusal)
            return
        approved = ApprovedAmendment(
            client_order_id=name,
            pair=order.intent.pair,
            quantity=shape.quantity,
            price=shape.price,
            reason=proposed.reason,
            expires_at_ns=proposed.expires_at_ns,
            expires_monotonic_ns=self._monotonic(proposed.expires_at_ns),
            reply_to=proposed.reply_to,
        )
        self._known.approvals.approve_amendment(approved)
        self._leaving[request] = approved

    def _monotonic(self, at_ns: TimeNs) -> int:
        """Return when it is `at_ns` if the wall clock does not leap until then."""
        return self.monotonic_ns() + at_ns - self.now_ns()

    def _drop_amendment(self, proposed: AmendProposed, refused: Refusal) -> None:
        dropped = AmendmentDropped(
            client_order_id=proposed.client_order_id, pair=proposed.pair, refusal=refused
        )
        self.tell(proposed.reply_to, dropped)

    def _ruling(self, proposal: OrderProposed) -> Ruling:
        halted = self._latch.stops(proposal.side, proposal.purpose)
        view = self._known.view(proposal.pair, halted=halted, decision=proposal.decision_id)
        return judge(proposal, view)

    def _limits(self, wanted: LimitsWanted) -> LimitsTold:
        self._mark()
        view = self._known.view(wanted.pair, halted=self._latch.reason)
        return LimitsTold(
            pair=wanted.pair,
            request=wanted.request,
            entry=why_not(wanted.pair, Side.BUY, view),
            exit=why_not(wanted.pair, Side.SELL, view),
            uses=uses(wanted.pair, view),
            standing=self._known.standing,
        )

    # What became of approvals.

    def _let_leave(self, answer: Recorded | RecordDenied) -> None:
        """Tell the router what may go out, now that the journal knows of it.

        Not before: if we and the recorder died in one moment, nobody would count it.
        """
        approved = self._leaving.pop(answer.request, None)
        if approved is None:
            return
        if isinstance(answer, RecordDenied):
            refused = Refusal(code=NOT_SENT, limit="a ruling in the journal", value=answer.reason)
        elif isinstance(approved, ApprovedOrder) and answer.seqs[0] <= approved.as_of_seq:
            # The journal keeps the first ruling, a guard's before us that refused: whoever comes
            # after us would know nothing of an approval.
            value = "refused before"
            refused = Refusal(code=Code.REPEATED, limit="one ruling a decision", value=value)
        else:
            self.tell(addresses.ORDER_ROUTER, approved)
            return
        told: DecisionDropped | AmendmentDropped
        if isinstance(approved, ApprovedAmendment):
            name = approved.client_order_id
            told = AmendmentDropped(client_order_id=name, pair=approved.pair, refusal=refused)
        else:
            decision = approved.decision_id
            told = DecisionDropped(decision_id=decision, pair=approved.pair, refusal=refused)
        self._known.approvals.dropped(told)
        self.tell(approved.reply_to, told)

    def _inquire(self) -> None:
        """Ask the router what it still has of what it was told."""
        picked = self._known.approvals.pick(but=self._unwritten())
        question = None if self._books_due else self._inquiry.question(picked)
        if question is not None:
            self.tell(addresses.ORDER_ROUTER, question)

    def _unwritten(self) -> set[DecisionId | ClientOrderId]:
        """Return the approvals that nobody has been told of."""
        return {
            one.decision_id if isinstance(one, ApprovedOrder) else one.client_order_id
            for one in self._leaving.values()
        }

    def _on_inquired(self, answer: ApprovalsHeld | Echo) -> None:
        if isinstance(answer, ApprovalsHeld):
            wanted = self._inquiry.found(answer)
            if wanted is not None:
                self.tell(addresses.RECORDER, wanted)
            return
        lost = self._inquiry.echoed(answer.number)
        for address, dropped in () if lost is None else self._known.approvals.forget(lost):
            self.tell(address, dropped)

    # What may be lost.

    def _on_mark_due(self) -> None:
        self.after(MARK_EVERY_S, _MarkDue())
        self._mark()
        self._flatten_what_a_halt_holds()
        if self._books_due:
            self._ask_books()  # A mailbox that was full may have refused it.
        self._inquire()

    def _mark(self) -> None:
        """See how the account stands, and have it remembered when that changed."""
        standing = self._known.mark()
        if standing is not None and is_to_be_told(self._told, standing):
            self._tell_standing(standing)

    def _tell_standing(self, standing: RiskMarked) -> None:
        entries = [Entry(event=standing)]
        entries += [
            # By its key it is raised once, however often it is said.
            Entry(event=alert, key=f"risk:{alert.alert}:{alert.at_ns}")
            for alert in alerts_of(self._told, standing)
        ]
        grave = is_grave(self._told, standing)
        self._told = standing
        self._record(entries, durable=grave)

    def _on_recorded(self, record: Record | None) -> None:
        for entry in () if record is None else record.entries:
            event = entry.event
            if isinstance(event, RiskMarked) and event.tier is Tier.HALT and not event.halt_told:
                self._halt_if_due()

    def _halt_if_due(self) -> None:
        """A halt that is on disk is told once: no entries, everything sold."""
        standing = self._known.standing
        if standing is None or standing.tier is not Tier.HALT or standing.halt_told:
            return
        if self._known.session not in _OVER:
            # Whoever stopped the house wanted nothing traded: then nothing is sold either.
            wish = SessionWanted(
                session=Session.DRAINING, reason=standing.reason or "drawdown", caller=self.address
            )
            self.tell_control(addresses.SESSION_KEEPER, wish)
            self._flatten_told_ns = self.monotonic_ns()
            for pair in self._pairs:
                self._tell_to_flatten(pair)
        self._known.standing = replace(standing, halt_told=True)
        self._tell_standing(self._known.standing)

    def _flatten_what_a_halt_holds(self) -> None:
        standing = self._known.standing
        if standing is None or standing.tier is not Tier.HALT or not standing.halt_told:
            return
        if self._known.session is not Session.DRAINING:
            return
        if self.monotonic_ns() - self._flatten_told_ns < FLATTEN_AGAIN_NS:
            return
        self._flatten_told_ns = self.monotonic_ns()
        for pair in self._known.held():
            self._tell_to_flatten(pair)

    def _tell_to_flatten(self, pair: Pair) -> None:
        wish = FlattenWanted(pair=pair, reason="drawdown halt")
        self.tell_control(addresses.protection(pair), wish)

    def _end_halt(self, changed: SessionChanged) -> None:
        """An operator who resumes trading after a halt begins anew with what is left."""
        standing = self._known.standing
        if standing is None or standing.tier is not Tier.HALT:
            return
        if changed.session is not Session.READY or changed.at_ns <= standing.tier_since_ns:
            return
        why = f"resumed by {changed.caller}: {changed.reason}"
        self._known.standing = resumed(standing, standing.at_ns, why)
        self._tell_standing(self._known.standing)

    # What is known.

    def _on_books(self, books: Books) -> None:
        self._books_due = False
        self._known.begin(books, self._unwritten())
        if self._told is None:
            self._told = books.risk
        if books.session is not None:
            self._end_halt(books.session)
        self._mark()
        self._halt_if_due()
        self._inquire()

    def _on_journaled(self, journaled: Journaled) -> None:
        event = journaled.event
        if isinstance(event, FundsMoved):
            self._mark()  # What was earned before is no part of what moves.
        if not self._known.fold(journaled):
            return
        if isinstance(event, FundsMoved):
            self._mark()
        if isinstance(event, SessionChanged):
            self._end_halt(event)
        if isinstance(event, OrderRejected) and event.label in RULES_BROKEN:
            since_s = (self.monotonic_ns() - self._rules_asked_ns) / NS_PER_S
            self._ask_rules_in(max(0.0, RULES_AGAIN_S - since_s))

    def _on_rules(self, pairs: tuple[Pair, ...], outcome: Any) -> None:
        match outcome:
            case Succeeded():
                self._known.rules |= {rules.pair: rules for rules in outcome.rules}
                for rules in outcome.rules:
                    self.publish(self._rules_known(rules.pair))
                self._ask_rules_in(RULES_EVERY_S)
            case Refused(label="INVALID_CURRENCY_PAIR") if len(pairs) > 1:
                # One that is gone must not keep the others from being known.
                for pair in pairs:
                    self._exchange.request(FetchRules(pairs=(pair,)), self.inlet())
            case Refused(label="INVALID_CURRENCY_PAIR"):
                self._known.rules.pop(pairs[0], None)
                self._ask_rules_in(RULES_EVERY_S)
            case _:
                self._ask_rules_in(RULES_RETRY_S)

    def _rules_known(self, pair: Pair) -> RulesKnown:
        return RulesKnown(pair=pair, rules=self._known.rules[pair])

    def _ask_rules_in(self, delay_s: float) -> None:
        if self._rules_due is not None:
            self._rules_due.cancel()
        self._rules_due = self.after(delay_s, _RulesDue())

    def _ask_rules(self) -> None:
        self._rules_asked_ns = self.monotonic_ns()
        self._exchange.request(FetchRules(pairs=self._pairs), self.inlet())

    def _ask_books(self) -> None:
        # What a recorder that died had in hand is told by the books, and by nobody else: until
        # they came an echo proves nothing.
        self._books_due = True
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._known.quote))

    def _record(self, entries: Iterable[Entry], *, durable: bool = False) -> int:
        """Have these journalled; return the number of the record."""
        record = self._outbox.add(entries, durable=durable)
        self.tell(addresses.RECORDER, record)
        return record.request


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
        stop=proposal.stop,
        judgement=proposal.judgement,
    )
