"""One exit while it is under way: what was tried, what it brought, when to try again. Pure."""

from decimal import Decimal

from state.exact import exactly
from state.messages.orders import OrderFilled, OrderIntended, Refusal
from state.protection import BPS
from state.values import NS_PER_S, ZERO, ClientOrderId, Pair, Price, Purpose, plain

AGAIN_MIN_S, AGAIN_MAX_S = 0.1, 2.0
"""Between two proposals where the first was refused: doubled each time."""
HELD_AGAIN_MAX_S = 0.5
"""As long as that where only what is on its way already holds it up."""
HOLDING = "HOLDING"
PRICE_BAND = "PRICE_BAND"


class WayOut:
    """One exit, from the moment it is decided until nothing is held.

    Args:
        purpose: What it is for.
        reason: In words.
        reference: The price that slippage is measured from, quote per base.
        began_ns: Monotonic.
    """

    def __init__(self, purpose: Purpose, reason: str, reference: Price, *, began_ns: int) -> None:
        self.purpose = purpose
        self.reason = reason
        self.trace = ""
        """Of its first proposal: it joins all that follows."""
        self._reference = reference
        self._began_ns = began_ns
        self._attempts = 0
        self._refusals = 0
        self._narrowings = 0
        self._not_before_ns = 0
        self._orders: dict[ClientOrderId, list[OrderFilled]] = {}

    def may(self, now_ns: int) -> bool:
        """Return whether it is time to propose, monotonic."""
        return now_ns >= self._not_before_ns

    def slippage_bps(self, most: Decimal) -> Decimal:
        """Return how far below the best bid to go: less where that was out of the price band."""
        return most / Decimal(2**self._narrowings)

    def tried(self, now_ns: int) -> int:
        """Count one more proposal and return its number."""
        self._attempts += 1
        # The next one waits for what this one comes to; where nobody says, no longer than this.
        self._not_before_ns = now_ns + int(AGAIN_MIN_S * NS_PER_S)
        return self._attempts

    def refused(self, refusal: Refusal, now_ns: int) -> None:
        """Take that nothing will come of a proposal."""
        self._refusals += 1
        if refusal.code == PRICE_BAND:
            self._narrowings = min(self._narrowings + 1, 5)
        most_s = HELD_AGAIN_MAX_S if refusal.code == HOLDING else AGAIN_MAX_S
        again_s = min(AGAIN_MIN_S * 2 ** min(self._refusals - 1, 10), most_s)
        self._not_before_ns = now_ns + int(again_s * NS_PER_S)

    def sent(self, intent: OrderIntended) -> None:
        """Take that an order of it is on its way."""
        self._orders.setdefault(intent.client_order_id, [])
        self._refusals = 0

    def filled(self, fill: OrderFilled) -> None:
        """Take what an order of it sold."""
        if fill.client_order_id in self._orders:
            self._orders[fill.client_order_id].append(fill)

    def told(self, pair: Pair, now_ns: int) -> str:
        """Return how it went, in words; empty when it sold nothing itself."""
        fills = [fill for fills in self._orders.values() for fill in fills]
        if not fills:
            return ""
        with exactly():
            quantity = sum((fill.quantity for fill in fills), ZERO)
            notional = sum((fill.quantity * fill.price for fill in fills), ZERO)
        worst = min(fill.price for fill in fills)
        slippage_bps = (self._reference - worst) / self._reference * BPS
        rungs = ", ".join(_rung(fills) for fills in self._orders.values())
        seconds = (now_ns - self._began_ns) / NS_PER_S
        return (
            f"{pair} {self.purpose}: {self.reason}; sold {plain(quantity)} at "
            f"{notional / quantity:.8g} on average in {seconds:.1f} s; worst {plain(worst)}, "
            f"{slippage_bps:.1f} bps beyond {self._reference:.8g}; attempts: {rungs}"
        )


def _rung(fills: list[OrderFilled]) -> str:
    if not fills:
        return "nothing"
    with exactly():
        quantity = sum((fill.quantity for fill in fills), ZERO)
    return f"{plain(quantity)} down to {plain(min(fill.price for fill in fills))}"
