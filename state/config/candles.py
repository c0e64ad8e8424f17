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


class HistorySettings(Struct, frozen=True, kw_only=True):
    """What of the market is written to disk while the house runs, and for how long it is kept."""

    record: Annotated[
        bool, switch("Whether the market's history is written while the house runs.")
    ] = True
    kinds: Annotated[
        tuple[str, ...],
        setting(
            "What is written: `candles-TIMEFRAME`, `trades`, and `book` for every change of the "
            "books, which takes some hundred megabytes a day and pair.",
            pattern=r"candles-(1s|10s|1m|5m|15m|1h|4h|1d)|trades|book",
            expects="kinds such as candles-1m,trades",
        ),
    ] = ("candles-1m", "trades")
    flush_every_s: Annotated[
        float,
        setting(
            "How often what was gathered is written; a kill loses trades of so long at most.",
            unit="s",
            low=1,
            high=3600,
        ),
    ] = 60.0
    days_max: Annotated[
        int, setting("History older than this is removed.", unit="days", low=1, high=100_000)
    ] = 1000
    size_mb_max: Annotated[
        int,
        setting("The oldest history beyond this is removed.", unit="MB", low=10, high=10_000_000),
    ] = 20_000
