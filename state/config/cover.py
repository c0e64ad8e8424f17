"""The settings of the protection of positions: `[protection]`. Pure."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting, switch
from state.messages.market import Timeframe


class StopMode(StrEnum):
    """How a stop follows the price."""

    FIXED = "fixed"
    """It stays where the entry put it."""
    TRAILING = "trailing"
    """It stays `stop_bps` below the best bid since the entry."""
    ATR = "atr"
    """It stays so many average true ranges below the best bid since the entry."""


class CoverSettings(Struct, frozen=True, kw_only=True):
    """How each position is protected from its first fill on."""

    stop: Annotated[
        StopMode,
        setting("How the stop follows the price: `fixed`, `trailing` or `atr`. It never loosens."),
    ] = StopMode.FIXED
    stop_bps: Annotated[
        Decimal,
        setting(
            "The stop of a new position, below its average entry; a trailing one keeps it.",
            unit="bps",
            low=5,
            high=5000,
        ),
    ] = Decimal(200)
    target_bps: Annotated[
        Decimal,
        setting(
            "Above the average entry the gain is taken; 0 never.", unit="bps", low=0, high=100_000
        ),
    ] = Decimal(0)
    atr_timeframe: Annotated[
        Timeframe, setting("Length of the candles whose true ranges are averaged.")
    ] = Timeframe.M1
    atr_window: Annotated[
        int,
        setting("Candles in the average true range (Wilder).", unit="candles", low=2, high=500),
    ] = 14
    atr_multiple: Annotated[
        float,
        setting(
            "Average true ranges between the best bid and an `atr` stop.",
            unit="ranges",
            low="0.1",
            high=50,
        ),
    ] = 3.0
    ratchet_step_bps: Annotated[
        Decimal,
        setting("A stop is drawn closer by so much at least.", unit="bps", low=1, high=1000),
    ] = Decimal(10)
    resident: Annotated[
        bool,
        switch("Whether the stop also waits at the exchange, as a trigger order."),
    ] = True
    resident_slippage_bps: Annotated[
        Decimal,
        setting(
            "How far below its stop the order of a trigger order may sell.",
            unit="bps",
            low=1,
            high=3000,
        ),
    ] = Decimal(100)
    slippage_max_bps: Annotated[
        Decimal,
        setting(
            "How far below the best bid any one attempt to get out may sell; what is left is tried "
            "again from the bid as it then is.",
            unit="bps",
            low=1,
            high=3000,
        ),
    ] = Decimal(90)
    ladder_bps: Annotated[
        tuple[str, ...],
        setting(
            "Rungs of the way out, in basis points below the best bid, ascending; the last attempt "
            "is at `slippage_max_bps`.",
            unit="bps",
            pattern=r"[0-9]+(\.[0-9]{1,4})?",
            expects="numbers such as 5,20,50",
        ),
    ] = ("5", "20", "50")
    proposal_ttl_s: Annotated[
        float,
        setting(
            "A protective proposal not on the wire by then is made anew.",
            unit="s",
            low="0.2",
            high=60,
        ),
    ] = 2.0

    def rungs(self) -> tuple[Decimal, ...]:
        """Return the rungs of the ladder, basis points, ascending."""
        return tuple(sorted(Decimal(rung) for rung in self.ladder_bps))
