"""What its record has earned a source: a weight that follows how its opinions came out. Pure.

When an opinion's horizon is over, its gain is `direction * confidence * move / usual move`, cut to
[-1, 1], where the usual move is the running mean of the absolute moves over that source's
horizons. The logarithm of the weight is pulled towards 0 by `forgetting`, then moved by
`learning_rate * gain`, and the weight is kept in [`weight_min`, `weight_max`].

Source: multiplicative weights of Freund and Schapire (1997), "A decision-theoretic generalization
of on-line learning"; the pull back to the start in the spirit of the fixed share of Herbster and
Warmuth (1998), "Tracking the best expert".

Of one source one opinion is under way at a time: overlapping ones would count one move many times.
"""

import math

from msgspec import Struct
from msgspec.structs import replace

from state.config.decision import DecisionSettings
from state.messages.judgement import SkillScored
from state.messages.signals import Opinion
from state.values import NS_PER_S, Pair, TimeNs

BPS = 10_000.0
USUAL_OF = 50
"""Moves in the running mean of the usual move."""
SCALE_MIN_BPS = 0.1
NEVER_NS = 2**63 - 1
LATE_SHARE = 0.5
"""An opinion that can only be scored later than this share of its horizon is not scored at all."""


class UnderWay(Struct, frozen=True, kw_only=True):
    """An opinion whose time runs."""

    direction: float
    confidence: float
    horizon_s: float
    as_of_ns: TimeNs
    began_ns: TimeNs
    mid: float


class Record(Struct, frozen=True, kw_only=True):
    """What is known of one source."""

    weight: float = 1.0
    resolved: int = 0
    hits: int = 0
    """Of those scored, how many had the move on their side."""
    won_bps: float = 0.0
    """Sum of the moves of those."""
    lost_bps: float = 0.0
    """Sum of the moves of the others, positive."""
    usual_bps: float = 0.0
    under_way: UnderWay | None = None


class Skill(Struct, frozen=True):
    """The records of all sources of one pair."""

    records: dict[str, Record] = {}

    def weight(self, source: str) -> float:
        """Return the weight of a source; 1 for one that was never scored."""
        record = self.records.get(source)
        return 1.0 if record is None else record.weight

    @property
    def next_due_ns(self) -> int:
        """When the next opinion is to be scored, by the exchange's clock; far off where none is."""
        return min(
            (
                one.under_way.began_ns + int(one.under_way.horizon_s * NS_PER_S)
                for one in self.records.values()
                if one.under_way is not None
            ),
            default=NEVER_NS,
        )

    def heard(self, opinion: Opinion, mid: float, now_ns: TimeNs) -> "Skill":
        """Return the skill after hearing an opinion: its time begins, if none of its source's runs.

        Args:
            opinion: What was said.
            mid: The middle of the book now, in quote units.
            now_ns: By the exchange's clock, as the opinion's times are.
        """
        record = self.records.get(opinion.source, Record())
        if record.under_way is not None or not opinion.direction or not opinion.confidence:
            return self
        began = UnderWay(
            direction=opinion.direction,
            confidence=opinion.confidence,
            horizon_s=opinion.horizon_s,
            as_of_ns=opinion.as_of_ns,
            began_ns=now_ns,
            mid=mid,
        )
        return self._with(opinion.source, replace(record, under_way=began))

    def scored(
        self, pair: Pair, mid: float, now_ns: TimeNs, settings: DecisionSettings
    ) -> tuple["Skill", tuple[SkillScored, ...]]:
        """Return the skill with all opinions scored whose time is over, and what to journal."""
        records, told = dict(self.records), []
        for source, record in self.records.items():
            opinion = record.under_way
            if opinion is None:
                continue
            horizon_ns = int(opinion.horizon_s * NS_PER_S)
            over_ns = opinion.began_ns + horizon_ns
            if now_ns < over_ns:
                continue
            if now_ns > over_ns + int(horizon_ns * LATE_SHARE):
                # Nobody saw where the price was then: a later one says something else.
                records[source] = replace(record, under_way=None)
                continue
            after, event = _scored(pair, source, record, opinion, mid, now_ns, settings)
            records[source] = after
            told.append(event)
        return (self if records == self.records else Skill(records)), tuple(told)

    def _with(self, source: str, record: Record) -> "Skill":
        return Skill({**self.records, source: record})


def _scored(
    pair: Pair,
    source: str,
    record: Record,
    opinion: UnderWay,
    mid: float,
    now_ns: TimeNs,
    settings: DecisionSettings,
) -> tuple[Record, SkillScored]:
    moved_bps = (mid / opinion.mid - 1.0) * BPS
    count = min(record.resolved + 1, USUAL_OF)
    usual_bps = record.usual_bps + (abs(moved_bps) - record.usual_bps) / count
    scale_bps = max(usual_bps, SCALE_MIN_BPS)
    gain = opinion.direction * opinion.confidence * moved_bps / scale_bps
    gain = max(-1.0, min(1.0, gain))
    logarithm = (1.0 - settings.forgetting) * math.log(record.weight)
    weight = math.exp(logarithm + settings.learning_rate * gain)
    weight = max(settings.weight_min, min(settings.weight_max, weight))
    is_hit = opinion.direction * moved_bps > 0
    after = Record(
        # Never 0, of which there is no logarithm.
        weight=max(weight, 1e-6),
        resolved=record.resolved + 1,
        hits=record.hits + is_hit,
        won_bps=record.won_bps + (abs(moved_bps) if is_hit else 0.0),
        lost_bps=record.lost_bps + (0.0 if is_hit else abs(moved_bps)),
        usual_bps=usual_bps,
    )
    event = SkillScored(
        pair=pair,
        source=source,
        at_ns=now_ns,
        as_of_ns=opinion.as_of_ns,
        direction=opinion.direction,
        confidence=opinion.confidence,
        horizon_s=opinion.horizon_s,
        from_mid=opinion.mid,
        to_mid=mid,
        moved_bps=moved_bps,
        scale_bps=scale_bps,
        gain=gain,
        weight_before=record.weight,
        weight=after.weight,
        resolved=after.resolved,
    )
    return after, event
