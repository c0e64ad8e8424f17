"""First in, first out: what is held, purchase by purchase. Pure.

A lot keeps what is left of one purchase and what that cost. A sale takes the oldest lots; of a lot
that it takes in part the share of the cost is rounded once and subtracted as rounded, as the
average's is, so that lots and what they realised add up to the last unit.
"""

from decimal import Decimal

from msgspec import Struct

from state.exact import exactly, share
from state.values import ZERO, TimeNs


class Lot(Struct, frozen=True, kw_only=True):
    """What is left of one purchase; below zero, of a sale told before its purchase."""

    ordinal: int
    """Which of the ledger's fills it was, counted from 1: lots are taken in this order."""
    at_ns: TimeNs
    quantity: Decimal
    """Base units, signed."""
    cost: Decimal
    """Quote units, of the same sign."""


def taken(lots: tuple[Lot, ...], quantity: Decimal) -> tuple[tuple[Lot, ...], Decimal]:
    """Return what is left when `quantity` is taken from the oldest, and what it had cost.

    Args:
        lots: Oldest first, all of one sign.
        quantity: Of the same sign, not more than there is.
    """
    released = ZERO
    with exactly():
        for number, lot in enumerate(lots):
            if not quantity:
                return lots[number:], released
            if abs(quantity) < abs(lot.quantity):
                cost = share(lot.cost, quantity, lot.quantity)
                rest = Lot(
                    ordinal=lot.ordinal,
                    at_ns=lot.at_ns,
                    quantity=lot.quantity - quantity,
                    cost=lot.cost - cost,
                )
                return (rest, *lots[number + 1 :]), released + cost
            released += lot.cost
            quantity -= lot.quantity
    assert not quantity, "more was taken than there was: a bug"
    return (), released
