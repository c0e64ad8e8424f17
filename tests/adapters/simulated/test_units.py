"""Money is exact integers inside and Gate's texts outside."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.core.units import SCALE, PairUnits, decimal_of, scaled, text_of

ATOMS = st.integers(min_value=-(10**40), max_value=10**40)


@given(ATOMS, st.integers(min_value=0, max_value=SCALE))
def test_a_number_survives_its_text(number, decimals):
    assert scaled(Decimal(text_of(number, decimals)), decimals) == number


@given(ATOMS)
def test_a_decimal_is_exact_beyond_the_precision_of_the_context(number):
    assert scaled(decimal_of(number), SCALE) == number


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (-1500, 3, "-1.5"),
        (1500, 0, "1500"),
        (120, 2, "1.2"),
        (100, 2, "1"),
    ],
)
def test_texts_have_no_exponent_and_no_trailing_zeros(number, decimals, text):
    assert text_of(number, decimals) == text


@pytest.mark.parametrize("text", ["0.0001", "NaN", "Infinity", "-Infinity", "1E-999999"])
def test_what_is_off_the_grid_is_no_whole_number(text):
    assert scaled(Decimal(text), 3) is None


def test_an_absurd_exponent_is_refused_and_not_computed():
    assert scaled(Decimal("1E+999999999"), 3) is None


def test_a_pair_may_not_be_finer_than_an_atom():
    with pytest.raises(ValueError, match="exceed 18"):
        PairUnits.of(10, 9)
