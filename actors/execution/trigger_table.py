"""The trigger orders that may still sell something, and those that may yet turn up. Pure."""

from collections.abc import Iterable

from actors.execution.trigger_facts import looks_like
from state.messages.protection import TriggerIntended
from state.messages.venue import TriggerReport
from state.trigger import Trigger, TriggerFact
from state.values import Pair


class TriggerTable:
    """Each of them the fold of what is journalled; whatever has ended for good is forgotten."""

    def __init__(self) -> None:
        self._triggers: dict[str, Trigger] = {}

    def begin(self, triggers: Iterable[Trigger]) -> None:
        """Take these in the place of all."""
        self._triggers = {trigger.trigger_id: trigger for trigger in triggers}

    def apply(self, event: TriggerFact) -> Trigger | None:
        """Fold one journalled fact; return the trigger order after it, None if it is not known."""
        known = self._triggers.get(event.trigger_id)
        if known is None:
            if not isinstance(event, TriggerIntended):
                return None
            after = Trigger(intent=event)
        else:
            after = known.apply(event)
        self._triggers[event.trigger_id] = after
        if not after.is_live and not after.is_given_up:
            del self._triggers[event.trigger_id]
        return after

    def get(self, trigger_id: str) -> Trigger | None:
        """Return the trigger order of our name."""
        return self._triggers.get(trigger_id)

    def live(self, pair: Pair) -> list[Trigger]:
        """Return those of `pair` that may sell something, oldest first."""
        return [one for one in self._of(pair) if one.is_live]

    def searched(self, pair: Pair) -> list[Trigger]:
        """Return those of `pair` that a list may tell something new about."""
        return self._of(pair)

    def of_report(self, report: TriggerReport) -> Trigger | None:
        """Return the trigger order that the exchange shows; None of somebody else's."""
        mine = self._of(report.pair)
        for one in mine:
            if one.venue_trigger_id == report.venue_trigger_id:
                return one
        for one in mine:
            if one.venue_trigger_id is None and looks_like(report, one.intent):
                return one
        return None

    def _of(self, pair: Pair) -> list[Trigger]:
        return [one for one in self._triggers.values() if one.pair == pair]
