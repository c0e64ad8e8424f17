"""The operator's desk: every request of the admin socket, answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor, ChildReport, Cycle, Drill
from actors.operations.admin_requests import (
    CHANGING,
    EMERGENCY,
    KEY,
    LATER,
    METHOD_NOT_FOUND,
    METHODS,
    NOT_AVAILABLE,
    OF_PAIRS,
    REFUSED,
    SESSIONS,
    Params,
    Refused,
    reason_of,
)
from actors.operations.admin_view import (
    LetterView,
    Machine,
    PairFacts,
    flow_view,
    metrics_of,
    status_of,
    tree_of,
)
from actors.operations.advisor_view import advisor_view
from actors.operations.cover_view import cover_view, with_cover
from actors.operations.money_view import balances_view, positions_view
from actors.operations.signals_view import SIGNALS
from actors.outbox import Outbox
from adapters.ports import AdminServer
from state.errors import StoreRefused
from state.messages.accounts import (
    BalancesCompared,
    EquityMarked,
    PositionChanged,
    PositionWanted,
)
from state.messages.advice import (
    AdviceGiven,
    AdviceResolved,
    AdvisorMarked,
    AdvisorSought,
    AuthorityChanged,
    PromotionAnswer,
    PromotionWanted,
)
from state.messages.flow import FlowMeasured, LiquidityMeasured, NumberRejected
from state.messages.held import ForeignOrders, ForeignOrdersWanted
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    RecordDenied,
    Recorded,
)
from state.messages.judgement import Considered
from state.messages.market import BookMeasured, CandlesCounted, FeedChanged, HistoryKept
from state.messages.operations import (
    AdminHungUp,
    AdminRequest,
    AlertRaised,
    HealthSampled,
    OperatorCommanded,
    ReconcileWanted,
    SessionAnswer,
    SessionSought,
    SessionState,
    SessionWanted,
)
from state.messages.orders import DecisionMade, OrderEvent, ParentEvent
from state.messages.protection import CoverWanted, PositionCovered
from state.messages.risk import LimitsTold, LimitsWanted
from state.messages.signals import (
    IndicatorsUpdated,
    LevelsUpdated,
    Opinion,
    PatternFound,
    TrendMeasured,
)
from state.messages.venue import OrderReport
from state.store import Reader
from state.values import Currency, Pair, Session, TimeNs

RESTART_PATIENCE_S = 15.0
GUARD_PATIENCE_S = 1.0
RESULTS_REMEMBERED = 1000
LETTERS_SHOWN = 100

TOPICS: dict[str, tuple[type[Any], ...]] = {
    "session": (SessionState,),
    "equity": (EquityMarked,),
    "health": (HealthSampled,),
    "positions": (PositionChanged, PositionCovered),
    "feeds": (FeedChanged,),
    "actors": (ChildReport,),
    "orders": (*OrderEvent.__subclasses__(), *ParentEvent.__subclasses__()),
    "decisions": (DecisionMade,),
    "alerts": (AlertRaised,),
    "signals": SIGNALS,
    "flow": (LiquidityMeasured, FlowMeasured),
    "advice": (AdvisorMarked, AdviceGiven, AdviceResolved, AuthorityChanged),
}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the operator's desk stands on."""

    server: AdminServer
    open_reader: Callable[[], Reader]
    venue: str
    pairs: tuple[Pair, ...]
    quote: Currency
    show_config: Callable[[], list[dict[str, str]]]
    """Every setting with its value and where it comes from; secrets masked."""
    set_config: Callable[[dict[str, Any]], dict[str, Any]]
    """Change what may be changed at run time; raises ValueError with what may not and why."""
    started_ns: TimeNs
    """When the process began; an operator's desk that was restarted is not younger than it."""
    shut_down: Callable[[str], None]
    """Ask the process to end in good order; the text says who wants it."""
    halt: Callable[[str, str], None]
    """Stop everything for this reason, on behalf of this caller, from any thread and at once."""


class _PatienceOver(Struct, frozen=True):
    address: str
    seq: int
    """Of the command's record: another command for the same actor has its own patience."""


class _GuardSilent(Struct, frozen=True):
    token: str


class Admin(Actor):
    """One, on a thread of its own, since it reads the disk. Owns nothing that must survive.

    What changes the house is journalled with its caller before it is done, except an emergency
    stop, which is done first.

    Args:
        desk: What it stands on.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._reader: Reader | None = None
        self._session = SessionState(session=Session.STARTING, reason="starting", since_ns=0)  # type: ignore[arg-type]
        self._equity: EquityMarked | None = None
        self._health: HealthSampled | None = None
        self._foreign: tuple[OrderReport, ...] = ()
        """Orders of others that rest in the account."""
        self._compared: BalancesCompared | None = None
        self._kept: HistoryKept | None = None
        self._pairs = {pair: PairFacts() for pair in desk.pairs}
        self._commands: dict[int, AdminRequest] = {}
        """Journalled by their record's number, to be done when it is written."""
        self._wishes: dict[str, AdminRequest] = {}
        """Answered when the session keeper has answered."""
        self._awaiting: dict[str, dict[int, AdminRequest]] = {}
        """By address, then by their record's number; answered when that actor runs again."""
        self._done: dict[str, Any] = {}
        """Results by idempotency key."""
        self._known_seq = 0
        self._asked: dict[str, tuple[AdminRequest, Pair]] = {}
        """Why-nots, answered when the risk guard has told."""
        self._subscribers: dict[str, set[int]] = {}
        self._advisor: AdvisorMarked | None = None

    def on_start(self) -> None:
        """Open the socket and listen to the house."""
        self._outbox = Outbox(self.address, self.incarnation)
        for kinds in TOPICS.values():
            for kind in kinds:
                self.subscribe(kind)
        for kind in (BookMeasured, BalancesCompared, JournalOpened, ForeignOrders, NumberRejected):
            self.subscribe(kind)
        for kind in (Considered, CandlesCounted, HistoryKept):
            self.subscribe(kind)
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._desk.quote))
        if self.incarnation > 1:
            # In the first life they are not born yet, and tell it by themselves when they are.
            self.tell(addresses.ORDER_ROUTER, ForeignOrdersWanted(reply_to=self.address))
            self.tell(addresses.ADVISOR, AdvisorSought(reply_to=self.address))
            for pair in self._desk.pairs:
                position = PositionWanted(pair=pair, reply_to=self.address)
                self.tell(addresses.LEDGER_KEEPER, position)
                cover = CoverWanted(pair=pair, reply_to=self.address)
                self.tell(addresses.protection(pair), cover)
        self._desk.server.open(self._taker(), self.inlet())

    def _taker(self) -> Callable[[AdminRequest], None]:
        """Return what takes requests, on the socket's thread."""
        take, take_first, halt = self.inlet(), self.inlet(control=True), self._desk.halt

        def deliver(request: AdminRequest) -> None:
            if request.method == EMERGENCY:
                # Whatever keeps us busy, or dead: it is done before we hear of it.
                halt(reason_of(request), request.caller)
                take_first(request)
            else:
                take(request)

        return deliver

    def on_stop(self) -> None:
        """Close the reader."""
        if self._reader is not None:
            self._reader.close()

    def on_receive(self, message: Any) -> None:
        """Serve requests; remember the newest of everything."""
        match message:
            case AdminRequest():
                self._on_request(message)
            case AdminHungUp():
                for connections in self._subscribers.values():
                    connections.discard(message.connection)
            case BookMeasured():
                facts = self._pairs.setdefault(message.pair, PairFacts())
                facts.book, facts.book_at_ns = message, self.now_ns()
            case Considered():
                self._pairs.setdefault(message.pair, PairFacts()).considered = message
            case CandlesCounted():
                self._pairs.setdefault(message.pair, PairFacts()).candles = message.counts
            case HistoryKept():
                self._kept = message
            case NumberRejected():
                self._pairs.setdefault(message.pair, PairFacts()).hear_rejected(message)
            case Recorded():
                self._on_recorded(message)
            case RecordDenied():
                self._on_denied(message)
            case SessionAnswer():
                self._on_session_answer(message)
            case PromotionAnswer():
                self._on_promotion_answer(message)
            case Books():
                self._known_seq = max(self._known_seq, message.last_seq)
            case JournalOpened():
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case _PatienceOver():
                self._give_up(message)
            case _:
                self._remember(message)

    def _remember(self, message: Any) -> None:
        payload: Any = message
        match message:
            case SessionState():
                self._session = message
            case EquityMarked():
                self._equity = message
            case HealthSampled():
                self._health = message
            case LiquidityMeasured():
                self._pairs.setdefault(message.pair, PairFacts()).liquidity = message
            case FlowMeasured():
                self._pairs.setdefault(message.pair, PairFacts()).flow = message
            case FeedChanged():
                self._pairs.setdefault(message.pair, PairFacts()).feed = message
            case PositionChanged():
                self._pairs.setdefault(message.pair, PairFacts()).position = message
            case (
                IndicatorsUpdated() | TrendMeasured() | PatternFound() | LevelsUpdated() | Opinion()
            ):
                self._pairs.setdefault(message.pair, PairFacts()).signals.hear(message)
            case PositionCovered():
                self._pairs.setdefault(message.pair, PairFacts()).covered = message
            case BalancesCompared():
                self._compared = message
            case AdvisorMarked():
                self._advisor = message
            case ForeignOrders():
                self._foreign = message.orders
            case ChildReport():
                self._on_report(message)
            case LimitsTold():
                self._answer_why_not(message.request, message)
            case _GuardSilent():
                self._answer_why_not(message.token, None)
            case Journaled():
                payload = message.event
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")
        self._notify(payload)

    # Requests.

    def _on_request(self, request: AdminRequest) -> None:
        self._desk.server.take(request)
        try:
            if request.method not in METHODS:
                raise Refused(f"no method {request.method!r}", METHOD_NOT_FOUND)
            if request.method in LATER:
                raise Refused(f"{request.method} is not available yet", NOT_AVAILABLE)
            if request.method in CHANGING:
                self._command(request)
            elif request.method == "why_not":
                self._ask_guard(request)
            else:
                self._desk.server.answer(request, self._look_up(request))
        except Refused as refused:
            self._desk.server.refuse(request, refused.code, str(refused))
        except StoreRefused as refused:
            self._desk.server.refuse(request, REFUSED, str(refused))

    def _look_up(self, request: AdminRequest) -> Any:
        params = Params(request)
        match request.method:
            case "status":
                return self._status()
            case "tree":
                return tree_of(self.machine.board.values())
            case "metrics":
                return metrics_of(
                    self._look_at_machine(),
                    self._health,
                    self._pairs.values(),
                    self._compared,
                    self._kept,
                )
            case "config":
                return self._desk.show_config()
            case "subscribe":
                return self._subscribe(request, params)
            case "advisor":
                return advisor_view(self._advisor)
            case "advice":
                name = params.text("id") if "id" in request.params else None
                pair, limit = params.optional_pair(), params.limit()
                return self._rows().advice(request_id=name, pair=pair, limit=limit)
            case "opinions":
                return self._opinions(params)
            case "signals":
                return self._signals(params)
            case "flow":
                return self._flow(params)
            case "explain":
                return self._rows().explain(params.text("id"))
            case "balances":
                rows = self._rows()
                return balances_view(rows.balances(), rows.accounts(), self._equity, self._compared)
            case "positions":
                rows = self._rows()
                positions = positions_view(rows.positions(), rows.lots())
                return with_cover(positions, self._covers())
            case "orders":
                if params.flag("foreign"):
                    return self._foreign
                unsettled = params.flag("open")
                pair, limit = params.optional_pair(), params.limit()
                return self._rows().orders(unsettled=unsettled, pair=pair, limit=limit)
            case "fills":
                return self._rows().fills(pair=params.optional_pair(), limit=params.limit())
            case "decisions":
                return self._rows().decisions(pair=params.optional_pair(), limit=params.limit())
            case _:
                assert request.method == "alerts", request.method
                return self._rows().alerts(limit=params.limit())

    def _rows(self) -> Reader:
        if self._reader is None:
            self._reader = self._desk.open_reader()
        return self._reader

    def _status(self) -> dict[str, Any]:
        return status_of(
            self._look_at_machine(),
            venue=self._desk.venue,
            session=self._session,
            started_ns=self._desk.started_ns,
            equity=self._equity,
            health=self._health,
            pairs=self._pairs,
            advisor=self._advisor,
        )

    def _look_at_machine(self) -> Machine:
        machine = self.machine
        counts = tuple(machine.census())
        names = [count.address for count in counts]
        letters = machine.dead_letters
        return Machine(
            now_ns=self.now_ns(),
            counts=counts,
            board=dict(machine.board),
            oldest_ms={name: machine.oldest_ms(name) for name in names},
            busy_ms={name: machine.busy_ms(name) for name in names},
            snapshots_ns={name: machine.snapshot_taken_ns(name) for name in names},
            dead_letters={why.value: number for why, number in letters.counts().items()},
            newest_letters=tuple(
                LetterView(to=one.to, kind=type(one.message).__name__, why=one.why.value)
                for one in letters.newest()[-LETTERS_SHOWN:]
            ),
        )

    def _ask_guard(self, request: AdminRequest) -> None:
        """Ask who judges orders what it would say; answered when it has told, or soon anyway."""
        pair = Params(request).pair("pair")
        if pair not in self._pairs:
            raise Refused(f"{pair} is not traded here; traded: {', '.join(self._desk.pairs)}")
        token = f"limits {self.next_id()}"
        self._asked[token] = (request, pair)
        wanted = LimitsWanted(pair=pair, reply_to=self.address, request=token)
        self.tell(addresses.RISK_GUARD, wanted)
        self.after(GUARD_PATIENCE_S, _GuardSilent(token))

    def _answer_why_not(self, token: str, told: LimitsTold | None) -> None:
        request, pair = self._asked.pop(token, (None, None))
        if request is None or pair is None:
            return
        result = self._why_not(pair)
        if told is None:
            result["risk"] = "the risk guard does not answer"
        else:
            result["risk"] = {"entry": told.entry, "exit": told.exit, "standing": told.standing}
            result["limits"] = told.uses
        self._desk.server.answer(request, result)

    def _why_not(self, pair: Pair) -> dict[str, Any]:
        facts = self._pairs[pair]
        decisions = self._rows().decisions(pair=pair, limit=1)
        return {
            "pair": pair,
            "session": self._session,
            "feed": facts.feed,
            "position": facts.position,
            "last_decision": decisions[0] if decisions else None,
            "considered": facts.considered,
        }

    def _opinions(self, params: Params) -> dict[str, Any]:
        """Return how each trader thinks at the moment."""
        wanted = params.optional_pair()
        return {
            pair: facts.considered for pair, facts in self._pairs.items() if wanted in (None, pair)
        }

    def _signals(self, params: Params) -> dict[str, Any]:
        """Return the newest indicators, trend, patterns, levels and opinions of each pair."""
        wanted = params.optional_pair()
        return {
            pair: facts.signals for pair, facts in self._pairs.items() if wanted in (None, pair)
        }

    def _flow(self, params: Params) -> dict[str, Any]:
        """Return what was measured last of each pair's book and trades; of a lost book nothing."""
        wanted = params.optional_pair()
        return {
            pair: flow_view(facts) for pair, facts in self._pairs.items() if wanted in (None, pair)
        }

    def _covers(self) -> dict[str, dict[str, Any]]:
        """Return how each pair's position is protected."""
        now_ns = self.now_ns()
        return {
            pair: cover_view(facts.covered, facts.book.bid if facts.book else None, now_ns)
            for pair, facts in self._pairs.items()
        }

    def _subscribe(self, request: AdminRequest, params: Params) -> dict[str, Any]:
        topics = params.names("topics")
        unknown = sorted(set(topics) - set(TOPICS))
        if unknown:
            raise Refused(f"no topic {unknown[0]!r}; there are: {', '.join(sorted(TOPICS))}")
        for topic in topics:
            self._subscribers.setdefault(topic, set()).add(request.connection)
        return {"subscribed": sorted(topics)}

    def _notify(self, payload: Any) -> None:
        for topic, connections in self._subscribers.items():
            if connections and isinstance(payload, TOPICS[topic]):
                for connection in sorted(connections):
                    self._desk.server.notify(connection, topic, payload)

    # Commands.

    def _command(self, request: AdminRequest) -> None:
        params = Params(request)
        key = params.key()
        urgent = request.method == EMERGENCY
        # An emergency stop is done however often it is asked for: no key can swallow it.
        if key is not None and key in self._done and not urgent:
            self._desk.server.answer(request, self._done[key])
            return
        self._check(request, params)
        if urgent:
            self._act(request)
        event = OperatorCommanded(
            method=request.method,
            params={name: value for name, value in request.params.items() if name != KEY},
            caller=request.caller,
            at_ns=self.now_ns(),
            idempotency_key=key,
        )
        entry = Entry(event=event, key=None if key is None or urgent else f"command:{key}")
        record = self._outbox.add([entry])
        if not urgent:
            self._commands[record.request] = request
        self.tell(addresses.RECORDER, record)

    def _check(self, request: AdminRequest, params: Params) -> None:
        """Refuse what cannot be done before it is journalled."""
        match request.method:
            case "restart" | "drill":
                address = params.text("actor")
                if address not in self.machine.board:
                    near = [name for name in self.machine.board if name.endswith(f"/{address}")]
                    hint = f"; did you mean {near[0]}?" if near else "; status lists them"
                    raise Refused(f"no actor {address!r}{hint}")
                if request.method == "drill":
                    params.fault()
            case "reset_emergency":
                params.text("reason")
                self._check_pair(request, params)
            case "set_config":
                params.changes()
            case "promote_advisor":
                params.authority()
                params.text("reason")
            case _:
                if request.method in SESSIONS:
                    self._check_pair(request, params)

    def _check_pair(self, request: AdminRequest, params: Params) -> None:
        pair = params.optional_pair()
        if pair is None or request.method == EMERGENCY:
            return  # An emergency stop is of everything, whatever else is said.
        if request.method not in OF_PAIRS:
            raise Refused(f"{request.method} is of all pairs; leave pair out")
        if pair not in self._desk.pairs:
            raise Refused(f"{pair} is not traded here; traded: {', '.join(self._desk.pairs)}")

    def _on_recorded(self, recorded: Recorded) -> None:
        self._outbox.answered(recorded.request)
        request = self._commands.pop(recorded.request, None)
        if request is None:
            return
        seq = recorded.seqs[0]
        if seq <= self._known_seq:
            repeated = {"repeated": True, "seq": seq}
            self._desk.server.answer(request, repeated)
            return
        self._known_seq = seq
        try:
            self._act(request, seq)
        except Refused as refused:
            self._desk.server.refuse(request, refused.code, str(refused))

    def _on_denied(self, denied: RecordDenied) -> None:
        self._outbox.answered(denied.request)
        request = self._commands.pop(denied.request, None)
        if request is not None:
            self._desk.server.refuse(request, REFUSED, denied.reason)

    def _act(self, request: AdminRequest, seq: int = 0) -> None:
        params = Params(request)
        match request.method:
            case "shutdown":
                self._answer(request, {"shutting_down": True})
                self._desk.shut_down(request.caller)
            case "restart":
                address = params.text("actor")
                self._await_life(address, request, seq)
                self.tell_control(self.machine.board[address].supervisor, Cycle(child=address))
            case "drill":
                address = params.text("actor")
                self._await_life(address, request, seq)
                self.tell_control(address, Drill(fault=params.fault()))
            case "set_config":
                try:
                    result = self._desk.set_config(params.changes())
                except ValueError as error:
                    raise Refused(str(error)) from error
                self._answer(request, result)
            case "promote_advisor":
                token = f"advisor {self.next_id()}"
                self._wishes[token] = request
                wish = PromotionWanted(
                    authority=params.authority(),
                    reason=params.text("reason"),
                    caller=request.caller,
                    reply_to=self.address,
                    request=token,
                )
                self.tell(addresses.ADVISOR, wish)
            case "reconcile":
                accept = str(request.params.get("accept", ""))
                self.tell(addresses.LEDGER_KEEPER, ReconcileWanted(accept=accept))
                self._answer(request, {"reconciling": True})
            case _:
                self._wish(request)

    def _wish(self, request: AdminRequest) -> None:
        pair = Params(request).optional_pair() if request.method in OF_PAIRS else None
        token = f"session {self.next_id()}"
        self._wishes[token] = request
        wish = SessionWanted(
            session=SESSIONS[request.method],
            reason=reason_of(request),
            caller=request.caller,
            resets_emergency=request.method == "reset_emergency",
            flattens=request.method == "flatten",
            pair=pair,
            reply_to=self.address,
            request=token,
        )
        self.tell_control(addresses.SESSION_KEEPER, wish)

    def _on_session_answer(self, answer: SessionAnswer) -> None:
        request = self._wishes.pop(answer.request, None)
        if request is None:
            return
        if answer.refused:
            self._desk.server.refuse(request, REFUSED, answer.refused)
        elif request.method == EMERGENCY:
            swept = answer.swept
            result = {
                "session": answer.session,
                "cancelled": None if swept is None else swept.cancelled,
                "resting": None if swept is None else swept.resting + swept.uncertain,
                "took_ms": None if swept is None else round(swept.took_ms, 1),
                "journalled": answer.is_journalled,
            }
            self._answer(request, result)
        else:
            self._answer(request, {"session": answer.session})

    def _on_promotion_answer(self, answer: PromotionAnswer) -> None:
        request = self._wishes.pop(answer.request, None)
        if request is None:
            return
        if answer.refused:
            self._desk.server.refuse(request, REFUSED, answer.refused)
        else:
            self._answer(request, {"authority": answer.authority})

    def _await_life(self, address: str, request: AdminRequest, seq: int) -> None:
        if f"{self.address}/".startswith(f"{address}/"):
            # It is us, or what we stand on: who lives here next knows nothing of the request.
            self._answer(request, {"actor": address, "incarnation": self.incarnation})
            return
        self._awaiting.setdefault(address, {})[seq] = request
        self.after(RESTART_PATIENCE_S, _PatienceOver(address, seq))

    def _on_report(self, report: ChildReport) -> None:
        if report.state != "running":
            return
        result = {
            "actor": report.address,
            "incarnation": report.incarnation,
            "restarts": report.restarts,
            "last_error": report.last_error,
        }
        for request in self._awaiting.pop(report.address, {}).values():
            self._answer(request, result)

    def _give_up(self, over: _PatienceOver) -> None:
        request = self._awaiting.get(over.address, {}).pop(over.seq, None)
        if request is not None:
            message = f"{over.address} did not come back within {RESTART_PATIENCE_S:g} s"
            self._desk.server.refuse(request, REFUSED, f"{message}; see status")

    def _answer(self, request: AdminRequest, result: Any) -> None:
        key = Params(request).key()
        if key is not None:
            self._done[key] = result
            if len(self._done) > RESULTS_REMEMBERED:
                del self._done[next(iter(self._done))]
        self._desk.server.answer(request, result)
