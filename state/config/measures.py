"""The settings of what comes in and is measured: `[validation]`, `[flow]`, `[latency]`. Pure."""

from typing import Annotated

from msgspec import Struct

from state.config.meaning import setting, switch


class ValidationSettings(Struct, frozen=True, kw_only=True):
    """When a number from the exchange is not believed."""

    jump_mads: Annotated[
        float,
        setting(
            "A price further from the median of the last ones than so many median absolute "
            "deviations, and than `jump_floor_bps`, waits for a second source.",
            unit="deviations",
            low=3,
            high=1000,
        ),
    ] = 10.0
    jump_floor_bps: Annotated[
        float,
        setting(
            "No price nearer to the median than this is a jump, however quiet the market was; two "
            "sources that are so near to each other confirm one another.",
            unit="bps",
            low=1,
            high=5000,
        ),
    ] = 200.0
    quarantine_s: Annotated[
        float,
        setting(
            "A price that no second source confirms within this is refused.",
            unit="s",
            low="0.1",
            high=600,
        ),
    ] = 10.0
    regression_s: Annotated[
        float,
        setting(
            "What happened so long before the newest of its channel is refused, until three in a "
            "row insist.",
            unit="s",
            low="0.1",
            high=3600,
        ),
    ] = 5.0


class FlowSettings(Struct, frozen=True, kw_only=True):
    """How often books and flow are measured beyond the best prices."""

    liquidity_every_s: Annotated[
        float,
        setting(
            "Depth, cost to trade and liquidity of a book are measured so often at most.",
            unit="s",
            low="0.05",
            high=3600,
        ),
    ] = 1.0
    conflated_ms: Annotated[
        float,
        setting(
            "While more changes of a book wait, it is measured once in so long; 0: each time.",
            unit="ms",
            low=0,
            high=1000,
        ),
    ] = 5.0
    flow_every_s: Annotated[
        float,
        setting(
            "Flow of a pair, and the opinion that follows from book and flow, is told so often at "
            "most.",
            unit="s",
            low="0.05",
            high=3600,
        ),
    ] = 1.0
    detail: Annotated[
        bool,
        switch(
            "Whether trades are held against every update of the book and the ticker: needed for "
            "icebergs and VPIN."
        ),
    ] = True


class LatencySettings(Struct, frozen=True, kw_only=True):
    """How long an update of a book may take from the socket to its measures."""

    budget_ms: Annotated[
        float,
        setting(
            "An alert is raised when 1 % of the last minutes' updates took longer.",
            unit="ms",
            low=1,
            high=60_000,
        ),
    ] = 250.0
    hard_ms: Annotated[
        float,
        setting(
            "A critical alert is raised when any update took longer.",
            unit="ms",
            low=1,
            high=600_000,
        ),
    ] = 1000.0
    told_every_s: Annotated[
        float,
        setting("Samples of latency are gathered for so long.", unit="s", low="0.1", high=3600),
    ] = 2.0
