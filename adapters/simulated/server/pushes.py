"""What the WebSocket channels tell, as Gate's messages. Pure."""

from decimal import Decimal
from typing import Any

import msgspec

from adapters.simulated.core.book_channel import BOOK_KINDS
from adapters.simulated.core.candles import SECONDS, Candle
from adapters.simulated.core.events import (
    Announced,
    BalanceMoved,
    BookPublished,
    TradePublished,
)
from adapters.simulated.core.orders import UserTrade
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.price_orders import PriceOrder
from adapters.simulated.core.switches import ChangeOf
from adapters.simulated.core.units import PairUnits, text_of
from adapters.simulated.server.rows import (
    Row,
    level_rows,
    milliseconds_text,
    quote_text,
    seconds_text,
)
from state.values import NS_PER_MS, NS_PER_S, plain

_encode = msgspec.json.Encoder().encode

_APART = 7_000_000_000
"""What the ids of `spot.obu` are ahead by where they are numbered apart."""

LANGUAGES = ("en", "cn")

ANNOUNCEMENTS = (
    "listing",
    "delisting",
    "fee",
    "etf",
    "deposit_withdrawal",
    "rename",
    "precision",
    "engine_upgrade",
    "all",
)
"""Subjects of announcements; the last hears of each."""

_FEES = frozenset({
    "fee", "point_fee", "gt_fee", "gt_maker_fee", "gt_taker_fee", "gt_discount", "rebated_fee",
})  # fmt: skip


def push(channel: str, result: Any, now_ns: int) -> bytes:
    """Return the update message of `channel`."""
    return _encode(
        {
            "time": now_ns // NS_PER_S,
            "time_ms": now_ns // NS_PER_MS,
            "channel": channel,
            "event": "update",
            "result": result,
        }
    )


def book_update(units: PairUnits, told: BookPublished) -> Row:
    """Return a result of `spot.order_book_update`."""
    result: Row = {
        "t": told.time_ns // NS_PER_MS,
        "e": "depthUpdate",
        "E": told.time_ns // NS_PER_S,
        "s": told.pair,
        "U": told.first_id,
        "u": told.last_id,
        "b": level_rows(units, told.bids),
        "a": level_rows(units, told.asks),
        "l": str(BOOK_KINDS[told.channel].depth),
    }
    if told.full:
        result["full"] = True
    return result


def book_stream(units: PairUnits, told: BookPublished, *, shared: bool) -> Row:
    """Return a result of `spot.obu`.

    Args:
        units: Of the pair.
        told: What changed, or the whole window, which has no first id.
        shared: Whether its ids are those of REST and of the other channels.
    """
    offset = 0 if shared else _APART
    result: Row = {"t": told.time_ns // NS_PER_MS}
    if told.full:
        result["full"] = True
    result["s"] = book_stream_name(told.channel, told.pair)
    if not told.full:
        result["U"] = told.first_id + offset
    result["u"] = told.last_id + offset
    result["b"] = level_rows(units, told.bids)
    result["a"] = level_rows(units, told.asks)
    return result


def book_stream_name(kind: str, pair: str) -> str:
    """Return the name of a `spot.obu` stream: of `ob.50` and a pair, `ob.BTC_USDT.50`."""
    prefix, _, depth = kind.partition(".")
    return f"{prefix}.{pair}.{depth}"


def whole_book(market: PairMarket, levels: int, now_ns: int) -> Row:
    """Return a result of `spot.order_book`."""
    return {
        "t": now_ns // NS_PER_MS,
        "lastUpdateId": market.book.update_id,
        "s": market.rules.pair,
        "l": str(levels),
        "bids": level_rows(market.units, market.book.bids.top(levels)),
        "asks": level_rows(market.units, market.book.asks.top(levels)),
    }


def book_ticker(market: PairMarket, now_ns: int) -> Row:
    """Return a result of `spot.book_ticker`; an empty side is empty strings."""
    [bid] = level_rows(market.units, market.book.bids.top(1)) or [("", "")]
    [ask] = level_rows(market.units, market.book.asks.top(1)) or [("", "")]
    return {
        "t": now_ns // NS_PER_MS,
        "u": market.book.update_id,
        "s": market.rules.pair,
        "b": bid[0],
        "B": bid[1],
        "a": ask[0],
        "A": ask[1],
    }


def public_trade(units: PairUnits, trade: TradePublished) -> Row:
    """Return a result of `spot.trades`."""
    return {
        "id": trade.id,
        "id_market": trade.id,
        "create_time": trade.time_ns // NS_PER_S,
        "create_time_ms": milliseconds_text(trade.time_ns),
        "side": trade.taker.value,
        "currency_pair": trade.pair,
        "amount": units.amount_text(trade.lots),
        "price": units.price_text(trade.ticks),
        "range": f"{trade.sequence}-{trade.sequence}",
    }


def candle(market: PairMarket, bar: Candle, interval: str, now_ns: int) -> Row:
    """Return a result of `spot.candlesticks`."""
    units = market.units
    return {
        "t": str(bar.time_s),
        "v": quote_text(units, bar.ticks_lots),
        "c": units.price_text(bar.close),
        "h": units.price_text(bar.high),
        "l": units.price_text(bar.low),
        "o": units.price_text(bar.open),
        "n": f"{interval}_{market.rules.pair}",
        "a": units.amount_text(bar.lots),
        "w": now_ns >= (bar.time_s + SECONDS[interval]) * NS_PER_S,
    }


def user_trade(trade: UserTrade, units: PairUnits, user_id: int) -> Row:
    """Return an entry of `spot.usertrades`."""
    return {
        "id": trade.id,
        "user_id": user_id,
        "order_id": str(trade.order_id),
        "currency_pair": trade.pair,
        "create_time": trade.time_ns // NS_PER_S,
        "create_time_ms": milliseconds_text(trade.time_ns),
        "side": trade.side.value,
        "amount": units.amount_text(trade.lots),
        "role": trade.role.value,
        "price": units.price_text(trade.ticks),
        "fee": text_of(trade.fee),
        "fee_currency": trade.fee_currency,
        "point_fee": text_of(trade.point_fee),
        "gt_fee": text_of(trade.gt_fee),
        "text": trade.text,
        "amend_text": trade.amend_text,
        "biz_info": "-",
        "id_market": trade.market_id,
    }


def announcement_channel(subject: str) -> str:
    """Return the channel of announcements about `subject`."""
    return f"announcement.summary_{subject}"


def announcement(told: Announced, language: str) -> Row:
    """Return a result of an announcement channel; the text is the same in each language."""
    return {
        "lang": language,
        "origin_url": f"https://www.gate.com/announcements/article/{told.number}",
        "title": told.title,
        "brief": told.brief,
        "published_at": told.time_ns // NS_PER_S,
    }


def upgrade(now_ns: int) -> bytes:
    """Return the notice that the server will close this connection soon."""
    return _encode(
        {
            "time": now_ns // NS_PER_S,
            "time_ms": now_ns // NS_PER_MS,
            # Some clients take no message without a channel, and look for the one or the other
            # of the next two.
            "channel": "spot.upgrade",
            "event": "upgrade",
            "type": "upgrade",
            "msg": "The connection will soon be closed for an upgrade. Please reconnect.",
        }
    )


def without_fees(row: Row) -> Row:
    """Return an entry of a channel as its `_v2` tells it."""
    return {name: value for name, value in row.items() if name not in _FEES}


def price_order(order: PriceOrder, rules: PairRules, user_id: int) -> Row:
    """Return the result of `spot.priceorders`: strings, times in milliseconds."""
    put = order.request
    return {
        "market": order.pair,
        "uid": str(user_id),
        "id": str(order.id),
        "currency_type": rules.base,
        "exchange_type": rules.quote,
        "reason": order.reason,
        "err_msg": order.reason,
        "fired_order_id": order.fired_order_id,
        "instant_cancel": False,
        "trigger_price": plain(put.trigger_price),
        "trigger_rule": put.rule.value,
        "trigger_expiration": put.expiration_s,
        "price": plain(put.price or Decimal(0)),
        "amount": plain(put.amount),
        "source": put.text or "api",
        "order_type": put.type.value,
        "side": put.side.value,
        "engine_type": "spot",
        "is_stop_order": False,
        "stop_trigger_price": "0",
        "stop_trigger_rule": "0",
        "stop_price": "0",
        "ctime": str(order.created_ns // NS_PER_MS),
        "ftime": str(order.ended_ns // NS_PER_MS),
    }


def balance(moved: BalanceMoved, change_of: ChangeOf) -> Row:
    """Return an entry of `spot.balances`."""
    change = moved.available_change
    if change_of is ChangeOf.TOTAL:
        change += moved.locked_change
    return {
        "timestamp": seconds_text(moved.time_ns),
        "timestamp_ms": str(moved.time_ns // NS_PER_MS),
        "user": str(moved.user_id),
        "currency": moved.currency,
        "change": text_of(change),
        "total": text_of(moved.available + moved.locked),
        "available": text_of(moved.available),
        "freeze": text_of(moved.locked),
        "freeze_change": text_of(moved.locked_change),
        "change_type": moved.change_type,
    }
