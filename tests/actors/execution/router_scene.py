"""An order router between a fake exchange and a journal that writes at once or when told."""

from decimal import Decimal
from typing import Any

from actors import addresses
from actors.execution.client_ids import client_order_id
from actors.execution.order_router import OrderRouter
from actors.kernel import Actor, Birthright
from adapters.halt_latch import Latch
from state.config.settings import OrdersAtShutdown, OrderSettings
from state.messages.journal import OrderFound
from state.messages.market import StreamLost, StreamOpened
from state.messages.operations import PartNotReady, PartReady
from state.messages.orders import CancelOrder
from state.messages.protection import ReleaseTriggers, TriggersReleased
from state.messages.venue import (
    ArmCountdown,
    CancelPlaced,
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Outcome,
    PlaceOrder,
    Refused,
    Succeeded,
)
from state.order import Order
from state.store import order_named
from state.values import NS_PER_S, ClientOrderId, DecisionId, Quantity
from tests.actors.examples import USDT, a_clock, an_approval, an_order_report
from tests.actors.house import House, Journal
from tests.fakes import FakeExchange

ROUTER = addresses.ORDER_ROUTER
ACCOUNT = "simulated-1"
SETTINGS = OrderSettings(
    expiry_s=5.0,
    visibility_lag_s=3.0,
    clock_skew_max_s=1.0,
    query_every_s=1.0,
    reconcile_every_s=30.0,
    countdown_s=30,
)
NOT_FOUND = Refused(label="ORDER_NOT_FOUND", message="Order not found")
QUERIES = (FetchOrder, FetchOpenOrders, FetchFinishedOrders, FetchTrades)


def name_of(decision: str = "d-1") -> ClientOrderId:
    return client_order_id(ACCOUNT, DecisionId(decision), 1)


NAME = name_of()


class _Releasing(Actor):
    """In the trigger keeper's place: nothing waits at the exchange, so every sale may leave."""

    def __init__(self, asked: list[ReleaseTriggers]) -> None:
        super().__init__()
        self._asked = asked

    def on_receive(self, message: Any) -> None:
        if isinstance(message, ReleaseTriggers):
            self._asked.append(message)
            until_ns = self.monotonic_ns() + 3 * NS_PER_S
            self.tell(
                message.reply_to,
                TriggersReleased(pair=message.pair, request=message.request, until_ns=until_ns),
            )


class Scene:
    """A router, ready to send unless said otherwise; the exchange knows no order and says so."""

    def __init__(
        self,
        house: House,
        *,
        settings: OrderSettings = SETTINGS,
        at_shutdown: OrdersAtShutdown = OrdersAtShutdown.CANCEL,
        ready: bool = True,
        releasing: bool = True,
    ) -> None:
        self.house = house
        self.exchange, self.latch = FakeExchange(), Latch()
        self.journal = Journal(house, addresses.RECORDER)
        self.keeper = house.ear(addresses.SESSION_KEEPER)
        self.guard = house.ear(addresses.RISK_GUARD)
        self.monitor = house.ear(addresses.HEALTH_MONITOR)
        self.stream = house.ear(addresses.ACCOUNT_STREAM)
        self.trader = house.ear("trader")
        self.workers = house.ear(addresses.WORKERS)
        self.releases: list[ReleaseTriggers] = []
        if releasing:
            birth = Birthright(make=_Releasing, args=(self.releases,), snapshot_every_s=None)
            house.runtime.spawn(addresses.TRIGGER_KEEPER, birth, parent=None)
            house.settle()
        else:
            self.trigger_keeper = house.ear(addresses.TRIGGER_KEEPER)
        self.know_nothing()
        self.exchange.promptly(ArmCountdown, Succeeded())
        house.live(
            ROUTER,
            OrderRouter,
            self.exchange,
            self.latch,
            settings,
            account=ACCOUNT,
            quote=USDT,
            at_shutdown=at_shutdown,
            start_worker=lambda id_, decision: (id_, decision),
        )
        if ready:
            self.become_ready()

    def become_ready(self) -> None:
        self.tell(a_clock(), StreamOpened())
        assert self.is_ready

    def know_nothing(self) -> None:
        """Have the exchange answer every query at once: no such order."""
        self.exchange.promptly(FetchOrder, NOT_FOUND)
        for kind in (FetchOpenOrders, FetchFinishedOrders, FetchTrades):
            self.exchange.promptly(kind, Succeeded())

    def be_slow(self) -> None:
        """Have every query wait."""
        for kind in QUERIES:
            self.exchange.slowly(kind)

    def answer_queries(self, *, number: int | None = None) -> None:
        """Answer the `number` oldest queries that wait, or all: no such order."""
        waiting = [type(one) for kind in QUERIES for one in self.exchange.waiting(kind)]
        for kind in waiting[:number]:
            self.exchange.answer(kind, NOT_FOUND if kind is FetchOrder else Succeeded())
        self.house.settle()

    def tell(self, *messages: object) -> None:
        self.house.tell(ROUTER, *messages)

    def approve(self, decision: str = "d-1", **changes: Any) -> None:
        self.tell(an_approval(decision_id=DecisionId(decision), **changes))

    def answer(self, kind: type[Any], outcome: Outcome) -> None:
        self.exchange.answer(kind, outcome)
        self.house.settle()

    def rest(self, decision: str = "d-1", **changes: Any) -> ClientOrderId:
        """Have an order accepted that rests."""
        self.approve(decision, **changes)
        name = name_of(decision)
        pair = self.placed[-1].pair
        report = an_order_report(name, pair=pair, venue_order_id=f"v {decision}")
        self.answer(PlaceOrder, Succeeded(orders=(report,)))
        return name

    def ended(self, decision: str = "d-1", filled: str = "0", **changes: Any) -> Any:
        """A report that the order has ended."""
        return an_order_report(
            name_of(decision),
            venue_order_id=f"v {decision}",
            open=False,
            finish_as="cancelled",
            filled_quantity=Quantity(Decimal(filled)),
            **changes,
        )

    def cancel(self, name: ClientOrderId = NAME) -> None:
        self.tell(CancelOrder(client_order_id=name, reason="too old"))

    def order(self, name: ClientOrderId = NAME) -> Order:
        """Return the order as the journal knows it."""
        found = order_named(self.journal.store, name)
        assert found is not None
        return found

    @property
    def placed(self) -> list[PlaceOrder]:
        return self.exchange.of(PlaceOrder)

    @property
    def cancelled(self) -> list[CancelPlaced]:
        return self.exchange.of(CancelPlaced)

    @property
    def armed(self) -> list[int]:
        """The countdowns asked for so far."""
        return [one.timeout_s for one in self.exchange.of(ArmCountdown)]

    @property
    def is_ready(self) -> bool:
        return self.readiness == ""

    @property
    def readiness(self) -> str:
        """Why it is not ready, empty when it is."""
        told = [one for one in self.keeper if isinstance(one, PartReady | PartNotReady)]
        return told[-1].reason if isinstance(told[-1], PartNotReady) else ""

    def lose_stream(self) -> None:
        self.tell(StreamLost(reason="cut"))

    def find(self, name: ClientOrderId) -> None:
        """Say what the recorder would."""
        order = order_named(self.journal.store, name)
        self.tell(OrderFound(client_order_id=name, order=order))
