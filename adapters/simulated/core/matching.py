"""How an order meets the book: what it takes, what rests, why it ended. Pure.

Deciding is here, on one book; paying is `settlement`.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal

from adapters.simulated.core.level import NOBODY, Fill
from adapters.simulated.core.order_book import OrderBook
from adapters.simulated.core.orders import Order, OrderStatus, SelfTradeAct
from adapters.simulated.core.refusals import refusal
from adapters.simulated.core.units import PairUnits
from state.values import OrderType, Side, TimeInForce


def market_limit(last_ticks: int, side: Side, slippage: Decimal) -> int:
    """Return the worst price in ticks that a market order of `side` may trade at."""
    share = int(slippage * 1_000_000)
    if side is Side.BUY:
        return last_ticks * (1_000_000 + share) // 1_000_000
    return -(-last_ticks * (1_000_000 - share) // 1_000_000)


def refuse_unfillable(
    book: OrderBook, order: Order, units: PairUnits, limit: int, avoided: AbstractSet[str] = NOBODY
) -> None:
    """Refuse a post-only order that would take, and a fill-or-kill order that cannot fill.

    Raises:
        VenueRefused: `POC_FILL_IMMEDIATELY` or `FOK_NOT_FILL`.
    """
    if order.time_in_force is TimeInForce.POC and book.crossing(order.side, limit) is not None:
        raise refusal(
            "POC_FILL_IMMEDIATELY",
            "Order would match and take immediately so its cancelled",
        )
    if order.time_in_force is TimeInForce.FOK:
        passed = order.stp_act is SelfTradeAct.OLDEST
        levels = book.reachable(order.side, limit, avoided, passed=passed)
        if not _fills_whole(levels, order, units):
            raise refusal("FOK_NOT_FILL", "Order cannot be filled immediately so its cancelled")


def _fills_whole(levels: Iterable[tuple[int, int]], order: Order, units: PairUnits) -> bool:
    wanted = order.left
    for ticks, lots in levels:
        if order.counts_quote:
            affordable = wanted // (ticks * units.quote_unit)
            wanted -= units.quote_atoms(ticks, min(lots, affordable))
            if wanted < units.quote_atoms(ticks, 1):
                return True
        else:
            wanted -= min(lots, wanted)
            if not wanted:
                return True
    return False


def take(
    book: OrderBook, order: Order, units: PairUnits, limit: int, avoided: AbstractSet[str] = NOBODY
) -> list[Fill]:
    """Let `order` take what it may at `limit` ticks or better; its `left` shrinks with it.

    It does not trade with the `avoided`: the first of their orders ends it.
    """
    if order.counts_quote:
        return _spend(book, order, units, limit, avoided)
    fills = book.take(order.side, order.left, limit, avoided)
    order.left -= sum(fill.lots for fill in fills)
    return fills


def _spend(
    book: OrderBook, order: Order, units: PairUnits, limit: int, avoided: AbstractSet[str]
) -> list[Fill]:
    fills: list[Fill] = []
    while (key := book.crossing(Side.BUY, limit)) is not None:
        ticks = -key
        lots = min(book.asks.size_at(key), order.left // (ticks * units.quote_unit))
        taken = book.take(Side.BUY, lots, ticks, avoided)
        if not taken:
            break
        fills += taken
        order.left -= units.quote_atoms(ticks, sum(fill.lots for fill in taken))
    return fills


def barred_by(
    book: OrderBook, order: Order, units: PairUnits, limit: int, avoided: AbstractSet[str]
) -> Order | None:
    """Return the avoided order that kept `order` from taking more, None when none did."""
    rival = book.barred_by(order.side, limit, avoided)
    if rival is None or not order.left:
        return None
    if order.counts_quote and order.left < units.quote_atoms(rival.ticks, 1):
        return None
    return rival


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
