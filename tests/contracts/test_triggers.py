"""The `Exchange` port: orders that wait at the exchange for a price, and what they become."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters.simulated.faults import FaultName, FaultOrder
from state.messages.market import StreamOpened
from state.messages.venue import (
    CancelTrigger,
    FetchOrder,
    FetchTriggers,
    PlaceTrigger,
    Refused,
    Succeeded,
    TriggerMoved,
    TriggerReport,
    TriggerRule,
    TriggerStatus,
    Unknown,
)
from state.values import NS_PER_S, ClientOrderId, Price, Quantity, Side, TimeInForce, TimeNs
from tests.contracts.orders import (
    BASE,
    BTC,
    balances,
    book_of,
    fills_of,
    only,
    placed,
    placement,
    rules_of,
)
from tests.contracts.worlds import ask, inbox

GONE = {"ORDER_NOT_FOUND", "ORDER_CLOSED", "ORDER_CANCELLED"}


def a_stop(world, *, away="0.02", quantity="0.002", expires_in_s=10.0):
    """A stop whose price lies `away`, a share, below the best bid."""
    rules = rules_of(world)
    price = Decimal(repr(book_of(world).bids[0][0])) * (1 - Decimal(away))
    return PlaceTrigger(
        trigger_id="trigger/1",
        pair=BTC,
        side=Side.SELL,
        rule=TriggerRule.AT_MOST,
        trigger_price=rules.price_passive(price, Side.SELL),
        price=rules.price_aggressive(price * Decimal("0.97"), Side.SELL),
        quantity=Quantity(Decimal(quantity)),
        expiration_s=2_600_123,
        expires_at_ns=TimeNs(world.now_ns() + int(expires_in_s * NS_PER_S)),
    )


def armed(world, request) -> TriggerReport:
    [report] = only(Succeeded, ask(world, request)).triggers
    return report


def known(world, since_ns):
    answer = only(Succeeded, ask(world, FetchTriggers(pair=BTC, since_ns=since_ns)))
    return {report.venue_trigger_id: report for report in answer.triggers}


def take_back(world, report):
    return ask(world, CancelTrigger(pair=BTC, venue_trigger_id=report.venue_trigger_id))


def armed_close(world):
    """Arm a stop as near to the market as the exchange lets us."""
    rules, request = rules_of(world), a_stop(world)
    for steps in range(100):
        best = Decimal(repr(book_of(world).bids[0][0]))
        near = Price(best - steps * rules.price_step)
        outcome = ask(world, replace(request, trigger_price=near))
        if isinstance(outcome, Succeeded):
            [report] = outcome.triggers
            return replace(request, trigger_price=near), report
    raise AssertionError("the exchange calls every price met")


def sell_down_to(world, price):
    """Take the last price down to `price` by a sale of our own; return what it sold."""
    rules, bids = rules_of(world), book_of(world).bids
    above = sum(Decimal(repr(size)) for level, size in bids if Decimal(repr(level)) >= price)
    sale = replace(
        placement(world, side=Side.SELL, tif=TimeInForce.IOC),
        price=rules.price_aggressive(price * Decimal("0.999"), Side.SELL),
        quantity=rules.quantity_down(above + Decimal("0.001")),
    )
    return placed(world, sale).filled_quantity


def test_one_that_waits_is_listed_whole(world):
    request = a_stop(world)
    report = armed(world, request)
    listed = known(world, world.now_ns())[report.venue_trigger_id]
    assert listed.status is TriggerStatus.OPEN
    assert listed.fired_order_id is None
    for told in (report, listed):
        for member in ("pair", "side", "rule", "trigger_price", "price", "quantity"):
            assert getattr(told, member) == getattr(request, member), member
        assert told.expiration_s == request.expiration_s
    take_back(world, report)


def test_one_that_was_taken_back_waits_no_more(world):
    since = world.now_ns()
    report = armed(world, a_stop(world))
    [ended] = only(Succeeded, take_back(world, report)).triggers
    assert ended.status is TriggerStatus.CANCELLED
    assert known(world, since)[report.venue_trigger_id].status is TriggerStatus.CANCELLED
    assert only(Refused, take_back(world, report)).label in GONE


def test_what_ended_long_ago_is_not_told(world):
    report = armed(world, a_stop(world))
    take_back(world, report)
    later = TimeNs(world.now_ns() + 3600 * NS_PER_S)
    assert report.venue_trigger_id not in known(world, later)


def test_one_whose_price_is_met_already_is_refused(world):
    request = a_stop(world, away="-0.02")
    refused = only(Refused, ask(world, request))
    assert refused.label == "AUTO_TRIGGER_PRICE_GREATE_LAST"


def test_one_that_fires_becomes_an_order_that_carries_nothing_of_ours(world):
    told = inbox(world)
    world.account.open(told)
    told.wait_for(StreamOpened)
    since, before = world.now_ns(), balances(world)[BASE]
    request, report = armed_close(world)
    sold = Decimal(0)
    while known(world, since)[report.venue_trigger_id].status is TriggerStatus.OPEN:
        sold += sell_down_to(world, request.trigger_price)
    world.run_until(lambda: len(told.of(TriggerMoved)) >= 2)
    fired = known(world, since)[report.venue_trigger_id]
    assert fired.status is TriggerStatus.FIRED
    assert fired.fired_order_id is not None
    question = FetchOrder(
        pair=BTC, client_order_id=ClientOrderId(""), venue_order_id=fired.fired_order_id
    )
    [order] = only(Succeeded, ask(world, question)).orders
    assert (order.side, order.quantity, order.price) == (Side.SELL, Decimal("0.002"), request.price)
    assert order.time_in_force is TimeInForce.IOC
    assert not order.client_order_id.startswith("t-")
    fills = fills_of(world, order)
    assert sum(fill.quantity for fill in fills) == order.filled_quantity > 0
    after = balances(world)[BASE]
    assert sum(after) == sum(before) - sold - order.filled_quantity


def test_the_stream_hints_at_what_becomes_of_one(world):
    told = inbox(world)
    world.account.open(told)
    told.wait_for(StreamOpened)
    report = armed(world, a_stop(world))
    told.wait_for(TriggerMoved)
    take_back(world, report)
    assert told.wait_for(TriggerMoved, at_least=2) == TriggerMoved(pair=BTC)


def test_nothing_leaves_while_halted_or_too_late(world):
    since = world.now_ns()
    world.halted = "by hand"
    assert only(Refused, ask(world, a_stop(world))).label == "HALTED"
    report = None
    world.halted = None
    late = a_stop(world, expires_in_s=-1)
    assert only(Refused, ask(world, late)).label == "REQUEST_EXPIRED"
    report = armed(world, a_stop(world))
    world.halted = "by hand"
    take_back(world, report)  # What waits may be taken back whatever is halted.
    open_ = [one for one in known(world, since).values() if one.status is TriggerStatus.OPEN]
    assert open_ == []


@pytest.mark.parametrize(
    ("fault", "lives"),
    [
        (FaultName.REQUEST_LOST, False),
        (FaultName.ANSWER_LOST, True),
        (FaultName.SERVER_ERROR_ACCEPTED, True),
    ],
)
def test_without_an_answer_the_list_shows_which_is_ours(world, fault, lives):
    since = world.now_ns()
    request = replace(a_stop(world), expiration_s=2_611_111)
    world.set_faults(FaultOrder(fault=fault, match="POST /spot/price_orders", occurrences=(1,)))
    assert isinstance(ask(world, request), Unknown)
    mine = [one for one in known(world, since).values() if one.expiration_s == 2_611_111]
    waiting = [one for one in mine if one.status is TriggerStatus.OPEN]
    assert len(waiting) == lives
    for report in waiting:
        take_back(world, report)
