"""How a trader came to its decision: whose opinions went in, and what each of them changed.

These travel inside of `OrderProposed` and `DecisionMade`, so the journal can say why, months later.
All numbers are float64 measures.
"""

from msgspec import Struct

from state.messages.market import MarketFact
from state.messages.signals import Direction, Reason
from state.values import Pair, TimeNs


class OpinionUsed(Struct, frozen=True, kw_only=True):
    """One opinion as it went into a decision."""

    source: str
    direction: float
    confidence: float
    weight: float
    """What the source's record has earned it: 1 at first, in [`weight_min`, `weight_max`]."""
    horizon_s: float
    invalidation: float | None
    as_of_ns: TimeNs
    expires_at_ns: TimeNs
    reasons: tuple[Reason, ...]
    without: float | None
    """The score had this opinion not been there; None where no other was."""
    decides: bool
    """Whether without it something else, or nothing, would have been done."""


class OpinionLeftOut(Struct, frozen=True, kw_only=True):
    """One opinion that had no say, and why."""

    source: str
    code: str
    """`EXPIRED`, `SHADOW`, `SILENT`, `VETO_ONLY`: docs/decisions.md."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What a trader made of all opinions at one moment."""

    score: float | None
    """In [-1, 1]: the mean direction, by weight and confidence; None where nobody had a say."""
    conviction: float
    """Sum of weight times confidence."""
    enter_at: float
    exit_at: float
    used: tuple[OpinionUsed, ...] = ()
    left_out: tuple[OpinionLeftOut, ...] = ()
    vetoed_by: str = ""
    """The source that forbade an entry; empty where nobody did."""
    confirmed: Direction | None = None
    """Where the timeframes confirmed a trend to; None where they did not, or nobody knows."""


class SourceRecord(Struct, frozen=True, kw_only=True):
    """What a source has earned at one pair."""

    source: str
    weight: float
    resolved: int
    hit_rate: float | None
    """None before the first of its opinions was scored."""


class Considered(MarketFact, frozen=True, kw_only=True):
    """Published by a trader, about once a second: how it thinks at the moment, and why it waits."""

    judgement: Judgement
    action: str
    """`enter`, `exit`, or empty: nothing."""
    waits_for: str
    """Why nothing is done: a code of docs/decisions.md; empty where something is."""
    waited: dict[str, int]
    """Looks at the market since the trader began, by what each of them waited for."""
    heard: dict[str, int]
    """Opinions since then, by `SOURCE CODE` with TAKEN, LATE or DUPLICATE."""
    records: tuple[SourceRecord, ...]


class SkillScored(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: an opinion's time was over, and its source's weight moved."""

    pair: Pair
    source: str
    at_ns: TimeNs
    as_of_ns: TimeNs
    direction: float
    confidence: float
    horizon_s: float
    from_mid: float
    to_mid: float
    moved_bps: float
    """How far the mid went, in basis points of where it was."""
    scale_bps: float
    """What counts as a large move over this horizon: the usual one so far."""
    gain: float
    """In [-1, 1]: direction times confidence times the move in units of `scale_bps`."""
    weight_before: float
    weight: float
    resolved: int
    """How many opinions of this source have been scored, this one included."""
