"""Hidden orders are found in markets into which they were put, and hardly ever in others."""

from scripts.benchmarks.hidden_orders import icebergs, split_orders


def test_orders_split_evenly_are_found():
    found = split_orders(8, jitter=0.02)
    assert found.recall >= 0.8
    assert found.precision >= 0.8


def test_icebergs_are_found():
    found = icebergs(2, late=0.0)
    assert found.recall >= 0.5
    assert found.precision >= 0.5
