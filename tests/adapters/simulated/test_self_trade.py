"""Orders of one STP group do not trade with one another: one of them ends, or both."""

import pytest

from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.core.orders import OrderStatus, SelfTradeAct
from adapters.simulated.core.switches import SelfTrade, Switches
from state.errors import VenueRefused
from state.values import Side, TimeInForce
from tests.adapters.simulated.venues import a_venue, balance, place, street, the_market

BUY, SELL = Side.BUY, Side.SELL
NEWEST, OLDEST, BOTH = SelfTradeAct
ENDED = (OrderStatus.CANCELLED, "stp")


@pytest.fixture
def venue():
    """Alice and bob are of one group; carol is not."""
    venue = a_venue(owners=("alice", "bob", "carol"))
    for name in ("alice", "bob"):
        venue.ledger.accounts[name].stp_group = 7
    yield venue
    assert broken_invariants(venue) == []


def outcome(order):
    return (order.status, order.finish_as)


@pytest.mark.parametrize("seller", ["alice", "bob"])
def test_the_newest_gives_way_unless_it_says_otherwise(venue, seller):
    old = place(venue, seller, SELL, "1", "100")
    new = place(venue, "alice", BUY, "1", "100")

    assert (outcome(new), new.filled_lots) == (ENDED, 0)
    assert old.is_open
    assert balance(venue, "alice", "USDT") == ("10000", "0")


def test_what_stands_before_the_group_is_traded_with(venue):
    street(venue, SELL, "99", "1")
    other = place(venue, "carol", SELL, "1", "100")
    old = place(venue, "bob", SELL, "1", "100")
    new = place(venue, "alice", BUY, "5", "100")

    assert (outcome(new), new.filled_lots) == (ENDED, 2000)
    assert other.finish_as == "filled"
    assert old.is_open


def test_the_oldest_makes_way_and_the_newest_goes_on(venue):
    old = place(venue, "bob", SELL, "1", "99")
    other = place(venue, "carol", SELL, "1", "100")
    new = place(venue, "alice", BUY, "3", "100", stp_act=OLDEST)

    assert outcome(old) == ENDED
    assert other.finish_as == "filled"
    assert (new.is_open, new.left) == (True, 2000)
    assert the_market(venue).book.asks.best() is None
    assert balance(venue, "bob", "ABC") == ("100", "0")


def test_both_end(venue):
    old = place(venue, "bob", SELL, "1", "99")
    other = place(venue, "carol", SELL, "1", "100")
    new = place(venue, "alice", BUY, "3", "100", stp_act=BOTH)

    assert (outcome(old), outcome(new)) == (ENDED, ENDED)
    assert other.is_open


def test_a_market_buy_ends_where_the_group_stands(venue):
    place(venue, "carol", SELL, "1", "100")
    place(venue, "bob", SELL, "1", "100")
    new = place(venue, "alice", BUY, "150", None)
    spent = place(venue, "alice", BUY, "20", None)

    assert (outcome(new), new.filled_lots) == (ENDED, 1000)
    assert outcome(spent) == ENDED


@pytest.mark.parametrize(("act", "fills"), [(NEWEST, False), (OLDEST, True), (BOTH, False)])
def test_a_fill_or_kill_order_knows_whom_it_will_not_meet(venue, act, fills):
    place(venue, "carol", SELL, "1", "100")
    place(venue, "bob", SELL, "1", "100")
    place(venue, "carol", SELL, "1", "100")
    wanted = {"tif": TimeInForce.FOK, "stp_act": act}
    if fills:
        assert place(venue, "alice", BUY, "2", "100", **wanted).finish_as == "filled"
    else:
        with pytest.raises(VenueRefused, match=r"^FOK_NOT_FILL"):
            place(venue, "alice", BUY, "2", "100", **wanted)
        assert place(venue, "carol", BUY, "1", "100", tif=TimeInForce.FOK).finish_as == "filled"


def test_an_act_without_a_group_is_an_error(venue):
    with pytest.raises(VenueRefused, match=r"^INVALID_PARAM_VALUE: stp_act"):
        place(venue, "carol", BUY, "1", "100", stp_act=NEWEST)


def test_without_a_group_one_trades_with_oneself_or_not_as_switched():
    for alone, filled in ((SelfTrade.ALLOWED, 1000), (SelfTrade.PREVENTED, 0)):
        venue = a_venue(switches=Switches(self_trade=alone))
        place(venue, "alice", SELL, "1", "100")
        order = place(venue, "alice", BUY, "1", "100")
        assert order.filled_lots == filled
        assert place(venue, "bob", BUY, "1", "101").left == (1000 if filled else 0)
