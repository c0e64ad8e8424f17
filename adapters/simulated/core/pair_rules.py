"""What a pair allows, as the venue itself knows it: one row of GET /spot/currency_pairs. Pure."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from adapters.simulated.core.units import PairUnits
from state.values import NS_PER_S, Currency, Pair, Side


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
    market_max_base: Decimal | None = None
    """Cap of a market order that counts base; None or 0 is none."""
    market_max_quote: Decimal | None = None
    """Cap of a market buy, in quote; None or 0 is none."""
    status: TradeStatus = TradeStatus.TRADABLE
    buy_start_s: int = 0
    """Unix seconds before which no buy is taken; 0 when not set, so the next two."""
    sell_start_s: int = 0
    delisting_s: int = 0
    """Unix seconds from which no order is taken."""
    st_tag: bool = False
    """Whether it carries a risk warning."""

    def allows(self, side: Side, now_ns: int) -> bool:
        """Return whether orders of `side` are taken at `now_ns`."""
        now_s = now_ns // NS_PER_S
        start_s = self.buy_start_s if side is Side.BUY else self.sell_start_s
        delisted = 0 < self.delisting_s <= now_s
        return self.status.allows(side) and now_s >= start_s and not delisted

    @property
    def units(self) -> PairUnits:
        """The integers this pair counts in."""
        return PairUnits.of(self.price_decimals, self.amount_decimals)
