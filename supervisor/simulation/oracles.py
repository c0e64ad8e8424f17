"""What must always hold, each an oracle of its own. A new part of the house adds its own here.

An oracle hears of every journalled event, of every order the exchange takes and of the end. It
compares what the exchange did with what the journal says, and says what is wrong; it changes
nothing. `ORACLES` lists those that every run has.
"""

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Protocol

import msgspec

from actors.kernel.virtual import VirtualClock
from adapters.simulated.core.orders import Order
from adapters.simulated.core.units import decimal_of
from state.config import Config
from state.invariants import ledger_violations
from state.messages.accounts import FundsKind, FundsMoved
from state.messages.journal import Journaled
from state.messages.operations import PairSessionChanged
from state.messages.orders import AmendIntended, OrderAmended, OrderFilled, OrderIntended
from state.messages.protection import Cover, PositionCovered
from state.order import Order as Folded
from state.store import Store, self_check
from state.values import NS_PER_S, ZERO, ClientOrderId, Pair, Session, Side
from supervisor.simulation.chronicle import Chronicle, Known
from supervisor.worlds.virtual import VirtualOutside


class Observed(Protocol):
    """What an oracle may look at."""

    config: Config
    outside: VirtualOutside
    chronicle: Chronicle
    left: dict[str, str | None]
    """Client ids of placements that left, and why they should not have; None when they might."""
    clock: VirtualClock

    @property
    def calm_for_s(self) -> float:
        """How long nothing has gone wrong on purpose; 0 while faults strike."""
        ...

    def blame(self, name: str, detail: str) -> None:
        """Note a violation."""
        ...


class Oracle:
    """Base of all: overrides what it wants to hear of."""

    def __init__(self, run: Observed) -> None:
        self.run = run

    def on_event(self, journaled: Journaled) -> None:
        """An event was committed; the chronicle knows it already."""

    def on_taken(self, order: Order) -> None:
        """The exchange took an order of ours."""

    def on_life(self) -> None:
        """A new process is about to begin."""

    def on_covered(self, covered: PositionCovered) -> None:
        """A protector says how a position is protected."""

    def on_session(self, session: Session) -> None:
        """The session keeper says what the house may do."""

    def on_pairs(self, pairs: dict[Pair, Session]) -> None:
        """The session keeper says what single pairs were told to do."""

    def on_step(self) -> None:
        """Something happened: asked after every step, so it has to be cheap."""

    def on_end(self, store: Store) -> None:
        """Faults are long over, the session is stopped and nothing is under way."""


class Meant(Oracle):
    """What the exchange takes was meant, durably, before."""

    def on_taken(self, order: Order) -> None:
        """See `Oracle`."""
        if order.text not in self.run.chronicle.orders:
            self.run.blame("order never meant", order.text)


class OnePerDecision(Oracle):
    """Each decision has at most one order that lives or has traded, over all its attempts.

    Children of a parent order are many; `Parents` looks after them.
    """

    def on_taken(self, order: Order) -> None:
        """See `Oracle`."""
        del order
        ours = self.run.outside.orders()
        texts = Counter(one.text for one in ours)
        for text, count in texts.items():
            if count > 1:
                self.run.blame("order doubled", text)
        alive: defaultdict[str, list[str]] = defaultdict(list)
        for one in ours:
            known = self.run.chronicle.orders.get(ClientOrderId(one.text))
            if known is None or known.intent.parent is not None:
                continue
            if one.is_open or one.filled_lots:
                alive[known.intent.decision_id].append(one.text)
        for decision, names in alive.items():
            if len(names) > 1:
                self.run.blame("decision doubled", f"{decision}: {', '.join(names)}")


class Parents(Oracle):
    """What the exchange has of a parent's children never exceeds it, in size or in price."""

    def on_taken(self, order: Order) -> None:
        """See `Oracle`."""
        known = self.run.chronicle.orders.get(ClientOrderId(order.text))
        if known is None or known.intent.parent is None:
            return
        parent = self.run.chronicle.parents[known.intent.parent]
        decimals = self.run.outside.host.venue.pairs[parent.pair].units.price_decimals
        price = decimal_of(order.ticks, decimals)
        if (price - parent.price) * parent.side.sign > 0:
            self.run.blame("child beyond its parent", f"{order.text}: {price}")
        taken, _ = self._taken(parent.decision_id)
        if taken > parent.quantity:
            self.run.blame("parent exceeded", f"{parent.decision_id}: {taken}")

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        chronicle = self.run.chronicle
        for decision in chronicle.open_parents:
            self.run.blame("parent not over", decision)
        for decision, over in chronicle.parents_over.items():
            _, filled = self._taken(decision)
            if filled != over.filled:
                self.run.blame("parent misjudged", f"{decision}: {over.filled}, in truth {filled}")
            if over.reason == "filled" and filled != chronicle.parents[decision].quantity:
                self.run.blame("parent not filled", decision)
        for one in store.open_parents():
            self.run.blame("parent not over", f"{one.decision_id}: in the table")

    def _taken(self, parent: str) -> tuple[Decimal, Decimal]:
        """Return what its children may come to, and what of it was filled."""
        taken, filled = ZERO, ZERO
        for order in self.run.outside.orders():
            known = self.run.chronicle.orders.get(ClientOrderId(order.text))
            if known is not None and known.intent.parent == parent:
                decimals = self.run.outside.host.venue.pairs[order.pair].units.amount_decimals
                done = decimal_of(order.filled_lots, decimals)
                filled += done
                taken += done + (decimal_of(order.left, decimals) if order.is_open else ZERO)
        return taken, filled


class Halted(Oracle):
    """Nothing leaves for the exchange while everything is stopped."""

    def on_taken(self, order: Order) -> None:
        """See `Oracle`."""
        why = self.run.left.get(order.text, "it never left us")
        if why is not None:
            self.run.blame("sent while halted", f"{order.text}: {why}")


class Limits(Oracle):
    """What is held, bid for and of unknown fate stays within the limits.

    The market may move what is held beyond a limit; buying may not. So it is asked when an order
    is meant, and allows for the move of a moment.
    """

    _ROOM = Decimal("1.02")

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        event = journaled.event
        if not isinstance(event, OrderIntended) or event.side is not Side.BUY:
            return
        risk = self.run.config.risk
        by_pair = {pair: self._worth(pair) for pair in self.run.config.pairs}
        if by_pair[event.pair] > risk.position_notional_max * self._ROOM:
            self._passed(event.pair, by_pair[event.pair], risk.position_notional_max)
        if sum(by_pair.values()) > risk.exposure_notional_max * self._ROOM:
            self._passed("all pairs", sum(by_pair.values(), ZERO), risk.exposure_notional_max)

    def on_taken(self, order: Order) -> None:
        """See `Oracle`."""
        del order
        limit = self.run.config.risk.position_notional_max
        for pair, worth in self.run.outside.exposures().items():
            if worth > limit * self._ROOM:
                self._passed(pair, worth, limit)

    def _worth(self, pair: Pair) -> Decimal:
        market = self.run.outside.host.venue.pairs[pair]
        ask = market.book.asks.best()
        orders = [one for one in self.run.chronicle.orders.values() if one.intent.pair == pair]
        held = sum((one.filled * _sign(one) for one in orders), ZERO)
        price = Decimal(ask or 0).scaleb(-market.units.price_decimals)
        bid = sum(
            (
                (one.most - one.filled) * one.worst
                for one in orders
                if one.intent.side is Side.BUY and not one.over
            ),
            ZERO,
        )
        return max(held, ZERO) * price + bid

    def _passed(self, what: str, worth: Decimal, limit: Decimal) -> None:
        self.run.blame("limit passed", f"{what}: {worth:.2f} of {limit}")


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
    """The accounts add up at every commit, and at the end agree with the exchange."""

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        store = self.run.outside.store
        if isinstance(journaled.event, OrderFilled) and store is not None:
            for one in ledger_violations(store.ledger(self.run.config.quote)):
                self.run.blame(one.name, one.detail)

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        ledger = store.ledger(self.run.config.quote)
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


class Covered(Oracle):
    """No house is ready, and none goes on in peace, while a position is not protected."""

    _SOON_S = 1.0
    _PEACE_S = 8.0
    """After the faults: by then every book is live and every order's fate is known."""

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._told: dict[Pair, PositionCovered] = {}
        self._session = Session.STARTING
        self._naked_ns: dict[Pair, int] = {}
        self._looked_ns = 0

    def on_life(self) -> None:
        """See `Oracle`."""
        self._told.clear()
        self._naked_ns.clear()
        self._session = Session.STARTING

    def on_covered(self, covered: PositionCovered) -> None:
        """See `Oracle`."""
        self._told[covered.pair] = covered

    def on_session(self, session: Session) -> None:
        """See `Oracle`."""
        before, self._session = self._session, session
        if session is Session.READY and before is Session.STARTING:
            for pair in self.run.config.pairs:
                told = self._told.get(pair)
                if told is None or told.cover is Cover.UNCOVERED:
                    why = "nobody protects it" if told is None else told.reason
                    self.run.blame("ready without protection", f"{pair}: {why}")

    def on_step(self) -> None:
        """See `Oracle`."""
        now_ns = self.run.clock.elapsed_ns
        if now_ns - self._looked_ns < NS_PER_S // 10 or self.run.calm_for_s < self._PEACE_S:
            return
        self._looked_ns = now_ns
        store = self.run.outside.store
        if store is None or self._session is not Session.READY:
            return
        ledger = store.ledger(self.run.config.quote)
        for pair in self.run.config.pairs:
            if not self._is_naked(pair, ledger.position(pair).quantity):
                self._naked_ns.pop(pair, None)
            elif now_ns - self._naked_ns.setdefault(pair, now_ns) > self._SOON_S * NS_PER_S:
                self.run.blame("uncovered", f"{pair}: {self._told.get(pair)}")

    def _is_naked(self, pair: Pair, held: Decimal) -> bool:
        """Return whether what is held is neither said to be protected nor too little to sell."""
        rules = self.run.outside.host.venue.pair(pair).rules
        held -= held % Decimal(1).scaleb(-rules.amount_decimals)
        told = self._told.get(pair)
        if told is not None and told.cover is Cover.COVERED:
            return told.quantity != held
        best = self.run.outside.host.venue.pairs[pair].book.bids.best() or 0
        worth = held * Decimal(best).scaleb(-rules.price_decimals)
        return held > 2 * (rules.min_base or ZERO) and worth > 2 * (rules.min_quote or ZERO)


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


class Triggers(Oracle):
    """What trigger orders became is ours, once; and none waits that the journal does not know."""

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        fired = Counter(str(one.id) for one in self.run.outside.fired_orders())
        rows = store.connection.execute("SELECT venue_order_id, fold FROM orders")
        adopted = Counter(
            venue_id
            for venue_id, fold in rows
            if msgspec.json.decode(fold, type=Folded).intent.trigger_id
        )
        for order_id in fired - adopted:
            self.run.blame("fired order not adopted", order_id)
        for order_id in adopted - fired:
            self.run.blame("order adopted that never fired", order_id)
        armed = {
            venue_id
            for (venue_id,) in store.connection.execute(
                "SELECT venue_trigger_id FROM triggers WHERE state = 'armed'"
            )
        }
        waits: Counter[Pair] = Counter()
        for one in self.run.outside.triggers():
            if str(one.id) not in armed:
                self.run.blame("trigger order left", f"{one.id}: the journal has it ended")
            waits[one.pair] += 1
        for pair, count in waits.items():
            if count > 1:
                self.run.blame("trigger order doubled", f"{pair}: {count} wait")
        ledger = store.ledger(self.run.config.quote)
        for one in self.run.outside.triggers():
            held = ledger.position(one.pair).quantity
            if one.request.amount > held:
                self.run.blame("trigger order too large", f"{one.pair}: {one.request.amount}")


class Settled(Oracle):
    """At the end every order has an end that the exchange agrees with, and nothing is strange."""

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        for order in store.unsettled_orders():
            self.run.blame("unsettled", f"{order.client_order_id}: {order.state}")
            for alarm in order.alarms:
                self.run.blame("alarm", f"{order.client_order_id}: {alarm}")
        taken = self.run.outside.orders()
        theirs = {order.text for order in taken}
        for name, known in self.run.chronicle.orders.items():
            if known.never and name in theirs:
                self.run.blame("order disowned", f"{name}: the exchange took it")
            if not known.never and name not in theirs and not known.intent.trigger_id:
                self.run.blame("order invented", f"{name}: the exchange never took it")
        for one in taken:
            if one.is_open:
                self.run.blame("order left", f"{one.text}: still rests")


class Shapes(Oracle):
    """What an order asks for at the exchange is what the journal says it may ask for."""

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`. The next amendment cannot have left yet, so the exchange shows this one."""
        event = journaled.event
        if not isinstance(event, OrderAmended):
            return
        for order in self.run.outside.orders():
            if order.text == event.client_order_id and self._asked(order) != _shape(event):
                self.run.blame("never amended", f"{order.text}: {_shape(event)}")

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        del store
        for order in self.run.outside.orders():
            known = self.run.chronicle.orders.get(ClientOrderId(order.text))
            if known is None:
                continue
            shapes = [(known.quantity, known.price)]
            if known.pending is not None:
                shapes.append(_shape(known.pending))
            if self._asked(order) not in shapes:
                self.run.blame("another shape", f"{order.text}: {self._asked(order)}, not {shapes}")

    def _asked(self, order: Order) -> tuple[Decimal, Decimal]:
        units = self.run.outside.host.venue.pairs[order.pair].units
        quantity = decimal_of(order.amount, units.amount_decimals)
        return quantity, decimal_of(order.ticks, units.price_decimals)


def _shape(event: OrderAmended | AmendIntended) -> tuple[Decimal, Decimal]:
    return event.quantity, event.price


class Journal(Oracle):
    """The chain holds, what is projected is what the events say, and the exchange is sound."""

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        store.verify()
        for table in self_check(store).differing:
            self.run.blame("projection", table)
        for broken in self.run.outside.broken_invariants():
            self.run.blame("exchange", broken)


def _sign(known: Known) -> int:
    return 1 if known.intent.side is Side.BUY else -1


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
    Triggers,
    Settled,
    Shapes,
    Journal,
)
"""Every run has these."""
