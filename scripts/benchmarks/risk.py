"""What judging one proposal costs: the rules alone, and with the view they look at."""

from decimal import Decimal

from actors.trading.risk.known import Known
from actors.trading.risk.rules import judge
from scripts.benchmarks.figures import Figure, microseconds, share_of
from state.config import ProtectionSettings, RiskSettings
from state.instrument import TradingRules
from state.ledger import Ledger
from state.messages.accounts import FundsMoved
from state.messages.journal import Books, Journaled
from state.messages.market import BookMeasured, CandleClosed, Timeframe
from state.messages.operations import ClockMeasured, SessionState
from state.messages.orders import OrderIntended, OrderProposed, Verdict
from state.values import (
    NS_PER_S,
    ClientOrderId,
    Currency,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Session,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    base_of,
    quote_of,
)

PAIRS = tuple(Pair(f"C{number}_USDT") for number in range(20))
ORDERS = 50
"""That rest while a proposal is judged."""
TIMES = 2_000
TARGET_US = 100.0
_NOW = TimeNs(1_700_000_000 * NS_PER_S)


def measure() -> list[Figure]:
    """Measure everything; a few seconds."""
    known = _known()
    entry = _proposal(Side.BUY, Decimal("100.1"))
    view = known.view(PAIRS[0], halted=None)
    assert judge(entry, view).verdict is Verdict.ALLOW, "measured is the whole way, no early no"

    def whole() -> None:
        known.mark()
        judge(entry, known.view(PAIRS[0], halted=None))

    rules = microseconds(TIMES, lambda: judge(entry, view))
    all_of_it = microseconds(TIMES, whole)
    scene = f"{len(PAIRS)} pairs, {ORDERS} orders resting"
    return [
        share_of("rules of one entry, p50", rules, 0.50, TARGET_US),
        share_of("rules of one entry, p99", rules, 0.99, None),
        share_of(f"equity, view and rules, p50 ({scene})", all_of_it, 0.50, None),
        share_of(f"equity, view and rules, p99 ({scene})", all_of_it, 0.99, None),
    ]


def _known() -> Known:
    """Return what a guard knows that has much to look at."""
    limits = RiskSettings(
        position_notional_max=Decimal(100_000),
        exposure_notional_max=Decimal(100_000),
        open_orders_max=2 * ORDERS,
        groups=(f"all={'+'.join(PAIRS)}:100000",),
    )
    known = Known(limits, ProtectionSettings(), pairs=PAIRS, stale_after_s=5.0)
    known.look(_NOW, 0)
    ledger = Ledger(quote=Currency("USDT")).apply(
        FundsMoved(currency=Currency("USDT"), change=Decimal(100_000), reason="opening", at_ns=_NOW)
    )
    known.begin(Books(last_seq=1, epoch=1, ledger=ledger, orders=(), decisions=(), session=None))
    known.see(SessionState(session=Session.READY, reason="", since_ns=_NOW))
    known.see(ClockMeasured(offset_ns=0, uncertainty_ns=0, at_ns=_NOW))
    for pair in PAIRS:
        known.rules[pair] = _rules(pair)
        known.see(_book(pair))
        known.see(_candle(pair))
    for number in range(ORDERS):
        known.fold(Journaled(seq=number + 2, event=_order(number)))
    known.mark()
    return known


def _rules(pair: Pair) -> TradingRules:
    return TradingRules(
        pair=pair,
        base=base_of(pair),
        quote=quote_of(pair),
        price_decimals=1,
        quantity_decimals=4,
    )


def _book(pair: Pair) -> BookMeasured:
    return BookMeasured(
        pair=pair,
        event_time_ns=_NOW,
        sequence=1,
        bid=100.0,
        bid_size=1.0,
        ask=100.1,
        ask_size=1.0,
        mid=100.05,
        weighted_mid=100.05,
        spread_bps=10.0,
        imbalance=0.0,
        bid_depth=1e6,
        ask_depth=1e6,
        depth_bps=10.0,
        levels=100,
    )


def _candle(pair: Pair) -> CandleClosed:
    return CandleClosed(
        pair=pair,
        event_time_ns=_NOW,
        timeframe=Timeframe.S1,
        open_time_ns=_NOW,
        open=100.0,
        high=100.0,
        low=100.0,
        close=100.0,
        base_volume=1.0,
        quote_volume=100.0,
        trades=1,
    )


def _order(number: int) -> OrderIntended:
    return OrderIntended(
        client_order_id=ClientOrderId(f"t-{number}"),
        pair=PAIRS[1 + number % (len(PAIRS) - 1)],
        at_ns=_NOW,
        decision_id=DecisionId(f"d-{number}"),
        attempt=1,
        trace_id=TraceId(""),
        strategy="bench",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Quantity(Decimal("0.5")),
        price=Price(Decimal("99.9")),
        time_in_force=TimeInForce.GTC,
        expires_at_ns=_NOW,
        reply_to="",
    )


def _proposal(side: Side, price: Decimal) -> OrderProposed:
    return OrderProposed(
        decision_id=DecisionId("d"),
        trace_id=TraceId(""),
        pair=PAIRS[0],
        strategy="bench",
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Quantity(Decimal(1)),
        price=Price(price),
        time_in_force=TimeInForce.GTC,
        reason="bench",
        worksheet=(),
        proposed_at_ns=_NOW,
        expires_at_ns=TimeNs(_NOW + NS_PER_S),
        reply_to="",
        purpose=Purpose.ENTRY,
    )
