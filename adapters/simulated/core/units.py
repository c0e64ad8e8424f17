"""Exact integers for money: atoms of a currency, lots and ticks of a pair. Pure."""

from decimal import Decimal
from typing import NamedTuple

SCALE = 18
"""Decimals of an atom: 10^-18 of any currency."""

_MOST_DIGITS = 60


def scaled(value: Decimal, decimals: int) -> int | None:
    """Return `value` x 10^`decimals` exactly; None when it has more decimals than that.

    Also None for what is no number at all (NaN, infinity) or beyond any sane size, so that an
    order over 1E+999999 coins cannot make us build that integer.
    """
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or len(digits) + abs(exponent) > _MOST_DIGITS:
        return None
    number = int("".join(map(str, digits)))
    shift = exponent + decimals
    if shift >= 0:
        number *= int(10**shift)
    else:
        number, rest = divmod(number, int(10**-shift))
        if rest:
            return None
    return -number if sign else number


def text_of(number: int, decimals: int = SCALE) -> str:
    """Return `number` x 10^-`decimals` as Gate writes it: no exponent, no trailing zeros."""
    if not number:
        return "0"
    sign = "-" if number < 0 else ""
    if not decimals:
        return str(number)
    digits = str(abs(number)).rjust(decimals + 1, "0")
    part = digits[-decimals:].rstrip("0")
    whole = digits[:-decimals]
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def decimal_of(number: int, decimals: int = SCALE) -> Decimal:
    """Return `number` x 10^-`decimals` as a Decimal, exact whatever the context."""
    return Decimal(text_of(number, decimals))


class PairUnits(NamedTuple):
    """How one pair counts: a tick is 10^-price_decimals, a lot 10^-amount_decimals."""

    price_decimals: int
    amount_decimals: int
    base_unit: int
    """Atoms of base in one lot."""
    quote_unit: int
    """Atoms of quote in one lot at a price of one tick."""

    @classmethod
    def of(cls, price_decimals: int, amount_decimals: int) -> "PairUnits":
        """Return the units of a pair with these decimals.

        Raises:
            ValueError: If their sum exceeds the decimals of an atom.
        """
        if price_decimals + amount_decimals > SCALE:
            message = f"{price_decimals} price and {amount_decimals} amount decimals exceed {SCALE}"
            raise ValueError(message)
        return cls(
            price_decimals,
            amount_decimals,
            10 ** (SCALE - amount_decimals),
            10 ** (SCALE - price_decimals - amount_decimals),
        )

    def ticks(self, price: Decimal) -> int | None:
        """Return `price` in ticks, None when it is off the grid."""
        return scaled(price, self.price_decimals)

    def lots(self, quantity: Decimal) -> int | None:
        """Return `quantity` in lots, None when it is off the grid."""
        return scaled(quantity, self.amount_decimals)

    def base_atoms(self, lots: int) -> int:
        """Return atoms of base in `lots`."""
        return lots * self.base_unit

    def quote_atoms(self, ticks: int, lots: int) -> int:
        """Return atoms of quote that `lots` cost at `ticks`."""
        return ticks * lots * self.quote_unit

    def quote_atoms_of_one(self, ticks: int) -> int:
        """Return atoms of quote that one whole base unit costs at `ticks`."""
        return self.quote_atoms(ticks, 10**self.amount_decimals)

    def price_text(self, ticks: int) -> str:
        """Return a price as Gate writes it."""
        return text_of(ticks, self.price_decimals)

    def amount_text(self, lots: int) -> str:
        """Return a base quantity as Gate writes it."""
        return text_of(lots, self.amount_decimals)
