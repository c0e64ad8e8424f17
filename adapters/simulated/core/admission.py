"""Whether a request may become an order: Gate's checks with Gate's labels and sentences. Pure."""

import re
from decimal import Decimal

from adapters.simulated.core.ledger import Account
from adapters.simulated.core.orders import Order, OrderRequest, SelfTradeAct
from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.pair_rules import PairRules
from adapters.simulated.core.refusals import invalid_parameter, missing_parameter, refusal
from adapters.simulated.core.switches import PriceBand, SelfTrade
from adapters.simulated.core.units import decimal_of, scaled
from state.values import NS_PER_MS, Currency, OrderType, Side, TimeInForce, plain

_TEXT = re.compile(r"t-[0-9A-Za-z_.\-]{1,28}\Z", re.ASCII)
_AT_MARKET = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_MOST_SLICES = 1_000
"""Parts that an iceberg may show one after the other."""


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


def admit(
    request: OrderRequest, market: PairMarket, account: Account, band: PriceBand, now_ns: int
) -> tuple[int, int]:
    """Return (ticks, amount) of an order that may be placed; see `Order` for their units.

    Raises:
        VenueRefused: With the label that Gate gives for the first thing wrong.
    """
    if request.wallet and request.wallet not in account.wallets:
        raise refusal("INVALID_PARAM_VALUE", f"account {request.wallet} is not enabled")
    if request.type is OrderType.MARKET:
        check_open(market.rules, request.side, now_ns)
        return 0, _market_amount(request, market)
    ticks = ticks_of(request.price, market)
    lots = lots_of(request.amount, market)
    assert request.price is not None, "a limit order without a price was refused"
    check_limit(market.rules, request.side, request.price, request.amount, now_ns)
    check_band(request.side, ticks, market, band)
    return ticks, lots


def check_limit(rules: PairRules, side: Side, price: Decimal, amount: Decimal, now_ns: int) -> None:
    """Refuse a limit order of a size that the pair does not take now.

    Raises:
        VenueRefused: `TRADE_RESTRICTED`, `INVALID_PARAM_VALUE`, `AMOUNT_TOO_MUCH`.
    """
    check_open(rules, side, now_ns)
    _check_size(rules, amount, price * amount)


def check_open(rules: PairRules, side: Side, now_ns: int) -> None:
    """Refuse an order of a pair, or of a side of it, that does not trade.

    Raises:
        VenueRefused: `TRADE_RESTRICTED`.
    """
    if not rules.allows(side, now_ns):
        raise refusal("TRADE_RESTRICTED", f"{rules.pair} takes no {side} orders now")


def shown_lots(request: OrderRequest, market: PairMarket, lots: int) -> int:
    """Return the lots that an iceberg shows at a time, 0 for an order that hides nothing.

    Raises:
        VenueRefused: `INVALID_PARAM_VALUE`, `INVALID_PRECISION`.
    """
    if not request.iceberg or request.type is OrderType.MARKET:
        return 0
    shown = lots_of(request.iceberg, market, "iceberg")
    if shown > lots or lots > shown * _MOST_SLICES:
        raise invalid_parameter("iceberg", request.iceberg)
    return shown if shown < lots else 0


def self_trade_act(
    request: OrderRequest, account: Account, alone: SelfTrade
) -> SelfTradeAct | None:
    """Return what gives way when the order meets one of its own group, None when they trade.

    Raises:
        VenueRefused: If it names an act though its user is in no group.
    """
    if account.stp_group:
        return request.stp_act or SelfTradeAct.NEWEST
    if request.stp_act is not None:
        raise refusal("INVALID_PARAM_VALUE", "stp_act: the user is in no STP group")
    return None if alone is SelfTrade.ALLOWED else SelfTradeAct.NEWEST


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
        _check_cap(request.amount, rules.market_max_quote, rules.quote)
        return atoms
    lots = lots_of(request.amount, market)
    reference = market.reference_ticks()
    worth = None
    if reference is not None:
        worth = decimal_of(reference, rules.price_decimals) * request.amount
    _check_size(rules, request.amount, worth)
    _check_cap(request.amount, rules.market_max_base, rules.base)
    return lots


def ticks_of(price: Decimal | None, market: PairMarket) -> int:
    """Return a limit price in ticks.

    Raises:
        VenueRefused: `MISSING_REQUIRED_PARAM`, `INVALID_PRECISION`, `INVALID_PARAM_VALUE`.
    """
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


def lots_of(amount: Decimal, market: PairMarket, name: str = "amount") -> int:
    """Return a base quantity in lots; `name` is the request's member.

    Raises:
        VenueRefused: `INVALID_PRECISION`, `INVALID_PARAM_VALUE`.
    """
    lots = market.units.lots(amount)
    if lots is None:
        raise refusal(
            "INVALID_PRECISION",
            f"{name} {amount} exceeds the precision of {market.rules.amount_decimals} decimals",
        )
    if lots <= 0:
        raise invalid_parameter(name, amount)
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
        if size is not None:
            _check_cap(size, most, currency)


def _check_cap(size: Decimal, most: Decimal | None, currency: Currency) -> None:
    if most and size > most:
        raise refusal(
            "AMOUNT_TOO_MUCH",
            f"Your order size {size:.6f} {currency} is too large. "
            f"The maximum is {plain(most)} {currency}",
        )


def check_band(side: Side, ticks: int, market: PairMarket, band: PriceBand) -> None:
    """Refuse a limit too far from the market.

    Raises:
        VenueRefused: `PRICE_THRESHOLD_EXCEEDED`.
    """
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
