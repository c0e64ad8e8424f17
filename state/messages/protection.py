"""Protecting positions: stops that we watch, triggers that the exchange watches, and getting out.

A trigger order (Gate: price order) rests at the exchange and becomes an order when its price is
met. It has no client order id and no expiry that guards its request, so it is recognised by its
whole shape, of which `expiration_s` is a mark of ours.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.values import DecisionId, Pair, Price, Purpose, Quantity, TimeNs, VenueOrderId


class Cover(StrEnum):
    """Whether a position is protected."""

    FLAT = "flat"
    """Nothing is held that could be sold."""
    COVERED = "covered"
    UNCOVERED = "uncovered"


class PositionCovered(Struct, frozen=True, kw_only=True, tag=True):
    """Published by a pair's protection actor whenever it changes: how the position is protected.

    It is covered while we watch its stop ourselves on a live book, or while a trigger order that
    would sell all of it is armed at the exchange.
    """

    pair: Pair
    cover: Cover
    quantity: Quantity
    """Base units held that the exchange would take."""
    stop: Price | None
    """Where the position is sold at a loss, or what is left of a gain is kept."""
    target: Price | None
    """Where the gain is taken."""
    resident: Quantity
    """Base units that an armed trigger order at the exchange would sell."""
    watched: bool
    """Whether we watch the stop ourselves."""
    reason: str
    """Why not covered, or covered in one way only; empty when in both, or flat."""
    since_ns: TimeNs
    """Since when it is covered, or is not."""
    at_ns: TimeNs


class CoverWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To a pair's protection actor: tell me the newest `PositionCovered`."""

    pair: Pair
    reply_to: str


class FlattenWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To a pair's protection actor: sell all that is held, now, by the ladder."""

    pair: Pair
    reason: str


class DrainWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To a pair's protection actor, again and again: its trader is parked, end the drain for it.

    It sells what is held, and says `PairDrained` when it is asked and nothing is held or out.
    """

    pair: Pair


class TriggerWanted(Struct, frozen=True, kw_only=True, tag=True):
    """From a pair's protection actor to the trigger keeper: this is to wait at the exchange.

    It replaces whatever of ours waits there for the pair. Asking again is harmless.
    """

    pair: Pair
    quantity: Quantity
    """Base units; 0: nothing is to wait."""
    trigger_price: Price
    price: Price
    """Worst price of the order it becomes."""
    as_of_seq: int
    """Up to where the journal was folded: after a later fill this is wanted no more."""
    smallest: Quantity = Quantity(Decimal(0))
    """Base units that the exchange takes at least at that price."""


class ReleaseTriggers(Struct, frozen=True, kw_only=True, tag=True):
    """From the order router to the trigger keeper: a sale of `pair` is to leave.

    What could sell the same units is taken back; answered by `TriggersReleased` once every trigger
    of the pair has ended.
    """

    pair: Pair
    reply_to: str
    request: int
    as_of_seq: int | None = None
    """Up to where the journal was known to whoever approved the sale; None of a child."""
    parent: DecisionId | None = None
    """Of a child: the parent order it is part of."""


class TriggersReleased(Struct, frozen=True, kw_only=True, tag=True):
    """From the trigger keeper: none of `pair` waits, and none will be armed for a moment."""

    pair: Pair
    request: int
    until_ns: int
    """The sale leaves before this, monotonic, or not at all."""
    fired: bool = False
    """One of them fired after the sale was decided: what it is to sell may be sold already."""


class LastFired(Struct, frozen=True, kw_only=True):
    """The newest order of a pair that a trigger order became."""

    pair: Pair
    seq: int
    """Where the journal has its newest fact."""
    at_ns: TimeNs
    """When it was adopted."""


class ProtectionEvent(Struct, frozen=True, kw_only=True, tag=True):
    """What every journalled fact about a pair's protection carries."""

    pair: Pair
    at_ns: TimeNs


class ProtectionChosen(ProtectionEvent, frozen=True, kw_only=True):
    """How positions of the pair are protected from their first fill on."""

    stop_bps: Decimal
    """The stop of a new position, below its average entry."""
    target_bps: Decimal | None
    """Where its gain is taken, above its average entry; None never."""


class StopMoved(ProtectionEvent, frozen=True, kw_only=True):
    """The stop of the position that began at `began_at_ns` was drawn closer; it never loosens."""

    began_at_ns: TimeNs
    stop: Price
    reason: str


class FlattenBegan(ProtectionEvent, frozen=True, kw_only=True):
    """All that is held is to be sold, however often the house is restarted meanwhile."""

    reason: str


class TriggerEvent(Struct, frozen=True, kw_only=True, tag=True):
    """What every journalled fact about a trigger order carries."""

    trigger_id: str
    """Our name for it: a function of pair and number, never of a clock or of chance."""
    pair: Pair
    at_ns: TimeNs


class TriggerIntended(TriggerEvent, frozen=True, kw_only=True):
    """Durable before the wire: from here on it may have been sent."""

    number: int
    """Counts the pair's trigger orders, from 1."""
    purpose: Purpose
    trigger_price: Price
    """Armed below it for a stop."""
    price: Price
    """Worst price of the order it becomes."""
    quantity: Quantity
    expiration_s: int
    """Seconds it waits at the exchange; its last digits are the mark we know it by."""
    smallest: Quantity = Quantity(Decimal(0))
    """Base units that the exchange takes at least at `price`: a rest below it is dust."""


class TriggerArmed(TriggerEvent, frozen=True, kw_only=True):
    """The exchange has it."""

    venue_trigger_id: str


class TriggerUnknown(TriggerEvent, frozen=True, kw_only=True):
    """No answer: it may be armed. Searched for among the exchange's trigger orders."""

    reason: str


class TriggerCancelIntended(TriggerEvent, frozen=True, kw_only=True):
    """Durable before the cancel leaves."""

    reason: str


class TriggerEnd(StrEnum):
    """How a trigger order ended."""

    FIRED = "fired"
    """It became an order."""
    FAILED = "failed"
    """Its price was met, and the exchange refused the order it would have become."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    """The exchange did not take it, or it never left."""
    NOT_PLACED = "not_placed"
    """Not found in any list for long enough; should it turn up all the same, it is cancelled."""


class TriggerEnded(TriggerEvent, frozen=True, kw_only=True):
    """It waits no longer."""

    end: TriggerEnd
    fired_order_id: VenueOrderId | None = None
    """The order it became: it carries none of our names, this is the only link."""
    reason: str = ""
