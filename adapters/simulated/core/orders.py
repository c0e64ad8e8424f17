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


class SelfTradeAct(StrEnum):
    """What gives way when an order meets one of its own group (`stp_act`)."""

    NEWEST = "cn"
    OLDEST = "co"
    BOTH = "cb"


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
    iceberg: Decimal | None = None
    """What of it is shown; None and 0 show all."""
    stp_act: SelfTradeAct | None = None
    default_text: str = "apiv4"
    """Shown where the client gave no `text`."""


class AmendRequest(Struct, frozen=True, kw_only=True):
    """What a client wants changed of a resting order; None stays as it is."""

    amount: Decimal | None = None
    """The whole of it, what is filled included."""
    price: Decimal | None = None
    text: str | None = None
    """A remark, told with the order and its later fills."""


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
    gt_discount: bool = False
    """Whether its owner pays fees in GT where possible."""
    gt_maker_fee: int = 0
    """Atoms of GT, so the next."""
    gt_taker_fee: int = 0
    point_fee: int = 0
    """Atoms of points."""
    locked: int = 0
    """Atoms held back for it in its account."""
    status: OrderStatus = OrderStatus.OPEN
    finish_as: str = "open"
    wallet: str = "spot"
    amend_text: str = "-"
    iceberg: int = 0
    """Lots shown at a time; 0 shows all."""
    shown: int = 0
    """Lots of an iceberg that anybody sees now."""
    refilled: bool = False
    """Whether what is shown of an iceberg was hidden at first."""
    queued: int = 0
    """Its place in its book: of one level, the smaller number is filled first."""
    stp_group: int = 0
    stp_act: SelfTradeAct | None = None
    slippage: Decimal | None = None

    @property
    def is_open(self) -> bool:
        """Whether it rests."""
        return self.status is OrderStatus.OPEN

    @property
    def visible(self) -> int:
        """What of `left` the book shows."""
        return self.shown if self.iceberg else self.left

    @property
    def gt_fee(self) -> int:
        """Atoms of GT that its fills cost."""
        return self.gt_maker_fee + self.gt_taker_fee

    def refill(self) -> None:
        """Show the next part of an iceberg whose shown part is gone."""
        self.shown = min(self.iceberg, self.left)
        self.refilled = True

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
    amend_text: str = "-"
    gt_fee: int = 0
    point_fee: int = 0
