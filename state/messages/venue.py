"""What we ask of the exchange and what it answers, free of any protocol.

The `Exchange` port takes a request and gives back exactly one `VenueAnswer` with that request in
it, so an answer can be understood by an actor that was restarted meanwhile.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from state.instrument import TradingRules
from state.messages.market import BookSnapshot, CandleSeen, Timeframe
from state.values import (
    ClientOrderId,
    Currency,
    Notional,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Role,
    Side,
    TimeInForce,
    TimeNs,
    TradeId,
    VenueOrderId,
)


class TriggerRule(StrEnum):
    """Which last prices meet a trigger order, in Gate's spelling."""

    AT_LEAST = ">="
    AT_MOST = "<="


class TriggerStatus(StrEnum):
    """Where a trigger order stands at the exchange."""

    OPEN = "open"
    FIRED = "fired"
    """It met its price and became an order."""
    FAILED = "failed"
    """It met its price, and the order it would have become was refused."""
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class VenueRequest(Struct, frozen=True, kw_only=True, tag=True):
    """What every request is."""


class PlaceOrder(VenueRequest, frozen=True, kw_only=True):
    """Place one order. The exchange refuses it when it arrives after `expires_at_ns`."""

    client_order_id: ClientOrderId
    pair: Pair
    side: Side
    order_type: OrderType
    quantity: Quantity | Notional
    """Base units; of a market buy quote units, as Gate takes it."""
    price: Price | None
    time_in_force: TimeInForce
    expires_at_ns: TimeNs
    """By the exchange's clock."""
    purpose: Purpose = Purpose.ENTRY
    """For the halt latch alone; the exchange never hears of it."""


class AmendOrder(VenueRequest, frozen=True, kw_only=True):
    """Change what one resting order asks for; it keeps its ids, and its place only if it shrinks.

    The exchange refuses it when it arrives after `expires_at_ns`.
    """

    pair: Pair
    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None
    quantity: Quantity | None
    """The whole order's new quantity, what is filled included; None leaves it."""
    price: Price | None
    """None leaves it; one of the two is given."""
    expires_at_ns: TimeNs
    """By the exchange's clock."""


class CancelPlaced(VenueRequest, frozen=True, kw_only=True):
    """Cancel one order by the exchange's id, or by ours where its id is not known."""

    pair: Pair
    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None


class FetchOrder(VenueRequest, frozen=True, kw_only=True):
    """Ask for one order by the exchange's id, or by ours where its id is not known."""

    pair: Pair
    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId | None


class FetchOpenOrders(VenueRequest, frozen=True, kw_only=True):
    """Ask for everything that rests, of every pair."""


class FetchFinishedOrders(VenueRequest, frozen=True, kw_only=True):
    """Ask for one pair's orders that ended at or after `since_ns`."""

    pair: Pair
    since_ns: TimeNs


class FetchTrades(VenueRequest, frozen=True, kw_only=True):
    """Ask for one pair's own fills at or after `since_ns`, oldest first."""

    pair: Pair
    since_ns: TimeNs


class FetchAccountBook(VenueRequest, frozen=True, kw_only=True):
    """Ask for what changed our balances at or after `since_ns`, oldest first, fills included."""

    since_ns: TimeNs


class FetchBalances(VenueRequest, frozen=True, kw_only=True):
    """Ask for every currency's balance."""


class FetchRules(VenueRequest, frozen=True, kw_only=True):
    """Ask for the trading rules of `pairs`."""

    pairs: tuple[Pair, ...]


class FetchBook(VenueRequest, frozen=True, kw_only=True):
    """Ask for a pair's book with its update id."""

    pair: Pair
    depth: int = 100


class FetchCandles(VenueRequest, frozen=True, kw_only=True):
    """Ask for a pair's candles that open in [since_ns, until_ns], oldest first."""

    pair: Pair
    timeframe: Timeframe
    since_ns: TimeNs
    until_ns: TimeNs
    """At most `CANDLES_A_REQUEST` lengths of the timeframe, both ends counted."""


CANDLES_A_REQUEST = 1000
"""More the exchange does not give at once."""


class FetchTime(VenueRequest, frozen=True, kw_only=True):
    """Ask for the exchange's clock."""

    asked_at_ns: TimeNs


class FetchKeyRights(VenueRequest, frozen=True, kw_only=True):
    """Ask what our key may do."""


class ArmCountdown(VenueRequest, frozen=True, kw_only=True):
    """Ask the exchange to cancel everything unless asked again within `timeout_s`; 0 disarms."""

    timeout_s: int


class PlaceTrigger(VenueRequest, frozen=True, kw_only=True):
    """Let an IOC limit order wait at the exchange until the last price meets `trigger_price`.

    It travels without a name of ours and without an expiry that the exchange enforces: once it has
    left, it may be taken at any time.
    """

    trigger_id: str
    """Ours; it does not travel."""
    pair: Pair
    side: Side
    rule: TriggerRule
    trigger_price: Price
    price: Price
    """Limit of the order it becomes."""
    quantity: Quantity
    """Base units."""
    expiration_s: int
    """How long it waits there."""
    expires_at_ns: TimeNs
    """Not sent later, by the exchange's clock; the exchange itself would still take it."""


class CancelTrigger(VenueRequest, frozen=True, kw_only=True):
    """Take a trigger order back."""

    pair: Pair
    venue_trigger_id: str


class FetchTriggers(VenueRequest, frozen=True, kw_only=True):
    """Ask for one pair's trigger orders: all that wait, and those that ended since `since_ns`."""

    pair: Pair
    since_ns: TimeNs


class OrderReport(Struct, frozen=True, kw_only=True, tag=True):
    """The exchange's view of one order at one moment, from REST or from the private stream."""

    client_order_id: ClientOrderId
    """Gate's `text` verbatim: not ours unless it carries our prefix."""
    venue_order_id: VenueOrderId
    pair: Pair
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    price: Price
    filled_quantity: Quantity
    """Base units filled so far."""
    filled_notional: Notional
    open: bool
    """Whether it still rests."""
    finish_as: str
    """Gate's reason, `open` while it rests."""
    event_time_ns: TimeNs


class TradeReport(Struct, frozen=True, kw_only=True, tag=True):
    """One fill of ours, from REST or from the private stream."""

    trade_id: TradeId
    venue_order_id: VenueOrderId
    client_order_id: ClientOrderId
    pair: Pair
    side: Side
    role: Role
    price: Price
    quantity: Quantity
    fee: Decimal
    fee_currency: Currency
    gt_fee: Decimal = Decimal(0)
    point_fee: Decimal = Decimal(0)
    event_time_ns: TimeNs


class TriggerReport(Struct, frozen=True, kw_only=True, tag=True):
    """The exchange's view of one trigger order at one moment."""

    venue_trigger_id: str
    """Of a space of its own: no order has it."""
    pair: Pair
    side: Side
    rule: TriggerRule
    trigger_price: Price
    price: Price
    quantity: Quantity
    expiration_s: int
    status: TriggerStatus
    fired_order_id: VenueOrderId | None = None
    """The order it became, which carries nothing of ours: the only link."""
    reason: str = ""
    created_at_ns: TimeNs = TimeNs(0)
    """Whole seconds; 0 where nobody said."""
    ended_at_ns: TimeNs = TimeNs(0)
    """Whole seconds; 0 while it waits."""


class TriggerMoved(Struct, frozen=True, kw_only=True, tag=True):
    """From the private stream: something became of a trigger order of `pair`. The list says what.

    Gate's push does not say how the order stands, so it is no more than a hint to look.
    """

    pair: Pair


class BalanceReport(Struct, frozen=True, kw_only=True, tag=True):
    """One currency's balance at one moment."""

    currency: Currency
    available: Decimal
    locked: Decimal
    event_time_ns: TimeNs


class AccountEntry(Struct, frozen=True, kw_only=True, tag=True):
    """One line of the exchange's account book: what changed one currency's balance."""

    entry_id: str
    currency: Currency
    change: Decimal
    """Signed, free and bound in orders together."""
    kind: str
    """Gate's word for it: order_fill, order_fee, deposit, withdraw, ..."""
    text: str
    event_time_ns: TimeNs


class VenueTime(Struct, frozen=True, kw_only=True, tag=True):
    """The exchange's clock, and ours when the answer arrived."""

    venue_ns: TimeNs
    answered_at_ns: TimeNs


class KeyRights(Struct, frozen=True, kw_only=True, tag=True):
    """What a key may do, in the exchange's own words for the areas of its interface."""

    acts_in: frozenset[str]
    """Areas it may change something in, such as `spot`."""
    looks_at: frozenset[str]
    """Areas it may only read."""
    is_active: bool
    """False while the exchange has it locked or frozen."""
    pairs: tuple[Pair, ...] = ()
    """The only pairs it may trade; empty: every pair."""
    addresses: tuple[str, ...] = ()
    """The only addresses it may be used from; empty: any."""


class Succeeded(Struct, frozen=True, kw_only=True, tag=True):
    """It happened; exactly the members that the request asks for are filled."""

    orders: tuple[OrderReport, ...] = ()
    """Place, amend, cancel and fetch one: that order. Fetch open or finished: all of them."""
    trades: tuple[TradeReport, ...] = ()
    triggers: tuple[TriggerReport, ...] = ()
    """Place and cancel: that one. Fetch: all of them, once each."""
    balances: tuple[BalanceReport, ...] = ()
    account_book: tuple[AccountEntry, ...] = ()
    rules: tuple[TradingRules, ...] = ()
    book: BookSnapshot | None = None
    candles: tuple[CandleSeen, ...] = ()
    time: VenueTime | None = None
    key_rights: KeyRights | None = None


class Refused(Struct, frozen=True, kw_only=True, tag=True):
    """The exchange said no: it did not happen."""

    label: str
    message: str
    status: int = 0


class Unknown(Struct, frozen=True, kw_only=True, tag=True):
    """No readable answer: it may have happened."""

    reason: str


Outcome = Succeeded | Refused | Unknown


AnyRequest = (
    PlaceOrder
    | AmendOrder
    | CancelPlaced
    | FetchOrder
    | FetchOpenOrders
    | FetchFinishedOrders
    | FetchTrades
    | FetchAccountBook
    | FetchBalances
    | FetchRules
    | FetchBook
    | FetchCandles
    | FetchTime
    | FetchKeyRights
    | ArmCountdown
    | PlaceTrigger
    | CancelTrigger
    | FetchTriggers
)
"""Every request there is: what an answer may belong to."""


class VenueAnswer(Struct, frozen=True, kw_only=True, tag=True):
    """What became of one request."""

    request: AnyRequest
    outcome: Outcome

    @classmethod
    def to(cls, request: VenueRequest, outcome: Outcome) -> "VenueAnswer":
        """Return the answer to a request of whatever kind."""
        assert isinstance(request, AnyRequest), "a kind of request that nobody declared"
        return cls(request=request, outcome=outcome)
