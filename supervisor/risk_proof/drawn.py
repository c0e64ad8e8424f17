"""The limits and protections of a schedule: wide ones, of which chance makes a few narrow."""

from decimal import Decimal
from random import Random
from typing import Any

from state.config.limits import (
    CooldownPeriodSettings,
    LowProfitPairsSettings,
    MaxDrawdownSettings,
    ProtectionSettings,
    RiskSettings,
    StoplossGuardSettings,
)

LOOSE: dict[str, Any] = {
    "position_notional_max": Decimal(50_000),
    "order_notional_max": Decimal(50_000),
    "exposure_notional_max": Decimal(50_000),
    "risk_per_trade_share": Decimal(1),
    "depth_share_max": Decimal(1000),
    "price_band_bps": Decimal(5000),
    "protective_band_bps": Decimal(9000),
    "fat_finger_bps": Decimal(9000),
    "spread_bps_max": Decimal(9000),
    "book_levels_min": 1,
    "orders_per_minute": 6000,
    "pair_orders_per_minute": 6000,
    "rejections_per_minute": 6000,
    "cancels_per_minute": 6000,
    "open_orders_max": 6000,
    "pair_open_orders_max": 6000,
    "unknown_orders_max": 1000,
    "daily_loss_share": Decimal(1),
    "drawdown_warn_share": Decimal(1),
    "drawdown_half_share": Decimal(1),
    "drawdown_reduce_share": Decimal(1),
    "drawdown_halt_share": Decimal(1),
}
TIGHT: tuple[dict[str, Any], ...] = (
    {"position_notional_max": Decimal(1200), "exposure_notional_max": Decimal(2500)},
    {"groups": ("majors=BTC_USDT+ETH_USDT:1500",), "order_notional_max": Decimal(700)},
    {"risk_per_trade_share": Decimal("0.002"), "stop_distance_bps": Decimal(300)},
    {"depth_share_max": Decimal("0.5"), "spread_bps_max": Decimal(30), "book_levels_min": 8},
    {"price_band_bps": Decimal(60), "protective_band_bps": Decimal(150)},
    {"fat_finger_bps": Decimal(40)},
    {"orders_per_minute": 8, "pair_orders_per_minute": 4},
    {"rejections_per_minute": 2, "cancels_per_minute": 2},
    {"open_orders_max": 6, "pair_open_orders_max": 3, "unknown_orders_max": 1},
    {"daily_loss_share": Decimal("0.01")},
    {
        "drawdown_warn_share": Decimal("0.005"),
        "drawdown_half_share": Decimal("0.01"),
        "drawdown_reduce_share": Decimal("0.02"),
        "drawdown_halt_share": Decimal("0.04"),
        "drawdown_cooldown_s": 60.0,
        "drawdown_hysteresis_share": Decimal("0.001"),
    },
)


def drawn_limits(chance: Random) -> RiskSettings:
    """Return limits of which a few are narrow: each has schedules in which it decides."""
    chosen = dict(LOOSE)
    for some in chance.sample(TIGHT, k=chance.choice([1, 2, 2, 3, 4])):
        chosen |= some
    return RiskSettings(**chosen)


def drawn_protections(chance: Random) -> ProtectionSettings:
    """Return freqtrade's protections, each on now and then."""
    on = [chance.random() < 0.4 for _ in range(4)]
    return ProtectionSettings(
        stoploss_guard=StoplossGuardSettings(
            enabled=on[0],
            trade_limit=2,
            lookback_period=30,
            stop_duration=5,
        ),
        max_drawdown=MaxDrawdownSettings(
            enabled=on[1],
            trade_limit=2,
            lookback_period=30,
            stop_duration=5,
            max_allowed_drawdown=Decimal("0.01"),
        ),
        low_profit_pairs=LowProfitPairsSettings(
            enabled=on[2],
            trade_limit=1,
            lookback_period=30,
            stop_duration=5,
            required_profit=Decimal("0.001"),
        ),
        cooldown_period=CooldownPeriodSettings(enabled=on[3], stop_duration=1),
    )
