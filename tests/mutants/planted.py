"""Planted bugs: the real actors, each with one promise of the order protocol broken."""

from typing import Any

from msgspec.structs import replace

from actors.execution import facts
from actors.execution.finding import Finding
from actors.execution.order_router import OrderRouter
from actors.execution.order_worker import OrderWorker
from actors.execution.placing import Placing
from actors.operations.recorder import Recorder
from actors.operations.session_keeper import SessionKeeper
from actors.trading.protection import Protector
from actors.trading.risk_guard import RiskGuard
from state.ledger import Ledger
from state.messages.journal import Books, Entry, Record
from state.messages.orders import ChildProposed, OrderAmended, OrderIntended
from state.messages.venue import AmendOrder, CancelPlaced, PlaceOrder, Refused, TradeReport, Unknown
from state.parent_order import ParentOrder
from state.values import ClientOrderId, Session, TimeNs, TradeId

HOUR_NS = 3_600_000_000_000


class SendsBeforeTheJournal(OrderRouter):
    """The order leaves, then its intent is written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._placing.__class__ = _Eager


class _Eager(Placing):
    def _mean(self, intent: OrderIntended) -> None:
        self._orders.apply(intent)
        self._send(intent)
        super()._mean(intent)

    def recorded(self, intent: OrderIntended, seq: int) -> None:
        self._meant.pop(intent.client_order_id)


class NeverSyncs(Recorder):
    """What must be durable is answered when it is only written."""

    def on_receive(self, message: Any) -> None:
        super().on_receive(replace(message, durable=False) if type(message) is Record else message)


class MakesANewOrderAfterATimeOut(OrderRouter):
    """No answer is taken for no order."""

    def _on_placed(self, request: PlaceOrder, outcome: Any) -> None:
        order = self._orders.get(request.client_order_id)
        if isinstance(outcome, Unknown) and order is not None:
            self.record([facts.not_placed(order, "no answer", self.now_ns())], durable=True)
        else:
            super()._on_placed(request, outcome)


class TakesNotFoundForProof(OrderRouter):
    """An order that is not found is taken for one that never was, whenever it was asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finding.__class__ = _Hasty


class _Hasty(Finding):
    def search(self, due: Any) -> None:
        self._settings = replace(self._settings, visibility_lag_s=-HOUR_NS / 1e9, query_every_s=0.1)
        super().search(due)


class SetsNoExpiry(OrderRouter):
    """The exchange takes the order whenever it arrives."""

    def request(self, request: Any) -> None:
        if isinstance(request, PlaceOrder):
            later_ns = TimeNs(request.expires_at_ns + HOUR_NS)
            request = replace(request, expires_at_ns=later_ns)
        super().request(request)


class ForgetsUnknownOrders(OrderRouter):
    """After a restart only those orders are known that the exchange had confirmed."""

    def _on_books(self, books: Books) -> None:
        confirmed = tuple(order for order in books.orders if order.accepted is not None)
        super()._on_books(replace(books, orders=confirmed))


class CountsAFillTwice(OrderRouter):
    """A fill is known by when it was told, not by its number."""

    def _take(self, report: Any) -> None:
        if isinstance(report, TradeReport):
            told = TradeId(f"{report.trade_id}@{self.now_ns()}")
            report = replace(report, trade_id=told)
        super()._take(report)


class ReleasesHoldsEarly(RiskGuard):
    """What was approved counts only when the journal tells of its order."""

    def on_start(self) -> None:
        super().on_start()
        self._known.approve = lambda *_: None  # type: ignore[method-assign]


class ForgetsTheHalt(SessionKeeper):
    """An emergency stop is confirmed, and never journalled."""

    def _record(self, session: Session, reason: str, caller: str) -> None:
        if session is not Session.EMERGENCY:
            super()._record(session, reason, caller)


def no_objection(_parent: ParentOrder, _child: OrderIntended) -> None:
    """Hold no child against what its parent has left, neither in the router nor in the journal."""


class WantsTooMuch(OrderWorker):
    """Each child is as large as the whole parent: harmless while the router looks."""

    def tell(self, address: str, message: object) -> bool:
        if isinstance(message, ChildProposed) and self._parent is not None:
            message = replace(message, quantity=self._parent.intent.quantity)
        return super().tell(address, message)


class TakesARefusedCancelForTheEnd(OrderRouter):
    """An order whose cancel is refused is taken for one that never was."""

    def _on_answer(self, answered: Any) -> None:
        order = None
        if isinstance(answered.request, CancelPlaced) and isinstance(answered.outcome, Refused):
            order = self._orders.get(ClientOrderId(answered.request.client_order_id))
        if order is None:
            super()._on_answer(answered)
        else:
            self.record([facts.not_placed(order, "cancel refused", self.now_ns())], durable=True)


class TakesAmendmentsForMade(OrderRouter):
    """No answer to an amendment is taken for yes."""

    def _on_answer(self, answered: Any) -> None:
        request = answered.request
        is_lost = isinstance(request, AmendOrder) and isinstance(answered.outcome, Unknown)
        order = self._orders.get(request.client_order_id) if is_lost else None
        if order is None or order.amending is None or order.amending.intent is None:
            super()._on_answer(answered)
            return
        intent = order.amending.intent
        made = OrderAmended(
            client_order_id=order.client_order_id,
            pair=intent.pair,
            at_ns=self.now_ns(),
            number=intent.number,
            quantity=intent.quantity,
            price=intent.price,
        )
        self.record([Entry(event=made)], durable=True)


class ForgetsToArmAgain(Protector):
    """After a restart nothing that was held before has a stop."""

    def _on_books(self, books: Books) -> None:
        nothing = Ledger(quote=books.ledger.quote)
        super()._on_books(replace(books, ledger=nothing, protections=()))
