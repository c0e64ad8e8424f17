"""The life of an order, from proposal to its last fill.

Commands travel trader → risk guard → order router. Facts are journalled by the recorder first and
published by it afterwards, so nobody acts on what the disk does not know.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.messages.judgement import Judgement
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
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    TradeId,
    VenueOrderId,
)


class Bound(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a sizing worksheet: a reason why an order may not be larger.

    A worksheet of before `because` is rebuilt as it was written.
    """

    name: str
    quantity: Quantity | None
    """Base units; None where what it is made of was not known, so it bounds nothing."""
    because: str = ""
    """What it is made of, where that is more than its name and the settings say."""


class Ladder(Struct, frozen=True, kw_only=True, tag=True):
    """How a parent order gets out whatever it takes: each rung takes what is there, then the next.

    Each rung is an IOC child for what is left, `rungs_bps[k]` beyond the touch, never beyond the
    parent's own price, which is its slippage cap. The last child is a market order's equal: IOC at
    the cap itself.
    """

    rungs_bps: tuple[Decimal, ...]
    """Ascending, basis points beyond the best price at that moment."""
    pause_s: float = 0.0
    """Between the end of one rung and the next."""


Plan = Ladder
"""How a parent order is worked; an order without a plan is placed as it is. More may come."""


class OrderProposed(Struct, frozen=True, kw_only=True, tag=True):
    """A trader wants an order; the risk guard decides."""

    decision_id: DecisionId
    trace_id: TraceId
    pair: Pair
    strategy: str
    side: Side
    order_type: OrderType
    quantity: Quantity
    price: Price
    """Limit price; of a market order the worst acceptable price."""
    time_in_force: TimeInForce
    reason: str
    """In words, for `explain`."""
    worksheet: tuple[Bound, ...]
    """Every bound that was considered; the smallest one won."""
    proposed_at_ns: TimeNs
    expires_at_ns: TimeNs
    """A proposal not on the wire by then is dropped."""
    reply_to: str
    """Address of who proposes: a trader, a protection actor."""
    purpose: Purpose = Purpose.ENTRY
    plan: Plan | None = None
    """Of a parent order: how it is worked. `price` is then the worst any child may take."""
    stop: Price | None = None
    """Of an entry: where it will be sold at a loss; None: `risk.stop_distance_bps` below it."""
    judgement: Judgement | None = None
    """Whose opinions led to it, and what each changed; None where nobody was asked."""


class Verdict(StrEnum):
    """What the risk guard said."""

    ALLOW = "allow"
    SHRINK = "shrink"
    DENY = "deny"


class Refusal(Struct, frozen=True, kw_only=True):
    """Why not, in numbers: `code` is stable and documented in docs/risk-codes.md."""

    code: str
    limit: str
    value: str
    largest: Quantity | None = None
    """The largest quantity that would have passed, where one exists."""


class ApprovedOrder(Struct, frozen=True, kw_only=True, tag=True):
    """An order that may go out. Only the risk guard makes one (tests/test_house.py holds it)."""

    decision_id: DecisionId
    trace_id: TraceId
    pair: Pair
    strategy: str
    side: Side
    order_type: OrderType
    quantity: Quantity
    price: Price
    time_in_force: TimeInForce
    expires_at_ns: TimeNs
    expires_monotonic_ns: int
    """The same by the clock that never leaps: it leaves no more when either says so."""
    reply_to: str
    """Address of who proposed it."""
    purpose: Purpose = Purpose.ENTRY
    plan: Plan | None = None
    smallest: Quantity = Quantity(Decimal(0))
    """Base units that the exchange takes at least at this price; 0 where nobody knew."""
    as_of_seq: int = 0
    """Up to where the journal was folded when it was judged."""


class DecisionDropped(Struct, frozen=True, kw_only=True, tag=True):
    """Told to the trader: nothing will come of this decision."""

    decision_id: DecisionId
    pair: Pair
    refusal: Refusal


class CancelOrder(Struct, frozen=True, kw_only=True, tag=True):
    """Ask the order router to cancel one of our orders; asking twice is harmless."""

    client_order_id: ClientOrderId
    reason: str


class CancelAllOrders(Struct, frozen=True, kw_only=True, tag=True):
    """Ask the order router to cancel everything of ours, or everything of one pair."""

    reason: str
    pair: Pair | None = None


class SweepOrders(Struct, frozen=True, kw_only=True, tag=True):
    """To the order router, with the halt latch set: let nothing of ours rest anywhere.

    What is known is cancelled at once, then the exchange is asked until it shows nothing of ours.
    Answered by `OrdersSwept` after every look. Asking twice is harmless.
    """

    reason: str


class OrdersSwept(Struct, frozen=True, kw_only=True, tag=True):
    """From the order router to the session keeper: how far a sweep has come."""

    cancelled: int
    """Orders of ours that ended because of it."""
    resting: int
    """Orders of ours that the newest look still showed."""
    uncertain: int
    """Orders of ours that may yet come to rest: nobody knows what became of them."""
    took_ms: float
    """From the order to sweep until the answer to that look."""

    @property
    def is_clean(self) -> bool:
        """Whether nothing of ours rests or may come to rest."""
        return not self.resting and not self.uncertain


class AmendProposed(Struct, frozen=True, kw_only=True, tag=True):
    """An actor wants a resting order changed; the risk guard decides. The order keeps its names."""

    client_order_id: ClientOrderId
    pair: Pair
    quantity: Quantity | None = None
    """The whole order's new quantity, what is filled included; None leaves it."""
    price: Price | None = None
    """None leaves it."""
    reason: str
    expires_at_ns: TimeNs
    """A proposal not on the wire by then is dropped."""
    reply_to: str


class ApprovedAmendment(Struct, frozen=True, kw_only=True, tag=True):
    """An amendment that may go out. Only the risk guard makes one, as with orders."""

    client_order_id: ClientOrderId
    pair: Pair
    quantity: Quantity
    """The whole order's, what is filled included."""
    price: Price
    reason: str
    expires_at_ns: TimeNs
    expires_monotonic_ns: int
    """As of an order."""
    reply_to: str


class AmendmentDropped(Struct, frozen=True, kw_only=True, tag=True):
    """Told to who proposed it: nothing will come of this amendment."""

    client_order_id: ClientOrderId
    pair: Pair
    refusal: Refusal


class AmendmentJudged(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: a proposed amendment and what the risk guard made of it."""

    client_order_id: ClientOrderId
    pair: Pair
    at_ns: TimeNs
    quantity: Quantity
    price: Price
    reason: str
    verdict: Verdict
    refusal: Refusal | None = None
    expires_at_ns: TimeNs = TimeNs(0)
    """An approved one not meant by then never will be."""


class CancelParent(Struct, frozen=True, kw_only=True, tag=True):
    """Ask the order router to end a parent order; what its children have out is cancelled too."""

    decision_id: DecisionId
    reason: str


class ParentWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Worker to order router: how does my parent order stand? Answered by `ParentHeld`."""

    decision_id: DecisionId
    reply_to: str


class ChildProposed(Struct, frozen=True, kw_only=True, tag=True):
    """Worker to order router: place this part of the parent now.

    The router holds it against the parent; what would exceed it is refused, never shrunk.
    """

    decision_id: DecisionId
    number: int
    """The parent's next; any other is a repetition and ignored."""
    quantity: Quantity
    price: Price
    time_in_force: TimeInForce
    touch: Price | None
    """The best price of the other side when this was decided; slippage is measured from it."""
    reply_to: str


class ChildRefused(Struct, frozen=True, kw_only=True, tag=True):
    """Order router to worker: not now, and nothing was written; ask again later."""

    decision_id: DecisionId
    number: int
    reason: str


class PlanOver(Struct, frozen=True, kw_only=True, tag=True):
    """Worker to order router: the plan has nothing left to try."""

    decision_id: DecisionId
    reason: str


class RulesWanted(Struct, frozen=True, kw_only=True, tag=True):
    """To the risk guard: tell me a pair's rules, if you know them; new ones are published."""

    pair: Pair
    reply_to: str


class OrdersWanted(Struct, frozen=True, kw_only=True, tag=True):
    """Trader to order router: what of mine may be out there?"""

    pair: Pair
    reply_to: str
    request: int = 0
    """The trader's own number, echoed."""


class DecisionMade(Struct, frozen=True, kw_only=True, tag=True):
    """Journalled: a proposal and what the risk guard made of it."""

    decision_id: DecisionId
    trace_id: TraceId
    pair: Pair
    at_ns: TimeNs
    strategy: str
    side: Side
    order_type: OrderType
    quantity: Quantity
    price: Price
    reason: str
    worksheet: tuple[Bound, ...]
    verdict: Verdict
    approved_quantity: Quantity
    """0 when denied."""
    refusal: Refusal | None = None
    expires_at_ns: TimeNs = TimeNs(0)
    """An approved order not meant by then never will be."""
    purpose: Purpose = Purpose.ENTRY
    plan: Plan | None = None
    stop: Price | None = None
    judgement: Judgement | None = None


class OrderEvent(Struct, frozen=True, kw_only=True, tag=True):
    """What every journalled order fact carries."""

    client_order_id: ClientOrderId
    pair: Pair
    at_ns: TimeNs


class OrderIntended(OrderEvent, frozen=True, kw_only=True):
    """Durable before the wire: from here on the order may have been sent."""

    decision_id: DecisionId
    attempt: int
    trace_id: TraceId
    strategy: str
    side: Side
    order_type: OrderType
    quantity: Quantity
    price: Price
    time_in_force: TimeInForce
    expires_at_ns: TimeNs
    """After this instant the exchange itself refuses the request (x-gate-exptime)."""
    reply_to: str
    purpose: Purpose = Purpose.ENTRY
    smallest: Quantity = Quantity(Decimal(0))
    """Base units that the exchange takes at least at this price: a rest below it is dust."""
    trigger_id: str = ""
    """Of the trigger order it came from: the exchange placed it, we never did. Empty: we do."""
    adopted: bool = False
    """Found at the exchange under a name of ours, and never meant by this journal."""
    parent: DecisionId | None = None
    """Of a child: the parent order it is a part of, and `attempt` is its number among them."""
    touch: Price | None = None
    """Of a child: the best price of the other side when it was decided."""


class OrderAccepted(OrderEvent, frozen=True, kw_only=True):
    """The exchange has it."""

    venue_order_id: VenueOrderId


class OrderRejected(OrderEvent, frozen=True, kw_only=True):
    """The exchange said no, so it never lived."""

    label: str
    message: str


class OrderUnknown(OrderEvent, frozen=True, kw_only=True):
    """No answer: it may live. Counted at full size until a query settles it; never sent again."""

    reason: str


class OrderNotPlaced(OrderEvent, frozen=True, kw_only=True):
    """Proven absent: the exchange did not know it after it could no longer arrive."""

    reason: str


class CancelIntended(OrderEvent, frozen=True, kw_only=True):
    """Durable before the cancel leaves."""

    reason: str


class OrderFilled(OrderEvent, frozen=True, kw_only=True):
    """One fill, counted once by (pair, trade id), accepted in any state and any order."""

    trade_id: TradeId
    venue_order_id: VenueOrderId
    side: Side
    price: Price
    quantity: Quantity
    role: Role
    fee: Decimal
    """Taken in `fee_currency`; 0 when GT or points paid."""
    fee_currency: Currency
    gt_fee: Decimal = Decimal(0)
    point_fee: Decimal = Decimal(0)


class OrderFinished(OrderEvent, frozen=True, kw_only=True):
    """The order rests no longer: the quantity decides what was bought, the reason only why."""

    filled_quantity: Quantity
    reason: str
    """Gate's `finish_as`: filled, cancelled, ioc, ..."""


class AmendIntended(OrderEvent, frozen=True, kw_only=True):
    """Durable before the wire: from here on the order may have either shape, until one is seen."""

    number: int
    """Of the order's amendments, from 1: one at a time."""
    quantity: Quantity
    """The whole order's, what is filled included."""
    price: Price
    expires_at_ns: TimeNs
    """After this instant the exchange itself refuses the request."""
    reason: str
    reply_to: str


class OrderAmended(OrderEvent, frozen=True, kw_only=True):
    """The exchange has changed it, or shows it changed."""

    number: int
    quantity: Quantity
    price: Price


class AmendRefused(OrderEvent, frozen=True, kw_only=True):
    """The exchange would not change it."""

    number: int
    label: str
    message: str


class AmendUnknown(OrderEvent, frozen=True, kw_only=True):
    """No answer: both shapes are possible, and risk counts the larger and the worse."""

    number: int
    reason: str


class AmendNotMade(OrderEvent, frozen=True, kw_only=True):
    """Proven: it never left, or the old shape was shown when it could not arrive any more."""

    number: int
    reason: str


class ForeignAmendment(OrderEvent, frozen=True, kw_only=True):
    """The exchange shows an order of ours as none of us ever asked for: somebody else amended it.

    No intent belongs to it. It happened at `at_ns`, or before, by the exchange's clock.
    """

    quantity: Quantity
    """What stands: the whole order's, what is filled included."""
    price: Price


class ParentEvent(Struct, frozen=True, kw_only=True, tag=True):
    """What every journalled fact of a parent order carries. Its decision is its name."""

    decision_id: DecisionId
    pair: Pair
    at_ns: TimeNs


class ParentIntended(ParentEvent, frozen=True, kw_only=True):
    """Durable before its first child: from here on children may be placed, never more than this."""

    trace_id: TraceId
    strategy: str
    side: Side
    quantity: Quantity
    price: Price
    """The worst that any child may take."""
    plan: Plan
    reply_to: str
    purpose: Purpose = Purpose.ENTRY
    smallest: Quantity = Quantity(Decimal(0))
    """Base units that the exchange takes at least at this price."""
    expires_at_ns: TimeNs = TimeNs(0)
    """Not journalled by then, an entry is over before it began; 0 where nobody says."""


class ParentCancelIntended(ParentEvent, frozen=True, kw_only=True):
    """Durable before its children are cancelled: no child is placed any more."""

    reason: str


class ParentFinished(ParentEvent, frozen=True, kw_only=True):
    """It is over: every child has ended, every fill of them is known."""

    filled: Quantity
    reason: str
    """filled, cancelled: ..., or why the plan was over before all was filled."""
    slippage_bps: float | None = None
    """How far the worst fill was from the touch that the first child saw; above 0 is worse."""
