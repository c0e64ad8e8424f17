"""Looks for the states of `sightings.SIGHTINGS` in what goes by."""

from typing import Protocol

from actors import addresses
from actors.execution.placing import NOT_SENT
from actors.kernel.lifecycle import ChildReport
from actors.trading.risk.codes import Code
from adapters.simulated.faults import Armed, FaultName
from state.config import Config
from state.messages.accounts import FundsKind, FundsMoved
from state.messages.journal import Journaled
from state.messages.operations import SessionState
from state.messages.orders import (
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    DecisionDropped,
    DecisionMade,
    ForeignAmendment,
    OrderAmended,
    OrderEvent,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderUnknown,
    ParentCancelIntended,
    ParentFinished,
    Verdict,
)
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Outcome,
    PlaceOrder,
    Refused,
    Succeeded,
    VenueRequest,
)
from state.values import Pair, Session
from supervisor.simulation.chronicle import Chronicle, Known
from supervisor.simulation.faults import Fault, Kind
from supervisor.simulation.sightings import Sightings
from supervisor.simulation.stop_spotter import StopSpotter
from supervisor.worlds.disk import Disk, DiskFault

_LIMITS = frozenset(
    {Code.ORDER_NOTIONAL_MAX, Code.POSITION_MAX, Code.EXPOSURE_MAX, Code.BALANCE, Code.HOLDING}
)
_FOUND = {
    FetchOrder: "found by name",
    FetchOpenOrders: "found among open orders",
    FetchFinishedOrders: "found among finished orders",
    FetchTrades: "found by trades",
}
_BOOKED = {
    FundsKind.DEPOSIT: "deposit booked",
    FundsKind.WITHDRAWAL: "withdrawal booked",
    FundsKind.FOREIGN: "foreign order booked",
}
_AMENDS: dict[type[OrderEvent], str] = {
    OrderAmended: "order amended",
    AmendRefused: "amendment refused",
    AmendUnknown: "amendment unknown",
    AmendNotMade: "amendment proven not made",
    ForeignAmendment: "amended by somebody else",
}
_CRASHES = {
    addresses.RECORDER: "crash of the recorder",
    addresses.ORDER_ROUTER: "crash of the order router",
    addresses.RISK_GUARD: "crash of the risk guard",
}


class Looked(Protocol):
    """What the spotter looks at."""

    seen: Sightings
    config: Config
    chronicle: Chronicle
    disk: Disk
    left: dict[str, str | None]
    under_way: set[str]


class Spotter:
    """One per run."""

    def __init__(self, run: Looked) -> None:
        self._run = run
        self._see = run.seen.see
        self._stops = StopSpotter(self._see)
        self._incarnations: dict[str, int] = {}
        self._was_ready = True
        """Whether the present process ever was."""
        self._began_in_emergency = False
        self._began_with_pairs: dict[Pair, Session] = {}
        self._lost = 0
        self._torn = 0

    def on_event(self, journaled: Journaled) -> None:
        """An event was committed."""
        chronicle = self._run.chronicle
        if chronicle.lost > self._lost:
            self._lost = chronicle.lost
            self._see("power cut lost events")
        event = journaled.event
        self._stops.on_event(event)
        match event:
            case OrderUnknown():
                self._see("order unknown")
            case OrderNotPlaced(reason=reason) if reason.startswith("halted"):
                self._see("emergency at the door")
            case OrderNotPlaced():
                if chronicle.orders[event.client_order_id].unknown:
                    self._see("proven absent")
            case OrderFilled():
                known = chronicle.orders[event.client_order_id]
                self._stops.on_fill(event, known)
                if not known.accepted:
                    self._see("fill before acceptance")
                if known.cancel:
                    self._see("fill after cancel")
                if known.pending is not None:
                    self._see("fill while amending")
            case OrderFinished():
                wanted = chronicle.orders[event.client_order_id].quantity
                if 0 < event.filled_quantity < wanted:
                    self._see("partly filled, then cancelled")
            case FundsMoved() if event.kind in _BOOKED:
                self._see(_BOOKED[event.kind])
            case OrderEvent() if type(event) in _AMENDS:
                self._on_amendment(event)
            case OrderIntended(parent=str(), attempt=number) if number > 1:
                self._see("parent of several children")
            case ParentCancelIntended():
                orders = chronicle.orders.values()
                if any(one.intent.parent == event.decision_id for one in orders):
                    self._see("parent cancelled half way")
            case ParentFinished():
                if event.filled < chronicle.parents[event.decision_id].quantity:
                    self._see("parent left unfilled")
            case DecisionMade(refusal=refusal) if refusal is not None and refusal.code in _LIMITS:
                shrunk = event.verdict is Verdict.SHRINK
                self._see("shrunk by a limit" if shrunk else "denied by a limit")
            case _:
                pass

    def _on_amendment(self, event: OrderEvent) -> None:
        self._see(_AMENDS[type(event)])
        is_open = self._run.chronicle.orders[event.client_order_id].pending is not None
        if isinstance(event, ForeignAmendment) and is_open:
            self._see("amended by two at once")

    def on_answer(self, request: VenueRequest, outcome: Outcome, *, late: bool) -> None:
        """An answer of the exchange is here."""
        if late:
            self._see("late answer")
        match outcome:
            case Refused(label="HALTED"):
                self._see("emergency at the door")
            case Refused(label="REQUEST_EXPIRED", status=status) if status:
                if isinstance(request, PlaceOrder):
                    self._see("expired at the exchange")
            case Succeeded():
                self._on_found(request, outcome)
            case _:
                pass

    def _on_found(self, request: VenueRequest, outcome: Succeeded) -> None:
        name = _FOUND.get(type(request))
        if name is None:
            return
        orders = self._run.chronicle.orders
        names = [one.client_order_id for one in outcome.orders]
        names += [one.client_order_id for one in outcome.trades]
        for told in names:
            known = orders.get(told)
            if known is not None and known.lost:
                self._see(name)

    def on_dropped(self, dropped: DecisionDropped) -> None:
        """The desk was told that nothing will come of a wish."""
        if dropped.refusal.code == NOT_SENT and dropped.refusal.value.startswith("halted"):
            self._see("emergency at the door")
        if dropped.refusal.code == Code.REPEATED:
            self._see("repeated decision refused")

    def on_child(self, report: ChildReport) -> None:
        """A supervisor told where a child stands."""
        if report.state == "disabled":
            self._see("a strategy was parked")
        if report.state != "running":
            return
        before = self._incarnations.get(report.address, 0)
        self._incarnations[report.address] = report.incarnation
        if before and report.incarnation > before:
            crash = _CRASHES.get(report.address)
            if report.address.startswith(addresses.order_worker("")):
                crash = "crash of an order worker"
            if crash is not None:
                self._see(crash)
            if report.address == addresses.ORDER_ROUTER and self._any(lambda one: one.lost):
                self._see("restart while unknown")

    def on_session(self, state: SessionState) -> None:
        """The session is told."""
        if state.session is Session.READY:
            self._was_ready = True
        if self._began_in_emergency and state.session is Session.EMERGENCY:
            self._began_in_emergency = False
            self._see("emergency survived a restart")
        if self._began_with_pairs and state.pairs == self._began_with_pairs:
            self._see("pair session survived a restart")
        self._began_with_pairs = {}

    def on_death(self) -> None:
        """The process is about to die."""
        run = self._run
        self._stops.on_death(list(run.chronicle.orders.values()))
        if self._any(lambda one: one.lost):
            self._see("killed while unknown")
            self._see("restart while unknown")
        names = (name for name, one in run.chronicle.orders.items() if not one.over)
        if any(name not in run.left for name in names):
            self._see("killed between intent and wire")
        if run.under_way:
            self._see("killed between wire and answer")
        if self._any(lambda one: one.pending is not None and not one.over):
            self._see("killed while amending")
        if run.chronicle.open_parents:
            self._see("killed with a parent half way")
        if not self._was_ready:
            self._see("two deaths in a row")
        self._was_ready = False
        self._incarnations.clear()
        self._began_in_emergency = run.chronicle.session is Session.EMERGENCY
        told = run.chronicle.pair_sessions
        self._began_with_pairs = {
            pair: one for pair, one in told.items() if one is not Session.READY
        }

    def on_life(self) -> None:
        """A new process begins."""
        if self._run.disk.torn > self._torn:
            self._torn = self._run.disk.torn
            self._see("power cut tore the log")

    def on_downtime(self, resting: int, left: int) -> None:
        """The process was away while orders rested; so many of them still do."""
        if resting and not left:
            self._see("countdown cancelled")

    def on_halt(self) -> None:
        """The latch was set."""
        if self._run.under_way:
            self._see("emergency with an order under way")
        if self._any(lambda one: one.accepted and not one.over):
            self._see("emergency with an order resting")

    def on_clock(self, by_ms: int) -> None:
        """Our wall clock is about to step."""
        if not self._run.under_way and not self._any(lambda one: one.lost):
            return
        if by_ms < 0:
            self._see("clock set back")
        elif by_ms > self._run.config.orders.expiry_s * 1000:
            self._see("clock set forward")

    def on_drill(self, fault: Fault) -> None:
        """An actor is drilled."""
        if fault.kind == Kind.HANG:
            self._see("hang")

    def on_disk_fault(self, fault: Fault) -> None:
        """A write fails."""
        self._see("disk full" if fault.kind == DiskFault.FULL else "sync failed")

    def on_venue_fault(self, armed: Armed) -> None:
        """A fault of the exchange has had its time."""
        repeats = (FaultName.TRADE_REPEATED, FaultName.PUSH_TWICE)
        if armed.struck and armed.order.fault in repeats and "usertrades" in armed.order.match:
            self._see("fill told again")

    def _any(self, what: "_Question") -> bool:
        return any(what(one) for one in self._run.chronicle.orders.values())


class _Question(Protocol):
    def __call__(self, known: Known, /) -> bool: ...
