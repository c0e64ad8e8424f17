"""What trades and books say beyond the best prices: flow, liquidity, latency, what was refused.

All numbers here are float64 measures: they are looked at, never paid. None is "not known yet".
Definitions, sources and ranges: docs/microstructure.md.
"""

from enum import StrEnum

from msgspec import Struct

from state.messages.market import MarketFact
from state.values import Pair, Side, TimeNs


class MarketSource(StrEnum):
    """Which of the exchange's channels said something."""

    BOOK = "book"
    TRADES = "trades"
    TICKER = "ticker"
    CANDLES = "candles"


class Rejection(StrEnum):
    """What is wrong with a number that came."""

    NOT_POSITIVE = "not_positive"
    """A price or a traded quantity of zero or less, a size or volume below zero."""
    NOT_FINITE = "not_finite"
    """NaN or infinite."""
    CROSSED = "crossed"
    """A bid at or above the ask of the same message."""
    INCONSISTENT = "inconsistent"
    """A candle whose high or low does not enclose its open and close."""
    TIME_REGRESSION = "time_regression"
    """It happened long before what the same channel told already."""
    QUARANTINED = "quarantined"
    """Too far from what was known; held back until a second source confirms it."""
    UNCONFIRMED = "unconfirmed"
    """Held back, and no second source confirmed it in time."""


class NumberRejected(Struct, frozen=True, kw_only=True, tag=True):
    """Published by a feed: a message was refused or held back because of a number in it.

    In a flood of them not each is published; `count` misses none.
    """

    pair: Pair
    source: MarketSource
    reason: Rejection
    says: str
    """The number, in words."""
    count: int
    """How many of this pair, source and reason there were since the feed began to live."""
    at_ns: TimeNs


class LiquidityMeasured(MarketFact, frozen=True):
    """What a verified, live book would take, at a bounded cadence: `actors.market.depth_measures`.

    Depths are quote units within so many basis points of the mid, None where the verified book does
    not reach so far. Costs are basis points of the mid, None where not so much is verified.
    """

    sequence: int
    """The update id of the book that was measured."""
    mid: float
    spread_bps: float
    bid_depth_10: float | None
    bid_depth_25: float | None
    bid_depth_50: float | None
    ask_depth_10: float | None
    ask_depth_25: float | None
    ask_depth_50: float | None
    buy_cost_100: float | None
    buy_cost_1000: float | None
    buy_cost_10000: float | None
    sell_cost_100: float | None
    sell_cost_1000: float | None
    sell_cost_10000: float | None
    half_life_s: float | None
    """Median time in which half of a lost depth was back; None after fewer than three losses."""
    weighted_imbalance: float | None
    order_flow_depths: float | None
    micro_price: float | None
    """These three as in `BookMeasured`: who needs them now and then need not hear every update."""
    score: float
    """Liquidity score, in [0, 100]: `actors.market.liquidity`."""
    percentile: float | None
    """Percent of the last week's scores below it; None without ten minutes of them."""
    samples: int
    """Scores of the last week that it is compared with."""


class HiddenOrder(Struct, frozen=True, kw_only=True):
    """An order that seems to be worked in parts: inference, with how sure it is."""

    kind: str
    """`split`: executions of one size at even times; `iceberg`: a level that refills."""
    side: Side
    """Of the hidden order."""
    size: float
    """Of a part, base units."""
    parts: int
    price: float | None
    """Of an iceberg's level; None of a split order."""
    interval_s: float | None
    """Between the slices of a split order; None of an iceberg."""
    first_ns: TimeNs
    last_ns: TimeNs
    confidence: float
    """In [0, 1]."""


class FlowMeasured(MarketFact, frozen=True, kw_only=True):
    """What a pair's trades say, at a bounded cadence. Definitions: docs/microstructure.md.

    Volumes are base units. Sums of the day run since 00:00 UTC, or since `since_ns` where that is
    later.
    """

    since_ns: TimeNs
    """From when on no trade of the day is missing."""
    trades: int
    """Of the day."""
    buy_volume: float
    sell_volume: float
    unknown_volume: float
    """Of trades whose taker's side the exchange did not tell."""
    cumulative_delta: float
    """Buys less sells of the day: CVD."""
    delta_60s: float | None
    """Buys less sells of the last minute; None before one was watched, as the next three."""
    imbalance_60s: float | None
    """The same over the volume, in [-1, 1]; None where nothing traded, too."""
    buys_per_s: float | None
    sells_per_s: float | None
    point_of_control: float | None
    """Price at which most of the day's volume traded; None before anything did."""
    value_low: float | None
    value_high: float | None
    """Edges of the 70 % value area, quote units."""
    level_width: float | None
    """Of a level of the profile, quote units: whole ticks."""
    vpin: float | None
    """In [0, 1]; None before 50 buckets are full."""
    stacked: int | None
    """Imbalances stacked in the last whole minute: levels bought, minus levels sold; 0 of none."""
    large_z: float | None
    """The most unusual size of the last minute, standard deviations; its sign is the taker's."""
    hidden: tuple[HiddenOrder, ...]
    """Those seen at work within the last two minutes, surest first."""


HOPS = (
    "exchange_to_socket",
    "decode",
    "hand_over",
    "fold",
    "measure",
    "deliver",
    "socket_to_state",
    "socket_to_trader",
)
"""Parts of a book update's way, in its order; the last two are sums of those after the first."""


class LatencyMeasured(Struct, frozen=True, kw_only=True, tag=True):
    """Published by those on the way of a book update: how long parts of it took, nanoseconds.

    A few samples a message, not each of a flood. By our clock, which may have been set meanwhile:
    less than nothing is counted as nothing.
    """

    pair: Pair
    exchange_to_socket: tuple[int, ...] = ()
    """Our clock at the socket less the exchange's at the event: the clocks' difference is in it."""
    decode: tuple[int, ...] = ()
    """From the socket to a message."""
    hand_over: tuple[int, ...] = ()
    """From there through the feed's mailbox, ids checked."""
    fold: tuple[int, ...] = ()
    """From there through the analyzer's mailbox into the book."""
    measure: tuple[int, ...] = ()
    """From there to the measures."""
    deliver: tuple[int, ...] = ()
    """From there through the trader's mailbox."""
    socket_to_state: tuple[int, ...] = ()
    """From the socket to the measures."""
    socket_to_trader: tuple[int, ...] = ()
    left_out: int = 0
    """Samples beyond those told."""


class HopLatency(Struct, frozen=True, kw_only=True):
    """How long one part of the way takes, since the health monitor began to live."""

    hop: str
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    """Percentiles are within 1.6 %: `state.log_histogram`."""
    max_ms: float
    """Exact."""
