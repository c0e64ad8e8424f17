"""Protecting positions: stops that we watch, triggers that the exchange watches, and getting out.

A trigger order (Gate: price order) rests at the exchange and becomes an order when its price is
met. It has no client order id and no expiry that guards its request, so it is recognised by its
whole shape, of which `expiration_s` is a mark of ours.
"""

from enum import StrEnum

from msgspec import Struct

from state.values import Pair, Price, Purpose, Quantity, TimeNs, VenueOrderId


class Cover(StrEnum):
    """Whether a position is protected."""

    FLAT = "flat"
    """Nothing is held that could be sold."""
    COVERED = "covered"
    UNCOVERED = "uncovered"


class PositionCovered(Struct, frozen=True, kw_only=True, tag=True):
    """Published by a pair's protection actor whenever it changes: how the position is protected."""

    pair: Pair
    cover: Cover
    quantity: Quantity
    """Base units held."""
    stop: Price | None
    """Where the position is sold at a loss, or what is left of a gain is kept."""
    target: Price | None
    """Where the gain is taken."""
    resident: Quantity
    """Base units that an armed trigger order at the exchange would sell."""
    reason: str
    """Why not covered; empty when it is."""
    at_ns: TimeNs


class CoverWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To a pair's protection actor: tell me the newest `PositionCovered`."""

    pair: Pair
    reply_to: str


class FlattenWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To a pair's protection actor: sell all that is held, now, by the ladder."""

    pair: Pair
    reason: str


class TriggersReleased(Struct, frozen=True, kw_only=True, tag=True):
    """From the trigger keeper: no trigger of `pair` can fire until the sale is over."""

    pair: Pair
    request: int


class ReleaseTriggers(Struct, frozen=True, kw_only=True, tag=True):
    """From the order router to the trigger keeper: a sale of `pair` is to leave.

    What could sell the same units is taken back; answered by `TriggersReleased` once every trigger
    of the pair has ended.
    """

    pair: Pair
    reply_to: str
    request: int


class TriggerEvent(Struct, frozen=True, kw_only=True, tag=True):
    """What every journalled fact about a trigger order carries."""

    trigger_id: str
    """Our name for it: a function of pair, position and number, never of a clock or of chance."""
    pair: Pair
    at_ns: TimeNs


class TriggerIntended(TriggerEvent, frozen=True, kw_only=True):
    """Durable before the wire."""

    purpose: Purpose
    trigger_price: Price
    """Armed below it for a stop, above it for a target."""
    price: Price
    """Worst price of the order it becomes."""
    quantity: Quantity
    expiration_s: int
    """Seconds it waits at the exchange; its last digits are the mark we know it by."""


class TriggerArmed(TriggerEvent, frozen=True, kw_only=True):
    """The exchange has it."""

    venue_trigger_id: str


class TriggerUnknown(TriggerEvent, frozen=True, kw_only=True):
    """No answer: it may be armed. Searched for among the exchange's trigger orders."""

    reason: str


class TriggerCancelIntended(TriggerEvent, frozen=True, kw_only=True):
    """Durable before the cancel leaves."""

    reason: str


class TriggerEnded(TriggerEvent, frozen=True, kw_only=True):
    """It waits no longer."""

    status: str
    """fired, cancelled, expired, failed, refused, not_placed."""
    fired_order_id: VenueOrderId | None = None
    """The order it became: it carries none of our names, this is the only link."""
    reason: str = ""
