"""All that the risk guard knows, folded from what it hears; it gives the view the rules judge by.

Between an approval and the journal's word of the order, the decision itself counts: at full size,
until its order is known, it was dropped, or it can no longer be sent. Pure but for its own memory.
"""

from collections import deque
from collections.abc import Collection
from decimal import Decimal

from msgspec.structs import replace

from actors.execution.order_table import OrderTable
from actors.execution.parent_table import ParentTable
from actors.trading.exposure import Commitment, Exposure, exposure, of_all
from actors.trading.risk.approvals import Approvals
from actors.trading.risk.clock_watch import ClockWatch
from actors.trading.risk.protections import locks_after, lookback_ns
from actors.trading.risk.view import GroupExposure, View
from state.config.limits import ProtectionSettings, RiskSettings
from state.exact import total
from state.instrument import TradingRules
from state.ledger import Ledger
from state.messages.accounts import FundsMoved, TradeClosed
from state.messages.journal import Books, Journaled
from state.messages.market import BookLost, BookMeasured, CandleClosed, Timeframe
from state.messages.operations import ClockMeasured, SessionState
from state.messages.orders import (
    AmendIntended,
    DecisionMade,
    OrderEvent,
    OrderFilled,
    OrderIntended,
    ParentEvent,
    ParentIntended,
)
from state.messages.protection import Cover, PositionCovered
from state.messages.risk import Happened, RiskMarked
from state.order import Order, OrderState
from state.rates import Rates, recent_of
from state.standing import begin, lock_on, locked, marked
from state.values import (
    NS_PER_S,
    ZERO,
    ClientOrderId,
    DecisionId,
    Notional,
    Pair,
    Quantity,
    Session,
    TimeNs,
    quote_of,
)

DECISIONS_REMEMBERED = 10_000


class Known:
    """What is held, out, seen and lost.

    Args:
        limits: What no order may exceed.
        protections: What closed trades forbid.
        pairs: What may be traded; all quoted in one currency.
        stale_after_s: Oldest book to trade on, seconds.
    """

    def __init__(
        self,
        limits: RiskSettings,
        protections: ProtectionSettings,
        *,
        pairs: tuple[Pair, ...],
        stale_after_s: float,
    ) -> None:
        self.limits = limits
        self.pairs = pairs
        self.quote = quote_of(pairs[0])
        self.session = Session.STARTING
        self._session_told: SessionState | None = None
        self.rules: dict[Pair, TradingRules] = {}
        self.clock = ClockWatch(int(limits.clock_jump_max_s * NS_PER_S))
        self.standing: RiskMarked | None = None
        """How the account stood when it was last marked."""
        self.last_seq: int | None = None
        """None before the journal has told anything."""
        self._protections = protections
        self._groups = limits.correlated()
        self._stale_after_ns = int(stale_after_s * NS_PER_S)
        self._books: dict[Pair, BookMeasured] = {}
        """Live ones alone."""
        self._seen: dict[Pair, tuple[BookMeasured, int]] = {}
        """The newest of each pair, live or not, and when it came, monotonic."""
        self._last_trades: dict[Pair, Decimal] = {}
        self._uncovered: dict[Pair, str] = {}
        self._ledger = Ledger(quote=self.quote)
        self._orders = OrderTable()
        self._parents = ParentTable()
        self.approvals = Approvals()
        self._judged: dict[DecisionId, None] = {}
        self._rates = Rates()
        self._trades: deque[TradeClosed] = deque()
        self._is_marked = False
        """Whether equity was known when it was last asked for."""
        self._is_locked = True
        """Whether the newest closed trade has been judged by the protections."""
        self._now_ns = TimeNs(0)
        self._monotonic_ns = 0

    def look(self, now_ns: TimeNs, monotonic_ns: int) -> None:
        """Know what time it is; everything else happens then."""
        self._now_ns, self._monotonic_ns = now_ns, monotonic_ns
        self.clock.look(now_ns, monotonic_ns)

    def see(self, message: object) -> bool:
        """Take what market, session or clock say now; False when it is none of that."""
        match message:
            case BookMeasured():
                self._books[message.pair] = message
                self._seen[message.pair] = (message, self._monotonic_ns)
            case BookLost():
                self._books.pop(message.pair, None)
            case CandleClosed():
                if message.timeframe is Timeframe.S1:
                    self._last_trades[message.pair] = Decimal(repr(message.close))
            case SessionState():
                self.session, self._session_told = message.session, message
            case ClockMeasured():
                self.clock.measured(message)
            case PositionCovered():
                is_uncovered = message.cover is Cover.UNCOVERED
                self._uncovered[message.pair] = message.reason if is_uncovered else ""
            case _:
                return False
        return True

    # The accounts.

    def begin(self, books: Books, ours: Collection[DecisionId | ClientOrderId] = ()) -> None:
        """Take what the journal comes to in the place of all that was folded.

        Args:
            books: The journal.
            ours: Approvals whose ruling is not written yet.
        """
        self.last_seq = books.last_seq
        self._ledger = books.ledger
        self._orders.begin(books.orders)
        self._parents.begin(books.parents)
        self._rates.begin(books.recent, self._now_ns, self._monotonic_ns)
        written = {one.decision for one in books.recent}
        for approved in self.approvals.decisions():
            recent = recent_of(approved)
            is_unwritten = approved.decision_id in ours and approved.decision_id not in written
            if is_unwritten and recent is not None:
                # Its ruling is still on the way to the journal, which was opened anew meanwhile.
                self._rates.add(recent, self._monotonic_ns)
        self._trades = deque(books.trades)
        self._is_locked = False
        if books.risk is not None and (self.standing is None or _is_newer(books.risk, self)):
            self.standing = books.risk
        for name in (*(one.decision for one in books.recent), *_decisions_of(books)):
            if name is not None:
                self.remember(name)
        for decision in books.decisions:
            self.remember(decision.decision_id)
        self.approvals.begin(books, ours)

    def fold(self, journaled: Journaled) -> bool:
        """Fold one journalled event; False when it is known already, or nothing is known yet."""
        if self.last_seq is None or journaled.seq <= self.last_seq:
            return False
        self.last_seq = journaled.seq
        event = journaled.event
        if isinstance(event, OrderFilled | FundsMoved):
            self._ledger = self._ledger.apply(event)
        if isinstance(event, OrderEvent):
            self._parents.take(self._orders.apply(event))
        if isinstance(event, ParentEvent):
            self._parents.apply(event)
        if isinstance(event, AmendIntended):
            self.approvals.drop_amendment(event.client_order_id)
        if isinstance(event, OrderIntended | ParentIntended):
            self.approvals.drop(event.decision_id)
        recent = recent_of(event)
        if recent is not None and recent.kind is not Happened.APPROVED:
            # Approvals count from the moment they are made.
            self._rates.add(recent, self._monotonic_ns)
        return True

    def close_trade(self, trade: TradeClosed) -> bool:
        """Take a closed trade; False when it is known already."""
        if self._trades and trade.seq <= self._trades[-1].seq:
            return False
        self._trades.append(trade)
        self._is_locked = False
        return True

    def remember(self, decision: DecisionId) -> None:
        """Know that a decision has been judged."""
        self._judged[decision] = None
        if len(self._judged) > DECISIONS_REMEMBERED:
            del self._judged[next(iter(self._judged))]

    def has_judged(self, decision: DecisionId) -> bool:
        """Whether a decision has been judged before."""
        return decision in self._judged

    def approve(self, decision: DecisionMade, reply_to: str) -> None:
        """Count an approval from now on.

        Args:
            decision: What was approved.
            reply_to: Who proposed it.
        """
        self.approvals.approve(decision, reply_to)
        recent = recent_of(decision)
        assert recent is not None, "nothing was approved"
        self._rates.add(recent, self._monotonic_ns)

    def order(self, name: ClientOrderId) -> Order | None:
        """Return an order that is known."""
        return self._orders.get(name)

    def view_without(self, order: Order, *, halted: str | None) -> View:
        """Return the view as if `order` were not there: an amendment puts another in its place."""
        view = self.view(order.intent.pair, halted=halted, without=order)
        return replace(
            view,
            open_orders=max(0, view.open_orders - 1),
            pair_open_orders=max(0, view.pair_open_orders - 1),
        )

    # What may be lost.

    def mark(self) -> RiskMarked | None:
        """Mark equity anew and return how the account stands; None while that is not known.

        While the clock is not believed, equity is compared, but no day ends and no lock either.
        """
        equity = self._equity() if self.last_seq is not None else None
        self._is_marked = equity is not None
        if equity is None:
            return None
        flows = self._ledger.flows
        at_ns = self.clock.venue_ns(self._now_ns)
        if self.standing is None:
            if at_ns is None or self.quote not in self._ledger.opened:
                self._is_marked = False
                return None
            self.standing = begin(equity, flows, at_ns)
        at_ns = self.standing.at_ns if at_ns is None else max(at_ns, self.standing.at_ns)
        self.standing = self._locked(marked(self.standing, equity, flows, at_ns, self.limits))
        return self.standing

    def _locked(self, standing: RiskMarked) -> RiskMarked:
        """Forbid what the trades closed so far forbid."""
        if self._is_locked:
            return standing
        self._is_locked = True
        now_ns = standing.at_ns
        oldest_ns = now_ns - lookback_ns(self._protections)
        while len(self._trades) > 1 and self._trades[0].closed_at_ns < oldest_ns:
            self._trades.popleft()  # The newest stays: it says which are known.
        for lock in locks_after(self._trades, now_ns, self._protections):
            standing = locked(standing, lock)
        return standing

    def _equity(self) -> Decimal | None:
        """Return what everything is worth at the best bids, None while a price is missing.

        A pair that is not traded here any more has no price; it counts at what it cost.
        """
        worth = [self._ledger.balance(self.quote)]
        oldest_ns = self._monotonic_ns - int(self.limits.equity_stale_after_s * NS_PER_S)
        for position in self._ledger.counted():
            if not position.net:
                continue
            if position.pair not in self.pairs:
                worth.append(position.cost)
                continue
            book, seen_ns = self._seen.get(position.pair, (None, 0))
            if book is None or seen_ns < oldest_ns:
                return None
            worth.append(position.value(Decimal(repr(book.bid))))
        return total(worth)

    def held(self) -> list[Pair]:
        """Return the pairs of which the exchange would take some of what is held."""
        return [pair for pair in self.pairs if self._is_sellable(pair)]

    def _is_sellable(self, pair: Pair) -> bool:
        quantity = self._ledger.position(pair).quantity
        rules, (book, _) = self.rules.get(pair), self._seen.get(pair, (None, 0))
        if not quantity or rules is None or book is None:
            return bool(quantity)  # As far as we know.
        return rules.quantity_down(quantity) >= rules.smallest(Decimal(repr(book.bid)))

    # For the rules.

    def view(
        self,
        pair: Pair,
        *,
        halted: str | None,
        decision: DecisionId | None = None,
        without: Order | None = None,
    ) -> View:
        """Return everything the rules look at when they judge an order in `pair` now."""
        held = self.exposure(without)
        alive, parents = self._orders.alive(), self._parents.all()
        open_pairs = [one.intent.pair for one in alive if one.intent.parent not in parents]
        open_pairs += [parent.intent.pair for parent in parents.values()]
        open_pairs += [decision.pair for decision in self.approvals.decisions()]
        unknown = sum(order.state is OrderState.UNKNOWN for order in alive)
        last_book, seen_ns = self._seen.get(pair, (None, 0))
        within, moment = self._rates.within, self._monotonic_ns
        standing = self.standing if self._is_marked else None
        return View(
            now_ns=self._now_ns,
            session=self.session_of(pair),
            halted=halted,
            informed=self.last_seq is not None,
            clock_doubt=self.clock.doubt,
            repeated=decision is not None and decision in self._judged,
            rules=self.rules.get(pair) if pair in self.pairs else None,
            book=self._books.get(pair),
            book_age_ns=moment - seen_ns,
            stale_after_ns=self._stale_after_ns,
            last_book=last_book,
            last_trade=self._last_trades.get(pair),
            uncovered=self._uncovered.get(pair, ""),
            standing=standing,
            lock=None if standing is None else lock_on(standing, pair, standing.at_ns),
            orders_last_minute=within(Happened.APPROVED, moment),
            pair_orders_last_minute=within(Happened.APPROVED, moment, pair),
            rejections_last_minute=within(Happened.REJECTED, moment),
            cancels_last_minute=within(Happened.CANCELLED, moment),
            open_orders=len(open_pairs),
            pair_open_orders=open_pairs.count(pair),
            unknown_orders=unknown,
            pair_exposure=held.by_pair.get(pair, Notional(ZERO)),
            total_exposure=held.total,
            groups=tuple(
                GroupExposure(group=group, exposure=held.of(group.pairs))
                for group in self._groups
                if pair in group.pairs
            ),
            free_quote=Notional(held.free.get(quote_of(pair), ZERO)),
            free_base=held.free_base.get(pair, Quantity(ZERO)),
            held=self._ledger.position(pair).quantity,
            limits=self.limits,
        )

    def session_of(self, pair: Pair) -> Session:
        """Return what may be done in `pair` now."""
        return self.session if self._session_told is None else self._session_told.of(pair)

    def exposure(self, without: Order | None = None) -> Exposure:
        """Return what is held and committed now, but for the order `without`."""
        commitments = self._commitments(without)
        # Of those alone that there is something of: each costs the order that waits for this.
        concerned = {*self._ledger.positions, *(one.pair for one in commitments)}
        seen = ((pair, self._seen[pair][0]) for pair in concerned & self._seen.keys())
        marks = {pair: Decimal(repr(book.mid)) for pair, book in seen}
        rates = {pair: self.rules[pair].fee_rate for pair in concerned & self.rules.keys()}
        return exposure(self._ledger, commitments, marks, self.pairs, rates)

    def _commitments(self, without: Order | None) -> list[Commitment]:
        found = self.approvals.commitments()
        orders = [order for order in self._orders.unsettled() if order is not without]
        return [*found, *of_all(orders, self._parents.all(), self.approvals.shapes())]


def _is_newer(stored: RiskMarked, known: Known) -> bool:
    assert known.standing is not None
    return stored.at_ns > known.standing.at_ns


def _decisions_of(books: Books) -> list[DecisionId]:
    """Return the decisions whose orders may still be filled."""
    orders = [order.intent.decision_id for order in books.orders]
    return [*orders, *(parent.decision_id for parent in books.parents)]
