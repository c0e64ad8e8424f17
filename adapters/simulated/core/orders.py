"""An order, a fill of one, and the request that asks for one, in the venue's integers. Pure."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.values import Currency, OrderType, Pair, Role, Side, TimeInForce


class OrderStatus(StrEnum):
    """Where an order stands; ended before all of it filled is `cancelled`."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class OrderRequest(Struct, frozen=True, kw_only=True):
    """What a client asks for. `amount` is base, but quote for a market buy."""

    pair: str
    side: Side
    amount: Decimal
    price: Decimal | None = None
    type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce | None = None
    """None takes the type's default: gtc, or ioc at market."""
    text: str | None = None
    wallet: str = "spot"
    """Gate's `account`: which ledger pays; only `spot` exists here."""
    slippage: Decimal | None = None
    """Of a market order: its own cap, narrower than the pair's."""
    default_text: str = "apiv4"
    """Shown where the client gave no `text`."""


class Order(Struct, kw_only=True):
    """One order; the book and the settlement change it, copies of it are told."""

    id: int
    text: str
    owner: str
    """Name of the account."""
    pair: Pair
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    ticks: int
    """Limit price; 0 at market."""
    amount: int
    """Lots; atoms of quote for a market buy."""
    left: int
    """What is not filled, in the same unit as `amount`."""
    created_ns: int
    updated_ns: int
    filled_lots: int = 0
    filled_quote: int = 0
    """Atoms of quote."""
    fee: int = 0
    """Atoms of the currency received."""
    locked: int = 0
    """Atoms held back for it in its account."""
    status: OrderStatus = OrderStatus.OPEN
    finish_as: str = "open"
    wallet: str = "spot"

    @property
    def is_open(self) -> bool:
        """Whether it rests."""
        return self.status is OrderStatus.OPEN

    @property
    def counts_quote(self) -> bool:
        """Whether `amount` and `left` are atoms of quote: a market buy."""
        return self.type is OrderType.MARKET and self.side is Side.BUY


class UserTrade(Struct, frozen=True, kw_only=True):
    """One fill of one order."""

    id: int
    """Unique per side of a trade: the key against counting it twice."""
    market_id: int
    """Of the public trade, shared by both sides."""
    order_id: int
    owner: str
    text: str
    pair: Pair
    side: Side
    role: Role
    ticks: int
    lots: int
    quote: int
    """Atoms of quote."""
    fee: int
    """Atoms of `fee_currency`."""
    fee_currency: Currency
    time_ns: int
    sequence: int
