"""The newest of what is read off the market, by pair, for the operator. Pure."""

from typing import Any

from msgspec import Struct

from state.messages.market import Timeframe
from state.messages.signals import (
    IndicatorsUpdated,
    LevelsUpdated,
    Opinion,
    PatternFound,
    TrendMeasured,
)

PATTERNS_KEPT = 50
SIGNALS = (IndicatorsUpdated, TrendMeasured, PatternFound, LevelsUpdated, Opinion)


class SignalFacts(Struct, kw_only=True):
    """The newest signals of one pair."""

    trend: TrendMeasured | None = None
    indicators: dict[Timeframe, IndicatorsUpdated] = {}
    levels: dict[Timeframe, LevelsUpdated] = {}
    patterns: list[PatternFound] = []
    """Newest last."""
    opinions: dict[str, Opinion] = {}
    """By source."""

    def hear(self, signal: Any) -> None:
        """Remember one of `SIGNALS`."""
        match signal:
            case TrendMeasured():
                self.trend = signal
            case IndicatorsUpdated():
                self.indicators[signal.timeframe] = signal
            case LevelsUpdated():
                self.levels[signal.timeframe] = signal
            case PatternFound():
                self.patterns = [*self.patterns[1 - PATTERNS_KEPT :], signal]
            case Opinion():
                self.opinions[signal.source] = signal
            case _:
                raise TypeError(f"no signal: {type(signal).__name__}")
