"""What the advisor has done and is worth: its record, budget and breakers. Pure but for memory.

It begins from the journal (`AdviceBooks`) and is carried on by what happens; so a restart and a
long life come to the same.
"""

from collections import Counter

from state.advice import breaker, calibration, ladder
from state.advice.breaker import Breaker
from state.advice.budget import HELD_ONLY, SLOW, Caps, Cost, Spent, day_of
from state.advice.codes import JUDGED_WELL, NO_ANSWER, Code
from state.config.advisor import AdvisorSettings
from state.messages.advice import (
    AdviceBooks,
    AdviceGiven,
    AdviceResolved,
    Authority,
    AuthorityChanged,
    Resolved,
    Scores,
    Spending,
    Tally,
)
from state.values import TimeNs

RESOLVED_MAX = 1000


class Record:
    """One advisor's.

    Args:
        settings: Its caps and what a rung needs.
        contract: The wording it uses now.
    """

    def __init__(self, settings: AdvisorSettings, contract: str) -> None:
        self._contract = contract
        self.caps = Caps(
            calls=settings.calls_per_day_max,
            tokens=settings.tokens_per_day_max,
            usd=settings.usd_per_day_max,
        )
        self.bar = ladder.Bar(
            days=settings.promote_after_days,
            resolved=settings.promote_after_answers,
            valid_share=settings.promote_valid_share,
        )
        self.counts: Counter[str] = Counter()
        """How often each code was the end, since this life began."""
        self.spent = Spent(day=0)
        self.alerted_day = -1
        """The day on which the caps were told to be reached."""
        self._authority: AuthorityChanged | None = None
        self._resolved: list[Resolved] = []
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._breakers: dict[str, Breaker] = {}

    def begin(self, books: AdviceBooks, now_ns: TimeNs) -> None:
        """Take what the journal knows in the place of all that is remembered."""
        day = day_of(now_ns)
        self.spent = Spent(
            day=day, calls=books.calls, tokens=books.spent_tokens, usd=books.spent_usd
        )
        self.alerted_day = day if books.alerted else -1
        self._authority = books.authority
        self._resolved = list(books.resolved)
        self._tallies = {(one.model, one.contract): one for one in books.tallies}
        self._breakers = breaker.folded(books.recent)

    # What happens.

    def ended(self, given: AdviceGiven) -> Breaker:
        """Count the end of a question and return the breaker of its model."""
        code = Code(given.code)
        self.counts[code] += 1
        key = (given.model, given.contract)
        known = self._tallies.get(key)
        codes = {} if known is None else known.codes
        self._tallies[key] = Tally(
            model=given.model,
            contract=given.contract,
            first_ns=given.at_ns if known is None else known.first_ns,
            codes={**codes, code: codes.get(code, 0) + 1},
        )
        after = self.breaker(given.model).apply(code, given.at_ns)
        self._breakers[given.model] = after
        return after

    def resolved(self, one: AdviceResolved) -> None:
        """Take the end of an answer into the record."""
        if one.won is None or one.result_r is None:
            return
        self._resolved.append(
            Resolved(
                at_ns=one.at_ns,
                pair=one.pair,
                contract=one.contract,
                model=one.model,
                stated=one.stated,
                won=one.won,
                result_r=one.result_r,
            )
        )
        del self._resolved[:-RESOLVED_MAX]

    def changed(self, authority: AuthorityChanged) -> None:
        """Be believed so far from now on."""
        self._authority = authority

    def reserve(self, cost: Cost, now_ns: TimeNs) -> bool:
        """Reserve the worst case of a question; False, and nothing reserved, beyond a cap."""
        self.spent = self.spent.at(now_ns)
        if not self.spent.allows(cost, self.caps):
            return False
        self.spent = self.spent.reserved(cost)
        return True

    def settle(self, day: int, reservation: Cost, used: Cost) -> None:
        """Put what was used in the place of what was reserved on `day`."""
        self.spent = self.spent.settled(day, reservation, used)

    # What follows.

    def authority(self, model: str) -> Authority:
        """Return how far `model` is believed: what another one earned is not its own."""
        now = self._authority
        if now is None or (now.model, now.contract) != (model, self._contract):
            return Authority.SHADOW
        return now.authority

    @property
    def earned(self) -> AuthorityChanged | None:
        """The newest change of authority, whoever earned it."""
        return self._authority

    def calibrated(self, model: str, stated: float) -> float:
        """Return the confidence that the record of `model` allows."""
        ours = [
            one for one in self._resolved if (one.model, one.contract) == (model, self._contract)
        ]
        return calibration.calibrated(stated, ours)

    def scores(self, model: str, now_ns: TimeNs) -> Scores:
        """Return the record of `model` with the wording of now."""
        return scores_of(
            model,
            self._contract,
            self._tallies.get((model, self._contract)),
            self._resolved,
            now_ns,
        )

    def breaker(self, model: str) -> Breaker:
        """Return the breaker of `model`."""
        return self._breakers.get(model, Breaker())

    def slowed(self, now_ns: TimeNs) -> float:
        """Return by how much longer than usual to wait between questions: 1 or 2."""
        return 2.0 if self.spent.at(now_ns).share(self.caps) >= SLOW else 1.0

    def held_only(self, now_ns: TimeNs) -> bool:
        """Whether what is left of the day is kept for pairs with a position."""
        return self.spent.at(now_ns).share(self.caps) >= HELD_ONLY

    def spending(self, now_ns: TimeNs) -> Spending:
        """Return the day's costs against its caps."""
        spent = self.spent.at(now_ns)
        return Spending(
            day=spent.day,
            calls=spent.calls,
            tokens=spent.tokens,
            tokens_max=self.caps.tokens,
            usd=spent.usd,
            usd_max=self.caps.usd,
            rules_only=self.alerted_day == spent.day,
        )


def scores_of(
    model: str, contract: str, tally: Tally | None, resolved: list[Resolved], now_ns: TimeNs
) -> Scores:
    """Return the record of a model with a wording; failures of the provider are no answers."""
    codes = {} if tally is None else tally.codes
    answers = sum(count for code, count in codes.items() if code not in NO_ANSWER)
    valid = sum(count for code, count in codes.items() if code in JUDGED_WELL)
    return calibration.scores(
        resolved,
        model=model,
        contract=contract,
        answers=answers,
        valid=valid,
        first_ns=None if tally is None else tally.first_ns,
        now_ns=now_ns,
    )
