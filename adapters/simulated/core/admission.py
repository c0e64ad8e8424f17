"""Whether a request may become an order: Gate's checks with Gate's labels and sentences. Pure."""

import re
from decimal import Decimal

from adapters.simulated.core.orders import Order, OrderRequest
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.refusals import invalid_parameter, missing_parameter, refusal
from adapters.simulated.core.switches import PriceBand
from adapters.simulated.core.units import decimal_of, scaled
from state.values import NS_PER_MS, OrderType, Side, TimeInForce, plain

_TEXT = re.compile(r"t-[0-9A-Za-z_.\-]{1,28}\Z", re.ASCII)
_AT_MARKET = frozenset({TimeInForce.IOC, TimeInForce.FOK})


def check_text(text: str | None) -> None:
    """Refuse a client id that Gate does not take: `t-`, then 1 to 28 of `0-9A-Za-z_-.`.

    Raises:
        VenueRefused: `INVALID_CLIENT_ORDER_ID`.
    """
    if text and not _TEXT.match(text):
        raise refusal(
            "INVALID_CLIENT_ORDER_ID",
            "text must start with `t-` followed by at most 28 of 0-9 A-Z a-z _ - .",
        )


def check_expiry(expires_ms: int | None, now_ns: int) -> None:
    """Refuse a request that arrives after its own expiry (`x-gate-exptime`).

    Raises:
        VenueRefused: `REQUEST_EXPIRED`.
    """
    if expires_ms is not None and now_ns > expires_ms * NS_PER_MS:
        raise refusal(
            "REQUEST_EXPIRED", f"request arrived at {now_ns // NS_PER_MS}, after {expires_ms}"
        )


def admit(request: OrderRequest, market: PairMarket, band: PriceBand) -> tuple[int, int]:
    """Return (ticks, amount) of an order that may be placed; see `Order` for their units.

    Raises:
        VenueRefused: With the label that Gate gives for the first thing wrong.
    """
    rules = market.rules
    if request.wallet not in ("spot", ""):
        raise refusal("INVALID_PARAM_VALUE", f"account {request.wallet} is not enabled")
    if not rules.status.allows(request.side):
        raise refusal("TRADE_RESTRICTED", f"{rules.pair} takes no {request.side} orders now")
    if request.type is OrderType.MARKET:
        return 0, _market_amount(request, market)
    ticks = _ticks(request.price, market)
    lots = _lots(request.amount, market)
    _check_size(rules, request.amount, decimal_of(ticks, rules.price_decimals) * request.amount)
    _check_band(request.side, ticks, market, band)
    return ticks, lots


def _market_amount(request: OrderRequest, market: PairMarket) -> int:
    if request.time_in_force not in _AT_MARKET | {None}:
        raise invalid_parameter("time_in_force", request.time_in_force)
    rules = market.rules
    if request.side is Side.BUY:
        atoms = scaled(request.amount, 18)
        if atoms is None:
            raise refusal("INVALID_PRECISION", f"amount {request.amount} has too many decimals")
        if atoms <= 0:
            raise invalid_parameter("amount", request.amount)
        _check_size(rules, None, request.amount)
        return atoms
    lots = _lots(request.amount, market)
    reference = market.reference_ticks()
    worth = None
    if reference is not None:
        worth = decimal_of(reference, rules.price_decimals) * request.amount
    _check_size(rules, request.amount, worth)
    return lots


def _ticks(price: Decimal | None, market: PairMarket) -> int:
    if price is None:
        raise missing_parameter("price")
    ticks = market.units.ticks(price)
    if ticks is None:
        raise refusal(
            "INVALID_PRECISION",
            f"price {price} exceeds the precision of {market.rules.price_decimals} decimals",
        )
    if ticks <= 0:
        raise invalid_parameter("price", price)
    return ticks


def _lots(amount: Decimal, market: PairMarket) -> int:
    lots = market.units.lots(amount)
    if lots is None:
        raise refusal(
            "INVALID_PRECISION",
            f"amount {amount} exceeds the precision of {market.rules.amount_decimals} decimals",
        )
    if lots <= 0:
        raise invalid_parameter("amount", amount)
    return lots


def _check_size(rules: PairRules, base: Decimal | None, quote: Decimal | None) -> None:
    for size, least, most, currency in (
        (base, rules.min_base, rules.max_base, rules.base),
        (quote, rules.min_quote, rules.max_quote, rules.quote),
    ):
        if size is not None and least is not None and size < least:
            # Not AMOUNT_TOO_LITTLE: the real venue answers this label with this sentence.
            raise refusal(
                "INVALID_PARAM_VALUE",
                f"Your order size {size:.6f} {currency} is too small. "
                f"The minimum is {plain(least)} {currency}",
            )
        if size is not None and most is not None and size > most:
            raise refusal(
                "AMOUNT_TOO_MUCH",
                f"Your order size {size:.6f} {currency} is too large. "
                f"The maximum is {plain(most)} {currency}",
            )


def _check_band(side: Side, ticks: int, market: PairMarket, band: PriceBand) -> None:
    reference = market.reference_ticks()
    if reference is None or band is PriceBand.OFF:
        return
    too_high = ticks > reference * (1 + market.rules.up_rate)
    too_low = ticks < reference * (1 - market.rules.down_rate)
    if band is PriceBand.AGGRESSIVE:
        too_high = too_high and side is Side.BUY
        too_low = too_low and side is Side.SELL
    if too_high or too_low:
        raise refusal(
            "PRICE_THRESHOLD_EXCEEDED",
            f"price {market.units.price_text(ticks)} is too far from the last price "
            f"{market.units.price_text(reference)}",
        )


def cancellable(order: Order | None) -> Order:
    """Return `order` if it can still be cancelled.

    Raises:
        VenueRefused: `ORDER_NOT_FOUND`, `ORDER_CLOSED` or `ORDER_CANCELLED`.
    """
    if order is None:
        raise refusal("ORDER_NOT_FOUND", "Order not found")
    if not order.is_open:
        label = "ORDER_CLOSED" if order.finish_as == "filled" else "ORDER_CANCELLED"
        raise refusal(label, f"Order {order.id} is {order.status}")
    return order
