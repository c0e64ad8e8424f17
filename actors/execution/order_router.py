"""The order router: the one door to the exchange.

An order's way: approved, intent on the platter, halt latch and expiry checked, wire. An answer, a
push of the private stream and the answer to a query are all the same: facts, journalled first and
folded when the journal tells them back. No answer makes the order UNKNOWN: counted at full size,
never sent again, searched for until it is found or proven absent.

The actor hears everything and hands it to the concern it belongs to: `placing`, `parents`,
`amending`, `cancels`, `finding`, `sweeping` and `countdown`.
"""

from typing import Any

from msgspec import Struct

from actors import addresses
from actors.execution import facts
from actors.execution.amending import Amending
from actors.execution.cancels import Cancels
from actors.execution.countdown import Countdown, CountdownDue
from actors.execution.door import Answered, Wish
from actors.execution.finding import Finding, ReconcileAgain, SearchDue
from actors.execution.order_table import OrderTable
from actors.execution.parents import Parents, StartWorker
from actors.execution.placing import Placing, ReleaseOverdue
from actors.execution.releases import Releases
from actors.execution.strangers import Strangers
from actors.execution.sweeping import LookDue, Sweeping
from actors.kernel import Actor, ChildReport, ExitKind
from actors.outbox import SAY_AGAIN_EVERY_S, Outbox
from adapters.ports import Exchange, HaltLatch
from state.config.settings import OrdersAtShutdown, OrderSettings
from state.messages.held import (
    ApprovalsHeld,
    ApprovalsWanted,
    ForeignOrders,
    ForeignOrdersWanted,
    OrdersHeld,
)
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    OrderFound,
    RecordDenied,
    Recorded,
)
from state.messages.market import StreamLost, StreamOpened
from state.messages.operations import (
    ClockMeasured,
    ClockWanted,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    ReconcileWanted,
    StreamStateWanted,
)
from state.messages.orders import (
    AmendIntended,
    ApprovedAmendment,
    ApprovedOrder,
    CancelAllOrders,
    CancelIntended,
    CancelOrder,
    CancelParent,
    ChildProposed,
    ForeignAmendment,
    OrderAccepted,
    OrderEvent,
    OrderFilled,
    OrderIntended,
    OrdersWanted,
    ParentEvent,
    ParentIntended,
    ParentWanted,
    PlanOver,
    SweepOrders,
)
from state.messages.protection import TriggersReleased
from state.messages.venue import (
    AmendOrder,
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
from state.order import OrderState
from state.values import ClientOrderId, Currency, Pair, TimeNs

PART = "orders"
WORKERS_EVERY_S = 1.0
SHUTDOWN_CANCEL_S = 4.0
"""How long a good order to stop waits for its cancels."""


class _ReconcileDue(Struct, frozen=True):
    """Compare our orders with the exchange's, as every so often."""


class _WorkersDue(Struct, frozen=True):
    """See to it that every parent order has its worker."""


class _SayAgainDue(Struct, frozen=True):
    """Say again what the recorder should have answered long ago."""


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
        self._quote = quote
        self._at_shutdown = at_shutdown
        self.clock: ClockMeasured | None = None
        """See `Door.clock`."""
        self.last_seq: int | None = None
        """See `Door.last_seq`."""
        self._orders = OrderTable()
        self._parents = Parents(self, account, start_worker)
        self._placing = Placing(self, self._orders, self._parents, account, settings.expiry_s)
        self._cancels = Cancels(self, self._orders)
        self._strangers = Strangers(self, self._orders)
        self._amending = Amending(self, self._orders, self._cancels, settings)
        self._finding = Finding(self, self._orders, self._cancels, settings, self._on_compared)
        self._sweeping = Sweeping(self, self._orders, self._parents, self._cancels, latch)
        self._countdown = Countdown(self, self._orders, settings.countdown_s)
        self._books_due = False
        """Whether books are on their way: until then we may not know all that the journal does."""
        self._questions: list[OrdersWanted] = []
        """To be answered when they have come."""
        self._early: list[ParentWanted | ChildProposed | PlanOver | CancelParent] = []
        """About parent orders, to be heard when they have come."""
        self._cursors: dict[Pair, TimeNs] = {}
        """When the newest fill of each pair happened that is known, by the exchange's clock."""
        self._away = True
        """Whether the exchange may have told something while nobody listened."""
        self._stream_open = False
        self._unready = "starting"
        """Why nothing may be sent; empty when it may."""
        self._written_seq = 0
        """Position of the newest event of ours that the recorder has answered for."""
        self._leaving = False
        self._recorder_is_gone = False
        """Whether its group has given up: nobody writes until the root has begun anew."""

    def on_start(self) -> None:
        """Ask for the books; nothing is sent before they and the exchange agree."""
        self._outbox = Outbox(self.address, self.incarnation)
        self._placing.releases = Releases(self.address, self.incarnation)
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), *ParentEvent.__subclasses__()]
        topics += [JournalOpened, ClockMeasured, ChildReport]
        for topic in topics:
            self.subscribe(topic)
        self._not_ready("starting")
        self._ask_books()
        self.tell(addresses.HEALTH_MONITOR, ClockWanted(reply_to=self.address))
        self.tell(addresses.ACCOUNT_STREAM, StreamStateWanted(reply_to=self.address))
        self.after(self._settings.reconcile_every_s, _ReconcileDue())
        self.after(WORKERS_EVERY_S, _WorkersDue())
        self.after(SAY_AGAIN_EVERY_S, _SayAgainDue())

    def on_shutdown(self) -> None:
        """Cancel what rests or may rest if that is the policy, hear of every fill, then end."""
        self._leaving = True
        if self._is_quiet():
            self.finish(ExitKind.SHUTDOWN)
        elif self._at_shutdown is OrdersAtShutdown.LEAVE:
            self._countdown.let_go()
            self.finish(ExitKind.SHUTDOWN)
        elif self._recorder_is_gone:
            # A cancel that nobody writes down never leaves: those who are to begin anew would wait
            # for it, and positions with them. What rests is found again, or the countdown has it.
            self.finish(ExitKind.SHUTDOWN)
        else:
            self._cancel_all("the house goes down")
            self.after(SHUTDOWN_CANCEL_S, _GiveUp())

    def on_receive(self, message: Any) -> None:
        """Take orders, answers, reports and facts."""
        match message:
            case ApprovedOrder():
                self._placing.approved(message)
            case ApprovedAmendment():
                self._amending.approved(message)
            case CancelOrder():
                order = self._orders.get(message.client_order_id)
                if order is not None:
                    self._cancels.cancel(order, message.reason)
            case ParentWanted() | ChildProposed() | PlanOver() | CancelParent():
                self._on_parent(message)
            case CancelAllOrders():
                self._cancel_all(message.reason, message.pair)
            case SweepOrders():
                self._sweeping.begin()
            case OrdersWanted():
                self._questions.append(message)
                self._tell_orders()
            case ApprovalsWanted():
                self.tell(message.reply_to, self._approvals(message.request))
            case Answered():
                self._on_answer(message)
            case OrderReport() | TradeReport():
                self._take(message)
                self._tell_foreign()
            case ForeignOrdersWanted():
                self.tell(message.reply_to, ForeignOrders(orders=self._strangers.foreign()))
            case Recorded() | RecordDenied() | Books() | Journaled() | JournalOpened():
                self._on_recorder(message)
            case OrderFound():
                self._on_order_found(message)
            case ClockMeasured() | StreamOpened() | StreamLost():
                self._on_condition(message)
            case TriggersReleased():
                self._placing.released(message)
            case ReadinessWanted():
                self._tell_readiness()
            case ChildReport():
                self._on_child(message)
            case _:
                self._on_timer(message)

    def _on_recorder(
        self, message: Recorded | RecordDenied | Books | Journaled | JournalOpened
    ) -> None:
        match message:
            case Recorded():
                self._on_recorded(message)
            case RecordDenied():
                self._on_denied(message)
            case Journaled():
                self._on_journaled(message)
            case Books():
                self._on_books(message)
            case JournalOpened():
                # The recorder was restarted: what it had in hand may be lost, so say it again.
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)

    def _on_child(self, report: ChildReport) -> None:
        # The recorder's own reports tell of restarts too, which are over in a moment.
        if report.address == _GROUP_OF_RECORDER:
            self._recorder_is_gone = report.state != _RUNNING
            if self._leaving and self._recorder_is_gone:
                self.finish(ExitKind.SHUTDOWN)

    def _on_condition(self, message: ClockMeasured | StreamOpened | StreamLost) -> None:
        match message:
            case ClockMeasured():
                self.clock = message
                if not self._ready and not self._finding.is_comparing:
                    self._reconcile()
            case StreamOpened():
                self._stream_open = True
                self._reconcile()
            case StreamLost():
                self._stream_open = False
                self._away = True
                self._not_ready(f"account stream lost: {message.reason}")

    def _on_timer(self, message: Any) -> None:
        match message:
            case SearchDue():
                self._finding.search(message)
            case ReleaseOverdue():
                self._placing.overdue(message)
            case _ReconcileDue():
                self.after(self._settings.reconcile_every_s, _ReconcileDue())
                self._reconcile()
            case ReconcileAgain() | ReconcileWanted():
                self._reconcile()
            case CountdownDue():
                self._countdown.arm()
            case LookDue():
                self._sweeping.look(message)
            case _WorkersDue():
                self._parents.look_after_workers()
                self.after(WORKERS_EVERY_S, _WorkersDue())
            case _SayAgainDue():
                self.after(SAY_AGAIN_EVERY_S, _SayAgainDue())
                for record in self._outbox.overdue():
                    self.tell(addresses.RECORDER, record)
            case _GiveUp():
                self.finish(ExitKind.SHUTDOWN)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    # What is wanted.

    def _on_parent(self, message: ParentWanted | ChildProposed | PlanOver | CancelParent) -> None:
        if self._books_due:
            self._early.append(message)
            return
        match message:
            case ParentWanted():
                self._parents.want(message)
            case ChildProposed():
                self._placing.child(message)
            case PlanOver():
                self._parents.plan_over(message)
            case CancelParent():
                self._parents.cancel(message.decision_id, message.reason)

    def _cancel_all(self, reason: str, pair: Pair | None = None) -> None:
        for parent in self._parents.of(pair):
            self._parents.cancel(parent.decision_id, reason)
        for order in self._orders.unsettled(pair):
            self._cancels.cancel(order, reason)

    def why_not(self, wish: Wish) -> str | None:
        """See `Door.why_not`."""
        halted = self._latch.stops(wish.side, wish.purpose)
        if halted is not None:
            return f"halted: {halted}"
        if not self._ready or self._leaving:
            return "the order router is not ready"
        return None

    def request(self, request: VenueRequest) -> None:
        """See `Door.request`."""
        if self.fenced:
            return
        # While everything is halted nothing that floods us may keep these waiting.
        is_urgent = self._latch.reason is not None and isinstance(request, _OF_A_SWEEP)
        asked_ns, deliver = self.monotonic_ns(), self.inlet(control=is_urgent)

        def answered(answer: VenueAnswer) -> None:
            deliver(Answered(asked_ns, answer.request, answer.outcome))

        self._exchange.request(request, answered)

    def venue_ns(self) -> int:
        """See `Door.venue_ns`."""
        assert self.clock is not None, "ready before the exchange's clock was known"
        # An expiry that moved with our wall clock would promise what nobody keeps.
        return self.clock.venue_ns(self.now_ns(), self.monotonic_ns())

    # What the exchange says.

    def _on_answer(self, answered: Answered) -> None:
        request, outcome = answered.request, answered.outcome
        match request:
            case PlaceOrder():
                self._on_placed(request, outcome)
            case AmendOrder():
                self._on_amended(request, outcome)
            case CancelPlaced():
                self._take_all(outcome)
                if not isinstance(outcome, Succeeded):
                    # A refusal of a cancel proves nothing, no answer even less: look.
                    self._finding.look_for(request.client_order_id)
                self._sweeping.answered(request, outcome)
            case FetchOrder() | FetchOpenOrders() | FetchFinishedOrders() | FetchTrades():
                self._take_all(outcome)
                if isinstance(outcome, Succeeded):
                    for report in outcome.orders:
                        self._amending.shown(report, answered)
                self._finding.heard(answered)
                if isinstance(request, FetchOpenOrders):
                    self._sweeping.looked(answered)
                    if isinstance(outcome, Succeeded):
                        self._strangers.see_all(outcome.orders)
                        self._tell_foreign()
            case ArmCountdown():
                if not isinstance(outcome, Succeeded):
                    self._countdown.failed()
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
                self._finding.look_for(order.client_order_id)

    def _on_amended(self, request: AmendOrder, outcome: Outcome) -> None:
        self._take_all(outcome)
        if self._amending.answered(request, outcome):
            self._finding.look_for(request.client_order_id)

    def _take_all(self, outcome: Outcome) -> None:
        if isinstance(outcome, Succeeded):
            for trade in outcome.trades:
                self._take(trade)
            for report in outcome.orders:
                self._take(report)

    def _take(self, report: OrderReport | TradeReport) -> None:
        order = self._orders.of_report(report)
        if order is None:
            self._strangers.take(report, self.address)
            return
        if isinstance(report, TradeReport):
            entries = facts.of_trade(order, report)
        else:
            entries = facts.of_report(order, report)
            objection = self._amending.objection(order, report, entries)
            if objection:
                self.record([*entries, *objection], durable=True)
                return
        if entries:
            self.record(entries)

    def _on_order_found(self, found: OrderFound) -> None:
        if found.order is not None:
            self._orders.add(found.order)
            self._take_again(found.client_order_id)
        elif self._orders.get(found.client_order_id) is None:
            self._strangers.adopt(found.client_order_id)

    def _take_again(self, name: ClientOrderId) -> None:
        """Take what was told of an order before it was known."""
        for report in self._strangers.reports_of(name):
            self._take(report)

    def _tell_foreign(self) -> None:
        changed = self._strangers.tell_changes()
        if changed is not None:
            self.publish(changed)

    # What the journal says.

    def _on_books(self, books: Books) -> None:
        self.last_seq = books.last_seq
        self._books_due = False
        self._orders.begin(books.orders)
        self._cursors = dict(books.cursors)
        self._parents.begin(books.parents)
        self._tell_orders()
        early, self._early = self._early, []
        for one in early:
            self._on_parent(one)
        for parent in self._parents.of():
            self._cancels.cancel_children(parent)
        self._reconcile()
        self._sweeping.begin()

    def _on_recorded(self, recorded: Recorded) -> None:
        record = self._outbox.answered(recorded.request)
        if record is None:
            return  # Of an earlier life, or said twice: what it stands for is never sent twice.
        for entry, seq in zip(record.entries, recorded.seqs, strict=True):
            if isinstance(entry.event, OrderEvent | ParentEvent):
                self._written_seq = max(self._written_seq, seq)
            match entry.event:
                case OrderIntended(adopted=False):
                    self._placing.recorded(entry.event, seq)
                case AmendIntended():
                    self._amending.recorded(entry.event, seq)
                case ForeignAmendment():
                    # Its cancel follows, and leaves only if there is something left to cancel.
                    self._orders.apply(entry.event)
                case CancelIntended():
                    name = entry.event.client_order_id
                    if not self._sweeping.has_asked(name):
                        self._cancels.send(name)
                case _:
                    pass  # Facts are folded when the journal tells them.
        self._say_ready()

    def _on_denied(self, denied: RecordDenied) -> None:
        record = self._outbox.answered(denied.request)
        for entry in record.entries if record is not None else ():
            reason = f"the journal refused it: {denied.reason}"
            match entry.event:
                case OrderIntended(adopted=False) | ParentIntended():
                    self._placing.denied(entry.event, reason)
                case AmendIntended():
                    self._amending.denied(entry.event, reason)
                case _:
                    pass
        self.alert("record_denied", denied.reason)

    def _on_journaled(self, journaled: Journaled) -> None:
        if self.last_seq is None or journaled.seq <= self.last_seq:
            return
        self.last_seq = journaled.seq
        match journaled.event:
            case ParentEvent() as event:
                parent = self._parents.apply(event)
                if parent is not None:
                    self._cancels.cancel_children(parent)
            case OrderEvent() as event:
                self._on_order_event(event)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(journaled.event).__name__}")
        self._say_ready()
        if self._leaving and self._is_quiet():
            self.finish(ExitKind.SHUTDOWN)

    def _on_order_event(self, event: OrderEvent) -> None:
        order = self._orders.apply(event)
        if order is None:
            return
        self._parents.take(order)
        if isinstance(event, OrderFilled):
            self._cursors[event.pair] = max(event.at_ns, self._cursors.get(event.pair, event.at_ns))
        if isinstance(event, OrderAccepted) and (order.intent.trigger_id or order.intent.adopted):
            # It came to be without us: reports that came before we knew it were nobody's.
            self._take_again(order.client_order_id)
            self._finding.look_for(order.client_order_id)
        for alarm in order.alarms:
            self.alert(f"order_{alarm}", f"{order.client_order_id}: {alarm}")
        if order.state.is_terminal:
            self._finding.end(order.client_order_id)
            if order.missing_fills:
                self._finding.look_for(order.client_order_id)
        else:
            if isinstance(event, ForeignAmendment) and order.cancel is not None:
                # If it seemed to be all filled nobody went on with the cancel.
                self._finding.look_for(order.client_order_id)
            # As soon as it may be sent: a house that stops before it has read the exchange's
            # answer would leave an order resting that nobody cancels.
            if not self._countdown.is_running:
                self._countdown.arm()
            if order.state in _MAY_REST:
                self._sweeping.go_on()

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

    def _approvals(self, request: int) -> ApprovalsHeld:
        """Return what was approved and may still be meant: it waits, or is being written."""
        decisions, amendments = self._placing.releases.decisions(), []
        for record in self._outbox.unanswered():
            for entry in record.entries:
                match entry.event:
                    case OrderIntended() | ParentIntended():
                        decisions.append(entry.event.decision_id)
                    case AmendIntended():
                        amendments.append(entry.event.client_order_id)
                    case _:
                        pass
        return ApprovalsHeld(
            request=request, decisions=tuple(decisions), amendments=tuple(amendments)
        )

    def _ask_books(self) -> None:
        self._books_due = True
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))

    def record(self, entries: list[Entry], *, durable: bool = False) -> None:
        """See `Door.record`."""
        self.tell(addresses.RECORDER, self._outbox.add(entries, durable=durable))

    # Whether orders may leave.

    def _reconcile(self) -> None:
        if self.last_seq is not None and self.clock is not None and self._stream_open:
            self._finding.reconcile(self._cursors if self._away else {})

    def _on_compared(self, failed: str) -> None:
        """Hear that our orders have been held against the exchange's, or why they could not be."""
        if failed:
            self._not_ready(failed)
            return
        if not self._ready and self._stream_open:
            self._away = False
            self._unready = _UNTOLD
            self._say_ready()
        if self._orders.alive():
            self._countdown.arm()

    def _say_ready(self) -> None:
        """Say so once all that was found is in the journal, and told to whoever protects it."""
        is_told = not self._outbox.unanswered() and (self.last_seq or 0) >= self._written_seq
        if self._unready == _UNTOLD and is_told:
            self._unready = ""
            self._tell_readiness()

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
        self.record([facts.alerting(alert, text, self.now_ns())])


_UNTOLD = "what was found at the exchange is being written down"
_GROUP_OF_RECORDER = addresses.RECORDER.rpartition("/")[0]
_RUNNING = "running"
"""As the root reports a group that works."""
_MAY_REST = frozenset({OrderState.OPEN, OrderState.UNKNOWN})


_OF_A_SWEEP = CancelPlaced | FetchOpenOrders
