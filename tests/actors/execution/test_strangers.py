"""What the exchange shows and the journal does not have: adopted if it is ours, else left alone."""

from decimal import Decimal

from state.messages.held import ForeignOrders, ForeignOrdersWanted
from state.messages.market import StreamOpened
from state.messages.operations import AlertRaised
from state.messages.orders import OrderFilled, OrderIntended
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    PlaceOrder,
    Succeeded,
)
from state.order import OrderState
from state.values import NS_PER_S, Pair
from tests.actors.examples import BTC, NOW, a_trade_report, an_order_report
from tests.actors.execution.router_scene import NAME, ROUTER
from tests.state.examples import a_fill, an_intent

LOST = "t-gh-lost-1"
THEIRS = "apiv4"


def alerts(scene):
    return [one.alert for one in scene.journal.told(AlertRaised)]


def test_one_with_our_name_is_adopted_with_an_alarm(scene):
    scene.tell(an_order_report(LOST))
    [intent] = scene.journal.told(OrderIntended)
    assert (intent.client_order_id, intent.adopted) == (LOST, True)
    assert (intent.quantity, intent.price) == (2, 100)
    assert scene.order(LOST).state is OrderState.OPEN
    assert scene.order(LOST).working == 2
    assert alerts(scene) == ["order_without_intent"]


def test_it_is_never_placed_by_us(scene):
    scene.tell(an_order_report(LOST))
    scene.house.crash(ROUTER)
    scene.become_ready()
    scene.house.pass_time(30.0)
    assert scene.exchange.of(PlaceOrder) == []


def test_told_again_and_again_it_is_adopted_once(scene):
    scene.journal.patient = True
    for _ in range(3):
        scene.tell(an_order_report(LOST))
    scene.journal.patient = False
    scene.journal.write()
    scene.tell(an_order_report(LOST))
    assert len(scene.journal.told(OrderIntended)) == 1


def test_its_fills_are_booked_whatever_came_first(scene):
    scene.journal.patient = True
    scene.tell(a_trade_report(LOST), an_order_report(LOST, filled_quantity=Decimal(1)))
    scene.journal.patient = False
    scene.journal.write()
    assert [one.trade_id for one in scene.journal.told(OrderFilled)] == ["7"]
    assert scene.order(LOST).working == 1


def test_a_fill_alone_makes_it_ask_for_the_order(scene):
    scene.exchange.slowly(FetchOrder)
    scene.tell(a_trade_report(LOST))
    assert [one.venue_order_id for one in scene.exchange.waiting(FetchOrder)] == ["v-1"]
    end = an_order_report(LOST, open=False, finish_as="filled", filled_quantity=Decimal(1))
    scene.answer(FetchOrder, Succeeded(orders=(end,)))
    assert scene.order(LOST).filled == 1


def test_its_earlier_fills_are_looked_for(scene):
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(a_trade_report(LOST),)))
    scene.tell(an_order_report(LOST, filled_quantity=Decimal(1)))
    scene.house.pass_time(2.0)
    assert scene.order(LOST).filled == 1


def test_it_is_cancelled_like_every_other(scene):
    scene.tell(an_order_report(LOST))
    scene.cancel(LOST)
    assert [one.client_order_id for one in scene.cancelled] == [LOST]


def test_one_that_rests_when_the_house_begins_is_adopted(scene):
    scene.exchange.promptly(FetchOpenOrders, Succeeded(orders=(an_order_report(LOST),)))
    scene.tell(StreamOpened())
    assert scene.order(LOST).state is OrderState.OPEN


def test_a_fill_of_an_order_settled_long_ago_is_not_lost(scene):
    """The table has forgotten it; the journal has not."""
    scene.rest()
    scene.tell(scene.ended(filled="1"), a_trade_report(NAME, venue_order_id="v d-1"))
    scene.house.crash(ROUTER)
    scene.become_ready()
    scene.tell(a_trade_report(NAME, venue_order_id="v d-1", trade_id="8"))
    assert [one.trade_id for one in scene.journal.told(OrderFilled)] == ["7", "8"]
    assert "order_fills_beyond_finish" in alerts(scene)


# Reading on after the house was away.


def test_after_an_absence_it_reads_on_from_a_little_before_the_newest_fill(scene):
    at_ns = NOW - 1000 * NS_PER_S
    fill = a_fill(client_order_id=NAME, at_ns=at_ns, quantity=Decimal(2))
    scene.journal.append(an_intent(client_order_id=NAME), fill, silently=True)
    scene.house.crash(ROUTER)
    scene.exchange.asked.clear()
    scene.become_ready()
    for kind in (FetchTrades, FetchFinishedOrders):
        [asked] = scene.exchange.of(kind)
        assert asked.pair == BTC
        assert asked.since_ns == at_ns - 62 * NS_PER_S
    scene.exchange.asked.clear()
    scene.house.pass_time(65.0)
    assert scene.exchange.of(FetchOpenOrders)
    assert scene.exchange.of(FetchTrades) == []


# Other people's.


def test_an_order_of_somebody_else_is_told_of_and_left_alone(scene, house):
    told = house.listener(ForeignOrders)
    theirs = an_order_report(THEIRS, venue_order_id="x-1")
    scene.tell(theirs)
    assert told.take(ForeignOrders) == [ForeignOrders(orders=(theirs,))]
    scene.tell(theirs)
    assert told == []
    scene.tell(an_order_report(THEIRS, venue_order_id="x-1", open=False, finish_as="filled"))
    assert told.take(ForeignOrders) == [ForeignOrders(orders=())]
    assert scene.journal.told(OrderIntended) == []
    assert alerts(scene) == []


def test_who_asks_is_told_of_them(scene, house):
    ear = house.ear("curious")
    theirs = an_order_report(THEIRS, venue_order_id="x-1", pair=Pair("ETH_USDT"))
    scene.exchange.promptly(FetchOpenOrders, Succeeded(orders=(theirs,)))
    scene.tell(StreamOpened(), ForeignOrdersWanted(reply_to="curious"))
    assert ear == [ForeignOrders(orders=(theirs,))]


def test_nothing_of_somebody_else_is_cancelled_with_everything_of_ours(scene):
    scene.rest()
    scene.tell(an_order_report(THEIRS, venue_order_id="x-1"))
    scene.house.stop(ROUTER)
    assert [one.client_order_id for one in scene.cancelled] == [NAME]
