"""The recorded BTCUSDT tape through every measure of book and flow: bounds, identities, walks.

It lies beside the repository; without it this test is skipped, saying so.
"""

import itertools

import duckdb
import pytest

from actors.market.book_measures import levels_imbalance, weighted_imbalance
from actors.market.book_watch import BookWatch
from actors.market.depth_measures import BANDS, NOTIONALS
from actors.market.flow_watch import FlowWatch
from actors.market.tape import DAY_NS
from actors.market.validation import Inspector
from state.config.measures import ValidationSettings
from state.order_book import BookBroken, OrderBook
from state.values import Side, TimeNs
from tests.actors.examples import BTC, a_delta, a_measure, a_snapshot, a_trade
from tests.state.tapes import tape

TAPE = "btcusdt_binance_spot_20240808.parquet"
TICK = 0.01

pytestmark = pytest.mark.slow


def messages():
    """Return (kind, exchange time, first id, last id, rows) of every message, in replay order."""
    rows = duckdb.execute(
        "select msg, kind, side, price, size, first_id, last_id, ts_exchange_ns"
        " from read_parquet(?) order by msg",
        [tape("l2", TAPE)],
    ).fetchall()
    for _, group in itertools.groupby(rows, key=lambda row: row[0]):
        of_one = list(group)
        yield of_one[0][1], of_one[0][7], of_one[0][5], of_one[0][6], of_one


def walked_cost(levels, mid, notional):
    left, base = notional, 0.0
    for price, size in levels:
        take = min(left, price * size)
        base, left = base + take / price, left - take
    return None if left > 0 else abs(notional / base / mid - 1) * 10_000


def keeps_its_bounds(book, watch, best):
    bids, asks = (view.sizes for view in book.views())
    for imbalance in (levels_imbalance(bids, asks, 5), weighted_imbalance(bids, asks)):
        assert imbalance is not None
        assert -1.0 <= imbalance <= 1.0
    micro = watch.micro.price(best)
    assert micro is None or best.bid - 50 <= micro <= best.ask + 50


def equals_a_walk(book, watch, best):
    mid = (best.bid + best.ask) / 2
    measured = a_measure(mid=mid, spread_bps=(best.ask - best.bid) / mid * 10_000)
    liquidity = watch.liquidity(book, measured)
    both = book.levels(5000)
    for name, levels in zip(("sell", "buy"), both, strict=True):
        for notional in NOTIONALS:
            cost = getattr(liquidity, f"{name}_cost_{notional:.0f}")
            assert cost == pytest.approx(walked_cost(levels, mid, notional), abs=1e-6)
    for name, levels in zip(("bid", "ask"), both, strict=True):
        for band in BANDS:
            near = (p * s for p, s in levels if abs(p - mid) <= mid * band / 10_000)
            depth = getattr(liquidity, f"{name}_depth_{band:.0f}")
            assert depth is None or depth == pytest.approx(sum(near), rel=1e-9)
    assert 0.0 <= liquidity.score <= 100.0


def test_the_real_tape_through_all_measures():
    book, watch, flow = OrderBook(), BookWatch(1.0), FlowWatch(BTC, TICK)
    inspector = Inspector(BTC, ValidationSettings(), lambda: 0, lambda: TimeNs(0))
    early, looked, liquid, told = [], 0, 0, None
    flow.volume_told(1_000.0)
    for kind, at_ns, first, last, rows in messages():
        if kind == "trade":
            _, _, side, price, size, *_ = rows[0]
            trade = a_trade(
                last, event_time_ns=TimeNs(at_ns), price=price, quantity=size, taker=Side(side)
            )
            assert inspector.admit(trade) == (trade,)
            assert flow.trade(trade)
            continue
        bids = tuple((row[3], row[4]) for row in rows if row[2] == "bid")
        asks = tuple((row[3], row[4]) for row in rows if row[2] == "ask")
        if kind == "snapshot":
            since = [one for one in early if one.last_id > last]
            book.apply_snapshot(a_snapshot(last, bids=bids, asks=asks), since)
            continue
        delta = a_delta(first, last, bids=bids, asks=asks, event_time_ns=TimeNs(at_ns))
        assert inspector.objection(delta) == ""
        if not book.is_live:
            early.append(delta)
            continue
        try:
            book.apply_delta(delta)
        except BookBroken as broken:
            raise AssertionError(last) from broken
        best = book.best()
        assert best is not None
        watch.apply(best, at_ns)
        flow.look(best, at_ns)
        looked += 1
        keeps_its_bounds(book, watch, best)
        if looked % 200 == 0:
            equals_a_walk(book, watch, best)
            liquid += 1
            told = flow.measured(TimeNs(at_ns), TimeNs(at_ns))
            if told is not None and told.vpin is not None:
                assert 0.0 <= told.vpin <= 1.0
    assert (looked, liquid) == (6492, 32)
    assert inspector.counts == {}, "nothing in a real tape is disbelieved"
    assert told is not None
    buys, sells, most = day_by_hand(told.level_width)
    last = flow.measured(TimeNs(at_ns), TimeNs(at_ns))
    assert last is not None
    assert last.buy_volume == pytest.approx(buys, rel=1e-12)
    assert last.sell_volume == pytest.approx(sells, rel=1e-12)
    assert last.cumulative_delta == pytest.approx(buys - sells, abs=1e-9)
    assert last.point_of_control == pytest.approx(most)
    assert last.vpin is not None
    assert last.large_z is not None


def day_by_hand(width):
    """Return buys, sells and the point of control of the tape's last UTC day, by one question."""
    rows = duckdb.execute(
        "select sum(size) filter (where side = 'buy'), sum(size) filter (where side = 'sell')"
        " from read_parquet(?) where kind = 'trade' and ts_exchange_ns // ? ="
        " (select max(ts_exchange_ns) // ? from read_parquet(?) where kind = 'trade')",
        [tape("l2", TAPE), DAY_NS, DAY_NS, tape("l2", TAPE)],
    ).fetchone()
    assert rows is not None
    ticks = round(width / TICK)
    level = duckdb.execute(
        "select round(price / 0.01)::bigint // ? as level, sum(size) as volume"
        " from read_parquet(?) where kind = 'trade' and ts_exchange_ns // ? ="
        " (select max(ts_exchange_ns) // ? from read_parquet(?) where kind = 'trade')"
        " group by level order by volume desc, level limit 1",
        [ticks, tape("l2", TAPE), DAY_NS, DAY_NS, tape("l2", TAPE)],
    ).fetchone()
    assert level is not None
    return rows[0], rows[1], (level[0] + 0.5) * width
