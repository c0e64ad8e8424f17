"""The sweep of an emergency stop: which orders to cancel next, and when none of ours is left. Pure.

The halt latch is set while it lasts, so nothing new can come to rest but what was on its way. It
begins with what is known and ends with what the exchange shows: only a look that was asked after
the last cancel was answered counts. Orders of others are never touched.
"""

from collections.abc import Callable, Iterable

from actors.execution.client_ids import is_ours
from state.messages.orders import OrdersSwept
from state.messages.venue import CancelPlaced, OrderReport, Outcome, Succeeded
from state.order import Order
from state.values import NS_PER_MS, ClientOrderId

LOOK_AGAIN_S = 0.1
"""Until the next look while something rests; each one without an end doubles it."""
LOOK_AGAIN_MAX_S = 2.0
CANCELS_WITHIN_S = 1.0
"""An answer to a cancel is waited for no longer: the next look tells."""


class Sweep:
    """One sweep.

    Args:
        began_ns: Monotonic.
        spared: Whether an order may stay: sales that flatten where those may leave.
        before: The one before it under the same halt: what that has ended is not ended again.
    """

    def __init__(
        self,
        began_ns: int,
        spared: Callable[[ClientOrderId], bool],
        before: "Sweep | None" = None,
    ) -> None:
        self.began_ns = began_ns
        self._spared = spared
        self._waiting: set[str] = set()
        """Orders whose cancel has not been answered."""
        self._ended: frozenset[str] = before.ended if before is not None else frozenset()
        self._asked: set[str] = set(self._ended)
        self._cancelled: set[str] = set()
        self._looks = 0
        self.is_worn = False
        """Whether what is being cancelled was cancelled before: then at once once more, and the
        next look at once, would be a hammer."""
        self.is_clean = False

    def cancels(self, orders: Iterable[Order]) -> list[CancelPlaced]:
        """Return a cancel for each order that rests or may rest and was not asked to end yet."""
        return [
            self._cancel(
                CancelPlaced(
                    pair=order.intent.pair,
                    client_order_id=order.client_order_id,
                    venue_order_id=order.venue_order_id,
                )
            )
            for order in orders
            if order.client_order_id not in self._asked and not self._spared(order.client_order_id)
        ]

    def has_asked(self, name: ClientOrderId) -> bool:
        """Return whether this sweep has asked the exchange to cancel the order."""
        return name in self._asked

    def answered(self, request: CancelPlaced, outcome: Outcome) -> bool:
        """Take the answer to a cancel; return whether it is time to look."""
        name = request.client_order_id
        if isinstance(outcome, Succeeded):
            self._cancelled.add(name)
        if name not in self._waiting:
            return False
        self._waiting.discard(name)
        return not self._waiting

    @property
    def ended(self) -> frozenset[str]:
        """Orders that the exchange has cancelled for us, whether the journal knows it or not."""
        return self._ended | self._cancelled

    @property
    def waits(self) -> bool:
        """Whether a cancel has not been answered."""
        return bool(self._waiting)

    def stop_waiting(self) -> None:
        """Look, whatever has not been answered."""
        self._waiting.clear()

    def looked(
        self, reports: Iterable[OrderReport], orders: Iterable[Order], now_ns: int
    ) -> tuple[OrdersSwept, list[CancelPlaced]]:
        """Take a look: return what it comes to, and the cancels of what still rests.

        Args:
            reports: All that the exchange showed as open.
            orders: Ours that rest or may rest, as far as we know.
            now_ns: Monotonic.
        """
        self._looks += 1
        resting = [
            report
            for report in reports
            if report.open
            and is_ours(report.client_order_id)
            and not self._spared(report.client_order_id)
        ]
        shown = {report.client_order_id for report in resting}
        uncertain = sum(
            name not in self.ended and name not in shown and not self._spared(name)
            for name in (order.client_order_id for order in orders)
        )
        swept = OrdersSwept(
            cancelled=len(self._cancelled),
            resting=len(resting),
            uncertain=uncertain,
            took_ms=(now_ns - self.began_ns) / NS_PER_MS,
        )
        self.is_clean = swept.is_clean
        self.is_worn = not shown.isdisjoint(self._asked)
        again = [
            self._cancel(
                CancelPlaced(
                    pair=report.pair,
                    client_order_id=report.client_order_id,
                    venue_order_id=report.venue_order_id,
                )
            )
            for report in resting
        ]
        return swept, again

    @property
    def again_s(self) -> float:
        """How long to wait until the next look."""
        doubled = LOOK_AGAIN_S * 2.0 ** min(max(self._looks - 1, 0), 10)
        return min(LOOK_AGAIN_MAX_S, doubled)

    def _cancel(self, request: CancelPlaced) -> CancelPlaced:
        self._asked.add(request.client_order_id)
        self._waiting.add(request.client_order_id)
        return request
