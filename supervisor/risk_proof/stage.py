"""The stage of a trial: the real guard and recorder, and everybody else played.

Who plays the router keeps every fact until the recorder has answered, as the real one does; a
fact of an order happens at the exchange first and is told afterwards, or never.
"""

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from actors import addresses
from actors.kernel import Actor, Birthright, Exited, ExitKind
from actors.kernel.dead_letters import Quarantine
from actors.kernel.virtual import Policy, VirtualClock, VirtualRuntime
from actors.operations.recorder import Recorder
from actors.outbox import Outbox
from actors.trading.risk_guard import RiskGuard
from adapters.halt_latch import Latch
from state.config.limits import ProtectionSettings, RiskSettings
from state.instrument import TradingRules
from state.messages.accounts import TradeClosed
from state.messages.held import ApprovalsHeld, ApprovalsWanted
from state.messages.journal import (
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    Record,
    RecordDenied,
    Recorded,
)
from state.messages.operations import (
    ClockMeasured,
    ClockWanted,
    SessionChanged,
    SessionSought,
    SessionState,
    SessionWanted,
)
from state.messages.orders import (
    AmendIntended,
    AmendmentDropped,
    ApprovedAmendment,
    ApprovedOrder,
    DecisionDropped,
    DecisionMade,
    OrderIntended,
    ParentIntended,
)
from state.messages.protection import FlattenWanted
from state.messages.venue import Succeeded, VenueAnswer, VenueRequest
from state.order import Order
from state.parent_order import ParentOrder
from state.store import Store, store_over
from state.values import (
    NS_PER_S,
    ClientOrderId,
    Currency,
    DecisionId,
    Notional,
    Pair,
    Quantity,
    Session,
    TimeNs,
    Venue,
    base_of,
    quote_of,
)

PROPOSER = "proposer"
FAMILY = "family"
PAIRS = (Pair("BTC_USDT"), Pair("ETH_USDT"), Pair("SOL_USDT"))
USDT = Currency("USDT")
CRASHED = (addresses.RECORDER, addresses.RISK_GUARD)
STALE_AFTER_S = 5.0


def rules_of(pair: Pair) -> TradingRules:
    """Return the exchange's rules on this stage: an order is worth 3 to 8,000."""
    return TradingRules(
        pair=pair,
        base=base_of(pair),
        quote=quote_of(pair),
        price_decimals=2,
        quantity_decimals=4,
        notional_min=Notional(Decimal(3)),
        quantity_max=Quantity(Decimal(150)),
        notional_max=Notional(Decimal(8000)),
    )


class Struck(Exception):
    """What a handler dies of on this stage."""


class _Disk(sqlite3.Connection):
    """A database in memory that outlives its writer, as a file would."""

    def close(self) -> None:
        self.rollback()


class Meant(Struct, frozen=True, kw_only=True):
    """To who plays the router: have these facts journalled."""

    entries: tuple[Entry, ...]


class Dropped(Struct, frozen=True, kw_only=True):
    """To who plays the router: tell the guard that nothing comes of this decision."""

    dropped: DecisionDropped | AmendmentDropped


class _Router(Actor):
    """Plays the order router."""

    def __init__(self, stage: "RiskStage") -> None:
        super().__init__()
        self._stage = stage

    def on_start(self) -> None:
        self._outbox = Outbox(self.address, self.incarnation)
        self.subscribe(JournalOpened)

    def on_receive(self, message: Any) -> None:
        match message:
            case ApprovedOrder():
                self._stage.on_approved(message)
            case ApprovedAmendment():
                self._stage.on_amendment(message)
            case Meant():
                self.tell(addresses.RECORDER, self._outbox.add(message.entries, durable=True))
            case Dropped():
                self.tell(addresses.RISK_GUARD, message.dropped)
            case ApprovalsWanted():
                decisions, amendments = self._stage.in_hand()
                held = ApprovalsHeld(
                    request=message.request, decisions=decisions, amendments=amendments
                )
                self.tell(message.reply_to, held)
            case BooksWanted():
                self.tell(addresses.RECORDER, message)
            case JournalOpened():
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                answered = self._outbox.answered(message.request)
                assert isinstance(message, Recorded), f"the stage errs: {message}"
                for entry in () if answered is None else answered.entries:
                    if isinstance(entry.event, OrderIntended):
                        self._stage.on_meant(entry.event.client_order_id)
                    elif isinstance(entry.event, AmendIntended):
                        self._stage.on_amend_meant(entry.event.client_order_id)
                    elif isinstance(entry.event, ParentIntended):
                        self._stage.on_parent_meant(entry.event.decision_id)
            case _:
                pass


class _Answers(Actor):
    """Plays session keeper and health monitor: says how things stand to who asks."""

    def __init__(self, stage: "RiskStage") -> None:
        super().__init__()
        self._stage = stage

    def on_receive(self, message: Any) -> None:
        match message:
            case SessionSought():
                self.tell_control(message.reply_to, self._stage.session_state())
            case ClockWanted():
                self.tell(message.reply_to, self._stage.clock_measured())
            case SessionWanted():
                self._stage.on_session_wanted(message)
            case _:
                pass


class _Ear(Actor):
    """Tells what it hears."""

    def __init__(self, on_heard: Callable[[Any], None], topics: tuple[type[Any], ...]) -> None:
        super().__init__()
        self._on_heard = on_heard
        self._topics = topics

    def on_start(self) -> None:
        for topic in self._topics:
            self.subscribe(topic)

    def on_receive(self, message: Any) -> None:
        self._on_heard(message)


class _Rules:
    """The `Exchange` port of who only asks for rules."""

    def __init__(self, stage: "RiskStage") -> None:
        self._stage = stage

    def request(self, request: VenueRequest, deliver: Callable[[VenueAnswer], None]) -> None:
        self._stage.known_rules = dict(self._stage.rules)
        rules = tuple(self._stage.rules.values())
        deliver(VenueAnswer.to(request, Succeeded(rules=rules)))


class _Strike:
    """The probe that lets one handler die, before it or after it."""

    def __init__(self) -> None:
        self.armed: dict[str, tuple[str, str]] = {}
        """By address: where, and at which kind of message; empty: at any."""

    def before(self, address: str, message: object) -> None:
        self._maybe("before", address, message)

    def sending(self, address: str, message: object) -> None:
        self._maybe("sending", address, message)

    def after(self, address: str, message: object) -> None:
        self._maybe("after", address, message)

    def _maybe(self, place: str, address: str, message: object) -> None:
        where, kind = self.armed.get(address, ("", ""))
        if where == place and kind in ("", type(message).__name__):
            del self.armed[address]
            raise Struck(place)


class RiskStage:
    """Everything but chance: who lives, what they are told, and who hears of it."""

    def __init__(self, seed: int, limits: RiskSettings, protections: ProtectionSettings) -> None:
        self.limits = limits
        self.protections = protections
        self.clock = VirtualClock()
        self.session = Session.READY
        self.clock_offset_ns = 0
        """Exchange's clock minus ours."""
        self.births = 0
        """Of the guard, over all processes."""
        self.last_birth_ns = 0
        self.flattening = 0
        self.rules = {pair: rules_of(pair) for pair in PAIRS}
        """What the exchange says of each pair."""
        self.known_rules = dict(self.rules)
        """What it said when the guard asked last."""
        self._seed = seed
        self._lives = 0
        self._broken = ""
        """Why the trial is none: somebody died of something else than a strike."""
        self._disk = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, factory=_Disk
        )
        self._begin()

    # To be taken by who plays chance.

    on_approved: Callable[[ApprovedOrder], None]
    on_meant: Callable[[ClientOrderId], None]
    in_hand: Callable[[], tuple[tuple[DecisionId, ...], tuple[ClientOrderId, ...]]]
    """Decisions and orders whose approval or amendment may still be meant."""
    on_amendment: Callable[[ApprovedAmendment], None]
    on_amend_meant: Callable[[ClientOrderId], None]
    on_parent_meant: Callable[[DecisionId], None]
    on_refused: Callable[[DecisionDropped | AmendmentDropped], None]
    on_closed: Callable[[TradeClosed], None]
    on_decided: Callable[[DecisionMade], None]

    @property
    def now_ns(self) -> TimeNs:
        """Now, by our own clock."""
        return self.clock.now_ns()

    @property
    def venue_ns(self) -> int:
        """Now, by the exchange's clock: what time it truly is."""
        return self.now_ns + self.clock_offset_ns

    @property
    def venue_s(self) -> float:
        """The same in seconds."""
        return self.venue_ns / 1e9

    def tell(self, address: str, message: object) -> None:
        """Tell somebody something."""
        self.runtime.tell(address, message)

    def publish(self, message: object) -> None:
        """Tell all who listen."""
        self.runtime.publish(message)

    def record(self, *entries: Entry) -> None:
        """Have the journal keep what is no business of the router."""
        self.tell(addresses.RECORDER, Record(entries=entries, sender=PROPOSER))

    def settle(self) -> None:
        """Let everything happen that needs no time, whoever dies of it coming back."""
        self.runtime.settle()
        assert not self._broken, self._broken

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.runtime.run(for_s=seconds)

    def sleep(self, seconds: float) -> None:
        """Let much time pass, as a machine that was put to sleep sees it: all of it at once."""
        self.clock.wall_offset_ns += int(seconds * NS_PER_S)
        self.wait(1.1)
        self.publish(self.clock_measured())
        self.settle()

    def session_state(self) -> SessionState:
        """Return the session as its keeper tells it."""
        return SessionState(session=self.session, reason="", since_ns=self.now_ns)

    def clock_measured(self) -> ClockMeasured:
        """Return the exchange's clock as the health monitor measures it now."""
        return ClockMeasured(offset_ns=self.clock_offset_ns, uncertainty_ns=0, at_ns=self.now_ns)

    def be(self, session: Session, caller: str) -> None:
        """Change the session, as its keeper does: told and journalled."""
        self.session = session
        changed = SessionChanged(
            session=session, reason="trial", caller=caller, at_ns=TimeNs(self.now_ns + 1)
        )
        self.record(Entry(event=changed))
        self.publish(self.session_state())

    def on_session_wanted(self, wish: SessionWanted) -> None:
        """Hear what the guard wants of the session."""
        self.be(wish.session, wish.caller)

    # Deaths.

    def strike(self, address: str, place: str, kind: str = "") -> None:
        """Let somebody die at the next message of a kind: `before`, `sending` or `after`."""
        self._strike.armed[address] = (place, kind)

    def spare(self) -> None:
        """Let nobody die who has not yet."""
        self._strike.armed.clear()

    def crash(self, address: str) -> None:
        """End somebody between two messages and bring them back."""
        self._spawn(address)

    def restart(self) -> None:
        """End the process as SIGKILL would, and start it again."""
        self.runtime.kill()
        self._begin()

    def _begin(self) -> None:
        self._lives += 1
        runtime = VirtualRuntime(
            seed=self._seed * 1000 + self._lives,
            policy=Policy.RANDOM,
            clock=self.clock,
            traced=False,
        )
        runtime.quarantine = Quarantine(window_s=0.001)
        self._strike = _Strike()
        runtime.probe = self._strike
        self.runtime = runtime
        self.latch = Latch()
        plays: dict[str, Birthright] = {
            FAMILY: _play(_Ear, self._on_family, ()),
            PROPOSER: _play(_Ear, self._on_proposer, (TradeClosed, DecisionMade)),
            addresses.SESSION_KEEPER: _play(_Answers, self),
            addresses.HEALTH_MONITOR: _play(_Answers, self),
            addresses.ORDER_ROUTER: _play(_Router, self),
        }
        for pair in PAIRS:
            plays[addresses.protection(pair)] = _play(_Ear, self._on_protection, ())
        for address, birth in plays.items():
            runtime.spawn(address, birth, parent=None if address == FAMILY else FAMILY)
        for address in CRASHED:
            self._spawn(address)
        self.settle()

    def _spawn(self, address: str) -> None:
        if address == addresses.RECORDER:
            birth = Birthright(make=Recorder, args=(self._open,), snapshot_every_s=None)
        else:
            self.births += 1
            self.last_birth_ns = self.clock.elapsed_ns
            birth = Birthright(
                make=RiskGuard,
                args=(_Rules(self), self.latch, self.limits, self.protections),
                kwargs={"pairs": PAIRS, "stale_after_s": STALE_AFTER_S},
                snapshot_every_s=None,
            )
        self.runtime.spawn(address, birth, parent=FAMILY)

    def _open(self) -> Store:
        return store_over(
            self._disk, venue=Venue.SIMULATED, version="trial", at_ns=self.clock.now_ns()
        )

    def has_expired(self, approved: ApprovedOrder | ApprovedAmendment) -> bool:
        """Whether the router sends it no more: it looks at both clocks."""
        late = self.now_ns > approved.expires_at_ns
        return late or self.clock.elapsed_ns > approved.expires_monotonic_ns

    def knows(self, name: ClientOrderId) -> bool:
        """Whether the disk has an order of this name."""
        question = "SELECT count(*) FROM orders WHERE client_order_id = ?"
        count: int = self._disk.execute(question, (name,)).fetchone()[0]
        return bool(count)

    def parent(self, name: DecisionId) -> ParentOrder | None:
        """Return the parent order of this decision as the disk has it."""
        question = "SELECT fold FROM parents WHERE decision_id = ?"
        row = self._disk.execute(question, (name,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=ParentOrder)

    def knows_amendment(self, name: ClientOrderId, number: int) -> bool:
        """Whether the disk has the intent of an order's amendment."""
        question = "SELECT fold FROM orders WHERE client_order_id = ?"
        row = self._disk.execute(question, (name,)).fetchone()
        folded = None if row is None else msgspec.json.decode(row[0], type=Order)
        return folded is not None and any(one.number == number for one in folded.amendments)

    def _on_family(self, message: Any) -> None:
        if isinstance(message, Exited) and message.kind is ExitKind.ERROR:
            if Struck.__name__ in message.reason and message.child in CRASHED:
                self._spawn(message.child)
            else:
                self._broken = f"{message.child} died: {message.reason}"

    def _on_proposer(self, message: Any) -> None:
        if isinstance(message, DecisionDropped | AmendmentDropped):
            self.on_refused(message)
        elif isinstance(message, TradeClosed):
            self.on_closed(message)
        elif isinstance(message, Journaled) and isinstance(message.event, DecisionMade):
            self.on_decided(message.event)

    def _on_protection(self, message: Any) -> None:
        if isinstance(message, FlattenWanted):
            self.flattening += 1


def _play(kind: type[Actor], *args: Any) -> Birthright:
    return Birthright(make=kind, args=args, snapshot_every_s=None)
