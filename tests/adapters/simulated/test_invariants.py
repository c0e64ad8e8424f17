"""Each invariant, when broken, is named: a check that cannot fail would prove nothing."""

import pytest

from adapters.simulated.core.invariants import broken_invariants, checksum
from state.values import Side
from tests.adapters.simulated.venues import NOON, a_venue, place, street, the_market


def steal(venue):
    venue.ledger.accounts["alice"].balances["USDT"].available += 1


def lock_too_much(venue):
    kept = venue.ledger.accounts["alice"].balances["USDT"]
    kept.available -= 1
    kept.locked += 1


def forget_a_lock(venue):
    [order] = venue.index.every_open()
    order.locked -= 1
    kept = venue.ledger.accounts["alice"].balances["USDT"]
    kept.available += 1
    kept.locked -= 1


def cross(venue):
    the_market(venue).book.asks.at(-5_000).street = 1


def lose_from_the_book(venue):
    [order] = venue.index.every_open()
    the_market(venue).book.remove(order)


def lose_from_the_index(venue):
    [order] = venue.index.every_open()
    venue.index.finish(order)


def shrink(venue):
    [order] = venue.index.every_open()
    order.amount += 1


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (steal, "USDT: 20000.000000000000000001 held, 20000 deposited"),
        (lock_too_much, "alice: 90.000000000000000001 USDT locked, orders need 90"),
        (forget_a_lock, "not what it may still cost"),
        (cross, "ABC_USDT: bid 9000 is not below ask 5000"),
        (lose_from_the_book, "is open but in no book"),
        (lose_from_the_index, "is in a book but not open"),
        (shrink, "filled and left are not its amount"),
    ],
)
def test_damage_is_named(damage, complaint):
    venue = a_venue()
    street(venue, Side.SELL, "100", "1")
    place(venue, "alice", Side.BUY, "1", "90")
    assert broken_invariants(venue) == []
    damage(venue)
    assert any(complaint in problem for problem in broken_invariants(venue))


def test_equal_states_have_equal_checksums_and_a_cancel_changes_it():
    venue, same = a_venue(), a_venue()
    orders = [place(each, "alice", Side.BUY, "1", "90") for each in (venue, same)]
    assert checksum(venue) == checksum(same)
    venue.cancel(venue.ledger.accounts["alice"], str(orders[0].id), "ABC_USDT", NOON)
    assert checksum(venue) != checksum(same)
