"""The trigger keeper: the one who lets orders wait at the exchange, and who takes them back.

A trigger order carries no name of ours and no expiry of its request. So it is durable before it
leaves, recognised by its shape, searched for in the exchange's lists where nobody answered, and
taken back where it turns up after it was given up. One that fired became an order that carries
nothing of ours; it is adopted in the very record that says so, and the order router books its
fills like those of any other.

A sale and a trigger order never sell the same units: before a sale leaves, the router asks for the
pair's release, which is granted once nothing waits there, for a moment in which nothing is armed.
"""

from typing import Any

from msgspec import Struct

from actors import addresses
from actors.execution import trigger_facts
from actors.execution.trigger_pair import PairTriggers, Release
from actors.execution.trigger_table import TriggerTable
from actors.kernel import Actor
from actors.outbox import Outbox
from adapters.ports import Exchange, HaltLatch
from state.config.settings import OrderSettings
from state.messages.journal import (
    Books,
    BooksWanted,
    Entry,
    Journaled,
    JournalOpened,
    RecordDenied,
    Recorded,
)
from state.messages.market import StreamLost, StreamOpened
from state.messages.operations import ClockMeasured, ClockWanted, SessionSought, SessionState
from state.messages.orders import (
    OrderEvent,
    OrderFilled,
    OrderIntended,
    ParentEvent,
    ParentFinished,
    ParentIntended,
)
from state.messages.protection import (
    ReleaseTriggers,
    TriggerCancelIntended,
    TriggerEnd,
    TriggerEnded,
    TriggerEvent,
    TriggerIntended,
    TriggersReleased,
    TriggerUnknown,
    TriggerWanted,
)
from state.messages.venue import (
    CancelTrigger,
    FetchTriggers,
    Outcome,
    PlaceTrigger,
    Refused,
    Succeeded,
    TriggerMoved,
    TriggerReport,
    TriggerStatus,
    Unknown,
    VenueAnswer,
    VenueRequest,
)
from state.order import Order
from state.trigger import Trigger, TriggerState
from state.values import NS_PER_S, Currency, Pair, Session, Side, TimeNs

RELEASED_S = 3.0
"""So long nothing is armed after a release: time for the sale to reach the journal and to leave."""
PASSES_NEEDED = 2
"""Lists in a row, each conclusive and without it, that prove a trigger order absent."""
CANCEL_AGAIN_S = 0.25
"""Between two cancels of one, where the first came to nothing: a sale may be waiting for it."""
REFUSED_AGAIN_MIN_S, REFUSED_AGAIN_MAX_S = 1.0, 60.0
_MARGIN_NS = 60 * NS_PER_S
"""How much earlier than needed a list begins: clocks differ, and Gate's times are whole seconds."""
_TURNS_UP_NS = 3600 * NS_PER_S
"""Longer than any request is on its way: what was given up before cannot have ended since."""
_SILENT = frozenset({Session.STOPPED, Session.EMERGENCY})


class _Answered(Struct, frozen=True):
    asked_ns: int
    request: VenueRequest
    outcome: Outcome


class _LookDue(Struct, frozen=True):
    """See what became of the trigger orders of `pair`."""

    pair: Pair


class _SettleDue(Struct, frozen=True):
    pair: Pair


class _ReconcileDue(Struct, frozen=True):
    """See what became of all of them, as every so often."""


class TriggerKeeper(Actor):
    """One. Owns what waits at the exchange for a price; a restart begins from the books and looks.

    Of each pair at most one trigger order waits, the stop of what is held: two of them could both
    fire, and sell what is not there.

    Args:
        exchange: Where they wait.
        latch: Read before each one leaves.
        settings: The windows of the order protocol.
        account: Names the account in client order ids.
        quote: What equity is counted in.
        pairs: What is traded.
    """

    def __init__(
        self,
        exchange: Exchange,
        latch: HaltLatch,
        settings: OrderSettings,
        *,
        account: str,
        quote: Currency,
        pairs: tuple[Pair, ...],
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._latch = latch
        self._settings = settings
        self._account = account
        self._quote = quote
        self._pairs = {pair: PairTriggers() for pair in pairs}
        self._triggers = TriggerTable()
        self._last_seq: int | None = None
        self._clock: ClockMeasured | None = None
        self._session = Session.STARTING
        self._meant: set[str] = set()
        """Intents of this life on their way to the disk: they leave when the journal tells them."""
        self._sent_ns: dict[str, int] = {}
        """When those without an answer were sent at the latest, monotonic."""
        self._passes: dict[str, int] = {}
        """Conclusive lists in a row that did not show it."""
        self._seen_ns: dict[str, int] = {}
        """When each was last known to wait, by our clock."""
        self._cancelling: dict[str, int] = {}
        """When its cancel was asked for that is on its way, monotonic."""
        self._cancel_again_ns: dict[str, int] = {}
        """Before when, monotonic, a cancel that came to nothing is not asked for again."""

    def on_start(self) -> None:
        """Ask for the books; nothing is armed before they and a list of the exchange agree."""
        self._outbox = Outbox(self.address, self.incarnation)
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), *TriggerEvent.__subclasses__()]
        topics += ParentEvent.__subclasses__()
        topics += [JournalOpened, ClockMeasured, SessionState]
        for topic in topics:
            self.subscribe(topic)
        self._ask_books()
        self.tell(addresses.HEALTH_MONITOR, ClockWanted(reply_to=self.address))
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))
        self.after(self._settings.reconcile_every_s, _ReconcileDue())
        if self.incarnation > 1:
            # An earlier life may have promised that nothing will be armed for a moment.
            for pair in self._pairs:
                self._wait(pair, RELEASED_S)

    def on_receive(self, message: Any) -> None:
        """Take wishes, releases, answers and facts."""
        match message:
            case Journaled():
                self._on_journaled(message)
            case TriggerWanted():
                self._on_wanted(message)
            case ReleaseTriggers():
                self._on_release(message)
            case _Answered():
                self._on_answer(message)
            case TriggerMoved():
                if message.pair in self._pairs and self._triggers.searched(message.pair):
                    self._look(message.pair)
            case Recorded() | RecordDenied():
                self._on_recorded(message)
            case Books():
                self._on_books(message)
            case JournalOpened():
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case ClockMeasured():
                self._clock = message
            case SessionState():
                self._session = message.session
            case StreamOpened():
                self._look_everywhere()
            case StreamLost():
                pass
            case _:
                self._on_timer(message)

    def _on_timer(self, message: Any) -> None:
        match message:
            case _LookDue():
                self._look(message.pair)
            case _SettleDue():
                self._settle(message.pair)
            case _ReconcileDue():
                self.after(self._settings.reconcile_every_s, _ReconcileDue())
                self._look_everywhere()
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    # What is wanted.

    def _on_wanted(self, wanted: TriggerWanted) -> None:
        of = self._pairs.get(wanted.pair)
        if of is not None:
            of.wanted = wanted
            self._settle(wanted.pair)

    def _on_release(self, asked: ReleaseTriggers) -> None:
        of = self._pairs.get(asked.pair)
        if of is not None:
            of.releases.append(Release(asked))
            self._settle(asked.pair)

    def _settle(self, pair: Pair) -> None:
        """Bring about what is wanted of a pair, as far as it can be done now."""
        of = self._pairs[pair]
        if self._last_seq is None:
            return
        live = self._triggers.live(pair)
        if of.releases:
            if live or self._is_meant(pair):
                for trigger in live:
                    self._take_back(trigger, "a sale is to leave")
            else:
                self._grant(of)
            return
        wanted = of.wanted
        # While nobody says what is wanted, one goes only that is to go in any case.
        stays = [one for one in live if not one.is_to_go]
        # While halted nothing could be armed in the place of what sells all that is held.
        if wanted is not None and not (
            self._is_halted and trigger_facts.alone_sells_all(live, wanted)
        ):
            stays = [one for one in stays if trigger_facts.is_what_is_wanted(one, wanted)][:1]
        for trigger in live:
            if trigger not in stays:
                given_up = trigger.ended is not None
                why = "it was given up" if given_up else "what is to be protected has changed"
                self._take_back(trigger, why)
        if wanted is None:
            return
        if live or not wanted.quantity or self._why_not(of) or self._is_meant(pair):
            return
        self._arm(of, wanted)

    @property
    def _is_halted(self) -> bool:
        return self._latch.reason is not None or self._session in _SILENT

    def _why_not(self, of: PairTriggers) -> str:
        """Why nothing may be armed now; empty when it may."""
        if self._is_halted:
            return "halted or stopped"
        if self._clock is None or not of.looked:
            return "not known yet what waits at the exchange"
        if of.sales or of.parents:
            return "a sale is under way"
        if of.wanted is None or of.wanted.as_of_seq < of.filled_seq:
            return "what is wanted was said before the newest fill"
        now_ns = self.monotonic_ns()
        if now_ns < max([of.not_before_ns, *of.leases.values()]):
            return "it is promised that nothing is armed for a moment"
        return ""

    def _arm(self, of: PairTriggers, wanted: TriggerWanted) -> None:
        of.number += 1
        intent = trigger_facts.intent_of(wanted, of.number, self.now_ns())
        self._meant.add(intent.trigger_id)
        self._record([Entry(event=intent, trace_id=intent.trigger_id)])

    def _take_back(self, trigger: Trigger, reason: str) -> None:
        if trigger.cancel is None:
            self._record([trigger_facts.cancelling(trigger, reason, self.now_ns())])
        else:
            self._send_cancel(trigger)

    def _grant(self, of: PairTriggers) -> None:
        releases, of.releases = of.releases, []
        for release in releases:
            asked = release.asked
            fired = release.fired or of.has_fired(asked)
            of.leases[asked.request] = self.monotonic_ns() + int(RELEASED_S * NS_PER_S)
            told = TriggersReleased(
                pair=asked.pair,
                request=asked.request,
                until_ns=of.leases[asked.request],
                fired=fired,
            )
            self.tell(asked.reply_to, told)
            self.after(RELEASED_S, _SettleDue(asked.pair))

    def _wait(self, pair: Pair, seconds: float) -> None:
        self._pairs[pair].not_before_ns = self.monotonic_ns() + int(seconds * NS_PER_S)
        self.after(seconds, _SettleDue(pair))

    def _is_meant(self, pair: Pair) -> bool:
        return any(name.split("/")[1] == pair for name in self._meant)

    # To the exchange and back.

    def _send(self, trigger: Trigger) -> None:
        of = self._pairs[trigger.pair]
        reason = "a sale is to leave" if of.releases else self._why_not(of)
        if not reason:
            assert self._clock is not None, "asked above"
            lasts_ns = int(self._settings.expiry_s * NS_PER_S)
            now_ns = self._clock.venue_ns(self.now_ns(), self.monotonic_ns())
            until_ns = now_ns + lasts_ns
            self._sent_ns[trigger.trigger_id] = self.monotonic_ns() + lasts_ns
            self._ask(trigger_facts.arming(trigger.intent, TimeNs(until_ns)))
            return
        # It has not left and never will: this is proof, not a guess.
        self._record_end(trigger, TriggerEnd.REFUSED, f"not sent: {reason}")

    def _send_cancel(self, trigger: Trigger) -> None:
        name, venue_id = trigger.trigger_id, trigger.venue_trigger_id
        if venue_id is None or not trigger.is_live or name in self._cancelling:
            return
        if self.monotonic_ns() >= self._cancel_again_ns.get(name, 0):
            self._cancelling[name] = self.monotonic_ns()
            self._ask(CancelTrigger(pair=trigger.pair, venue_trigger_id=venue_id))

    def _ask(self, request: VenueRequest) -> int:
        """Ask the exchange; return when, monotonic, which the answer will say too."""
        asked_ns, deliver = self.monotonic_ns(), self.inlet()
        if self.fenced:
            return asked_ns

        def answered(answer: VenueAnswer) -> None:
            deliver(_Answered(asked_ns, answer.request, answer.outcome))

        self._exchange.request(request, answered)
        return asked_ns

    def _on_answer(self, answered: _Answered) -> None:
        request, outcome = answered.request, answered.outcome
        match request:
            case PlaceTrigger():
                self._on_placed(request, outcome)
            case CancelTrigger():
                self._on_cancelled(request, outcome)
            case FetchTriggers():
                self._on_list(request.pair, outcome, answered.asked_ns)
            case _:
                raise TypeError(f"{self.address}: never asked {type(request).__name__}")

    def _on_placed(self, request: PlaceTrigger, outcome: Outcome) -> None:
        trigger = self._triggers.get(request.trigger_id)
        if trigger is None:
            return  # Asked in an earlier life; the list will show it.
        match outcome:
            case Succeeded():
                self._pairs[request.pair].refusals = 0
                for report in outcome.triggers:
                    self._take(trigger, report)
            case Refused():
                self._record_end(trigger, TriggerEnd.REFUSED, f"{outcome.label}: {outcome.message}")
            case Unknown():
                self._sent_ns[trigger.trigger_id] = self.monotonic_ns()
                self._record([trigger_facts.unknown(trigger, outcome.reason, self.now_ns())])

    def _on_cancelled(self, request: CancelTrigger, outcome: Outcome) -> None:
        ended = isinstance(outcome, Succeeded) and all(
            report.status is not TriggerStatus.OPEN for report in outcome.triggers
        )
        for trigger in self._triggers.live(request.pair):
            if trigger.venue_trigger_id == request.venue_trigger_id:
                if isinstance(outcome, Succeeded):
                    for report in outcome.triggers:
                        self._take(trigger, report)
                self._cancelling.pop(trigger.trigger_id, None)
                if not ended:
                    again_ns = self.monotonic_ns() + int(CANCEL_AGAIN_S * NS_PER_S)
                    self._cancel_again_ns[trigger.trigger_id] = again_ns
        if not ended:
            # A refusal of a cancel proves nothing, no answer even less: look, and ask once more.
            self._look(request.pair)
            self.after(CANCEL_AGAIN_S, _SettleDue(request.pair))

    def _take(self, trigger: Trigger, report: TriggerReport) -> None:
        entries = trigger_facts.of_report(trigger, report, self._account, self.now_ns())
        if entries:
            self._record(entries)

    def _record_end(self, trigger: Trigger, end: TriggerEnd, reason: str) -> None:
        self._record([trigger_facts.ended(trigger, end, reason, self.now_ns())])

    # The lists.

    def _look_everywhere(self) -> None:
        for pair, of in self._pairs.items():
            if self._triggers.searched(pair) or not of.looked:
                self._look(pair)

    def _look(self, pair: Pair) -> None:
        of = self._pairs[pair]
        if self._last_seq is None:
            return
        if of.looking_ns is not None:
            of.look_again = True
            return
        of.looking_ns = self._ask(FetchTriggers(pair=pair, since_ns=self._look_from(pair)))

    def _look_from(self, pair: Pair) -> TimeNs:
        """Return since when something may have ended that we have not heard of."""
        now_ns = self.now_ns()
        known: list[int] = [now_ns]
        for one in self._triggers.searched(pair):
            since_ns = max(self._seen_ns.get(one.trigger_id, 0), one.intent.at_ns)
            if one.is_live or since_ns > now_ns - _TURNS_UP_NS:
                known.append(since_ns)
        return TimeNs(max(0, min(known) - _MARGIN_NS))

    def _on_list(self, pair: Pair, outcome: Outcome, asked_ns: int) -> None:
        of = self._pairs[pair]
        if of.looking_ns == asked_ns:
            of.looking_ns = None
        if not isinstance(outcome, Succeeded):
            self.after(self._settings.query_every_s, _LookDue(pair))
            return
        of.looked = True
        shown = set()
        for report in outcome.triggers:
            trigger = self._triggers.of_report(report)
            if trigger is not None:
                shown.add(trigger.trigger_id)
                self._take(trigger, report)
        age_ns = self.monotonic_ns() - asked_ns
        for trigger in self._triggers.live(pair):
            if trigger.trigger_id in shown:
                self._seen_ns[trigger.trigger_id] = self.now_ns() - age_ns
                self._passes.pop(trigger.trigger_id, None)
            else:
                self._missed(trigger, asked_ns)
        self._settle(pair)
        if of.look_again:
            of.look_again = False
            self._look(pair)
        elif any(self._is_searched(trigger) for trigger in self._triggers.live(pair)):
            self.after(self._settings.query_every_s, _LookDue(pair))

    def _is_searched(self, trigger: Trigger) -> bool:
        return trigger.state is TriggerState.UNKNOWN or trigger.cancel is not None

    def _missed(self, trigger: Trigger, asked_ns: int) -> None:
        """Judge a list, asked for at `asked_ns`, that does not show what may be there."""
        name = trigger.trigger_id
        if not self._is_searched(trigger):
            return  # It is on its way, or nobody needs to know at once.
        if trigger.venue_trigger_id is None:
            window_s = self._settings.expiry_s + self._settings.visibility_lag_s
            since_ns = self._sent_ns.setdefault(name, self.monotonic_ns())
            if asked_ns < since_ns + int(window_s * NS_PER_S):
                return
        self._passes[name] = self._passes.get(name, 0) + 1
        if self._passes[name] < PASSES_NEEDED:
            return
        if trigger.venue_trigger_id is None:
            self._record_end(trigger, TriggerEnd.NOT_PLACED, "in no list after it should have been")
        else:
            self._record_end(trigger, TriggerEnd.CANCELLED, "the exchange knows it no more")

    # What the journal says.

    def _on_recorded(self, message: Recorded | RecordDenied) -> None:
        record = self._outbox.answered(message.request)
        for number, entry in enumerate(record.entries if record is not None else ()):
            event = entry.event
            if not isinstance(event, TriggerIntended) or event.trigger_id not in self._meant:
                continue
            if isinstance(message, RecordDenied):
                self._meant.discard(event.trigger_id)
            elif message.seqs[number] <= (self._last_seq or 0):
                self._told_too_late(event.trigger_id)

    def _told_too_late(self, trigger_id: str) -> None:
        """Written by a recorder that died before it told: the books have it, and it never left."""
        self._meant.discard(trigger_id)
        trigger = self._triggers.get(trigger_id)
        if trigger is not None:
            self._record_end(trigger, TriggerEnd.REFUSED, "not sent: told too late")

    def _on_books(self, books: Books) -> None:
        self._last_seq = books.last_seq
        self._triggers.begin(books.triggers)
        for of in self._pairs.values():
            of.sales.clear()
            of.parents.clear()
        for fired in books.fired:
            if fired.pair in self._pairs:
                self._pairs[fired.pair].fired_seq = fired.seq
        for parent in books.parents:
            self._fold_parent(parent.intent)
            for fired in books.fired:
                # Which of the two was first, nobody told: then it may have sold the same units.
                since_ns = parent.intent.at_ns - _MARGIN_NS
                if fired.pair == parent.intent.pair and fired.at_ns > since_ns:
                    self._pairs[fired.pair].parents[parent.decision_id] = True
        for order in books.orders:
            self._fold_sale(order)
        for pair, number in books.trigger_numbers.items():
            if pair in self._pairs:
                of = self._pairs[pair]
                of.number = max(of.number, number)
        for pair in self._pairs:
            for trigger in self._triggers.live(pair):
                if trigger.trigger_id in self._meant:
                    self._told_too_late(trigger.trigger_id)
                elif trigger.state is TriggerState.INTENDED and (
                    trigger.trigger_id not in self._sent_ns
                ):
                    self._orphaned(trigger)
        self._look_everywhere()
        for pair in self._pairs:
            self._settle(pair)

    def _orphaned(self, trigger: Trigger) -> None:
        """An earlier life may have sent it: whoever was to hear the answer is no more."""
        why = "whoever meant it is no more"
        self._record([trigger_facts.unknown(trigger, why, self.now_ns())])

    def _on_journaled(self, journaled: Journaled) -> None:
        if self._last_seq is None or journaled.seq <= self._last_seq:
            return
        self._last_seq = journaled.seq
        event = journaled.event
        if isinstance(event, OrderEvent):
            self._on_order_event(event, journaled.seq)
        elif isinstance(event, ParentIntended) and event.pair in self._pairs:
            self._fold_parent(event)
            if event.side is Side.SELL:
                self._pairs[event.pair].end_lease()
        elif isinstance(event, ParentFinished) and event.pair in self._pairs:
            self._pairs[event.pair].parents.pop(event.decision_id, None)
            self._settle(event.pair)
        elif isinstance(event, TriggerEvent) and event.pair in self._pairs:
            self._on_trigger_event(event)

    def _on_trigger_event(self, event: Any) -> None:
        trigger = self._triggers.apply(event)
        of = self._pairs[event.pair]
        match event:
            case TriggerIntended() if trigger is not None:
                # Not when it is `Recorded`: by now every sale that was meant before is known.
                if event.trigger_id in self._meant:
                    self._meant.discard(event.trigger_id)
                    self._send(trigger)
                else:
                    self._orphaned(trigger)
            case TriggerCancelIntended() if trigger is not None:
                self._send_cancel(trigger)
                if trigger.venue_trigger_id is None:
                    self._look(event.pair)
            case TriggerUnknown():
                self._look(event.pair)
            case TriggerEnded():
                self._on_ended(event, of)
            case _:
                pass
        self._settle(event.pair)

    def _on_ended(self, event: TriggerEnded, of: PairTriggers) -> None:
        for memory in (self._sent_ns, self._passes, self._cancelling, self._cancel_again_ns):
            memory.pop(event.trigger_id, None)
        if self._triggers.get(event.trigger_id) is None:
            self._seen_ns.pop(event.trigger_id, None)  # Of one that may turn up it is still asked.
        if event.end is TriggerEnd.FIRED:
            of.wanted = None  # It was wanted for what is being sold now.
            of.parents = dict.fromkeys(of.parents, True)
            for release in of.releases:
                release.fired = True
        if event.end in (TriggerEnd.REFUSED, TriggerEnd.FAILED):
            of.refusals += 1
            again_s = REFUSED_AGAIN_MIN_S * 2 ** (of.refusals - 1)
            self._wait(event.pair, min(again_s, REFUSED_AGAIN_MAX_S))

    def _on_order_event(self, event: OrderEvent, seq: int) -> None:
        of = self._pairs.get(event.pair)
        if of is None:
            return
        if isinstance(event, OrderFilled):
            of.filled_seq = seq
        sale = of.sales.get(event.client_order_id)
        if getattr(event, "trigger_id", "") or (sale is not None and sale.intent.trigger_id):
            of.fired_seq = seq
        known = of.sales.get(event.client_order_id)
        if isinstance(event, OrderIntended):
            if known is None and event.side is Side.SELL:
                if not event.trigger_id:
                    of.end_lease()
                self._fold_sale(Order(intent=event))
        elif known is not None:
            self._fold_sale(known.apply(event))  # type: ignore[arg-type]  # an OrderFact
            if not of.sales:
                self._settle(event.pair)

    def _fold_parent(self, parent: ParentIntended) -> None:
        of = self._pairs.get(parent.pair)
        if of is not None and parent.side is Side.SELL:
            of.parents.setdefault(parent.decision_id, False)

    def _fold_sale(self, order: Order) -> None:
        of = self._pairs.get(order.intent.pair)
        if of is None or order.intent.side is not Side.SELL:
            return
        if order.state.is_terminal and not order.missing_fills:
            of.sales.pop(order.client_order_id, None)
        else:
            of.sales[order.client_order_id] = order

    def _ask_books(self) -> None:
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))

    def _record(self, entries: list[Entry]) -> None:
        self.tell(addresses.RECORDER, self._outbox.add(entries, durable=True))
