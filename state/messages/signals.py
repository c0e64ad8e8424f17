"""What is made of the market: indicators, trends, patterns, levels, and opinions about them.

All numbers here are float64 measures: they are looked at, never paid. None is "not known yet".
"""

from enum import StrEnum

from msgspec import Struct

from state.messages.market import MarketFact, Timeframe
from state.values import Pair, TimeNs


class Direction(StrEnum):
    """Where a price is thought to go."""

    UP = "up"
    DOWN = "down"
    FLAT = "flat"

    @property
    def sign(self) -> int:
        """+1, -1 or 0."""
        return {"up": 1, "down": -1, "flat": 0}[self.value]


class IndicatorsUpdated(MarketFact, frozen=True, kw_only=True):
    """Indicators of one timeframe as of its newest closed bar; `event_time_ns` is that bar's end.

    Names, settings and warm-up: docs/indicators.md. None until an indicator is warm. Prices are
    in quote units, oscillators in their customary range.
    """

    timeframe: Timeframe
    open_time_ns: TimeNs
    """Opening of the newest closed bar."""
    close: float
    bars: int
    """How many bars are behind these values since the last re-warm."""
    n_missing: int = 0
    """How many of the bars behind them are missing: filled with the last close, or left out."""
    sma20: float | None = None
    sma50: float | None = None
    ema20: float | None = None
    ema50: float | None = None
    wma20: float | None = None
    rsi14: float | None = None
    macd: float | None = None
    macd_signal: float | None = None
    macd_histogram: float | None = None
    bollinger_upper: float | None = None
    bollinger_middle: float | None = None
    bollinger_lower: float | None = None
    atr14: float | None = None
    adx14: float | None = None
    plus_di14: float | None = None
    minus_di14: float | None = None
    stochastic_k: float | None = None
    stochastic_d: float | None = None
    stochrsi_k: float | None = None
    stochrsi_d: float | None = None
    cci20: float | None = None
    obv: float | None = None
    """Base units since the first bar behind it: only its changes mean something."""
    vwap: float | None = None
    """Since 00:00 UTC; None where the bars of the day are not all there."""
    keltner_upper: float | None = None
    keltner_middle: float | None = None
    keltner_lower: float | None = None
    donchian_upper: float | None = None
    donchian_middle: float | None = None
    donchian_lower: float | None = None
    supertrend: float | None = None
    supertrend_side: float | None = None
    """+1 while the line is below the price, -1 while it is above."""
    ichimoku_conversion: float | None = None
    ichimoku_base: float | None = None
    ichimoku_span_a: float | None = None
    """The cloud at this bar, known since 25 bars ago."""
    ichimoku_span_b: float | None = None
    psar: float | None = None
    mfi14: float | None = None
    williams_r14: float | None = None


class TimeframeTrend(Struct, frozen=True, kw_only=True):
    """What one timeframe says, as of its last closed bar."""

    timeframe: Timeframe
    closed_time_ns: TimeNs
    """End of the last closed bar used: nothing later went in."""
    regime: Direction | None
    """None while not warm."""
    adx: float | None
    slope_t: float | None
    """t-statistic of the slope of log closes; its sign is the direction."""
    weight: float
    """Published weight in the agreement."""


class TrendMeasured(MarketFact, frozen=True, kw_only=True):
    """The trend of a pair over all timeframes. Rules: `state.trend`."""

    timeframes: tuple[TimeframeTrend, ...]
    """Smallest first; those without a closed bar are left out."""
    missing: tuple[Timeframe, ...]
    """Timeframes that have no say yet: no bar, not warm, or too old."""
    bias: float | None
    """In [-1, 1]: the weighted mean of the regimes; None when half the weight is missing."""
    agreement: float | None
    """In [-1, 1]: +1 when fast and slow timeframes trend alike, up or down; -1 when against one
    another, 0 when flat; None when half the weight of either is missing."""
    confirmed: Direction | None
    """UP or DOWN: at least 3 of 5 timeframes, one of them of an hour or more; else None."""


class PatternKind(StrEnum):
    """What a pattern is made of."""

    CANDLESTICK = "candlestick"
    CHART = "chart"
    REVERSAL = "reversal"


class PatternPoint(Struct, frozen=True, kw_only=True):
    """A corner of a pattern."""

    open_time_ns: TimeNs
    """Opening of the bar that made it."""
    price: float


class PatternFound(MarketFact, frozen=True, kw_only=True):
    """A pattern was complete when this bar closed; `event_time_ns` is that bar's end."""

    timeframe: Timeframe
    open_time_ns: TimeNs
    """Opening of the bar that completed it."""
    pattern: str
    """Its name: TA-Lib's for candlesticks, such as `CDLENGULFING`; `double_top` and such."""
    kind: PatternKind
    direction: Direction
    """What the textbook expects; FLAT where it expects nothing."""
    quality: float
    """In [0, 1]: how well the shape fits, not how likely it is to come true."""
    invalidation: float | None = None
    """The price beyond which the shape is no more."""
    points: tuple[PatternPoint, ...] = ()


class LevelRole(StrEnum):
    """On which side of the price a level stands."""

    SUPPORT = "support"
    RESISTANCE = "resistance"


class LevelState(StrEnum):
    """What became of a level."""

    HOLDING = "holding"
    BROKEN = "broken"
    """A close went through it; it has neither been regained nor met from the other side since."""
    FLIPPED = "flipped"
    """Broken, then met from the other side and held: it plays the other role now."""


class PriceLevel(Struct, frozen=True, kw_only=True):
    """A price at which the market turned."""

    id: str
    """Stable: the timeframe and the opening of the pivot that founded it."""
    price: float
    """Mean of its touches."""
    tolerance: float
    """Quote units either side within which it is touched and beyond which it is broken."""
    role: LevelRole
    state: LevelState
    touches: int
    first_touch_ns: TimeNs
    """Opening of the bar of its first touch."""
    last_touch_ns: TimeNs
    age_bars: int
    """Bars since the first touch."""
    strength: float
    """In [0, 1]; formula: `state.levels`."""


class LevelsUpdated(MarketFact, frozen=True, kw_only=True):
    """Support and resistance of one timeframe; `event_time_ns` is the end of its newest bar."""

    timeframe: Timeframe
    levels: tuple[PriceLevel, ...]
    """Strongest first."""


class Reason(Struct, frozen=True, kw_only=True):
    """One ground of an opinion."""

    says: str
    """In words."""
    refers: str
    """What it was read from, such as `trend`, `pattern:CDLENGULFING:1h:NS`, `level:ID`."""


class Opinion(Struct, frozen=True, kw_only=True, tag=True):
    """Published: what one source expects of a pair. It sizes nothing and orders nothing."""

    source: str
    """Who thinks so: `technical`, `advisor`, ..."""
    pair: Pair
    direction: float
    """In [-1, 1]: sign is the side, size the strength; 0 expects nothing."""
    confidence: float
    """In [0, 1]: how much the source trusts itself."""
    horizon_s: float
    """Over how long it is meant."""
    invalidation: float | None
    """The price, in quote units, at which it is refuted; None where there is none."""
    reasons: tuple[Reason, ...]
    as_of_ns: TimeNs
    """The newest fact that went in happened before this, by the exchange's clock."""
    expires_at_ns: TimeNs
    """From here on nobody may use it."""
    trace_id: str = ""

    def __post_init__(self) -> None:
        """Refuse what no source may say.

        Raises:
            ValueError: A number is outside its range, or the opinion expires before it begins.
        """
        # Written so that NaN fails too.
        if not -1.0 <= self.direction <= 1.0:
            raise ValueError(f"direction {self.direction} is not in [-1, 1]")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is not in [0, 1]")
        if not 0.0 < self.horizon_s < float("inf"):
            raise ValueError(f"horizon_s {self.horizon_s} is not positive and finite")
        if self.invalidation is not None and not 0.0 < self.invalidation < float("inf"):
            raise ValueError(f"invalidation {self.invalidation} is not positive and finite")
        if self.expires_at_ns <= self.as_of_ns:
            raise ValueError("expires_at_ns is not after as_of_ns")
