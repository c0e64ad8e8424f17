"""Trigger orders between what we know and what the exchange shows of them. Pure.

At the exchange they carry no name of ours, so each is recognised by its whole shape. Its waiting
time, 30 days and a few seconds, is the mark in it: no two of a pair within 86,400 have the same.
"""

from actors import addresses
from actors.execution.client_ids import client_order_id
from state.messages.journal import Entry
from state.messages.orders import OrderAccepted, OrderIntended
from state.messages.protection import (
    TriggerArmed,
    TriggerCancelIntended,
    TriggerEnd,
    TriggerEnded,
    TriggerEvent,
    TriggerIntended,
    TriggerUnknown,
    TriggerWanted,
)
from state.messages.venue import PlaceTrigger, TriggerReport, TriggerRule, TriggerStatus
from state.trigger import Trigger, TriggerFact, TriggerState
from state.values import (
    NS_PER_S,
    DecisionId,
    OrderType,
    Purpose,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    VenueOrderId,
)

STRATEGY = "protection"
_WAITS_S = 30 * 86_400
_MARKS = 86_400
_LOOKED_BACK_NS = 62 * NS_PER_S
"""How much before an order's expiry it is looked for (`resolution.LOOK_BACK_NS`)."""
_END = {
    TriggerStatus.FIRED: TriggerEnd.FIRED,
    TriggerStatus.FAILED: TriggerEnd.FAILED,
    TriggerStatus.CANCELLED: TriggerEnd.CANCELLED,
    TriggerStatus.EXPIRED: TriggerEnd.EXPIRED,
}


def intent_of(wanted: TriggerWanted, number: int, at_ns: TimeNs) -> TriggerIntended:
    """Return the intent to let `wanted` wait, the pair's `number`-th."""
    return TriggerIntended(
        trigger_id=f"trigger/{wanted.pair}/{number}",
        pair=wanted.pair,
        at_ns=at_ns,
        number=number,
        purpose=Purpose.STOP_LOSS,
        trigger_price=wanted.trigger_price,
        price=wanted.price,
        quantity=wanted.quantity,
        expiration_s=_WAITS_S + number % _MARKS,
        smallest=wanted.smallest,
    )


def is_what_is_wanted(trigger: Trigger, wanted: TriggerWanted) -> bool:
    """Return whether `trigger` waits for what is wanted."""
    intent = trigger.intent
    return (
        intent.quantity == wanted.quantity
        and intent.trigger_price == wanted.trigger_price
        and intent.price == wanted.price
    )


def alone_sells_all(live: list[Trigger], wanted: TriggerWanted) -> bool:
    """Return whether the only one of `live` waits with what is to be sold, at whatever price."""
    return [(one.state, one.cancel, one.intent.quantity) for one in live] == [
        (TriggerState.ARMED, None, wanted.quantity)
    ]


def arming(intent: TriggerIntended, expires_at_ns: TimeNs) -> PlaceTrigger:
    """Return the request that an intent stands for."""
    return PlaceTrigger(
        trigger_id=intent.trigger_id,
        pair=intent.pair,
        side=Side.SELL,
        rule=TriggerRule.AT_MOST,
        trigger_price=intent.trigger_price,
        price=intent.price,
        quantity=intent.quantity,
        expiration_s=intent.expiration_s,
        expires_at_ns=expires_at_ns,
    )


def looks_like(report: TriggerReport, intent: TriggerIntended) -> bool:
    """Return whether `report` shows what `intent` asked for, to the last digit and second."""
    return (
        (report.pair, report.side, report.rule) == (intent.pair, Side.SELL, TriggerRule.AT_MOST)
        and report.trigger_price == intent.trigger_price
        and report.price == intent.price
        and report.quantity == intent.quantity
        and report.expiration_s == intent.expiration_s
    )


def of_report(trigger: Trigger, report: TriggerReport, account: str, at_ns: TimeNs) -> list[Entry]:
    """Return what `report` tells of `trigger` that is not known yet.

    One that fired is told together with the order it became, all or none: from then on that order
    is ours, and its fills are booked like those of any other.
    """
    entries: list[Entry] = []
    if trigger.armed is None:
        entries.append(armed(trigger, report.venue_trigger_id, at_ns))
    end = _END.get(report.status)
    if end is None:
        return entries
    if end is not TriggerEnd.FIRED:
        return [*entries, ended(trigger, end, report.reason, at_ns)]
    if report.fired_order_id is None:
        return entries  # Which order it became will be told another time.
    fired = ended(trigger, end, report.reason, at_ns, report.fired_order_id)
    return [*entries, fired, *_adopted(trigger, report, report.fired_order_id, account, at_ns)]


def armed(trigger: Trigger, venue_trigger_id: str, at_ns: TimeNs) -> Entry:
    """Return that the exchange has it."""
    event = TriggerArmed(
        trigger_id=trigger.trigger_id,
        pair=trigger.pair,
        at_ns=at_ns,
        venue_trigger_id=venue_trigger_id,
    )
    return _entry(event, "armed")


def unknown(trigger: Trigger, reason: str, at_ns: TimeNs) -> Entry:
    """Return that nobody answered."""
    event = TriggerUnknown(
        trigger_id=trigger.trigger_id, pair=trigger.pair, at_ns=at_ns, reason=reason
    )
    return _entry(event, "unknown")


def cancelling(trigger: Trigger, reason: str, at_ns: TimeNs) -> Entry:
    """Return that it is to be taken back."""
    event = TriggerCancelIntended(
        trigger_id=trigger.trigger_id, pair=trigger.pair, at_ns=at_ns, reason=reason
    )
    return _entry(event, "cancel")


def ended(
    trigger: Trigger,
    end: TriggerEnd,
    reason: str,
    at_ns: TimeNs,
    fired_order_id: VenueOrderId | None = None,
) -> Entry:
    """Return that it waits no longer."""
    event = TriggerEnded(
        trigger_id=trigger.trigger_id,
        pair=trigger.pair,
        at_ns=at_ns,
        end=end,
        fired_order_id=fired_order_id,
        reason=reason,
    )
    return _entry(event, f"ended as {end}")


def _entry(event: TriggerFact, what: str) -> Entry:
    assert isinstance(event, TriggerEvent)
    name = event.trigger_id
    return Entry(event=event, key=f"{name} {what}", trace_id=name)


def _adopted(
    trigger: Trigger, report: TriggerReport, order_id: VenueOrderId, account: str, at_ns: TimeNs
) -> list[Entry]:
    intent = trigger.intent
    name = client_order_id(account, DecisionId(intent.trigger_id), 1)
    # Looked for from a little before it can have come to be.
    began_ns = report.ended_at_ns or intent.at_ns
    order = OrderIntended(
        client_order_id=name,
        pair=intent.pair,
        at_ns=at_ns,
        decision_id=DecisionId(intent.trigger_id),
        attempt=1,
        trace_id=TraceId(intent.trigger_id),
        strategy=STRATEGY,
        side=Side.SELL,
        order_type=OrderType.LIMIT,
        quantity=intent.quantity,
        price=intent.price,
        time_in_force=TimeInForce.IOC,
        expires_at_ns=TimeNs(began_ns + _LOOKED_BACK_NS - 10 * NS_PER_S),
        reply_to=addresses.protection(intent.pair),
        purpose=intent.purpose,
        smallest=intent.smallest,
        trigger_id=intent.trigger_id,
    )
    accepted = OrderAccepted(
        client_order_id=name, pair=intent.pair, at_ns=at_ns, venue_order_id=order_id
    )
    trace = intent.trigger_id
    return [
        Entry(event=order, trace_id=trace),
        Entry(event=accepted, key=f"accepted:{name}", trace_id=trace),
    ]
