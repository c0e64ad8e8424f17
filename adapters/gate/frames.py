"""Gate's WebSocket frames to messages, and subscriptions to frames. Pure.

A frame is read in two steps: `decode_frame` says what kind it is, `decode_market` and
`decode_account` read what it carries. Any bytes either decode or raise `VenueMalformed`.
"""

from collections.abc import Callable
from enum import StrEnum
from math import nan
from typing import Literal

import msgspec
from msgspec import Raw, Struct, field

from adapters.gate.amounts import TIME_MAX, Number, money, ns_of_ms, ns_of_s
from adapters.gate.decoding import UNREADABLE, Size, decoded, decoder, unreadable
from adapters.gate.rows import OrderRow, TradeRow, order_report, trade_report
from adapters.gate.signing import Credentials, channel_signature
from adapters.ports import AccountMessage, MarketMessage
from state.errors import VenueMalformed
from state.messages.market import BookDelta, CandleSeen, TickerSeen, Timeframe, TradePrinted
from state.messages.venue import BalanceReport, TriggerMoved
from state.values import NS_PER_MS, NS_PER_S, Currency, Pair, Side, TimeNs

BOOK = "spot.order_book_update"
OBU = "spot.obu"
TRADES = "spot.trades"
TICKERS = "spot.tickers"
CANDLES = "spot.candlesticks"
ORDERS = "spot.orders"
OWN_TRADES = "spot.usertrades"
BALANCES = "spot.balances"
TRIGGERS = "spot.priceorders"
PING = "spot.ping"


class Notice(StrEnum):
    """Frames that carry no more than their kind."""

    UPGRADE = "upgrade"
    """The server will close soon."""
    OTHER = "other"
    """Pongs and whatever Gate may add."""


class Acknowledged(Struct, frozen=True, kw_only=True):
    """Answers one subscribe or unsubscribe."""

    channel: str
    event: str
    request_id: int | None
    """Echo of ours; older servers leave it out."""
    error: str | None
    """Gate's sentence when it said no."""


class Pushed(Struct, frozen=True, gc=False):
    """Carries data of a channel."""

    channel: str
    time_ns: TimeNs
    """When Gate sent it."""
    result: Raw


Frame = Acknowledged | Pushed | Notice


class _Error(Struct, gc=False):
    code: int = 0
    message: str = ""


class _Frame(Struct, gc=False):
    channel: str = ""
    event: str = ""
    type: str = ""
    time: int = 0
    time_ms: int = 0
    id: int | None = None
    error: _Error | None = None
    result: Raw = Raw(b"null")


_Levels = tuple[tuple[float, float], ...]
"""Without bounds, which cost as much as the rest: the feed looks at each (`actors.market`)."""


class _Book(Struct, gc=False):
    t: int
    pair: Pair = field(name="s")
    last_id: int = field(name="u")
    first_id: int | None = field(name="U", default=None)
    bids: _Levels | None = field(name="b", default=None)
    asks: _Levels | None = field(name="a", default=None)
    full: bool = False


class _BookPushed(Pushed, frozen=True, kw_only=True, gc=False):
    """A book update, nine pushes in ten: it is read in one go, and only what is asked for."""

    channel: Literal["spot.order_book_update"]
    event: Literal["update"]
    book: _Book = field(name="result")
    time_ns: TimeNs = TimeNs(0)
    result: Raw = field(name="-", default=Raw(b"null"))


class _Trade(Struct, gc=False):
    id: int
    currency_pair: str
    price: Size
    amount: Size
    side: str = ""
    create_time: Number | None = None
    create_time_ms: Number | None = None


class _Ticker(Struct, gc=False):
    currency_pair: str
    last: Number
    highest_bid: Number | None = None
    lowest_ask: Number | None = None
    base_volume: Number | None = None
    quote_volume: Number | None = None
    change_percentage: Number | None = None


class _Candle(Struct, gc=False):
    t: Number
    name: str = field(name="n")
    open: Size = field(name="o")
    high: Size = field(name="h")
    low: Size = field(name="l")
    close: Size = field(name="c")
    quote_volume: Size = field(name="v")
    base_volume: Size = field(name="a", default=0.0)
    """Missing in recordings of 2021."""
    closed: bool = field(name="w", default=False)


class _Balance(Struct, gc=False):
    currency: str
    available: Number
    freeze: Number
    timestamp_ms: Number | None = None
    timestamp: Number | None = None


class _TriggerPush(Struct, gc=False):
    market: str


_SIDES = {side.value: side for side in Side}
_frame = decoder(_Frame)
_book = decoder(_Book)
_book_pushed = decoder(_BookPushed)
_BOOK_MARK = b'"spot.order_book_update"'
_HEAD = 256
"""Where Gate writes the channel."""
_trade = decoder(_Trade)
_ticker = decoder(_Ticker)
_candle = decoder(_Candle)
_orders = decoder(list[OrderRow])
_own_trades = decoder(list[TradeRow])
_balances = decoder(list[_Balance])
_trigger = decoder(_TriggerPush)
_encoder = msgspec.json.Encoder()


_UNTIMED = TimeNs(0)


def _untimed() -> TimeNs:
    return _UNTIMED


def decode_frame(data: bytes) -> Frame:
    """Return what kind of frame this is.

    Raises:
        VenueMalformed: It is no frame of Gate's.
    """
    if data.find(_BOOK_MARK, 0, _HEAD) >= 0:
        try:
            return _book_pushed.decode(data)
        except UNREADABLE:
            pass  # Something else, or not readable: what is read below says which.
    try:
        frame = _frame.decode(data)
        # One document shows `spot.obu` without its event.
        if frame.event == "update" or (frame.channel == OBU and not frame.event):
            time_ns = frame.time_ms * NS_PER_MS or frame.time * NS_PER_S
            return Pushed(channel=frame.channel, time_ns=TimeNs(time_ns), result=frame.result)
    except UNREADABLE as error:
        raise unreadable(error, data) from None
    if frame.event in ("subscribe", "unsubscribe"):
        return Acknowledged(
            channel=frame.channel,
            event=frame.event,
            request_id=frame.id,
            error=_sentence(frame.error),
        )
    if "upgrade" in (frame.type, frame.event):
        return Notice.UPGRADE
    return Notice.OTHER


def decode_market(
    push: Pushed, seen_ns: TimeNs, now_ns: Callable[[], TimeNs] = _untimed
) -> MarketMessage:
    """Return what a public push says.

    Args:
        push: The push.
        seen_ns: When its bytes arrived, by our clock.
        now_ns: That clock, to note when a book update was read.

    Raises:
        VenueMalformed: It cannot be read.
    """
    if type(push) is _BookPushed:
        book = push.book
    elif push.channel == BOOK:
        book = decoded(_book, push.result, _itself)
    elif push.channel == OBU:
        book = decoded(_book, push.result, _unnamed)
    else:
        return _decode_other(push, seen_ns)
    # In full, without the calls that it could be made of: the innermost of all that is read.
    event_ns, last_id, first_id = book.t * NS_PER_MS, book.last_id, book.first_id
    if not 0 <= event_ns < TIME_MAX:
        raise VenueMalformed(f"a book update: not a time: {book.t}")
    return BookDelta(
        pair=book.pair,
        event_time_ns=event_ns,  # type: ignore[arg-type]
        seen_time_ns=seen_ns,
        # A full push replaces everything, so it may leave out where it begins.
        first_id=last_id if first_id is None else first_id,
        last_id=last_id,
        bids=book.bids or (),
        asks=book.asks or (),
        full=book.full,
        decoded_time_ns=now_ns(),
    )


def _decode_other(push: Pushed, seen_ns: TimeNs) -> MarketMessage:
    if push.channel == TRADES:
        return decoded(_trade, push.result, lambda trade: _print(trade, seen_ns))
    if push.channel == TICKERS:
        return decoded(_ticker, push.result, lambda ticker: _summary(ticker, push, seen_ns))
    if push.channel == CANDLES:
        return decoded(_candle, push.result, lambda candle: _candle_seen(candle, push, seen_ns))
    raise VenueMalformed(f"a push of a channel we did not ask for: {push.channel[:40]!r}")


def decode_account(push: Pushed) -> tuple[AccountMessage, ...]:
    """Return what a private push says.

    Raises:
        VenueMalformed: It cannot be read.
    """
    if push.channel == ORDERS:
        return decoded(_orders, push.result, lambda rows: tuple(map(order_report, rows)))
    if push.channel == OWN_TRADES:
        return decoded(_own_trades, push.result, lambda rows: tuple(map(trade_report, rows)))
    if push.channel == BALANCES:
        return decoded(_balances, push.result, lambda rows: tuple(map(_balance, rows)))
    if push.channel == TRIGGERS:
        return decoded(_trigger, push.result, lambda row: (TriggerMoved(pair=Pair(row.market)),))
    raise VenueMalformed(f"a push of a channel we did not ask for: {push.channel[:40]!r}")


def encode_request(
    *,
    channel: str,
    event: str,
    time_s: int,
    request_id: int,
    payload: tuple[str, ...],
    credentials: Credentials | None = None,
) -> bytes:
    """Return a subscribe or unsubscribe frame, signed when `credentials` are given."""
    frame = {
        "time": time_s,
        "id": request_id,
        "channel": channel,
        "event": event,
        "payload": payload,
    }
    if credentials is not None:
        secret = credentials.secret.reveal()
        sign = channel_signature(secret, channel=channel, event=event, time_s=time_s)
        frame["auth"] = {"method": "api_key", "KEY": credentials.key.reveal(), "SIGN": sign}
    return _encoder.encode(frame)


def encode_ping(time_s: int) -> bytes:
    """Return the frame that Gate answers with `spot.pong`."""
    return _encoder.encode({"time": time_s, "channel": PING})


def _sentence(error: _Error | None) -> str | None:
    return None if error is None else f"code {error.code}: {error.message[:200]}"


def _itself(book: _Book) -> _Book:
    return book


def _unnamed(book: _Book) -> _Book:
    """Return the update of a stream such as `ob.BTC_USDT.50` as that of its pair."""
    prefix, pair, depth = book.pair.split(".")
    if prefix != "ob" or not depth.isdigit():
        raise ValueError(f"no book's stream: {book.pair}")
    book.pair = Pair(pair)
    return book


def _print(trade: _Trade, seen_ns: TimeNs) -> TradePrinted:
    time_ms = trade.create_time_ms
    return TradePrinted(
        pair=Pair(trade.currency_pair),
        event_time_ns=ns_of_ms(time_ms) if time_ms else ns_of_s(trade.create_time),
        seen_time_ns=seen_ns,
        trade_id=trade.id,
        price=trade.price,
        quantity=trade.amount,
        taker=_SIDES.get(trade.side),
    )


def _summary(ticker: _Ticker, push: Pushed, seen_ns: TimeNs) -> TickerSeen:
    return TickerSeen(
        pair=Pair(ticker.currency_pair),
        event_time_ns=push.time_ns,
        seen_time_ns=seen_ns,
        last=float(money(ticker.last)),
        bid=_quote(ticker.highest_bid),
        ask=_quote(ticker.lowest_ask),
        base_volume_24h=float(money(ticker.base_volume)),
        quote_volume_24h=float(money(ticker.quote_volume)),
        change_24h=float(money(ticker.change_percentage)),
    )


def _quote(value: Number | None) -> float:
    # An empty side has no price; NaN compares false with everything, zero would be a bargain.
    return float(money(value)) or nan


def _candle_seen(candle: _Candle, push: Pushed, seen_ns: TimeNs) -> CandleSeen:
    timeframe, _, pair = candle.name.partition("_")
    return CandleSeen(
        pair=Pair(pair),
        event_time_ns=push.time_ns,
        seen_time_ns=seen_ns,
        timeframe=Timeframe(timeframe),
        open_time_ns=ns_of_s(candle.t),
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        base_volume=candle.base_volume,
        quote_volume=candle.quote_volume,
        closed=candle.closed,
    )


def _balance(row: _Balance) -> BalanceReport:
    time_ms = row.timestamp_ms
    return BalanceReport(
        currency=Currency(row.currency),
        available=money(row.available),
        locked=money(row.freeze),
        event_time_ns=ns_of_ms(time_ms) if time_ms else ns_of_s(row.timestamp),
    )
