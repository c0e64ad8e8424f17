"""Gate's REST answers to messages. Pure: any bytes either decode or raise `VenueMalformed`.

Unknown members are ignored and missing ones defaulted wherever a reading without them is still
true, because Gate adds and drops members without notice.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from adapters.gate.amounts import Number, is_given, money, ns_of_ms, ns_of_s
from adapters.gate.decoding import Levels, Size, decoded, decoder
from adapters.gate.rows import (
    AccountEntryRow,
    OrderRow,
    TradeRow,
    TriggerRow,
    account_entry,
    order_report,
    trade_report,
    trigger_report,
)
from state.instrument import TradingRules
from state.messages.market import BookSnapshot, CandleSeen, Timeframe
from state.messages.venue import (
    AccountEntry,
    BalanceReport,
    KeyRights,
    OrderReport,
    TradeReport,
    TriggerReport,
)
from state.values import (
    NS_PER_S,
    Currency,
    Notional,
    Pair,
    Quantity,
    Side,
    TimeNs,
)

Decimals = Annotated[int, Meta(ge=0, le=30)]


class _OpenOrdersRow(Struct, gc=False):
    currency_pair: str
    total: int
    orders: list[OrderRow]


class _BalanceRow(Struct, gc=False):
    currency: str
    available: Number
    locked: Number


class _PairRow(Struct, gc=False):
    id: str
    base: str
    quote: str
    precision: Decimals
    amount_precision: Decimals
    trade_status: str
    fee: Number | None = None
    min_base_amount: Number | None = None
    min_quote_amount: Number | None = None
    max_base_amount: Number | None = None
    max_quote_amount: Number | None = None
    market_order_max_stock: Number | None = None
    market_order_max_money: Number | None = None
    max_market_order_stock: Number | None = None
    """The document's example spells the two of them so."""
    max_market_order_money: Number | None = None
    up_rate: Number | None = None
    down_rate: Number | None = None
    buy_start: int | None = None
    sell_start: int | None = None
    delisting_time: int | None = None


class _Book(Struct, gc=False):
    id: int
    asks: Levels
    bids: Levels
    update: Number | None = None
    current: Number | None = None


class _CandleRow(Struct, array_like=True, gc=False):
    t: Number
    quote_volume: Size
    close: Size
    high: Size
    low: Size
    open: Size
    base_volume: Size
    closed: bool


class _Time(Struct, gc=False):
    server_time: Number


class _Countdown(Struct, gc=False):
    trigger_time: Number = msgspec.field(name="triggerTime")


class _Armed(Struct, gc=False):
    id: str | int


class _Permission(Struct, gc=False):
    name: str
    read_only: bool = False


class _KeyRow(Struct, gc=False):
    perms: list[_Permission]
    state: int = 1
    """1 normal, 2 locked, 3 frozen."""
    currency_pairs: list[str] | None = None
    ip_whitelist: list[str] | None = None


class _Error(Struct, gc=False):
    label: str = ""
    message: str | None = None
    detail: str | None = None


class OpenOrders(Struct, frozen=True, kw_only=True):
    """One page of everything that rests."""

    orders: tuple[OrderReport, ...]
    total: int
    """How many orders rest in the pairs of this page, on all pages."""
    rows_max: int
    """How many rows the fullest pair of this page shows."""


_order = decoder(OrderRow)
_orders = decoder(list[OrderRow])
_open_orders = decoder(list[_OpenOrdersRow])
_trades = decoder(list[TradeRow])
_armed = decoder(_Armed)
_trigger = decoder(TriggerRow)
_triggers = decoder(list[TriggerRow])
_account_book = decoder(list[AccountEntryRow])
_balances = decoder(list[_BalanceRow])
_pair = decoder(_PairRow)
_pairs = decoder(list[_PairRow])
_book = decoder(_Book)
_candles = decoder(list[_CandleRow])
_time = decoder(_Time)
_countdown = decoder(_Countdown)
_keys: msgspec.json.Decoder[_KeyRow | list[_KeyRow]] = msgspec.json.Decoder(
    # The SDK says an object, the page's title speaks of keys.
    _KeyRow | list[_KeyRow],
    strict=False,
)
_error = decoder(_Error)


def decode_order(body: bytes) -> OrderReport:
    """Return the order of a place, cancel or get."""
    return decoded(_order, body, order_report)


def decode_orders(body: bytes) -> tuple[OrderReport, ...]:
    """Return the orders of GET /spot/orders."""
    return decoded(_orders, body, lambda rows: tuple(map(order_report, rows)))


def decode_open_orders(body: bytes) -> OpenOrders:
    """Return one page of GET /spot/open_orders."""
    return decoded(_open_orders, body, _open_orders_page)


def decode_trades(body: bytes) -> tuple[TradeReport, ...]:
    """Return the fills of GET /spot/my_trades, in Gate's order."""
    return decoded(_trades, body, lambda rows: tuple(map(trade_report, rows)))


def decode_armed(body: bytes) -> str:
    """Return the id of a price order that was armed, all that POST /spot/price_orders tells."""
    return decoded(_armed, body, lambda row: str(row.id))


def decode_trigger(body: bytes) -> TriggerReport:
    """Return the price order of a cancel."""
    return decoded(_trigger, body, trigger_report)


def decode_triggers(body: bytes) -> tuple[TriggerReport, ...]:
    """Return the price orders of GET /spot/price_orders, in Gate's order."""
    return decoded(_triggers, body, lambda rows: tuple(map(trigger_report, rows)))


def decode_balances(body: bytes, at_ns: TimeNs) -> tuple[BalanceReport, ...]:
    """Return the balances of GET /spot/accounts, which carry no time: `at_ns` stands for it."""
    return decoded(
        _balances,
        body,
        lambda rows: tuple(
            BalanceReport(
                currency=Currency(row.currency),
                available=money(row.available),
                locked=money(row.locked),
                event_time_ns=at_ns,
            )
            for row in rows
        ),
    )


def decode_account_book(body: bytes) -> tuple[AccountEntry, ...]:
    """Return the lines of GET /spot/account_book, in Gate's order."""
    return decoded(_account_book, body, lambda rows: tuple(map(account_entry, rows)))


def decode_rules(body: bytes) -> TradingRules:
    """Return the rules of GET /spot/currency_pairs/{pair}."""
    return decoded(_pair, body, _trading_rules)


def decode_all_rules(body: bytes) -> tuple[TradingRules, ...]:
    """Return the rules of GET /spot/currency_pairs: every pair Gate lists."""
    return decoded(_pairs, body, lambda rows: tuple(map(_trading_rules, rows)))


def decode_book(body: bytes, pair: Pair, seen_ns: TimeNs) -> BookSnapshot:
    """Return the book of GET /spot/order_book?with_id=true."""
    return decoded(
        _book,
        body,
        lambda book: BookSnapshot(
            pair=pair,
            event_time_ns=ns_of_ms(book.update if is_given(book.update) else book.current),
            seen_time_ns=seen_ns,
            last_id=book.id,
            bids=tuple(sorted(book.bids, reverse=True)),
            asks=tuple(sorted(book.asks)),
        ),
    )


def decode_candles(
    body: bytes, pair: Pair, timeframe: Timeframe, seen_ns: TimeNs
) -> tuple[CandleSeen, ...]:
    """Return the candles of GET /spot/candlesticks, oldest first, each once."""
    return decoded(_candles, body, lambda rows: _candles_seen(rows, pair, timeframe, seen_ns))


def decode_time(body: bytes) -> TimeNs:
    """Return the exchange's clock of GET /spot/time."""
    return decoded(_time, body, lambda answer: ns_of_ms(answer.server_time))


def decode_countdown(body: bytes) -> TimeNs:
    """Return when POST /spot/countdown_cancel_all will fire."""
    return decoded(_countdown, body, lambda answer: ns_of_ms(answer.trigger_time))


def decode_key_rights(body: bytes) -> KeyRights | None:
    """Return what the key of GET /account/main_keys may do; None of several: which is ours?"""
    return decoded(_keys, body, _key_rights)


def decode_error(body: bytes) -> tuple[str, str]:
    """Return label and sentence of an error body; empty where there is no label."""
    return decoded(
        _error, body, lambda error: (error.label, error.message or error.detail or "no message")
    )


def _open_orders_page(rows: list[_OpenOrdersRow]) -> OpenOrders:
    return OpenOrders(
        orders=tuple(order_report(order) for row in rows for order in row.orders),
        total=sum(row.total for row in rows),
        rows_max=max((len(row.orders) for row in rows), default=0),
    )


def _key_rights(told: _KeyRow | list[_KeyRow]) -> KeyRights | None:
    rows = told if isinstance(told, list) else [told]
    if len(rows) != 1:
        return None
    [row] = rows
    return KeyRights(
        acts_in=frozenset(one.name for one in row.perms if not one.read_only),
        looks_at=frozenset(one.name for one in row.perms if one.read_only),
        is_active=row.state == 1,
        pairs=tuple(map(Pair, row.currency_pairs or ())),
        addresses=tuple(row.ip_whitelist or ()),
    )


def _candles_seen(
    rows: list[_CandleRow], pair: Pair, timeframe: Timeframe, seen_ns: TimeNs
) -> tuple[CandleSeen, ...]:
    length_ns, seen = timeframe.seconds * NS_PER_S, {}
    for row in rows:
        opening = ns_of_s(row.t)
        if opening % length_ns:
            raise ValueError(f"a candle of {timeframe.value} does not open at {row.t}")
        if not row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high:
            raise ValueError(f"a candle's range leaves out its ends: {row.t}")
        seen[opening] = CandleSeen(
            pair=pair,
            event_time_ns=TimeNs(opening + length_ns),
            seen_time_ns=seen_ns,
            timeframe=timeframe,
            open_time_ns=opening,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            base_volume=row.base_volume,
            quote_volume=row.quote_volume,
            closed=row.closed,
        )
    return tuple(seen[opening] for opening in sorted(seen))


_TRADABLE = {
    "tradable": frozenset(Side),
    "buyable": frozenset({Side.BUY}),
    "sellable": frozenset({Side.SELL}),
}


def _trading_rules(row: _PairRow) -> TradingRules:
    return TradingRules(
        pair=Pair(row.id),
        base=Currency(row.base),
        quote=Currency(row.quote),
        price_decimals=row.precision,
        quantity_decimals=row.amount_precision,
        quantity_min=Quantity(money(row.min_base_amount)),
        notional_min=Notional(money(row.min_quote_amount)),
        quantity_max=_quantity_cap(row.max_base_amount),
        notional_max=_notional_cap(row.max_quote_amount),
        market_quantity_max=_quantity_cap(row.market_order_max_stock or row.max_market_order_stock),
        market_notional_max=_notional_cap(row.market_order_max_money or row.max_market_order_money),
        up_rate=money(row.up_rate) if is_given(row.up_rate) else None,
        down_rate=money(row.down_rate) if is_given(row.down_rate) else None,
        # Gate writes percent here and shares everywhere else.
        fee_rate=money(row.fee) / 100,
        tradable=_TRADABLE.get(row.trade_status, frozenset()),
        opens_at_ns={
            side: TimeNs(start_s * NS_PER_S)
            for side, start_s in ((Side.BUY, row.buy_start), (Side.SELL, row.sell_start))
            if start_s
        },
        delisted_at_ns=TimeNs(row.delisting_time * NS_PER_S) if row.delisting_time else None,
    )


def _quantity_cap(told: Number | None) -> Quantity | None:
    """Return a cap in base units; nothing and zero are none."""
    return Quantity(money(told)) or None


def _notional_cap(told: Number | None) -> Notional | None:
    """Return a cap in quote units; nothing and zero are none."""
    return Notional(money(told)) or None
