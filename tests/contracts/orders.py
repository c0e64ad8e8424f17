"""Orders for contract tests, priced from the book as it is."""

from decimal import Decimal
from typing import TypeVar

from state.instrument import TradingRules
from state.messages.market import BookSnapshot
from state.messages.venue import (
    CancelPlaced,
    FetchBalances,
    FetchBook,
    FetchRules,
    FetchTrades,
    OrderReport,
    Outcome,
    PlaceOrder,
    Succeeded,
    TradeReport,
)
from state.values import (
    NS_PER_S,
    ClientOrderId,
    Currency,
    Notional,
    OrderType,
    Pair,
    Price,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
)
from tests.contracts.worlds import PAIRS, World, a_name, ask

BTC = PAIRS[0]
BASE, QUOTE = Currency("BTC"), Currency("USDT")
Kind = TypeVar("Kind")


def only(kind: type[Kind], outcome: object) -> Kind:
    """Return `outcome`, which has to be of this kind."""
    assert isinstance(outcome, kind), outcome
    return outcome


def book_of(world: World, pair: Pair = BTC) -> BookSnapshot:
    """Return the book now."""
    book = only(Succeeded, ask(world, FetchBook(pair=pair))).book
    assert book is not None
    return book


def rules_of(world: World, pair: Pair = BTC) -> TradingRules:
    """Return the pair's rules."""
    [rules] = only(Succeeded, ask(world, FetchRules(pairs=(pair,)))).rules
    return rules


def balances(world: World) -> dict[Currency, tuple[Decimal, Decimal]]:
    """Return (available, locked) of each currency."""
    listed = only(Succeeded, ask(world, FetchBalances())).balances
    return {each.currency: (each.available, each.locked) for each in listed}


def placement(
    world: World,
    *,
    side: Side = Side.BUY,
    away: str = "0.03",
    quantity: str = "0.001",
    tif: TimeInForce = TimeInForce.GTC,
    expires_in_s: float = 10.0,
) -> PlaceOrder:
    """Return a limit order priced `away` (a share, negative crosses) from the best price."""
    book, rules = book_of(world), rules_of(world)
    best = book.bids[0][0] if side is Side.BUY else book.asks[0][0]
    sign = -1 if side is Side.BUY else 1
    price = Decimal(repr(best)) * (1 + sign * Decimal(away))
    return PlaceOrder(
        client_order_id=ClientOrderId(a_name()),
        pair=BTC,
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Quantity(Decimal(quantity)),
        price=rules.price_passive(price, side),
        time_in_force=tif,
        expires_at_ns=TimeNs(world.now_ns() + int(expires_in_s * NS_PER_S)),
    )


def market_buy(world: World, notional: str) -> PlaceOrder:
    """Return a market buy that spends `notional`."""
    return PlaceOrder(
        client_order_id=ClientOrderId(a_name()),
        pair=BTC,
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=Notional(Decimal(notional)),
        price=None,
        time_in_force=TimeInForce.IOC,
        expires_at_ns=TimeNs(world.now_ns() + 10 * NS_PER_S),
    )


def placed(world: World, request: PlaceOrder) -> OrderReport:
    """Place `request`, which has to be accepted."""
    [order] = only(Succeeded, ask(world, request)).orders
    return order


def cancelled(world: World, order: OrderReport) -> Outcome:
    """Return what becomes of cancelling `order`."""
    return ask(
        world,
        CancelPlaced(
            pair=order.pair,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
        ),
    )


def fills_of(world: World, order: OrderReport) -> tuple[TradeReport, ...]:
    """Return the fills of `order`, as a query tells them."""
    since = TimeNs(order.event_time_ns - 60 * NS_PER_S)
    trades = only(Succeeded, ask(world, FetchTrades(pair=order.pair, since_ns=since))).trades
    return tuple(trade for trade in trades if trade.venue_order_id == order.venue_order_id)


def price_beyond(order: PlaceOrder) -> Price:
    """Return the limit of an order that has one."""
    assert order.price is not None
    return order.price
