"""What is tried: the whole house for long, or the path of orders alone and fast."""

from decimal import Decimal

from msgspec import Struct

from adapters.simulated.network import Network
from state.config import (
    CandleSettings,
    Config,
    CoverSettings,
    FeedSettings,
    FlowSettings,
    LatencySettings,
    OrderSettings,
    RiskSettings,
    StopMode,
    StrategySettings,
    TrendSettings,
)
from state.values import NS_PER_MS, Pair


class Profile(Struct, frozen=True, kw_only=True):
    """One way to run a seed."""

    name: str
    config: Config
    network: Network = Network()
    faulty_s: float
    """How long faults strike."""
    calm_s: float
    """How soon after that everything has to be whole again."""
    quiet_s: float
    """How long, once nothing new begins, until nothing is under way."""
    step_s: float
    """How often the markets move."""
    small: bool = False
    """Whether its markets are a few levels that move fast, or like real ones."""
    wishes_per_s: float = 0.0
    """How often the simulation itself asks for something about orders; in the calm an eighth."""
    scale: float = 1.0
    """How many faults, against those of the whole house."""


_RISK = RiskSettings(
    position_notional_max=Decimal(600),
    order_notional_max=Decimal(200),
    exposure_notional_max=Decimal(1000),
    orders_per_minute=600,
    pair_orders_per_minute=600,
    cancels_per_minute=600,
    rejections_per_minute=600,
    # Many orders in thin markets are the point: `risk prove` tries what would keep them away.
    open_orders_max=1000,
    pair_open_orders_max=1000,
    unknown_orders_max=1000,
    book_levels_min=1,
    spread_bps_max=Decimal(9000),
    depth_share_max=Decimal(1000),
    fat_finger_bps=Decimal(9000),
    risk_per_trade_share=Decimal(1),
)

_FLOW = FlowSettings(liquidity_every_s=10.0, flow_every_s=10.0, detail=False)
"""What flows matters to nobody here: each message is a step, and each step is checked."""

_LATENCY = LatencySettings(told_every_s=20.0)

HOUSE = Profile(
    name="house",
    config=Config(
        pairs=(Pair("BTC_USDT"), Pair("ETH_USDT")),
        # Trades as often as it can: what is tried is the house, not the strategy.
        strategy=StrategySettings(
            trend=TrendSettings(
                fast_window=2, slow_window=4, entry_bps=0.0, imbalance_min=0.0, order_ttl_s=2.0
            )
        ),
        orders=OrderSettings(
            expiry_s=1.0,
            visibility_lag_s=0.5,
            clock_skew_max_s=0.1,
            query_every_s=0.5,
            reconcile_every_s=5.0,
            countdown_s=10,
        ),
        risk=_RISK,
        feed=FeedSettings(book_stale_after_s=3.0),
        candles=CandleSettings(kept=30),
        flow=_FLOW,
        latency=_LATENCY,
        # So close that they are met all the time, here and at the exchange.
        protection=CoverSettings(
            stop=StopMode.TRAILING,
            stop_bps=Decimal("0.8"),
            target_bps=Decimal(4),
            ratchet_step_bps=Decimal("0.3"),
        ),
    ),
    faulty_s=20.0,
    calm_s=25.0,
    quiet_s=8.0,
    step_s=0.25,
    wishes_per_s=0.5,
)
"""Everything, as it would run."""

ORDER_PATH = Profile(
    name="order-path",
    config=Config(
        pairs=(Pair("BTC_USDT"),),
        # The simulation wishes for orders itself; the strategy never has enough candles.
        strategy=StrategySettings(trend=TrendSettings(slow_window=5000)),
        orders=OrderSettings(
            expiry_s=0.4,
            visibility_lag_s=0.2,
            clock_skew_max_s=0.1,
            query_every_s=0.2,
            reconcile_every_s=2.0,
            countdown_s=6,
        ),
        risk=_RISK,
        feed=FeedSettings(book_stale_after_s=3.0, book_depth=20),
        candles=CandleSettings(backfill=False),
        flow=_FLOW,
        latency=_LATENCY,
        protection=CoverSettings(
            stop=StopMode.TRAILING,
            stop_bps=Decimal(8),
            target_bps=Decimal(15),
            ratchet_step_bps=Decimal(2),
        ),
    ),
    network=Network(
        timeout_ns=1000 * NS_PER_MS,
        silence_ns=1500 * NS_PER_MS,
        reconnect_min_ns=50 * NS_PER_MS,
        reconnect_max_ns=300 * NS_PER_MS,
    ),
    faulty_s=3.0,
    calm_s=4.0,
    quiet_s=2.0,
    step_s=0.2,
    small=True,
    wishes_per_s=8.0,
    scale=0.6,
)
"""Orders and nothing else: many of them, within seconds."""

PROFILES = {profile.name: profile for profile in (HOUSE, ORDER_PATH)}
