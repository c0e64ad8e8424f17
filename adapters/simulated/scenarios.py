"""Days out of the ordinary, as scripts: their names, what happens in each, how one is asked for.

Pure. A scenario is a list of stretches, each with what holds from its beginning to the next; who
plays them is `adapters.simulated.stage`.
"""

import math
import re
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from adapters.simulated.core.conditions import ORDINARY, Conditions
from adapters.simulated.core.pair_rules import TradeStatus
from state.errors import ConfigurationInvalid


class ScenarioName(StrEnum):
    """The catalogue."""

    FLASH_CRASH = "flash_crash"
    THIN_BOOK = "thin_book"
    VOLUME_SURGE = "volume_surge"
    HALT = "halt"
    DELISTING = "delisting"
    FEE_CHANGE = "fee_change"
    MAINTENANCE = "maintenance"
    CLOCK_JUMP = "clock_jump"


class Stretch(Struct, frozen=True, kw_only=True):
    """What holds from `after_s` until the next stretch begins; the defaults change nothing."""

    after_s: float = 0.0
    """Seconds since the scenario began."""
    street: Conditions = ORDINARY
    status: TradeStatus | None = None
    delisted_after_s: float | None = None
    """When the delisting that is announced takes place, seconds since the scenario began."""
    announces: str | None = None
    """Which of Gate's announcements it begins with."""
    cancels: bool = False
    """Whether it begins with the end of every resting order."""
    fee_factor: int = 1
    closed: bool = False
    """Whether nobody is served."""
    jumps_s: float = 0.0
    """How far the exchange's clock goes ahead at its beginning, for good."""


class Scenario(Struct, frozen=True, kw_only=True):
    """One script."""

    text: str
    stretches: tuple[Stretch, ...]
    ends_after_s: float | None
    """None for what stays until it is taken back."""
    of_pairs: bool = True
    """Whether it may be confined to one pair."""


def _drift(share: float, seconds: float) -> float:
    return math.log(share) / seconds


SCENARIOS: Final = {
    ScenarioName.FLASH_CRASH: Scenario(
        text="the price falls by 30 % in 60 s in a thin, busy book; half of it comes back in 120 s",
        stretches=(
            Stretch(street=Conditions(drift_per_s=_drift(0.7, 60), depth=0.3, volume=5)),
            Stretch(
                after_s=60,
                street=Conditions(drift_per_s=_drift(0.85 / 0.7, 120), depth=0.5, volume=2),
            ),
        ),
        ends_after_s=180,
    ),
    ScenarioName.THIN_BOOK: Scenario(
        text="a twentieth of the usual size rests in the book, for 120 s",
        stretches=(Stretch(street=Conditions(depth=0.05)),),
        ends_after_s=120,
    ),
    ScenarioName.VOLUME_SURGE: Scenario(
        text="the street trades ten times as often, for 120 s",
        stretches=(Stretch(street=Conditions(volume=10)),),
        ends_after_s=120,
    ),
    ScenarioName.HALT: Scenario(
        text="no order is taken and the book stands still, for 60 s; what rests may be cancelled",
        stretches=(Stretch(status=TradeStatus.UNTRADABLE, street=Conditions(still=True)),),
        ends_after_s=60,
    ),
    ScenarioName.DELISTING: Scenario(
        text="announced at once; only sells are taken after 60 s; all ends after 120 s, for good",
        stretches=(
            Stretch(delisted_after_s=120, announces="delisting"),
            Stretch(after_s=60, delisted_after_s=120, status=TradeStatus.SELLABLE),
            Stretch(
                after_s=120,
                delisted_after_s=120,
                status=TradeStatus.UNTRADABLE,
                street=Conditions(still=True),
                cancels=True,
            ),
        ),
        ends_after_s=None,
    ),
    ScenarioName.FEE_CHANGE: Scenario(
        text="makers and takers pay twice as much, until it is taken back",
        stretches=(Stretch(fee_factor=2, announces="fee"),),
        ends_after_s=None,
        of_pairs=False,
    ),
    ScenarioName.MAINTENANCE: Scenario(
        text="every socket is cut, every call is answered with 503, all stands still, for 60 s",
        stretches=(Stretch(closed=True, street=Conditions(still=True)),),
        ends_after_s=60,
        of_pairs=False,
    ),
    ScenarioName.CLOCK_JUMP: Scenario(
        text="the exchange's clock goes ahead by 90 s, for good",
        stretches=(Stretch(jumps_s=90),),
        ends_after_s=None,
        of_pairs=False,
    ),
}


class ScenarioOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scenario that is wanted."""

    scenario: ScenarioName
    pair: str | None = None
    """None for every pair."""
    after_s: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    """Seconds from now to its beginning, by the exchange's clock."""


_WRITTEN = re.compile(r"([a-z_]+)(?::([A-Z0-9]+_[A-Z0-9]+))?(?:@(\d{1,6}(?:\.\d{1,3})?))?\Z")


def parse_scenario(text: str) -> ScenarioOrder:
    """Return what `NAME[:PAIR][@START_S]` asks for.

    Raises:
        ConfigurationInvalid: If it asks for nothing; the text names the part.
    """
    written = _WRITTEN.match(text)
    if written is None:
        message = f"scenario {text!r}: write NAME, NAME@START_S or NAME:PAIR@START_S"
        raise ConfigurationInvalid(message)
    name, pair, after_s = written.groups()
    if name not in set(ScenarioName):
        known = ", ".join(ScenarioName)
        raise ConfigurationInvalid(f"scenario {name!r} is none of {known}")
    order = ScenarioOrder(
        scenario=ScenarioName(name), pair=pair, after_s=float(after_s) if after_s else 0.0
    )
    refuse_confined(order)
    return order


def refuse_confined(order: ScenarioOrder) -> None:
    """Refuse one pair where only the whole venue can be meant.

    Raises:
        ConfigurationInvalid: It is so.
    """
    if order.pair is not None and not SCENARIOS[order.scenario].of_pairs:
        message = f"scenario {order.scenario}: concerns the whole venue; leave {order.pair} out"
        raise ConfigurationInvalid(message)


def scenario_rows() -> list[dict[str, object]]:
    """Return the catalogue for programs."""
    return [
        {
            "scenario": name.value,
            "ends_after_s": scenario.ends_after_s,
            "of_pairs": scenario.of_pairs,
            "text": scenario.text,
        }
        for name, scenario in SCENARIOS.items()
    ]


def scenario_help() -> str:
    """Return the catalogue for people."""
    width = max(len(name) for name in ScenarioName)
    return "\n".join(
        [
            "Scenarios of the simulated exchange: --scenario NAME[:PAIR][@START_S], repeatable.",
            "Without a pair every pair; all seconds are those of the exchange's clock.",
            "",
            *(f"  {name:<{width}}  {scenario.text}" for name, scenario in SCENARIOS.items()),
        ]
    )
