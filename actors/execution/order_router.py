"""The order router: the one door to the exchange.

An order's way: approved, intent on the platter, halt latch and expiry checked, wire. An answer, a
push of the private stream and the answer to a query are all the same: facts, journalled first and
folded when the journal tells them back. No answer makes the order UNKNOWN: counted at full size,
never sent again, searched for until it is found or proven absent.
"""

from typing import Any

from msgspec import Struct

from actors import addresses
from actors.execution import facts, resolution
from actors.execution.client_ids import client_order_id, is_ours
from actors.execution.order_table import OrderTable
from actors.execution.parents import Parents, StartWorker
from actors.execution.reconciliation import Reconciliation
from actors.execution.searches import Searches
from actors.execution.sweep import CANCELS_WITHIN_S, Sweep
from actors.kernel import Actor, ExitKind, Timer
from actors.outbox import Outbox
from adapters.ports import Exchange, HaltLatch
from state.config.settings import OrdersAtShutdown, OrderSettings
from state.messages.held import OrdersHeld
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    OrderFound,
    OrderSought,
    RecordDenied,
    Recorded,
)
from state.messages.market import StreamLost, StreamOpened
from state.messages.operations import (
    AlertRaised,
    ClockMeasured,
    ClockWanted,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    ReconcileWanted,
    Severity,
    StreamStateWanted,
)
from state.messages.orders import (
    ApprovedOrder,
    CancelAllOrders,
    CancelIntended,
    CancelOrder,
    CancelParent,
    ChildProposed,
    DecisionDropped,
    OrderEvent,
    OrderIntended,
    OrdersWanted,
    ParentEvent,
    ParentIntended,
    ParentWanted,
    PlanOver,
    Refusal,
    SweepOrders,
)
from state.messages.venue import (
    ArmCountdown,
    CancelPlaced,
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    OrderReport,
    Outcome,
    PlaceOrder,
    Refused,
    Succeeded,
    TradeReport,
    Unknown,
    VenueAnswer,
    VenueRequest,
)
from state.order import Order, OrderState
from state.parent_order import ParentOrder
from state.values import NS_PER_S, ClientOrderId, Currency, TimeNs

PART = "orders"
NOT_SENT = "NOT_SENT"
"""The code of an approved order that was dropped here, see docs/risk-codes.md."""
WORKERS_EVERY_S = 1.0
SHUTDOWN_CANCEL_S = 4.0
"""How long a good order to stop waits for its cancels."""


class _Answered(Struct, frozen=True):
    """An answer, and when its question was asked: equal questions are asked again and again."""

    asked_ns: int
    request: VenueRequest
    outcome: Outcome


class _SearchDue(Struct, frozen=True):
    order: ClientOrderId
    number: int


class _ReconcileDue(Struct, frozen=True):
    """Compare our orders with the exchange's, as every so often."""


class _ReconcileAgain(Struct, frozen=True):
    """The last comparison could not be completed."""


class _CountdownDue(Struct, frozen=True):
    """Tell the exchange that we are alive."""


class _LookDue(Struct, frozen=True):
    """Look whether anything of ours rests although everything was halted."""

    sweep: int
    """When the sweep began that wants it."""


class _WorkersDue(Struct, frozen=True):
    """See to it that every parent order has its worker."""


class _GiveUp(Struct, frozen=True):
    """The cancels of a shutdown have had their time."""


class OrderRouter(Actor):
    """One. Owns what may be out at the exchange; a restart begins from the books and asks.

    Args:
        exchange: Where orders go.
        latch: Read right before each order leaves.
        settings: The windows of the order protocol.
        account: Names the account in client order ids.
        quote: What equity is counted in.
        at_shutdown: What becomes of resting orders.
        start_worker: Makes the request that a parent order's worker be started.
    """

    def __init__(
        self,
        exchange: Exchange,
        latch: HaltLatch,
        settings: OrderSettings,
        *,
        account: str,
        quote: Currency,
        at_shutdown: OrdersAtShutdown,
        start_worker: StartWorker,
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._latch = latch
        self._settings = settings
        self._account = account
        self._quote = quote
        self._at_shutdown = at_shutdown
        self._orders = OrderTable()
        self._parents = Parents(self, account, start_worker)
        self._searches = Searches()
        self._reconciliation: Reconciliation | None = None
        self._last_seq: int | None = None
        """Up to where the journal has been folded; None before the books came."""
        self._books_due = False
        """Whether books are on their way: until then we may not know all that the journal does."""
        self._questions: list[OrdersWanted] = []
        """To be answered when they have come."""
        self._early: list[ParentWanted | ChildProposed | PlanOver | CancelParent] = []
        """About parent orders, to be heard when they have come."""
        self._meant: dict[ClientOrderId, int] = {}
        """Intents on their way to the disk, and where the journal stood when they were made."""
        self._clock: ClockMeasured | None = None
        """The exchange's clock; None before it was measured."""
        self._stream_open = False
        self._unready = "starting"
        """Why nothing may be sent; empty when it may."""
        self._leaving = False
        self._sweep: Sweep | None = None
        """What an emergency stop has come to; None while there is none."""
        self._look_due: Timer | None = None
        self._countdown: Timer | None = None

    def on_start(self) -> None:
        """Ask for the books; nothing is sent before they and the exchange agree."""
        self._outbox = Outbox(self.address, self.incarnation)
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), *ParentEvent.__subclasses__()]
        topics += [JournalOpened, ClockMeasured]
        for topic in topics:
            self.subscribe(topic)
        self._not_ready("starting")
        self._ask_books()
        self.tell(addresses.HEALTH_MONITOR, ClockWanted(reply_to=self.address))
        self.tell(addresses.ACCOUNT_STREAM, StreamStateWanted(reply_to=self.address))
        self.after(self._settings.reconcile_every_s, _ReconcileDue())
        self.after(WORKERS_EVERY_S, _WorkersDue())

    def on_shutdown(self) -> None:
        """Cancel what rests or may rest if that is the policy, hear of every fill, then end."""
        alive = self._orders.alive()
        self._leaving = True
        if self._is_quiet():
            self.finish(ExitKind.SHUTDOWN)
        elif self._at_shutdown is OrdersAtShutdown.LEAVE:
            if self._settings.countdown_s:
                # They are to rest on although nobody will be here to say that we live.
                self.request(ArmCountdown(timeout_s=0))
            self.finish(ExitKind.SHUTDOWN)
        else:
            for parent in self._parents.of():
                self._parents.cancel(parent.decision_id, "the house goes down")
            for order in alive:
                self._cancel(order, "the house goes down")
            self.after(SHUTDOWN_CANCEL_S, _GiveUp())

    def on_receive(self, message: Any) -> None:
        """Take orders, answers, reports and facts."""
        match message:
            case ApprovedOrder():
                self._on_approved(message)
            case CancelOrder():
                order = self._orders.get(message.client_order_id)
                if order is not None:
                    self._cancel(order, message.reason)
            case ParentWanted() | ChildProposed() | PlanOver() | CancelParent():
                self._on_parent(message)
            case CancelAllOrders():
                for parent in self._parents.of(message.pair):
                    self._parents.cancel(parent.decision_id, message.reason)
                for order in self._orders.unsettled(message.pair):
                    self._cancel(order, message.reason)
            case SweepOrders():
                self._sweep_all()
            case OrdersWanted():
                self._questions.append(message)
                self._tell_orders()
            case _Answered():
                self._on_answer(message)
            case OrderReport() | TradeReport():
                self._take(message)
            case Recorded():
                self._on_recorded(message)
            case Journaled():
                self._on_journaled(message)
            case RecordDenied() | Books() | JournalOpened() | OrderFound():
                self._on_recorder(message)
            case ClockMeasured() | StreamOpened() | StreamLost():
                self._on_condition(message)
            case ReadinessWanted():
                self._tell_readiness()
            case _:
                self._on_timer(message)

    def _on_recorder(self, message: RecordDenied | Books | JournalOpened | OrderFound) -> None:
        match message:
            case Books():
                self._last_seq = message.last_seq
                self._books_due = False
                self._orders.begin(message.orders)
                self._parents.begin(message.parents)
                self._tell_orders()
                early, self._early = self._early, []
                for one in early:
                    self._on_parent(one)
                for parent in self._parents.of():
                    self._cancel_children(parent)
                self._reconcile()
                if self._latch.reason is not None:
                    self._sweep_all()
            case JournalOpened():
                # The recorder was restarted: what it had in hand may be lost, so say it again.
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case OrderFound():
                self._on_order_found(message)
            case RecordDenied():
                self._on_denied(message)

    def _on_condition(self, message: ClockMeasured | StreamOpened | StreamLost) -> None:
        match message:
            case ClockMeasured():
                self._clock = message
                if not self._ready and self._reconciliation is None:
                    self._reconcile()
            case StreamOpened():
                self._stream_open = True
                self._reconcile()
            case StreamLost():
                self._stream_open = False
                self._not_ready(f"account stream lost: {message.reason}")

    def _on_timer(self, message: Any) -> None:
        match message:
            case _SearchDue():
                self._search(message.order, message.number)
            case _ReconcileDue():
                self.after(self._settings.reconcile_every_s, _ReconcileDue())
                self._reconcile()
            case _ReconcileAgain() | ReconcileWanted():
                self._reconcile()
            case _CountdownDue():
                self._arm_countdown()
            case _LookDue():
                self._look(message.sweep)
            case _WorkersDue():
                self._parents.look_after_workers()
                self.after(WORKERS_EVERY_S, _WorkersDue())
            case _GiveUp():
                self.finish(ExitKind.SHUTDOWN)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    # From approval to the wire.

    def _on_approved(self, approved: ApprovedOrder) -> None:
        name = client_order_id(self._account, approved.decision_id, 1)
        if name in self._meant or self._orders.get(name) is not None:
            return  # The decision has its order; its trader hears of it from the journal.
        reason = self._why_not(approved)
        if reason is None and self.now_ns() > approved.expires_at_ns:
            reason = "the proposal had expired"
        if reason is not None:
            self._drop(approved, reason)
            return
        if approved.plan is not None:
            self.record([self._parents.intended(approved)], durable=True)
            return
        intent = OrderIntended(
            client_order_id=name,
            pair=approved.pair,
            at_ns=self.now_ns(),
            decision_id=approved.decision_id,
            attempt=1,
            trace_id=approved.trace_id,
            strategy=approved.strategy,
            side=approved.side,
            order_type=approved.order_type,
            quantity=approved.quantity,
            price=approved.price,
            time_in_force=approved.time_in_force,
            expires_at_ns=self._expiry(),
            reply_to=approved.reply_to,
            purpose=approved.purpose,
            smallest=approved.smallest,
        )
        self._mean(intent)

    def _expiry(self) -> TimeNs:
        """Return until when the exchange may take what leaves now, by its own clock."""
        return TimeNs(self._venue_ns() + int(self._settings.expiry_s * NS_PER_S))

    def _mean(self, intent: OrderIntended) -> None:
        assert self._last_seq is not None, "ready before the books came"
        self._meant[intent.client_order_id] = self._last_seq
        self.record([Entry(event=intent, trace_id=intent.trace_id)], durable=True)

    def _on_parent(self, message: ParentWanted | ChildProposed | PlanOver | CancelParent) -> None:
        if self._books_due:
            self._early.append(message)
            return
        match message:
            case ParentWanted():
                self._parents.want(message)
            case ChildProposed():
                parent = self._parents.get(message.decision_id)
                why_not = None if parent is None else self._why_not(parent.intent)
                expires_ns = TimeNs(0) if parent is None or why_not else self._expiry()
                child = self._parents.child(message, why_not, expires_ns)
                if child is not None and child.client_order_id not in self._meant:
                    self._mean(child)
            case PlanOver():
                self._parents.plan_over(message)
            case CancelParent():
                self._parents.cancel(message.decision_id, message.reason)

    def _cancel_children(self, parent: ParentOrder) -> None:
        """Leave nothing of a cancelled parent at the exchange."""
        if parent.cancel is not None:
            for child in parent.children:
                order = self._orders.get(child.client_order_id)
                if order is not None:
                    self._cancel(order, parent.cancel.reason)

    def _why_not(self, order: ApprovedOrder | OrderIntended | ParentIntended) -> str | None:
        """Why this may not be sent now; None when it may."""
        halted = self._latch.stops(order.side, order.purpose)
        if halted is not None:
            return f"halted: {halted}"
        if not self._ready or self._leaving:
            return "the order router is not ready"
        return None

    def _drop(self, order: ApprovedOrder | OrderIntended | ParentIntended, reason: str) -> None:
        dropped = DecisionDropped(
            decision_id=order.decision_id,
            pair=order.pair,
            refusal=Refusal(code=NOT_SENT, limit="", value=reason),
        )
        self.tell(order.reply_to, dropped)
        self.tell(addresses.RISK_GUARD, dropped)

    def _on_recorded(self, recorded: Recorded) -> None:
        record = self._outbox.answered(recorded.request)
        if record is None:
            return  # Of an earlier life, or said twice: what it stands for is never sent twice.
        for entry, seq in zip(record.entries, recorded.seqs, strict=True):
            match entry.event:
                case OrderIntended():
                    if seq <= self._meant.pop(entry.event.client_order_id):
                        continue  # Older than our wish: an earlier life meant it, and sent it.
                    # Known from here on, else the exchange's answer could overtake the journal's.
                    order = self._orders.apply(entry.event)
                    assert order is not None, "an intent makes an order"
                    self._parents.take(order)
                    self._send(entry.event)
                case CancelIntended():
                    name = entry.event.client_order_id
                    if self._sweep is None or not self._sweep.has_asked(name):
                        self._send_cancel(name)
                case _:
                    pass  # Facts are folded when the journal tells them.

    def _on_denied(self, denied: RecordDenied) -> None:
        record = self._outbox.answered(denied.request)
        for entry in record.entries if record is not None else ():
            reason = f"the journal refused it: {denied.reason}"
            match entry.event:
                case OrderIntended() as intent:
                    self._meant.pop(intent.client_order_id)
                    if intent.parent is None:
                        self._drop(intent, reason)
                    else:
                        self._parents.denied(intent, reason)
                case ParentIntended():
                    self._drop(entry.event, reason)
                case _:
                    pass
        self.alert("record_denied", denied.reason)

    def _send(self, intent: OrderIntended) -> None:
        reason = self._why_not(intent)
        if reason is None and self._venue_ns() >= intent.expires_at_ns:
            reason = "its intent came back from the disk too late"
        if reason is None and intent.parent is not None:
            reason = self._parents.why_closed(intent.parent)
        if reason is None:
            self.request(facts.placement(intent))
            return
        # It has not left and never will: this is proof, not a guess.
        order = Order(intent=intent)
        self.record([facts.not_placed(order, reason, self.now_ns())], durable=True)

    def _cancel(self, order: Order, reason: str) -> None:
        if order.state.is_terminal:
            return
        if order.cancel is not None:
            self._send_cancel(order.client_order_id)  # Asking again is harmless.
            return
        self.record([self._cancel_intended(order, reason)], durable=True)

    def _cancel_intended(self, order: Order, reason: str) -> Entry:
        event = CancelIntended(
            client_order_id=order.client_order_id,
            pair=order.intent.pair,
            at_ns=self.now_ns(),
            reason=reason,
        )
        key = f"cancel:{order.client_order_id}"
        return Entry(event=event, key=key, trace_id=order.intent.trace_id)

    def _send_cancel(self, name: ClientOrderId) -> None:
        order = self._orders.get(name)
        if order is not None and not order.state.is_terminal:
            pair, venue_order_id = order.intent.pair, order.venue_order_id
            self.request(
                CancelPlaced(pair=pair, client_order_id=name, venue_order_id=venue_order_id)
            )

    def request(self, request: VenueRequest) -> None:
        """See `Door.request`."""
        if self.fenced:
            return
        asked_ns, deliver = self.monotonic_ns(), self.inlet()

        def answered(answer: VenueAnswer) -> None:
            deliver(_Answered(asked_ns, answer.request, answer.outcome))

        self._exchange.request(request, answered)

    def _venue_ns(self) -> int:
        assert self._clock is not None, "ready before the exchange's clock was known"
        return self.now_ns() + self._clock.offset_ns

    # What the exchange says.

    def _on_answer(self, answered: _Answered) -> None:
        request, outcome = answered.request, answered.outcome
        match request:
            case PlaceOrder():
                self._on_placed(request, outcome)
            case CancelPlaced():
                self._take_all(outcome)
                if not isinstance(outcome, Succeeded):
                    # A refusal of a cancel proves nothing, no answer even less: look.
                    self._look_for(request.client_order_id)
                if self._sweep is not None and self._sweep.answered(request, outcome):
                    self.request(FetchOpenOrders())
            case FetchOrder() | FetchOpenOrders() | FetchFinishedOrders() | FetchTrades():
                self._take_all(outcome)
                self._heard(answered)
                if isinstance(request, FetchOpenOrders):
                    self._looked(answered)
            case ArmCountdown():
                if not isinstance(outcome, Succeeded):
                    self._arm_countdown_in(1.0)
            case _:
                raise TypeError(f"{self.address}: never asked {type(request).__name__}")

    def _on_placed(self, request: PlaceOrder, outcome: Outcome) -> None:
        order = self._orders.get(request.client_order_id)
        if order is None:
            return  # Asked in an earlier life; the books will show the intent, and it is searched.
        match outcome:
            case Succeeded():
                self._take_all(outcome)
            case Refused():
                self.record([facts.rejected(order, outcome, self.now_ns())])
            case Unknown():
                self.record([facts.unknown(order, outcome.reason, self.now_ns())], durable=True)
                self._look_for(order.client_order_id)

    def _take_all(self, outcome: Outcome) -> None:
        if isinstance(outcome, Succeeded):
            for trade in outcome.trades:
                self._take(trade)
            for report in outcome.orders:
                self._take(report)

    def _take(self, report: OrderReport | TradeReport) -> None:
        order = self._orders.of_report(report)
        if order is None:
            name = report.client_order_id
            if is_ours(name) and self._last_seq is not None:
                # Settled long ago, or not ours at all: the journal knows.
                sought = OrderSought(client_order_id=name, reply_to=self.address)
                self.tell(addresses.RECORDER, sought)
            return
        if isinstance(report, TradeReport):
            entries = facts.of_trade(order, report)
        else:
            entries = facts.of_report(order, report)
        if entries:
            self.record(entries)

    def _on_order_found(self, found: OrderFound) -> None:
        if found.order is not None:
            self._orders.add(found.order)
        else:
            name = found.client_order_id
            self.alert("order_without_intent", f"the exchange has {name}, the journal has not")

    # What the journal says.

    def _on_journaled(self, journaled: Journaled) -> None:
        if self._last_seq is None or journaled.seq <= self._last_seq:
            return
        self._last_seq = journaled.seq
        if isinstance(journaled.event, ParentEvent):
            parent = self._parents.apply(journaled.event)
            if parent is not None:
                self._cancel_children(parent)
            if self._leaving and self._is_quiet():
                self.finish(ExitKind.SHUTDOWN)
            return
        assert isinstance(journaled.event, OrderEvent)
        order = self._orders.apply(journaled.event)
        if order is None:
            return
        self._parents.take(order)
        for alarm in order.alarms:
            self.alert(f"order_{alarm}", f"{order.client_order_id}: {alarm}")
        if order.state.is_terminal:
            self._searches.end(order.client_order_id)
            if order.missing_fills:
                self._look_for(order.client_order_id)
        elif order.state in _MAY_REST:
            if self._countdown is None:
                self._arm_countdown()
            if self._latch.reason is not None:
                self._sweep_on()
        if self._leaving and self._is_quiet():
            self.finish(ExitKind.SHUTDOWN)

    def _is_quiet(self) -> bool:
        """Whether nothing of ours is out or to come."""
        return not self._orders.unsettled() and not self._parents.of()

    def _tell_orders(self) -> None:
        """Tell those who asked what may be out, as soon as we know it ourselves."""
        if self._books_due:
            return
        questions, self._questions = self._questions, []
        for one in questions:
            orders = tuple(self._orders.unsettled(one.pair))
            held = OrdersHeld(pair=one.pair, orders=orders, request=one.request)
            self.tell(one.reply_to, held)

    def _ask_books(self) -> None:
        self._books_due = True
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))

    def record(self, entries: list[Entry], *, durable: bool = False) -> None:
        """See `Door.record`."""
        self.tell(addresses.RECORDER, self._outbox.add(entries, durable=durable))

    # Reconciliation, and the search for orders of unknown fate.

    def _reconcile(self) -> None:
        """Ask the exchange for all that concerns our unsettled orders."""
        if self._last_seq is None or self._clock is None or not self._stream_open:
            return
        self._reconciliation = Reconciliation(self._orders.unsettled(), self.monotonic_ns())
        for request in self._reconciliation.questions:
            self.request(request)

    def _heard(self, answered: _Answered) -> None:
        request, outcome, asked_ns = answered.request, answered.outcome, answered.asked_ns
        for name in self._searches.names():
            order = self._orders.get(name)
            if order is not None:
                self._searches.heard(order, request, outcome, asked_ns=asked_ns)
        comparison = self._reconciliation
        if comparison is None or not comparison.heard(request, outcome, asked_ns=asked_ns):
            return
        if comparison.failed:
            self._reconciliation = None
            self._not_ready(comparison.failed)
            self.after(self._settings.query_every_s, _ReconcileAgain())
        elif comparison.done:
            self._reconciliation = None
            self._reconciled(comparison)

    def _reconciled(self, comparison: Reconciliation) -> None:
        for question in comparison.vanished():
            self.request(question)
        for order in self._orders.unsettled():
            if not resolution.is_found(order):
                self._look_for(order.client_order_id)
        if not self._ready and self._stream_open:
            self._unready = ""
            self._tell_readiness()
        if self._orders.alive():
            self._arm_countdown()

    def _look_for(self, name: ClientOrderId) -> None:
        number = self._searches.begin(name)
        if number is not None:
            self.after(0.0, _SearchDue(name, number))

    def _search(self, name: ClientOrderId, number: int) -> None:
        order, search = self._orders.get(name), self._searches.get(name, number)
        if search is None:
            return
        if order is None or resolution.is_found(order):
            self._searches.end(name)
            return
        if search.proven_absent and order.venue_order_id is None:
            self._searches.end(name)
            reason = "not found anywhere after it could no longer arrive"
            self.record([facts.not_placed(order, reason, self.now_ns())], durable=True)
            return
        # A pass that has not heard everything goes on: its answers are the only ones that count.
        if self._clock is not None and not search.under_way:
            certain_ns = self._venue_ns() - self._clock.uncertainty_ns
            conclusive = resolution.is_conclusive(order.intent, certain_ns, self._settings)
            self._searches.put(name, search.began(self.monotonic_ns(), conclusive=conclusive))
            for request in resolution.questions(order):
                self.request(request)
            if order.cancel is not None:
                self._send_cancel(name)
        self.after(self._settings.query_every_s, _SearchDue(name, number))

    # An emergency stop.

    def _sweep_all(self) -> None:
        """Let nothing of ours rest, known or not. A cancel can only lessen what may happen.

        So it leaves at once, and the journal hears of it at the same time. A sweep that is under
        way is begun anew: the answer tells what became of that order, not of an earlier one.
        """
        if self._latch.reason is None:
            return
        self._sweep = Sweep(self.monotonic_ns(), self._is_spared)
        self._sweep_on()
        if not self._sweep.waits:
            self.request(FetchOpenOrders())

    def _sweep_on(self) -> None:
        """Cancel what is known and was not cancelled in this sweep."""
        if self._sweep is None:
            self._sweep = Sweep(self.monotonic_ns(), self._is_spared)
        for parent in self._parents.of():
            if self._latch.stops(parent.intent.side, parent.intent.purpose):
                self._parents.cancel(parent.decision_id, f"halted: {self._latch.reason}")
        sweep, alive = self._sweep, self._orders.alive()
        requests = sweep.cancels(alive)
        for request in requests:
            self.request(request)
        for request in requests:
            order = self._orders.get(request.client_order_id)
            if order is not None and order.cancel is None:
                self.record([self._cancel_intended(order, f"halted: {self._latch.reason}")])
        if requests:
            self._look_in(CANCELS_WITHIN_S, sweep)

    def _look_in(self, delay_s: float, sweep: Sweep) -> None:
        if self._look_due is not None:
            self._look_due.cancel()
        self._look_due = self.after(delay_s, _LookDue(sweep.began_ns))

    def _look(self, sweep_ns: int) -> None:
        sweep = self._sweep
        if sweep is not None and sweep.began_ns == sweep_ns and not sweep.is_clean:
            sweep.stop_waiting()
            self.request(FetchOpenOrders())

    def _looked(self, answered: _Answered) -> None:
        """Hold every list of open orders against a sweep: while halted nothing of ours is in it."""
        if self._latch.reason is None:
            self._sweep = None
            return
        sweep = self._sweep
        if sweep is None:
            sweep = self._sweep = Sweep(answered.asked_ns, self._is_spared)
        if answered.asked_ns < sweep.began_ns or sweep.waits:
            return
        if not isinstance(answered.outcome, Succeeded):
            self._look_in(sweep.again_s, sweep)
            return
        alive, reports = self._orders.alive(), answered.outcome.orders
        swept, again = sweep.looked(reports, alive, self.monotonic_ns())
        for request in again:
            self.request(request)
        self.tell_control(addresses.SESSION_KEEPER, swept)
        if not swept.is_clean:
            self._look_in(sweep.again_s, sweep)

    def _is_spared(self, name: ClientOrderId) -> bool:
        order = self._orders.get(name)
        if order is None or self._latch.reason is None:
            return False
        return self._latch.stops(order.intent.side, order.intent.purpose) is None

    # Cancel on silence.

    def _arm_countdown(self) -> None:
        """While anything may rest, the exchange cancels it unless it keeps hearing from us."""
        if self._countdown is not None:
            self._countdown.cancel()
            self._countdown = None
        if not self._settings.countdown_s:
            return
        if self._orders.alive():
            self.request(ArmCountdown(timeout_s=self._settings.countdown_s))
            self._arm_countdown_in(self._settings.countdown_s / 3)
        else:
            self.request(ArmCountdown(timeout_s=0))

    def _arm_countdown_in(self, delay_s: float) -> None:
        if self._countdown is not None:
            self._countdown.cancel()
        self._countdown = self.after(delay_s, _CountdownDue())

    @property
    def _ready(self) -> bool:
        return not self._unready

    def _not_ready(self, reason: str) -> None:
        self._unready = reason
        self._tell_readiness()

    def _tell_readiness(self) -> None:
        self.tell_control(
            addresses.SESSION_KEEPER,
            PartReady(part=PART) if self._ready else PartNotReady(part=PART, reason=self._unready),
        )

    def alert(self, alert: str, text: str) -> None:
        """See `Door.alert`."""
        raised = AlertRaised(
            alert=alert, severity=Severity.CRITICAL, text=text, at_ns=self.now_ns()
        )
        self.record([Entry(event=raised, key=f"alert:{alert}:{text}")])


_MAY_REST = frozenset({OrderState.OPEN, OrderState.UNKNOWN})
