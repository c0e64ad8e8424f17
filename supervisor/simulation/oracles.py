"""What must always hold, each an oracle of its own. A new part of the house adds its own here.

An oracle hears of every journalled event, of every order the exchange takes and of the end. It
compares what the exchange did with what the journal says, and says what is wrong; it changes
nothing. `ORACLES` lists those that every run has.
"""

from collections import deque
from decimal import Decimal
from typing import ClassVar

from state.invariants import ledger_violations
from state.ledger import Ledger
from state.messages.accounts import FundsKind, FundsMoved
from state.messages.journal import Journaled
from state.messages.operations import PairSessionChanged
from state.messages.orders import OrderAmended, OrderFilled, OrderIntended
from state.messages.protection import (
    TriggerEnd,
    TriggerEnded,
)
from state.messages.venue import CancelPlaced, CancelTrigger, VenueRequest
from state.store import Store, self_check
from state.values import NS_PER_S, ZERO, Pair, Session, Side
from supervisor.simulation.oracle import Observed, Oracle
from supervisor.simulation.order_oracles import (
    Disowned,
    Halted,
    Limits,
    Meant,
    OnePerDecision,
    Parents,
    Settled,
    Shapes,
)
from supervisor.simulation.protection_oracles import Covered, Resident, Stops, Triggers

_OVERSOLD = "position_oversold"


class Fills(Oracle):
    """Every fill is counted, once, and no other (that none is twice in it the chronicle sees)."""

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        del store
        theirs = {(one.pair, str(one.id)) for one in self.run.outside.trades()}
        ours = self.run.chronicle.fills
        for key in theirs - ours:
            self.run.blame("fill lost", str(key))
        for key in ours - theirs:
            self.run.blame("fill invented", str(key))


class Accounts(Oracle):
    """The accounts add up at every commit, and at the end agree with the exchange.

    A sale of ours that somebody else made larger may sell coins that no trade of ours bought. So
    may a trigger order that was given up, for nothing guards its request against being late, and
    that fires as soon as it has turned up. By so much a position may be oversold, and by no more.
    """

    _TAKEN_BACK_S = 0.5
    """Until it must be gone, beyond the longest time between two looks."""

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._given_up: dict[str, int] = {}
        """The exchange's next number of a trigger order when each was: it has not come yet."""
        self._fired_at_once: set[str] = set()
        self._is_new = False
        """Whether there is a fact on which it depends that has not been looked at."""

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        match journaled.event:
            case OrderFilled() | OrderAmended():
                self._is_new = True
            case TriggerEnded(end=TriggerEnd.NOT_PLACED) as ended:
                self._given_up[ended.trigger_id] = self.run.outside.host.venue.triggers.next_id
            case TriggerEnded(end=TriggerEnd.FIRED) as fired if fired.trigger_id in self._given_up:
                if self._came_too_late(fired):
                    self._fired_at_once.add(fired.trigger_id)
            case _:
                pass

    def on_step(self) -> None:
        """See `Oracle`. A transaction is read whole before this is asked."""
        if self._is_new and self.run.outside.store is not None:
            self._is_new = False
            self._check(self.run.outside.store.ledger(self.run.config.quote))

    def _check(self, ledger: Ledger) -> None:
        for one in ledger_violations(ledger):
            if one.name != _OVERSOLD:
                self.run.blame(one.name, one.detail)
        for pair, position in ledger.positions.items():
            if position.oversold > self._sold_by_hand(pair) + self._sold_too_late(pair):
                self.run.blame(_OVERSOLD, f"{pair}: {position.oversold}")

    def _sold_by_hand(self, pair: Pair) -> Decimal:
        """Return what sales of ours sold only because somebody else made them larger."""
        amended = [
            known
            for name, known in self.run.chronicle.orders.items()
            if name in self.run.outside.added_by_hand and known.intent.pair == pair
        ]
        return sum(
            (max(ZERO, one.filled - one.asked) for one in amended if one.intent.side is Side.SELL),
            ZERO,
        )

    def _came_too_late(self, fired: TriggerEnded) -> bool:
        """Return whether it came after it was given up, and fired before it could be taken back."""
        known = self.run.outside.host.venue.triggers.finished
        [one] = [one for one in known if str(one.fired_order_id) == fired.fired_order_id]
        within_s = self.run.config.orders.reconcile_every_s + self._TAKEN_BACK_S
        lived_ns = one.ended_ns - one.created_ns
        return one.id >= self._given_up[fired.trigger_id] and lived_ns <= within_s * NS_PER_S

    def _sold_too_late(self, pair: Pair) -> Decimal:
        """Return what trigger orders sold that had been given up and fired as they turned up."""
        orders = self.run.chronicle.orders.values() if self._fired_at_once else ()
        sold = [
            known.filled
            for known in orders
            if known.intent.pair == pair and known.intent.trigger_id in self._fired_at_once
        ]
        return sum(sold, ZERO)

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        ledger = store.ledger(self.run.config.quote)
        self._check(ledger)
        theirs = self.run.outside.balances()
        for currency in sorted({*ledger.balances, *theirs}):
            ours, shown = ledger.balance(currency), theirs.get(currency, ZERO)
            if ours != shown:
                self.run.blame("balance", f"{currency}: ledger {ours}, exchange {shown}")


class Causes(Oracle):
    """Money is booked as what it was: foreign fills and lines of the account book."""

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        event = journaled.event
        if not isinstance(event, FundsMoved) or event.kind is FundsKind.OPENING:
            return
        told = {
            FundsKind.FOREIGN: self.run.outside.causes_of_stranger,
            FundsKind.DEPOSIT: self.run.outside.lines_of_account_book,
            FundsKind.WITHDRAWAL: self.run.outside.lines_of_account_book,
        }.get(event.kind)
        named = () if told is None else (one for one in told() if one in event.reason)
        if not any(named):
            self.run.blame("booked as something else", f"{event.change} {event.reason}")


class PairSessions(Oracle):
    """In a pair that was told not to trade nothing is bought, and this outlives every process."""

    _SOON_S = 1.0
    """What was approved before may still be on its way out."""

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._since_ns: dict[Pair, int] = {}
        self._told: dict[Pair, Session] = {}
        self._freed_ns: dict[Pair, int] = {}

    def on_life(self) -> None:
        """See `Oracle`. What an earlier process told is not taken back by a new one's silence."""
        self._told = {}

    def on_pairs(self, pairs: dict[Pair, Session]) -> None:
        """See `Oracle`. That a pair goes on is told before the journal has it."""
        for pair in self._told.keys() - pairs.keys():
            self._freed_ns[pair] = self.run.clock.elapsed_ns
        self._told = pairs

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        event = journaled.event
        now_ns = self.run.clock.elapsed_ns
        if isinstance(event, PairSessionChanged):
            self._since_ns[event.pair] = now_ns
        elif isinstance(event, OrderIntended) and event.side is Side.BUY:
            session = self.run.chronicle.pair_sessions.get(event.pair, Session.READY)
            if session is Session.READY:
                return
            told_ns = max(self._since_ns[event.pair], self._freed_ns.get(event.pair, 0))
            if now_ns - told_ns > self._SOON_S * NS_PER_S:
                late_s = (now_ns - told_ns) / NS_PER_S
                detail = f"{event.client_order_id}: {event.pair} is {session} for {late_s:.2f} s"
                self.run.blame("bought in a pair that was told not to", detail)


class Pauses(Oracle):
    """What the exchange refuses is not asked again at the speed of the wire.

    In 600 seeds a cancel of an order left 13 times in a second at most: by a search every fifth of
    one, by a sweep and by lives that followed each other; one of a trigger order 4 times. Without
    pauses it was 32 and 19.
    """

    _MOST: ClassVar = {CancelPlaced: 25, CancelTrigger: 12}

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._left: dict[VenueRequest, deque[int]] = {}

    def on_leaving(self, request: VenueRequest) -> None:
        """See `Oracle.on_leaving`."""
        most = self._MOST.get(type(request))
        if most is None:
            return
        now_ns = self.run.clock.elapsed_ns
        times = self._left.setdefault(request, deque())
        times.append(now_ns)
        while times[0] < now_ns - NS_PER_S:
            times.popleft()
        if len(times) > most:
            self.run.blame("asked without a pause", f"{request}: {len(times)} times in a second")
            times.clear()


class Journal(Oracle):
    """The chain holds, what is projected is what the events say, and the exchange is sound."""

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        store.verify()
        for table in self_check(store).differing:
            self.run.blame("projection", table)
        for broken in self.run.outside.broken_invariants():
            self.run.blame("exchange", broken)


ORACLES: tuple[type[Oracle], ...] = (
    Meant,
    OnePerDecision,
    Parents,
    Halted,
    Limits,
    Fills,
    Accounts,
    Causes,
    Covered,
    PairSessions,
    Stops,
    Resident,
    Triggers,
    Pauses,
    Settled,
    Shapes,
    Disowned,
    Journal,
)
"""Every run has these."""
