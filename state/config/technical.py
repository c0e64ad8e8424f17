"""The settings of technical analysis: `[technical]`. Pure."""

from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting


class TechnicalSettings(Struct, frozen=True, kw_only=True):
    """How a technical analyst comes to its opinion."""

    unconfirmed_share: Annotated[
        float,
        setting(
            "What an opinion keeps of its direction where the timeframes do not confirm it: 0 "
            "leaves it without one, 1 leaves the rule out.",
            unit="share",
            low=0,
            high=1,
        ),
    ] = 0.5
