"""Orders that the exchange shows and we do not know: ours by name, or somebody else's.

One that carries our name is looked for in the journal. If it is not there, the journal has lost
something, or somebody else uses our names: it is adopted, with an alarm, so that it counts as risk
and its fills are booked. Everybody else's orders are recognised, told to who asks, and left alone.
"""

from actors import addresses
from actors.execution import facts
from actors.execution.client_ids import is_ours
from actors.execution.door import Door
from actors.execution.order_table import OrderTable
from state.messages.held import ForeignOrders
from state.messages.journal import Entry, OrderSought
from state.messages.orders import OrderIntended
from state.messages.venue import FetchOrder, OrderReport, TradeReport
from state.order import Order
from state.values import (
    ClientOrderId,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Side,
    TraceId,
    VenueOrderId,
)

STRATEGY = "adopted"
SOUGHT_MAX = 500
"""Names that are looked for at once; further reports are dropped and come again."""

Report = OrderReport | TradeReport


class Strangers:
    """What the exchange told of orders that are not in the table.

    Args:
        door: The router.
        orders: Those that are known.
    """

    def __init__(self, door: Door, orders: OrderTable) -> None:
        self._door = door
        self._orders = orders
        self._sought: dict[ClientOrderId, list[Report]] = {}
        """Reports that wait until it is known whose they are, by name."""
        self._foreign: dict[tuple[Pair, VenueOrderId], OrderReport] = {}
        self._told: tuple[OrderReport, ...] = ()

    def take(self, report: Report, reply_to: str) -> None:
        """Take a report of an order that is not in the table."""
        name = report.client_order_id
        if not is_ours(name):
            if isinstance(report, OrderReport):
                self._see_foreign(report)
            return
        if self._door.last_seq is None:
            return  # Before the books came every order is unknown; the comparison tells it again.
        waiting = self._sought.get(name)
        if waiting is None:
            if len(self._sought) >= SOUGHT_MAX:
                return
            self._sought[name] = [report]
        elif report not in waiting:
            waiting.append(report)
        # Settled long ago, or not ours at all: the journal knows.
        self._door.tell(addresses.RECORDER, OrderSought(client_order_id=name, reply_to=reply_to))

    def reports_of(self, name: ClientOrderId) -> list[Report]:
        """Return what was told of an order that is in the table now, once."""
        return self._sought.pop(name, [])

    def adopt(self, name: ClientOrderId) -> None:
        """Take an order as ours that carries our name and that the journal does not have."""
        reports = self._sought.get(name, [])
        if not reports:
            return
        shown = next((one for one in reports if isinstance(one, OrderReport)), None)
        if shown is None:
            # A fill alone does not tell what else it may do; its order does.
            venue_order_id = reports[0].venue_order_id
            self._door.request(
                FetchOrder(
                    pair=reports[0].pair, client_order_id=name, venue_order_id=venue_order_id
                )
            )
            return
        intent = _adopted(shown)
        entries = [Entry(event=intent, trace_id=intent.trace_id)]
        entries += facts.of_report(Order(intent=intent), shown)
        self._door.record(entries, durable=True)
        self._door.alert(
            "order_without_intent", f"the exchange has {name}, the journal had not: adopted"
        )

    # Other people's.

    def see_all(self, reports: tuple[OrderReport, ...]) -> None:
        """Take the list of everything that rests at the exchange."""
        self._foreign = {
            (one.pair, one.venue_order_id): one
            for one in reports
            if one.open and not is_ours(one.client_order_id)
        }

    def tell_changes(self) -> ForeignOrders | None:
        """Return whose orders rest beside ours, None when that is as it was told last."""
        foreign = self.foreign()
        if foreign == self._told:
            return None
        self._told = foreign
        return ForeignOrders(orders=foreign)

    def foreign(self) -> tuple[OrderReport, ...]:
        """Return the orders of others that rest, as far as we know."""
        # One may have turned out to be ours: what a trigger order of ours became.
        known = self._orders.of_report
        return tuple(report for report in self._foreign.values() if known(report) is None)

    def _see_foreign(self, report: OrderReport) -> None:
        key = (report.pair, report.venue_order_id)
        if report.open:
            self._foreign[key] = report
        else:
            self._foreign.pop(key, None)


def _adopted(report: OrderReport) -> OrderIntended:
    """Return an order as if we had meant what the exchange shows; it is never placed."""
    in_quote = report.order_type is OrderType.MARKET and report.side is Side.BUY
    decision = f"{STRATEGY}/{report.client_order_id}"
    return OrderIntended(
        client_order_id=report.client_order_id,
        pair=report.pair,
        at_ns=report.event_time_ns,
        decision_id=DecisionId(decision),
        attempt=1,
        trace_id=TraceId(decision),
        strategy=STRATEGY,
        side=report.side,
        order_type=report.order_type,
        # A market buy is counted in quote units: one base unit at a price of all of them.
        quantity=Quantity(report.quantity * 0 + 1 if in_quote else report.quantity),
        price=Price(report.quantity) if in_quote else report.price,
        time_in_force=report.time_in_force,
        expires_at_ns=report.event_time_ns,
        reply_to=addresses.ORDER_ROUTER,
        purpose=Purpose.ENTRY if report.side is Side.BUY else Purpose.EXIT,
        adopted=True,
    )
