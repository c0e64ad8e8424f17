"""The venue's objects as the messages of `state.messages`, for the in-process form. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from adapters.simulated.core.candles import Candle
from adapters.simulated.core.events import BalanceMoved, BookPublished, TradePublished
from adapters.simulated.core.ledger import Balance, BookEntry
from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.price_orders import PriceOrder, PriceOrderStatus
from adapters.simulated.core.units import PairUnits, decimal_of
from state.instrument import TradingRules
from state.messages.market import (
    BookDelta,
    BookSnapshot,
    CandleSeen,
    Level,
    TickerSeen,
    Timeframe,
    TradePrinted,
)
from state.messages.venue import (
    AccountEntry,
    BalanceReport,
    OrderReport,
    TradeReport,
    TriggerReport,
    TriggerRule,
    TriggerStatus,
)
from state.values import (
    NS_PER_MS,
    NS_PER_S,
    ClientOrderId,
    Currency,
    Notional,
    Price,
    Quantity,
    Side,
    TimeNs,
    TradeId,
    VenueOrderId,
)


def order_report(order: Order, units: PairUnits) -> OrderReport:
    """Return the venue's view of one order."""
    amount_decimals = 18 if order.counts_quote else units.amount_decimals
    return OrderReport(
        client_order_id=ClientOrderId(order.text),
        venue_order_id=VenueOrderId(str(order.id)),
        pair=order.pair,
        side=order.side,
        order_type=order.type,
        time_in_force=order.time_in_force,
        quantity=decimal_of(order.amount, amount_decimals),
        price=Price(decimal_of(order.ticks, units.price_decimals)),
        filled_quantity=Quantity(decimal_of(order.filled_lots, units.amount_decimals)),
        filled_notional=Notional(decimal_of(order.filled_quote)),
        open=order.is_open,
        finish_as=order.finish_as,
        event_time_ns=TimeNs(order.updated_ns),
    )


def trade_report(trade: UserTrade, units: PairUnits) -> TradeReport:
    """Return one fill."""
    return TradeReport(
        trade_id=TradeId(str(trade.id)),
        venue_order_id=VenueOrderId(str(trade.order_id)),
        client_order_id=ClientOrderId(trade.text),
        pair=trade.pair,
        side=trade.side,
        role=trade.role,
        price=Price(decimal_of(trade.ticks, units.price_decimals)),
        quantity=Quantity(decimal_of(trade.lots, units.amount_decimals)),
        fee=decimal_of(trade.fee),
        fee_currency=trade.fee_currency,
        event_time_ns=TimeNs(trade.time_ns),
    )


_TRIGGER_STATUS = {
    PriceOrderStatus.OPEN: TriggerStatus.OPEN,
    PriceOrderStatus.CANCELLED: TriggerStatus.CANCELLED,
    PriceOrderStatus.FINISHED: TriggerStatus.FIRED,
    PriceOrderStatus.FAILED: TriggerStatus.FAILED,
    PriceOrderStatus.EXPIRED: TriggerStatus.EXPIRED,
}


def trigger_report(kept: PriceOrder) -> TriggerReport:
    """Return one price order; over REST its times are whole seconds."""
    request, fired = kept.request, kept.fired_order_id
    return TriggerReport(
        venue_trigger_id=str(kept.id),
        pair=kept.pair,
        side=request.side,
        rule=TriggerRule(request.rule),
        trigger_price=Price(request.trigger_price),
        price=Price(request.price or Decimal(0)),
        quantity=Quantity(request.amount),
        expiration_s=request.expiration_s,
        status=_TRIGGER_STATUS[kept.status],
        fired_order_id=VenueOrderId(str(fired)) if fired else None,
        reason=kept.reason,
        created_at_ns=_whole_seconds(kept.created_ns),
        ended_at_ns=_whole_seconds(kept.ended_ns),
    )


def _whole_seconds(time_ns: int) -> TimeNs:
    return TimeNs(time_ns - time_ns % NS_PER_S)


def balance_report(moved: BalanceMoved) -> BalanceReport:
    """Return one currency after a change."""
    return BalanceReport(
        currency=moved.currency,
        available=decimal_of(moved.available),
        locked=decimal_of(moved.locked),
        event_time_ns=TimeNs(moved.time_ns),
    )


def account_entry(entry: BookEntry) -> AccountEntry:
    """Return one line of the account book."""
    return AccountEntry(
        entry_id=str(entry.id),
        currency=entry.currency,
        change=decimal_of(entry.change),
        kind=entry.type,
        text=entry.text,
        # Gate tells milliseconds only.
        event_time_ns=TimeNs(entry.time_ns - entry.time_ns % NS_PER_MS),
    )


def balance_listed(currency: Currency, balance: Balance, now_ns: int) -> BalanceReport:
    """Return one currency as a list shows it."""
    return BalanceReport(
        currency=currency,
        available=decimal_of(balance.available),
        locked=decimal_of(balance.locked),
        event_time_ns=TimeNs(now_ns),
    )


def trading_rules(rules: PairRules) -> TradingRules:
    """Return what a pair allows."""
    sides = frozenset(side for side in Side if rules.status.allows(side))
    return TradingRules(
        pair=rules.pair,
        base=rules.base,
        quote=rules.quote,
        price_decimals=rules.price_decimals,
        quantity_decimals=rules.amount_decimals,
        quantity_min=Quantity(rules.min_base or decimal_of(0)),
        notional_min=Notional(rules.min_quote or decimal_of(0)),
        quantity_max=None if rules.max_base is None else Quantity(rules.max_base),
        notional_max=None if rules.max_quote is None else Notional(rules.max_quote),
        market_quantity_max=Quantity(rules.market_max_base or decimal_of(0)) or None,
        market_notional_max=Notional(rules.market_max_quote or decimal_of(0)) or None,
        up_rate=rules.up_rate,
        down_rate=rules.down_rate,
        fee_rate=rules.fee_percent / 100,
        tradable=sides,
        opens_at_ns={
            side: TimeNs(start_s * NS_PER_S)
            for side, start_s in ((Side.BUY, rules.buy_start_s), (Side.SELL, rules.sell_start_s))
            if start_s
        },
        delisted_at_ns=TimeNs(rules.delisting_s * NS_PER_S) if rules.delisting_s else None,
    )


def _levels(units: PairUnits, levels: Iterable[tuple[int, int]]) -> tuple[Level, ...]:
    # A quotient of whole numbers is the float nearest to the decimal, as if it had been parsed.
    price_unit, amount_unit = 10**units.price_decimals, 10**units.amount_decimals
    return tuple((ticks / price_unit, lots / amount_unit) for ticks, lots in levels)


def book_snapshot(market: PairMarket, depth: int, now_ns: int) -> BookSnapshot:
    """Return a pair's book, which the reader will follow from here."""
    bids, asks = market.snapshot(depth, followed=True)
    return BookSnapshot(
        pair=market.rules.pair,
        event_time_ns=TimeNs(now_ns),
        last_id=market.book.update_id,
        bids=_levels(market.units, bids),
        asks=_levels(market.units, asks),
    )


def book_delta(told: BookPublished, units: PairUnits, seen_ns: int) -> BookDelta:
    """Return what changed in a book."""
    return BookDelta(
        pair=told.pair,
        event_time_ns=TimeNs(told.time_ns),
        seen_time_ns=TimeNs(seen_ns),
        first_id=told.first_id,
        last_id=told.last_id,
        bids=_levels(units, told.bids),
        asks=_levels(units, told.asks),
        full=told.full,
    )


def trade_printed(trade: TradePublished, units: PairUnits, seen_ns: int) -> TradePrinted:
    """Return one public trade."""
    return TradePrinted(
        pair=trade.pair,
        event_time_ns=TimeNs(trade.time_ns),
        seen_time_ns=TimeNs(seen_ns),
        trade_id=trade.id,
        price=trade.ticks / 10**units.price_decimals,
        quantity=trade.lots / 10**units.amount_decimals,
        taker=trade.taker,
    )


def ticker_seen(market: PairMarket, now_ns: int, seen_ns: int) -> TickerSeen | None:
    """Return a pair's summary, None while a side of its book is empty."""
    units = market.units
    price_unit = 10**units.price_decimals
    bid, ask = market.book.bids.best(), market.book.asks.best()
    last = market.reference_ticks()
    if bid is None or ask is None or last is None:
        return None
    start, _, _, lots, ticks_lots = market.day(now_ns) or (last, last, last, 0, 0)
    return TickerSeen(
        pair=market.rules.pair,
        event_time_ns=TimeNs(now_ns),
        seen_time_ns=TimeNs(seen_ns),
        last=last / price_unit,
        bid=bid / price_unit,
        ask=ask / price_unit,
        base_volume_24h=lots / 10**units.amount_decimals,
        quote_volume_24h=ticks_lots / (price_unit * 10**units.amount_decimals),
        change_24h=round((last - start) / start * 100, 2),
    )


def candle_seen(
    market: PairMarket, bar: Candle, timeframe: Timeframe, now_ns: int, seen_ns: int
) -> CandleSeen:
    """Return one candle of the venue's own."""
    units = market.units
    price_unit, amount_unit = 10**units.price_decimals, 10**units.amount_decimals
    return CandleSeen(
        pair=market.rules.pair,
        event_time_ns=TimeNs(now_ns),
        seen_time_ns=TimeNs(seen_ns),
        timeframe=timeframe,
        open_time_ns=TimeNs(bar.time_s * NS_PER_S),
        open=bar.open / price_unit,
        high=bar.high / price_unit,
        low=bar.low / price_unit,
        close=bar.close / price_unit,
        base_volume=bar.lots / amount_unit,
        quote_volume=bar.ticks_lots / (price_unit * amount_unit),
        closed=now_ns >= (bar.time_s + timeframe.seconds) * NS_PER_S,
    )
