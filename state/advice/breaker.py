"""When a model that fails is left alone, and when it is tried again. Pure.

A breaker is a fold of the answers in the journal, so it survives whatever the process does not.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from state.advice.codes import JUDGED_WELL, NO_ANSWER, Code
from state.messages.advice import Past
from state.values import NS_PER_S, TimeNs

IN_A_ROW = 5
WINDOW, WINDOW_MIN = 20, 8
QUALITY_WINDOW, QUALITY_MAX = 10, 3
"""Invalid answers of the newest ten that open it."""
OPEN_S, OPEN_MAX_S = 30.0, 600.0
QUALITY_OPEN_S = 3600.0
_AT_ONCE = {
    Code.CREDENTIAL_MISSING: 300.0,
    Code.CREDENTIAL_REFUSED: 300.0,
    Code.FORBIDDEN: 300.0,
    Code.PAYMENT_REQUIRED: 1800.0,
    Code.MODEL_UNKNOWN: 1800.0,
}
"""Seconds that these open it for: no second request would end otherwise."""
_NEUTRAL = frozenset({Code.CLOSING})


class Breaker(Struct, frozen=True, kw_only=True):
    """Of one model."""

    answered: tuple[bool, ...] = ()
    """Of the newest requests: whether there was an answer, oldest first."""
    kept: tuple[bool, ...] = ()
    """Of the newest answers: whether they kept the contract, oldest first."""
    open_until_ns: TimeNs = TimeNs(0)
    reason: str = ""
    opened: int = 0
    """How often in a row, without a good answer in between."""

    def permits(self, now_ns: TimeNs) -> bool:
        """Whether the model may be asked. After the time is over one request tries it."""
        return now_ns >= self.open_until_ns

    def apply(self, code: Code, at_ns: TimeNs) -> "Breaker":
        """Fold one end of a request."""
        if code in _NEUTRAL:
            return self
        if code in NO_ANSWER:
            return self._failed(code, at_ns)
        good = code in JUDGED_WELL
        kept = (*self.kept, good)[-QUALITY_WINDOW:]
        after = replace(self, answered=(*self.answered, True)[-WINDOW:], kept=kept)
        if good:
            return replace(after, opened=0, reason="")
        if kept.count(False) >= QUALITY_MAX:
            until = TimeNs(at_ns + int(QUALITY_OPEN_S * NS_PER_S))
            reason = f"{kept.count(False)} of its newest {len(kept)} answers broke the contract"
            # What opened it is spent: one bad answer more must not open it for another hour.
            return replace(after, kept=(), open_until_ns=until, reason=reason)
        return after

    def _failed(self, code: Code, at_ns: TimeNs) -> "Breaker":
        answered = (*self.answered, False)[-WINDOW:]
        after = replace(self, answered=answered)
        half_open = bool(self.opened) and at_ns >= self.open_until_ns
        many = len(answered) >= WINDOW_MIN and answered.count(False) * 2 >= len(answered)
        if code in _AT_ONCE:
            open_s = _AT_ONCE[code]
        elif half_open or many or (len(answered) >= IN_A_ROW and not any(answered[-IN_A_ROW:])):
            open_s = min(OPEN_MAX_S, OPEN_S * 2**self.opened)
        else:
            return after
        until = TimeNs(at_ns + int(open_s * NS_PER_S))
        return replace(after, opened=self.opened + 1, open_until_ns=until, reason=str(code))


def folded(answers: Iterable[Past]) -> dict[str, Breaker]:
    """Return the breakers that these answers come to, by model, oldest first."""
    found: dict[str, Breaker] = {}
    for one in answers:
        breaker = found.get(one.model, Breaker())
        found[one.model] = breaker.apply(Code(one.code), one.at_ns)
    return found
