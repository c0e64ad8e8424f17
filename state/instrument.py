"""What a pair allows: scales, minima, status. The only place where money is rounded. Pure."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal

from msgspec import Struct

from state.values import Currency, Notional, Pair, Price, Quantity, Side, TimeNs


class TradingRules(Struct, frozen=True, kw_only=True):
    """The exchange's rules for one pair. Source: GET /spot/currency_pairs."""

    pair: Pair
    base: Currency
    quote: Currency
    price_decimals: int
    """Gate's `precision`: the price step is 10^-n."""
    quantity_decimals: int
    """Gate's `amount_precision`: the quantity step is 10^-n."""
    quantity_min: Quantity = Quantity(Decimal(0))
    notional_min: Notional = Notional(Decimal(0))
    quantity_max: Quantity | None = None
    notional_max: Notional | None = None
    market_quantity_max: Quantity | None = None
    """The same of a market order; both bounds count, whichever kind it is."""
    market_notional_max: Notional | None = None
    up_rate: Decimal | None = None
    """How far above the market a limit price may be, as a share of it; None where nobody says."""
    down_rate: Decimal | None = None
    fee_rate: Decimal = Decimal("0.002")
    """Taker fee as a share of what is received: 0.002 is 0.2 %."""
    tradable: frozenset[Side] = frozenset(Side)
    """Which sides the exchange accepts now; empty when the pair is halted."""
    opens_at_ns: Mapping[Side, TimeNs] = {}
    """From when on it takes a side at all, where it said so."""
    delisted_at_ns: TimeNs | None = None
    """When it will take neither any more; None where no end is announced."""

    def tradable_at(self, now_ns: TimeNs) -> frozenset[Side]:
        """Return which sides the exchange accepts at `now_ns`."""
        if self.delisted_at_ns is not None and now_ns >= self.delisted_at_ns:
            return frozenset()
        return frozenset(side for side in self.tradable if now_ns >= self.opens_at_ns.get(side, 0))

    @property
    def price_step(self) -> Decimal:
        """Smallest difference between two prices, quote units."""
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def quantity_step(self) -> Decimal:
        """Smallest difference between two quantities, base units."""
        return Decimal(1).scaleb(-self.quantity_decimals)

    def price_passive(self, price: Decimal, side: Side) -> Price:
        """Return `price` on the grid, moved away from the market: a buy down, a sell up."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return Price(price.quantize(self.price_step, rounding=rounding))

    def price_aggressive(self, price: Decimal, side: Side) -> Price:
        """Return `price` on the grid, moved towards the market: a buy up, a sell down."""
        return self.price_passive(price, side.opposite)

    def quantity_down(self, quantity: Decimal) -> Quantity:
        """Return the largest quantity on the grid that is not above `quantity` (>= 0)."""
        return Quantity(quantity.quantize(self.quantity_step, rounding=ROUND_DOWN))

    def smallest(self, price: Decimal) -> Quantity:
        """Return the least quantity that the exchange takes at `price` (> 0), on the grid.

        Gate compares its minimum in quote value (gate-protocol.md section 6), so both count.
        """
        by_value = (self.notional_min / price).quantize(self.quantity_step, rounding=ROUND_CEILING)
        least = max(self.quantity_min, by_value, self.quantity_step)
        return Quantity(least.quantize(self.quantity_step, rounding=ROUND_CEILING))
