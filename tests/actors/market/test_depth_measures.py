"""Depth and cost to trade equal a walk of the book, and tell nothing of what is not verified."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market.depth_measures import BANDS, NOTIONALS, side_depth
from state.order_book import OrderBook
from tests.actors.examples import a_snapshot


def sides(bids, asks, window=100):
    book = OrderBook(window)
    book.apply_snapshot(a_snapshot(bids=tuple(bids), asks=tuple(asks)))
    best = book.best()
    assert best is not None
    mid = (best.bid + best.ask) / 2
    return [side_depth(view, mid) for view in book.views()], mid


def walked(levels, mid, window, verified):
    """Return depths and costs of (price, size) levels, best first, by looking at each."""
    depths, costs = [], []
    for band in BANDS:
        reach = mid * band / 10_000
        within = [(p, s) for p, s in levels if mid - reach <= p <= mid + reach]
        short = len(within) == len(levels) and verified == window
        depths.append(None if short else sum(p * s for p, s in within))
    for notional in NOTIONALS:
        left, base = notional, 0.0
        for price, size in levels:
            take = min(left, price * size)
            base += take / price
            left -= take
        costs.append(None if left > 1e-9 * notional else abs(notional / base / mid - 1) * 10_000)
    return depths, costs


def test_depth_and_cost_by_hand():
    (bids, asks), mid = sides(
        [(99.95, 1.0), (99.8, 2.0), (99.0, 50.0)], [(100.05, 0.5), (100.3, 9.0)]
    )
    assert mid == 100.0
    # 10, 25 and 50 basis points reach to 99.9, 99.75 and 99.5; to 100.1, 100.25 and 100.5.
    assert bids.depths == pytest.approx((99.95, 99.95 + 199.6, 99.95 + 199.6))
    assert asks.depths == pytest.approx((50.025, 50.025, 50.025 + 902.7))
    # 100 units buy 0.5 at 100.05 and 49.975 units' worth at 100.3; no 1,000 are offered.
    paid = 100 / (0.5 + 49.975 / 100.3)
    assert asks.costs == pytest.approx(((paid / 100 - 1) * 10_000, None, None))
    assert bids.costs[2] is None
    sold = 1000 / (1.0 + 2.0 + (1000 - 299.55) / 99.0)
    assert bids.costs[1] == pytest.approx((1 - sold / 100) * 10_000)


def test_where_the_verified_book_ends_within_a_band_its_depth_is_not_known():
    bids = [(100.0 - 0.01 * number, 1.0) for number in range(20)]
    (seen, whole), _ = sides(bids, [(100.02, 1.0)], window=20)
    assert seen.depths[0] is not None
    assert seen.depths[1] is seen.depths[2] is None
    assert seen.least[2] == pytest.approx(sum(price for price, _ in bids))
    assert None not in whole.depths, "a side with fewer levels than there is room for has no more"


@st.composite
def books(draw):
    ticks = st.integers(1, 400)
    size = st.floats(0.001, 100.0)
    mid = 10_000
    bids = draw(st.dictionaries(ticks, size, min_size=1, max_size=30))
    asks = draw(st.dictionaries(ticks, size, min_size=1, max_size=30))
    scale = draw(st.sampled_from([0.0001, 0.01, 1.0]))
    return (
        sorted(((mid - tick) * scale, size) for tick, size in bids.items())[::-1],
        sorted(((mid + tick) * scale, size) for tick, size in asks.items()),
        draw(st.integers(1, 40)),
    )


@given(books())
def test_both_equal_a_walk_of_the_book(book):
    bids, asks, window = book
    (seen_bids, seen_asks), mid = sides(bids, asks, window)
    for seen, levels in ((seen_bids, bids), (seen_asks, asks)):
        # As the book has it: a full window may hide more, and the worst beyond are not verified.
        verified = min(len(levels), window)
        depths, costs = walked(levels[:verified], mid, window, verified)
        for told, true in zip((*seen.depths, *seen.costs), (*depths, *costs), strict=True):
            if true is None:
                assert told is None
            else:
                assert told == pytest.approx(true, rel=1e-9, abs=1e-6)
