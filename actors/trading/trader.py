"""The trader: turns opinions and measures into proposals for one pair."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from actors.outbox import Outbox
from actors.trading.judgement.mind import ADVISOR, Mind, MindState, Waits
from actors.trading.judgement.sizing import smallest
from actors.trading.judgement.weighing import Action
from state.config.decision import DecisionSettings
from state.config.settings import TrendSettings
from state.hop_samples import HopSamples
from state.instrument import TradingRules
from state.messages.accounts import EquityMarked, PositionChanged, PositionWanted
from state.messages.advice import AdvisorMarked, AuthorityChanged
from state.messages.held import OrdersHeld, RulesKnown
from state.messages.journal import Entry, Journaled, JournalOpened, RecordDenied, Recorded
from state.messages.judgement import Judgement
from state.messages.market import BookLost, BookMeasured, CandleClosed
from state.messages.operations import PairDrained, SessionSought, SessionState
from state.messages.orders import (
    Bound,
    CancelOrder,
    DecisionDropped,
    OrderEvent,
    OrderIntended,
    OrderProposed,
    OrdersWanted,
    RulesWanted,
)
from state.messages.signals import Opinion, TrendMeasured
from state.order import Order, OrderFact
from state.values import (
    NS_PER_S,
    ZERO,
    ClientOrderId,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
)

STRATEGY = "judgement"
BPS = Decimal(10_000)
FATE_TIMEOUT_S = 10.0
"""How long after its expiry a proposal nobody answered is waited for."""
ASK_AGAIN_S = 2.0
"""Who was asked may have died with the question in hand."""


CONSIDERED_EVERY_NS = NS_PER_S


class _OrderOld(Struct, frozen=True):
    order: ClientOrderId


class _FateDue(Struct, frozen=True):
    decision: DecisionId


class _AskAgain(Struct, frozen=True):
    request: int


class Trader(Actor):
    """One per pair. Owns what it thinks of it; a restart keeps what only time could rebuild.

    At most one proposal or order is out at a time. Entries rest at the best ask for a while, what
    is not filled by then is cancelled; exits take what is there.

    Args:
        pair: What it trades.
        strategy: Settings of the trend, and how entries are placed.
        decision: How opinions become decisions.
        stop_bps: How far below its entry a position is sold at a loss.
        process: Names this process in decision ids, so that no later one repeats them.
        latency_every_s: How often samples of latency are told.
    """

    snapshot_type = MindState

    def __init__(
        self,
        pair: Pair,
        strategy: TrendSettings,
        decision: DecisionSettings,
        stop_bps: Decimal,
        process: str,
        latency_every_s: float = 2.0,
    ) -> None:
        super().__init__()
        self._pair = pair
        self._settings = strategy
        self._process = process
        self._mind = Mind(pair, strategy, decision, stop_bps)
        self._outbox = Outbox(self.address, self.incarnation)
        self._considered_ns = 0
        self._session = Session.STARTING
        self._rules: TradingRules | None = None
        self._held: PositionChanged | None = None
        self._orders: dict[ClientOrderId, Order] | None = None
        """Those that may still be filled; None before the router told."""
        self._request = 0
        """Number of the newest question how things stand."""
        self._due: set[str] = set()
        """Who has not answered it."""
        self._since: list[OrderEvent] = []
        """What happened since: the router may have answered before it heard of it."""
        self._ageing: set[ClientOrderId] = set()
        """Orders whose time is running."""
        self._proposed: DecisionId | None = None
        self._book: BookMeasured | None = None
        self._samples = HopSamples(pair, latency_every_s)
        self._drained = False
        """Whether the session keeper has been told that this drain is over here."""

    def snapshot(self) -> MindState | None:
        """Return what it thinks."""
        return self._mind.state

    def restore(self, snapshot: Any) -> None:
        """Think on from where an earlier life was."""
        self._mind.restore(snapshot)

    def on_start(self) -> None:
        """Listen to the pair and ask how things stand."""
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), PositionChanged]
        topics += [BookMeasured, BookLost, CandleClosed, TrendMeasured, RulesKnown, Opinion]
        for topic in topics:
            self.subscribe(topic, self._pair)
        for everyone in (
            SessionState,
            JournalOpened,
            EquityMarked,
            AuthorityChanged,
            AdvisorMarked,
        ):
            self.subscribe(everyone)
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))
        self.tell(addresses.RISK_GUARD, RulesWanted(pair=self._pair, reply_to=self.address))
        self._ask_how_things_stand()

    def on_receive(self, message: Any) -> None:
        """Fold what happens; decide when the book moves."""
        match message:
            case BookMeasured():
                self._note_latency(message)
                self._book = message
                self._learn(message)
                self._decide(message)
            case CandleClosed() | TrendMeasured() | Opinion() | EquityMarked():
                self._hear(message)
            case BookLost():
                self._book = None
            case Journaled(event=AuthorityChanged() as changed):
                self._mind.authority(ADVISOR, changed.authority)
            case AdvisorMarked():
                # Told before each of its opinions: after a restart, ours or its, it counts anew.
                self._mind.authority(ADVISOR, message.authority)
            case Journaled(event=OrderEvent() as event):
                self._on_order_event(event)
            case Journaled():
                pass  # A mark of equity, which its maker has told before.
            case DecisionDropped():
                self._forget(message.decision_id)
            case PositionChanged():
                self._held = message
                self._due.discard(addresses.LEDGER_KEEPER)
            case OrdersHeld():
                self._on_held(message)
            case RulesKnown():
                self._rules = message.rules
            case SessionState():
                self._session = message.of(self._pair)
                self._drained = False  # Each drain, and each keeper, has to hear it anew.
            case JournalOpened():
                self._ask_how_things_stand()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)
            case _OrderOld() | _FateDue() | _AskAgain():
                self._on_time(message)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")
        if self._session is Session.DRAINING:
            self._tell_if_drained()

    def _hear(self, said: CandleClosed | TrendMeasured | Opinion | EquityMarked) -> None:
        match said:
            case CandleClosed():
                self._mind.candle(said)
            case TrendMeasured():
                self._mind.timeframes(said)
            case Opinion():
                self._mind.hear(said, self._book)
            case EquityMarked():
                self._mind.equity = said.equity

    def _on_time(self, due: _OrderOld | _FateDue | _AskAgain) -> None:
        match due:
            case _OrderOld():
                self._on_old(due.order)
            case _FateDue():
                self._forget(due.decision)
            case _AskAgain():
                if due.request == self._request and self._due:
                    self._ask_how_things_stand()

    def _note_latency(self, book: BookMeasured) -> None:
        """Note how long the last part of the way took, and all of it."""
        if not book.fed_time_ns:
            return  # Not measured after a change: a snapshot is as old as its fetching.
        now_ns = self.now_ns()
        self._samples.add("deliver", book.measured_time_ns, now_ns)
        self._samples.add("socket_to_trader", book.seen_time_ns, now_ns)
        told = self._samples.due(self.monotonic_ns())
        if told is not None:
            self.publish(told)

    def _ask_how_things_stand(self) -> None:
        self._request += 1
        self._due = {addresses.LEDGER_KEEPER, addresses.ORDER_ROUTER}
        self._since.clear()
        pair, me = self._pair, self.address
        orders = OrdersWanted(pair=pair, reply_to=me, request=self._request)
        self.tell(addresses.LEDGER_KEEPER, PositionWanted(pair=pair, reply_to=me))
        self.tell(addresses.ORDER_ROUTER, orders)
        self.after(ASK_AGAIN_S, _AskAgain(self._request))

    def _on_held(self, held: OrdersHeld) -> None:
        if held.request != self._request:
            return  # How things stood before the newest question: it may be too little or too much.
        self._due.discard(addresses.ORDER_ROUTER)
        self._orders = {order.client_order_id: order for order in held.orders}
        for event in self._since:
            _fold(self._orders, event)
        for name in self._orders:
            self._grow_old(name)

    def _on_order_event(self, event: OrderEvent) -> None:
        if addresses.ORDER_ROUTER in self._due:
            self._since.append(event)
        if isinstance(event, OrderIntended):
            self._forget(event.decision_id)
            self._grow_old(event.client_order_id)
        if self._orders is not None:
            _fold(self._orders, event)

    def _grow_old(self, name: ClientOrderId) -> None:
        if name not in self._ageing:
            self._ageing.add(name)
            self.after(self._settings.order_ttl_s, _OrderOld(name))

    def _on_old(self, name: ClientOrderId) -> None:
        self._ageing.discard(name)
        if self._orders is not None and name in self._orders:
            cancel = CancelOrder(client_order_id=name, reason="rested long enough")
            self.tell(addresses.ORDER_ROUTER, cancel)
            self._grow_old(name)  # Said again until it is gone: the router may have died meanwhile.

    def _forget(self, decision: DecisionId) -> None:
        if self._proposed == decision:
            self._proposed = None

    # Deciding.

    def _learn(self, book: BookMeasured) -> None:
        """See how older opinions came out."""
        scored = self._mind.scored(book)
        if scored:
            entries = [
                Entry(event=one, key=f"skill:{one.pair}:{one.source}:{one.as_of_ns}")
                for one in scored
            ]
            self.tell(addresses.RECORDER, self._outbox.add(entries))

    def _decide(self, book: BookMeasured) -> None:
        waits = self._waits_for()
        tells = book.event_time_ns - self._considered_ns >= CONSIDERED_EVERY_NS
        if waits is not None and not tells:
            self._mind.wait(waits)
            return
        held = ZERO if self._held is None else self._held.quantity
        sellable = ZERO if self._rules is None else self._sellable(held, book)
        judgement, action, why_not = self._mind.consider(
            book,
            holds=sellable > 0,
            may_enter=self._session is Session.READY,
            in_full=tells,
        )
        waits = waits or why_not
        if tells:
            self._considered_ns = book.event_time_ns
            self.publish(self._mind.considered(book, judgement, action, waits))
        if self._session is Session.DRAINING and sellable and self._waits_for() is None:
            self._leave(book, held, "draining", None)
        elif waits is not None:
            self._mind.wait(waits)
        elif action is Action.ENTER:
            self._enter(book, held, judgement)
        elif action is Action.EXIT:
            self._leave(book, held, _told(judgement), judgement)

    def _waits_for(self) -> Waits | None:
        """Return what keeps it from doing anything, whatever it thinks."""
        if self._session not in _DECIDING:
            return Waits.SESSION
        if self._orders is None or self._held is None or self._rules is None:
            return Waits.NOT_KNOWN
        is_out = self._proposed is not None or _is_any_open(self._orders)
        return Waits.UNDER_WAY if is_out else None

    def _tell_if_drained(self) -> None:
        """Say once that nothing is out here and that nobody would take what is held."""
        if self._drained or self._proposed is not None or self._orders is None:
            return
        if _is_any_open(self._orders):
            return
        if self._held is None or self._is_sellable(self._held.quantity):
            return
        self._drained = True
        self.tell(addresses.SESSION_KEEPER, PairDrained(pair=self._pair))

    def _is_sellable(self, held: Decimal) -> bool:
        if not held:
            return False
        if self._rules is None or self._book is None:
            return True  # As far as we know.
        return self._sellable(held, self._book) > 0

    def _sellable(self, held: Decimal, book: BookMeasured) -> Decimal:
        """Return what of `held` the exchange would take: dust is as good as nothing."""
        assert self._rules is not None
        quantity = self._rules.quantity_down(held)
        return quantity if quantity >= self._rules.smallest(self._exit_price(book)) else ZERO

    def _exit_price(self, book: BookMeasured) -> Price:
        """Return the worst price that an exit takes."""
        assert self._rules is not None
        worst = Decimal(repr(book.bid)) * (1 - self._settings.slippage_bps / BPS)
        return self._rules.price_aggressive(worst, Side.SELL)

    def _enter(self, book: BookMeasured, held: Decimal, judgement: Judgement) -> None:
        assert self._rules is not None
        price = self._rules.price_aggressive(Decimal(repr(book.ask)), Side.BUY)
        bounds = self._mind.size(book, price, held, judgement, self._rules)
        wanted = smallest(bounds)
        if wanted < self._rules.smallest(price):
            self._mind.wait(Waits.TOO_SMALL)
            return
        self._propose(Side.BUY, wanted, price, _told(judgement), bounds, judgement)

    def _leave(
        self, book: BookMeasured, held: Decimal, reason: str, judgement: Judgement | None
    ) -> None:
        assert self._rules is not None
        bounds = (Bound(name="held", quantity=Quantity(held)),)
        wanted = self._rules.quantity_down(held)
        self._mind.sold(book.event_time_ns)
        self._propose(Side.SELL, wanted, self._exit_price(book), reason, bounds, judgement)

    def _propose(
        self,
        side: Side,
        quantity: Quantity,
        price: Price,
        reason: str,
        bounds: tuple[Bound, ...],
        judgement: Judgement | None,
    ) -> None:
        is_entry = side is Side.BUY
        now_ns = self.now_ns()
        decision = DecisionId(f"{self._pair}/{STRATEGY}/{self._process}/{self.next_id()}")
        self._proposed = decision
        expires_ns = TimeNs(now_ns + int(self._settings.proposal_ttl_s * NS_PER_S))
        proposal = OrderProposed(
            decision_id=decision,
            trace_id=TraceId(decision),
            pair=self._pair,
            strategy=STRATEGY,
            side=side,
            order_type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=TimeInForce.GTC if is_entry else TimeInForce.IOC,
            reason=reason,
            worksheet=bounds,
            proposed_at_ns=now_ns,
            expires_at_ns=expires_ns,
            reply_to=self.address,
            purpose=Purpose.ENTRY if is_entry else Purpose.EXIT,
            judgement=judgement,
        )
        self.tell(addresses.RISK_GUARD, proposal)
        self.after(self._settings.proposal_ttl_s + FATE_TIMEOUT_S, _FateDue(decision))


def _told(judgement: Judgement) -> str:
    """Return a judgement in a few words."""
    assert judgement.score is not None
    sources = [f"{one.source} {one.direction * one.confidence:+.2f}" for one in judgement.used]
    return f"score {judgement.score:+.2f}: {', '.join(sources)}"


def _is_any_open(orders: Mapping[ClientOrderId, Order]) -> bool:
    """Whether more may come of an order: one that is over may be kept for its alarm."""
    return not all(order.is_complete for order in orders.values())


def _fold(orders: dict[ClientOrderId, Order], event: OrderEvent) -> None:
    """Fold one journalled fact into the orders that may still be filled."""
    name = event.client_order_id
    order = orders.get(name)
    if order is not None:
        order = order.apply(_fact(event))
    elif isinstance(event, OrderIntended):
        order = Order(intent=event)
    else:
        return
    orders[name] = order
    if order.is_settled:
        del orders[name]


def _fact(event: OrderEvent) -> OrderFact:
    return event  # type: ignore[return-value]  # every OrderEvent is an OrderFact


_DECIDING = frozenset({Session.READY, Session.PAUSED, Session.DRAINING})
