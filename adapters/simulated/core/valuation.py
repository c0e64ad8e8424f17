"""What one currency is worth in another, by the last prices of the venue's markets. Pure."""

from fractions import Fraction
from typing import Final

from adapters.simulated.core.fees import POINT
from adapters.simulated.core.units import SCALE
from adapters.simulated.core.venue import Venue
from state.values import Currency, Pair

_DOLLAR: Final = Currency("USDT")
_ITS_WORTH = frozenset({_DOLLAR, POINT, Currency("USD")})


def worth_of_one(venue: Venue, currency: Currency, told_in: Currency) -> Fraction | None:
    """Return what one unit of `currency` is worth, None when no market says so."""
    if currency == told_in or {currency, told_in} <= _ITS_WORTH:
        return Fraction(1)
    direct = _quoted(venue, currency, told_in)
    if direct is not None or told_in in _ITS_WORTH:
        return direct
    in_dollars = worth_of_one(venue, currency, _DOLLAR)
    dollars = worth_of_one(venue, told_in, _DOLLAR)
    return in_dollars / dollars if in_dollars is not None and dollars else None


def _quoted(venue: Venue, base: Currency, quote: Currency) -> Fraction | None:
    quote = _DOLLAR if quote in _ITS_WORTH else quote
    market = venue.pairs.get(Pair(f"{base}_{quote}"))
    ticks = market.reference_ticks() if market is not None else None
    if market is None or ticks is None:
        return None
    return Fraction(market.units.quote_atoms_of_one(ticks), 10**SCALE)
