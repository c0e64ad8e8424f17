"""Gate's decimal strings and clock readings to our money and nanoseconds. Pure.

Gate writes amounts as strings, but has been seen to leave a member empty, to write `-`, or to
quote an integer. What stands for nothing becomes zero; what is no number raises `ValueError`.
"""

from decimal import Decimal, InvalidOperation

from state.values import NS_PER_MS, NS_PER_S, ZERO, TimeNs

Number = str | int | float
"""How a number may stand in Gate's JSON."""

_NOTHING = ("", "-", None)
_EXPONENT_MAX = 40
TIME_MAX = 2**63
"""Nanoseconds beyond every time that can be told."""


def money(value: Number | None) -> Decimal:
    """Return `value` as an exact decimal; zero where Gate writes nothing.

    Raises:
        ValueError: It is no finite number of sane size.
    """
    if value in _NOTHING:
        return ZERO
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"not an amount: {str(value)[:40]!r}") from None
    # "1E+999999" is a legal Decimal that would fill the memory when written without exponent.
    if not amount.is_finite() or abs(amount.adjusted()) > _EXPONENT_MAX:
        raise ValueError(f"not an amount: {str(value)[:40]!r}")
    return amount


def is_given(value: Number | None) -> bool:
    """Return whether Gate wrote a number there at all."""
    return value not in _NOTHING


def ns_of_ms(value: Number | None) -> TimeNs:
    """Return milliseconds such as `1710327648162.035000` in nanoseconds, exactly.

    Raises:
        ValueError: It is no time after 1970 that fits 63 bits.
    """
    return _ns(value, NS_PER_MS)


def ns_of_s(value: Number | None) -> TimeNs:
    """Return seconds, decimals allowed, in nanoseconds, exactly.

    Raises:
        ValueError: It is no time after 1970 that fits 63 bits.
    """
    return _ns(value, NS_PER_S)


def _ns(value: Number | None, unit: int) -> TimeNs:
    ns = value * unit if isinstance(value, int) else int(money(value) * unit)
    if not 0 <= ns < TIME_MAX:
        raise ValueError(f"not a time: {str(value)[:40]!r}")
    return TimeNs(ns)
