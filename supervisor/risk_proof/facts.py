"""What the trial tells the guard: intents of approved orders, covers, candles. Pure."""

from state.messages.market import CandleClosed, Timeframe
from state.messages.orders import OrderIntended, ParentIntended
from state.messages.protection import Cover, PositionCovered
from state.values import NS_PER_S, ZERO, Pair, Quantity, TimeNs
from supervisor.risk_proof.truth import Deal


def intent_of(deal: Deal, at_ns: TimeNs) -> OrderIntended:
    """Return the intent of an approved order."""
    order = deal.order
    return OrderIntended(
        client_order_id=deal.name,
        pair=order.pair,
        at_ns=at_ns,
        decision_id=order.decision_id,
        attempt=1 if deal.parent is None else deal.parent.children,
        parent=None if deal.parent is None else order.decision_id,
        trace_id=order.trace_id,
        strategy=order.strategy,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=order.price,
        time_in_force=order.time_in_force,
        expires_at_ns=order.expires_at_ns,
        reply_to=order.reply_to,
        purpose=order.purpose,
        smallest=order.smallest,
    )


def parent_intent_of(deal: Deal, at_ns: TimeNs) -> ParentIntended:
    """Return the intent of an approved parent order."""
    order = deal.order
    assert order.plan is not None
    return ParentIntended(
        decision_id=order.decision_id,
        pair=order.pair,
        at_ns=at_ns,
        trace_id=order.trace_id,
        strategy=order.strategy,
        side=order.side,
        quantity=order.quantity,
        price=order.price,
        plan=order.plan,
        reply_to=order.reply_to,
        purpose=order.purpose,
        smallest=order.smallest,
    )


def covered(pair: Pair, cover: Cover, at_ns: TimeNs) -> PositionCovered:
    """Return that what is held of a pair has a stop, or none."""
    return PositionCovered(
        pair=pair,
        cover=cover,
        quantity=Quantity(ZERO),
        stop=None,
        target=None,
        resident=Quantity(ZERO),
        reason="trial" if cover is Cover.UNCOVERED else "",
        watched=False,
        since_ns=at_ns,
        at_ns=at_ns,
    )


def candle(pair: Pair, last: float, at_ns: TimeNs) -> CandleClosed:
    """Return a candle of one second in which one trade was made."""
    return CandleClosed(
        pair=pair,
        event_time_ns=at_ns,
        timeframe=Timeframe.S1,
        open_time_ns=TimeNs(at_ns - NS_PER_S),
        open=last,
        high=last,
        low=last,
        close=last,
        base_volume=1.0,
        quote_volume=last,
        trades=1,
    )
