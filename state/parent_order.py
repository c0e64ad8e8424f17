"""A parent order as a fold of its own facts and of its children's. Pure.

The parent owns a quantity and a worst price; children are ordinary orders that take parts of it.
Whatever is filled, rests, flies or is of unknown fate counts against it in full, so no order of
events can make the children exceed it: `objection` is asked by the router before it means a child,
and by the journal before it takes one.
"""

import msgspec
from msgspec import Struct

from state.exact import difference, exactly
from state.messages.orders import (
    OrderIntended,
    ParentCancelIntended,
    ParentEvent,
    ParentFinished,
    ParentIntended,
)
from state.order import Order, OrderState
from state.values import (
    ZERO,
    ClientOrderId,
    DecisionId,
    Notional,
    OrderType,
    Price,
    Quantity,
    Side,
    TimeNs,
)

_BPS = 10_000


class Child(Struct, frozen=True, kw_only=True):
    """What counts of one child."""

    number: int
    client_order_id: ClientOrderId
    state: OrderState
    filled: Quantity
    filled_notional: Notional
    outstanding: Quantity
    """Base units that may still be filled or whose fills are missing."""
    worst: Price | None
    """Price of its worst fill."""
    touch: Price | None
    """The best price of the other side when it was decided."""
    updated_at_ns: TimeNs
    label: str = ""
    """Why the exchange rejected it."""


class ParentOrder(Struct, frozen=True, kw_only=True):
    """All that is known of one parent order."""

    intent: ParentIntended
    cancel: ParentCancelIntended | None = None
    finished: ParentFinished | None = None
    children: tuple[Child, ...] = ()
    """By number, from 1, without a hole."""

    @property
    def decision_id(self) -> DecisionId:
        """Its name."""
        return self.intent.decision_id

    @property
    def filled(self) -> Quantity:
        """Base units that its children filled."""
        with exactly():
            return Quantity(sum((child.filled for child in self.children), ZERO))

    @property
    def filled_notional(self) -> Notional:
        """Quote units that they were filled for, before fees."""
        with exactly():
            return Notional(sum((child.filled_notional for child in self.children), ZERO))

    @property
    def outstanding(self) -> Quantity:
        """Base units that its children may still fill."""
        with exactly():
            return Quantity(sum((child.outstanding for child in self.children), ZERO))

    @property
    def left(self) -> Quantity:
        """Base units not filled: with `filled` exactly the parent's quantity."""
        return Quantity(max(ZERO, difference(self.intent.quantity, self.filled)))

    @property
    def free(self) -> Quantity:
        """Base units that another child may be placed for."""
        return Quantity(max(ZERO, difference(self.left, self.outstanding)))

    @property
    def committed(self) -> Quantity:
        """Base units that may still be filled, by children that live or are to come."""
        return self.outstanding if self.is_closed else self.left

    @property
    def next_number(self) -> int:
        """Number of the next child."""
        return len(self.children) + 1

    @property
    def is_closed(self) -> bool:
        """Whether no child may be placed any more."""
        return self.cancel is not None or self.finished is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing about it can change any more."""
        return self.finished is not None and not self.outstanding

    @property
    def slippage_bps(self) -> float | None:
        """Basis points that the worst fill was worse than the touch the first child saw."""
        touch = next((child.touch for child in self.children if child.touch), None)
        prices = [child.worst for child in self.children if child.worst is not None]
        if touch is None or not prices:
            return None
        sign = self.intent.side.sign
        worst = max(prices) if self.intent.side is Side.BUY else min(prices)
        return sign * (float(worst) / float(touch) - 1) * _BPS

    @property
    def updated_at_ns(self) -> TimeNs:
        """When the newest of its facts happened."""
        facts = (self.intent, self.cancel, self.finished)
        own = [fact.at_ns for fact in facts if fact is not None]
        return TimeNs(max([*own, *(child.updated_at_ns for child in self.children)]))

    def has(self, name: ClientOrderId) -> bool:
        """Return whether an order of this name is one of its children."""
        return any(child.client_order_id == name for child in self.children)

    def objection(self, child: OrderIntended) -> str | None:
        """Return why `child` must not be placed as a part of it, None when it may."""
        intent = self.intent
        beyond = difference(child.price, intent.price) * intent.side.sign
        if self.finished is not None:
            return "its parent order is over"
        if self.cancel is not None:
            return "its parent order was cancelled"
        if (child.pair, child.side) != (intent.pair, intent.side):
            return "it goes another way than its parent order"
        if child.order_type is not OrderType.LIMIT:
            return "a child has a limit price"
        if child.attempt != self.next_number:
            return f"child {self.next_number} comes next, not {child.attempt}"
        if beyond > 0:
            return f"{child.price} is worse than its parent order's {intent.price}"
        if child.quantity <= 0 or child.quantity > self.free:
            return f"{child.quantity} of {self.free} left of its parent order"
        return None

    def apply(self, event: ParentEvent) -> "ParentOrder":
        """Return the parent with one more fact of its own; the first of a kind stays."""
        match event:
            case ParentCancelIntended() if self.cancel is None:
                return msgspec.structs.replace(self, cancel=event)
            case ParentFinished() if self.finished is None:
                return msgspec.structs.replace(self, finished=event)
            case _:
                return self

    def with_child(self, order: Order) -> "ParentOrder":
        """Return the parent with a child as it stands now."""
        number = order.intent.attempt
        child = _child_of(order)
        if number == self.next_number:
            return msgspec.structs.replace(self, children=(*self.children, child))
        if not 0 < number < self.next_number:
            raise ValueError(f"child {number} of {self.decision_id}: {self.next_number} comes next")
        if self.children[number - 1] == child:
            return self
        children = (*self.children[: number - 1], child, *self.children[number:])
        return msgspec.structs.replace(self, children=children)


def _child_of(order: Order) -> Child:
    with exactly():
        outstanding = Quantity(order.working + order.missing_fills)
    prices = [fill.price for fill in order.fills]
    worst = max if order.intent.side is Side.BUY else min
    return Child(
        number=order.intent.attempt,
        client_order_id=order.client_order_id,
        state=order.state,
        filled=order.filled,
        filled_notional=order.filled_notional,
        outstanding=outstanding,
        worst=worst(prices) if prices else None,
        touch=order.intent.touch,
        updated_at_ns=order.updated_at_ns,
        label="" if order.rejected is None else order.rejected.label,
    )
