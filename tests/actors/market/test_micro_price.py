"""Stoikov's micro-price finds what is known of a market that was made up for it."""

import random

import pytest

from actors.market.micro_price import WARM, MicroPrice
from state.order_book import Best

TICK = 0.5


def book(mid_ticks, share, spread=1):
    mid = mid_ticks * TICK
    return Best(mid - spread * TICK / 2, share * 10, mid + spread * TICK / 2, (1 - share) * 10)


def learned(*, updates, seed=7):
    """Return one that saw a market whose mid moves by a tick in one update of ten.

    Its imbalance is drawn anew with each update, and a move is up as often as the imbalance before
    says: so from bucket k the expected move is 0.1 * (2k/9 - 1) ticks, and nothing after that.
    """
    chance, micro, mid, bucket = random.Random(seed), MicroPrice(), 1000.0, 5
    micro.apply(book(mid, 0.55))
    for _ in range(updates):
        if chance.random() < 0.1:
            mid += 1 if chance.random() < bucket / 9 else -1
        bucket = chance.randrange(10)
        micro.apply(book(mid, (bucket + 0.5) / 10))
    return micro


def test_it_finds_the_expected_move_of_every_imbalance():
    micro = learned(updates=40_000)
    for bucket in range(10):
        told = micro.price(book(1000.0, (bucket + 0.5) / 10))
        assert told == pytest.approx(
            1000 * TICK + 0.1 * (2 * bucket / 9 - 1) * TICK, abs=0.02 * TICK
        )


def test_bid_and_ask_exchanged_tell_the_mirror_image():
    micro = learned(updates=5_000)
    for bucket in range(5):
        low = micro.price(book(1000.0, (bucket + 0.5) / 10)) - 1000 * TICK
        high = micro.price(book(1000.0, (9.5 - bucket) / 10)) - 1000 * TICK
        assert low == pytest.approx(-high, abs=1e-9)


def test_before_enough_was_seen_it_is_not_known():
    assert learned(updates=WARM - 1).price(book(1000.0, 0.5)) is None


def test_a_market_that_never_moved_has_none():
    micro = MicroPrice()
    for number in range(3 * WARM):
        micro.apply(book(1000.0, 0.1 + 0.8 * (number % 2)))
    assert micro.price(book(1000.0, 0.9)) is None


def test_a_hole_is_no_move():
    micro = learned(updates=5_000)
    before = micro.price(book(1000.0, 0.95))
    for _ in range(600):
        micro.begin()
        micro.apply(book(2000.0, 0.95))
    assert micro.price(book(1000.0, 0.95)) == before


def test_a_smaller_tick_makes_all_that_was_learned_worthless():
    micro = learned(updates=5_000)
    micro.apply(Best(500.0, 1.0, 500.1, 1.0))
    assert micro.price(book(1000.0, 0.95)) is None
