"""Finding out what became of an order whose placement nobody confirmed. Pure.

"Not found" proves nothing until the exchange itself would refuse the placement if it still
arrived, and until what it has would be visible. Even then all places are asked, more than once:
the order by our name, what is open, what has ended, and the fills.
"""

from msgspec import Struct
from msgspec.structs import replace

from state.config.settings import OrderSettings
from state.messages.orders import OrderIntended
from state.messages.venue import (
    FetchFinishedOrders,
    FetchOpenOrders,
    FetchOrder,
    FetchTrades,
    Outcome,
    Refused,
    Succeeded,
    VenueRequest,
)
from state.order import Order, OrderState
from state.values import NS_PER_S, TimeNs

PASSES_NEEDED = 2
"""Passes in a row, each asking everywhere and finding nothing, that prove an absence."""
LOOK_BACK_NS = 62 * NS_PER_S
"""How much before an order's expiry to look: the longest `orders.expiry_s` there may be, and a
little. The expiry is by the exchange's clock, so this holds whatever ours says."""
ADOPTED_LOOK_BACK_NS = 86_400 * NS_PER_S
"""Of an adopted order nobody knows when it was placed: so far back its fills are looked for."""

NOT_FOUND = frozenset({"ORDER_NOT_FOUND", "CLIENT_ID_NOT_FOUND"})
"""The labels that mean: I know no such order."""


class Search(Struct, frozen=True, kw_only=True):
    """How far the search for one order has come."""

    empty_passes: int = 0
    """Conclusive passes in a row that found nothing."""
    began_ns: int = 0
    """When the pass under way began, monotonic."""
    conclusive: bool = False
    """Whether it began late enough to prove anything."""
    waiting: frozenset[type[VenueRequest]] = frozenset()
    """What the pass under way has not heard yet."""

    @property
    def proven_absent(self) -> bool:
        """Whether the order never was and never will be."""
        return self.empty_passes >= PASSES_NEEDED

    @property
    def under_way(self) -> bool:
        """Whether a pass has begun that has not heard everything."""
        return bool(self.waiting)

    def began(self, now_ns: int, *, conclusive: bool) -> "Search":
        """Return the search with a new pass under way, since `now_ns`, monotonic."""
        return Search(
            empty_passes=self.empty_passes,
            began_ns=now_ns,
            conclusive=conclusive,
            waiting=frozenset(_PLACES),
        )

    def heard(self, kind: type[VenueRequest], *, asked_ns: int, found_nothing: bool) -> "Search":
        """Return the search after one place has answered.

        Args:
            kind: The request that was answered.
            asked_ns: When it was asked, monotonic: what was asked before the pass proves nothing.
            found_nothing: False when the answer was none, or a refusal that says nothing.
        """
        if kind not in self.waiting or asked_ns < self.began_ns:
            return self
        waiting = self.waiting - {kind}
        conclusive = self.conclusive and found_nothing
        if waiting:
            return replace(self, conclusive=conclusive, waiting=waiting)
        return Search(empty_passes=self.empty_passes + 1 if conclusive else 0)


def questions(order: Order) -> list[VenueRequest]:
    """Return what one pass asks."""
    intent = order.intent
    since = look_from(intent)
    return [
        FetchOrder(
            pair=intent.pair,
            client_order_id=intent.client_order_id,
            venue_order_id=order.venue_order_id,
        ),
        FetchOpenOrders(),
        FetchFinishedOrders(pair=intent.pair, since_ns=since),
        FetchTrades(pair=intent.pair, since_ns=since),
    ]


def look_from(intent: OrderIntended) -> TimeNs:
    """Return since when the exchange may have had the order, by the exchange's clock."""
    back_ns = ADOPTED_LOOK_BACK_NS if intent.adopted else LOOK_BACK_NS
    return TimeNs(intent.expires_at_ns - back_ns)


def is_conclusive(expires_at_ns: int, venue_now_ns: int, settings: OrderSettings) -> bool:
    """Return whether what is asked now can prove that a request never did anything.

    Args:
        expires_at_ns: When the exchange begins to refuse the request, by its own clock.
        venue_now_ns: What the exchange's clock has certainly reached.
        settings: How far clocks may drift, and how long a change may be invisible.
    """
    margin_s = settings.visibility_lag_s + settings.clock_skew_max_s
    return venue_now_ns > expires_at_ns + int(margin_s * NS_PER_S)


def is_found(order: Order) -> bool:
    """Return whether there is nothing to find out about `order` now."""
    if order.state.is_terminal:
        return not order.missing_fills
    # What a trigger order became was reported before anybody knew that it is ours.
    is_heard = not order.intent.trigger_id and not order.intent.adopted
    is_left_alone = order.cancel is None and order.amending is None
    return order.state is OrderState.OPEN and is_heard and is_left_alone


def concerns(request: VenueRequest, order: Order) -> bool:
    """Return whether an answer to `request` says something of `order`."""
    match request:
        case FetchOrder():
            return request.client_order_id == order.client_order_id
        case FetchFinishedOrders() | FetchTrades():
            early_enough = request.since_ns <= look_from(order.intent)
            return request.pair == order.intent.pair and early_enough
        case FetchOpenOrders():
            return True
        case _:
            return False


def found_nothing(order: Order, outcome: Outcome) -> bool:
    """Return whether an answer says that the exchange knows nothing of `order`."""
    if isinstance(outcome, Succeeded):
        if order.venue_order_id in {one.venue_order_id for one in outcome.orders}:
            return False
        named = [report.client_order_id for report in outcome.orders]
        named += [trade.client_order_id for trade in outcome.trades]
        return order.client_order_id not in named
    return isinstance(outcome, Refused) and outcome.label in NOT_FOUND


_PLACES = (FetchOrder, FetchOpenOrders, FetchFinishedOrders, FetchTrades)
