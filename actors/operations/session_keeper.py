"""The session keeper: what the house may do, and who said so."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from actors import addresses
from actors.kernel import Actor, Timer
from actors.outbox import Outbox
from adapters.ports import HaltLatch
from state.config.settings import PositionsInEmergency
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    JournalOpened,
    RecordDenied,
    Recorded,
)
from state.messages.operations import (
    PairDrained,
    PairSessionChanged,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    SessionAnswer,
    SessionChanged,
    SessionSought,
    SessionState,
    SessionWanted,
)
from state.messages.orders import CancelAllOrders, OrdersSwept, SweepOrders
from state.messages.protection import DrainWanted, FlattenWanted
from state.values import Currency, Pair, Session, TimeNs

PARTS = ("orders", "ledger")
"""Who must have recovered and agree with the exchange before anybody trades."""


def parts_of(pairs: tuple[Pair, ...]) -> tuple[str, ...]:
    """Return all who must be ready: no position of `pairs` may be without protection either."""
    return (*PARTS, *map(addresses.protection_part, pairs))


ANSWER_WITHIN_S = 3.0
"""Who wants an emergency stop hears after so long how far it has come."""

CANCEL_AGAIN_S = 0.5
"""While stopped, how often everything is cancelled that may have reached the door meanwhile."""

DRAIN_LOOK_S = 2.0
"""While draining, how often it is looked whether there is a trader to do it.

Not at once: what it had proposed before it was parked is an order by then, or will never be one.
"""
_PARKED = "disabled"

_DRAINED = "drained: nothing is out, and nothing is held that could be sold"
_OF_PAIRS = frozenset({Session.READY, Session.PAUSED, Session.DRAINING, Session.STOPPED})
_QUESTIONS = 1_000_000
"""Of one life at most: what an earlier life asked is older."""
_ENDS = frozenset({Session.STOPPED, Session.EMERGENCY})
_MAY_BE_WANTED = frozenset(Session) - {Session.STARTING}


class _AnswerDue(Struct, frozen=True):
    """Whoever asked for an emergency stop has waited long enough."""

    wish: int


class _CancelAgain(Struct, frozen=True):
    """It is still stopped."""


class _DrainLook(Struct, frozen=True):
    """A trader that is parked drains nothing."""


class SessionKeeper(Actor):
    """One. Owns the session; a restart takes the newest one from the journal.

    Two things make the session: what the operator wants, which is journalled and survives
    everything, and whether all parts are ready, which is found out anew in each life. While a
    part is not ready the session is `starting`, whatever is wanted, except that stopped and
    emergency stay what they are.

    Args:
        latch: Set in an emergency before anything else is done, released only with a reason.
        quote: What equity is counted in.
        pairs: What is traded: a drain is over when it is over in each of them.
        positions: What becomes of positions in an emergency.
    """

    def __init__(
        self,
        latch: HaltLatch,
        quote: Currency,
        pairs: tuple[Pair, ...],
        positions: PositionsInEmergency = PositionsInEmergency.KEEP,
    ) -> None:
        super().__init__()
        self._positions = positions
        self._latch = latch
        self._quote = quote
        self._pairs = pairs
        self._wanted: Session | None = None
        """What the operator wants; None before the journal told."""
        self._reason = ""
        self._missing = dict.fromkeys(parts_of(pairs), "starting")
        self._protectors = {addresses.protection_part(pair): pair for pair in pairs}
        self._unsaid: dict[int, list[tuple[str, SessionAnswer]]] = {}
        """Answers that wait until a record is on the disk, by its number."""
        self._question = 0
        """The newest one to the protectors."""
        self._wishes: list[SessionWanted] = []
        """What was wanted before the journal told: it may hold an emergency stop."""
        self._pair_sessions: dict[Pair, Session] = {}
        """What single pairs are to do; those without anything of their own are left out."""
        self._told: tuple[Session, str, bool, dict[Pair, Session]] | None = None
        self._since_ns = TimeNs(0)
        self._undrained = set(pairs)
        """Pairs of which no trader has said yet that the drain is over there."""
        self._halts: set[int] = set()
        """Records of emergency stops that are not on the disk yet."""
        self._asked = 0
        self._askers: dict[int, SessionWanted] = {}
        """Who wanted an emergency stop and hears when nothing of ours rests any more."""
        self._again: Timer | None = None
        """When to cancel everything again; None while nobody wants it stopped."""
        self._looks = False
        """Whether a look at who drains is due."""
        self._swept: OrdersSwept | None = None
        """What the router said since the newest of them asked."""

    def on_start(self) -> None:
        """Ask the journal what is wanted."""
        self._outbox = Outbox(self.address, self.incarnation)
        self._question = (self.incarnation - 1) * _QUESTIONS
        self.subscribe(JournalOpened)
        self._ask_books()
        if self.incarnation > 1:
            # In the first life they are not born yet, and say it by themselves when they are.
            for part in (
                addresses.ORDER_ROUTER,
                addresses.LEDGER_KEEPER,
                addresses.HEALTH_MONITOR,
                *map(addresses.protection, self._pairs),
            ):
                self.tell(part, ReadinessWanted(asked=self._question))

    def on_receive(self, message: Any) -> None:
        """Hear of parts, wishes and the journal."""
        match message:
            case SessionWanted():
                self._on_wanted(message)
            case PartReady():
                self._on_ready(message)
                self._tell_if_changed()
                if self._latch.exits_allowed:
                    self._tell_to_flatten()  # It may not have been born when this was decided.
            case OrdersSwept():
                self._swept = message
                self._answer_askers()
            case _AnswerDue():
                self._answer_askers(late=message.wish)
            case _CancelAgain():
                self._cancel_again()
            case _DrainLook():
                self._look_who_drains()
            case PartNotReady():
                self._missing[message.part] = message.reason
                self._tell_if_changed()
            case PairDrained():
                self._on_drained(message.pair)
            case SessionSought():
                self.tell_control(message.reply_to, self._now())
            case Books():
                self._on_books(message)
            case JournalOpened():
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)
                self._say_what_is_written(message)
                if isinstance(message, Recorded):
                    self._halts.discard(message.request)
                    self._answer_askers()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    def _on_ready(self, ready: PartReady) -> None:
        """Let nobody trade on an answer that a protector gave before it knew what others found.

        What orders and ledger have found is with the recorder before they say that they are ready;
        a protector that is asked after that has the recorder's echo before it answers.
        """
        pair = self._protectors.get(ready.part)
        if pair is not None and ready.asked < self._question:
            self.tell(addresses.protection(pair), ReadinessWanted(asked=self._question))
            return
        was_missing = self._missing.pop(ready.part, None) is not None
        if was_missing and ready.part in PARTS and self._missing.keys().isdisjoint(PARTS):
            self._question += 1
            for part, its_pair in self._protectors.items():
                self._missing[part] = "asked once more"
                wanted = ReadinessWanted(asked=self._question)
                self.tell(addresses.protection(its_pair), wanted)

    @property
    def _session(self) -> Session:
        if self._latch.reason is not None:
            return Session.EMERGENCY
        if self._wanted is None:
            return Session.STARTING
        if self._wanted in _ENDS or not self._missing:
            return self._wanted
        return Session.STARTING

    def _on_wanted(self, wish: SessionWanted) -> None:
        if self._wanted is None and wish.session is not Session.EMERGENCY:
            self._wishes.append(wish)
            return
        if wish.pair is not None:
            self._on_pair_wanted(wish, wish.pair)
            return
        if wish.session is Session.EMERGENCY:
            self._halt(wish)
            return
        refused = ""
        if wish.flattens and self._session is Session.EMERGENCY:
            self._allow_exits(wish.reason, wish.caller)
        else:
            refused = self._why_not(wish)
            if not refused and wish.resets_emergency:
                # A latch that cannot be released keeps the session as well.
                refused = self._latch.release()
            if not refused:
                self._want(wish.session, wish.reason, wish.caller)
                if wish.flattens:
                    self._tell_to_flatten()
        if wish.reply_to:
            answer = SessionAnswer(request=wish.request, session=self._session, refused=refused)
            self._answer(wish.reply_to, answer)

    def _answer(self, reply_to: str, answer: SessionAnswer) -> None:
        """Say what came of a wish once that is on the disk: nothing that was answered is lost."""
        records = [] if answer.refused else self._outbox.unanswered()
        if records:
            self._unsaid.setdefault(records[-1].request, []).append((reply_to, answer))
        else:
            self.tell_control(reply_to, answer)

    def _say_what_is_written(self, message: Recorded | RecordDenied) -> None:
        for reply_to, answer in self._unsaid.pop(message.request, ()):
            refused = message.reason if isinstance(message, RecordDenied) else ""
            self.tell_control(reply_to, replace(answer, refused=refused))

    # One pair.

    def _on_pair_wanted(self, wish: SessionWanted, pair: Pair) -> None:
        refused = ""
        if pair not in self._pairs:
            refused = f"{pair} is not traded here; traded: {', '.join(self._pairs)}"
        elif wish.session not in _OF_PAIRS:
            refused = f"{wish.session} is of all pairs or of none"
        else:
            self._want_in(pair, wish.session, wish.reason, wish.caller)
            if wish.flattens:
                self._tell_to_flatten((pair,))
        if wish.reply_to:
            session = self._now().of(pair)
            answer = SessionAnswer(request=wish.request, session=session, refused=refused)
            self._answer(wish.reply_to, answer)

    def _want_in(self, pair: Pair, session: Session, reason: str, caller: str) -> None:
        self._pair_sessions = {**self._pair_sessions, pair: session}
        if session is Session.READY:
            del self._pair_sessions[pair]
        if session in (Session.STOPPED, Session.DRAINING):
            cancel = CancelAllOrders(reason=f"session of {pair}: {session}", pair=pair)
            self.tell_control(addresses.ORDER_ROUTER, cancel)
        changed = PairSessionChanged(
            pair=pair, session=session, reason=reason, caller=caller, at_ns=self.now_ns()
        )
        self.tell(addresses.RECORDER, self._outbox.add([Entry(event=changed)], durable=True))
        self._cancel_again_later()
        self._look_who_drains_later()
        self._tell_if_changed()

    # An emergency.

    def _halt(self, wish: SessionWanted) -> None:
        self._latch.set(wish.reason)  # First of all: nothing may leave from here on.
        self.tell_control(addresses.ORDER_ROUTER, SweepOrders(reason=self._latch.reason or ""))
        if self._wanted is not Session.EMERGENCY:
            self._want(Session.EMERGENCY, wish.reason, wish.caller)
        if self._positions is PositionsInEmergency.FLATTEN and not self._latch.exits_allowed:
            self._allow_exits("emergency.positions is flatten", self.address)
        if wish.reply_to:
            self._swept = None
            self._asked += 1
            self._askers[self._asked] = wish
            self.after(ANSWER_WITHIN_S, _AnswerDue(self._asked))

    def _answer_askers(self, *, late: int = 0) -> None:
        """Answer all when nothing of ours rests and the disk knows, or one for whom it is late."""
        done = self._swept is not None and self._swept.is_clean and not self._halts
        for number in list(self._askers) if done else [late]:
            wish = self._askers.pop(number, None)
            if wish is None:
                continue
            answer = SessionAnswer(
                request=wish.request,
                session=self._session,
                swept=self._swept,
                is_journalled=not self._halts,
            )
            self.tell_control(wish.reply_to, answer)

    def _allow_exits(self, reason: str, caller: str) -> None:
        """Let sales that flatten leave, and nothing else."""
        self._latch.allow_exits()
        self._record(Session.EMERGENCY, reason, caller)
        self._tell_if_changed()
        self._tell_to_flatten()

    def _tell_to_flatten(self, pairs: Iterable[Pair] | None = None) -> None:
        for pair in self._pairs if pairs is None else pairs:
            wanted = FlattenWanted(pair=pair, reason=self._reason or "flatten")
            self.tell_control(addresses.protection(pair), wanted)

    def _why_not(self, wish: SessionWanted) -> str:
        if wish.session not in _MAY_BE_WANTED:
            return f"{wish.session} cannot be asked for"
        if self._session is not Session.EMERGENCY:
            return ""
        if wish.resets_emergency and wish.session is Session.PAUSED and wish.reason.strip():
            return ""
        return "an emergency stop ends only by reset_emergency with a reason"

    def _want(self, session: Session, reason: str, caller: str) -> None:
        self._wanted, self._reason = session, reason
        self._undrained = set(self._pairs)
        if session in (Session.STOPPED, Session.DRAINING):
            self.tell_control(addresses.ORDER_ROUTER, CancelAllOrders(reason=f"session {session}"))
        self._cancel_again_later()
        self._look_who_drains_later()
        self._record(session, reason, caller)
        self._tell_if_changed()

    def _cancel_again(self) -> None:
        if self._wanted is Session.STOPPED:
            stopped = CancelAllOrders(reason="session stopped")
            self.tell_control(addresses.ORDER_ROUTER, stopped)
        for pair, session in self._pair_sessions.items():
            if session is Session.STOPPED:
                stopped = CancelAllOrders(reason=f"session of {pair}: stopped", pair=pair)
                self.tell_control(addresses.ORDER_ROUTER, stopped)
        self._cancel_again_later()

    def _cancel_again_later(self) -> None:
        """While stopped, cancel again and again: an order may have been on its way to the door."""
        if self._again is not None:
            self._again.cancel()
        self._again = None
        if self._wanted is Session.STOPPED or Session.STOPPED in self._pair_sessions.values():
            self._again = self.after(CANCEL_AGAIN_S, _CancelAgain())

    def _look_who_drains(self) -> None:
        """Have what a parked trader holds sold by who protects it; the others do it themselves."""
        self._looks = False
        for pair in self._pairs:
            report = self.machine.board.get(addresses.trader(pair))
            is_parked = report is not None and report.state == _PARKED
            if is_parked and self._now().of(pair) is Session.DRAINING:
                self.tell_control(addresses.protection(pair), DrainWanted(pair=pair))
        self._look_who_drains_later()

    def _look_who_drains_later(self) -> None:
        is_draining = Session.DRAINING in (self._wanted, *self._pair_sessions.values())
        if is_draining and not self._looks:
            self._looks = True
            self.after(DRAIN_LOOK_S, _DrainLook())

    def _record(self, session: Session, reason: str, caller: str) -> None:
        changed = SessionChanged(
            session=session,
            reason=reason,
            caller=caller,
            at_ns=self.now_ns(),
            exits_allowed=self._latch.exits_allowed,
        )
        record = self._outbox.add([Entry(event=changed)], durable=True)
        if session is Session.EMERGENCY:
            self._halts.add(record.request)
        self.tell(addresses.RECORDER, record)

    def _on_drained(self, pair: Pair) -> None:
        if self._pair_sessions.get(pair) is Session.DRAINING:
            self._want_in(pair, Session.STOPPED, _DRAINED, self.address)
        if self._wanted is Session.DRAINING:
            self._undrained.discard(pair)
            if not self._undrained:
                self._want(Session.STOPPED, _DRAINED, self.address)

    def _on_books(self, books: Books) -> None:
        if self._wanted is None:
            known = {pair: one for pair, one in books.pair_sessions.items() if pair in self._pairs}
            self._pair_sessions = known
            self._take(books.session)
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            self._on_wanted(wish)
        halted = self._latch.reason
        if halted is not None and self._wanted is not Session.EMERGENCY:
            # Set by somebody outside of the tree, while nobody lived here to be told.
            self._halt(SessionWanted(session=Session.EMERGENCY, reason=halted, caller="latch"))
        self._tell_if_changed()

    def _take(self, stored: SessionChanged | None) -> None:
        self._wanted = Session.READY if stored is None else stored.session
        self._reason = "" if stored is None else stored.reason
        if self._wanted is Session.EMERGENCY:
            self._latch.set(self._reason or "an emergency stop of an earlier run")
            if stored is not None and stored.exits_allowed:
                self._latch.allow_exits()
            self.tell_control(addresses.ORDER_ROUTER, SweepOrders(reason=self._reason))
        self._cancel_again_later()
        self._look_who_drains_later()

    def _now(self) -> SessionState:
        missing = "; ".join(f"{part}: {why}" for part, why in self._missing.items())
        session = self._session
        reason = missing if session is Session.STARTING else self._reason
        if session is Session.EMERGENCY and self._wanted is not Session.EMERGENCY:
            # Set from outside of the tree, and nobody has come here yet to say so.
            reason = self._latch.reason or ""
        return SessionState(
            session=session,
            reason=reason,
            since_ns=self._since_ns,
            exits_allowed=self._latch.exits_allowed,
            pairs=self._pair_sessions,
        )

    def _tell_if_changed(self) -> None:
        """Tell everybody when the session is another one, or is it for another reason."""
        now = self._now()
        told = self._told
        self._told = (now.session, now.reason, now.exits_allowed, now.pairs)
        if told is None or told[0] is not now.session:
            self._since_ns = self.now_ns()
        if told != self._told:
            self.publish(self._now(), control=True)

    def _ask_books(self) -> None:
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))
