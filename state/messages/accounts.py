"""What we own: balances, positions, equity."""

from decimal import Decimal

from msgspec import Struct

from state.values import Currency, Pair, TimeNs


class FundsMoved(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: money came or went by something other than a fill."""

    currency: Currency
    change: Decimal
    """Signed, in units of `currency`."""
    reason: str
    """opening, deposit, withdrawal."""
    at_ns: TimeNs


class BalanceDifference(Struct, frozen=True, kw_only=True):
    """One currency where the ledger and the exchange disagree."""

    currency: Currency
    ledger: Decimal
    exchange: Decimal


class BalancesCompared(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: the ledger was held against the exchange's balances at a quiet moment."""

    at_ns: TimeNs
    fills: int
    """How many fills the ledger had folded."""
    differences: tuple[BalanceDifference, ...]
    """Empty when all currencies agree to the last unit."""


class EquityMarked(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: what everything was worth, and how it came to be. All in `currency`.

    `start + flows + realised + unrealised - fees == equity`, to the last unit.
    """

    at_ns: TimeNs
    currency: Currency
    equity: Decimal
    start: Decimal
    """What was there at the opening."""
    flows: Decimal
    """Moved in, less out, since."""
    realised: Decimal
    unrealised: Decimal
    fees: Decimal


class PositionWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the ledger keeper: tell me the position of a pair."""

    pair: Pair
    reply_to: str


class PositionChanged(Struct, frozen=True, kw_only=True, tag=True):
    """Published by the ledger keeper after a fill."""

    pair: Pair
    quantity: Decimal
    """Base units held by our trading of this pair; never negative on spot."""
    average_entry: Decimal
    """Quote per base, 0 when flat."""
    realised: Decimal
    """Quote units, before fees."""
    fees: Decimal
    """Quote units."""
    at_ns: TimeNs
