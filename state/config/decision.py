"""The settings of a trader's judgement and of the size of its entries: `[decision]`. Pure."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting


class Confirmation(StrEnum):
    """What the timeframes must say for an entry: the rule of `state.trend`."""

    OFF = "off"
    """Nothing: they speak through the technical opinion alone."""
    NOT_AGAINST = "not_against"
    """They may not have confirmed a trend down."""
    REQUIRED = "required"
    """They have confirmed a trend up."""


class DecisionSettings(Struct, frozen=True, kw_only=True):
    """How opinions become decisions, and how large an entry may be."""

    enter_at: Annotated[
        float,
        setting("Least score of all opinions to enter on.", unit="score", low=0, high=1),
    ] = 0.3
    exit_at: Annotated[
        float,
        setting(
            "Score at or below which a position is left; below `enter_at`, so that a score that "
            "trembles changes nothing.",
            unit="score",
            low=-1,
            high=1,
        ),
    ] = -0.2
    conviction_min: Annotated[
        float,
        setting(
            "Least sum of weight times confidence for opinions to be acted on: one unsure source "
            "alone moves nothing, and pays no fees.",
            unit="conviction",
            low=0,
            high=100,
        ),
    ] = 0.5
    confirmation: Annotated[
        Confirmation,
        setting(
            "What the timeframes must say before an entry: `off`, `not_against` or `required`. "
            "`backtest --against` shows what it filters."
        ),
    ] = Confirmation.OFF
    cool_down_s: Annotated[
        float,
        setting("After an exit nothing is entered for so long.", unit="s", low=0, high=86_400),
    ] = 2.0
    weight_min: Annotated[
        float,
        setting("A source that is always wrong keeps this weight.", unit="weight", low=0, high=1),
    ] = 0.1
    weight_max: Annotated[
        float,
        setting("A source that is always right gets no more.", unit="weight", low=1, high=100),
    ] = 4.0
    learning_rate: Annotated[
        float,
        setting(
            "How far one scored opinion moves a weight: the logarithm of the largest step.",
            unit="per opinion",
            low=0,
            high=1,
        ),
    ] = 0.05
    forgetting: Annotated[
        float,
        setting(
            "How far each scored opinion pulls the weight back to 1: old skill counts less.",
            unit="as a share",
            low=0,
            high=1,
        ),
    ] = 0.01
    risk_bps: Annotated[
        Decimal,
        setting("What one entry may lose at its stop, of equity.", unit="bps", low=0, high=1000),
    ] = Decimal(50)
    volatility_target: Annotated[
        float,
        setting(
            "A position may move equity by so much a year, one standard deviation.",
            unit="as a share",
            low="0.001",
            high=10,
        ),
    ] = 0.5
    depth_share: Annotated[
        Decimal,
        setting(
            "Most of what is offered within `feed.depth_bps` that one entry may take.",
            unit="as a share",
            low=0,
            high=1,
        ),
    ] = Decimal("0.5")
    kelly_cap: Annotated[
        float,
        setting(
            "Most of equity in a position by the Kelly criterion, and the share of it that is "
            "believed.",
            unit="as a share",
            low=0,
            high=1,
        ),
    ] = 0.25
    kelly_resolved_min: Annotated[
        int,
        setting(
            "Scored opinions behind a decision before the Kelly criterion has a say: after 5,000 a "
            "rate of hits is known to 1.4 percent points, two standard errors.",
            unit="opinions",
            low=1,
            high=1_000_000,
        ),
    ] = 5000
    pair_share_max: Annotated[
        Decimal,
        setting(
            "Most of equity in one pair, what is held included.",
            unit="as a share",
            low=0,
            high=1,
        ),
    ] = Decimal("0.25")
