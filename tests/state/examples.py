"""One good event of each kind that the ground floor's tests need; members can be replaced."""

from decimal import Decimal
from typing import Any, TypeVar

from state.amendment import Shape
from state.messages.accounts import BalancesCompared, EquityMarked, FundsMoved
from state.messages.operations import (
    AlertRaised,
    OperatorCommanded,
    PairSessionChanged,
    SessionChanged,
    Severity,
)
from state.messages.orders import (
    AmendIntended,
    AmendmentJudged,
    AmendNotMade,
    AmendRefused,
    Bound,
    CancelIntended,
    DecisionMade,
    ForeignAmendment,
    Ladder,
    OrderAccepted,
    OrderAmended,
    OrderFilled,
    OrderFinished,
    OrderIntended,
    OrderNotPlaced,
    OrderRejected,
    OrderUnknown,
    ParentIntended,
    Refusal,
    Verdict,
)
from state.messages.protection import (
    ProtectionChosen,
    TriggerArmed,
    TriggerCancelIntended,
    TriggerEnd,
    TriggerEnded,
    TriggerIntended,
    TriggerUnknown,
)
from state.messages.risk import Lock, RiskMarked, Tier
from state.values import (
    ClientOrderId,
    Currency,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Role,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    TradeId,
    VenueOrderId,
)

PAIR = Pair("BTC_USDT")
ID = ClientOrderId("t-1")
T = TypeVar("T")


def an_intent(**changes: Any) -> OrderIntended:
    return _made(
        OrderIntended,
        {
            "client_order_id": ID,
            "pair": PAIR,
            "at_ns": TimeNs(1),
            "decision_id": DecisionId("d-1"),
            "attempt": 1,
            "trace_id": TraceId("trace-1"),
            "strategy": "trend",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Quantity(Decimal(2)),
            "price": Price(Decimal(100)),
            "time_in_force": TimeInForce.GTC,
            "expires_at_ns": TimeNs(10),
            "reply_to": "trading/BTC_USDT/trader",
        },
        changes,
    )


def an_acceptance(**changes: Any) -> OrderAccepted:
    return _of_order(OrderAccepted, {"venue_order_id": VenueOrderId("v-1")}, changes)


def a_rejection(**changes: Any) -> OrderRejected:
    return _of_order(
        OrderRejected, {"label": "BALANCE_NOT_ENOUGH", "message": "Not enough balance"}, changes
    )


def an_unknown(**changes: Any) -> OrderUnknown:
    return _of_order(OrderUnknown, {"reason": "time-out"}, changes)


def a_proof_of_absence(**changes: Any) -> OrderNotPlaced:
    return _of_order(OrderNotPlaced, {"reason": "not found after expiry"}, changes)


def a_cancel(**changes: Any) -> CancelIntended:
    return _of_order(CancelIntended, {"reason": "too old"}, changes)


def a_fill(**changes: Any) -> OrderFilled:
    return _of_order(
        OrderFilled,
        {
            "trade_id": TradeId("7"),
            "venue_order_id": VenueOrderId("v-1"),
            "side": Side.BUY,
            "price": Price(Decimal(100)),
            "quantity": Quantity(Decimal(1)),
            "role": Role.TAKER,
            "fee": Decimal("0.002"),
            "fee_currency": Currency("BTC"),
        },
        changes,
    )


def a_finish(**changes: Any) -> OrderFinished:
    return _of_order(
        OrderFinished, {"filled_quantity": Quantity(Decimal(2)), "reason": "filled"}, changes
    )


def a_shape(quantity: str, price: str) -> Shape:
    return Shape(Quantity(Decimal(quantity)), Price(Decimal(price)))


def an_amendment(**changes: Any) -> AmendIntended:
    ours = {"number": 1, "quantity": Quantity(Decimal(3)), "price": Price(Decimal(101))}
    ours |= {"expires_at_ns": TimeNs(10), "reason": "better so", "reply_to": "trader"}
    return _of_order(AmendIntended, ours, changes)


def a_judged_amendment(**changes: Any) -> AmendmentJudged:
    shape = {"quantity": Quantity(Decimal(3)), "price": Price(Decimal(101))}
    return _of_order(
        AmendmentJudged, shape | {"reason": "better so", "verdict": Verdict.ALLOW}, changes
    )


def an_amended(**changes: Any) -> OrderAmended:
    ours = {"number": 1, "quantity": Quantity(Decimal(3)), "price": Price(Decimal(101))}
    return _of_order(OrderAmended, ours, changes)


def a_foreign_amendment(**changes: Any) -> ForeignAmendment:
    shape = {"quantity": Quantity(Decimal(5)), "price": Price(Decimal(102))}
    return _of_order(ForeignAmendment, shape, changes)


def a_refused_amendment(**changes: Any) -> AmendRefused:
    return _of_order(AmendRefused, {"number": 1, "label": "NO_CHANGE", "message": ""}, changes)


def an_amendment_not_made(**changes: Any) -> AmendNotMade:
    return _of_order(AmendNotMade, {"number": 1, "reason": "proven"}, changes)


def a_decision(**changes: Any) -> DecisionMade:
    return _made(
        DecisionMade,
        {
            "decision_id": DecisionId("d-1"),
            "trace_id": TraceId("trace-1"),
            "pair": PAIR,
            "at_ns": TimeNs(1),
            "strategy": "trend",
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Quantity(Decimal(3)),
            "price": Price(Decimal(100)),
            "reason": "fast above slow, book agrees",
            "worksheet": (Bound(name="order_notional", quantity=Quantity(Decimal(3))),),
            "verdict": Verdict.SHRINK,
            "approved_quantity": Quantity(Decimal(2)),
            "refusal": Refusal(
                code="POSITION_MAX", limit="200", value="300", largest=Quantity(Decimal(2))
            ),
        },
        changes,
    )


def a_parent(**changes: Any) -> ParentIntended:
    return _made(
        ParentIntended,
        {
            "decision_id": DecisionId("p-1"),
            "pair": PAIR,
            "at_ns": TimeNs(1),
            "trace_id": TraceId("trace-p"),
            "strategy": "protection",
            "side": Side.SELL,
            "quantity": Quantity(Decimal(2)),
            "price": Price(Decimal(90)),
            "plan": Ladder(rungs_bps=(Decimal(5), Decimal(20))),
            "reply_to": "trading/BTC_USDT/protection",
        },
        changes,
    )


def a_child(number: int = 1, **changes: Any) -> OrderIntended:
    return an_intent(
        **{
            "client_order_id": ClientOrderId(f"t-p-{number}"),
            "decision_id": DecisionId("p-1"),
            "parent": DecisionId("p-1"),
            "attempt": number,
            "side": Side.SELL,
            "quantity": Quantity(Decimal(2)),
            "price": Price(Decimal(99)),
            "time_in_force": TimeInForce.IOC,
            "touch": Price(Decimal(100)),
        }
        | changes
    )


def an_opening(**changes: Any) -> FundsMoved:
    return _made(
        FundsMoved,
        {
            "currency": Currency("USDT"),
            "change": Decimal(10_000),
            "reason": "opening",
            "at_ns": TimeNs(1),
        },
        changes,
    )


def a_comparison(**changes: Any) -> BalancesCompared:
    return _made(BalancesCompared, {"at_ns": TimeNs(20), "fills": 0, "differences": ()}, changes)


def a_mark(**changes: Any) -> EquityMarked:
    return _made(
        EquityMarked,
        {
            "at_ns": TimeNs(20),
            "currency": Currency("USDT"),
            "equity": Decimal(10_000),
            "start": Decimal(10_000),
            "flows": Decimal(0),
            "realised": Decimal(0),
            "unrealised": Decimal(0),
            "fees": Decimal(0),
        },
        changes,
    )


def an_alert(**changes: Any) -> AlertRaised:
    return _made(
        AlertRaised,
        {
            "alert": "feed_stale",
            "severity": Severity.WARNING,
            "text": "BTC_USDT is silent",
            "at_ns": TimeNs(5),
        },
        changes,
    )


def a_pair_session(session: Session = Session.PAUSED) -> PairSessionChanged:
    return PairSessionChanged(
        pair=Pair("BTC_USDT"), session=session, reason="thin", caller="uid 1000", at_ns=TimeNs(1)
    )


def a_session(**changes: Any) -> SessionChanged:
    return _made(
        SessionChanged,
        {
            "session": Session.READY,
            "reason": "all parts ready",
            "caller": "session keeper",
            "at_ns": TimeNs(6),
        },
        changes,
    )


def a_command(**changes: Any) -> OperatorCommanded:
    return _made(
        OperatorCommanded,
        {
            "method": "pause",
            "params": {"reason": "lunch"},
            "caller": "uid 1000",
            "at_ns": TimeNs(7),
        },
        changes,
    )


def a_risk_mark(**changes: Any) -> RiskMarked:
    return _made(
        RiskMarked,
        {
            "at_ns": TimeNs(8),
            "equity": Decimal(10_000),
            "flows": Decimal(0),
            "peak": Decimal(10_100),
            "peak_at_ns": TimeNs(7),
            "day": 0,
            "day_opening": Decimal(10_050),
            "tier": Tier.WARN,
            "tier_since_ns": TimeNs(8),
            "locks": (
                Lock(
                    code="DAILY_LOSS",
                    pair=PAIR,
                    since_ns=TimeNs(8),
                    until_ns=TimeNs(80),
                    reason="lost too much",
                ),
            ),
        },
        changes,
    )


def _of_order(kind: type[T], members: dict[str, Any], changes: dict[str, Any]) -> T:
    ours = {"client_order_id": ID, "pair": PAIR, "at_ns": TimeNs(2)}
    return _made(kind, ours | members, changes)


def _made(kind: type[T], members: dict[str, Any], changes: dict[str, Any]) -> T:
    return kind(**members | changes)


def a_choice(**changes: Any) -> ProtectionChosen:
    return _made(
        ProtectionChosen,
        {"pair": PAIR, "at_ns": TimeNs(1), "stop_bps": Decimal(200), "target_bps": Decimal(500)},
        changes,
    )


def a_trigger_intent(number: int = 1, **changes: Any) -> TriggerIntended:
    return _of_trigger(
        TriggerIntended,
        {
            "number": number,
            "purpose": Purpose.STOP_LOSS,
            "trigger_price": Price(Decimal(98)),
            "price": Price(Decimal(97)),
            "quantity": Quantity(Decimal(1)),
            "expiration_s": 2_592_000 + number,
        },
        {"trigger_id": f"trigger/{PAIR}/{number}"} | changes,
    )


def an_armed_trigger(**changes: Any) -> TriggerArmed:
    return _of_trigger(TriggerArmed, {"venue_trigger_id": "900"}, changes)


def an_unknown_trigger(**changes: Any) -> TriggerUnknown:
    return _of_trigger(TriggerUnknown, {"reason": "time-out"}, changes)


def a_trigger_cancel(**changes: Any) -> TriggerCancelIntended:
    return _of_trigger(TriggerCancelIntended, {"reason": "a sale is to leave"}, changes)


def a_trigger_end(end: TriggerEnd = TriggerEnd.CANCELLED, **changes: Any) -> TriggerEnded:
    return _of_trigger(TriggerEnded, {"end": end}, changes)


def _of_trigger(kind: type[T], members: dict[str, Any], changes: dict[str, Any]) -> T:
    common = {"trigger_id": f"trigger/{PAIR}/1", "pair": PAIR, "at_ns": TimeNs(1)}
    return _made(kind, common | members, changes)
