"""Opinions, weighed: one score, and what each of them changed in it. Pure.

    score = sum(weight * confidence * direction) / sum(weight * confidence)

over all opinions that are fresh and have a say, so it is in [-1, 1] and one who is unsure counts
little, one who has nothing to say (confidence 0) not at all. An entry wants `score >= enter_at`, an
exit `score <= exit_at`; between them nothing is done, which is the hysteresis. Either wants a
conviction, `sum(weight * confidence)`, of at least `conviction_min`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct

from state.config.decision import DecisionSettings
from state.messages.advice import Authority
from state.messages.judgement import Judgement, OpinionLeftOut, OpinionUsed
from state.messages.signals import Direction, Opinion
from state.values import TimeNs

CONFIDENCE_MIN = 1e-6
"""Less is nothing to say: a mean over such weights would be of rounding errors."""


class Action(StrEnum):
    """What is to be done."""

    ENTER = "enter"
    EXIT = "exit"


class Hearing(StrEnum):
    """What became of an opinion that was heard."""

    TAKEN = "TAKEN"
    LATE = "LATE"
    """It was over before it came."""
    DUPLICATE = "DUPLICATE"
    """No newer than what the same source said before."""


class Opinions(Struct, frozen=True):
    """The newest opinion of each source about one pair."""

    of: dict[str, Opinion] = {}

    def heard(self, opinion: Opinion, now_ns: TimeNs) -> tuple["Opinions", Hearing]:
        """Return the opinions after one more, and whether it was taken.

        Args:
            opinion: What was said.
            now_ns: By the exchange's clock.
        """
        if opinion.expires_at_ns <= now_ns:
            return self, Hearing.LATE
        last = self.of.get(opinion.source)
        if last is not None and opinion.as_of_ns <= last.as_of_ns:
            return self, Hearing.DUPLICATE
        return Opinions({**self.of, opinion.source: opinion}), Hearing.TAKEN


def judge(
    opinions: Iterable[Opinion],
    weights: Mapping[str, float],
    authorities: Mapping[str, Authority],
    now_ns: TimeNs,
    settings: DecisionSettings,
    *,
    holds: bool,
    in_full: bool = False,
    confirmed: Direction | None = None,
) -> tuple[Judgement, Action | None]:
    """Return what all opinions together say, and what follows from it.

    Args:
        opinions: One of each source.
        weights: By source; 1 where it is missing.
        authorities: By source; `TILT` where it is missing.
        now_ns: By the exchange's clock.
        settings: Thresholds.
        holds: Whether something is held that could be sold: then only an exit is possible.
        in_full: Say what each opinion changed even when nothing is to be done.
        confirmed: Where the timeframes confirmed a trend to; noted, no more.
    """
    having_a_say: list[tuple[Opinion, float]] = []
    vetoes: list[Opinion] = []
    left_out: list[OpinionLeftOut] = []
    for opinion in sorted(opinions, key=lambda one: one.source):
        authority = authorities.get(opinion.source, Authority.TILT)
        if opinion.expires_at_ns <= now_ns:
            left_out.append(OpinionLeftOut(source=opinion.source, code="EXPIRED"))
        elif authority is Authority.SHADOW:
            left_out.append(OpinionLeftOut(source=opinion.source, code="SHADOW"))
        elif opinion.confidence < CONFIDENCE_MIN:
            left_out.append(OpinionLeftOut(source=opinion.source, code="SILENT"))
        elif authority is Authority.VETO:
            vetoes.append(opinion)
        else:
            having_a_say.append((opinion, weights.get(opinion.source, 1.0)))
    total = _Sums.of(having_a_say)
    action = total.action(settings, holds=holds)
    vetoed_by = ""
    if action is Action.ENTER:
        against = [one.source for one in vetoes if one.direction < 0]
        if against:
            action, vetoed_by = None, against[0]
    left_out += [OpinionLeftOut(source=one.source, code="VETO_ONLY") for one in vetoes]
    used = []
    for opinion, weight in having_a_say if action is not None or in_full or vetoed_by else ():
        rest = _Sums.of([pair for pair in having_a_say if pair[0] is not opinion])
        used.append(
            _used(opinion, weight, rest, decides=rest.action(settings, holds=holds) != action)
        )
    judgement = Judgement(
        score=total.score,
        conviction=total.conviction,
        enter_at=settings.enter_at,
        exit_at=settings.exit_at,
        used=tuple(used),
        left_out=tuple(left_out),
        vetoed_by=vetoed_by,
        confirmed=confirmed,
    )
    return judgement, action


class _Sums(Struct, frozen=True):
    conviction: float
    moment: float

    @classmethod
    def of(cls, weighed: Iterable[tuple[Opinion, float]]) -> "_Sums":
        conviction = moment = 0.0
        for opinion, weight in weighed:
            share = weight * opinion.confidence
            conviction += share
            moment += share * opinion.direction
        return cls(conviction, moment)

    @property
    def score(self) -> float | None:
        return self.moment / self.conviction if self.conviction else None

    def action(self, settings: DecisionSettings, *, holds: bool) -> Action | None:
        score = self.score
        if score is None or self.conviction < settings.conviction_min:
            return None
        if holds:
            return Action.EXIT if score <= settings.exit_at else None
        return Action.ENTER if score >= settings.enter_at else None


def _used(opinion: Opinion, weight: float, rest: _Sums, *, decides: bool) -> OpinionUsed:
    return OpinionUsed(
        source=opinion.source,
        direction=opinion.direction,
        confidence=opinion.confidence,
        weight=weight,
        horizon_s=opinion.horizon_s,
        invalidation=opinion.invalidation,
        as_of_ns=opinion.as_of_ns,
        expires_at_ns=opinion.expires_at_ns,
        reasons=opinion.reasons,
        without=rest.score,
        decides=decides,
    )
