"""The `Exchange` port: every request, its one answer, and what the answer proves."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from state.messages.market import StreamOpened
from state.messages.venue import (
    AmendOrder,
    ArmCountdown,
    CancelPlaced,
    FetchFinishedOrders,
    FetchKeyRights,
    FetchOpenOrders,
    FetchOrder,
    FetchRules,
    FetchTime,
    FetchTrades,
    OrderReport,
    Refused,
    Succeeded,
)
from state.values import NS_PER_S, ClientOrderId, Pair, Quantity, Role, Side, TimeInForce, TimeNs
from tests.contracts.orders import (
    BASE,
    BTC,
    QUOTE,
    balances,
    book_of,
    cancelled,
    fills_of,
    market_buy,
    only,
    placed,
    placement,
    price_beyond,
    rules_of,
)
from tests.contracts.worlds import PAIRS, a_name, ask, inbox, let_pass

GONE = {"ORDER_NOT_FOUND", "ORDER_CLOSED", "ORDER_CANCELLED"}


def test_the_clock_is_the_exchanges(world):
    clock = only(Succeeded, ask(world, FetchTime(asked_at_ns=world.now_ns()))).time
    assert clock is not None
    assert abs(clock.venue_ns - world.now_ns()) < 5 * NS_PER_S
    assert abs(clock.answered_at_ns - world.now_ns()) < 5 * NS_PER_S


def test_what_the_key_may_do_is_told(world):
    rights = only(Succeeded, ask(world, FetchKeyRights())).key_rights
    assert rights is not None
    assert rights.is_active
    assert rights.acts_in == frozenset({"spot"})
    assert rights.looks_at == frozenset({"account"})


def test_rules_come_in_the_order_asked_for(world):
    answer = only(Succeeded, ask(world, FetchRules(pairs=PAIRS[::-1])))
    assert tuple(rules.pair for rules in answer.rules) == PAIRS[::-1]
    assert all(rules.tradable == frozenset(Side) for rules in answer.rules)
    assert all(rules.fee_rate == Decimal("0.002") for rules in answer.rules)


def test_rules_of_an_unknown_pair_are_refused(world):
    refused = only(Refused, ask(world, FetchRules(pairs=(Pair("NOPE_NOPE"),))))
    assert refused.label == "INVALID_CURRENCY_PAIR"


def test_the_book_is_sorted_best_first_and_not_crossed(world):
    book = book_of(world)
    assert book.pair == BTC
    assert book.last_id > 0
    assert len(book.bids) >= 20
    assert len(book.asks) >= 20
    assert list(book.bids) == sorted(book.bids, reverse=True)
    assert list(book.asks) == sorted(book.asks)
    assert book.bids[0][0] < book.asks[0][0]
    assert all(size > 0 for _, size in book.bids + book.asks)


def test_a_resting_order_is_found_by_both_names_and_locks_its_funds(world):
    before = balances(world)[QUOTE]
    request = placement(world, tif=TimeInForce.POC)
    order = placed(world, request)
    assert order.client_order_id == request.client_order_id
    assert (order.pair, order.side) == (BTC, Side.BUY)
    assert (order.quantity, order.price) == (request.quantity, request.price)
    assert order.open
    assert order.finish_as == "open"
    assert order.filled_quantity == order.filled_notional == 0

    for venue_order_id in (order.venue_order_id, None):
        [found] = only(
            Succeeded,
            ask(
                world,
                FetchOrder(
                    pair=BTC,
                    client_order_id=request.client_order_id,
                    venue_order_id=venue_order_id,
                ),
            ),
        ).orders
        assert found == order
    assert order in only(Succeeded, ask(world, FetchOpenOrders())).orders
    available, locked = balances(world)[QUOTE]
    reserved = request.quantity * price_beyond(request)
    assert available == before[0] - reserved
    assert locked == before[1] + reserved


@pytest.mark.parametrize("by_our_name", [False, True])
def test_a_cancelled_order_is_over_and_a_second_cancel_is_refused(world, by_our_name):
    before = balances(world)[QUOTE]
    order = placed(world, placement(world))
    cancel = CancelPlaced(
        pair=BTC,
        client_order_id=order.client_order_id,
        venue_order_id=None if by_our_name else order.venue_order_id,
    )
    [ended] = only(Succeeded, ask(world, cancel)).orders
    assert not ended.open
    assert ended.finish_as == "cancelled"
    assert ended.filled_quantity == 0
    assert balances(world)[QUOTE] == before
    assert only(Refused, ask(world, cancel)).label in GONE


@pytest.mark.parametrize("by_our_name", [False, True])
def test_an_amended_order_keeps_its_names_and_locks_what_it_now_costs(world, by_our_name):
    before, wanted = balances(world)[QUOTE], placement(world)
    order, doubled = placed(world, wanted), Quantity(wanted.quantity * 2)
    amend = AmendOrder(
        pair=BTC,
        client_order_id=order.client_order_id,
        venue_order_id=None if by_our_name else order.venue_order_id,
        quantity=doubled,
        price=None,
        expires_at_ns=TimeNs(world.now_ns() + 10 * NS_PER_S),
    )
    [changed] = only(Succeeded, ask(world, amend)).orders
    assert (changed.venue_order_id, changed.client_order_id) == (
        order.venue_order_id,
        order.client_order_id,
    )
    assert (changed.open, changed.price, changed.quantity) == (True, wanted.price, doubled)
    locked = balances(world)[QUOTE][1] - before[1]
    assert locked == doubled * price_beyond(wanted)
    assert only(Refused, ask(world, amend)).label == "NO_CHANGE"
    late = replace(amend, quantity=wanted.quantity, expires_at_ns=TimeNs(world.now_ns() - 1))
    assert only(Refused, ask(world, late)).label == "REQUEST_EXPIRED"
    cancelled(world, order)
    assert only(Refused, ask(world, amend)).label in GONE


def test_finished_orders_are_told_once_each_and_oldest_first(world):
    since = world.now_ns()
    ended = []
    for _ in range(3):
        order = placed(world, placement(world))
        [over] = only(Succeeded, cancelled(world, order)).orders
        ended.append(over)
    answer = only(Succeeded, ask(world, FetchFinishedOrders(pair=BTC, since_ns=since)))
    assert list(answer.orders) == ended


def test_a_buy_pays_its_fee_in_base_and_every_unit_is_accounted_for(world):
    before = balances(world)
    order = placed(world, placement(world, away="-0.005", tif=TimeInForce.IOC))
    assert not order.open
    assert order.finish_as == "filled"
    assert order.filled_quantity == order.quantity
    fills = fills_of(world, order)
    assert sum(fill.quantity for fill in fills) == order.filled_quantity
    paid = sum((fill.price * fill.quantity for fill in fills), Decimal(0))
    assert paid == order.filled_notional
    fees = sum(fill.fee for fill in fills)
    for fill in fills:
        assert (fill.side, fill.role, fill.fee_currency) == (Side.BUY, Role.TAKER, "BTC")
        assert fill.client_order_id == order.client_order_id
        assert fill.fee > 0
    after = balances(world)
    assert after[BASE][0] == before[BASE][0] + order.filled_quantity - fees
    assert after[QUOTE][0] == before[QUOTE][0] - paid


def test_a_sell_pays_its_fee_in_quote_and_every_unit_is_accounted_for(world):
    before = balances(world)
    request = placement(world, side=Side.SELL, away="-0.005", tif=TimeInForce.IOC)
    order = placed(world, request)
    fills = fills_of(world, order)
    received = sum((fill.price * fill.quantity for fill in fills), Decimal(0))
    fees = sum(fill.fee for fill in fills)
    assert {fill.fee_currency for fill in fills} == {"USDT"}
    after = balances(world)
    assert after[BASE][0] == before[BASE][0] - order.filled_quantity
    assert after[QUOTE][0] == before[QUOTE][0] + received - fees


def test_fills_are_told_oldest_first_and_only_since(world):
    orders = [placed(world, placement(world, away="-0.005", tif=TimeInForce.IOC)) for _ in range(3)]
    since = fills_of(world, orders[1])[0].event_time_ns
    trades = only(Succeeded, ask(world, FetchTrades(pair=BTC, since_ns=since))).trades
    times = [trade.event_time_ns for trade in trades]
    assert times == sorted(times)
    names = [trade.venue_order_id for trade in trades]
    assert orders[0].venue_order_id not in names
    assert orders[2].venue_order_id in names
    assert len({trade.trade_id for trade in trades}) == len(trades)


def test_a_market_buy_counts_quote_and_spends_no_more(world):
    before = balances(world)
    order = placed(world, market_buy(world, "50"))
    assert order.quantity == 50
    assert Decimal(45) < order.filled_notional <= 50
    fills = fills_of(world, order)
    assert sum(fill.quantity for fill in fills) == order.filled_quantity
    spent = before[QUOTE][0] - balances(world)[QUOTE][0]
    assert spent == order.filled_notional


def test_an_ioc_that_finds_nothing_is_accepted_and_over(world):
    # Just behind the best bid nobody sells.
    order = placed(world, placement(world, away="0.002", tif=TimeInForce.IOC))
    assert not order.open
    assert order.finish_as == "ioc"
    assert order.filled_quantity == 0
    assert fills_of(world, order) == ()


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"away": "-0.005", "tif": TimeInForce.POC}, "POC_FILL_IMMEDIATELY"),
        ({"away": "0.002", "tif": TimeInForce.FOK}, "FOK_NOT_FILL"),
        ({"quantity": "900"}, "BALANCE_NOT_ENOUGH"),
        ({"quantity": "0.00001"}, "INVALID_PARAM_VALUE"),
        ({"expires_in_s": -5.0}, "REQUEST_EXPIRED"),
    ],
    ids=str,
)
def test_a_refused_placement_never_lived(world, changes, label):
    before = balances(world)
    request = placement(world, **changes)
    assert only(Refused, ask(world, request)).label == label
    absent = FetchOrder(pair=BTC, client_order_id=request.client_order_id, venue_order_id=None)
    assert only(Refused, ask(world, absent)).label == "ORDER_NOT_FOUND"
    assert balances(world) == before


def test_a_price_with_too_many_decimals_is_refused_not_rounded(world):
    request = placement(world)
    step = rules_of(world).price_step
    refused = ask(world, replace(request, price=price_beyond(request) + step / 10))
    assert isinstance(refused, Refused), refused


def test_without_a_permit_no_placement_leaves_but_cancels_and_questions_do(world):
    resting = placed(world, placement(world))
    world.halted = "drill"
    request = placement(world)
    refused = only(Refused, ask(world, request))
    assert (refused.label, refused.message) == ("HALTED", "drill")
    amend = AmendOrder(
        pair=BTC,
        client_order_id=resting.client_order_id,
        venue_order_id=resting.venue_order_id,
        quantity=Quantity(resting.quantity * 2),
        price=None,
        expires_at_ns=TimeNs(world.now_ns() + 10 * NS_PER_S),
    )
    assert only(Refused, ask(world, amend)).label == "HALTED"
    absent = FetchOrder(pair=BTC, client_order_id=request.client_order_id, venue_order_id=None)
    assert only(Refused, ask(world, absent)).label == "ORDER_NOT_FOUND"
    assert isinstance(cancelled(world, resting), Succeeded)


def test_an_order_nobody_placed_is_not_found(world):
    stranger = ClientOrderId(a_name())
    request = FetchOrder(pair=BTC, client_order_id=stranger, venue_order_id=None)
    assert only(Refused, ask(world, request)).label == "ORDER_NOT_FOUND"
    cancel = CancelPlaced(pair=BTC, client_order_id=stranger, venue_order_id=None)
    assert only(Refused, ask(world, cancel)).label in GONE


@pytest.mark.slow
def test_the_countdown_cancels_what_rests_unless_it_is_disarmed(world):
    told = inbox(world)
    world.account.open(told)
    told.wait_for(StreamOpened)
    order = placed(world, placement(world))
    assert ask(world, ArmCountdown(timeout_s=5)) == Succeeded()
    assert ask(world, ArmCountdown(timeout_s=0)) == Succeeded()
    let_pass(world, order.event_time_ns + 6 * NS_PER_S)
    assert order in only(Succeeded, ask(world, FetchOpenOrders())).orders
    armed_ns = world.now_ns()
    assert ask(world, ArmCountdown(timeout_s=5)) == Succeeded()
    world.run_until(lambda: not told.of(OrderReport)[-1].open)
    ended = told.of(OrderReport)[-1]
    assert ended.venue_order_id == order.venue_order_id
    assert 4 * NS_PER_S < ended.event_time_ns - armed_ns < 8 * NS_PER_S


def test_many_questions_at_once_are_each_answered_once(world):
    answers = inbox(world)
    requests = [
        FetchOpenOrders() if number % 2 else FetchRules(pairs=(BTC,)) for number in range(40)
    ]
    for request in requests:
        world.exchange.request(request, answers)
    world.run_until(lambda: len(answers.messages) >= len(requests))
    ask(world, FetchTime(asked_at_ns=world.now_ns()))
    assert len(answers.messages) == len(requests)
    assert all(isinstance(answer.outcome, Succeeded) for answer in answers.messages)
