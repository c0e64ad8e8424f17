"""How large an entry may be: the worksheet worked by hand."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.trading.judgement.sizing import Facts, Odds, Volatility, kelly, smallest, worksheet
from actors.trading.judgement.skill import Record
from state.config.decision import DecisionSettings
from state.values import NS_PER_S, Quantity

SETTINGS = DecisionSettings(
    risk_bps=Decimal(50),
    volatility_target=0.5,
    depth_share=Decimal("0.5"),
    kelly_cap=0.25,
    pair_share_max=Decimal("0.25"),
)
KNOWN = Facts(
    price=Decimal(100),
    order_notional=Decimal(200),
    stop_bps=Decimal(200),
    equity=Decimal(10_000),
    volatility=0.8,
    offered=3_000.0,
    held=Decimal(1),
    cost_bps=5.0,
    # A hit brought 30 bps and a miss cost 20 as means: 25 each, after costs.
    odds=Odds(resolved=100, hits=55, won_bps=1650.0, lost_bps=900.0),
)


def exactly(quantity: Decimal) -> Quantity:
    return Quantity(quantity)


def test_every_bound_worked_by_hand():
    bounds = worksheet(KNOWN, SETTINGS, exactly)
    assert {one.name: one.quantity for one in bounds} == {
        "order_notional": Decimal(2),
        "risk": Decimal(25),  # 50 bps of 10,000 is 50; a unit loses 2.
        "volatility": Decimal("62.5"),  # 10,000 x 0.5 / 0.8 / 100.
        "depth": Decimal(15),
        "kelly": Decimal("2.5"),  # f = 0.55 - 0.45 = 0.1, a quarter of it believed.
        "pair_share": Decimal(24),  # 25 units less what is held.
    }
    assert smallest(bounds) == Decimal(2)


def test_what_is_not_known_bounds_nothing_and_is_listed():
    blind = Facts(
        price=Decimal(100),
        order_notional=Decimal(200),
        stop_bps=Decimal(200),
        equity=None,
        volatility=None,
        offered=3_000.0,
        held=Decimal(0),
        cost_bps=41.0,
        odds=None,
    )
    bounds = worksheet(blind, SETTINGS, exactly)
    assert [one.name for one in bounds if one.quantity is None] == [
        "risk",
        "volatility",
        "kelly",
        "pair_share",
    ]
    assert smallest(bounds) == Decimal(2)


@pytest.mark.parametrize(
    ("hit_rate", "gain_loss", "share"),
    [(0.5, 1.0, 0.0), (0.6, 1.0, 0.2), (0.4, 2.0, 0.1), (0.3, 1.0, 0.0), (1.0, 1.0, 1.0)],
)
def test_the_kelly_criterion(hit_rate, gain_loss, share):
    assert kelly(hit_rate, gain_loss) == pytest.approx(share)


@given(
    equity=st.decimals(1, 10**9, places=2),
    held=st.decimals(0, 10**6, places=6),
    volatility=st.floats(1e-4, 100),
    hit_rate=st.floats(0, 1),
    won=st.floats(0, 1e9),
    lost=st.floats(0, 1e9),
    offered=st.floats(0, 1e12),
    cost_bps=st.floats(0, 1e6),
)
def test_no_bound_is_ever_negative_and_the_smallest_wins(
    equity, held, volatility, hit_rate, won, lost, offered, cost_bps
):
    facts = Facts(
        price=Decimal("0.0421"),
        order_notional=Decimal(200),
        stop_bps=Decimal(200),
        equity=equity,
        volatility=volatility,
        offered=offered,
        held=held,
        cost_bps=cost_bps,
        odds=Odds(resolved=1000, hits=int(1000 * hit_rate), won_bps=won, lost_bps=lost),
    )
    bounds = worksheet(facts, SETTINGS, exactly)
    known = [one.quantity for one in bounds if one.quantity is not None]
    assert len(known) == 6
    assert all(quantity >= 0 for quantity in known)
    assert smallest(bounds) == min(known)


def test_odds_are_of_all_sources_together():
    odds = Odds.of(
        [
            Record(resolved=3, hits=2, won_bps=10.0, lost_bps=4.0),
            Record(resolved=2, hits=1, won_bps=2.0, lost_bps=2.0),
        ]
    )
    assert odds.hit_rate == 0.6
    # A hit brought 12 / 3, a miss cost 6 / 2.
    assert odds.gain_loss(0.0) == pytest.approx(4 / 3)
    # After costs of 1 bps 3 and 4.
    assert odds.gain_loss(1.0) == pytest.approx(3 / 4)


def test_odds_that_do_not_pay_for_a_way_in_and_out_leave_nothing():
    """Right nine times in ten by 30 bps, and wrong by 20: worth nothing at costs of 41."""
    odds = Odds(resolved=100, hits=90, won_bps=2700.0, lost_bps=200.0)
    free, dear = (
        worksheet(replace(KNOWN, cost_bps=cost, odds=odds), SETTINGS, exactly)
        for cost in (0.0, 41.0)
    )
    # f = 0.9 - 0.1 / 1.5, a quarter of it, of 10,000 at 100.
    assert {one.name: one.quantity for one in free}["kelly"] == Decimal("20.8333333333")
    by_name = {one.name: one for one in dear}
    assert by_name["kelly"].quantity == 0
    told = "right 90.0% of 100 times; a hit -11.0 bps, a miss -61.0 bps, with 41.0 bps of costs"
    assert by_name["kelly"].because == told
    assert by_name["risk"].because == ""


@given(
    hits=st.integers(0, 50),
    won=st.floats(0, 1e4),
    lost=st.floats(0, 1e4),
    cost=st.floats(0, 1e3),
    more=st.floats(0, 1e3),
)
def test_whatever_the_odds_more_costs_never_allow_more(hits, won, lost, cost, more):
    odds = Odds(resolved=50, hits=hits, won_bps=won, lost_bps=lost)
    if not odds.lost(cost):
        return  # Where a miss costs nothing there is no ratio to speak of.
    dearer = kelly(odds.hit_rate, odds.gain_loss(cost + more))
    assert dearer <= kelly(odds.hit_rate, odds.gain_loss(cost)) + 1e-9


def test_losses_too_small_to_share_out_are_none():
    # Half of the smallest float is 0: a gate found it.
    assert Odds(resolved=2000, hits=1000, won_bps=1.0, lost_bps=5e-324).gain_loss(0.0) == 1.0


MINUTE_NS = 60 * NS_PER_S


def moved(count: int) -> Volatility:
    volatility, close = Volatility(period_s=60.0), 100.0
    for number in range(count + 1):
        volatility = volatility.apply(close, (number + 1) * MINUTE_NS)
        close *= 1.001 if number % 2 else 1 / 1.001
    return volatility


def test_the_volatility_of_equal_moves_is_that_move_a_year():
    assert moved(Volatility.WARM - 1).yearly is None
    # ln(1.001) a minute, 525,600 minutes a year.
    yearly = moved(Volatility.WARM).yearly
    assert yearly == pytest.approx(0.0009995003 * 525_600**0.5, rel=1e-6)


def test_a_candle_told_again_and_a_return_over_a_hole_are_not_counted():
    warm = moved(Volatility.WARM)
    assert warm.apply(500.0, warm.open_ns) is warm
    after = warm.apply(500.0, warm.open_ns + 2 * MINUTE_NS)
    assert (after.square, after.count) == (warm.square, warm.count)
    assert after.apply(500.0, after.open_ns + MINUTE_NS).count == warm.count + 1
