"""The ports over the in-process venue: one answer each, and streams that admit their losses."""

from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from adapters.simulated.building import build_venue
from adapters.simulated.core.invariants import broken_invariants
from adapters.simulated.in_process import InProcessVenue
from adapters.simulated.network import Network
from adapters.simulated.options import ExchangeOptions
from adapters.simulated.rate_limits import RateLimits
from state.messages.market import (
    BookDelta,
    CandleSeen,
    StreamLost,
    StreamOpened,
    TickerSeen,
    TradePrinted,
)
from state.messages.venue import (
    ArmCountdown,
    BalanceReport,
    CancelPlaced,
    FetchBalances,
    FetchBook,
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchRules,
    FetchTime,
    FetchTrades,
    OrderReport,
    Refused,
    Succeeded,
    TradeReport,
    Unknown,
)
from state.values import (
    NS_PER_MS,
    NS_PER_S,
    Pair,
    TimeInForce,
    TimeNs,
)
from tests.adapters.simulated.virtual_clock import VirtualClock
from tests.adapters.simulated.worlds import BTC, World, by_text


@pytest.fixture
def world():
    world = World()
    yield world
    assert broken_invariants(world.venue) == []


def test_an_order_is_placed_asked_for_and_cancelled(world):
    placed = world.asked(world.order())
    assert isinstance(placed, Succeeded)
    [report] = placed.orders
    assert (report.client_order_id, report.open, report.finish_as) == ("t-1", True, "open")
    assert (report.quantity, report.price) == (Decimal("0.001"), Decimal(60000))

    assert world.asked(FetchOrder(**by_text())).orders == (report,)
    assert world.asked(FetchOpenOrders()).orders == (report,)
    [cancelled] = world.asked(CancelPlaced(**by_text())).orders
    assert (cancelled.open, cancelled.finish_as) == (False, "cancelled")
    assert world.asked(FetchOpenOrders()).orders == ()
    gone = world.asked(FetchOrder(**by_text()))
    assert isinstance(gone, Refused)
    assert (gone.label, gone.status) == ("ORDER_NOT_FOUND", 404)
    finished = FetchFinishedOrders(pair=BTC, since_ns=TimeNs(0))
    assert world.asked(finished).orders == (cancelled,)


def test_a_fill_is_reported_with_its_fee(world):
    [report] = world.asked(world.order(price="70000")).orders
    assert (report.open, report.finish_as) == (False, "filled")
    assert report.filled_quantity == Decimal("0.001")
    trades = world.asked(FetchTrades(pair=BTC, since_ns=TimeNs(0))).trades
    assert sum(trade.quantity for trade in trades) == Decimal("0.001")
    assert sum(trade.fee for trade in trades) == Decimal("0.000002")
    assert sum(trade.price * trade.quantity for trade in trades) == report.filled_notional
    balances = {each.currency: each for each in world.asked(FetchBalances()).balances}
    assert balances["BTC"].available == Decimal("0.800998")
    assert balances["USDT"].available == Decimal(100000) - report.filled_notional


def test_trades_and_orders_are_asked_for_from_a_moment_on_oldest_first(world):
    world.asked(world.order("t-1", price="70000"))
    since = TimeNs(world.clock.at_ns)
    world.asked(world.order("t-2", price="70000"))
    world.asked(world.order("t-3", price="70000"))

    trades = world.asked(FetchTrades(pair=BTC, since_ns=since)).trades
    assert list(dict.fromkeys(trade.client_order_id for trade in trades)) == ["t-2", "t-3"]
    orders = world.asked(FetchFinishedOrders(pair=BTC, since_ns=since)).orders
    assert [order.client_order_id for order in orders] == ["t-2", "t-3"]


def test_rules_book_time_and_countdown(world):
    [rules] = world.asked(FetchRules(pairs=(BTC,))).rules
    assert (rules.price_decimals, rules.quantity_decimals) == (1, 6)
    assert (rules.fee_rate, rules.notional_min) == (Decimal("0.002"), Decimal(3))
    book = world.asked(FetchBook(pair=BTC, depth=20)).book
    assert len(book.bids) == len(book.asks) == 20
    assert book.bids[0][0] < book.asks[0][0]
    too_deep = world.asked(FetchBook(pair=BTC, depth=101))
    assert isinstance(too_deep, Refused)
    assert too_deep.label == "INVALID_PARAM_VALUE"
    asked_at = world.clock.at_ns
    time = world.asked(FetchTime(asked_at_ns=TimeNs(asked_at))).time
    assert asked_at < time.venue_ns < time.answered_at_ns

    world.asked(world.order(), seconds=1)
    assert world.asked(ArmCountdown(timeout_s=5), seconds=1) == Succeeded()
    assert world.open_texts() == ["t-1"]
    world.run(5)
    assert world.open_texts() == []


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"price": "1000"}, "INVALID_PARAM_VALUE"),
        ({"price": "70000", "tif": TimeInForce.POC}, "POC_FILL_IMMEDIATELY"),
        ({"price": "60000.55"}, "INVALID_PRECISION"),
        ({"valid_s": 0}, "REQUEST_EXPIRED"),
    ],
)
def test_a_refusal_says_that_it_did_not_happen(world, change, label):
    refused = world.asked(world.order(**change))
    assert isinstance(refused, Refused)
    assert refused.label == label
    assert world.open_texts() == []


def test_a_repeated_name_proves_nothing(world):
    world.asked(world.order())
    assert isinstance(world.asked(world.order()), Unknown)
    assert world.open_texts() == ["t-1"]


def test_a_halt_keeps_placements_from_leaving(world):
    halted = world.host.connect(permit=lambda _: "emergency")
    halted.exchange.request(world.order(), world.answers.append)
    halted.exchange.request(FetchBalances(), world.answers.append)
    world.run(1)

    first, second = [answer.outcome for answer in world.answers]
    assert first == Refused(label="HALTED", message="emergency")
    assert isinstance(second, Succeeded)
    assert world.open_texts() == []


def test_too_many_placements_are_refused():
    world = World(limits=RateLimits())
    for number in range(12):
        world.ask(world.order(f"t-{number}"))
    world.run(1)
    refused = [each.outcome for each in world.answers if isinstance(each.outcome, Refused)]
    assert [each.status for each in refused] == [429, 429]
    assert len(world.open_texts()) == 10


def test_a_stream_begins_with_its_opening_and_tells_everything(world):
    world.follow()
    assert world.heard == []
    world.run(5)

    assert world.heard[0] == StreamOpened(pair=BTC)
    deltas, tickers = world.of(BookDelta), world.of(TickerSeen)
    assert len(deltas) > 20
    assert len(tickers) in (4, 5)
    assert world.of(TradePrinted)
    assert world.of(CandleSeen)
    assert all(message.pair == BTC for message in deltas)
    for message in (*deltas, *tickers):
        assert message.event_time_ns < message.seen_time_ns


def test_deltas_join_each_other_and_a_snapshot(world):
    world.follow()
    world.run(1)
    book = world.asked(FetchBook(pair=BTC, depth=100), seconds=1).book
    world.run(20)

    deltas = world.of(BookDelta)
    assert all(later.first_id == earlier.last_id + 1 for earlier, later in pairwise(deltas))
    sides = {"bids": dict(book.bids), "asks": dict(book.asks)}
    for delta in deltas:
        if delta.last_id > book.last_id:
            for name, levels in sides.items():
                for price, size in getattr(delta, name):
                    levels.pop(price, None)
                    if size:
                        levels[price] = size
    fresh = world.asked(FetchBook(pair=BTC, depth=20), seconds=0.05).book
    assert fresh.last_id >= deltas[-1].last_id
    if fresh.last_id == deltas[-1].last_id:
        assert sorted(sides["bids"].items(), reverse=True)[:20] == list(fresh.bids)
        assert sorted(sides["asks"].items())[:20] == list(fresh.asks)


def test_a_second_subscription_replaces_the_first(world):
    world.follow()
    world.run(2)
    first = list(world.heard)
    second = []
    world.client.market.subscribe(BTC, second.append)
    world.run(2)

    assert world.heard == first
    assert second[0] == StreamOpened(pair=BTC)
    assert len(second) > 5
    world.client.market.unsubscribe(BTC)
    count = len(second)
    world.run(2)
    assert len(second) == count


def test_pairs_are_followed_apart(world):
    world.follow(BTC)
    world.follow(Pair("ETH_USDT"))
    world.run(3)
    world.client.market.unsubscribe(BTC)
    world.heard.clear()
    world.run(3)
    assert {message.pair for message in world.heard} == {Pair("ETH_USDT")}


def test_an_unknown_pair_is_refused_and_the_others_live(world):
    world.follow(Pair("NOPE_USDT"))
    world.follow(BTC)
    world.run(2)
    [lost] = world.of(StreamLost)
    assert lost.pair == "NOPE_USDT"
    assert len(world.of(BookDelta)) > 5


def test_the_account_hears_of_orders_fills_and_balances(world):
    world.client.account.open(world.heard.append)
    world.run(1)
    assert world.heard == [StreamOpened()]
    world.asked(world.order(price="70000"), seconds=1)

    orders, fills = world.of(OrderReport), world.of(TradeReport)
    assert orders[0].finish_as == "open"
    assert orders[-1].finish_as == "filled"
    assert sum(fill.quantity for fill in fills) == Decimal("0.001")
    last = {report.currency: report for report in world.of(BalanceReport)}
    assert last["BTC"].available == Decimal("0.800998")
    assert last["USDT"].locked == 0


def test_another_account_hears_nothing_of_it(world):
    from adapters.simulated.options import open_accounts, parse_account  # noqa: PLC0415

    open_accounts(world.venue, [parse_account("other:k:s:USDT=1")])
    world.host.connect("other").account.open(world.heard.append)
    world.asked(world.order(price="70000"))
    assert world.heard == [StreamOpened()]


def test_the_dead_hear_nothing_and_what_they_sent_still_arrives(world):
    world.follow()
    world.client.account.open(world.heard.append)
    world.run(1)
    world.ask(world.order())
    world.client.close()
    world.heard.clear()
    world.run(10)
    assert (world.answers, world.heard) == ([], [])
    assert world.open_texts() == ["t-1"]

    world.client = world.host.connect()
    assert world.asked(FetchOrder(**by_text())).orders[0].open
    world.follow()
    world.run(2)
    assert world.heard[0] == StreamOpened(pair=BTC)


def test_a_stream_keeps_its_order_however_long_each_message_travels():
    slow = Network(latency_min_ns=NS_PER_MS, latency_max_ns=2 * NS_PER_S)
    world = World(network=slow)
    world.follow()
    world.run(60)
    deltas = world.of(BookDelta)
    assert len(deltas) > 200
    assert all(later.first_id == each.last_id + 1 for each, later in pairwise(deltas))


def test_what_is_on_its_way_when_a_stream_breaks_is_lost():
    slow = Network(latency_min_ns=NS_PER_S, latency_max_ns=NS_PER_S)
    world = World(network=slow)
    world.follow()
    world.run(10)
    told = len(world.of(BookDelta))
    world.client.market.break_off("because")
    world.run(1.5)
    assert isinstance(world.heard[-1], StreamLost)
    assert len(world.of(BookDelta)) == told


def test_a_test_can_break_either_stream(world):
    world.follow()
    world.client.account.open(world.heard.append)
    world.run(1)
    world.client.market.break_off("because")
    world.client.account.break_off("because")
    world.run(5)
    lost = world.of(StreamLost)
    assert {state.pair for state in lost} == {BTC, None}
    assert len(world.of(StreamOpened)) == 4


def test_a_stopped_venue_schedules_nothing_more(world):
    world.run(1)
    world.host.stop()
    world.run(1)
    assert world.clock.run(60 * NS_PER_S) == 0


def test_a_thousand_seconds_pass_quickly():
    clock = VirtualClock()
    venue = build_venue(ExchangeOptions(pairs=("BTC_USDT",)), clock.at_ns, step_ns=NS_PER_S)
    host = InProcessVenue(venue, now_ns=clock.now_ns, schedule=clock.schedule, chance=Random(1))
    heard = []
    host.connect().market.subscribe(BTC, heard.append)

    actions = clock.run(1000 * NS_PER_S)

    assert len(heard) > 3000
    assert actions < 5 * 1000, "a second costs few actions, whatever the machine"
