"""How the trade that an answer described would have ended, by closed candles alone. Pure.

Entered at the reference, it ends at the first of stop, target and horizon. Where both barriers lie
within one candle the stop counts. The minute in which it began is left out: nobody can say which of
its trades came later.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from state.messages.advice import AdviceGiven, AdviceResolved
from state.messages.market import CandleClosed, Timeframe
from state.values import NS_PER_S, Pair, TimeNs

BPS = 10_000.0
TIMEFRAME = Timeframe.M1
BAR_NS = TIMEFRAME.seconds * NS_PER_S
MISSING, STOP, TARGET, HORIZON = "missing", "stop", "target", "horizon"


class Trial(Struct, frozen=True, kw_only=True):
    """One answer whose end is awaited."""

    given: AdviceGiven
    next_ns: TimeNs
    """Opening of the candle that it needs next."""

    @property
    def ends_ns(self) -> TimeNs:
        """End of the horizon."""
        assert self.given.recommendation is not None
        minutes = self.given.recommendation.horizon_minutes or 0
        return TimeNs(self.given.at_ns + minutes * 60 * NS_PER_S)


def trial_of(given: AdviceGiven) -> Trial | None:
    """Return the trial of an answer, None where it describes no trade."""
    said = given.recommendation
    if said is None or not said.action.sign or said.stop is None or said.target is None:
        return None
    if said.horizon_minutes is None or said.confidence is None or given.reference <= 0:
        return None
    first_ns = TimeNs(-(-given.at_ns // BAR_NS) * BAR_NS)
    return Trial(given=given, next_ns=first_ns)


def after(trial: Trial, candle: CandleClosed) -> Trial | AdviceResolved:
    """Return the trial after the candle that it needed, or its end."""
    said = trial.given.recommendation
    assert said is not None
    assert said.stop is not None
    assert said.target is not None
    if candle.missing:
        return lost(trial, candle.seen_time_ns or candle.event_time_ns)
    sign = said.action.sign
    end_ns = TimeNs(candle.open_time_ns + BAR_NS)
    worst, best = (candle.low, candle.high) if sign > 0 else (candle.high, candle.low)
    if sign * (worst - said.stop) <= 0:
        # A bar that opened beyond the stop gave no better price than its opening.
        gapped = min(sign * candle.open, sign * said.stop) * sign
        return _ended(trial, gapped, STOP, end_ns)
    if sign * (best - said.target) >= 0:
        return _ended(trial, said.target, TARGET, end_ns)
    if end_ns >= trial.ends_ns:
        return _ended(trial, candle.close, HORIZON, end_ns)
    return replace(trial, next_ns=end_ns)


def lost(trial: Trial, at_ns: TimeNs) -> AdviceResolved:
    """Return the end of a trial whose candles nobody has: it counts for nothing."""
    return _resolved(trial, MISSING, at_ns, None)


def _ended(trial: Trial, price: float, by: str, at_ns: TimeNs) -> AdviceResolved:
    given = trial.given
    said = given.recommendation
    assert said is not None
    assert said.stop is not None
    cost = given.reference * given.cost_bps / BPS
    risk = abs(given.reference - said.stop) + cost
    result = (said.action.sign * (price - given.reference) - cost) / risk
    return _resolved(trial, by, at_ns, result)


def _resolved(trial: Trial, by: str, at_ns: TimeNs, result: float | None) -> AdviceResolved:
    given = trial.given
    said = given.recommendation
    assert said is not None
    return AdviceResolved(
        request_id=given.request_id,
        pair=given.pair,
        at_ns=at_ns,
        contract=given.contract,
        model=given.model,
        stated=said.confidence or 0.0,
        won=None if result is None else result > 0,
        by=by,
        result_r=result,
    )


class Trials:
    """All answers whose end is awaited."""

    def __init__(self) -> None:
        self._open: dict[str, Trial] = {}

    def begin(self, given: AdviceGiven) -> bool:
        """Await the end of an answer; False where it describes no trade."""
        trial = trial_of(given)
        if trial is not None:
            self._open[given.request_id] = trial
        return trial is not None

    def take(
        self, pair: Pair, candles: Iterable[CandleClosed], *, is_whole: bool, now_ns: TimeNs
    ) -> tuple[list[AdviceResolved], bool]:
        """Return the ends that these candles bring, and whether some were missed before them.

        Args:
            pair: Whose they are.
            candles: Closed, of a minute, oldest first.
            is_whole: Whether nothing older is kept: what is missing then is missing for good.
            now_ns: Now.
        """
        ended, gap, candles = [], False, tuple(candles)
        for trial in [one for one in self._open.values() if one.given.pair == pair]:
            state, missed = _followed(trial, candles)
            gap = gap or missed
            if missed and is_whole and isinstance(state, Trial):
                state = lost(state, now_ns)
            if isinstance(state, Trial):
                self._open[trial.given.request_id] = state
            else:
                del self._open[trial.given.request_id]
                ended.append(state)
        return ended, gap and not is_whole


def _followed(trial: Trial, candles: Iterable[CandleClosed]) -> tuple[Trial | AdviceResolved, bool]:
    """Return a trial after the candles that follow without a hole, and whether there was one."""
    state: Trial | AdviceResolved = trial
    for candle in candles:
        if isinstance(state, AdviceResolved):
            break
        if candle.open_time_ns > state.next_ns:
            return state, True
        if candle.open_time_ns == state.next_ns:
            state = after(state, candle)
    return state, False
