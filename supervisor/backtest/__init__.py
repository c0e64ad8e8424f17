"""Backtests: the actors that judge, over recorded candles."""

from supervisor.backtest.candle_run import Bars, CandleRun, Model
from supervisor.backtest.result import Against, Result, Together, against, together

__all__ = ["Against", "Bars", "CandleRun", "Model", "Result", "Together", "against", "together"]
