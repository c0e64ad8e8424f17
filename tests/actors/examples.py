"""One good message of each kind the concerns tell each other; members can be replaced."""

from decimal import Decimal
from typing import Any, TypeVar

from actors.kernel.virtual import EPOCH_NS
from state.instrument import TradingRules
from state.messages.accounts import PositionChanged
from state.messages.market import (
    BookDelta,
    BookMeasured,
    BookSnapshot,
    CandleClosed,
    TickerSeen,
    Timeframe,
    TradePrinted,
)
from state.messages.operations import AdminRequest, ClockMeasured, HealthSampled
from state.messages.orders import ApprovedOrder, Bound, OrderProposed
from state.messages.venue import BalanceReport, OrderReport, TradeReport
from state.values import (
    ClientOrderId,
    Currency,
    DecisionId,
    Notional,
    OrderType,
    Pair,
    Price,
    Quantity,
    Role,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    TradeId,
    VenueOrderId,
)

BTC = Pair("BTC_USDT")
ETH = Pair("ETH_USDT")
USDT = Currency("USDT")
NOW = TimeNs(EPOCH_NS)
"""When a house begins."""
T = TypeVar("T")


def rules(**changes: Any) -> TradingRules:
    return _made(
        TradingRules,
        {
            "pair": BTC,
            "base": Currency("BTC"),
            "quote": USDT,
            "price_decimals": 1,
            "quantity_decimals": 4,
            "quantity_min": Quantity(Decimal("0.001")),
            "notional_min": Notional(Decimal(3)),
        },
        changes,
    )


# Market.


def a_snapshot(last_id: int = 10, **changes: Any) -> BookSnapshot:
    return _made(
        BookSnapshot,
        {
            "pair": BTC,
            "event_time_ns": NOW,
            "last_id": last_id,
            "bids": ((99.0, 2.0), (98.0, 5.0)),
            "asks": ((101.0, 2.0), (102.0, 5.0)),
        },
        changes,
    )


def a_delta(first_id: int = 11, last_id: int | None = None, **changes: Any) -> BookDelta:
    return _made(
        BookDelta,
        {
            "pair": BTC,
            "event_time_ns": NOW,
            "first_id": first_id,
            "last_id": first_id if last_id is None else last_id,
            "bids": ((99.0, 3.0),),
            "asks": (),
        },
        changes,
    )


def a_trade(trade_id: int = 1, at_s: float = 0.0, **changes: Any) -> TradePrinted:
    return _made(
        TradePrinted,
        {
            "pair": BTC,
            "event_time_ns": TimeNs(NOW + int(at_s * 1e9)),
            "trade_id": trade_id,
            "price": 100.0,
            "quantity": 1.0,
            "taker": Side.BUY,
        },
        changes,
    )


def a_ticker(**changes: Any) -> TickerSeen:
    return _made(
        TickerSeen,
        {
            "pair": BTC,
            "event_time_ns": NOW,
            "last": 100.0,
            "bid": 99.0,
            "ask": 101.0,
            "base_volume_24h": 10.0,
            "quote_volume_24h": 1000.0,
            "change_24h": 0.5,
        },
        changes,
    )


def a_measure(**changes: Any) -> BookMeasured:
    return _made(
        BookMeasured,
        {
            "pair": BTC,
            "event_time_ns": NOW,
            "seen_time_ns": NOW,
            "sequence": 10,
            "bid": 100.0,
            "bid_size": 3.0,
            "ask": 100.2,
            "ask_size": 1.0,
            "mid": 100.1,
            "weighted_mid": 100.15,
            "spread_bps": 19.98,
            "imbalance": 0.5,
            "bid_depth": 300.0,
            "ask_depth": 100.2,
            "depth_bps": 10.0,
            "levels": 100,
        },
        changes,
    )


def a_candle(number: int = 0, close: float = 100.0, **changes: Any) -> CandleClosed:
    """The `number`-th second's candle, all four prices `close`."""
    opening = NOW + number * 1_000_000_000
    return _made(
        CandleClosed,
        {
            "pair": BTC,
            "event_time_ns": TimeNs(opening + 1_000_000_000),
            "timeframe": Timeframe.S1,
            "open_time_ns": TimeNs(opening),
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "base_volume": 1.0,
            "quote_volume": close,
            "trades": 1,
        },
        changes,
    )


# Trading.


def a_proposal(**changes: Any) -> OrderProposed:
    return _made(
        OrderProposed,
        {
            "decision_id": DecisionId("d-1"),
            "trace_id": TraceId("trace-1"),
            "pair": BTC,
            "strategy": "trend",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Quantity(Decimal(1)),
            "price": Price(Decimal("100.2")),
            "time_in_force": TimeInForce.GTC,
            "reason": "upward",
            "worksheet": (Bound(name="order_notional", quantity=Quantity(Decimal(1))),),
            "proposed_at_ns": NOW,
            "expires_at_ns": TimeNs(NOW + 2_000_000_000),
            "reply_to": "trader",
        },
        changes,
    )


def an_approval(**changes: Any) -> ApprovedOrder:
    """Tests alone may make one beside the risk guard."""
    return _made(
        ApprovedOrder,
        {
            "decision_id": DecisionId("d-1"),
            "trace_id": TraceId("trace-1"),
            "pair": BTC,
            "strategy": "trend",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Quantity(Decimal(2)),
            "price": Price(Decimal(100)),
            "time_in_force": TimeInForce.GTC,
            "expires_at_ns": TimeNs(NOW + 3_600_000_000_000),
            "expires_monotonic_ns": 2**62,
            "reply_to": "trader",
        },
        changes,
    )


def a_position(quantity: str = "1", **changes: Any) -> PositionChanged:
    return _made(
        PositionChanged,
        {
            "pair": BTC,
            "quantity": Decimal(quantity),
            "average_entry": Decimal(100) if Decimal(quantity) else Decimal(0),
            "realised": Decimal(0),
            "fees": Decimal(0),
            "at_ns": NOW,
        },
        changes,
    )


# Exchange.


def an_order_report(name: str = "t-gh-1", **changes: Any) -> OrderReport:
    return _made(
        OrderReport,
        {
            "client_order_id": ClientOrderId(name),
            "venue_order_id": VenueOrderId("v-1"),
            "pair": BTC,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "quantity": Decimal(2),
            "price": Price(Decimal(100)),
            "filled_quantity": Quantity(Decimal(0)),
            "filled_notional": Notional(Decimal(0)),
            "open": True,
            "finish_as": "open",
            "event_time_ns": NOW,
        },
        changes,
    )


def a_trade_report(name: str = "t-gh-1", **changes: Any) -> TradeReport:
    return _made(
        TradeReport,
        {
            "trade_id": TradeId("7"),
            "venue_order_id": VenueOrderId("v-1"),
            "client_order_id": ClientOrderId(name),
            "pair": BTC,
            "side": Side.BUY,
            "role": Role.TAKER,
            "price": Price(Decimal(100)),
            "quantity": Quantity(Decimal(1)),
            "fee": Decimal("0.002"),
            "fee_currency": Currency("BTC"),
            "event_time_ns": NOW,
        },
        changes,
    )


def a_balance(currency: str, available: str, locked: str = "0") -> BalanceReport:
    return BalanceReport(
        currency=Currency(currency),
        available=Decimal(available),
        locked=Decimal(locked),
        event_time_ns=NOW,
    )


# Operations.


def a_clock(offset_ms: float = 0.0, uncertainty_ms: float = 10.0) -> ClockMeasured:
    return ClockMeasured(
        offset_ns=int(offset_ms * 1e6), uncertainty_ns=int(uncertainty_ms * 1e6), at_ns=NOW
    )


def a_health(**changes: Any) -> HealthSampled:
    return _made(
        HealthSampled,
        {
            "at_ns": NOW,
            "cpu_percent": 1.0,
            "rss_bytes": 1,
            "rss_slope_bytes_h": 0.0,
            "threads": 1,
            "fds": 1,
            "clock_offset_ms": None,
            "clock_uncertainty_ms": None,
            "mailbox_depth_max": 0,
            "mailbox_oldest_ms": 0.0,
            "restarts": 0,
        },
        changes,
    )


def a_call(method: str, **params: Any) -> AdminRequest:
    return AdminRequest(connection=1, request_id=1, method=method, params=params, caller="uid 1000")


def _made(kind: type[T], members: dict[str, Any], changes: dict[str, Any]) -> T:
    return kind(**members | changes)
