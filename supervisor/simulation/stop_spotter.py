"""Looks for the states of protection among `sightings.SIGHTINGS`."""

from collections.abc import Callable
from decimal import Decimal

from state.messages.orders import OrderFilled, OrderIntended
from state.messages.protection import (
    StopMoved,
    TriggerArmed,
    TriggerEnd,
    TriggerEnded,
    TriggerUnknown,
)
from state.values import ZERO, Pair, Purpose
from supervisor.simulation.chronicle import Known

_ENDS = {
    TriggerEnd.FIRED: "trigger fired",
    TriggerEnd.REFUSED: "trigger refused",
    TriggerEnd.NOT_PLACED: "trigger given up",
}


class StopSpotter:
    """One per run.

    Args:
        see: Notes that a state was seen.
    """

    def __init__(self, see: Callable[[str], object]) -> None:
        self._see = see
        self._unknown: set[str] = set()
        self._armed: dict[str, Pair] = {}

    def on_event(self, event: object) -> None:
        """An event was committed."""
        match event:
            case TriggerUnknown():
                self._unknown.add(event.trigger_id)
            case TriggerArmed():
                self._armed[event.trigger_id] = event.pair
                if event.trigger_id in self._unknown:
                    self._see("trigger found by its shape")
            case TriggerEnded():
                self._armed.pop(event.trigger_id, None)
                if event.end in _ENDS:
                    self._see(_ENDS[event.end])
            case StopMoved():
                self._see("stop drawn closer")
            case OrderIntended(trigger_id="", purpose=Purpose.STOP_LOSS):
                self._see("stopped out by ourselves")
            case OrderIntended(purpose=Purpose.TAKE_PROFIT):
                self._see("gain taken")
            case _:
                pass

    def on_fill(self, fill: OrderFilled, known: Known) -> None:
        """A fill was committed."""
        if known.intent.trigger_id and fill.quantity:
            self._see("fill of an adopted order")

    def on_death(self, orders: list[Known]) -> None:
        """The process is about to die."""
        held: dict[Pair, Decimal] = {}
        for known in orders:
            pair = known.intent.pair
            held[pair] = held.get(pair, ZERO) + known.filled * known.intent.side.sign
        bare = {pair for pair, net in held.items() if net > 0} - set(self._armed.values())
        if bare:
            self._see("killed between fill and stop")
