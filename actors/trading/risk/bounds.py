"""Bounds on the quantity: how much of it may be done? The smallest decides. Pure."""

from decimal import ROUND_FLOOR, Context, Decimal

from msgspec import Struct

from actors.trading.risk.codes import Code
from actors.trading.risk.questions import BPS, is_entry, protects
from actors.trading.risk.view import View
from state.exact import exactly
from state.instrument import TradingRules
from state.messages.orders import OrderProposed
from state.messages.risk import Tier
from state.values import ZERO, OrderType, plain

_FLOOR = Context(prec=60, rounding=ROUND_FLOOR)
"""A bound that was rounded up would be none."""
_HALF = Decimal("0.5")


class Bound(Struct, frozen=True, kw_only=True):
    """One bound on the quantity of an order."""

    code: Code
    quantity: Decimal
    limit: str
    value: str


def bounds(proposal: OrderProposed, view: View, rules: TradingRules) -> list[Bound]:
    """Return every bound on `proposal`, which passed all questions."""
    most = _pair_max(rules, proposal)
    found = [
        Bound(
            code=Code.PAIR_MAX,
            quantity=most,
            limit=plain(most),
            value=plain(proposal.quantity),
        )
    ]
    if not protects(proposal):
        limit = view.limits.order_notional_max
        found.append(_room(Code.ORDER_NOTIONAL_MAX, limit, ZERO, proposal.price))
    if is_entry(proposal):
        return [*found, *_of_entry(proposal, view, rules)]
    free = plain(view.free_base)
    return [*found, Bound(code=Code.HOLDING, quantity=view.free_base, limit=free, value=free)]


def stop_distance(price: Decimal, stop: Decimal | None, distance_bps: Decimal) -> Decimal:
    """Return how much of `price` (quote per base) is lost at the stop of an entry, never below 0.

    Args:
        price: Of the entry.
        stop: Where it will be sold at a loss; None where it does not say.
        distance_bps: How far below it the stop is taken to be then.
    """
    with exactly():
        return price * distance_bps / BPS if stop is None else max(price - stop, ZERO)


def _of_entry(proposal: OrderProposed, view: View, rules: TradingRules) -> list[Bound]:
    price, limits, book, standing = proposal.price, view.limits, view.book, view.standing
    assert book is not None
    assert standing is not None
    # Once filled it is held at the mid, so bought below it counts as what it will be worth.
    worth = max(price, Decimal(repr(book.mid)))
    distance = stop_distance(price, proposal.stop, limits.stop_distance_bps)
    with exactly():
        at_risk = max(standing.equity, ZERO) * limits.risk_per_trade_share
        depth = Decimal(repr(book.ask_depth)) * limits.depth_share_max
        with_fee = price * (1 + rules.fee_rate)
    found = [
        _room(Code.POSITION_MAX, limits.position_notional_max, view.pair_exposure, worth),
        _room(Code.EXPOSURE_MAX, limits.exposure_notional_max, view.total_exposure, worth),
        _room(Code.BALANCE, view.free_quote, ZERO, with_fee),
        _room(Code.RISK_PER_TRADE, at_risk, ZERO, distance),
        _room(Code.THIN_BOOK, depth, ZERO, price),
    ]
    found += [
        _room(Code.GROUP_MAX, one.group.notional_max, one.exposure, worth) for one in view.groups
    ]
    if standing.tier is Tier.HALF:
        with exactly():
            half = proposal.quantity * _HALF
        value = plain(proposal.quantity)
        limit = "half of what is wanted"
        found.append(Bound(code=Code.DRAWDOWN_HALF, quantity=half, limit=limit, value=value))
    return found


def _room(code: Code, limit: Decimal, used: Decimal, price: Decimal) -> Bound:
    """Return how much of a limit in quote units is left, as a quantity at `price`."""
    with exactly():
        left = limit - used
    quantity = _FLOOR.divide(left, price) if price else Decimal("Infinity")
    return Bound(code=code, quantity=quantity, limit=plain(limit), value=plain(used))


def _pair_max(rules: TradingRules, proposal: OrderProposed) -> Decimal:
    quantities, notionals = [rules.quantity_max], [rules.notional_max]
    if proposal.order_type is OrderType.MARKET:
        quantities.append(rules.market_quantity_max)
        notionals.append(rules.market_notional_max)
    most = [Decimal(one) for one in quantities if one is not None]
    most += [_FLOOR.divide(one, proposal.price) for one in notionals if one is not None]
    return min(most, default=Decimal("Infinity"))
