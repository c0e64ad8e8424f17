"""What the venue makes of a request of `state.messages.venue`. Pure.

The in-process form asks here what the server's handlers and Gate's client would make of the same
request together.
"""

from typing import Final, assert_never

from adapters.simulated.core.candles import refuse_too_many as refuse_too_many_candles
from adapters.simulated.core.ledger import Account
from adapters.simulated.core.orders import AmendRequest, Order, OrderRequest, UserTrade
from adapters.simulated.core.price_orders import PriceOrder, PriceOrderRequest, Rule
from adapters.simulated.core.refusals import invalid_parameter
from adapters.simulated.core.venue import Venue
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.reports import (
    account_entry,
    balance_listed,
    book_snapshot,
    candle_seen,
    order_report,
    trade_report,
    trading_rules,
    trigger_report,
)
from state.errors import VenueRefused
from state.messages.market import CandleSeen
from state.messages.venue import (
    AmendOrder,
    AnyRequest,
    ArmCountdown,
    CancelPlaced,
    CancelTrigger,
    FetchAccountBook,
    FetchBalances,
    FetchBook,
    FetchCandles,
    FetchFinishedOrders,
    FetchKeyRights,
    FetchOpenOrders,
    FetchOrder,
    FetchRules,
    FetchTime,
    FetchTrades,
    FetchTriggers,
    KeyRights,
    Outcome,
    PlaceOrder,
    PlaceTrigger,
    Refused,
    Succeeded,
    Unknown,
    VenueRequest,
    VenueTime,
)
from state.values import NS_PER_MS, NS_PER_S, TimeInForce, TimeNs

_OfTrigger = PlaceTrigger | CancelTrigger | FetchTriggers

_PUBLIC, _PRIVATE = LimitClass.PUBLIC, LimitClass.PRIVATE

ENDPOINTS: Final[dict[type[VenueRequest], tuple[str, LimitClass]]] = {
    PlaceOrder: ("POST /spot/orders", LimitClass.PLACE),
    AmendOrder: ("PATCH /spot/orders/{order_id}", LimitClass.PLACE),
    CancelPlaced: ("DELETE /spot/orders/{order_id}", LimitClass.CANCEL),
    FetchOrder: ("GET /spot/orders/{order_id}", _PRIVATE),
    FetchOpenOrders: ("GET /spot/open_orders", _PRIVATE),
    FetchFinishedOrders: ("GET /spot/orders", _PRIVATE),
    FetchTrades: ("GET /spot/my_trades", _PRIVATE),
    FetchAccountBook: ("GET /spot/account_book", _PRIVATE),
    FetchBalances: ("GET /spot/accounts", _PRIVATE),
    FetchRules: ("GET /spot/currency_pairs", _PUBLIC),
    FetchBook: ("GET /spot/order_book", _PUBLIC),
    FetchCandles: ("GET /spot/candlesticks", _PUBLIC),
    FetchTime: ("GET /spot/time", _PUBLIC),
    FetchKeyRights: ("GET /account/main_keys", _PRIVATE),
    ArmCountdown: ("POST /spot/countdown_cancel_all", _PRIVATE),
    PlaceTrigger: ("POST /spot/price_orders", _PRIVATE),
    CancelTrigger: ("DELETE /spot/price_orders/{order_id}", LimitClass.CANCEL),
    FetchTriggers: ("GET /spot/price_orders", _PRIVATE),
}
"""Which endpoint a request is, so that faults name the same subject over sockets and here."""

_PROVES_NOTHING = frozenset({"REPEATED_CREATION"})
"""An order of this name lives already: to call ours refused would disown that one."""


def outcome(venue: Venue, account: Account, request: VenueRequest, now_ns: int) -> Outcome:
    """Do what `request` asks for and return what became of it.

    `Succeeded.time` lacks when it was answered; whoever delivers it knows.
    """
    try:
        return _done(venue, account, request, now_ns)
    except VenueRefused as refused:
        if refused.label in _PROVES_NOTHING:
            return Unknown(reason=str(refused))
        return Refused(label=refused.label, message=refused.message, status=refused.status)


def _done(venue: Venue, account: Account, request: VenueRequest, now_ns: int) -> Succeeded:
    assert isinstance(request, AnyRequest), f"no request of ours: {type(request).__name__}"
    owner = account.name
    if isinstance(request, _OfTrigger):
        return _done_to_triggers(venue, account, request, now_ns)
    match request:
        case PlaceOrder():
            expires_ms = request.expires_at_ns // NS_PER_MS
            answer = _orders(venue, [venue.place(account, _asked(request), now_ns, expires_ms)])
        case AmendOrder():
            answer = _orders(venue, [_amended(venue, account, request, now_ns)])
        case CancelPlaced():
            name = request.venue_order_id or request.client_order_id
            answer = _orders(venue, [venue.cancel(account, name, request.pair, now_ns)])
        case FetchOrder():
            name = request.venue_order_id or request.client_order_id
            answer = _orders(venue, [venue.order(account, name, request.pair, now_ns)])
        case FetchOpenOrders():
            answer = _orders(venue, venue.index.open_orders(owner))
        case FetchFinishedOrders():
            ended = venue.index.finished_since(owner, _floor(request.since_ns))
            answer = _orders(venue, [each for each in ended if each.pair == request.pair][::-1])
        case FetchTrades():
            filled = venue.index.trades_since(owner, request.pair, _floor(request.since_ns))
            answer = _trades(venue, list(filled)[::-1])
        case FetchAccountBook():
            entries = venue.ledger.entries_since(owner, _floor(request.since_ns))
            answer = Succeeded(account_book=tuple(map(account_entry, entries)))
        case FetchBalances():
            listed = account.balances.items()
            reports = [balance_listed(name, kept, now_ns) for name, kept in listed if kept.total]
            answer = Succeeded(balances=tuple(reports))
        case FetchRules():
            rules = tuple(trading_rules(venue.pair(pair).rules) for pair in request.pairs)
            answer = Succeeded(rules=rules)
        case FetchBook():
            if not 1 <= request.depth <= venue.switches.book_limit_max:
                raise invalid_parameter("limit", request.depth)
            answer = Succeeded(book=book_snapshot(venue.pair(request.pair), request.depth, now_ns))
        case FetchCandles():
            answer = Succeeded(candles=_candles(venue, request, now_ns))
        case FetchTime():
            answer = Succeeded(time=VenueTime(venue_ns=TimeNs(now_ns), answered_at_ns=TimeNs(0)))
        case FetchKeyRights():
            rights = account.rights
            told_rights = KeyRights(
                acts_in=rights.acts_in, looks_at=rights.looks_at, is_active=True
            )
            answer = Succeeded(key_rights=told_rights)
        case ArmCountdown():
            venue.arm_countdown(account, request.timeout_s, None, now_ns)
            answer = Succeeded()
        case _:
            assert_never(request)
    return answer


def _done_to_triggers(
    venue: Venue, account: Account, request: _OfTrigger, now_ns: int
) -> Succeeded:
    triggers, owner = venue.triggers, account.name
    match request:
        case PlaceTrigger():
            return _triggers([triggers.arm(account, _awaited(request), now_ns)])
        case CancelTrigger():
            return _triggers([triggers.cancel(owner, request.venue_trigger_id, now_ns)])
        case FetchTriggers():
            since_ns = request.since_ns - request.since_ns % NS_PER_S
            gone = triggers.ended(owner, request.pair)
            recent = [each for each in gone if each.ended_ns >= since_ns]
            return _triggers([*recent, *triggers.of(owner, request.pair)])
        case _:
            assert_never(request)


def _awaited(request: PlaceTrigger) -> PriceOrderRequest:
    return PriceOrderRequest(
        pair=request.pair,
        trigger_price=request.trigger_price,
        rule=Rule(request.rule),
        expiration_s=request.expiration_s,
        side=request.side,
        amount=request.quantity,
        price=request.price,
        time_in_force=TimeInForce.IOC,
    )


def _triggers(kept: list[PriceOrder]) -> Succeeded:
    by_age = sorted(kept, key=lambda each: each.id)
    return Succeeded(triggers=tuple(map(trigger_report, by_age)))


def _asked(request: PlaceOrder) -> OrderRequest:
    return OrderRequest(
        pair=request.pair,
        side=request.side,
        amount=request.quantity,
        price=request.price,
        type=request.order_type,
        time_in_force=request.time_in_force,
        text=request.client_order_id,
    )


def _amended(venue: Venue, account: Account, request: AmendOrder, now_ns: int) -> Order:
    change = AmendRequest(amount=request.quantity, price=request.price)
    name = request.venue_order_id or request.client_order_id
    expires_ms = request.expires_at_ns // NS_PER_MS
    return venue.amend(account, name, request.pair, change, now_ns, expires_ms)


def _floor(since_ns: int) -> int:
    """Return the whole millisecond: over REST some times have no finer digits."""
    return since_ns - since_ns % NS_PER_MS


def _candles(venue: Venue, request: FetchCandles, now_ns: int) -> tuple[CandleSeen, ...]:
    market, timeframe, now_s = venue.pair(request.pair), request.timeframe, now_ns // NS_PER_S
    since_s, until_s = -(-request.since_ns // NS_PER_S), min(request.until_ns // NS_PER_S, now_s)
    refuse_too_many_candles(timeframe.seconds, since_s, until_s, now_s)
    bars = market.candles.bars(timeframe.value, since_s, until_s, now_s)
    return tuple(candle_seen(market, bar, timeframe, now_ns, 0) for bar in bars)


def _orders(venue: Venue, orders: list[Order]) -> Succeeded:
    return Succeeded(
        orders=tuple(order_report(order, venue.pairs[order.pair].units) for order in orders)
    )


def _trades(venue: Venue, trades: list[UserTrade]) -> Succeeded:
    return Succeeded(
        trades=tuple(trade_report(trade, venue.pairs[trade.pair].units) for trade in trades)
    )
