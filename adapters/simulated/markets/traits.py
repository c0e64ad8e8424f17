"""How a synthetic market behaves, in a few numbers. Pure."""

from msgspec import Struct

from state.values import Pair


class PairTraits(Struct, frozen=True, kw_only=True):
    """One pair's behaviour."""

    pair: Pair
    price: float
    """Where it begins, quote units."""
    daily_volatility: float
    """Standard deviation of a day's return, as a share."""
    common_share: float
    """Correlation of its returns with the factor that moves every pair, in [0, 1]."""
    trades_per_s: float
    """Street trades on an average day."""
    spread_bps: float
    """Usual distance from best bid to best ask."""
    trade_notional: float = 400.0
    """Median size of a street trade, quote units."""
    level_notional: float = 6_000.0
    """Median size of a level near the best, quote units."""
