"""Round trips: from flat to flat again, as a fold of fills and of the orders they belong to. Pure.

What a trade earned is what its fills changed of `Position.realised`, and what it cost of
`Position.fees`; so the profits of all closed trades and of the open trip add up to what the
accounts say, to the last unit.

A rest that the exchange would not take any more is dust and counts as flat, once the order that
left it is at its end. Dust keeps its cost in the position; whatever still happens to it belongs
to the trip that follows.
"""

from msgspec import Struct
from msgspec.structs import replace

from state.exact import exactly
from state.messages.accounts import TradeClosed
from state.messages.orders import OrderFilled, OrderIntended
from state.order import Order
from state.position import Position, closing
from state.values import ZERO, Notional, Pair, Purpose, Quantity, Side, TimeNs


class Trip(Struct, frozen=True, kw_only=True):
    """What happened in one pair since its last trade closed. Money in quote units."""

    pair: Pair
    opened_at_ns: TimeNs = TimeNs(0)
    """0 while nothing happened."""
    reduced_at_ns: TimeNs = TimeNs(0)
    """Of the last fill that took something away; 0 before there was one."""
    held: bool = False
    """Whether it was ever more than dust."""
    quantity: Quantity = Quantity(ZERO)
    """Base units that went: sold, or taken as the fee of a sale."""
    cost: Notional = Notional(ZERO)
    """What those had cost, by the position's average."""
    proceeds: Notional = Notional(ZERO)
    fees: Notional = Notional(ZERO)
    smallest: Quantity = Quantity(ZERO)
    """Base units: less than this is dust, as the newest order that knew it said."""
    purpose: Purpose = Purpose.EXIT
    """Of the order that took the last of it."""

    def with_fill(
        self, before: Position, after: Position, fill: OrderFilled, intent: OrderIntended
    ) -> "Trip":
        """Return the trip after one more fill, which led from one position to the other."""
        smallest = intent.smallest or self.smallest
        with exactly():
            change = after.net - before.net
            closed = closing(before.net, change)
            came = closed * fill.price
            went = came - (after.realised - before.realised)
            if closed < 0:
                # Sold before it was bought: what the sale brought had been kept as its cost.
                came, went = -went, -came
            most = max(abs(before.net), abs(after.net))
            first_ns = min(self.opened_at_ns or fill.at_ns, fill.at_ns)
            if not self.opened_at_ns and closed == -change:
                # It begins with what it takes away: with dust that became worth something.
                first_ns = before.opened_at_ns or fill.at_ns
            trip = replace(
                self,
                opened_at_ns=first_ns,
                held=self.held or (most > 0 and most >= smallest),
                fees=Notional(self.fees + (after.fees - before.fees)),
                smallest=smallest,
            )
            if not closed:
                return trip
            return replace(
                trip,
                reduced_at_ns=max(self.reduced_at_ns, fill.at_ns),
                quantity=Quantity(self.quantity + abs(closed)),
                cost=Notional(self.cost + went),
                proceeds=Notional(self.proceeds + came),
                purpose=intent.purpose,
            )

    def closed(self, position: Position, order: Order) -> TradeClosed | None:
        """Return the trade that is over now, None while it is not.

        Args:
            position: What the pair holds.
            order: The one that was filled or finished just now.
        """
        if not (self.held and self.quantity):
            return None
        if position.net and not self._is_dust(position, order):
            return None
        return TradeClosed(
            pair=self.pair,
            opened_at_ns=self.opened_at_ns,
            closed_at_ns=self.reduced_at_ns,
            quantity=self.quantity,
            cost=self.cost,
            proceeds=self.proceeds,
            fees=self.fees,
            purpose=self.purpose,
        )

    def next(self) -> "Trip":
        """Return the trip that begins when this one is over."""
        return Trip(pair=self.pair, smallest=self.smallest)

    def _is_dust(self, position: Position, order: Order) -> bool:
        is_selling = order.intent.side is Side.SELL
        return is_selling and not order.working and abs(position.net) < self.smallest
