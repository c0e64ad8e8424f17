"""Patterns of candles and of pivots: pure, told at the bar that completes them, never taken back.

`candlesticks.py` are TA-Lib's 61, `chart.py` watches the shapes that `shapes.py` recognises.
"""
