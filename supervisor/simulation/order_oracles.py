"""What must always hold of orders: one for each decision, as they were meant, within the limits."""

from collections import Counter, defaultdict
from decimal import Decimal

from adapters.simulated.core.orders import Order
from adapters.simulated.core.units import decimal_of
from state.messages.journal import Journaled
from state.messages.orders import (
    AmendIntended,
    DecisionMade,
    ForeignAmendment,
    OrderAmended,
    OrderIntended,
)
from state.order import Alarm
from state.order import Order as Folded
from state.store import Store
from state.values import NS_PER_S, ZERO, ClientOrderId, DecisionId, Pair, Side
from supervisor.simulation.chronicle import Known
from supervisor.simulation.oracle import Observed, Oracle


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
    is meant, and allows for the move of a moment. Somebody else may amend a bid of ours beyond a
    limit; who decides after that is known may not buy more.
    """

    _ROOM = Decimal("1.02")
    _SOON_NS = NS_PER_S // 4
    """So long it may take until the journal's facts are known to who decides."""

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._decided_ns: dict[DecisionId, int] = {}
        self._noticed_ns: dict[ClientOrderId, int] = {}
        """When it was first journalled that somebody else amended an order."""

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        event = journaled.event
        if isinstance(event, DecisionMade):
            self._decided_ns[event.decision_id] = self.run.clock.elapsed_ns
        elif isinstance(event, ForeignAmendment):
            self._noticed_ns.setdefault(event.client_order_id, self.run.clock.elapsed_ns)
        if not isinstance(event, OrderIntended) or event.side is not Side.BUY:
            return
        risk, decided_ns = self.run.config.risk, self._decided_ns.get(event.decision_id, 0)
        by_pair = {
            pair: self._worth(pair) - self._excused(pair, decided_ns)
            for pair in self.run.config.pairs
        }
        if by_pair[event.pair] > risk.position_notional_max * self._ROOM:
            self._passed(event.pair, by_pair[event.pair], risk.position_notional_max)
        if sum(by_pair.values()) > risk.exposure_notional_max * self._ROOM:
            self._passed("all pairs", sum(by_pair.values(), ZERO), risk.exposure_notional_max)

    def on_taken(self, order: Order) -> None:
        """See `Oracle`."""
        del order
        limit = self.run.config.risk.position_notional_max
        for pair, worth in self.run.outside.exposures().items():
            if worth - self._excused(pair) > limit * self._ROOM:
                self._passed(pair, worth, limit)

    def _excused(self, pair: Pair, decided_ns: int = 0) -> Decimal:
        """Return what somebody else added to bids, as far as who decided then did not know."""
        excused = ZERO
        for name, added in self.run.outside.added_by_hand.items():
            known = self.run.chronicle.orders.get(ClientOrderId(name))
            if known is None or known.intent.pair != pair or known.intent.side is not Side.BUY:
                continue
            noticed_ns = self._noticed_ns.get(ClientOrderId(name))
            if noticed_ns is None or decided_ns < noticed_ns + self._SOON_NS:
                excused += added
        return excused

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


class Settled(Oracle):
    """At the end every order has an end that the exchange agrees with, and nothing is strange.

    Somebody else may make of an order just what an amendment of ours on its way asks for. When ours
    is then refused nobody can tell that from an exchange that made it and says that it did not: the
    alarm is all there is to say.
    """

    def on_end(self, store: Store) -> None:
        """See `Oracle`."""
        for order in store.unsettled_orders():
            if self._was_forestalled(order):
                continue
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

    def _was_forestalled(self, order: Folded) -> bool:
        """Return whether nothing else is strange than that somebody else made it as we wanted."""
        if order.alarms != (Alarm.AMEND_DISOWNED,):
            return False
        if not order.state.is_terminal or order.missing_fills:
            return False
        made = [one.made for one in order.amendments if one.is_disowned and one.made is not None]
        by_hand = self.run.outside.made_by_hand
        return all((one.client_order_id, one.quantity, one.price) in by_hand for one in made)


class Shapes(Oracle):
    """What an order asks for at the exchange is what the journal says it may ask for."""

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`. The next amendment cannot have left yet, so the exchange shows this one."""
        event = journaled.event
        if not isinstance(event, OrderAmended):
            return
        if event.client_order_id in self.run.outside.added_by_hand:
            return  # Somebody else may have been there since.
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


class Disowned(Oracle):
    """What somebody else made of an order of ours, and nothing else, is cancelled as it is told."""

    def __init__(self, run: Observed) -> None:
        super().__init__(run)
        self._noticed: list[tuple[int, ClientOrderId]] = []

    def on_event(self, journaled: Journaled) -> None:
        """See `Oracle`."""
        if not isinstance(journaled.event, ForeignAmendment):
            return
        name = journaled.event.client_order_id
        self._noticed.append((journaled.seq, name))
        if name not in self.run.outside.added_by_hand:
            self.run.blame("called amended by somebody else", f"{name}, event {journaled.seq}")

    def on_step(self) -> None:
        """See `Oracle`. A transaction is read whole before this is asked."""
        if not self._noticed:
            return
        for seq, name in self._noticed:
            known = self.run.chronicle.orders[name]
            if not known.cancel and not known.over:
                self.run.blame("amended by somebody else and left", f"{name}, event {seq}")
        self._noticed.clear()


def _shape(event: OrderAmended | AmendIntended) -> tuple[Decimal, Decimal]:
    return event.quantity, event.price


def _sign(known: Known) -> int:
    return 1 if known.intent.side is Side.BUY else -1
