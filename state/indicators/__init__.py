"""Indicators: pure, streaming and over whole columns, with the same numbers in both.

`Indicator.update(bar)` gives the values as of a closed bar or None while not warm, `peek(bar)`
those of a forming one. The arithmetic is TA-Lib's (`library.py`: incremental handles, O(1) a bar)
wherever it has the indicator as the published tables define it; `own.py` holds the rest and says
why. `catalogue.py` lists them all, `series.py` keeps those of one pair and timeframe.

TA-Lib is slow to import: nobody imports this package before the first bar is there.
"""
