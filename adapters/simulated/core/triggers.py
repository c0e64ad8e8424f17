"""All price orders of a venue: armed, met, expired, taken back. Pure.

Trades only widen the range of prices that a pair has seen; `advance` compares it with the triggers
and places the orders, so no price between two looks is missed.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from copy import copy

from adapters.simulated.core.admission import check_limit, check_open, lots_of, ticks_of
from adapters.simulated.core.clearing import cost_of
from adapters.simulated.core.events import Event, PriceOrderMoved
from adapters.simulated.core.ledger import Account, Ledger
from adapters.simulated.core.orders import Order, OrderRequest
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.price_orders import (
    PriceOrder,
    PriceOrderRequest,
    PriceOrderStatus,
    Rule,
)
from adapters.simulated.core.refusals import invalid_parameter, refusal
from adapters.simulated.core.units import decimal_of
from state.errors import VenueRefused
from state.values import NS_PER_S, Currency, OrderType, Pair, Side

_MOST_OPEN = 500
_LONGEST_S = 366 * 86_400
_KEPT = 100_000

Place = Callable[[Account, OrderRequest, int], Order]


class Triggers:
    """Price orders, and what they do.

    Args:
        pairs: Whose prices they wait for.
        ledger: Whose accounts they are of.
        place: Places the order of one that met its price.
        outbox: Receives every event.
        locks_funds: Whether one that waits already holds back what it may cost.
    """

    def __init__(
        self,
        pairs: Mapping[Pair, PairMarket],
        ledger: Ledger,
        place: Place,
        outbox: list[Event],
        *,
        locks_funds: bool,
    ) -> None:
        self._pairs = pairs
        self._ledger = ledger
        self._place = place
        self._outbox = outbox
        self._locks_funds = locks_funds
        self.open: dict[int, PriceOrder] = {}
        self.finished: deque[PriceOrder] = deque(maxlen=_KEPT)
        self.next_id = 900_000_001

    def add(self, kept: PriceOrder) -> None:
        """Know a price order of an earlier life."""
        self.next_id = max(self.next_id, kept.id + 1)
        if kept.is_open:
            self.open[kept.id] = kept
        else:
            self.finished.append(kept)

    def arm(self, account: Account, request: PriceOrderRequest, now_ns: int) -> PriceOrder:
        """Let a price order wait for its price.

        Raises:
            VenueRefused: `AUTO_TRIGGER_PRICE_LESS_LAST` or `AUTO_TRIGGER_PRICE_GREATE_LAST` when
                the price is met already; what its order would get for its form.
        """
        market = self._pairs.get(Pair(request.pair))
        if market is None:
            raise refusal("INVALID_CURRENCY_PAIR", f"Invalid currency pair {request.pair}")
        if not 0 < request.expiration_s <= _LONGEST_S:
            raise invalid_parameter("trigger.expiration", request.expiration_s)
        if sum(each.owner == account.name for each in self.open.values()) >= _MOST_OPEN:
            raise refusal("TOO_MANY_ORDERS", f"at most {_MOST_OPEN} price orders may wait")
        _check_wallet(account, request)
        ticks = ticks_of(request.trigger_price, market)
        _refuse_met(request.rule, ticks, market)
        cost = _checked_cost(request, ticks, market, now_ns)
        self.advance(now_ns)
        armed = PriceOrder(
            id=self.next_id,
            owner=account.name,
            pair=market.rules.pair,
            request=request,
            ticks=ticks,
            created_ns=now_ns,
            expires_ns=now_ns + request.expiration_s * NS_PER_S,
        )
        if self._locks_funds:
            self._ledger.lock(account, self.pays_in(armed), cost, now_ns)
            armed.locked = cost
        market.forget_range()
        self.next_id += 1
        self.open[armed.id] = armed
        self._tell(armed)
        return armed

    def pays_in(self, armed: PriceOrder) -> Currency:
        """Return the currency that the order of `armed` will cost."""
        rules = self._pairs[armed.pair].rules
        return rules.quote if armed.request.side is Side.BUY else rules.base

    def of(self, owner: str, pair: str | None = None) -> list[PriceOrder]:
        """Return the price orders of `owner` that wait, oldest first."""
        return [
            each for each in self.open.values() if each.owner == owner and pair in (None, each.pair)
        ]

    def ended(self, owner: str, pair: str | None = None) -> Iterator[PriceOrder]:
        """Yield the price orders of `owner` that wait no more, newest first."""
        return (
            each
            for each in reversed(self.finished)
            if each.owner == owner and pair in (None, each.pair)
        )

    def find(self, owner: str, reference: str) -> PriceOrder:
        """Return one price order.

        Raises:
            VenueRefused: `ORDER_NOT_FOUND`.
        """
        for each in (*self.of(owner), *self.ended(owner)):
            if str(each.id) == reference:
                return each
        raise refusal("ORDER_NOT_FOUND", f"Order with ID {reference} not found")

    def cancel(self, owner: str, reference: str, now_ns: int) -> PriceOrder:
        """Take one back.

        Raises:
            VenueRefused: `ORDER_NOT_FOUND`, `ORDER_CANCELLED` or `ORDER_CLOSED`.
        """
        found = self.find(owner, reference)
        if not found.is_open:
            gone = found.status is PriceOrderStatus.CANCELLED
            label = "ORDER_CANCELLED" if gone else "ORDER_CLOSED"
            raise refusal(label, f"Order {found.id} is {found.status}")
        self._end(found, PriceOrderStatus.CANCELLED, now_ns)
        return found

    def cancel_all(self, owner: str, pair: str | None, now_ns: int) -> list[PriceOrder]:
        """Take back all of `owner`, or those of one pair."""
        doomed = self.of(owner, pair)
        for each in doomed:
            self._end(each, PriceOrderStatus.CANCELLED, now_ns)
        return doomed

    def next_due_ns(self) -> int | None:
        """Return when `advance` has something to do, None when nothing is planned."""
        due = [
            self._pairs[each.pair].priced_ns if self._is_met(each) else each.expires_ns
            for each in self.open.values()
        ]
        return min(due, default=None)

    def advance(self, now_ns: int) -> None:
        """Place the orders of those whose price came, oldest first; end those too old."""
        while met := [each for each in self.open.values() if self._is_met(each)]:
            for pair in {each.pair for each in met}:
                self._pairs[pair].forget_range()
            for each in met:
                self._fire(each, now_ns)
        for each in [each for each in self.open.values() if each.expires_ns <= now_ns]:
            self._end(each, PriceOrderStatus.EXPIRED, now_ns)

    def _is_met(self, armed: PriceOrder) -> bool:
        seen = self._pairs[armed.pair].range_ticks
        return seen is not None and any(armed.request.rule.met_by(t, armed.ticks) for t in seen)

    def _fire(self, armed: PriceOrder, now_ns: int) -> None:
        market = self._pairs[armed.pair]
        assert market.last_ticks is not None, "a price was met, so there is a last one"
        self._release(armed, now_ns)
        last = decimal_of(market.last_ticks, market.rules.price_decimals)
        account = self._ledger.accounts[armed.owner]
        try:
            armed.fired_order_id = self._place(account, armed.order(last), now_ns).id
        except VenueRefused as refused:
            armed.reason = str(refused)
            self._end(armed, PriceOrderStatus.FAILED, now_ns)
        else:
            self._end(armed, PriceOrderStatus.FINISHED, now_ns)

    def _release(self, armed: PriceOrder, now_ns: int) -> None:
        account = self._ledger.accounts[armed.owner]
        self._ledger.unlock(account, self.pays_in(armed), armed.locked, now_ns)
        armed.locked = 0

    def _end(self, armed: PriceOrder, status: PriceOrderStatus, now_ns: int) -> None:
        self._release(armed, now_ns)
        armed.status, armed.ended_ns = status, now_ns
        del self.open[armed.id]
        self.finished.append(armed)
        self._tell(armed)

    def _tell(self, armed: PriceOrder) -> None:
        self._outbox.append(PriceOrderMoved(order=copy(armed)))


def _check_wallet(account: Account, request: PriceOrderRequest) -> None:
    if request.wallet != "normal" and request.wallet not in account.wallets:
        raise refusal("INVALID_PARAM_VALUE", f"account {request.wallet} is not enabled")


def _refuse_met(rule: Rule, ticks: int, market: PairMarket) -> None:
    last = market.reference_ticks()
    if last is None or not rule.met_by(last, ticks):
        return
    text = f"trigger price {market.units.price_text(ticks)} is met by the last price"
    less = rule is Rule.AT_LEAST
    label = "AUTO_TRIGGER_PRICE_LESS_LAST" if less else "AUTO_TRIGGER_PRICE_GREATE_LAST"
    raise refusal(label, f"{text} {market.units.price_text(last)}")


def _checked_cost(
    request: PriceOrderRequest, trigger_ticks: int, market: PairMarket, now_ns: int
) -> int:
    """Return the atoms that the order may cost, by its own price or by the trigger's at market."""
    check_open(market.rules, request.side, now_ns)
    limit = request.type is OrderType.LIMIT
    ticks = ticks_of(request.price, market) if limit else trigger_ticks
    lots = lots_of(request.amount, market)
    price = decimal_of(ticks, market.rules.price_decimals)
    check_limit(market.rules, request.side, price, request.amount, now_ns)
    return cost_of(request.side, market, ticks, lots)
