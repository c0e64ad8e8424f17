"""Cancel on silence: while anything may rest, the exchange cancels it unless it hears from us."""

from msgspec import Struct

from actors.execution.door import Door
from actors.execution.order_table import OrderTable
from actors.kernel import Timer
from state.messages.venue import ArmCountdown

AGAIN_S = 1.0
"""After an answer that was none."""


class CountdownDue(Struct, frozen=True):
    """Tell the exchange that we are alive."""


class Countdown:
    """Armed as long as anything rests or may rest.

    Args:
        door: The router.
        orders: What may rest.
        countdown_s: How long the exchange waits for us; 0 never arms it.
    """

    def __init__(self, door: Door, orders: OrderTable, countdown_s: int) -> None:
        self._door = door
        self._orders = orders
        self._countdown_s = countdown_s
        self._timer: Timer | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was armed and will be armed again."""
        return self._timer is not None

    def arm(self) -> None:
        """Arm it for another while, or disarm it when nothing rests any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._countdown_s:
            return
        if self._orders.alive():
            self._door.request(ArmCountdown(timeout_s=self._countdown_s))
            self._arm_in(self._countdown_s / 3)
        else:
            self._door.request(ArmCountdown(timeout_s=0))

    def let_go(self) -> None:
        """Have what rests rest on although nobody will be here to say that we live."""
        if self._countdown_s:
            self._door.request(ArmCountdown(timeout_s=0))

    def failed(self) -> None:
        """Hear that the exchange may not have heard of it."""
        self._arm_in(AGAIN_S)

    def _arm_in(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._door.after(delay_s, CountdownDue())
