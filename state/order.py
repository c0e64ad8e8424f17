"""One order as a fold of what was journalled about it. Pure.

Events may arrive in any order and more than once: a fill before the acceptance, a fill after the
end, an answer after the query that replaced it. So an order keeps the facts themselves, each in
its place, and everything else is derived from them. The same set of facts gives the same order.
"""

from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from state.amendment import AmendFact, Amendment, Shape
from state.exact import difference, exactly
from state.messages.orders import (
    AmendIntended,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    CancelIntended,
    ForeignAmendment,
    OrderAccepted,
    OrderAmended,
    OrderEvent,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
)
from state.values import (
    ZERO,
    ClientOrderId,
    Notional,
    OrderType,
    Price,
    Quantity,
    Side,
    TimeNs,
    VenueOrderId,
)

OrderFact = (
    OrderIntended
    | OrderAccepted
    | OrderRejected
    | OrderUnknown
    | OrderNotPlaced
    | CancelIntended
    | AmendFact
    | ForeignAmendment
    | OrderFilled
    | OrderFinished
)
"""Every kind of event an order is made of."""

_Event = TypeVar("_Event", bound=OrderEvent)


class OrderState(StrEnum):
    """Where an order stands."""

    INTENDED = "intended"
    """On disk; it may have been sent."""
    UNKNOWN = "unknown"
    """Sent, and nobody answered: it may live."""
    OPEN = "open"
    REJECTED = "rejected"
    NOT_PLACED = "not_placed"
    FILLED = "filled"
    CANCELLED = "cancelled"
    """Ended before all was filled, whatever the reason."""

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more can happen to it, fills that are still on their way apart."""
        return self not in (OrderState.INTENDED, OrderState.UNKNOWN, OrderState.OPEN)


class Alarm(StrEnum):
    """What the exchange must not do, or what we misunderstood: somebody has to look."""

    REJECTED_BUT_LIVE = "rejected_but_live"
    """It was refused, yet it was accepted, filled or finished."""
    NOT_PLACED_BUT_LIVE = "not_placed_but_live"
    """It was proven absent, yet it was accepted, filled or finished."""
    OVERFILLED = "overfilled"
    FILLS_BEYOND_FINISH = "fills_beyond_finish"
    """More fills are known than the exchange counted when the order ended."""
    AMEND_DISOWNED = "amend_disowned"
    """An amendment was refused or proven not to be made, yet the order was seen as it asked for."""
    CONTRADICTED = "contradicted"
    """Two reports of the same thing differ."""


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of one order."""

    intent: OrderIntended
    accepted: OrderAccepted | None = None
    rejected: OrderRejected | None = None
    unknown: OrderUnknown | None = None
    not_placed: OrderNotPlaced | None = None
    cancel: CancelIntended | None = None
    finished: OrderFinished | None = None
    amendments: tuple[Amendment, ...] = ()
    """By number."""
    foreign_amendments: tuple[ForeignAmendment, ...] = ()
    """By time: what somebody else made of it."""
    fills: tuple[OrderFilled, ...] = ()
    """Each trade once, by time and then by trade id."""
    filled: Quantity = Quantity(ZERO)
    """Base units in `fills`, before fees."""
    filled_notional: Notional = Notional(ZERO)
    """Quote units in `fills`, before fees."""
    contradicted: bool = False

    @property
    def client_order_id(self) -> ClientOrderId:
        """Our name for it."""
        return self.intent.client_order_id

    @property
    def venue_order_id(self) -> VenueOrderId | None:
        """The exchange's name for it, once anything told."""
        if self.accepted is not None:
            return self.accepted.venue_order_id
        return self.fills[0].venue_order_id if self.fills else None

    @property
    def state(self) -> OrderState:
        """Where it stands: what shows that it lives outweighs what says that it does not."""
        if self.finished is not None or self.fills or self.accepted is not None:
            return self._state_alive()
        if self.not_placed is not None:
            return OrderState.NOT_PLACED
        if self.rejected is not None:
            return OrderState.REJECTED
        return OrderState.INTENDED if self.unknown is None else OrderState.UNKNOWN

    @property
    def shape(self) -> Shape:
        """What it asks for, as far as that is certain."""
        newest = self.foreign_amendments[-1] if self.foreign_amendments else None
        if newest is None or newest.at_ns < self._amended_at_ns:
            return self.wanted
        return Shape(newest.quantity, newest.price)

    @property
    def wanted(self) -> Shape:
        """What we asked for last, as far as it is certain that the exchange heard it."""
        for amendment in reversed(self.amendments):
            if amendment.made is not None:
                return Shape(amendment.made.quantity, amendment.made.price)
        return Shape(self.intent.quantity, self.intent.price)

    @property
    def amending(self) -> Amendment | None:
        """The amendment that may or may not have been made."""
        newest = self.amendments[-1] if self.amendments else None
        return newest if newest is not None and newest.is_open else None

    @property
    def changed_at_ns(self) -> TimeNs:
        """When it was last amended, by whoever, by the exchange's clock; 0 when it never was."""
        foreign = self.foreign_amendments
        return max(self._amended_at_ns, foreign[-1].at_ns if foreign else TimeNs(0))

    def had(self, shape: Shape) -> bool:
        """Return whether it once asked for just that, before it was last amended."""
        shapes = self._shapes()
        shapes.remove(self.shape)
        return shape in shapes

    @property
    def quantity(self) -> Quantity:
        """The largest quantity that it may ask for now, what is filled included."""
        return max(shape.quantity for shape in self._possible())

    @property
    def worst_price(self) -> Price:
        """The worst price that it may be filled at."""
        worst = max if self.intent.side is Side.BUY else min
        return worst(shape.price for shape in self._possible())

    @property
    def average_price(self) -> Price | None:
        """Average price of the fills we know, to be looked at: it may be rounded."""
        return Price(self.filled_notional / self.filled) if self.filled else None

    @property
    def working(self) -> Quantity:
        """Base units that may still be filled; an order of unknown fate counts in full."""
        if self.state.is_terminal:
            return Quantity(ZERO)
        return Quantity(max(ZERO, difference(self.quantity, self.filled)))

    @property
    def missing_fills(self) -> Quantity:
        """Base units that the exchange counted when the order ended, but whose fills we lack."""
        if self.finished is None:
            return Quantity(ZERO)
        return Quantity(max(ZERO, difference(self.finished.filled_quantity, self.filled)))

    @property
    def is_complete(self) -> bool:
        """Whether it ended and every fill of it is known; an amendment by hand may revive it."""
        return self.state.is_terminal and not self.missing_fills

    @property
    def is_settled(self) -> bool:
        """Whether it is complete and nothing about it is strange."""
        return self.is_complete and not self.alarms

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What somebody has to look at; empty in a sane world."""
        filled, finished = self.filled, self.finished
        is_live = self.accepted is not None or bool(self.fills)
        # A refused post-only order may be pushed as finished with nothing filled: no alarm.
        has_traded = is_live or (finished is not None and finished.filled_quantity > 0)
        alarms = []
        if self.rejected is not None and has_traded:
            alarms.append(Alarm.REJECTED_BUT_LIVE)
        if self.not_placed is not None and (is_live or finished is not None):
            alarms.append(Alarm.NOT_PLACED_BUT_LIVE)
        if self._is_overfilled():
            alarms.append(Alarm.OVERFILLED)
        if finished is not None and filled > finished.filled_quantity:
            alarms.append(Alarm.FILLS_BEYOND_FINISH)
        if any(amendment.is_disowned for amendment in self.amendments):
            alarms.append(Alarm.AMEND_DISOWNED)
        if self.contradicted:
            alarms.append(Alarm.CONTRADICTED)
        return tuple(alarms)

    @property
    def updated_at_ns(self) -> TimeNs:
        """When the newest of its facts happened."""
        facts = (self.accepted, self.rejected, self.unknown, self.not_placed, self.cancel)
        known = [fact.at_ns for fact in (*facts, self.finished, *self.fills) if fact is not None]
        known += [fact.at_ns for amendment in self.amendments for fact in amendment.facts]
        known += [fact.at_ns for fact in self.foreign_amendments]
        return max(self.intent.at_ns, *known) if known else self.intent.at_ns

    def apply(self, event: OrderFact) -> "Order":
        """Return the order with one more fact; a fact it already has changes nothing."""
        assert event.client_order_id == self.client_order_id, "an event of another order: a bug"
        match event:
            case OrderFilled():
                return self._with_fill(event)
            case OrderFinished():
                return self._with_finish(event)
            case AmendIntended() | OrderAmended() | AmendRefused() | AmendUnknown():
                return self._with_amendment(event)
            case AmendNotMade():
                return self._with_amendment(event)
            case ForeignAmendment():
                return self._with_foreign_amendment(event)
            case _:
                return self._with_fact(_PLACE[type(event)], event)

    @property
    def _is_sized_in_quote(self) -> bool:
        """Whether the exchange counts quote units: then `intent.quantity` is only an estimate."""
        return self.intent.order_type is OrderType.MARKET and self.intent.side is Side.BUY

    @property
    def _amended_at_ns(self) -> TimeNs:
        made = [one.made.at_ns for one in self.amendments if one.made is not None]
        return TimeNs(made[-1] if made else 0)

    def _shapes(self) -> list[Shape]:
        """Return all that it ever asked for, as far as that is certain."""
        made = [one.made for one in self.amendments if one.made is not None]
        facts: list[OrderIntended | OrderAmended | ForeignAmendment] = [self.intent, *made]
        facts += self.foreign_amendments
        return [Shape(one.quantity, one.price) for one in facts]

    def _possible(self) -> list[Shape]:
        """Return what it may ask for now: the largest and the worst of it count."""
        # Who amends behind our back may do it again, and reports overtake one another: then
        # nothing that it ever was is certainly over.
        shapes = self._shapes() if self.foreign_amendments else [self.shape]
        amending = self.amending
        if amending is not None and amending.intent is not None:
            shapes.append(Shape(amending.intent.quantity, amending.intent.price))
        return shapes

    def _is_overfilled(self) -> bool:
        if not self._is_sized_in_quote:
            return self.filled > self.quantity
        with exactly():
            return self.filled_notional > self.intent.quantity * self.intent.price

    def _state_alive(self) -> OrderState:
        quantity, finished = self.quantity, self.finished
        if self.filled >= quantity and not self._is_sized_in_quote:
            return OrderState.FILLED
        if finished is None:
            return OrderState.OPEN
        # The quantity decides, but of a market buy a rest below one step may remain: there only
        # the exchange knows that it was filled.
        is_filled = finished.filled_quantity >= quantity or finished.reason == "filled"
        return OrderState.FILLED if is_filled else OrderState.CANCELLED

    def _with_fact(self, place: str, event: OrderEvent) -> "Order":
        known = getattr(self, place)
        if known is None:
            return msgspec.structs.replace(self, **{place: event})
        is_same = _substance(known) == _substance(event)
        return self._replaced(place, _first(known, event), is_same=is_same)

    def _with_fill(self, event: OrderFilled) -> "Order":
        others = [fill for fill in self.fills if fill.trade_id != event.trade_id]
        known = [fill for fill in self.fills if fill.trade_id == event.trade_id]
        is_same = all(_substance(fill) == _substance(event) for fill in known)
        kept = _first(known[0], event) if known else event
        fills = sorted([*others, kept], key=lambda fill: (fill.at_ns, fill.trade_id))
        order = self._replaced("fills", tuple(fills), is_same=is_same)
        if order is self:
            return self
        with exactly():
            notional = sum((fill.price * fill.quantity for fill in fills), ZERO)
            quantity = sum((fill.quantity for fill in fills), ZERO)
        return msgspec.structs.replace(
            order, filled=Quantity(quantity), filled_notional=Notional(notional)
        )

    def _with_finish(self, event: OrderFinished) -> "Order":
        known = self.finished
        if known is None:
            return msgspec.structs.replace(self, finished=event)
        is_same = known.filled_quantity == event.filled_quantity
        if not is_same:
            # The larger count is the later truth: fills are never taken back.
            kept = max(known, event, key=lambda finish: finish.filled_quantity)
            return self._replaced("finished", kept, is_same=False)
        return self._replaced("finished", _first(known, event), is_same=True)

    def _with_amendment(self, event: AmendFact) -> "Order":
        known = next((one for one in self.amendments if one.number == event.number), None)
        others = [one for one in self.amendments if one.number != event.number]
        amendment, place = known or Amendment(number=event.number), _AMEND_PLACE[type(event)]
        before = getattr(amendment, place)
        is_same = before is None or _substance(before) == _substance(event)
        kept = event if before is None else _first(before, event)
        amendment = msgspec.structs.replace(amendment, **{place: kept})
        amendments = sorted([*others, amendment], key=lambda one: one.number)
        return self._replaced("amendments", tuple(amendments), is_same=is_same)

    def _with_foreign_amendment(self, event: ForeignAmendment) -> "Order":
        found = {(one.at_ns, one.quantity, one.price): one for one in self.foreign_amendments}
        found.setdefault((event.at_ns, event.quantity, event.price), event)
        in_order = tuple(one for _, one in sorted(found.items()))
        return self._replaced("foreign_amendments", in_order, is_same=True)

    def _replaced(self, name: str, value: Any, *, is_same: bool) -> "Order":
        contradicted = self.contradicted or not is_same
        if value == getattr(self, name) and contradicted == self.contradicted:
            return self
        return msgspec.structs.replace(self, **{name: value, "contradicted": contradicted})


def _first(one: _Event, other: _Event) -> _Event:
    """Return the earlier of two reports of one thing, the same whichever came first to us."""
    return min(one, other, key=lambda event: (event.at_ns, msgspec.json.encode(event)))


def _substance(event: OrderEvent) -> Any:
    """Return what two reports of one thing must agree on; the rest is words and clocks."""
    match event:
        case OrderIntended():
            return (event.pair, event.side, event.order_type, event.quantity, event.price)
        case OrderAccepted():
            return event.venue_order_id
        case OrderFilled():
            return (event.side, event.price, event.quantity)
        case AmendIntended() | OrderAmended():
            return (event.quantity, event.price)
        case _:
            return None


_PLACE: dict[type[OrderEvent], str] = {
    OrderIntended: "intent",
    OrderAccepted: "accepted",
    OrderRejected: "rejected",
    OrderUnknown: "unknown",
    OrderNotPlaced: "not_placed",
    CancelIntended: "cancel",
}
_AMEND_PLACE: dict[type[OrderEvent], str] = {
    AmendIntended: "intent",
    OrderAmended: "made",
    AmendRefused: "refused",
    AmendUnknown: "unknown",
    AmendNotMade: "not_made",
}
