"""An operator sees how each position is protected, and for how long one is not."""

from decimal import Decimal

from actors.operations.cover_view import cover_view, with_cover
from state.messages.protection import Cover, PositionCovered
from state.values import NS_PER_S, Pair, Price, Quantity, TimeNs
from tests.actors.examples import NOW


def covered(cover=Cover.COVERED, **changes):
    members = {
        "pair": Pair("BTC_USDT"),
        "cover": cover,
        "quantity": Quantity(Decimal("0.5")),
        "stop": Price(Decimal("98.00")),
        "target": None,
        "resident": Quantity(Decimal("0.5")),
        "watched": True,
        "reason": "",
        "since_ns": TimeNs(NOW - 3 * NS_PER_S),
        "at_ns": NOW,
    }
    return PositionCovered(**(members | changes))


def test_a_covered_position_is_shown_with_its_stop_and_how_far_it_is():
    view = cover_view(covered(), 100.0, NOW)
    assert view == {
        "state": "covered",
        "since_s": 3.0,
        "uncovered_s": 0.0,
        "quantity": "0.5",
        "stop": "98",
        "stop_distance_bps": 200.0,
        "target": None,
        "resident": "0.5",
        "watched": True,
        "why": "",
    }


def test_the_seconds_without_cover_are_counted():
    view = cover_view(covered(Cover.UNCOVERED, reason="no live book"), None, NOW)
    assert (view["state"], view["uncovered_s"]) == ("uncovered", 3.0)
    assert (view["stop_distance_bps"], view["why"]) == (None, "no live book")


def test_positions_nobody_has_spoken_of_are_of_unknown_cover():
    rows = with_cover([{"pair": "BTC_USDT"}, {"pair": "ETH_USDT"}], {"BTC_USDT": {"state": "flat"}})
    assert [row["protection"]["state"] for row in rows] == ["flat", "unknown"]
