"""One trigger order as a fold of what was journalled about it. Pure.

As with orders the facts themselves are kept, each in its place, and whatever is derived from them
is the same in whichever order they came.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from state.messages.protection import (
    TriggerArmed,
    TriggerCancelIntended,
    TriggerEnd,
    TriggerEnded,
    TriggerIntended,
    TriggerUnknown,
)
from state.values import Pair

TriggerFact = TriggerIntended | TriggerArmed | TriggerUnknown | TriggerCancelIntended | TriggerEnded
"""Every kind of event a trigger order is made of."""


class TriggerState(StrEnum):
    """Where a trigger order stands."""

    INTENDED = "intended"
    """On disk; it may have been sent."""
    UNKNOWN = "unknown"
    """Sent, and nobody answered: it may be armed."""
    ARMED = "armed"
    ENDED = "ended"


class Trigger(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of one trigger order."""

    intent: TriggerIntended
    armed: TriggerArmed | None = None
    unknown: TriggerUnknown | None = None
    cancel: TriggerCancelIntended | None = None
    ended: TriggerEnded | None = None

    @property
    def trigger_id(self) -> str:
        """Our name for it."""
        return self.intent.trigger_id

    @property
    def pair(self) -> Pair:
        """Whose position it protects."""
        return self.intent.pair

    @property
    def venue_trigger_id(self) -> str | None:
        """The exchange's name for it, once it told."""
        return None if self.armed is None else self.armed.venue_trigger_id

    @property
    def state(self) -> TriggerState:
        """Where it stands: that it was seen outweighs that it was not found."""
        if self.ended is not None and not (self.armed and self.ended.end in _NEVER_LIVED):
            return TriggerState.ENDED
        if self.armed is not None:
            return TriggerState.ARMED
        return TriggerState.INTENDED if self.unknown is None else TriggerState.UNKNOWN

    @property
    def is_live(self) -> bool:
        """Whether it may still sell something."""
        return self.state is not TriggerState.ENDED

    @property
    def is_to_go(self) -> bool:
        """Whether it, while it lives, is to be taken back whatever is wanted.

        That was meant already, or it turned up after it had been given up.
        """
        return self.cancel is not None or self.ended is not None

    @property
    def is_given_up(self) -> bool:
        """Whether it is taken as never placed: should it turn up, it is taken back."""
        return not self.is_live and self.ended is not None and self.ended.end in _NEVER_LIVED

    def apply(self, event: TriggerFact) -> "Trigger":
        """Return the trigger order with one more fact; a fact it already has changes nothing."""
        assert event.trigger_id == self.trigger_id, "an event of another trigger order: a bug"
        match event:
            case TriggerIntended():
                return self
            case TriggerArmed():
                return self if self.armed else replace(self, armed=event)
            case TriggerUnknown():
                return self if self.unknown else replace(self, unknown=event)
            case TriggerCancelIntended():
                return self if self.cancel else replace(self, cancel=event)
            case TriggerEnded():
                known = self.ended
                stronger = known is None or _WEIGHT[event.end] > _WEIGHT[known.end]
                return replace(self, ended=event) if stronger else self


_NEVER_LIVED = frozenset({TriggerEnd.REFUSED, TriggerEnd.NOT_PLACED})
_WEIGHT = {
    TriggerEnd.NOT_PLACED: 0,
    TriggerEnd.REFUSED: 1,
    TriggerEnd.CANCELLED: 2,
    TriggerEnd.EXPIRED: 2,
    TriggerEnd.FAILED: 2,
    # What sold something is the end, whatever else was said.
    TriggerEnd.FIRED: 3,
}
