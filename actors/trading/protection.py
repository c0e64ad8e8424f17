"""The protector: sees to it that what a pair holds is sold before it loses too much.

It watches the stop on the verified book itself, and has it wait at the exchange as well, in case
that we are not there when it is met. Getting out goes the way of every order: proposed, judged,
journalled, sent.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from actors import addresses
from actors.kernel import Actor
from actors.outbox import Outbox
from actors.trading.stop_levels import AverageRange, closer_stop
from actors.trading.way_out import WayOut
from state.config.cover import CoverSettings
from state.instrument import TradingRules
from state.messages.held import RulesKnown
from state.messages.journal import (
    Books,
    BooksWanted,
    Echo,
    EchoWanted,
    Entry,
    Journaled,
    JournalOpened,
    RecordDenied,
    Recorded,
)
from state.messages.market import BookLost, BookMeasured, CandleClosed
from state.messages.operations import (
    AlertRaised,
    PairDrained,
    PartNotReady,
    PartReady,
    ReadinessWanted,
    SessionSought,
    SessionState,
    Severity,
)
from state.messages.orders import (
    Bound,
    CancelOrder,
    CancelParent,
    DecisionDropped,
    Ladder,
    OrderEvent,
    OrderFilled,
    OrderIntended,
    OrderProposed,
    ParentEvent,
    ParentFinished,
    ParentIntended,
    RulesWanted,
)
from state.messages.protection import (
    Cover,
    CoverWanted,
    DrainWanted,
    FlattenBegan,
    FlattenWanted,
    PositionCovered,
    ProtectionChosen,
    ProtectionEvent,
    StopMoved,
    TriggerEnd,
    TriggerEnded,
    TriggerEvent,
    TriggerIntended,
    TriggerWanted,
)
from state.order import Order
from state.position import Position
from state.protection import BPS, Protection, protection_of
from state.trigger import Trigger, TriggerState
from state.values import (
    NS_PER_S,
    ZERO,
    ClientOrderId,
    Currency,
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
    quote_of,
)

STRATEGY = "protection"
TICK_S = 0.5
"""How often a book's age is looked at, and what is wanted is said again."""
WISHES_APART_NS = NS_PER_S // 4
"""Between two wishes about what waits at the exchange: fills come in bursts."""
UNCOVERED_TOLD_NS = NS_PER_S
"""Uncovered for so long, somebody is told."""
FATE_AFTER_S = 1.0
"""How long a proposal that nobody answers is waited for: whoever had it in hand may have died. The
guard sees to it that two proposals do not sell the same units."""
_SILENT = frozenset({Session.STOPPED, Session.EMERGENCY})
"""Sessions in which nothing of ours leaves."""


class ProtectorState(Struct, frozen=True):
    """What only time could rebuild."""

    average_range: AverageRange
    candle_ns: TimeNs
    """Opening of the newest candle in it."""
    peak: float
    began_at_ns: TimeNs
    """Of the position whose best bid is `peak`."""


class _Tick(Struct, frozen=True):
    """Look at everything again."""


class _WishDue(Struct, frozen=True):
    """Say what is to wait at the exchange."""


class _FateDue(Struct, frozen=True):
    decision: DecisionId


class Protector(Actor):
    """One per pair. Owns the stop and the target of what is held; both are in the journal.

    A restart begins from the books: the same levels, whatever the market did meanwhile.

    Args:
        pair: Whose position it protects.
        settings: How.
        process: Names this process in decision ids, so that no later one repeats them.
        stale_after_s: Oldest book that a stop is watched on.
    """

    snapshot_type = ProtectorState

    def __init__(
        self, pair: Pair, settings: CoverSettings, process: str, stale_after_s: float
    ) -> None:
        super().__init__()
        self._pair = pair
        self._settings = settings
        self._process = process
        self._stale_after_ns = int(stale_after_s * NS_PER_S)
        self._quote: Currency = quote_of(pair)
        self._average_range = AverageRange(settings.atr_window)
        self._candle_ns = TimeNs(0)
        self._peak = (TimeNs(0), 0.0)
        """When the position began whose best bid this is, and the bid."""
        self._drawn_from: Price | None = None
        """The stop that is being drawn closer: until the journal has the new one."""
        self._seq: int | None = None
        """Up to where the journal has been folded; None before the books came."""
        self._position = Position(pair=pair)
        self._protection = Protection(pair=pair)
        self._triggers: dict[str, Trigger] = {}
        self._orders: dict[ClientOrderId, Order] = {}
        """Of the pair, those that may still change or lack fills."""
        self._parents: dict[DecisionId, ParentIntended] = {}
        """Of the pair, those that are not over."""
        self._rules: TradingRules | None = None
        self._book: BookMeasured | None = None
        self._book_seen_ns = 0
        self._session = Session.STARTING
        self._told: PositionCovered | None = None
        self._alerted = False
        """Whether somebody was told of this time without cover."""
        self._readiness: str | None = None
        """What the session keeper was told last, empty for ready."""
        self._asked = 0
        """The newest question of the session keeper's."""
        self._books_due = False
        """Whether books are on their way: until then we may not know all that the journal does."""
        self._echo_due = False
        """Whether the recorder has yet to say that it has told all from before the question."""
        self._wished_ns = -WISHES_APART_NS
        self._wish_due = False
        self._not_resident = ""
        """Why the exchange did not take the last trigger order."""
        self._way_out: WayOut | None = None
        """The exit that is under way."""
        self._proposed: DecisionId | None = None

    def snapshot(self) -> ProtectorState | None:
        """Return what only time could rebuild."""
        began_at_ns, peak = self._peak
        return ProtectorState(self._average_range, self._candle_ns, peak, began_at_ns)

    def restore(self, snapshot: Any) -> None:
        """Take the average, if it is of the same window, and the peak."""
        if snapshot.average_range.window == self._settings.atr_window:
            self._average_range = snapshot.average_range
            self._candle_ns = snapshot.candle_ns
        self._peak = (snapshot.began_at_ns, snapshot.peak)

    def on_start(self) -> None:
        """Listen to the pair and ask for the books; until they came nothing is protected."""
        self._outbox = Outbox(self.address, self.incarnation)
        topics: list[type[Any]] = [*OrderEvent.__subclasses__(), *TriggerEvent.__subclasses__()]
        topics += [*ParentEvent.__subclasses__()]
        topics += [*ProtectionEvent.__subclasses__(), BookMeasured, BookLost, CandleClosed]
        topics.append(RulesKnown)
        for topic in topics:
            self.subscribe(topic, self._pair)
        for everyone in (SessionState, JournalOpened):
            self.subscribe(everyone)
        self._tell_readiness("starting")
        self._ask_books()
        self.tell(addresses.RISK_GUARD, RulesWanted(pair=self._pair, reply_to=self.address))
        self.tell(addresses.SESSION_KEEPER, SessionSought(reply_to=self.address))
        self.after(TICK_S, _Tick())

    def on_receive(self, message: Any) -> None:
        """Fold what happens; act when the price, what is held or what is known has changed."""
        match message:
            case BookMeasured():
                self._book, self._book_seen_ns = message, self.monotonic_ns()
                if not self._protection.quantity:
                    return  # Nine messages in ten: there is nothing to protect.
            case Journaled():
                self._on_journaled(message)
            case BookLost():
                self._book = None
            case CandleClosed():
                self._on_candle(message)
            case DecisionDropped():
                self._on_dropped(message)
            case SessionState():
                self._session = message.session
            case RulesKnown():
                self._rules = message.rules
            case Books():
                self._on_books(message)
            case _:
                self._on_other(message)
        self._act()

    def _on_other(self, message: Any) -> None:
        match message:
            case _Tick():
                self.after(TICK_S, _Tick())
                if self._echo_due:
                    self._ask_echo()
                if self._rules is None:
                    wanted = RulesWanted(pair=self._pair, reply_to=self.address)
                    self.tell(addresses.RISK_GUARD, wanted)
                self._wish()
            case _WishDue():
                self._wish_due = False
                self._wish()
            case _FateDue():
                self._forget(message.decision)
            case FlattenWanted():
                self._on_flatten(message.reason)
            case DrainWanted():
                self._on_drain()
            case CoverWanted():
                if self._told is not None:
                    self.tell(message.reply_to, self._told)
            case ReadinessWanted():
                self._on_asked(message.asked)
            case Echo():
                self._echo_due = self._echo_due and message.number != self._asked
            case JournalOpened():
                self._ask_books()
                for record in self._outbox.unanswered():
                    self.tell(addresses.RECORDER, record)
            case Recorded() | RecordDenied():
                self._outbox.answered(message.request)
            case _:
                raise TypeError(f"{self.address}: unexpected {type(message).__name__}")

    # What is known.

    def _on_books(self, books: Books) -> None:
        self._seq, self._books_due = books.last_seq, False
        pair = self._pair
        self._position = books.ledger.position(pair)
        self._protection = protection_of({one.pair: one for one in books.protections}, pair)
        # One that was given up counts as gone; should it turn up, its keeper looks after it.
        live = [one for one in books.triggers if one.pair == pair and one.ended is None]
        self._triggers = {one.trigger_id: one for one in live}
        self._orders = {one.client_order_id: one for one in books.orders if one.intent.pair == pair}
        self._parents = {
            one.decision_id: one.intent for one in books.parents if one.intent.pair == pair
        }
        self._choose()

    def _choose(self) -> None:
        """Have it in the journal how positions are protected, before there is one."""
        settings, now = self._settings, self._protection
        chosen = (settings.stop_bps, settings.target_bps or None)
        if (now.stop_bps, now.target_bps) != chosen:
            stop_bps, target_bps = chosen
            event = ProtectionChosen(
                pair=self._pair, at_ns=self.now_ns(), stop_bps=stop_bps, target_bps=target_bps
            )
            self._record(event)

    def _on_journaled(self, journaled: Journaled) -> None:
        if self._seq is None or journaled.seq <= self._seq:
            return
        self._seq = journaled.seq
        event = journaled.event
        if isinstance(event, OrderFilled | ProtectionEvent):
            self._drawn_from = None
        match event:
            case TriggerEvent():
                self._on_trigger_event(event)
            case ProtectionChosen() | StopMoved() | FlattenBegan():
                self._protection = self._protection.apply(event)
            case OrderEvent():
                self._on_order_event(event)
            case ParentIntended():
                self._forget(event.decision_id)
                self._parents[event.decision_id] = event
            case ParentFinished():
                self._parents.pop(event.decision_id, None)
            case _:
                pass

    def _on_order_event(self, event: Any) -> None:
        if isinstance(event, OrderFilled):
            self._position = self._position.apply(event)
            self._protection = self._protection.filled(event, self._position)
            if self._way_out is not None:
                self._way_out.filled(event)
        name = event.client_order_id
        order = self._orders.get(name)
        if isinstance(event, OrderIntended):
            order = order or Order(intent=event)
            self._forget(event.decision_id)
            if self._way_out is not None and event.side is Side.SELL:
                self._way_out.sent(event)
        elif order is None:
            return
        else:
            order = order.apply(event)
        self._orders[name] = order
        if order.is_settled:
            del self._orders[name]

    def _incomplete(self) -> list[Order]:
        """Return the orders of which more may come: one that is over may be kept for its alarm."""
        return [order for order in self._orders.values() if not order.is_complete]

    def _on_trigger_event(self, event: Any) -> None:
        known = self._triggers.get(event.trigger_id)
        if known is None and not isinstance(event, TriggerIntended):
            return  # It had ended when that was written: whoever keeps it looks after it.
        trigger = Trigger(intent=event) if known is None else known.apply(event)
        self._triggers[event.trigger_id] = trigger
        if not trigger.is_live:
            del self._triggers[event.trigger_id]
        if isinstance(event, TriggerEnded):
            refused = event.end in (TriggerEnd.REFUSED, TriggerEnd.FAILED)
            self._not_resident = event.reason if refused else ""

    def _on_candle(self, candle: CandleClosed) -> None:
        if candle.timeframe is not self._settings.atr_timeframe:
            return
        length_ns = candle.timeframe.seconds * NS_PER_S
        gap = (candle.open_time_ns - self._candle_ns) // length_ns - 1
        if self._candle_ns and gap > self._settings.atr_window:
            # What the average remembers is older than all it is made of.
            self._average_range = AverageRange(self._settings.atr_window)
        if candle.open_time_ns > self._candle_ns:
            self._candle_ns = candle.open_time_ns
            self._average_range = self._average_range.apply(candle)

    # Acting.

    def _act(self) -> None:
        if self._seq is None or self._rules is None:
            self._tell_readiness("the books or the pair's rules are not known yet")
            return
        held = self._sellable()
        self._tell_cover(held)
        if not held:
            self._end_way_out()
        elif self._is_book_live():
            self._draw_closer()
            out = self._why_out()
            if out is not None:
                self._get_out(*out, held)
        if self._is_wish_new(held):
            self._wish_soon()

    def _sellable(self) -> Quantity:
        """Return what of the position the exchange would take: dust is as good as nothing."""
        assert self._rules is not None
        quantity = self._rules.quantity_down(self._position.quantity)
        price = self._protection.stop or self._position.average_entry
        if self._book is not None:
            price = min(price, Price(Decimal(repr(self._book.bid))))
        if price <= 0 or quantity < self._rules.smallest(price):
            return Quantity(ZERO)
        return quantity

    def _is_book_live(self) -> bool:
        age_ns = self.monotonic_ns() - self._book_seen_ns
        return self._book is not None and age_ns <= self._stale_after_ns

    def _draw_closer(self) -> None:
        assert self._book is not None
        protection = self._protection
        began_at_ns, peak = self._peak
        if began_at_ns != protection.began_at_ns:
            peak = 0.0
        self._peak = (protection.began_at_ns, max(peak, self._book.bid))
        if protection.stop is None or self._drawn_from == protection.stop:
            return
        stop = closer_stop(protection, self._settings, self._peak[1], self._average_range.value)
        if stop is not None:
            moved = StopMoved(
                pair=self._pair,
                at_ns=self.now_ns(),
                began_at_ns=protection.began_at_ns,
                stop=stop,
                reason=f"{self._settings.stop} below {self._peak[1]!r}",
            )
            self._drawn_from = protection.stop
            self._record(moved, f"stop {self._pair} {protection.began_at_ns} {stop}")

    def _why_out(self) -> tuple[Purpose, str] | None:
        """Why what is held is to be sold now; None while it is not."""
        assert self._book is not None
        protection, bid = self._protection, Price(Decimal(repr(self._book.bid)))
        if protection.flatten:
            return Purpose.FLATTEN, protection.flatten
        if self._way_out is not None:
            return self._way_out.purpose, self._way_out.reason
        if protection.stop is not None and bid <= protection.stop:
            return Purpose.STOP_LOSS, f"bid {bid:f} at or below the stop {protection.stop:f}"
        if protection.target is not None and bid >= protection.target:
            return Purpose.TAKE_PROFIT, f"bid {bid:f} at or above the target {protection.target:f}"
        return None

    def _get_out(self, purpose: Purpose, reason: str, held: Quantity) -> None:
        assert self._book is not None
        if self._way_out is None or self._way_out.purpose is not purpose:
            self._way_out = WayOut(
                purpose, reason, self._reference(purpose), began_ns=self.monotonic_ns()
            )
        if self._session in _SILENT and purpose is not Purpose.FLATTEN:
            return
        resting = [order for order in self._incomplete() if not order.state.is_terminal]
        for order in resting:
            # What would buy more is in the way, and so is what would sell at another price.
            if order.cancel is None and order.intent.time_in_force is not TimeInForce.IOC:
                cancel = CancelOrder(client_order_id=order.client_order_id, reason=reason)
                self.tell(addresses.ORDER_ROUTER, cancel)
        for parent in self._parents.values():
            if parent.strategy != STRATEGY:
                self.tell(
                    addresses.ORDER_ROUTER,
                    CancelParent(decision_id=parent.decision_id, reason=reason),
                )
        is_selling = any(order.intent.side is Side.SELL for order in self._incomplete()) or any(
            parent.side is Side.SELL for parent in self._parents.values()
        )
        if self._proposed is None and not is_selling and self._way_out.may(self.monotonic_ns()):
            self._propose(self._way_out, held, self._book.bid)

    def _reference(self, purpose: Purpose) -> Price:
        """Return the price that slippage is measured from."""
        assert self._book is not None
        protection = self._protection
        if purpose is Purpose.STOP_LOSS and protection.stop is not None:
            return protection.stop
        if purpose is Purpose.TAKE_PROFIT and protection.target is not None:
            return protection.target
        return Price(Decimal(repr(self._book.bid)))

    def _propose(self, out: WayOut, held: Quantity, bid: float) -> None:
        assert self._rules is not None
        slippage_bps = out.slippage_bps(self._settings.slippage_max_bps)
        worst = Decimal(repr(bid)) * (1 - slippage_bps / BPS)
        now_ns = self.now_ns()
        decision = DecisionId(f"{self._pair}/{STRATEGY}/{self._process}/{self.next_id()}")
        self._proposed = decision
        rungs = tuple(rung for rung in self._settings.rungs() if rung < slippage_bps)
        attempt = out.tried(self.monotonic_ns())
        proposal = OrderProposed(
            decision_id=decision,
            trace_id=TraceId(out.trace or decision),
            pair=self._pair,
            strategy=STRATEGY,
            side=Side.SELL,
            order_type=OrderType.LIMIT,
            quantity=held,
            price=self._rules.price_aggressive(worst, Side.SELL),
            time_in_force=TimeInForce.IOC,
            reason=f"{out.reason}; attempt {attempt}",
            worksheet=(Bound(name="held", quantity=held),),
            proposed_at_ns=now_ns,
            expires_at_ns=TimeNs(now_ns + int(self._settings.proposal_ttl_s * NS_PER_S)),
            reply_to=self.address,
            purpose=out.purpose,
            plan=Ladder(rungs_bps=rungs) if rungs else None,
        )
        out.trace = out.trace or decision
        self.tell(addresses.RISK_GUARD, proposal)
        self.after(FATE_AFTER_S, _FateDue(decision))

    def _on_dropped(self, dropped: DecisionDropped) -> None:
        if self._proposed == dropped.decision_id and self._way_out is not None:
            self._way_out.refused(dropped.refusal, self.monotonic_ns())
        self._forget(dropped.decision_id)

    def _forget(self, decision: DecisionId) -> None:
        if self._proposed == decision:
            self._proposed = None

    def _end_way_out(self) -> None:
        """Say how the exit went, once nothing is held and nothing of it is under way."""
        out = self._way_out
        if out is None or self._incomplete() or self._parents or self._proposed is not None:
            return
        self._way_out = None
        text = out.told(self._pair, self.monotonic_ns())
        if text:
            self._alert(f"{out.purpose}_done", Severity.WARNING, text, out.trace)

    def _on_flatten(self, reason: str) -> None:
        if self._protection.quantity and not self._protection.flatten:
            began = FlattenBegan(pair=self._pair, at_ns=self.now_ns(), reason=reason)
            key = f"flatten {self._pair} {self._protection.began_at_ns}"
            self._record(began, key)

    def _on_drain(self) -> None:
        """Do what a trader that is parked cannot: sell what is held, say when nothing is left."""
        if self._seq is None or self._rules is None:
            return  # Whoever asks asks again.
        if self._sellable():
            self._on_flatten("draining, and its trader is parked")
        elif not self._incomplete() and not self._parents and self._proposed is None:
            self.tell(addresses.SESSION_KEEPER, PairDrained(pair=self._pair))

    # What waits at the exchange.

    def _wanted(self, held: Quantity) -> TriggerWanted:
        """Return what is to wait there: nothing while there is nothing to wait for."""
        assert self._rules is not None
        stop = self._protection.stop
        quantity, trigger_price, price = Quantity(ZERO), Price(ZERO), Price(ZERO)
        smallest = Quantity(ZERO)
        if stop is not None and self._settings.resident and self._way_out is None:
            slippage_bps = self._settings.resident_slippage_bps
            trigger_price = self._rules.price_passive(stop, Side.SELL)
            worst = trigger_price * (1 - slippage_bps / BPS)
            price = self._rules.price_aggressive(Decimal(worst), Side.SELL)
            smallest = self._rules.smallest(price) if price > 0 else Quantity(ZERO)
            if price > 0 and held >= smallest:
                quantity = held
        return TriggerWanted(
            pair=self._pair,
            quantity=quantity,
            trigger_price=trigger_price,
            price=price,
            as_of_seq=self._seq or 0,
            smallest=smallest,
        )

    def _is_wish_new(self, held: Quantity) -> bool:
        """Return whether what waits there is not what is to wait."""
        live, wanted = list(self._triggers.values()), self._wanted(held)
        if not wanted.quantity:
            return any(trigger.cancel is None for trigger in live)
        if self._why_unwatched() and self._resident() == held:
            # It alone covers: whoever replaced it now would lay the position bare meanwhile.
            return False
        return not any(
            trigger.intent.quantity == wanted.quantity
            and trigger.intent.trigger_price == wanted.trigger_price
            for trigger in live
        )

    def _wish_soon(self) -> None:
        left_ns = self._wished_ns + WISHES_APART_NS - self.monotonic_ns()
        if left_ns <= 0:
            self._wish()
        elif not self._wish_due:
            self._wish_due = True
            self.after(left_ns / NS_PER_S, _WishDue())

    def _wish(self) -> None:
        if self._seq is None or self._rules is None:
            return
        held = self._sellable()
        if self._is_wish_new(held):
            self._wished_ns = self.monotonic_ns()
            self.tell(addresses.TRIGGER_KEEPER, self._wanted(held))

    # How it stands.

    def _tell_cover(self, held: Quantity) -> None:
        """Publish how the position is protected when that has changed."""
        now = self._covered(held)
        told = self._told
        since_ns = told.since_ns if told is not None and told.cover is now.cover else now.at_ns
        now = PositionCovered(**(_members(now) | {"since_ns": since_ns}))
        if told is None or _substance(told) != _substance(now):
            self._told = now
            self.publish(now)
        if now.cover is not Cover.UNCOVERED:
            self._alerted = False
            self._tell_readiness("")
        else:
            if self._readiness != "" or self._session is Session.STARTING:
                self._tell_readiness(f"a position is not covered: {now.reason}")
            if not self._alerted and now.at_ns - since_ns >= UNCOVERED_TOLD_NS:
                self._alerted = True
                self._alert("uncovered", Severity.CRITICAL, f"{self._pair}: {now.reason}")

    def _covered(self, held: Quantity) -> PositionCovered:
        stop = self._protection.stop
        unwatched = self._why_unwatched()
        resident = self._resident()
        at_exchange = bool(held) and resident >= held
        if not held:
            cover, reason = Cover.FLAT, ""
        elif not unwatched or at_exchange:
            cover = Cover.COVERED
            reason = "" if at_exchange else f"not at the exchange: {self._why_not_resident()}"
            reason = reason or (f"not watched here: {unwatched}" if unwatched else "")
        else:
            cover = Cover.UNCOVERED
            reason = f"not watched here: {unwatched}; not at the exchange: "
            reason += self._why_not_resident()
        now_ns = self.now_ns()
        return PositionCovered(
            pair=self._pair,
            cover=cover,
            quantity=held,
            stop=stop if held else None,
            target=self._protection.target if held else None,
            resident=resident,
            watched=not unwatched,
            reason=reason,
            since_ns=now_ns,
            at_ns=now_ns,
        )

    def _resident(self) -> Quantity:
        """Return what an armed trigger order would sell, if it is to go on waiting."""
        armed = [
            one.intent.quantity
            for one in self._triggers.values()
            if one.state is TriggerState.ARMED and one.cancel is None
        ]
        return Quantity(sum(armed, ZERO))

    def _why_unwatched(self) -> str:
        if self._protection.stop is None:
            return "it has no stop yet"
        if self._session in _SILENT:
            return f"nothing leaves while the session is {self._session}"
        return "" if self._is_book_live() else "no live book"

    def _why_not_resident(self) -> str:
        if not self._settings.resident:
            return "switched off"
        if self._way_out is not None:
            return "it is being sold"
        return self._not_resident or "on its way, or less than the exchange takes"

    def _tell_readiness(self, reason: str) -> None:
        if reason == self._readiness or (not reason and (self._books_due or self._echo_due)):
            return
        self._readiness = reason
        part = addresses.protection_part(self._pair)
        told: PartReady | PartNotReady = PartReady(part=part, asked=self._asked)
        if reason:
            told = PartNotReady(part=part, reason=reason)
        self.tell_control(addresses.SESSION_KEEPER, told)

    def _alert(self, alert: str, severity: Severity, text: str, trace: str = "") -> None:
        raised = AlertRaised(
            alert=alert, severity=severity, text=text, at_ns=self.now_ns(), trace_id=trace
        )
        self._record(raised)

    def _record(self, event: Any, key: str | None = None) -> None:
        self.tell(addresses.RECORDER, self._outbox.add([Entry(event=event, key=key)]))

    def _on_asked(self, question: int) -> None:
        """Answer when all is known here that others have found, and had journalled, before that."""
        if question == self._asked and question and not self._echo_due:
            return  # Answered.
        self._asked, self._readiness, self._echo_due = question, None, True
        self._ask_echo()

    def _ask_echo(self) -> None:
        self.tell(addresses.RECORDER, EchoWanted(number=self._asked, reply_to=self.address))

    def _ask_books(self) -> None:
        self._books_due = True
        self.tell(addresses.RECORDER, BooksWanted(reply_to=self.address, quote=self._quote))


def _members(covered: PositionCovered) -> dict[str, Any]:
    return {name: getattr(covered, name) for name in covered.__struct_fields__}


def _substance(covered: PositionCovered) -> dict[str, Any]:
    return _members(covered) | {"at_ns": 0}
