"""How an order meets the book: what it takes, what rests, why it ended. Pure.

Deciding is here, on one book; paying is `settlement`.
"""

from decimal import Decimal

from adapters.simulated.core.order_book import Fill, OrderBook
from adapters.simulated.core.orders import Order, OrderStatus
from adapters.simulated.core.refusals import refusal
from adapters.simulated.core.units import PairUnits
from state.values import OrderType, Side, TimeInForce


def market_limit(last_ticks: int, side: Side, slippage: Decimal) -> int:
    """Return the worst price in ticks that a market order of `side` may trade at."""
    share = int(slippage * 1_000_000)
    if side is Side.BUY:
        return last_ticks * (1_000_000 + share) // 1_000_000
    return -(-last_ticks * (1_000_000 - share) // 1_000_000)


def refuse_unfillable(book: OrderBook, order: Order, units: PairUnits, limit: int) -> None:
    """Refuse a post-only order that would take, and a fill-or-kill order that cannot fill.

    Raises:
        VenueRefused: `POC_FILL_IMMEDIATELY` or `FOK_NOT_FILL`.
    """
    if order.time_in_force is TimeInForce.POC and book.crossing(order.side, limit) is not None:
        raise refusal(
            "POC_FILL_IMMEDIATELY",
            "Order would match and take immediately so its cancelled",
        )
    if order.time_in_force is TimeInForce.FOK and not _fills_whole(book, order, units, limit):
        raise refusal("FOK_NOT_FILL", "Order cannot be filled immediately so its cancelled")


def _fills_whole(book: OrderBook, order: Order, units: PairUnits, limit: int) -> bool:
    if not order.counts_quote:
        return book.takeable(order.side, order.left, limit) == order.left
    budget = order.left
    for key in reversed(book.asks.keys):
        ticks = -key
        lots = min(book.asks.size_at(key), budget // (ticks * units.quote_unit))
        if ticks > limit:
            return False
        budget -= units.quote_atoms(ticks, lots)
        if budget < units.quote_atoms(ticks, 1):
            return True
    return False


def take(book: OrderBook, order: Order, units: PairUnits, limit: int) -> list[Fill]:
    """Let `order` take what it may at `limit` ticks or better; its `left` shrinks with it."""
    if order.counts_quote:
        return _spend(book, order, units, limit)
    fills = book.take(order.side, order.left, limit)
    order.left -= sum(fill.lots for fill in fills)
    return fills


def _spend(book: OrderBook, order: Order, units: PairUnits, limit: int) -> list[Fill]:
    fills: list[Fill] = []
    while (key := book.crossing(Side.BUY, limit)) is not None:
        ticks = -key
        lots = min(book.asks.size_at(key), order.left // (ticks * units.quote_unit))
        if not lots:
            break
        fills += book.take(Side.BUY, lots, ticks)
        order.left -= units.quote_atoms(ticks, lots)
    return fills


def ending(
    order: Order, book: OrderBook, units: PairUnits, thin_book_finish_as: str
) -> tuple[OrderStatus, str] | None:
    """Return (status, finish_as) of an order that took all it could, None when it rests."""
    if not order.left:
        return OrderStatus.CLOSED, "filled"
    if order.type is OrderType.MARKET:
        if order.counts_quote and _below_one_lot(order, book, units):
            # Recent rows of the venue: a rest that buys no lot counts as filled.
            filled = order.filled_lots > 0
            return (OrderStatus.CLOSED, "filled") if filled else (OrderStatus.CANCELLED, "small")
        return OrderStatus.CANCELLED, thin_book_finish_as
    if order.time_in_force is TimeInForce.IOC:
        return OrderStatus.CANCELLED, "ioc"
    return None


def _below_one_lot(order: Order, book: OrderBook, units: PairUnits) -> bool:
    best = book.asks.best()
    return best is not None and order.left < units.quote_atoms(best, 1)
