"""What happened at the venue, in order: for pushing, for keeping, for watching. Pure.

Every change of an order, a fill or a balance makes one event, so whoever persists events persists
the venue.
"""

from typing import Literal

from msgspec import Struct

from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.price_orders import PriceOrder
from state.values import Currency, Pair, Side


class OrderMoved(Struct, frozen=True, kw_only=True):
    """An order was accepted, filled in part, or ended; `order` is a copy of that moment."""

    event: Literal["put", "update", "finish"]
    order: Order


class TradeDone(Struct, frozen=True, kw_only=True):
    """One side of a trade, told to its owner."""

    trade: UserTrade


class PriceOrderMoved(Struct, frozen=True, kw_only=True):
    """A price order was armed or ended; `order` is a copy of that moment."""

    order: PriceOrder


class BalanceMoved(Struct, frozen=True, kw_only=True):
    """One currency of one account after a change; amounts in atoms."""

    owner: str
    user_id: int
    currency: Currency
    available: int
    locked: int
    available_change: int
    locked_change: int
    change_type: str
    """Gate's word: `order-create`, `order-match`, `order-update`, `trade-fee-deduct`."""
    time_ns: int


class TradePublished(Struct, frozen=True, kw_only=True, gc=False):
    """A public trade."""

    pair: Pair
    id: int
    sequence: int
    ticks: int
    lots: int
    taker: Side
    time_ns: int


class BookPublished(Struct, frozen=True, kw_only=True):
    """Levels of one book that changed by updates `first_id` to `last_id`; 0 lots removes."""

    pair: Pair
    channel: str
    """The kind's name, as in `book_channel.BOOK_KINDS`."""
    first_id: int
    last_id: int
    bids: list[tuple[int, int]]
    """(ticks, lots)"""
    asks: list[tuple[int, int]]
    time_ns: int
    full: bool = False
    """Whether these are all levels of the window, for whoever begins to follow."""


class Announced(Struct, frozen=True, kw_only=True):
    """The venue said something to everybody."""

    number: int
    subject: str
    """Gate's word for what it is about: `listing`, `delisting`, `fee`, `engine_upgrade`."""
    title: str
    brief: str
    time_ns: int


Event = (
    OrderMoved
    | PriceOrderMoved
    | TradeDone
    | BalanceMoved
    | TradePublished
    | BookPublished
    | Announced
)
