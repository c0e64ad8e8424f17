"""Decimal arithmetic that is exact or fails: what money is added up with. Pure.

Python's default context rounds at 28 digits without a word. Here an inexact sum or product, and a
float met on the way, raise: a wrong last digit would break the equity identity for ever.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)

from state.values import ZERO

_EXACT = Context(
    # Two factors of 28 digits each, added a million times, stay far below this.
    prec=120,
    traps=[DivisionByZero, FloatOperation, Inexact, InvalidOperation, Overflow],
)
_SHARE = Context(prec=120)
_SHARE_UNIT = Decimal("1e-12")


def exactly() -> AbstractContextManager[Context]:
    """Return a context manager within which Decimal arithmetic is exact or raises."""
    return localcontext(_EXACT)


def total(values: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of `values`, 0 of none."""
    with exactly():
        return sum(values, ZERO)


def added(one: Decimal, other: Decimal) -> Decimal:
    """Return `one + other`, exactly: for one sum in a hot place."""
    return _EXACT.add(one, other)


def difference(whole: Decimal, part: Decimal) -> Decimal:
    """Return `whole - part`, exactly."""
    return _EXACT.subtract(whole, part)


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Return `whole * part / of`, rounded to 12 decimals unless `part` is all of it.

    The only rounding in the accounts. Whoever takes the share away must subtract this very number
    from the whole, so that nothing is lost between the two.
    """
    if part == of:
        return whole
    return _SHARE.quantize(_SHARE.divide(_SHARE.multiply(whole, part), of), _SHARE_UNIT)
