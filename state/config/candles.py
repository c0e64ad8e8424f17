"""The settings of candles and of the market's history: `[candles]`, `[history]`. Pure."""

from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting, switch


class CandleSettings(Struct, frozen=True, kw_only=True):
    """How many closed candles are at hand, and whether the exchange's fill what was not watched."""

    kept: Annotated[
        int,
        setting(
            "Closed candles of each timeframe that are kept, and asked of the exchange at the "
            "start so that every indicator is warm.",
            unit="candles",
            low=30,
            high=1000,
        ),
    ] = 600
    backfill: Annotated[
        bool,
        switch(
            "Whether candles that were not watched, before the start and while the stream was "
            "lost, are fetched from the exchange."
        ),
    ] = True
