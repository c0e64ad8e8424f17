"""Backtests: the actors that judge, over recorded candles."""

from supervisor.backtest.candle_run import Bars, CandleRun, Model
from supervisor.backtest.result import Result, Together, together

__all__ = ["Bars", "CandleRun", "Model", "Result", "Together", "together"]
