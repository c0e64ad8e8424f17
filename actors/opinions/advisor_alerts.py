"""What of the advisor somebody should look at: each thing is told once, while it stands. Pure."""

from state.advice.budget import Spent, day_of
from state.advice.codes import KEY_FAULTS, NO_ANSWER, Code
from state.messages.advice import AdviceGiven, ModelsListed
from state.messages.operations import AlertRaised, Severity
from state.values import TimeNs

MODEL, KEY, BUDGET, DEMOTED = (
    "advisor_model",
    "advisor_key",
    "advisor_budget",
    "advisor_demoted",
)


class Alerts:
    """What stands."""

    def __init__(self) -> None:
        self._standing: dict[str, str] = {}
        """Text by what it is about."""
        self._warned_day = -1

    def after_answer(self, given: AdviceGiven, opened: str) -> list[AlertRaised]:
        """Return what the end of a question gives reason to tell.

        Args:
            given: The end.
            opened: Why nobody asks its model for a while; empty while somebody does.
        """
        code, raised = Code(given.code), []
        if code in KEY_FAULTS:
            raised += self._stand(KEY, KEY, f"{code}: {given.detail}", given.at_ns)
        elif code not in NO_ANSWER:
            self._standing.pop(KEY, None)
        text = f"{given.model} is left alone: {opened}" if opened else ""
        return raised + self._stand(f"breaker of {given.model}", MODEL, text, given.at_ns)

    def after_list(
        self, listed: ModelsListed, wanted: tuple[str, ...], now_ns: TimeNs
    ) -> list[AlertRaised]:
        """Return what a look at the provider's list gives reason to tell."""
        raised = []
        if listed.models:
            known = {one.id for one in listed.models}
            gone = [one for one in wanted if one not in known]
            text = f"the provider's list lacks {', '.join(gone)}" if gone else ""
            raised += self._stand("list", MODEL, text, now_ns)
        elif listed.code in KEY_FAULTS:
            raised += self._stand(KEY, KEY, f"{listed.code}: {listed.detail}", now_ns)
        if listed.warning and day_of(now_ns) > self._warned_day:
            self._warned_day = day_of(now_ns)
            raised.append(_alert(KEY, listed.warning, now_ns))
        return raised

    def _stand(self, what: str, alert: str, text: str, now_ns: TimeNs) -> list[AlertRaised]:
        """Return an alert when what stands is another thing than before; empty ends it."""
        if not text:
            self._standing.pop(what, None)
            return []
        is_new = self._standing.get(what) != text
        self._standing[what] = text
        return [_alert(alert, text, now_ns)] if is_new else []


def budget_alert(spent: Spent, now_ns: TimeNs) -> AlertRaised:
    """Return what is told once a day when a cap is reached."""
    text = (
        f"the advisor's budget of the day is used up ({spent.calls} questions, {spent.tokens} "
        f"tokens, {spent.usd:.4f} USD): rules only until 00:00 UTC"
    )
    return _alert(BUDGET, text, now_ns)


def demotion_alert(why: str, now_ns: TimeNs) -> AlertRaised:
    """Return what is told when the authority is lost."""
    return _alert(DEMOTED, f"the advisor is in shadow: {why}", now_ns)


def _alert(alert: str, text: str, now_ns: TimeNs) -> AlertRaised:
    return AlertRaised(alert=alert, severity=Severity.WARNING, text=text, at_ns=now_ns)
