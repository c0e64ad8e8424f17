"""A tape becomes the market: its ids, its book, its trades, and our fills by the stated model."""

import bisect
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from adapters.simulated.building import build_venue, open_to_public
from adapters.simulated.core.events import BookPublished, TradePublished
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.markets.tape import TapeMarket, TapeMessage
from adapters.simulated.markets.tape_file import TapeFile
from adapters.simulated.options import ExchangeOptions
from adapters.simulated.server.hub import Hub
from state.errors import ConfigurationInvalid
from state.values import NS_PER_S, Pair, Role, Side
from tests.adapters.simulated.book_reader import Reader
from tests.adapters.simulated.serving import connected, serving
from tests.adapters.simulated.venues import NOON, a_venue, balance, place, the_market

BUY, SELL = Side.BUY, Side.SELL
RECORDED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "l2"
BTC_TAPE = RECORDED / "btcusdt_binance_spot_20240808.parquet"
BTC_TRUTH = RECORDED / "btcusdt_binance_spot_20240808_bbo.parquet"
ETH_TAPE = RECORDED / "ethbtc_binance_spot_20201101_09h-11h.parquet"

with_recordings = pytest.mark.skipif(
    not BTC_TAPE.exists(), reason="the recorded tapes are not beside this checkout"
)


def snapshot(at_s, last_id, *rows):
    return TapeMessage("snapshot", at_s * NS_PER_S, last_id, last_id, list(rows))


def diff(at_s, first_id, last_id, *rows):
    return TapeMessage("diff", at_s * NS_PER_S, first_id, last_id, list(rows))


def trade(at_s, number, *row):
    return TapeMessage("trade", at_s * NS_PER_S, number, number, [row])


def replaying(*messages, speed=1.0):
    venue = a_venue()
    tape = TapeMarket(venue, the_market(venue), iter(messages), now_ns=NOON, speed=speed)
    venue.markets.append(tape)
    the_market(venue).channel("100ms", removed_reported=False)
    return venue


def told(venue, kind):
    return [event for event in venue.drain() if isinstance(event, kind)]


BOOK = snapshot(10, 100, (BUY, 9_900, 4_000), (SELL, 10_100, 4_000))


def test_update_ids_are_the_tapes_own():
    venue = replaying(BOOK, diff(11, 101, 107, (BUY, 9_900, 5_000)), diff(12, 108, 108))
    assert the_market(venue).book.update_id == 100

    venue.advance(NOON + 2 * NS_PER_S)

    updates = told(venue, BookPublished)
    assert [(update.first_id, update.last_id) for update in updates] == [(101, 107), (108, 108)]
    assert updates[0].bids == [(9_900, 5_000)]
    assert venue.next_due_ns() is None, "the tape is over"


def test_a_snapshot_inside_an_earlier_diff_is_joined_as_documented():
    venue = replaying(
        diff(8, 90, 94, (BUY, 9_800, 1_000)),
        diff(9, 95, 104, (BUY, 9_900, 7_000)),
        BOOK,
        diff(11, 105, 106, (SELL, 10_100, 0), (SELL, 10_200, 1_000)),
    )
    market = the_market(venue)
    assert market.book.update_id == 104
    assert market.book.bids.top(5) == [(9_900, 7_000)], "what ended before the snapshot is in it"

    venue.advance(NOON + NS_PER_S)

    [update] = told(venue, BookPublished)
    assert (update.first_id, update.last_id) == (105, 106)
    assert market.book.asks.top(5) == [(10_200, 1_000)]


def test_a_gap_on_the_tape_is_told_as_it_is():
    venue = replaying(BOOK, diff(11, 105, 106, (BUY, 9_900, 1_000)))
    venue.advance(NOON + NS_PER_S)
    [update] = told(venue, BookPublished)
    assert (update.first_id, update.last_id) == (105, 106)


def test_a_later_snapshot_replaces_the_book_and_is_told_with_the_next_diff():
    later = snapshot(12, 109, (BUY, 9_950, 1_000), (SELL, 10_100, 4_000))
    venue = replaying(BOOK, diff(11, 101, 107), later, diff(13, 108, 112))
    venue.advance(NOON + 3 * NS_PER_S)

    assert the_market(venue).book.bids.top(5) == [(9_950, 1_000)]
    updates = told(venue, BookPublished)
    assert [(update.first_id, update.last_id) for update in updates] == [(101, 107), (108, 112)]
    assert sorted(updates[1].bids) == [(9_900, 0), (9_950, 1_000)]


def test_time_on_the_tape_runs_at_the_speed_asked_for():
    venue = replaying(BOOK, diff(30, 101, 101), speed=10.0)
    assert venue.next_due_ns() == NOON + 2 * NS_PER_S


def test_a_tape_that_took_long_to_read_begins_when_the_venue_opens():
    venue = replaying(BOOK, diff(11, 101, 101))
    open_to_public(venue, NOON + 9 * NS_PER_S)
    assert venue.next_due_ns() == NOON + 10 * NS_PER_S


def test_a_taker_takes_the_taped_level_until_the_tape_speaks_of_it_again():
    venue = replaying(BOOK, diff(11, 101, 101), diff(12, 102, 102, (SELL, 10_100, 4_000)))
    order = place(venue, "alice", BUY, "3", "101")
    assert order.finish_as == "filled"

    venue.advance(NOON + NS_PER_S)
    [update] = told(venue, BookPublished)
    assert (update.last_id, update.asks) == (101, [(10_100, 1_000)])
    venue.advance(NOON + 2 * NS_PER_S)
    assert the_market(venue).book.asks.top(1) == [(10_100, 4_000)]


def test_our_own_orders_show_with_the_next_taped_diff_and_use_no_id():
    venue = replaying(BOOK, diff(11, 101, 103))
    place(venue, "alice", BUY, "1", "99.5")
    assert the_market(venue).book.update_id == 100
    assert told(venue, BookPublished) == []

    venue.advance(NOON + NS_PER_S)

    [update] = told(venue, BookPublished)
    assert (update.first_id, update.last_id, update.bids) == (101, 103, [(9_950, 1_000)])


def test_a_resting_order_waits_for_what_stood_before_it():
    venue = replaying(
        BOOK,
        trade(11, 1, SELL, 9_900, 3_000),
        trade(12, 2, SELL, 9_900, 3_000),
    )
    order = place(venue, "alice", BUY, "1.5", "99")
    venue.advance(NOON + NS_PER_S)
    assert order.filled_lots == 0
    venue.advance(NOON + 2 * NS_PER_S)

    assert (order.finish_as, order.filled_lots) == ("filled", 1_500)
    assert balance(venue, "alice", "ABC") == ("101.497", "0")
    prints = told(venue, TradePublished)
    assert [(each.id, each.lots) for each in prints] == [(1, 3_000), (2, 3_000)]


def test_a_trade_through_our_price_fills_us_at_our_price():
    venue = replaying(BOOK, trade(11, 1, SELL, 9_800, 1_000))
    order = place(venue, "alice", BUY, "2", "99")
    venue.advance(NOON + NS_PER_S)

    assert (order.filled_lots, order.filled_quote) == (1_000, 99 * 10**18)


def test_a_taped_level_that_crosses_us_fills_us():
    venue = replaying(BOOK, diff(11, 101, 101, (SELL, 9_850, 700)))
    order = place(venue, "alice", BUY, "2", "99")
    venue.advance(NOON + NS_PER_S)

    assert (order.filled_lots, order.left) == (700, 1_300)
    assert the_market(venue).book.asks.best() == 10_100
    assert broken_invariants(venue) == []


def test_a_tape_without_a_snapshot_has_no_book():
    with pytest.raises(ConfigurationInvalid, match="no snapshot"):
        replaying(diff(1, 1, 2))


def a_tape_file(path, rows):
    connection = duckdb.connect()
    connection.execute(
        "create table tape (msg bigint, ts_recv_ns bigint, ts_exchange_ns bigint, kind varchar, "
        "side varchar, price double, size double, first_id bigint, last_id bigint)"
    )
    connection.executemany("insert into tape values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute(f"copy tape to '{path}' (format parquet)")
    return path


def test_a_tape_is_read_message_by_message_in_exact_integers(tmp_path):
    path = a_tape_file(
        tmp_path / "abcusdt_x.parquet",
        [
            (2, 0, 30, "trade", "sell", 0.07, 1.5, 9, 9),
            (0, 0, 0, "snapshot", "bid", 0.07, 2.0, 5, 5),
            (0, 0, 0, "snapshot", "ask", 0.1, 1e-05, 5, 5),
            (1, 0, 40, "diff", "bid", 0.069, -0.0, 6, 8),
        ],
    )
    tape = TapeFile(path)

    assert (tape.price_decimals, tape.amount_decimals) == (3, 5)
    assert list(tape.messages()) == [
        TapeMessage("snapshot", 0, 5, 5, [(BUY, 70, 200_000), (SELL, 100, 1)]),
        TapeMessage("diff", 40, 6, 8, [(BUY, 69, 0)]),
        TapeMessage("trade", 40, 9, 9, [(SELL, 70, 150_000)]),
    ]


def test_what_is_no_tape_is_refused_by_name(tmp_path):
    text = tmp_path / "text.parquet"
    text.write_text("hello")
    other = tmp_path / "other.parquet"
    duckdb.connect().execute(f"copy (select 1 as msg) to '{other}' (format parquet)")
    strange = a_tape_file(
        tmp_path / "strange.parquet", [(0, 0, 0, "rumour", "bid", 1.0, 1.0, 1, 1)]
    )
    for path, complaint in (
        (tmp_path / "none.parquet", "no such file"),
        (text, "cannot be read"),
        (other, "'ts_recv_ns' is missing"),
        (strange, "'rumour'"),
    ):
        with pytest.raises(ConfigurationInvalid, match=complaint) as caught:
            TapeFile(path)
        assert str(path) in str(caught.value)


def test_the_pair_is_the_one_named_or_the_one_in_the_files_name(tmp_path):
    rows = [
        (0, 0, 0, "snapshot", "bid", 1.0, 2.0, 5, 5),
        (0, 0, 0, "snapshot", "ask", 1.1, 2.0, 5, 5),
    ]
    named = a_tape_file(tmp_path / "abcusdt_today.parquet", rows)
    nameless = a_tape_file(tmp_path / "today.parquet", rows)

    assert list(build_venue(ExchangeOptions(tape=named), NOON).pairs) == ["ABC_USDT"]
    both = ExchangeOptions(tape=nameless, pairs=("XYZ_BTC", "ETH_USDT"))
    assert list(build_venue(both, NOON).pairs) == ["XYZ_BTC", "ETH_USDT"]
    for options, complaint in (
        (ExchangeOptions(tape=nameless), "name it with --pairs"),
        (ExchangeOptions(tape=nameless, pairs=("xyz",)), "unknown pair 'xyz'"),
    ):
        with pytest.raises(ConfigurationInvalid, match=complaint):
            build_venue(options, NOON)


def replayed(path):
    """Yield each book update of a whole tape with the book as it then stands."""
    venue = build_venue(ExchangeOptions(tape=path), NOON)
    [market] = venue.pairs.values()
    market.channel("100ms", removed_reported=False)
    while (due_ns := venue.next_due_ns()) is not None:
        venue.advance(due_ns)
        for event in venue.drain():
            if isinstance(event, BookPublished):
                yield market, event


@with_recordings
def test_every_best_price_of_the_recorded_tape_equals_the_independent_stream():
    truth = duckdb.execute(
        "select update_id, bid, bid_size, ask, ask_size from read_parquet(?) order by update_id",
        [str(BTC_TRUTH)],
    ).fetchall()
    ids = [row[0] for row in truth]
    differing, last_id, compared = [], None, 0
    for market, update in replayed(BTC_TAPE):
        assert last_id is None or update.first_id == last_id + 1
        last_id = update.last_id
        place_in_truth = bisect.bisect_right(ids, update.last_id) - 1
        if place_in_truth < 0:
            continue
        compared += 1
        best = market.book.bids.top(1) + market.book.asks.top(1)
        units = market.units
        shown = [(units.price_text(ticks), units.amount_text(lots)) for ticks, lots in best]
        _, bid, bid_size, ask, ask_size = truth[place_in_truth]
        expected = [(bid, bid_size), (ask, ask_size)]
        if [(float(price), float(size)) for price, size in shown] != expected:
            differing.append(update.last_id)
    assert compared == 6_492
    # Two instants at which the independent stream itself is a few ids older (data README).
    assert differing == [50093478174, 50093480542]
    assert (len(market.book.bids.keys), len(market.book.asks.keys)) == (1_971, 2_962)


@with_recordings
def test_a_tape_with_two_snapshots_has_no_gap_and_never_crosses():
    last_id, updates = None, 0
    for market, update in replayed(ETH_TAPE):
        assert last_id is None or update.first_id == last_id + 1
        last_id = update.last_id
        updates += 1
        bid, ask = market.book.bids.best(), market.book.asks.best()
        assert bid is not None
        assert ask is not None
        assert bid < ask
    assert updates == 7_198


@with_recordings
def test_money_stays_whole_while_an_account_trades_against_a_recorded_tape():
    venue = build_venue(ExchangeOptions(tape=ETH_TAPE), NOON)
    [market] = venue.pairs.values()
    demo = venue.ledger.accounts["demo"]
    assert market.rules.pair == Pair("ETH_BTC")
    from adapters.simulated.core.orders import OrderRequest  # noqa: PLC0415

    for step in range(1, 400):
        venue.advance(NOON + step * NS_PER_S)
        venue.drain()
        side = BUY if step % 3 else SELL
        best = market.book.side(side).best()
        assert best is not None
        price = Decimal(best).scaleb(-market.units.price_decimals)
        request = OrderRequest(pair="ETH_BTC", side=side, amount=Decimal("0.1"), price=price)
        venue.place(demo, request, NOON + step * NS_PER_S)
        if step % 20 == 0:
            venue.cancel_all(demo, NOON + step * NS_PER_S)
    filled = [trade.role for trade in venue.index.trades_since("demo", None, 0)]
    assert filled.count(Role.MAKER) > 10
    assert broken_invariants(venue) == []


@with_recordings
def test_whoever_follows_a_stream_of_the_tape_sees_no_gap_and_no_crossed_book():
    """From the whole window alone, joining one after the other."""
    venue = build_venue(ExchangeOptions(tape=BTC_TAPE), NOON)
    hub = Hub(venue)
    readers = []
    for second in range(40):
        if second % 20 == 0:
            for kind, depth in (("ob.50", 50), ("ob.400", 400)):
                readers.append(Reader(depth))
                hub.add(readers[-1], [("spot.obu", f"{kind}_BTC_USDT")], NOON)
        now_ns = NOON + second * NS_PER_S
        venue.advance(now_ns)
        hub.tell(venue.drain(), now_ns)
    book = venue.pairs[Pair("BTC_USDT")].book
    for reader in readers:
        assert reader.heard > 50
        assert reader.last_id == book.update_id
        [best_bid, *_], [best_ask, *_] = reader.window("b"), reader.window("a")
        assert best_bid[0] == Decimal(book.bids.best() or 0) / 100
        assert best_ask[0] == Decimal(book.asks.best() or 0) / 100


@with_recordings
async def test_a_client_over_sockets_has_the_best_prices_of_the_recorded_tape():
    """From snapshot and updates alone, through REST and WebSocket, 120 times as fast."""
    truth = duckdb.execute(
        "select update_id, bid, ask from read_parquet(?) order by update_id", [str(BTC_TRUTH)]
    ).fetchall()
    ids = [row[0] for row in truth]
    async with (
        serving(pairs=(), tape=BTC_TAPE, speed=120.0) as served,
        connected(served) as socket,
    ):
        await socket.subscribe("spot.order_book_update", ["BTC_USDT", "100ms"])
        query = "currency_pair=BTC_USDT&limit=100&with_id=true"
        snapshot = await served.get("/spot/order_book", query)
        followed = snapshot["id"]
        sides = {side: _as_floats(snapshot[name]) for side, name in (("b", "bids"), ("a", "asks"))}
        compared = differing = 0
        while followed < ids[-1] - 20_000:
            update = (await socket.heard("spot.order_book_update"))["result"]
            if update["u"] <= followed:
                continue
            assert update["U"] <= followed + 1
            followed = update["u"]
            for side, levels in sides.items():
                for price, size in _as_floats(update[side]).items():
                    levels.pop(price, None)
                    if size:
                        levels[price] = size
            _, bid, ask = truth[bisect.bisect_right(ids, followed) - 1]
            compared += 1
            differing += (max(sides["b"]), min(sides["a"])) != (bid, ask)
    assert compared > 5_000, "what passed before the snapshot came is not compared"
    assert differing <= 2, "two instants at which the independent stream itself is older"


def _as_floats(levels):
    return {float(price): float(size) for price, size in levels}
