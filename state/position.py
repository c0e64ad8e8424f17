"""What our trading of one pair holds, at average cost and by lots. Pure.

The cost of the whole holding is kept, not the average: sums and differences are exact, and the
one division, a sale's share of the cost, is rounded once and subtracted as rounded. Therefore
`value of the holding - cost == unrealised` and every sale's `proceeds - share == realised` add up
to the last unit, whatever the rounding. The lots beside it (`state.lots`) tell the same holding
first in, first out: their costs less what they realised are the average's, always.
"""

from decimal import Decimal

from msgspec import Struct

from state.exact import difference, exactly, share, total
from state.lots import Lot, taken
from state.messages.orders import OrderFilled
from state.values import ZERO, Notional, Pair, Price, Quantity, TimeNs, base_of, quote_of

_ONE = Decimal(1)


class Position(Struct, frozen=True, kw_only=True):
    """One pair's holding after the fills folded so far."""

    pair: Pair
    net: Decimal = ZERO
    """Base units bought less sold less fees taken in base.

    Below zero only when a sale was told before the purchase that covered it.
    """
    cost: Decimal = ZERO
    """Quote units paid for `net`; as negative as `net`."""
    realised: Decimal = ZERO
    """Quote units earned by sales, before fees."""
    fees: Decimal = ZERO
    """Quote units; a fee taken in base counts at the price of its fill."""
    opened_at_ns: TimeNs = TimeNs(0)
    """Since when something is held, 0 when flat."""
    lots: tuple[Lot, ...] = ()
    """What is held, purchase by purchase, oldest first."""
    realised_fifo: Decimal = ZERO
    """Quote units earned by sales, each against the oldest purchases, before fees."""

    @property
    def quantity(self) -> Quantity:
        """Base units held, never negative."""
        return Quantity(max(self.net, ZERO))

    @property
    def oversold(self) -> Quantity:
        """Base units sold that we did not know to hold: 0 in a sane world."""
        return Quantity(max(difference(ZERO, self.net), ZERO))

    @property
    def average_entry(self) -> Price:
        """Quote per base, to be looked at: rounded to 12 decimals. 0 when flat."""
        return Price(share(self.cost, _ONE, self.net) if self.net else ZERO)

    def unrealised(self, mark: Decimal) -> Decimal:
        """Return what a sale of everything at `mark` (quote per base) would earn before fees."""
        with exactly():
            return self.net * mark - self.cost

    def unrealised_fifo(self, mark: Decimal) -> Decimal:
        """Return the same by what the lots cost."""
        with exactly():
            return self.net * mark - total(lot.cost for lot in self.lots)

    def value(self, mark: Decimal) -> Notional:
        """Return what the holding is worth at `mark` (quote per base)."""
        with exactly():
            return Notional(self.net * mark)

    def apply(self, fill: OrderFilled, ordinal: int = 0) -> "Position":
        """Return the position after one more fill, which must not have been folded before.

        Args:
            fill: One more.
            ordinal: Which of the ledger's fills it is, counted from 1.
        """
        assert fill.pair == self.pair, "a fill of another pair: a bug"
        with exactly():
            base_fee = fill.fee if fill.fee_currency == base_of(self.pair) else ZERO
            quote_fee = fill.fee if fill.fee_currency == quote_of(self.pair) else ZERO
            # A fee in base is paid with base worth the fill's price: a purchase brings less at
            # the same price, a sale takes more.
            change = fill.side.sign * fill.quantity - base_fee
            fees = self.fees + base_fee * fill.price + quote_fee
            return self._moved(change, fill, fees, ordinal)

    def _moved(self, change: Decimal, fill: OrderFilled, fees: Decimal, ordinal: int) -> "Position":
        closed = closing(self.net, change)
        released = share(self.cost, closed, self.net) if closed else ZERO
        net = self.net + change
        lots, released_fifo = taken(self.lots, closed)
        added = change + closed
        if added:
            lot = Lot(ordinal=ordinal, at_ns=fill.at_ns, quantity=added, cost=added * fill.price)
            lots = (*lots, lot)
        opened = self.opened_at_ns if self.net > 0 else fill.at_ns
        return Position(
            pair=self.pair,
            net=net,
            cost=self.cost - released + added * fill.price,
            realised=self.realised + closed * fill.price - released,
            fees=fees,
            opened_at_ns=opened if net > 0 else TimeNs(0),
            lots=lots,
            realised_fifo=self.realised_fifo + closed * fill.price - released_fifo,
        )


def closing(net: Decimal, change: Decimal) -> Decimal:
    """Return how much of `net` a change against it ends, with the sign of `net`."""
    if net > 0 > change:
        return min(net, -change)
    if net < 0 < change:
        return max(net, -change)
    return ZERO
