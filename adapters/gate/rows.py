"""Orders and fills as Gate writes them, over REST and on the private streams alike. Pure."""

from decimal import Decimal

from msgspec import Struct

from adapters.gate.amounts import Number, is_given, money, ns_of_ms, ns_of_s
from state.messages.venue import (
    AccountEntry,
    OrderReport,
    TradeReport,
    TriggerReport,
    TriggerRule,
    TriggerStatus,
)
from state.values import (
    ClientOrderId,
    Currency,
    Notional,
    OrderType,
    Pair,
    Price,
    Quantity,
    Role,
    Side,
    TimeInForce,
    TimeNs,
    TradeId,
    VenueOrderId,
)


class OrderRow(Struct, gc=False):
    """An order as REST and `spot.orders` write it."""

    id: str | int
    currency_pair: str
    side: Side
    amount: Number
    text: str = ""
    type: str = "limit"
    time_in_force: str = "gtc"
    price: Number | None = None
    left: Number | None = None
    filled_amount: Number | None = None
    filled_total: Number | None = None
    fill_price: Number | None = None
    avg_deal_price: Number | None = None
    status: str | None = None
    event: str | None = None
    finish_as: str | None = None
    update_time_ms: Number | None = None
    update_time: Number | None = None
    create_time_ms: Number | None = None
    create_time: Number | None = None


class TradeRow(Struct, gc=False):
    """A fill of ours as REST and `spot.usertrades` write it."""

    id: str | int
    order_id: str | int
    currency_pair: str
    side: Side
    role: Role
    amount: Number
    price: Number
    text: str = ""
    fee: Number | None = None
    fee_currency: str | None = None
    gt_fee: Number | None = None
    point_fee: Number | None = None
    create_time_ms: Number | None = None
    create_time: Number | None = None


class _Trigger(Struct, gc=False):
    price: Number
    rule: TriggerRule
    expiration: int = 0


class _Put(Struct, gc=False):
    side: Side
    amount: Number
    price: Number | None = None


class TriggerRow(Struct, gc=False):
    """A price order as REST writes it."""

    id: str | int
    market: str
    trigger: _Trigger
    put: _Put
    status: str
    ctime: Number | None = None
    ftime: Number | None = None
    fired_order_id: str | int | None = None
    reason: str = ""


def order_report(row: OrderRow) -> OrderReport:
    """Return what one row says of an order.

    Raises:
        ValueError: An amount, a time or the state cannot be read.
    """
    rests = _rests(row)
    return OrderReport(
        client_order_id=ClientOrderId(row.text),
        venue_order_id=VenueOrderId(str(row.id)),
        pair=Pair(row.currency_pair),
        side=row.side,
        order_type=_order_type(row),
        time_in_force=_time_in_force(row),
        quantity=money(row.amount),
        price=Price(money(row.price)),
        filled_quantity=Quantity(_filled_base(row)),
        # `fill_price` is the deprecated spelling of the quote total, not a price.
        filled_notional=Notional(
            money(row.filled_total if is_given(row.filled_total) else row.fill_price)
        ),
        open=rests,
        finish_as="open" if rests else row.finish_as or "unknown",
        event_time_ns=_row_time(
            row.update_time_ms, row.update_time, row.create_time_ms, row.create_time
        ),
    )


def trade_report(row: TradeRow) -> TradeReport:
    """Return what one row says of a fill.

    Raises:
        ValueError: An amount or a time cannot be read.
    """
    return TradeReport(
        trade_id=TradeId(str(row.id)),
        venue_order_id=VenueOrderId(str(row.order_id)),
        client_order_id=ClientOrderId(row.text),
        pair=Pair(row.currency_pair),
        side=row.side,
        role=row.role,
        price=Price(money(row.price)),
        quantity=Quantity(money(row.amount)),
        fee=money(row.fee),
        fee_currency=Currency(row.fee_currency or ""),
        gt_fee=money(row.gt_fee),
        point_fee=money(row.point_fee),
        event_time_ns=_row_time(row.create_time_ms, row.create_time),
    )


class AccountEntryRow(Struct, gc=False):
    """A line of the account book."""

    id: str | int
    currency: str
    change: Number
    type: str = ""
    text: str = ""
    time: Number | None = None
    """Milliseconds."""


def account_entry(row: AccountEntryRow) -> AccountEntry:
    """Return what one line of the account book says.

    Raises:
        ValueError: An amount or the time cannot be read.
    """
    return AccountEntry(
        entry_id=str(row.id),
        currency=Currency(row.currency),
        change=money(row.change),
        kind=row.type,
        text=row.text,
        event_time_ns=ns_of_ms(row.time),
    )


def _rests(row: OrderRow) -> bool:
    match row.status or row.event:
        case "open" | "put" | "update":
            return True
        case "closed" | "cancelled" | "canceled" | "finish":
            return False
        case state:
            raise ValueError(f"no order state: {str(state)[:40]!r}")


def _order_type(row: OrderRow) -> OrderType:
    # A kind Gate may add must not hide the order: what has a price rests like a limit order.
    if row.type in tuple(OrderType):
        return OrderType(row.type)
    return OrderType.LIMIT if money(row.price) else OrderType.MARKET


def _time_in_force(row: OrderRow) -> TimeInForce:
    known = row.time_in_force in tuple(TimeInForce)
    return TimeInForce(row.time_in_force) if known else TimeInForce.GTC


def _filled_base(row: OrderRow) -> Decimal:
    """Base units filled; older rows leave `filled_amount` out."""
    if is_given(row.filled_amount):
        return money(row.filled_amount)
    if _order_type(row) is OrderType.MARKET and row.side is Side.BUY:
        # `amount` and `left` are quote units here, so the base follows from the average price.
        average = money(row.avg_deal_price)
        return money(row.filled_total) / average if average else Decimal(0)
    return money(row.amount) - money(row.left) if is_given(row.left) else Decimal(0)


def _row_time(
    first_ms: Number | None,
    first_s: Number | None,
    then_ms: Number | None = None,
    then_s: Number | None = None,
) -> TimeNs:
    if is_given(first_ms):
        return ns_of_ms(first_ms)
    if is_given(first_s):
        return ns_of_s(first_s)
    return ns_of_ms(then_ms) if is_given(then_ms) else ns_of_s(then_s)


_TRIGGER_STATUS = {
    "open": TriggerStatus.OPEN,
    "cancelled": TriggerStatus.CANCELLED,
    # The document writes it with two l, a row of 2024 with one.
    "canceled": TriggerStatus.CANCELLED,
    "finish": TriggerStatus.FIRED,
    "failed": TriggerStatus.FAILED,
    "expired": TriggerStatus.EXPIRED,
}


def trigger_report(row: TriggerRow) -> TriggerReport:
    """Return the price order of a row.

    Raises:
        ValueError: Its status is none we know: nobody may guess whether it still waits.
    """
    status = _TRIGGER_STATUS.get(row.status)
    if status is None:
        raise ValueError(f"no status of a price order: {row.status[:40]!r}")
    fired = str(row.fired_order_id or "")
    return TriggerReport(
        venue_trigger_id=str(row.id),
        pair=Pair(row.market),
        side=row.put.side,
        rule=row.trigger.rule,
        trigger_price=Price(money(row.trigger.price)),
        price=Price(money(row.put.price)),
        quantity=Quantity(money(row.put.amount)),
        expiration_s=row.trigger.expiration,
        status=status,
        fired_order_id=VenueOrderId(fired) if fired not in ("", "0") else None,
        reason=row.reason,
        created_at_ns=ns_of_s(row.ctime) if row.ctime else TimeNs(0),
        ended_at_ns=ns_of_s(row.ftime) if row.ftime else TimeNs(0),
    )
