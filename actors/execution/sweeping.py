"""An emergency stop at the router: nothing of ours rests, whether the journal knows it or not."""

from msgspec import Struct

from actors import addresses
from actors.execution.cancels import Cancels
from actors.execution.door import Answered, Door
from actors.execution.order_table import OrderTable
from actors.execution.parents import Parents
from actors.execution.sweep import CANCELS_WITHIN_S, Sweep
from actors.kernel import Timer
from adapters.ports import HaltLatch
from state.messages.venue import CancelPlaced, FetchOpenOrders, Outcome, Succeeded
from state.values import ClientOrderId


class LookDue(Struct, frozen=True):
    """Look whether anything of ours rests although everything was halted."""

    sweep: int
    """When the sweep began that wants it."""


class Sweeping:
    """One sweep at a time, for as long as the latch is set.

    Args:
        door: The router.
        orders: Those that are known.
        parents: The same of parent orders.
        cancels: Makes the facts that orders are cancelled.
        latch: Why everything is halted.
    """

    def __init__(
        self, door: Door, orders: OrderTable, parents: Parents, cancels: Cancels, latch: HaltLatch
    ) -> None:
        self._door = door
        self._orders = orders
        self._parents = parents
        self._cancels = cancels
        self._latch = latch
        self._sweep: Sweep | None = None
        """What an emergency stop has come to; None while there is none."""
        self._look_due: Timer | None = None

    def begin(self) -> None:
        """Let nothing of ours rest, known or not. A cancel can only lessen what may happen.

        So it leaves at once, and the journal hears of it at the same time. One that is under way
        goes on: several ways lead here for one and the same emergency.
        """
        if self._latch.reason is None:
            return
        if self._sweep is None or self._sweep.is_clean:
            self._sweep = Sweep(self._door.monotonic_ns(), self._is_spared, self._sweep)
        self.go_on()
        if not self._sweep.waits:
            self._door.request(FetchOpenOrders())

    def go_on(self) -> None:
        """Cancel what is known and was not cancelled in this sweep, while everything is halted."""
        if self._latch.reason is None:
            self._sweep = None  # Whatever was halted goes on.
            return
        if self._sweep is None:
            self._sweep = Sweep(self._door.monotonic_ns(), self._is_spared)
        reason = f"halted: {self._latch.reason}"
        for parent in self._parents.of():
            if self._latch.stops(parent.intent.side, parent.intent.purpose):
                self._parents.cancel(parent.decision_id, reason)
        sweep, alive = self._sweep, self._orders.alive()
        requests = sweep.cancels(alive)
        for request in requests:
            self._door.request(request)
        for request in requests:
            order = self._orders.get(request.client_order_id)
            if order is not None and order.cancel is None:
                self._door.record([self._cancels.intended(order, reason)])
        if requests:
            self._look_in(CANCELS_WITHIN_S, sweep)

    def has_asked(self, name: ClientOrderId) -> bool:
        """Return whether the sweep under way has asked the exchange to cancel the order."""
        return self._sweep is not None and self._sweep.has_asked(name)

    def answered(self, request: CancelPlaced, outcome: Outcome) -> None:
        """Take the answer to a cancel."""
        sweep = self._sweep
        if sweep is None or not sweep.answered(request, outcome):
            return
        if sweep.is_worn:
            self._look_in(sweep.again_s, sweep)
        else:
            self._door.request(FetchOpenOrders())

    def look(self, due: LookDue) -> None:
        """Look, whatever has not been answered."""
        sweep = self._sweep
        if sweep is not None and sweep.began_ns == due.sweep and not sweep.is_clean:
            sweep.stop_waiting()
            self._door.request(FetchOpenOrders())

    def looked(self, answered: Answered) -> None:
        """Hold every list of open orders against a sweep: while halted nothing of ours is in it."""
        if self._latch.reason is None:
            self._sweep = None
            return
        sweep = self._sweep
        if sweep is None:
            sweep = self._sweep = Sweep(answered.asked_ns, self._is_spared)
        if answered.asked_ns < sweep.began_ns or sweep.waits:
            return
        if not isinstance(answered.outcome, Succeeded):
            self._look_in(sweep.again_s, sweep)
            return
        alive, reports = self._orders.alive(), answered.outcome.orders
        swept, again = sweep.looked(reports, alive, self._door.monotonic_ns())
        for request in again:
            self._door.request(request)
        self._door.tell_control(addresses.SESSION_KEEPER, swept)
        if not swept.is_clean:
            self._look_in(sweep.again_s, sweep)

    def _look_in(self, delay_s: float, sweep: Sweep) -> None:
        if self._look_due is not None:
            self._look_due.cancel()
        self._look_due = self._door.after(delay_s, LookDue(sweep.began_ns))

    def _is_spared(self, name: ClientOrderId) -> bool:
        order = self._orders.get(name)
        if order is None or self._latch.reason is None:
            return False
        return self._latch.stops(order.intent.side, order.intent.purpose) is None
