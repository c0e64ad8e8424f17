"""What a trade costs and in which currency it is taken (gate-protocol.md section 5.1). Pure.

As a rule the fee comes off what is received. An account may pay in GT instead, at lower rates, or
in points, which are worth a dollar each; when it holds too little of them, or nobody knows what
they are worth in the pair's quote currency, the fee comes off what is received after all.
"""

from enum import StrEnum
from typing import Final, NamedTuple

from adapters.simulated.core.units import SCALE
from state.values import Currency

GT: Final = Currency("GT")
POINT: Final = Currency("POINT")
_PPM = 1_000_000
_DOLLARS = frozenset({"USDT", "USDC", "USD1"})


class FeeMode(StrEnum):
    """What an account pays its fees in."""

    RECEIVED = "received"
    GT = "gt"
    POINTS = "points"


class Fee(NamedTuple):
    """One fee."""

    currency: Currency
    atoms: int
    mode: FeeMode


def in_gt(quote_atoms: int, rate_ppm: int, gt_price: int | None) -> int | None:
    """Return a fee in atoms of GT, None when GT has no price.

    Args:
        quote_atoms: Worth of the trade.
        rate_ppm: Millionths of it.
        gt_price: Atoms of quote that one GT costs.
    """
    return None if not gt_price else quote_atoms * rate_ppm * 10**SCALE // (_PPM * gt_price)


def in_points(quote_atoms: int, rate_ppm: int, quote: Currency) -> int | None:
    """Return a fee in atoms of points, None when the quote currency is no dollar."""
    return quote_atoms * rate_ppm // _PPM if quote in _DOLLARS else None


def of_received(gross_atoms: int, rate_ppm: int) -> int:
    """Return a fee in atoms of what is received."""
    return gross_atoms * rate_ppm // _PPM
