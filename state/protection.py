"""How one pair's position is protected, as a fold of its fills and of what was chosen. Pure.

A position has its stop from the very fill that opens it: the levels are computed here, in the
transaction that books the fill, and not by somebody who has to hear of it first. Prices are exact
and off the grid; whoever sends an order rounds them.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from state.exact import exactly
from state.messages.orders import OrderFilled
from state.messages.protection import FlattenBegan, ProtectionChosen, StopMoved
from state.position import Position
from state.values import ZERO, Pair, Price, Quantity, Side, TimeNs, plain

ProtectionFact = ProtectionChosen | StopMoved | FlattenBegan
"""Every kind of event, besides fills, that a protection is made of."""

BPS = Decimal(10_000)
LEFTOVER = 20
"""What is left of a position is a leftover of the last one where a purchase is this many times
as much: dust must not give its old stop to a new position."""


class Protection(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pair's protection after the facts folded so far."""

    pair: Pair
    quantity: Quantity = Quantity(ZERO)
    """Base units held."""
    entry: Price = Price(ZERO)
    """Average entry of what is held."""
    began_at_ns: TimeNs = TimeNs(0)
    """When this position began: what was decided about an earlier one is not for it."""
    stop: Price | None = None
    target: Price | None = None
    flatten: str = ""
    """Why all of it is to be sold; empty when it is not."""
    stop_bps: Decimal | None = None
    """None: nobody has chosen yet."""
    target_bps: Decimal | None = None

    def filled(self, fill: OrderFilled, position: Position) -> "Protection":
        """Return the protection after a fill that made the position what it is."""
        # Of one scale, whatever the position was read from: after a restart that is a table.
        quantity = Quantity(Decimal(plain(position.quantity)))
        entry = Price(Decimal(plain(position.average_entry)))
        if not quantity:
            return replace(self, **_NOTHING)
        if fill.side is Side.BUY and self.quantity * LEFTOVER <= quantity:
            fresh = replace(self, **_NOTHING)
            begun = replace(fresh, quantity=quantity, entry=entry, began_at_ns=fill.at_ns)
            return _with_levels(begun)
        return _with_levels(replace(self, quantity=quantity, entry=entry))

    def apply(self, event: ProtectionFact) -> "Protection":
        """Return the protection after one more decision.

        Raises:
            ValueError: It makes no sense, so that no fill could be booked after it.
        """
        match event:
            case ProtectionChosen():
                _check(event)
                chosen = replace(self, stop_bps=event.stop_bps, target_bps=event.target_bps)
                return _with_levels(chosen) if self.quantity else chosen
            case StopMoved():
                if event.stop <= 0:
                    raise ValueError(f"no stop: {event.stop}")
                is_this = self.quantity and event.began_at_ns == self.began_at_ns
                if not is_this or (self.stop is not None and event.stop <= self.stop):
                    return self
                return replace(self, stop=event.stop)
            case FlattenBegan():
                return replace(self, flatten=event.reason) if self.quantity else self


def _with_levels(protection: Protection) -> Protection:
    """Return it with the levels of its entry; a stop is only ever drawn closer."""
    if protection.stop_bps is None:
        return protection
    entry, target_bps = protection.entry, protection.target_bps
    with exactly():
        stop = Price(entry - entry * protection.stop_bps / BPS)
        target = None if target_bps is None else Price(entry + entry * target_bps / BPS)
    if protection.stop is not None:
        stop = max(stop, protection.stop)
    return replace(protection, stop=stop, target=target)


def _check(chosen: ProtectionChosen) -> None:
    levels = [chosen.stop_bps, *([] if chosen.target_bps is None else [chosen.target_bps])]
    for level in levels:
        if not 0 < level < _MOST_BPS or level % _FINEST_BPS:
            raise ValueError(f"no distance from an entry: {level} bps")
    if chosen.stop_bps >= BPS:
        raise ValueError(f"a stop at or below nothing: {chosen.stop_bps} bps")


_MOST_BPS = Decimal(10_000_000)
_FINEST_BPS = Decimal("0.0001")
_NOTHING = {
    "quantity": Quantity(ZERO),
    "entry": Price(ZERO),
    "began_at_ns": TimeNs(0),
    "stop": None,
    "target": None,
    "flatten": "",
}


def protection_of(protections: Mapping[Pair, Protection], pair: Pair) -> Protection:
    """Return the protection of `pair`, of nothing where there never was anything to protect."""
    return protections.get(pair) or Protection(pair=pair)
