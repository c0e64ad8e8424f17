"""The rules every order must pass, one after the other. Pure.

First come questions of yes or no: may this be done at all now? Then come bounds: how much of it
may be done? The smallest bound decides: the order passes whole, is shrunk to the bound, or is
denied by it. Codes are stable and listed in docs/risk-codes.md.
"""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from state.config import RiskSettings
from state.exact import exactly
from state.instrument import TradingRules
from state.messages.market import BookMeasured
from state.messages.orders import OrderProposed, Refusal, Verdict
from state.values import (
    ZERO,
    Notional,
    OrderType,
    Purpose,
    Quantity,
    Session,
    Side,
    TimeNs,
    plain,
)

BPS = Decimal(10_000)


class Code(StrEnum):
    """Why an order was refused or shrunk."""

    HALTED = "HALTED"
    SESSION = "SESSION"
    EXPIRED = "EXPIRED"
    REPEATED = "REPEATED"
    UNKNOWN_PAIR = "UNKNOWN_PAIR"
    PAIR_HALTED = "PAIR_HALTED"
    DELISTING = "DELISTING"
    NO_BOOK = "NO_BOOK"
    STALE_BOOK = "STALE_BOOK"
    POLLED_BOOK = "POLLED_BOOK"
    PRICE_STEP = "PRICE_STEP"
    PRICE_BAND = "PRICE_BAND"
    ORDER_RATE = "ORDER_RATE"
    QUANTITY_STEP = "QUANTITY_STEP"
    ORDER_NOTIONAL_MAX = "ORDER_NOTIONAL_MAX"
    POSITION_MAX = "POSITION_MAX"
    EXPOSURE_MAX = "EXPOSURE_MAX"
    BALANCE = "BALANCE"
    HOLDING = "HOLDING"
    PAIR_MAX = "PAIR_MAX"
    ORDER_MIN = "ORDER_MIN"


class View(Struct, frozen=True, kw_only=True):
    """Everything the rules look at, as of one moment. Money in quote units unless said."""

    now_ns: TimeNs
    session: Session
    halted: str | None
    repeated: bool
    """Whether this decision has been judged before."""
    rules: TradingRules | None
    book: BookMeasured | None
    book_seen_ns: TimeNs
    """When `book` reached the guard, by our clock."""
    stale_after_ns: int
    orders_last_minute: int
    pair_exposure: Notional
    """Position, resting and in flight buys, those of unknown fate in full."""
    total_exposure: Notional
    free_quote: Notional
    """Balance less what working and approved buys will take."""
    free_base: Quantity
    """Held by our trading less what working and approved sells will take."""
    limits: RiskSettings


class Ruling(Struct, frozen=True, kw_only=True):
    """What the rules say."""

    verdict: Verdict
    quantity: Quantity
    """What may be ordered; 0 when denied."""
    refusal: Refusal | None = None
    """Why not all of it."""


class _Limit(Struct, frozen=True, kw_only=True):
    """One bound on the quantity of an order."""

    code: Code
    quantity: Decimal
    limit: str
    value: str


def judge(proposal: OrderProposed, view: View) -> Ruling:
    """Return what of `proposal` may be done."""
    for check in _CHECKS:
        refusal = check(proposal, view)
        if refusal is not None:
            return _denied(refusal)
    rules = view.rules
    assert rules is not None, "the checks let no unknown pair through"
    tightest = min(_limits(proposal, view, rules), key=lambda bound: bound.quantity)
    if proposal.quantity <= tightest.quantity:
        quantity, refusal = proposal.quantity, None
    else:
        quantity = rules.quantity_down(max(ZERO, tightest.quantity))
        refusal = Refusal(
            code=tightest.code, limit=tightest.limit, value=tightest.value, largest=quantity
        )
    smallest = rules.smallest(proposal.price)
    if quantity < smallest:
        # What is left below the limit is less than the exchange takes, so nothing would pass.
        return _denied(refusal or _refusal(Code.ORDER_MIN, plain(smallest), plain(quantity)))
    if refusal is None:
        return Ruling(verdict=Verdict.ALLOW, quantity=quantity)
    return Ruling(verdict=Verdict.SHRINK, quantity=quantity, refusal=refusal)


def _denied(refusal: Refusal) -> Ruling:
    nothing = Quantity(ZERO)
    refusal = replace(refusal, largest=nothing)
    return Ruling(verdict=Verdict.DENY, quantity=nothing, refusal=refusal)


def _refusal(code: Code, limit: str, value: str) -> Refusal:
    return Refusal(code=code, limit=limit, value=value)


def _halt(proposal: OrderProposed, view: View) -> Refusal | None:
    del proposal
    return None if view.halted is None else _refusal(Code.HALTED, "no halt", view.halted)


def _session(proposal: OrderProposed, view: View) -> Refusal | None:
    # Selling what is held reduces risk: it is allowed wherever anything is.
    allowed = (Session.READY,) if proposal.side is Side.BUY else _REDUCING
    if proposal.side is Side.SELL and proposal.purpose is Purpose.FLATTEN:
        allowed = (*allowed, Session.EMERGENCY)  # Only where the halt latch lets it.
    if view.session in allowed:
        return None
    return _refusal(Code.SESSION, " or ".join(allowed), view.session)


def _expiry(proposal: OrderProposed, view: View) -> Refusal | None:
    late_ns = view.now_ns - proposal.expires_at_ns
    return None if late_ns <= 0 else _refusal(Code.EXPIRED, "0 ms", f"{late_ns / 1e6:.0f} ms")


def _repetition(proposal: OrderProposed, view: View) -> Refusal | None:
    if not view.repeated:
        return None
    return _refusal(Code.REPEATED, "one order a decision", proposal.decision_id)


def _pair(proposal: OrderProposed, view: View) -> Refusal | None:
    if view.rules is None:
        return _refusal(Code.UNKNOWN_PAIR, "a pair with known rules", proposal.pair)
    if proposal.side not in view.rules.tradable_at(view.now_ns):
        return _refusal(Code.PAIR_HALTED, f"{proposal.side} allowed", "not allowed")
    if proposal.side is Side.BUY and view.rules.delisted_at_ns is not None:
        # Whoever gets in now has to get out again before the end.
        return _refusal(Code.DELISTING, "a pair that stays", "a pair that will be delisted")
    return None


def _book(proposal: OrderProposed, view: View) -> Refusal | None:
    if view.book is None:
        return _refusal(Code.NO_BOOK, "a verified book", "none")
    age_ns = view.now_ns - view.book_seen_ns
    if age_ns > view.stale_after_ns:
        limit, age = f"{view.stale_after_ns / 1e6:.0f} ms", f"{age_ns / 1e6:.0f} ms"
        return _refusal(Code.STALE_BOOK, limit, age)
    if view.book.polled and proposal.side is Side.BUY:
        return _refusal(Code.POLLED_BOOK, "a streamed book", "snapshots only")
    return None


def _steps(proposal: OrderProposed, view: View) -> Refusal | None:
    rules = view.rules
    assert rules is not None
    if proposal.price % rules.price_step or proposal.price <= 0:
        return _refusal(Code.PRICE_STEP, plain(rules.price_step), plain(proposal.price))
    if proposal.quantity % rules.quantity_step or proposal.quantity <= 0:
        return _refusal(Code.QUANTITY_STEP, plain(rules.quantity_step), plain(proposal.quantity))
    return None


def _band(proposal: OrderProposed, view: View) -> Refusal | None:
    assert view.book is not None
    assert view.rules is not None
    middle = Decimal(repr(view.book.mid))
    off_bps = abs(proposal.price - middle) / middle * BPS
    theirs = view.rules.up_rate if proposal.price > middle else view.rules.down_rate
    most_bps = view.limits.price_band_bps
    if theirs is not None:
        most_bps = min(most_bps, theirs * BPS)
    if off_bps <= most_bps:
        return None
    return _refusal(Code.PRICE_BAND, f"{plain(most_bps)} bps", f"{off_bps:.1f} bps")


def _rate(proposal: OrderProposed, view: View) -> Refusal | None:
    if proposal.side is Side.SELL or view.orders_last_minute < view.limits.orders_per_minute:
        return None
    limit = f"{view.limits.orders_per_minute} a minute"
    return _refusal(Code.ORDER_RATE, limit, str(view.orders_last_minute + 1))


_REDUCING = (Session.READY, Session.PAUSED, Session.DRAINING)
_CHECKS: tuple[Callable[[OrderProposed, View], Refusal | None], ...] = (
    _halt,
    _session,
    _expiry,
    _repetition,
    _pair,
    _book,
    _steps,
    _band,
    _rate,
)


def _limits(proposal: OrderProposed, view: View, rules: TradingRules) -> list[_Limit]:
    price, limits = proposal.price, view.limits
    found = [
        _room(Code.ORDER_NOTIONAL_MAX, limits.order_notional_max, ZERO, price),
        _Limit(
            code=Code.PAIR_MAX,
            quantity=_pair_max(rules, proposal),
            limit=plain(_pair_max(rules, proposal)),
            value=plain(proposal.quantity),
        ),
    ]
    if proposal.side is Side.SELL:
        free = plain(view.free_base)
        held = _Limit(code=Code.HOLDING, quantity=view.free_base, limit=free, value=free)
        return [*found, held]
    assert view.book is not None
    # Once filled it is held at the mid, so bought below it counts as what it will be worth.
    worth = max(price, Decimal(repr(view.book.mid)))
    return [
        *found,
        _room(Code.POSITION_MAX, limits.position_notional_max, view.pair_exposure, worth),
        _room(Code.EXPOSURE_MAX, limits.exposure_notional_max, view.total_exposure, worth),
        _room(Code.BALANCE, view.free_quote, ZERO, price),
    ]


def _room(code: Code, limit: Decimal, used: Decimal, price: Decimal) -> _Limit:
    """Return how much of a limit in quote units is left, as a quantity at `price`."""
    with exactly():
        left = limit - used
    quantity = _FLOOR.divide(left, price)
    return _Limit(code=code, quantity=quantity, limit=plain(limit), value=plain(used))


def _pair_max(rules: TradingRules, proposal: OrderProposed) -> Decimal:
    quantities, notionals = [rules.quantity_max], [rules.notional_max]
    if proposal.order_type is OrderType.MARKET:
        quantities.append(rules.market_quantity_max)
        notionals.append(rules.market_notional_max)
    most = [Decimal(one) for one in quantities if one is not None]
    most += [_FLOOR.divide(one, proposal.price) for one in notionals if one is not None]
    return min(most, default=Decimal("Infinity"))


_FLOOR = Context(prec=60, rounding=ROUND_FLOOR)
"""A bound that was rounded up would be none."""
