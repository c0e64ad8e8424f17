"""What follows from a fill or an ending: money, public print, everybody told. Pure."""

from collections.abc import Callable, Iterable
from copy import copy
from typing import Literal

from adapters.simulated.core.amending import Amended
from adapters.simulated.core.events import Event, OrderMoved, TradeDone, TradePublished
from adapters.simulated.core.ledger import Account, Ledger
from adapters.simulated.core.level import Fill
from adapters.simulated.core.order_index import OrderIndex
from adapters.simulated.core.orders import Order, OrderStatus
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.settlement import Terms, settle, settle_street
from state.values import Currency, Role, Side


class Clearing:
    """Turns what the books decided into balances, fills and events.

    Args:
        ledger: Where money moves.
        index: Where orders are known.
        outbox: Receives every event.
        gt_price: Atoms of a quote currency that one GT costs, None where nobody knows.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: OrderIndex,
        outbox: list[Event],
        gt_price: Callable[[Currency], int | None],
    ) -> None:
        self._gt_price = gt_price
        self._ledger = ledger
        self._index = index
        self._outbox = outbox
        self.next_trade_id = 5_000_000_001

    def accept(self, order: Order, market: PairMarket) -> None:
        """Lock what `order` may cost, know it and tell it.

        Raises:
            VenueRefused: `BALANCE_NOT_ENOUGH`; nothing changed.
        """
        account = self._ledger.accounts[order.owner]
        needed = lock_of(order, market)
        self._ledger.lock(account, _pays_in(order, market), needed, order.created_ns)
        order.locked = needed
        order.shown = min(order.iceberg, order.left)
        self._index.add(order)
        self._tell("put", order)

    def relock(self, order: Order, market: PairMarket, amended: Amended, now_ns: int) -> None:
        """Lock what `order` may cost once it is `amended`.

        Raises:
            VenueRefused: `BALANCE_NOT_ENOUGH`; nothing changed.
        """
        left = amended.amount - order.filled_lots
        needed = cost_of(order.side, market, amended.ticks, left)
        account, currency = self._ledger.accounts[order.owner], _pays_in(order, market)
        if needed > order.locked:
            more = needed - order.locked
            self._ledger.lock(account, currency, more, now_ns, "order-update")
        else:
            self._ledger.unlock(account, currency, order.locked - needed, now_ns)
        order.locked = needed

    def amended(self, order: Order) -> None:
        """Tell what became of an order whose owner changed it."""
        self._tell("update", order)

    def fills(
        self,
        market: PairMarket,
        taker_side: Side,
        fills: Iterable[Fill],
        taker: Order | None,
        now_ns: int,
    ) -> None:
        """Pay and print `fills` of a taker, None being the street."""
        for fill in fills:
            public_id = self._take_trade_id()
            self.publish(market, public_id, taker_side, fill.ticks, fill.lots, now_ns)
            if taker is None and fill.maker is None:
                continue  # the street with itself: no account is concerned
            if taker is not None:
                self._settle(market, taker, fill, Role.TAKER, public_id, now_ns)
            else:
                self._settle_street(market, taker_side, fill, now_ns)
            if fill.maker is not None:
                self.maker_fill(market, fill, public_id, now_ns)
            else:
                self._settle_street(market, taker_side.opposite, fill, now_ns)

    def street_takes(self, market: PairMarket, fills: Iterable[Fill], now_ns: int) -> None:
        """Pay `fills` of orders that a taped print met; the print itself is already public."""
        for fill in fills:
            assert fill.maker is not None, "a print fills accounts' orders only"
            self._settle_street(market, fill.maker.side.opposite, fill, now_ns)
            self.maker_fill(market, fill, self._take_trade_id(), now_ns)

    def maker_fill(self, market: PairMarket, fill: Fill, public_id: int, now_ns: int) -> None:
        """Pay the resting side of a fill and say what became of its order."""
        maker = fill.maker
        assert maker is not None, "the street has no order"
        self._settle(market, maker, fill, Role.MAKER, public_id, now_ns)
        if maker.filled_lots < maker.amount:
            self._tell("update", maker)
        else:
            self.finish(maker, market, OrderStatus.CLOSED, "filled", now_ns)

    def publish(
        self, market: PairMarket, trade_id: int, taker: Side, ticks: int, lots: int, now_ns: int
    ) -> None:
        """Print a public trade."""
        trade = TradePublished(
            pair=market.rules.pair,
            id=trade_id,
            sequence=market.sequence + 1,
            ticks=ticks,
            lots=lots,
            taker=taker,
            time_ns=now_ns,
        )
        market.print_trade(trade)
        self._outbox.append(trade)

    def rest(self, order: Order, market: PairMarket, *, traded: bool) -> None:
        """Put what is left of `order` into the book and give back what it saved."""
        excess = order.locked - lock_of(order, market)
        order.locked -= excess
        account = self._ledger.accounts[order.owner]
        self._ledger.unlock(account, _pays_in(order, market), excess, order.updated_ns)
        order.shown, order.refilled = min(order.iceberg, order.left), False
        market.book.rest(order)
        if traded:
            self._tell("update", order)

    def finish(
        self, order: Order, market: PairMarket, status: OrderStatus, finish_as: str, now_ns: int
    ) -> None:
        """End an order that is in no book any more."""
        account: Account = self._ledger.accounts[order.owner]
        self._ledger.unlock(account, _pays_in(order, market), order.locked, now_ns)
        order.locked = 0
        order.status = status
        order.finish_as = finish_as
        order.updated_ns = now_ns
        self._index.finish(order)
        self._tell("finish", order)

    def _settle(
        self, market: PairMarket, order: Order, fill: Fill, role: Role, public_id: int, now_ns: int
    ) -> None:
        terms = Terms(
            ticks=fill.ticks,
            lots=fill.lots,
            role=role,
            user_trade_id=self._take_trade_id(),
            market_id=public_id,
            sequence=market.sequence,
            now_ns=now_ns,
            hidden=fill.hidden and role is Role.MAKER,
        )
        trade = settle(self._ledger, market, order, terms, self._gt_price)
        self._index.add_trade(trade)
        self._outbox.append(TradeDone(trade=trade))

    def _settle_street(self, market: PairMarket, side: Side, fill: Fill, now_ns: int) -> None:
        settle_street(self._ledger, market.rules, market.units, side, fill.ticks, fill.lots, now_ns)

    def _take_trade_id(self) -> int:
        taken = self.next_trade_id
        self.next_trade_id += 1
        return taken

    def _tell(self, event: Literal["put", "update", "finish"], order: Order) -> None:
        told = copy(order)
        if told.is_open and not told.counts_quote:
            # An iceberg may meet one taker several times; each fill is told with its own rest.
            told.left = told.amount - told.filled_lots
        self._outbox.append(OrderMoved(event=event, order=told))


def _pays_in(order: Order, market: PairMarket) -> Currency:
    return market.rules.quote if order.side is Side.BUY else market.rules.base


def lock_of(order: Order, market: PairMarket) -> int:
    """Return the atoms that what is left of `order` may still cost."""
    if order.counts_quote:
        return order.left
    return cost_of(order.side, market, order.ticks, order.left)


def cost_of(side: Side, market: PairMarket, ticks: int, lots: int) -> int:
    """Return the atoms that `lots` at `ticks` cost: quote of a buy, base of a sell."""
    if side is Side.BUY:
        return market.units.quote_atoms(ticks, lots)
    return market.units.base_atoms(lots)
