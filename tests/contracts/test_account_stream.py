"""The `AccountStream` port: the account's orders, fills and balances, as queries tell them too."""

from decimal import Decimal

from adapters.simulated.faults import FaultName, FaultOrder
from state.messages.market import StreamLost, StreamOpened
from state.messages.venue import BalanceReport, OrderReport, TradeReport
from state.values import TimeInForce
from tests.contracts.orders import BASE, QUOTE, balances, cancelled, fills_of, placed, placement
from tests.contracts.worlds import inbox


def opened(world):
    told = inbox(world)
    world.account.open(told)
    told.wait_for(StreamOpened)
    return told


def reports(told, order):
    return [each for each in told.of(OrderReport) if each.venue_order_id == order.venue_order_id]


def fills(told, order):
    return [each for each in told.of(TradeReport) if each.venue_order_id == order.venue_order_id]


def test_it_opens_before_anything_else(world):
    told = opened(world)
    placed(world, placement(world))
    told.wait_for(OrderReport)
    assert told.messages[0] == StreamOpened()


def test_a_resting_order_is_told_when_it_comes_and_when_it_goes(world):
    told = opened(world)
    order = placed(world, placement(world))
    world.run_until(lambda: bool(reports(told, order)))
    assert reports(told, order)[0] == order
    cancelled(world, order)
    world.run_until(lambda: not reports(told, order)[-1].open)
    assert reports(told, order)[-1].finish_as == "cancelled"


def test_fills_are_the_ones_a_query_tells(world):
    told = opened(world)
    order = placed(world, placement(world, away="-0.005", tif=TimeInForce.IOC))
    world.run_until(
        lambda: (
            sum((each.quantity for each in fills(told, order)), Decimal(0)) == order.filled_quantity
        )
    )
    assert tuple(fills(told, order)) == fills_of(world, order)
    world.run_until(lambda: bool(reports(told, order)) and not reports(told, order)[-1].open)
    last = reports(told, order)[-1]
    assert (last.filled_quantity, last.filled_notional) == (
        order.filled_quantity,
        order.filled_notional,
    )


def test_balances_are_absolute_and_end_where_a_query_says(world):
    told = opened(world)
    order = placed(world, placement(world, away="-0.005", tif=TimeInForce.IOC))
    world.run_until(lambda: bool(reports(told, order)) and not reports(told, order)[-1].open)
    now = balances(world)

    def is_told():
        latest = {each.currency: each for each in told.of(BalanceReport)}
        return all(
            currency in latest
            and (latest[currency].available, latest[currency].locked) == now[currency]
            for currency in (BASE, QUOTE)
        )

    world.run_until(is_told)


def test_what_happens_while_it_is_lost_is_not_told_but_can_be_asked_for(world):
    told = opened(world)
    world.cut_streams()
    told.wait_for(StreamLost)
    told.wait_for(StreamOpened, 2)
    order = placed(world, placement(world, away="-0.005", tif=TimeInForce.IOC))
    world.run_until(lambda: bool(fills(told, order)))
    assert set(fills(told, order)) <= set(fills_of(world, order))
    at = told.messages.index(told.of(StreamLost)[0])
    assert told.messages[at + 1] == StreamOpened()


def test_a_second_receiver_replaces_the_first_with_an_opening_of_its_own(world):
    first = opened(world)
    second = inbox(world)
    world.account.open(second)
    second.wait_for(StreamOpened)
    before = len(first.messages)
    order = placed(world, placement(world))
    world.run_until(lambda: bool(reports(second, order)))
    assert second.messages[0] == StreamOpened()
    assert len(first.messages) == before


def test_a_fill_told_twice_has_the_same_name_twice(world):
    told = opened(world)
    twice = FaultOrder(fault=FaultName.PUSH_TWICE, match="spot.usertrades", probability=1.0)
    world.set_faults(twice)
    order = placed(world, placement(world, away="-0.005", tif=TimeInForce.IOC))
    world.run_until(
        lambda: (
            sum((each.quantity for each in fills(told, order)), Decimal(0))
            == 2 * order.filled_quantity
        )
    )
    assert {each.trade_id for each in fills(told, order)} == {
        each.trade_id for each in fills_of(world, order)
    }
