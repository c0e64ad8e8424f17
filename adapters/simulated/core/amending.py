"""Whether a resting order may be changed, and what it then is. Pure.

Gate keeps the id. Only a pure reduction keeps the place in the queue; whatever else changes sends
the order to the back, and it may trade on the way like a new one.
"""

from typing import NamedTuple

from adapters.simulated.core.admission import check_band, check_limit, lots_of, ticks_of
from adapters.simulated.core.orders import AmendRequest, Order
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.refusals import refusal
from adapters.simulated.core.switches import PriceBand
from adapters.simulated.core.units import decimal_of


class Amended(NamedTuple):
    """What an order becomes."""

    ticks: int
    amount: int
    """Lots, what is filled included."""
    keeps_place: bool
    text: str
    """The remark it then carries."""


def amended(
    order: Order, request: AmendRequest, market: PairMarket, band: PriceBand, now_ns: int
) -> Amended | None:
    """Return what `order` becomes, None when nothing of it is left: it ends cancelled.

    Raises:
        VenueRefused: `NO_CHANGE`, or what a new order like that would get.
    """
    rules = market.rules
    ticks = order.ticks if request.price is None else ticks_of(request.price, market)
    amount = order.amount if request.amount is None else lots_of(request.amount, market)
    if (ticks, amount) == (order.ticks, order.amount):
        raise refusal("NO_CHANGE", "No change")
    if amount <= order.filled_lots:
        return None
    price, size = decimal_of(ticks, rules.price_decimals), decimal_of(amount, rules.amount_decimals)
    check_limit(rules, order.side, price, size, now_ns)
    if ticks != order.ticks:
        check_band(order.side, ticks, market, band)
    keeps_place = ticks == order.ticks and amount < order.amount
    return Amended(ticks, amount, keeps_place, request.text or order.amend_text)
