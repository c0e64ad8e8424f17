"""A price order: an order that waits for a price, outside the book. Pure."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from adapters.simulated.core.orders import OrderRequest
from state.values import OrderType, Pair, Side, TimeInForce


class Rule(StrEnum):
    """Which last prices meet a trigger."""

    AT_LEAST = ">="
    AT_MOST = "<="

    def met_by(self, ticks: int, trigger_ticks: int) -> bool:
        """Return whether a last price of `ticks` meets a trigger at `trigger_ticks`."""
        return ticks >= trigger_ticks if self is Rule.AT_LEAST else ticks <= trigger_ticks


class PriceOrderStatus(StrEnum):
    """Where a price order stands."""

    OPEN = "open"
    CANCELLED = "cancelled"
    FINISHED = "finish"
    """It met its price, and its order was placed."""
    FAILED = "failed"
    """It met its price, and its order was refused."""
    EXPIRED = "expired"


class PriceOrderRequest(Struct, frozen=True, kw_only=True):
    """What a client wants placed, and at which last price."""

    pair: str
    trigger_price: Decimal
    rule: Rule
    expiration_s: int
    side: Side
    amount: Decimal
    """Base, at market too."""
    price: Decimal | None = None
    type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.GTC
    wallet: str = "normal"
    """What is `spot` elsewhere."""
    text: str = ""
    """A mark of where it came from; no client id."""


class PriceOrder(Struct, kw_only=True):
    """One price order; copies of it are told."""

    id: int
    """Of a space of its own."""
    owner: str
    pair: Pair
    request: PriceOrderRequest
    ticks: int
    """The trigger."""
    created_ns: int
    expires_ns: int
    ended_ns: int = 0
    status: PriceOrderStatus = PriceOrderStatus.OPEN
    reason: str = ""
    fired_order_id: int = 0
    """The only link to the order it placed; 0 while there is none."""
    locked: int = 0
    """Atoms held back for it, where the venue does so."""

    @property
    def is_open(self) -> bool:
        """Whether it still waits."""
        return self.status is PriceOrderStatus.OPEN

    def order(self, last: Decimal) -> OrderRequest:
        """Return the order it places at a `last` price."""
        put = self.request
        market = put.type is OrderType.MARKET
        # An order at market counts quote when it buys; a price order always says base.
        amount = put.amount * last if market and put.side is Side.BUY else put.amount
        return OrderRequest(
            pair=put.pair,
            side=put.side,
            amount=amount,
            price=None if market else put.price,
            type=put.type,
            time_in_force=TimeInForce.IOC if market else put.time_in_force,
            wallet="" if put.wallet == "normal" else put.wallet,
            default_text=put.text or "apiv4",
        )
