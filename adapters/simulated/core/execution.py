"""How an order enters the market, changes in it and leaves it. Pure."""

from collections.abc import Set as AbstractSet
from decimal import Decimal

from adapters.simulated.core.amending import Amended
from adapters.simulated.core.clearing import Clearing
from adapters.simulated.core.ledger import Ledger
from adapters.simulated.core.level import NOBODY
from adapters.simulated.core.matching import (
    barred_by,
    ending,
    market_limit,
    refuse_unfillable,
    take,
)
from adapters.simulated.core.orders import Order, OrderStatus, SelfTradeAct
from adapters.simulated.core.pair_market import PairMarket
from state.values import OrderType, Side

_OUT_OF_REACH = {Side.BUY: 0, Side.SELL: 1 << 62}
"""A limit in ticks that no order of the other side meets."""


class Execution:
    """Lets orders meet books.

    Args:
        ledger: Whose accounts trade.
        clearing: Who pays for it.
        thin_book_finish_as: How a market order ends that the book cannot fill.
    """

    def __init__(self, ledger: Ledger, clearing: Clearing, thin_book_finish_as: str) -> None:
        self._ledger = ledger
        self._clearing = clearing
        self._thin_book_finish_as = thin_book_finish_as

    def enter(self, order: Order, market: PairMarket, now_ns: int) -> None:
        """Accept a new order, let it take what it may, and rest or end it.

        Raises:
            VenueRefused: When it may not be, or cannot be paid; nothing changed.
        """
        limit, avoided = _limit(order, market), self._avoided(order)
        refuse_unfillable(market.book, order, market.units, limit, avoided)
        self._clearing.accept(order, market)
        self._execute(order, market, limit, avoided, now_ns)

    def amend(self, order: Order, amended: Amended, market: PairMarket, now_ns: int) -> None:
        """Change a resting order; it keeps its place, or comes anew.

        Raises:
            VenueRefused: When it may not be, or cannot be paid; nothing changed.
        """
        if amended.keeps_place:
            self._clearing.relock(order, market, amended, now_ns)
            _adopt(order, amended, now_ns)
            market.book.resized(order)
            self._clearing.amended(order)
            return
        refuse_unfillable(market.book, order, market.units, amended.ticks)
        self._clearing.relock(order, market, amended, now_ns)
        market.book.remove(order)
        _adopt(order, amended, now_ns)
        self._clearing.amended(order)
        self._execute(order, market, order.ticks, self._avoided(order), now_ns)

    def cancel(
        self, order: Order, market: PairMarket, now_ns: int, finish_as: str = "cancelled"
    ) -> None:
        """End a resting order."""
        market.book.remove(order)
        self._clearing.finish(order, market, OrderStatus.CANCELLED, finish_as, now_ns)

    def _execute(
        self,
        order: Order,
        market: PairMarket,
        limit: int,
        avoided: AbstractSet[str],
        now_ns: int,
    ) -> None:
        book, units, traded = market.book, market.units, False
        while True:
            fills = take(book, order, units, limit, avoided)
            traded = traded or bool(fills)
            self._clearing.fills(market, order.side, fills, order, now_ns)
            rival = barred_by(book, order, units, limit, avoided) if avoided else None
            if rival is None:
                break
            if order.stp_act is not SelfTradeAct.NEWEST:
                self.cancel(rival, market, now_ns, "stp")
            if order.stp_act is not SelfTradeAct.OLDEST:
                self._clearing.finish(order, market, OrderStatus.CANCELLED, "stp", now_ns)
                return
        end = ending(order, book, units, self._thin_book_finish_as)
        if end is None:
            self._clearing.rest(order, market, traded=traded)
        else:
            self._clearing.finish(order, market, *end, now_ns)

    def _avoided(self, order: Order) -> AbstractSet[str]:
        """Return the accounts that `order` must not trade with."""
        if order.stp_act is None:
            return NOBODY
        if not order.stp_group:
            return {order.owner}
        accounts = self._ledger.accounts.values()
        return {each.name for each in accounts if each.stp_group == order.stp_group}


def _adopt(order: Order, amended: Amended, now_ns: int) -> None:
    order.ticks, order.amount = amended.ticks, amended.amount
    order.left = order.amount - order.filled_lots
    order.shown = min(order.shown, order.left)
    order.amend_text, order.updated_ns = amended.text, now_ns


def _limit(order: Order, market: PairMarket) -> int:
    if order.type is OrderType.LIMIT:
        return order.ticks
    reference = market.reference_ticks() or market.book.side(order.side.opposite).best()
    if reference is None:
        return _OUT_OF_REACH[order.side]
    widest: Decimal = market.rules.slippage
    return market_limit(reference, order.side, min(widest, order.slippage or widest))
