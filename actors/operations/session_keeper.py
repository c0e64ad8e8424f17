"""The session keeper: what the house may do, and who said so."""

from typing import Any

from actors import addresses
from actors.kernel import Actor
from actors.outbox import Outbox
from adapters.ports import HaltLatch
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
    PartNotReady,
    PartReady,
    ReadinessWanted,
    SessionAnswer,
    SessionChanged,
    SessionSought,
    SessionState,
    SessionWanted,
)
from state.messages.orders import CancelAllOrders
from state.values import Currency, Pair, Session, TimeNs

PARTS = ("orders", "ledger")
"""Who must have recovered and agree with the exchange before anybody trades."""

_CANCELS = frozenset({Session.STOPPED, Session.EMERGENCY})
_MAY_BE_WANTED = frozenset(Session) - {Session.STARTING}


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
    """

    def __init__(self, latch: HaltLatch, quote: Currency, pairs: tuple[Pair, ...]) -> None:
        super().__init__()
        self._latch = latch
        self._quote = quote
        self._pairs = pairs
        self._wanted: Session | None = None
        """What the operator wants; None before the journal told."""
        self._reason = ""
        self._missing = dict.fromkeys(PARTS, "starting")
        self._wishes: list[SessionWanted] = []
        """What was wanted before the journal told: it may hold an emergency stop."""
        self._told: tuple[Session, str] | None = None
        self._since_ns = TimeNs(0)
        self._undrained = set(pairs)
        """Pairs of which no trader has said yet that the drain is over there."""

    def on_start(self) -> None:
        """Ask the journal what is wanted."""
        self._outbox = Outbox(self.address, self.incarnation)
        self.subscribe(JournalOpened)
        self._ask_books()
        if self.incarnation > 1:
            # In the first life they are not born yet, and say it by themselves when they are.
            for part in (
                addresses.ORDER_ROUTER,
                addresses.LEDGER_KEEPER,
                addresses.HEALTH_MONITOR,
            ):
                self.tell(part, ReadinessWanted())

    def on_receive(self, message: Any) -> None:
        """Hear of parts, wishes and the journal."""
        match message:
            case SessionWanted():
                self._on_wanted(message)
            case PartReady():
                self._missing.pop(message.part, None)
                self._tell_if_changed()
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
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    @property
    def _session(self) -> Session:
        if self._latch.reason is not None:
            return Session.EMERGENCY
        if self._wanted is None:
            return Session.STARTING
        if self._wanted in _CANCELS or not self._missing:
            return self._wanted
        return Session.STARTING

    def _on_wanted(self, wish: SessionWanted) -> None:
        if self._wanted is None and wish.session is not Session.EMERGENCY:
            self._wishes.append(wish)
            return
        refused = self._why_not(wish)
        if not refused:
            if wish.session is Session.EMERGENCY:
                self._latch.set(wish.reason)  # First of all: nothing may leave from here on.
            else:
                self._latch.release()
            self._want(wish.session, wish.reason, wish.caller)
        if wish.reply_to:
            answer = SessionAnswer(request=wish.request, session=self._session, refused=refused)
            self.tell_control(wish.reply_to, answer)

    def _why_not(self, wish: SessionWanted) -> str:
        if wish.session not in _MAY_BE_WANTED:
            return f"{wish.session} cannot be asked for"
        if self._session is not Session.EMERGENCY or wish.session is Session.EMERGENCY:
            return ""
        if wish.resets_emergency and wish.session is Session.PAUSED and wish.reason.strip():
            return ""
        return "an emergency stop ends only by reset_emergency with a reason"

    def _want(self, session: Session, reason: str, caller: str) -> None:
        self._wanted, self._reason = session, reason
        self._undrained = set(self._pairs)
        if session in _CANCELS or session is Session.DRAINING:
            self.tell_control(addresses.ORDER_ROUTER, CancelAllOrders(reason=f"session {session}"))
        changed = SessionChanged(session=session, reason=reason, caller=caller, at_ns=self.now_ns())
        record = self._outbox.add([Entry(event=changed)], durable=True)
        self.tell(addresses.RECORDER, record)
        self._tell_if_changed()

    def _on_drained(self, pair: Pair) -> None:
        if self._wanted is Session.DRAINING:
            self._undrained.discard(pair)
            if not self._undrained:
                reason = "drained: nothing is out, and nothing is held that could be sold"
                self._want(Session.STOPPED, reason, self.address)

    def _on_books(self, books: Books) -> None:
        if self._wanted is None:
            self._take(books.session)
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            self._on_wanted(wish)
        self._tell_if_changed()

    def _take(self, stored: SessionChanged | None) -> None:
        self._wanted = Session.READY if stored is None else stored.session
        self._reason = "" if stored is None else stored.reason
        if self._wanted is Session.EMERGENCY:
            self._latch.set(self._reason or "an emergency stop of an earlier run")

    def _now(self) -> SessionState:
        missing = "; ".join(f"{part}: {why}" for part, why in self._missing.items())
        session = self._session
        reason = missing if session is Session.STARTING else self._reason
        return SessionState(session=session, reason=reason, since_ns=self._since_ns)

    def _tell_if_changed(self) -> None:
        """Tell everybody when the session is another one, or is it for another reason."""
        now = self._now()
        told, self._told = self._told, (now.session, now.reason)
        if told is None or told[0] is not now.session:
            self._since_ns = self.now_ns()
        if told != self._told:
            self.publish(self._now(), control=True)

    def _ask_books(self) -> None:
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))
