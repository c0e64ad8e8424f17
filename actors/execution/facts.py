"""From what the exchange says of an order to what the journal should hold. Pure."""

from state.amendment import Shape
from state.messages.journal import Entry
from state.messages.operations import AlertRaised, Severity
from state.messages.orders import (
    AmendIntended,
    AmendNotMade,
    AmendRefused,
    AmendUnknown,
    ForeignAmendment,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
)
from state.messages.venue import AmendOrder, OrderReport, PlaceOrder, Refused, TradeReport
from state.order import Order
from state.values import Notional, OrderType, Quantity, Side, TimeInForce, TimeNs

_NEVER_REST = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def placement(intent: OrderIntended) -> PlaceOrder:
    """Return the request that an intent stands for."""
    assert not intent.adopted, "the exchange has it already: it is never placed"
    assert not intent.trigger_id, "the exchange placed it"
    is_market = intent.order_type is OrderType.MARKET
    # Gate counts a market buy in quote units; the intent's price is its worst acceptable one.
    in_quote = is_market and intent.side is Side.BUY
    worth = Notional(intent.quantity * intent.price)
    return PlaceOrder(
        client_order_id=intent.client_order_id,
        pair=intent.pair,
        side=intent.side,
        order_type=intent.order_type,
        quantity=worth if in_quote else intent.quantity,
        price=None if is_market else intent.price,
        time_in_force=intent.time_in_force,
        expires_at_ns=intent.expires_at_ns,
        purpose=intent.purpose,
    )


def of_report(order: Order, report: OrderReport) -> list[Entry]:
    """Return what `report` tells of `order` that is not known yet."""
    name = order.client_order_id
    entries = amended(order, report) or foreign_amendment(order, report)
    if order.accepted is None:
        accepted = OrderAccepted(
            client_order_id=name,
            pair=report.pair,
            at_ns=report.event_time_ns,
            venue_order_id=report.venue_order_id,
        )
        entries.append(_entry(f"accepted:{name}", order, accepted))
    if not report.open and order.finished is None:
        finished = OrderFinished(
            client_order_id=name,
            pair=report.pair,
            at_ns=report.event_time_ns,
            filled_quantity=report.filled_quantity,
            reason=report.finish_as,
        )
        entries.append(_entry(f"finished:{name}", order, finished))
    return entries


def amended(order: Order, report: OrderReport) -> list[Entry]:
    """Return that an amendment under way was made, if the report shows the order changed."""
    amendment = order.amending
    if amendment is None or amendment.intent is None or not shows(report, amendment.intent):
        return []
    wanted = Shape(amendment.intent.quantity, amendment.intent.price)
    if order.had(wanted) and report.event_time_ns <= order.changed_at_ns:
        return []  # A late report of how it was before: it asked for just that once already.
    return [amendment_made(order, amendment.intent, report)]


def foreign_amendment(order: Order, report: OrderReport) -> list[Entry]:
    """Return that somebody else amended the order, if nothing we asked for explains the report."""
    seen = Shape(Quantity(report.quantity), report.price)
    amending = None if order.amending is None else order.amending.intent
    if order.intent.order_type is OrderType.MARKET or order.intent.time_in_force in _NEVER_REST:
        return []  # What never rests cannot be amended; a market buy is counted in quote units.
    if seen == order.shape or (amending is not None and shows(report, amending)):
        return []
    # An adopted order is as its first report showed it, and may have been anything before.
    since_ns = order.intent.at_ns if order.intent.adopted else order.changed_at_ns
    is_overtaken = report.event_time_ns < since_ns
    if is_overtaken or (order.had(seen) and report.event_time_ns == since_ns):
        return []  # A late report of how it was before.
    event = ForeignAmendment(
        client_order_id=order.client_order_id,
        pair=report.pair,
        at_ns=report.event_time_ns,
        quantity=seen.quantity,
        price=seen.price,
    )
    key = f"amended_elsewhere:{event.client_order_id}:{event.at_ns}:{event.quantity}:{event.price}"
    return [_entry(key, order, event)]


def amendment_made(order: Order, intent: AmendIntended, report: OrderReport) -> Entry:
    """Return that an amendment was made, as the report shows."""
    event = OrderAmended(
        client_order_id=order.client_order_id,
        pair=report.pair,
        at_ns=report.event_time_ns,
        number=intent.number,
        quantity=intent.quantity,
        price=intent.price,
    )
    return _entry(f"amended:{order.client_order_id}:{intent.number}", order, event)


def shows(report: OrderReport, shape: AmendIntended | Shape) -> bool:
    """Return whether the exchange shows an order that asks for this."""
    return (report.quantity, report.price) == (shape.quantity, shape.price)


def amendment(order: Order, intent: AmendIntended) -> AmendOrder:
    """Return the request that the intent to amend stands for: what stays is not said."""
    shape = order.shape
    return AmendOrder(
        pair=intent.pair,
        client_order_id=intent.client_order_id,
        venue_order_id=order.venue_order_id,
        quantity=None if intent.quantity == shape.quantity else intent.quantity,
        price=None if intent.price == shape.price else intent.price,
        expires_at_ns=intent.expires_at_ns,
    )


def amend_refused(order: Order, number: int, refused: Refused, at_ns: TimeNs) -> Entry:
    """Return that the exchange would not change it."""
    event = AmendRefused(
        client_order_id=order.client_order_id,
        pair=order.intent.pair,
        at_ns=at_ns,
        number=number,
        label=refused.label,
        message=refused.message,
    )
    return _entry(f"amend_refused:{order.client_order_id}:{number}", order, event)


def amend_unknown(order: Order, number: int, reason: str, at_ns: TimeNs) -> Entry:
    """Return that nobody answered."""
    event = AmendUnknown(
        client_order_id=order.client_order_id,
        pair=order.intent.pair,
        at_ns=at_ns,
        number=number,
        reason=reason,
    )
    return _entry(f"amend_unknown:{order.client_order_id}:{number}", order, event)


def amend_not_made(order: Order, number: int, reason: str, at_ns: TimeNs) -> Entry:
    """Return that it was not changed and will not be."""
    event = AmendNotMade(
        client_order_id=order.client_order_id,
        pair=order.intent.pair,
        at_ns=at_ns,
        number=number,
        reason=reason,
    )
    return _entry(f"amend_not_made:{order.client_order_id}:{number}", order, event)


def of_trade(order: Order, trade: TradeReport) -> list[Entry]:
    """Return the fill in `trade`, or nothing when `order` has it."""
    if any(fill.trade_id == trade.trade_id for fill in order.fills):
        return []
    fill = OrderFilled(
        client_order_id=order.client_order_id,
        pair=trade.pair,
        at_ns=trade.event_time_ns,
        trade_id=trade.trade_id,
        venue_order_id=trade.venue_order_id,
        side=trade.side,
        price=trade.price,
        quantity=trade.quantity,
        role=trade.role,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        gt_fee=trade.gt_fee,
        point_fee=trade.point_fee,
    )
    return [_entry(None, order, fill)]


def rejected(order: Order, refused: Refused, at_ns: TimeNs) -> Entry:
    """Return that the exchange said no."""
    event = OrderRejected(
        client_order_id=order.client_order_id,
        pair=order.intent.pair,
        at_ns=at_ns,
        label=refused.label,
        message=refused.message,
    )
    return _entry(f"rejected:{order.client_order_id}", order, event)


def unknown(order: Order, reason: str, at_ns: TimeNs) -> Entry:
    """Return that nobody answered."""
    event = OrderUnknown(
        client_order_id=order.client_order_id, pair=order.intent.pair, at_ns=at_ns, reason=reason
    )
    return _entry(f"unknown:{order.client_order_id}", order, event)


def not_placed(order: Order, reason: str, at_ns: TimeNs) -> Entry:
    """Return that the order never lived and never will."""
    event = OrderNotPlaced(
        client_order_id=order.client_order_id, pair=order.intent.pair, at_ns=at_ns, reason=reason
    )
    return _entry(f"not_placed:{order.client_order_id}", order, event)


def alerting(alert: str, text: str, at_ns: TimeNs) -> Entry:
    """Return that somebody has to look, at once; the same words are one alert."""
    raised = AlertRaised(alert=alert, severity=Severity.CRITICAL, text=text, at_ns=at_ns)
    return Entry(event=raised, key=f"alert:{alert}:{text}")


def _entry(key: str | None, order: Order, event: object) -> Entry:
    return Entry(event=event, key=key, trace_id=order.intent.trace_id)  # type: ignore[arg-type]
