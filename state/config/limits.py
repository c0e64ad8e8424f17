"""The settings of the risk guard: `[risk]` and `[protections]`. Pure.

Every one of them belongs to a code of docs/risk-codes.md. A share is a part of one: 0.05 is 5 %.
"""

from decimal import Decimal
from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting, switch
from state.values import Pair

GROUP = r"[a-z0-9_]+=[A-Z0-9]+_[A-Z0-9]+(\+[A-Z0-9]+_[A-Z0-9]+)+:[0-9]+(\.[0-9]+)?"


class Group(Struct, frozen=True, kw_only=True):
    """Pairs that rise and fall together, and what they may hold in all."""

    name: str
    pairs: frozenset[Pair]
    notional_max: Decimal
    """Quote units."""


class RiskSettings(Struct, frozen=True, kw_only=True):
    """What no order may exceed, whoever proposes it."""

    # How much.

    position_notional_max: Annotated[
        Decimal,
        setting(
            "Most that one pair may hold: position, resting orders and orders in flight together.",
            unit="quote units",
            low=0,
            high="1e9",
        ),
    ] = Decimal(2000)
    order_notional_max: Annotated[
        Decimal,
        setting("Most that one order may be worth.", unit="quote units", low=0, high="1e9"),
    ] = Decimal(500)
    exposure_notional_max: Annotated[
        Decimal,
        setting(
            "Most that all pairs together may hold, counted like one pair's.",
            unit="quote units",
            low=0,
            high="1e9",
        ),
    ] = Decimal(5000)
    groups: Annotated[
        tuple[str, ...],
        setting(
            "Pairs that move together and what they may hold in all, counted like one pair's: "
            "`majors=BTC_USDT+ETH_USDT:3000`, in quote units. None by default.",
            pattern=GROUP,
            expects="groups such as majors=BTC_USDT+ETH_USDT:3000",
        ),
    ] = ()
    risk_per_trade_share: Annotated[
        Decimal,
        setting(
            "Most of the equity that one entry may lose at its stop: distance to the stop times "
            "quantity.",
            unit="as a share",
            low="0.0001",
            high=1,
        ),
    ] = Decimal("0.01")
    stop_distance_bps: Annotated[
        Decimal,
        setting(
            "How far below an entry its stop is taken to be where the entry does not say.",
            unit="bps",
            low=1,
            high=9000,
        ),
    ] = Decimal(200)
    depth_share_max: Annotated[
        Decimal,
        setting(
            "Most of the verified depth on the side it takes that an entry may be worth; the "
            "depth is measured as far as feed.depth_bps.",
            unit="as a share",
            low="0.01",
            high=1000,
        ),
    ] = Decimal(1)

    # At which price, on which book.

    price_band_bps: Annotated[
        Decimal,
        setting("Furthest a limit price may lie from the mid price.", unit="bps", low=1, high=5000),
    ] = Decimal(100)
    protective_band_bps: Annotated[
        Decimal,
        setting(
            "The same for a sale that protects: a stop, a target, a flattening.",
            unit="bps",
            low=1,
            high=9000,
        ),
    ] = Decimal(1000)
    fat_finger_bps: Annotated[
        Decimal,
        setting(
            "Furthest an entry's price may lie from the last trade, where one has been seen.",
            unit="bps",
            low=1,
            high=9000,
        ),
    ] = Decimal(300)
    spread_bps_max: Annotated[
        Decimal,
        setting("Widest spread to enter on.", unit="bps", low="0.1", high=9000),
    ] = Decimal(100)
    book_levels_min: Annotated[
        int,
        setting(
            "Fewest verified levels of either side of the book to enter on.",
            unit="levels",
            low=1,
            high=100,
        ),
    ] = 5

    # How often, how many.

    orders_per_minute: Annotated[
        int, setting("Most orders that may leave in any minute.", unit="orders", low=1, high=6000)
    ] = 60
    pair_orders_per_minute: Annotated[
        int, setting("The same of one pair.", unit="orders", low=1, high=6000)
    ] = 30
    rejections_per_minute: Annotated[
        int,
        setting(
            "Refusals by the exchange within a minute beyond which nothing is entered.",
            unit="refusals",
            low=1,
            high=6000,
        ),
    ] = 10
    cancels_per_minute: Annotated[
        int,
        setting(
            "Cancels within a minute beyond which nothing is entered.",
            unit="cancels",
            low=1,
            high=6000,
        ),
    ] = 100
    open_orders_max: Annotated[
        int,
        setting(
            "Most orders that rest or are on their way, all pairs together.",
            unit="orders",
            low=1,
            high=6000,
        ),
    ] = 50
    pair_open_orders_max: Annotated[
        int, setting("The same of one pair.", unit="orders", low=1, high=6000)
    ] = 5
    unknown_orders_max: Annotated[
        int,
        setting(
            "Orders of unknown fate beyond which nothing is entered.",
            unit="orders",
            low=1,
            high=1000,
        ),
    ] = 3

    # What may be lost.

    daily_loss_share: Annotated[
        Decimal,
        setting(
            "Most of the equity at 00:00 UTC that a day may lose, unrealised and fees included, "
            "money moved in or out left aside; then nothing is entered.",
            unit="as a share",
            low="0.001",
            high=1,
        ),
    ] = Decimal("0.05")
    daily_loss_hold_s: Annotated[
        float,
        setting(
            "A day that lost too much forbids entries until 00:00 UTC, and at least for so long; "
            "0: midnight ends it whenever it was.",
            unit="s",
            low=0,
            high=604_800,
        ),
    ] = 43_200.0
    drawdown_warn_share: Annotated[
        Decimal,
        setting(
            "Fall from the highest equity that is warned of.",
            unit="as a share",
            low="0.001",
            high=1,
        ),
    ] = Decimal("0.05")
    drawdown_half_share: Annotated[
        Decimal,
        setting(
            "Fall from which on entries are made half as large.",
            unit="as a share",
            low="0.001",
            high=1,
        ),
    ] = Decimal("0.10")
    drawdown_reduce_share: Annotated[
        Decimal,
        setting("Fall from which on nothing is entered.", unit="as a share", low="0.001", high=1),
    ] = Decimal("0.15")
    drawdown_halt_share: Annotated[
        Decimal,
        setting(
            "Fall at which all positions are closed and trading ends until an operator resumes it.",
            unit="as a share",
            low="0.001",
            high=1,
        ),
    ] = Decimal("0.20")
    drawdown_hysteresis_share: Annotated[
        Decimal,
        setting(
            "A tier is left only when the fall is smaller than its threshold by so much.",
            unit="as a share",
            low=0,
            high="0.5",
        ),
    ] = Decimal("0.01")
    drawdown_cooldown_s: Annotated[
        float,
        setting("A tier is kept at least so long.", unit="s", low=0, high=604_800),
    ] = 3600.0
    equity_stale_after_s: Annotated[
        float,
        setting(
            "After so long without a price of something held, equity is unknown and nothing is "
            "entered.",
            unit="s",
            low=1,
            high=3600,
        ),
    ] = 60.0
    clock_jump_max_s: Annotated[
        float,
        setting(
            "A wall clock that leaps by more is not believed until it is measured anew.",
            unit="s",
            low="0.1",
            high=3600,
        ),
    ] = 2.0

    def correlated(self) -> tuple[Group, ...]:
        """Return the groups as what they mean."""
        found = []
        for text in self.groups:
            name, _, rest = text.partition("=")
            members, _, limit = rest.rpartition(":")
            pairs = frozenset(Pair(member) for member in members.split("+"))
            found.append(Group(name=name, pairs=pairs, notional_max=Decimal(limit)))
        return tuple(found)


_LOOKBACK = setting("Trades closed within so long count.", unit="minutes", low=1, high=525_600)
_STOP = setting(
    "How long entries are forbidden after the last of those trades was closed.",
    unit="minutes",
    low=1,
    high=525_600,
)
_TRADES = setting(
    "So many trades must have been closed for it to judge.", unit="trades", low=1, high=10_000
)
_PROFIT_LOW, _PROFIT_HIGH = -1, 10


class StoplossGuardSettings(Struct, frozen=True, kw_only=True):
    """StoplossGuard: too many stop-losses within a while."""

    enabled: Annotated[bool, switch("Whether StoplossGuard watches.")] = False
    lookback_period: Annotated[int, _LOOKBACK] = 60
    trade_limit: Annotated[
        int,
        setting("So many stop-losses forbid entries.", unit="trades", low=1, high=10_000),
    ] = 10
    stop_duration: Annotated[int, _STOP] = 60
    required_profit: Annotated[
        Decimal,
        setting(
            "Only stop-losses whose profit after fees is below it count.",
            unit="as a share",
            low=_PROFIT_LOW,
            high=_PROFIT_HIGH,
        ),
    ] = Decimal(0)
    only_per_pair: Annotated[
        bool, switch("Judge and lock each pair by itself, never all together.")
    ] = False


class MaxDrawdownSettings(Struct, frozen=True, kw_only=True):
    """MaxDrawdown: the sum of the trades' profits fell too far from its best."""

    enabled: Annotated[bool, switch("Whether MaxDrawdown watches.")] = False
    lookback_period: Annotated[int, _LOOKBACK] = 60
    trade_limit: Annotated[int, _TRADES] = 1
    stop_duration: Annotated[int, _STOP] = 60
    max_allowed_drawdown: Annotated[
        Decimal,
        setting(
            "Furthest that the running sum of the trades' profits, each as a share of its cost, "
            "may fall.",
            unit="as a share",
            low=0,
            high=100,
        ),
    ] = Decimal(0)


class LowProfitPairsSettings(Struct, frozen=True, kw_only=True):
    """LowProfitPairs: a pair that earns too little."""

    enabled: Annotated[bool, switch("Whether LowProfitPairs watches.")] = False
    lookback_period: Annotated[int, _LOOKBACK] = 60
    trade_limit: Annotated[int, _TRADES] = 1
    stop_duration: Annotated[int, _STOP] = 60
    required_profit: Annotated[
        Decimal,
        setting(
            "Least sum of the pair's profits, each as a share of its cost.",
            unit="as a share",
            low=_PROFIT_LOW,
            high=_PROFIT_HIGH,
        ),
    ] = Decimal(0)


class CooldownPeriodSettings(Struct, frozen=True, kw_only=True):
    """CooldownPeriod: a rest after each trade of a pair."""

    enabled: Annotated[bool, switch("Whether CooldownPeriod watches.")] = False
    stop_duration: Annotated[int, _STOP] = 60


class ProtectionSettings(Struct, frozen=True, kw_only=True):
    """The four protections of freqtrade, with their names, settings and meanings."""

    stoploss_guard: StoplossGuardSettings = StoplossGuardSettings()
    max_drawdown: MaxDrawdownSettings = MaxDrawdownSettings()
    low_profit_pairs: LowProfitPairsSettings = LowProfitPairsSettings()
    cooldown_period: CooldownPeriodSettings = CooldownPeriodSettings()
