"""No sale leaves while something at the exchange could sell the same units."""

from decimal import Decimal

from msgspec.structs import replace

from state.messages.journal import Entry, Record
from state.messages.orders import DecisionDropped, OrderAccepted, OrderFilled, OrderNotPlaced
from state.messages.protection import ReleaseTriggers, TriggersReleased
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Succeeded,
)
from state.order import OrderState
from state.values import NS_PER_S, Quantity, Side, TimeNs, VenueOrderId
from tests.actors.examples import BTC, a_trade_report, an_order_report
from tests.actors.execution.router_scene import ROUTER, Scene, name_of
from tests.state.examples import an_intent


def scene_of(house):
    return Scene(house, releasing=False)


def sale(scene, decision="d-1", lasts_s=10):
    expires = TimeNs(scene.house.now_ns + lasts_s * NS_PER_S)
    scene.approve(decision, side=Side.SELL, expires_at_ns=expires)
    [asked] = scene.trigger_keeper.of(ReleaseTriggers)[-1:]
    return asked


def release(scene, asked, *, fired=False, lasts_s=3.0):
    monotonic = scene.house.runtime.clock.monotonic_ns()
    until_ns = monotonic + int(lasts_s * NS_PER_S)
    told = TriggersReleased(pair=BTC, request=asked.request, until_ns=until_ns, fired=fired)
    scene.tell(told)


def test_a_purchase_asks_nobody(house):
    scene = scene_of(house)
    scene.approve()
    assert scene.trigger_keeper.of(ReleaseTriggers) == []
    assert len(scene.placed) == 1


def test_a_sale_leaves_once_its_units_are_released(house):
    scene = scene_of(house)
    asked = sale(scene)
    assert scene.placed == []
    release(scene, asked)
    assert len(scene.placed) == 1


def test_the_same_sale_is_asked_for_once(house):
    scene = scene_of(house)
    sale(scene)
    sale(scene)
    assert len(scene.trigger_keeper.of(ReleaseTriggers)) == 1


def test_a_sale_whose_units_fired_meanwhile_is_dropped(house):
    scene = scene_of(house)
    release(scene, sale(scene), fired=True)
    assert scene.placed == []
    [dropped] = scene.trader.of(DecisionDropped)
    assert dropped.refusal.code == "NOT_SENT"


def test_a_sale_that_nobody_releases_is_dropped_when_it_expires(house):
    scene = scene_of(house)
    asked = sale(scene, lasts_s=2)
    house.pass_time(2.1)
    [dropped] = scene.trader.of(DecisionDropped)
    assert dropped.refusal.code == "NOT_SENT"
    release(scene, asked)
    assert scene.placed == []


def test_a_wall_clock_that_leapt_back_gives_a_sale_no_more_time(house):
    scene = scene_of(house)
    steadily_ns = house.runtime.clock.monotonic_ns() + NS_PER_S
    later = TimeNs(house.now_ns + 600 * NS_PER_S)
    scene.approve("d-1", side=Side.SELL, expires_at_ns=later, expires_monotonic_ns=steadily_ns)
    house.pass_time(1.1)
    [dropped] = scene.trader.of(DecisionDropped)
    assert dropped.refusal.value == "what waits at the exchange could not be taken back in time"


def test_a_sale_that_is_released_after_it_expired_does_not_leave(house):
    """The wall clock leapt ahead meanwhile."""
    scene = scene_of(house)
    asked = sale(scene, lasts_s=10)
    house.runtime.clock.wall_offset_ns += 20 * NS_PER_S
    release(scene, asked)
    [dropped] = scene.trader.of(DecisionDropped)
    assert dropped.refusal.value == "the proposal had expired"
    assert scene.placed == []


def test_a_sale_that_comes_back_from_the_disk_after_its_release_does_not_leave(house):
    scene = scene_of(house)
    asked = sale(scene)
    scene.journal.patient = True
    release(scene, asked, lasts_s=0.5)
    house.pass_time(1.0)
    scene.journal.patient = False
    scene.journal.write()
    assert scene.placed == []
    assert len(scene.journal.told(OrderNotPlaced)) == 1


def test_a_release_of_an_earlier_life_is_none_of_ours(house):
    scene = scene_of(house)
    asked = sale(scene)
    house.crash(ROUTER)
    scene.become_ready()
    release(scene, asked)
    assert scene.placed == []


def fired_order(scene, **changes):
    """What the trigger keeper records when one of its trigger orders became an order."""
    name = name_of("trigger/BTC_USDT/1")
    intent = an_intent(
        client_order_id=name,
        decision_id="trigger/BTC_USDT/1",
        trigger_id="trigger/BTC_USDT/1",
        side=Side.SELL,
        quantity=Quantity(Decimal(2)),
        at_ns=TimeNs(scene.house.now_ns),
        expires_at_ns=TimeNs(scene.house.now_ns),
        **changes,
    )
    accepted = OrderAccepted(
        client_order_id=name,
        pair=BTC,
        at_ns=TimeNs(scene.house.now_ns),
        venue_order_id=VenueOrderId("fired"),
    )
    entries = (Entry(event=intent), Entry(event=accepted))
    scene.house.runtime.tell(
        "operations/recorder", Record(entries=entries, sender="execution/trigger_keeper")
    )
    scene.house.settle()
    return name


def test_fills_that_came_before_the_link_are_booked_once_it_is_known(house):
    scene = scene_of(house)
    fill = a_trade_report(
        "apiv4", trade_id="9", venue_order_id="fired", side=Side.SELL, quantity=Decimal(2)
    )
    scene.tell(fill)
    assert scene.journal.told(OrderFilled) == []
    end = an_order_report(
        "apiv4",
        venue_order_id="fired",
        side=Side.SELL,
        open=False,
        finish_as="filled",
        filled_quantity=Quantity(Decimal(2)),
    )
    scene.exchange.promptly(FetchOrder, Succeeded(orders=(end,)))
    scene.exchange.promptly(FetchOpenOrders, Succeeded())
    scene.exchange.promptly(FetchFinishedOrders, Succeeded(orders=(end,)))
    scene.exchange.promptly(FetchTrades, Succeeded(trades=(fill,)))
    name = fired_order(scene)
    scene.house.pass_time(1.0)
    order = scene.order(name)
    assert order.state is OrderState.FILLED
    assert [one.client_order_id for one in scene.journal.told(OrderFilled)] == [name]
    scene.tell(fill, replace(fill))
    assert len(scene.journal.told(OrderFilled)) == 1
    assert scene.placed == []
