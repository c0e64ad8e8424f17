"""Every indicator of the house, by the names under which it is published. Pure.

Where the arithmetic comes from, and why, is the table in docs/indicators.md, which a test makes
sure is this one.
"""

from functools import cache, partial

from state.indicators import own
from state.indicators.bars import Columns, Floats
from state.indicators.indicator import Indicator, Spec
from state.indicators.library import FromTalib, batch, warm_up_of

_CLOSE = ("close",)
_RANGE = ("high", "low")
_BAR = ("high", "low", "close")
_TRADED = ("high", "low", "close", "volume")


def _library(
    name: str, outputs: tuple[str, ...], inputs: tuple[str, ...], **parameters: float
) -> Spec:
    shown = ", ".join(f"{key}={value:g}" for key, value in parameters.items())
    return Spec(
        name=name.lower(),
        outputs=outputs,
        warm_up=warm_up_of(name, **parameters),
        make=partial(FromTalib, name, inputs, **parameters),
        batch=partial(_whole, name, inputs, parameters),
        source=f"TA-Lib {name}({shown})",
    )


def _whole(
    name: str, inputs: tuple[str, ...], parameters: dict[str, float], bars: Columns
) -> tuple[Floats, ...]:
    return batch(name, inputs, bars, **parameters)


@cache
def catalogue() -> tuple[Spec, ...]:
    """Return every indicator, in the order in which it is published."""
    bands = ("bollinger_upper", "bollinger_middle", "bollinger_lower")
    keltner = ("keltner_upper", "keltner_middle", "keltner_lower")
    donchian = ("donchian_upper", "donchian_middle", "donchian_lower")
    ichimoku = ("ichimoku_conversion", "ichimoku_base", "ichimoku_span_a", "ichimoku_span_b")
    return (
        _library("SMA", ("sma20",), _CLOSE, timeperiod=20),
        _library("SMA", ("sma50",), _CLOSE, timeperiod=50),
        _library("EMA", ("ema20",), _CLOSE, timeperiod=20),
        _library("EMA", ("ema50",), _CLOSE, timeperiod=50),
        _library("WMA", ("wma20",), _CLOSE, timeperiod=20),
        _library("RSI", ("rsi14",), _CLOSE, timeperiod=14),
        _library(
            "MACD",
            ("macd", "macd_signal", "macd_histogram"),
            _CLOSE,
            fastperiod=12,
            slowperiod=26,
            signalperiod=9,
        ),
        _library("BBANDS", bands, _CLOSE, timeperiod=20, nbdevup=2.0, nbdevdn=2.0, matype=0),
        _library("ATR", ("atr14",), _BAR, timeperiod=14),
        _library("ADX", ("adx14",), _BAR, timeperiod=14),
        _library("PLUS_DI", ("plus_di14",), _BAR, timeperiod=14),
        _library("MINUS_DI", ("minus_di14",), _BAR, timeperiod=14),
        _library(
            "STOCH",
            ("stochastic_k", "stochastic_d"),
            _BAR,
            fastk_period=14,
            slowk_period=1,
            slowk_matype=0,
            slowd_period=3,
            slowd_matype=0,
        ),
        Spec(
            "stochrsi",
            ("stochrsi_k", "stochrsi_d"),
            32,
            own.StochRsi,
            own.stochrsi_batch,
            "TA-Lib STOCHRSI(14, 14, 3), whose second output is %K; %D its mean of 3, ours",
        ),
        _library("CCI", ("cci20",), _BAR, timeperiod=20),
        _library("OBV", ("obv",), ("close", "volume")),
        Spec("vwap", ("vwap",), 1, own.Vwap, own.vwap_batch, "ours: TA-Lib's never resets"),
        Spec(
            "keltner",
            keltner,
            20,
            own.Keltner,
            own.keltner_batch,
            "EMA(20) of TA-Lib, average true range (10, first bar included) ours, 1.5 times",
        ),
        _library("DONCHIAN", donchian, _RANGE, timeperiod=20),
        Spec(
            "supertrend",
            ("supertrend", "supertrend_side"),
            warm_up_of("SUPERTREND", timeperiod=10, multiplier=3.0),
            own.SuperTrend,
            own.supertrend_batch,
            "TA-Lib SUPERTREND(10, 3)",
        ),
        Spec(
            "ichimoku",
            ichimoku,
            78,
            own.Ichimoku,
            own.ichimoku_batch,
            "TA-Lib MIDPRICE(9, 26, 52); the shift by 26 is ours, TA-Lib has no Ichimoku",
        ),
        _library("SAR", ("psar",), _RANGE, acceleration=0.02, maximum=0.2),
        _library("MFI", ("mfi14",), _TRADED, timeperiod=14),
        _library("WILLR", ("williams_r14",), _BAR, timeperiod=14),
    )


def make_all() -> list[tuple[tuple[str, ...], Indicator]]:
    """Return a new indicator of each kind, beside the names of its outputs."""
    return [(spec.outputs, spec.make()) for spec in catalogue()]


WARM_UP = 78
"""Bars until every indicator speaks; the VWAP waits for 00:00 UTC besides."""
