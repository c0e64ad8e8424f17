"""What a pair allows, as the venue itself knows it: one row of GET /spot/currency_pairs. Pure."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from adapters.simulated.core.units import PairUnits
from state.values import Currency, Pair, Side


class TradeStatus(StrEnum):
    """Which orders a pair takes now."""

    UNTRADABLE = "untradable"
    BUYABLE = "buyable"
    SELLABLE = "sellable"
    TRADABLE = "tradable"

    def allows(self, side: Side) -> bool:
        """Return whether orders of `side` are taken."""
        one_way = TradeStatus.BUYABLE if side is Side.BUY else TradeStatus.SELLABLE
        return self in (TradeStatus.TRADABLE, one_way)


class PairRules(Struct, frozen=True, kw_only=True):
    """One pair's rules. Amounts and rates are exact; None means no limit."""

    pair: Pair
    base: Currency
    quote: Currency
    price_decimals: int
    amount_decimals: int
    min_base: Decimal | None = None
    min_quote: Decimal | None = None
    max_base: Decimal | None = None
    max_quote: Decimal | None = None
    fee_percent: Decimal = Decimal("0.2")
    up_rate: Decimal = Decimal("0.2")
    """How far above the last price a limit may be, as a share of it."""
    down_rate: Decimal = Decimal("0.2")
    slippage: Decimal = Decimal("0.03")
    """How far from the last price a market order may go, as a share of it."""
    status: TradeStatus = TradeStatus.TRADABLE

    @property
    def units(self) -> PairUnits:
        """The integers this pair counts in."""
        return PairUnits.of(self.price_decimals, self.amount_decimals)
