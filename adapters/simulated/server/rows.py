"""The venue's objects as Gate's REST rows: names, string and number types as on the wire. Pure."""

from decimal import Decimal
from typing import Any

from adapters.simulated.core.candles import SECONDS, Candle
from adapters.simulated.core.events import TradePublished
from adapters.simulated.core.orders import Order, UserTrade
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.price_orders import PriceOrder, PriceOrderStatus
from adapters.simulated.core.units import PairUnits, decimal_of, text_of
from state.values import NS_PER_MS, NS_PER_S, Currency, Side, plain

Row = dict[str, Any]


def seconds_text(time_ns: int) -> str:
    """Return Unix seconds as text."""
    return str(time_ns // NS_PER_S)


def milliseconds_text(time_ns: int) -> str:
    """Return Unix milliseconds with six decimals, as trades carry them."""
    return f"{time_ns // NS_PER_MS}.{time_ns % NS_PER_MS:06d}"


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def pair_row(rules: PairRules) -> Row:
    """Return a row of GET /spot/currency_pairs."""
    return {
        "id": rules.pair,
        "base": rules.base,
        "base_name": rules.base,
        "quote": rules.quote,
        "quote_name": rules.quote,
        "fee": plain(rules.fee_percent),
        "min_base_amount": _optional(rules.min_base),
        "min_quote_amount": _optional(rules.min_quote),
        "max_base_amount": _optional(rules.max_base),
        "max_quote_amount": _optional(rules.max_quote),
        "amount_precision": rules.amount_decimals,
        "precision": rules.price_decimals,
        "trade_status": rules.status.value,
        "sell_start": rules.sell_start_s,
        "buy_start": rules.buy_start_s,
        "delisting_time": rules.delisting_s,
        "type": "normal",
        "trade_url": "",
        "st_tag": rules.st_tag,
        "up_rate": plain(rules.up_rate),
        "down_rate": plain(rules.down_rate),
        "slippage": plain(rules.slippage),
        "market_order_max_stock": plain(rules.market_max_base or Decimal(0)),
        "market_order_max_money": plain(rules.market_max_quote or Decimal(0)),
        "trade_quotes": None,
    }


def currency_row(currency: Currency) -> Row:
    """Return a row of GET /spot/currencies."""
    chain = {
        "name": currency,
        "addr": "",
        "withdraw_disabled": True,
        "withdraw_delayed": False,
        "deposit_disabled": True,
    }
    return {
        "currency": currency,
        "name": currency,
        "delisted": False,
        "withdraw_disabled": True,
        "withdraw_delayed": False,
        "deposit_disabled": True,
        "trade_disabled": False,
        "fixed_rate": "",
        "chain": currency,
        "chains": [chain],
        "total_supply": "0",
        "market_cap": "0",
        "category": [],
    }


def ticker_row(market: PairMarket, now_ns: int) -> Row:
    """Return a ticker, the same over REST and WebSocket."""
    units = market.units
    bid, ask = market.book.bids.best(), market.book.asks.best()
    last = market.last_ticks or 0
    start, high, low, lots, ticks_lots = market.day(now_ns) or (last, last, last, 0, 0)
    return {
        "currency_pair": market.rules.pair,
        "last": units.price_text(last),
        "lowest_ask": units.price_text(ask) if ask is not None else "",
        "highest_bid": units.price_text(bid) if bid is not None else "",
        "change_percentage": _change(start, last),
        "base_volume": units.amount_text(lots),
        "quote_volume": quote_text(units, ticks_lots),
        "high_24h": units.price_text(high),
        "low_24h": units.price_text(low),
    }


def _change(start: int, last: int) -> str:
    change = Decimal(last - start) * 100 / start if start else Decimal(0)
    return plain(round(change, 2))


_DAY_S = 86_400
_DAY_BEGINS_S = {"utc0": 0, "utc8": 8 * 3600}
TIME_ZONES = (*_DAY_BEGINS_S, "all")


def day_changes(market: PairMarket, time_zone: str, now_ns: int) -> Row:
    """Return the members of a ticker that count from midnight of a time zone, or of all."""
    now_s, last = now_ns // NS_PER_S, market.last_ticks or 0
    row = {}
    for name, ahead_s in _DAY_BEGINS_S.items():
        if time_zone in (name, "all"):
            midnight_s = now_s - (now_s + ahead_s) % _DAY_S
            row[f"change_{name}"] = _change(market.candles.price_at(midnight_s) or last, last)
    return row


def quote_text(units: PairUnits, ticks_lots: int) -> str:
    """Return a sum of ticks x lots in quote units."""
    return text_of(ticks_lots, units.price_decimals + units.amount_decimals)


def level_rows(units: PairUnits, levels: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """Return (price, amount) of each level."""
    return [(units.price_text(ticks), units.amount_text(lots)) for ticks, lots in levels]


def public_trade_row(units: PairUnits, trade: TradePublished) -> Row:
    """Return a row of GET /spot/trades."""
    return {
        "id": str(trade.id),
        "create_time": seconds_text(trade.time_ns),
        "create_time_ms": milliseconds_text(trade.time_ns),
        "currency_pair": trade.pair,
        "side": trade.taker.value,
        "amount": units.amount_text(trade.lots),
        "price": units.price_text(trade.ticks),
        "sequence_id": str(trade.sequence),
    }


def candle_row(units: PairUnits, bar: Candle, interval: str, now_ns: int) -> list[str]:
    """Return a row of GET /spot/candlesticks: note the order of its columns."""
    closed = now_ns >= (bar.time_s + SECONDS[interval]) * NS_PER_S
    return [
        str(bar.time_s),
        quote_text(units, bar.ticks_lots),
        units.price_text(bar.close),
        units.price_text(bar.high),
        units.price_text(bar.low),
        units.price_text(bar.open),
        units.amount_text(bar.lots),
        "true" if closed else "false",
    ]


def order_row(order: Order, rules: PairRules) -> Row:
    """Return the Order object of REST: times in ms are numbers."""
    return {
        **_order_members(order, rules),
        "create_time_ms": order.created_ns // NS_PER_MS,
        "update_time_ms": order.updated_ns // NS_PER_MS,
        "status": order.status.value,
    }


def order_push(order: Order, rules: PairRules, event: str, user_id: int) -> Row:
    """Return the Order object of `spot.orders`: no status, times in ms are strings."""
    return {
        "avg_deal_price": "0",
        **_order_members(order, rules),
        "create_time_ms": str(order.created_ns // NS_PER_MS),
        "update_time_ms": str(order.updated_ns // NS_PER_MS),
        "event": event,
        "user": user_id,
        "biz_info": "-",
    }


def _order_members(order: Order, rules: PairRules) -> Row:
    units = rules.units
    amount_text = text_of if order.counts_quote else units.amount_text
    received, paid = rules.base, rules.quote
    if order.side is Side.SELL:
        received, paid = paid, received
    filled_total = text_of(order.filled_quote)
    row: Row = {
        "id": str(order.id),
        "text": order.text,
        "amend_text": order.amend_text,
        "create_time": seconds_text(order.created_ns),
        "update_time": seconds_text(order.updated_ns),
        "currency_pair": order.pair,
        "type": order.type.value,
        "account": order.wallet,
        "side": order.side.value,
        "amount": amount_text(order.amount),
        "price": units.price_text(order.ticks),
        "time_in_force": order.time_in_force.value,
        "iceberg": units.amount_text(order.iceberg),
        "left": amount_text(order.left),
        "filled_amount": units.amount_text(order.filled_lots),
        "fill_price": filled_total,
        "filled_total": filled_total,
        "fee": text_of(order.fee),
        "fee_currency": received,
        "point_fee": text_of(order.point_fee),
        "gt_fee": text_of(order.gt_fee),
        "gt_maker_fee": text_of(order.gt_maker_fee),
        "gt_taker_fee": text_of(order.gt_taker_fee),
        "gt_discount": order.gt_discount,
        "rebated_fee": "0",
        "rebated_fee_currency": paid,
        "stp_id": order.stp_group,
        "stp_act": order.stp_act.value if order.stp_group and order.stp_act else "-",
        "finish_as": order.finish_as,
        "auto_repay": False,
    }
    if order.slippage is not None:
        row["slippage"] = plain(order.slippage)
    if order.filled_lots:
        row["avg_deal_price"] = _average(order, units)
    return row


def _average(order: Order, units: PairUnits) -> str:
    average = decimal_of(order.filled_quote) / decimal_of(order.filled_lots, units.amount_decimals)
    return plain(round(average, units.price_decimals + 6))


def user_trade_row(trade: UserTrade, units: PairUnits) -> Row:
    """Return a row of GET /spot/my_trades."""
    return {
        "id": str(trade.id),
        "create_time": seconds_text(trade.time_ns),
        "create_time_ms": milliseconds_text(trade.time_ns),
        "currency_pair": trade.pair,
        "side": trade.side.value,
        "role": trade.role.value,
        "amount": units.amount_text(trade.lots),
        "price": units.price_text(trade.ticks),
        "order_id": str(trade.order_id),
        "fee": text_of(trade.fee),
        "fee_currency": trade.fee_currency,
        "point_fee": text_of(trade.point_fee),
        "gt_fee": text_of(trade.gt_fee),
        "amend_text": trade.amend_text,
        "sequence_id": str(trade.sequence),
        "text": trade.text,
        "deal": text_of(trade.quote),
    }


def price_order_row(order: PriceOrder, user_id: int, cancelled: str) -> Row:
    """Return a row of GET /spot/price_orders; `cancelled` is how that status is spelled."""
    put = order.request
    gone = order.status is PriceOrderStatus.CANCELLED
    row: Row = {
        "id": order.id,
        "user": user_id,
        "market": order.pair,
        "trigger": {
            "price": plain(put.trigger_price),
            "rule": put.rule.value,
            "expiration": put.expiration_s,
        },
        "put": {
            "type": put.type.value,
            "side": put.side.value,
            "price": plain(put.price or Decimal(0)),
            "amount": f"{put.amount:.20f}",
            "account": put.wallet,
            "time_in_force": put.time_in_force.value,
            "auto_borrow": False,
            "auto_repay": False,
            "text": put.text,
        },
        "ctime": order.created_ns // NS_PER_S,
        "status": cancelled if gone else order.status.value,
        "reason": order.reason,
    }
    if not order.is_open:
        row["ftime"] = order.ended_ns // NS_PER_S
        row["fired_order_id"] = order.fired_order_id
    return row
