"""Orders are known for as long as the venue says, and no longer than there is room."""

from adapters.simulated.core.order_index import OrderIndex
from adapters.simulated.core.orders import Order, OrderStatus
from adapters.simulated.core.switches import TextLookup
from state.values import OrderType, Pair, Side, TimeInForce


def an_order(number):
    return Order(
        id=number,
        text=f"t-{number}",
        owner="alice",
        pair=Pair("ABC_USDT"),
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        ticks=1,
        amount=1,
        left=1,
        created_ns=number,
        updated_ns=number,
    )


def finished(index, number):
    order = an_order(number)
    index.add(order)
    order.status = OrderStatus.CANCELLED
    index.finish(order)
    return order


def test_the_oldest_finished_orders_make_room():
    index = OrderIndex(TextLookup.HOUR, keep=3)
    resting = an_order(1)
    index.add(resting)
    orders = [finished(index, number) for number in range(2, 7)]

    assert list(index.finished_since("alice", 0)) == orders[:1:-1]
    assert [index.find("alice", str(number), 10) for number in (2, 3)] == [None, None]
    assert [index.find("alice", f"t-{number}", 10) for number in (2, 3)] == [None, None]
    assert index.find("alice", "4", 10) is orders[2]
    assert index.find("alice", "t-6", 10) is orders[4]
    assert index.open_orders("alice") == [resting], "what rests is never forgotten"


def test_a_name_that_is_used_again_means_the_newer_order():
    index = OrderIndex(TextLookup.OPEN)
    first, second = an_order(1), an_order(2)
    second.text = first.text
    index.add(first)
    index.add(second)
    first.status = OrderStatus.CLOSED
    index.finish(first)
    assert index.find("alice", "t-1", 10) is second


def test_finished_orders_are_told_from_a_moment_on_newest_first():
    index = OrderIndex(TextLookup.OPEN)
    orders = [finished(index, number) for number in range(1, 5)]
    assert list(index.finished_since("alice", 3)) == [orders[3], orders[2]]
    assert list(index.finished_since("bob", 0)) == []
