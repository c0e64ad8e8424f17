"""What could be held if everything that may still happen happened. Pure.

Buys that rest, fly, are of unknown fate or were approved a moment ago count in full, at their limit
price or at what they would be worth, whichever is more; sells count for nothing until they are
filled. So no order of events can exceed what this says.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

from state.amendment import Shape
from state.exact import difference, exactly, total
from state.ledger import Ledger
from state.messages.orders import DecisionMade
from state.order import Order
from state.parent_order import ParentOrder
from state.values import (
    ZERO,
    ClientOrderId,
    Currency,
    DecisionId,
    Notional,
    Pair,
    Quantity,
    Side,
    base_of,
    quote_of,
)


class Commitment(Struct, frozen=True, kw_only=True):
    """One order that may still be filled."""

    pair: Pair
    side: Side
    quantity: Quantity
    """Base units that may still be filled."""
    price: Decimal
    """Quote per base: the worst it may be filled at."""

    @property
    def notional(self) -> Decimal:
        """Quote units it may take or bring."""
        with exactly():
            return self.quantity * self.price


def of_order(order: Order, approved: Shape | None = None) -> Commitment | None:
    """Return what an order may still do; None when nothing.

    Args:
        order: While an amendment of it is under way it counts as the larger and the worse.
        approved: What it may become by an amendment that the journal does not know yet.
    """
    quantity = total([order.working, order.missing_fills])
    prices = [order.worst_price]
    if order.missing_fills:
        prices.append(order.intent.price)  # They may be from before it was amended.
    if approved is not None and not order.state.is_terminal:
        quantity = max(quantity, difference(approved.quantity, order.filled))
        prices.append(approved.price)
    if quantity <= 0:
        return None
    worst = max(prices) if order.intent.side is Side.BUY else min(prices)
    return Commitment(
        pair=order.intent.pair, side=order.intent.side, quantity=Quantity(quantity), price=worst
    )


def of_parent(parent: ParentOrder) -> Commitment | None:
    """Return what a parent order may still do, its children's part included; None when nothing."""
    intent = parent.intent
    if not parent.committed:
        return None
    return Commitment(
        pair=intent.pair, side=intent.side, quantity=parent.committed, price=intent.price
    )


def of_all(
    orders: Iterable[Order],
    parents: Mapping[DecisionId, ParentOrder],
    amendments: Mapping[ClientOrderId, Shape],
) -> list[Commitment]:
    """Return what orders and parent orders may still do; a child counts within its parent alone.

    Args:
        orders: Those that are not settled.
        parents: Those that are not over.
        amendments: What orders may become by amendments that the journal does not know yet.
    """
    found = [
        of_order(order, amendments.get(order.client_order_id))
        for order in orders
        if order.intent.parent not in parents
    ]
    found += map(of_parent, parents.values())
    return [one for one in found if one is not None]


def of_decision(decision: DecisionMade) -> Commitment:
    """Return what an approved decision may do before its order is known."""
    return Commitment(
        pair=decision.pair,
        side=decision.side,
        quantity=decision.approved_quantity,
        price=decision.price,
    )


class Exposure(Struct, frozen=True, kw_only=True):
    """All that is held and committed. Money in quote units."""

    by_pair: dict[Pair, Notional]
    total: Notional
    free: dict[Currency, Decimal]
    """Quote currencies: balance less what buys may take, fees included."""
    free_base: dict[Pair, Quantity]
    """Held by our trading, and in the account, less what sells may take."""

    def of(self, pairs: Iterable[Pair]) -> Notional:
        """Return what these pairs hold together."""
        return Notional(total(self.by_pair.get(pair, ZERO) for pair in pairs))


def exposure(
    ledger: Ledger,
    commitments: Iterable[Commitment],
    marks: Mapping[Pair, Decimal],
    pairs: Iterable[Pair],
    fee_rates: Mapping[Pair, Decimal] | None = None,
) -> Exposure:
    """Return what is held and committed in `pairs`.

    Args:
        ledger: What is held.
        commitments: What may still happen.
        marks: Quote per base; a pair without one is valued at what it cost.
        pairs: Those of interest.
        fee_rates: Share of its notional that a buy may cost beside it; 0 where not given.
    """
    by_pair: dict[Pair, Decimal] = {}
    free: dict[Currency, Decimal] = {}
    free_base: dict[Pair, Decimal] = {}
    rates, balances = fee_rates or {}, ledger.balances
    with exactly():
        for pair in pairs:
            quote, position = quote_of(pair), ledger.positions.get(pair)
            if quote not in free:
                free[quote] = balances.get(quote, ZERO)
            if position is None:
                # Most pairs, most of the time: an order must not wait for what others do not hold.
                by_pair[pair] = free_base[pair] = ZERO
                continue
            mark = marks.get(pair)
            worth = position.quantity * mark if mark is not None else max(position.cost, ZERO)
            by_pair[pair] = worth
            free_base[pair] = min(position.quantity, balances.get(base_of(pair), ZERO))
        for one in commitments:
            quote = quote_of(one.pair)
            if one.side is Side.BUY:
                worth = one.quantity * max(one.price, marks.get(one.pair, ZERO))
                by_pair[one.pair] = by_pair.get(one.pair, ZERO) + worth
                taken = one.quantity * one.price * (1 + rates.get(one.pair, ZERO))
                free[quote] = free.get(quote, ZERO) - taken
            else:
                free_base[one.pair] = free_base.get(one.pair, ZERO) - one.quantity
        held = sum(by_pair.values(), ZERO)
    return Exposure(
        by_pair={pair: Notional(value) for pair, value in by_pair.items()},
        total=Notional(held),
        free=free,
        free_base={pair: Quantity(value) for pair, value in free_base.items()},
    )
