"""Public market data over REST (gate-protocol.md section 4). Pure functions of venue and call."""

from decimal import Decimal
from typing import Any

from adapters.simulated.core.candles import MOST, REST_INTERVALS, SECONDS, refuse_too_many
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.refusals import invalid_parameter, refusal
from adapters.simulated.rate_limits import LimitClass
from adapters.simulated.server.calls import Call, Route, one_page
from adapters.simulated.server.rows import (
    TIME_ZONES,
    Row,
    candle_row,
    currency_row,
    day_changes,
    level_rows,
    pair_row,
    public_trade_row,
    ticker_row,
)
from state.values import NS_PER_MS, NS_PER_S, Currency

_DEEPEST_TRADE = 100_000


def server_time(call: Call) -> Row:
    """GET /spot/time."""
    return {"server_time": (call.now_ns + call.ahead_ns) // NS_PER_MS}


def _currencies(call: Call) -> list[Currency]:
    listed: dict[Currency, None] = {}
    for market in call.venue.pairs.values():
        listed[market.rules.base] = listed[market.rules.quote] = None
    return list(listed)


def currencies(call: Call) -> list[Row]:
    """GET /spot/currencies."""
    return [currency_row(each) for each in _currencies(call)]


def currency(call: Call) -> Row:
    """GET /spot/currencies/{currency}."""
    name = Currency(call.path["currency"])
    if name not in _currencies(call):
        raise refusal("INVALID_CURRENCY", f"Invalid currency {name}")
    return currency_row(name)


def currency_pairs(call: Call) -> list[Row]:
    """GET /spot/currency_pairs."""
    return [pair_row(market.rules) for market in call.venue.pairs.values()]


def currency_pair(call: Call) -> Row:
    """GET /spot/currency_pairs/{currency_pair}."""
    return pair_row(call.venue.pair(call.path["currency_pair"]).rules)


def tickers(call: Call) -> list[Row]:
    """GET /spot/tickers: always an array."""
    name, zone = call.query.get("currency_pair"), call.query.get("timezone")
    if zone and zone not in TIME_ZONES:
        raise invalid_parameter("timezone", zone)
    if not name:
        return [_ticker(market, zone, call) for market in call.venue.pairs.values()]
    market = call.venue.pair(name)
    row = _ticker(market, zone, call)
    for side, member in ((market.book.asks, "lowest_size"), (market.book.bids, "highest_size")):
        best = side.top(1)
        row[member] = market.units.amount_text(best[0][1]) if best else ""
    return [row]


def _ticker(market: PairMarket, zone: str | None, call: Call) -> Row:
    row = ticker_row(market, call.now_ns)
    return row | day_changes(market, zone, call.now_ns) if zone else row


def order_book(call: Call) -> Row:
    """GET /spot/order_book."""
    market = call.venue.pair(call.required("currency_pair"))
    limit = call.number("limit", 10, least=1, most=call.venue.switches.book_limit_max)
    with_id = call.flag("with_id")
    interval = call.query.get("interval", "0") or "0"
    bids, asks = market.snapshot(limit, followed=with_id)
    if interval != "0":
        bids, asks = _merged_levels(market, interval, limit)
    book: Row = {
        "current": call.now_ns // NS_PER_MS,
        "update": call.now_ns // NS_PER_MS,
        "asks": level_rows(market.units, asks),
        "bids": level_rows(market.units, bids),
    }
    return {"id": market.book.update_id, **book} if with_id else book


def _merged_levels(
    market: PairMarket, interval: str, limit: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Put levels of one price step together: bids at its lower, asks at its upper end."""
    try:
        step = market.units.ticks(Decimal(interval))
    except ArithmeticError:
        step = None
    if step is None or step < 1:
        raise invalid_parameter("interval", interval)
    sides = []
    for side in (market.book.bids, market.book.asks):
        merged: dict[int, int] = {}
        for key in reversed(side.keys):
            # Rounding a key down moves a bid down and an ask, whose key is negative, up.
            price = (key // step * step) * side.sign
            merged[price] = merged.get(price, 0) + side.size_at(key)
            if len(merged) > limit:
                break
        sides.append(list(merged.items())[:limit])
    return sides[0], sides[1]


def trades(call: Call) -> list[Row]:
    """GET /spot/trades: newest first."""
    market = call.venue.pair(call.required("currency_pair"))
    limit = call.number("limit", 100, least=1, most=MOST)
    page = call.number("page", 1, least=1)
    if limit * (page - 1) > _DEEPEST_TRADE:
        raise invalid_parameter("page", page)
    since = call.number("from", 0) * NS_PER_S
    until = call.number("to", 1 << 40) * NS_PER_S
    last_id = call.optional_number("last_id")
    older = call.flag("reverse")
    chosen = [
        trade
        for trade in reversed(market.trades)
        if since <= trade.time_ns <= until
        and (last_id is None or (trade.id < last_id if older else trade.id > last_id))
    ]
    return [public_trade_row(market.units, trade) for trade in one_page(chosen, page, limit)]


def candlesticks(call: Call) -> list[list[str]]:
    """GET /spot/candlesticks: oldest first."""
    market = call.venue.pair(call.required("currency_pair"))
    interval = call.query.get("interval") or "30m"
    if interval not in REST_INTERVALS:
        raise invalid_parameter("interval", interval)
    length, now_s = SECONDS[interval], call.now_ns // NS_PER_S
    limit = call.optional_number("limit")
    start, end = call.optional_number("from"), call.optional_number("to")
    if limit is not None and (start is not None or end is not None):
        raise refusal("INVALID_PARAM_VALUE", "`limit` excludes `from` and `to`")
    count = call.number("limit", 100, least=1, most=MOST)
    end = min(now_s if end is None else end, now_s)
    if start is None:
        start = end - end % length - (count - 1) * length
    refuse_too_many(length, start, end, now_s)
    bars = market.candles.bars(interval, start, end, now_s)
    return [candle_row(market.units, bar, interval, call.now_ns) for bar in bars]


def nothing(_call: Call) -> list[Any]:
    """GET /margin/currency_pairs: some clients ask; there is no margin here."""
    return []


def _public(path: str, handler: Any) -> Route:
    return Route("GET", path, handler, signed=False, limit=LimitClass.PUBLIC)


ROUTES = (
    _public("/spot/time", server_time),
    _public("/spot/currencies", currencies),
    _public("/spot/currencies/{currency}", currency),
    _public("/spot/currency_pairs", currency_pairs),
    _public("/spot/currency_pairs/{currency_pair}", currency_pair),
    _public("/spot/tickers", tickers),
    _public("/spot/order_book", order_book),
    _public("/spot/trades", trades),
    _public("/spot/candlesticks", candlesticks),
    _public("/margin/currency_pairs", nothing),
)
