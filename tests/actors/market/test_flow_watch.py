"""What trades add up to equals counting them one by one, in any portion, day by day."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.market.flow_watch import UNSUMMED_MAX, FlowWatch
from actors.market.large_trades import WARM, LargeTrades
from actors.market.tape import DAY_NS
from actors.market.toxicity import WINDOW, Vpin
from actors.market.volume_profile import (
    LEVELS_MAX,
    STACK_RATIO,
    VALUE_AREA,
    VolumeProfile,
    level_ticks,
)
from state.order_book import Best
from state.values import NS_PER_S, Side, TimeNs
from tests.actors.examples import BTC, a_trade

MIDNIGHT = 20_000 * DAY_NS
TICK = 0.1
takers = st.sampled_from([Side.BUY, Side.SELL, None])
quantities = st.integers(1, 10**6).map(lambda units: units / 10_000)


def a_print(number, at_s, price, quantity, taker):
    return a_trade(
        number,
        event_time_ns=TimeNs(MIDNIGHT + int(at_s * NS_PER_S)),
        price=price,
        quantity=quantity,
        taker=taker,
    )


prints = st.lists(
    st.tuples(
        st.floats(0, 1000), st.integers(9000, 11000).map(lambda tick: tick / 10), quantities, takers
    ),
    min_size=1,
    max_size=60,
).map(
    lambda rows: [
        a_print(n, at, *rest) for n, (at, *rest) in enumerate(sorted(rows, key=lambda r: r[0]))
    ]
)


def watched(trades):
    watch = FlowWatch(BTC, TICK)
    for trade in trades:
        assert watch.trade(trade)
    return watch


def told(watch, at_ns=MIDNIGHT + 1000 * NS_PER_S):
    flow = watch.measured(TimeNs(at_ns), TimeNs(at_ns))
    assert flow is not None
    return flow


# Delta.


@given(prints)
def test_delta_and_volumes_add_up_to_the_last_digit(trades):
    flow = told(watched(trades))
    amounts = {side: Decimal(0) for side in (Side.BUY, Side.SELL, None)}
    for trade in trades:
        amounts[trade.taker] += Decimal(repr(trade.quantity))
    assert flow.buy_volume == float(amounts[Side.BUY])
    assert flow.sell_volume == float(amounts[Side.SELL])
    assert flow.unknown_volume == float(amounts[None])
    assert flow.cumulative_delta == float(amounts[Side.BUY] - amounts[Side.SELL])
    last_minute = [t for t in trades if t.event_time_ns // NS_PER_S > MIDNIGHT // NS_PER_S + 940]
    if trades[0].event_time_ns <= MIDNIGHT + 940 * NS_PER_S:
        delta = sum(t.quantity * (0 if t.taker is None else t.taker.sign) for t in last_minute)
        assert flow.delta_60s == pytest.approx(delta, abs=1e-9)
        assert flow.buys_per_s == sum(t.taker is Side.BUY for t in last_minute) / 60
    else:
        assert flow.delta_60s is flow.imbalance_60s is flow.buys_per_s is None


def test_more_trades_than_wait_to_be_added_up_are_added_up_too():
    trades = [a_print(n, n / 1000, 1000.0, 0.1, Side.BUY) for n in range(UNSUMMED_MAX + 10)]
    flow = watched(trades).measured(trades[-1].event_time_ns, TimeNs(0))
    assert flow is not None
    assert flow.buy_volume == float(Decimal("0.1") * len(trades)) != sum([0.1] * len(trades))


def test_the_day_begins_at_midnight_and_says_since_when_it_is_whole():
    watch = watched([a_print(1, -30, 100.0, 1.0, Side.BUY), a_print(2, -10, 100.0, 2.0, Side.SELL)])
    before = told(watch, MIDNIGHT - 1)
    assert (before.cumulative_delta, before.trades) == (-1.0, 2)
    assert before.since_ns == MIDNIGHT - 30 * NS_PER_S
    watch.trade(a_print(3, 0, 105.0, 4.0, Side.BUY))
    after = told(watch, MIDNIGHT + 1)
    assert (after.cumulative_delta, after.trades, after.since_ns) == (4.0, 1, MIDNIGHT)
    assert after.point_of_control == pytest.approx(105.0, abs=TICK)


def test_a_trade_that_is_told_again_counts_once():
    watch = watched([a_print(1, 0, 100.0, 1.0, Side.BUY)])
    assert not watch.trade(a_print(1, 0, 100.0, 1.0, Side.BUY))
    assert told(watch).buy_volume == 1.0


def test_before_the_first_trade_nothing_is_told():
    assert FlowWatch(BTC, TICK).measured(TimeNs(5), TimeNs(5)) is None


def test_a_loss_of_the_stream_begins_the_sums_anew():
    watch = watched([a_print(1, 0, 100.0, 1.0, Side.BUY)])
    watch.begin()
    assert watch.measured(TimeNs(MIDNIGHT + 5), TimeNs(5)) is None
    watch.trade(a_print(9, 500, 100.0, 2.0, Side.BUY))
    assert (told(watch).buy_volume, told(watch).since_ns) == (2.0, MIDNIGHT + 500 * NS_PER_S)


# Volume profile.


def area_by_hand(volumes):
    """Grow the value area of {level: volume} by its definition, over every traded level."""
    most = min(level for level in volumes if volumes[level] == max(volumes.values()))
    inside = {most}
    while sum(volumes[level] for level in inside) < VALUE_AREA * sum(volumes.values()) * (
        1 - 1e-12
    ):
        above = min((level for level in volumes if level > max(inside)), default=None)
        below = max((level for level in volumes if level < min(inside)), default=None)
        best = above if below is None else below
        if above is not None and below is not None:
            best = above if volumes[above] >= volumes[below] else below
        inside.add(best)
    return most, min(inside), max(inside)


@given(prints)
def test_point_of_control_and_value_area_equal_counting_by_level(trades):
    flow, width = told(watched(trades)), level_ticks(trades[0].price, TICK)
    volumes: dict[int, float] = {}
    for trade in trades:
        level = round(trade.price / TICK) // width
        volumes[level] = volumes.get(level, 0.0) + trade.quantity
    most, low, high = area_by_hand(volumes)
    assert flow.level_width == pytest.approx(width * TICK)
    assert flow.point_of_control == pytest.approx((most + 0.5) * width * TICK)
    assert (flow.value_low, flow.value_high) == (
        pytest.approx(low * width * TICK),
        pytest.approx((high + 1) * width * TICK),
    )


@pytest.mark.parametrize(
    ("price", "tick", "ticks"),
    [(60_000.0, 0.1, 100), (100.0, 0.1, 1), (3000.0, 0.01, 50), (0.5, 0.0001, 1), (1.5, 0.0001, 2)],
)
def test_a_level_is_a_round_number_of_ticks_of_at_least_a_basis_point(price, tick, ticks):
    assert level_ticks(price, tick) == ticks


@pytest.mark.parametrize("seed", range(6))
def test_a_profile_that_grows_too_wide_is_the_same_whatever_came_first(seed):
    order = list(range(LEVELS_MAX + 300))
    random.Random(seed).shuffle(order)

    def profile(levels):
        made = VolumeProfile(1.0, 1.0)
        for level in levels:
            made.add(5000.0 + level * (seed + 1), 1.0 + level, Side.BUY)
        return made

    once, again = profile(order), profile(sorted(order))
    assert once.state() == again.state()
    assert once.levels <= LEVELS_MAX
    assert VolumeProfile.of(once.state()).value_area() == once.value_area()


def stack(*levels):
    profile = VolumeProfile(1.0, 100.0)
    for price, bought, sold in levels:
        profile.add(price, bought, Side.BUY)
        profile.add(price, sold, Side.SELL)
    return profile.stacked()


def test_stacked_imbalance_by_hand():
    # Buys of a level against sells of the one below: 9:1, 12:3, 30:2 are three in a row.
    assert stack((100, 1, 1), (101, 9, 3), (102, 12, 2), (103, 30, 1)) == 3
    assert stack((100, 1, 1), (101, 9, 3), (102, 8, 2), (103, 30, 1)) == 0, "8 is not thrice 3"
    # Sells against the buys one level up.
    assert stack((100, 1, 30), (101, 2, 12), (102, 3, 9), (103, 1, 1)) == -3
    assert stack((100, 5, 5), (101, 5, 5), (102, 5, 5)) == 0
    assert STACK_RATIO == 3.0


# VPIN.


@given(st.lists(st.tuples(quantities, takers), max_size=300), st.floats(0.5, 50.0))
def test_vpin_is_the_mean_imbalance_of_the_last_fifty_buckets(trades, bucket):
    vpin = Vpin(bucket)
    for quantity, taker in trades:
        vpin.add(min(quantity, 20 * bucket), taker)
    # The same in one line of volume, cut at every bucket's end.
    imbalances, left, net = [], bucket, 0.0
    for quantity, taker in trades:
        rest, sign = min(quantity, 20 * bucket), 0 if taker is None else taker.sign
        while rest >= left * (1 - 1e-12):
            imbalances.append(abs(net + sign * left) / bucket)
            rest, left, net = rest - left, bucket, 0.0
        net, left = net + sign * rest, left - rest
    value = vpin.value()
    if len(imbalances) >= WINDOW + 1:
        assert value is not None
        assert value == pytest.approx(sum(imbalances[-WINDOW:]) / WINDOW, abs=0.05)
        assert 0.0 <= value <= 1.0
    elif len(imbalances) < WINDOW - 1:
        assert value is None


def test_vpin_by_hand():
    vpin = Vpin(10.0)
    for _ in range(25):
        vpin.add(10.0, Side.BUY)  # |10 - 0| / 10
        vpin.add(6.0, Side.SELL)
        vpin.add(4.0, Side.BUY)  # |4 - 6| / 10
    assert vpin.value() == pytest.approx((25 * 1.0 + 25 * 0.2) / 50)
    again = Vpin.of(vpin.state())
    again.add(20.0, Side.SELL)
    assert again.value() == pytest.approx((24 * 1.0 + 24 * 0.2 + 2.0) / 50)


# Large trades.


def test_the_score_of_a_size_is_in_deviations_of_its_logarithm():
    large = LargeTrades()
    assert all(large.score(100.0 * 2 ** (number % 3)) is None for number in range(WARM))
    for number in range(3000):
        large.score(100.0 * 2 ** (number % 3))
    # Mean of the logarithm is that of 200, its deviation log(2) * sqrt(2/3).
    assert large.score(200.0 * 2 ** (4 * (2 / 3) ** 0.5)) == pytest.approx(4.0, rel=0.02)
    assert large.score(200.0) == pytest.approx(0.0, abs=0.05)


# Hidden orders, as they come out of the watch: how well they are found is measured elsewhere.


def test_an_order_in_even_slices_is_told_with_its_size_and_interval():
    trades = [a_print(n, 10.0 * n, 100.0, 0.5, Side.SELL) for n in range(1, 14)]
    # What is open is put together until the next one comes.
    [order] = told(watched(trades), trades[-1].event_time_ns).hidden
    assert (order.kind, order.side, order.parts) == ("split", Side.SELL, 12)
    assert (order.size, order.interval_s) == (pytest.approx(0.5), pytest.approx(10.0))
    assert order.confidence > 0.95


def test_a_level_that_refills_is_told_and_forgotten_when_it_rests():
    watch = watched([a_print(0, 0, 100.0, 1.0, Side.BUY)])
    best = Best(99.9, 3.0, 100.0, 2.0)
    for number in range(1, 16):
        watch.trade(a_print(number, number, 100.0, 1.5, Side.BUY))
        watch.look(best, MIDNIGHT + number * NS_PER_S + NS_PER_S // 2)
    [order] = [one for one in told(watch, MIDNIGHT + 15 * NS_PER_S).hidden if one.kind == "iceberg"]
    assert (order.side, order.price, order.size) == (Side.SELL, 100.0, 2.0)
    assert told(watch, MIDNIGHT + 300 * NS_PER_S).hidden == ()
