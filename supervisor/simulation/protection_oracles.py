"""What must always hold of what is held: it is protected, and sold once its stop is met."""

from collections import Counter
from decimal import Decimal

import msgspec

from state.messages.protection import Cover, PositionCovered
from state.order import Order as Folded
from state.protection import Protection
from state.store import Store, stored_protections
from state.values import NS_PER_S, ZERO, Pair, Session, Side
from supervisor.simulation.oracle import Observed, Oracle


def _worth_selling(run: Observed, pair: Pair, held: Decimal) -> Decimal:
    """Return what of `held` can be sold: 0 where the exchange might take it for too little."""
    rules = run.outside.host.venue.pair(pair).rules
    held -= held % Decimal(1).scaleb(-rules.amount_decimals)
    is_much = held > 2 * (rules.min_base or ZERO)
    return held if is_much and held * _bid(run, pair) > 2 * (rules.min_quote or ZERO) else ZERO


def _bid(run: Observed, pair: Pair) -> Decimal:
    """Return the best bid at the exchange, quote per base; 0 where there is none."""
    venue = run.outside.host.venue
    best = venue.pairs[pair].book.bids.best() or 0
    return Decimal(best).scaleb(-venue.pair(pair).rules.price_decimals)


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
        told = self._told.get(pair)
        if told is not None and told.cover is Cover.COVERED:
            rules = self.run.outside.host.venue.pair(pair).rules
            return told.quantity != held - held % Decimal(1).scaleb(-rules.amount_decimals)
        return _worth_selling(self.run, pair, held) > 0


class Stops(Oracle):
    """In peace, what has met its stop or is to be flattened is sold soon, whoever sells it.

    The house may not know the fate of an order or a trigger order that could sell the same units:
    it finds that out first, and has the time for it that this takes at most.
    """

    _SOON_S = 3.0
    """Who was refused waits up to two of them. Where each answer takes most of one, twice that."""
    _LOOKS_APART_NS = NS_PER_S // 20

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._session = Session.STARTING
        self._pairs: dict[Pair, Session] = {}
        self._unwatched: set[Pair] = set()
        self._since_ns: dict[Pair, int] = {}
        """Since when it is to be sold."""
        self._doubted: set[Pair] = set()
        """Where the fate of a sale was unknown since then."""
        self._looked_ns = 0

    def on_life(self) -> None:
        """See `Oracle`."""
        self._begin_anew()
        self._session, self._pairs = Session.STARTING, {}

    def on_session(self, session: Session) -> None:
        """See `Oracle`."""
        self._session = session

    def on_pairs(self, pairs: dict[Pair, Session]) -> None:
        """See `Oracle`."""
        self._pairs = pairs

    def on_covered(self, covered: PositionCovered) -> None:
        """See `Oracle`."""
        (self._unwatched.discard if covered.watched else self._unwatched.add)(covered.pair)

    def on_step(self) -> None:
        """See `Oracle`."""
        now_ns = self.run.clock.elapsed_ns
        store = self.run.outside.store
        if not self.run.calm_for_s or self._session not in _SELLING or store is None:
            self._begin_anew()
        elif now_ns - self._looked_ns >= self._LOOKS_APART_NS:
            self._looked_ns = now_ns
            for pair, protection in stored_protections(store.connection).items():
                self._look(pair, protection, store)

    def _begin_anew(self) -> None:
        self._since_ns.clear()
        self._doubted.clear()

    def _look(self, pair: Pair, protection: Protection, store: Store) -> None:
        # That a book is live again soon is for `Covered` to see.
        may_sell = self._pairs.get(pair) is not Session.STOPPED and pair not in self._unwatched
        if not may_sell or not self._is_due(protection):
            self._since_ns.pop(pair, None)
            self._doubted.discard(pair)
            return
        if self._is_in_doubt(pair, store):
            self._doubted.add(pair)
        now_ns = self.run.clock.elapsed_ns
        if now_ns - self._since_ns.setdefault(pair, now_ns) > self._within_s(pair) * NS_PER_S:
            stop = protection.flatten or f"bid {_bid(self.run, pair)}, stop {protection.stop:.8g}"
            self.run.blame("not sold", f"{pair}: {protection.quantity} held, {stop}")

    def _within_s(self, pair: Pair) -> float:
        soon_s = self._SOON_S
        if pair in self._doubted:
            windows = self.run.config.orders
            lists_s = 2 * windows.reconcile_every_s
            soon_s += windows.expiry_s + windows.visibility_lag_s + lists_s
        return soon_s * (2 if self.run.options.slow else 1)

    def _is_due(self, protection: Protection) -> bool:
        bid = _bid(self.run, protection.pair)
        is_met = protection.stop is not None and 0 < bid <= protection.stop
        is_due = is_met or bool(protection.flatten)
        return is_due and _worth_selling(self.run, protection.pair, protection.quantity) > 0

    def _is_in_doubt(self, pair: Pair, store: Store) -> bool:
        known = self.run.chronicle.orders.values()
        ours = (one for one in known if one.intent.pair == pair and one.intent.side is Side.SELL)
        if any(one.lost for one in ours):
            return True
        doubtful = "SELECT 1 FROM triggers WHERE state IN ('intended', 'unknown') AND pair = ?"
        return store.connection.execute(doubtful, (pair,)).fetchone() is not None


_SELLING = frozenset({Session.READY, Session.PAUSED, Session.DRAINING})
"""Sessions in which what is held may be sold."""


class Resident(Oracle):
    """In peace, what a protector says waits at the exchange does wait there, and nothing else."""

    _SOON_S = 2.0
    """For what is told, and for lists; twice that where each answer takes most of a second."""
    _LOOKS_APART_NS = NS_PER_S // 20

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._told: dict[Pair, Decimal] = {}
        self._since_ns: dict[Pair, int] = {}
        self._looked_ns = 0

    def on_life(self) -> None:
        """See `Oracle`."""
        self._told.clear()
        self._since_ns.clear()

    def on_covered(self, covered: PositionCovered) -> None:
        """See `Oracle`."""
        self._told[covered.pair] = covered.resident

    def on_step(self) -> None:
        """See `Oracle`."""
        now_ns = self.run.clock.elapsed_ns
        if not self.run.calm_for_s:
            self._since_ns.clear()
        elif now_ns - self._looked_ns >= self._LOOKS_APART_NS:
            self._looked_ns = now_ns
            waits: dict[Pair, Decimal] = {}
            for one in self.run.outside.triggers():
                waits[one.pair] = waits.get(one.pair, ZERO) + one.request.amount
            for pair, told in self._told.items():
                self._look(pair, told, waits.get(pair, ZERO))

    def _look(self, pair: Pair, told: Decimal, waits: Decimal) -> None:
        now_ns = self.run.clock.elapsed_ns
        soon_s = self._SOON_S * (2 if self.run.options.slow else 1)
        if told == waits:
            self._since_ns.pop(pair, None)
        elif now_ns - self._since_ns.setdefault(pair, now_ns) > soon_s * NS_PER_S:
            self.run.blame("not what waits", f"{pair}: {told} is told, {waits} waits")


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
