"""How much of every limit is used now, and what an entry would meet: for people. Pure."""

from decimal import Decimal

from actors.trading.risk.codes import Code
from actors.trading.risk.rules import judge
from actors.trading.risk.view import View
from state.exact import difference
from state.messages.orders import OrderProposed, Refusal, Verdict
from state.messages.risk import LimitUse, Lock
from state.standing import daily_loss, drawdown
from state.values import (
    ZERO,
    DecisionId,
    OrderType,
    Pair,
    Price,
    Purpose,
    Quantity,
    Side,
    TimeInForce,
    TimeNs,
    TraceId,
    plain,
)

_PERCENT = Decimal(100)


def uses(pair: Pair, view: View) -> tuple[LimitUse, ...]:
    """Return what is used and left of each limit that an order in `pair` would meet now."""
    limits = view.limits
    quote = pair.rpartition("_")[2]
    money = [
        (Code.POSITION_MAX, pair, limits.position_notional_max, view.pair_exposure),
        (Code.EXPOSURE_MAX, None, limits.exposure_notional_max, view.total_exposure),
    ]
    counts = [
        (Code.ORDER_RATE, None, limits.orders_per_minute, view.orders_last_minute),
        (Code.PAIR_ORDER_RATE, pair, limits.pair_orders_per_minute, view.pair_orders_last_minute),
        (Code.REJECTION_RATE, None, limits.rejections_per_minute, view.rejections_last_minute),
        (Code.CANCEL_RATE, None, limits.cancels_per_minute, view.cancels_last_minute),
        (Code.OPEN_ORDERS_MAX, None, limits.open_orders_max, view.open_orders),
        (Code.PAIR_OPEN_ORDERS_MAX, pair, limits.pair_open_orders_max, view.pair_open_orders),
        (Code.UNKNOWN_ORDERS_MAX, None, limits.unknown_orders_max, view.unknown_orders),
    ]
    found = [_use(code, of, limit, used, quote) for code, of, limit, used in money]
    found += [
        _use(
            Code.GROUP_MAX, None, one.group.notional_max, one.exposure, f"{quote} {one.group.name}"
        )
        for one in view.groups
    ]
    found += [_use(code, of, Decimal(limit), Decimal(used), "") for code, of, limit, used in counts]
    return (*found, *_losses(view))


def why_not(pair: Pair, side: Side, view: View) -> Refusal | None:
    """Return why nothing may be bought or sold now, by the very rules that judge proposals.

    The order asked for is the largest that exchange and limits could allow, at the best price.
    """
    book, rules = view.book or view.last_book, view.rules
    price, quantity = Decimal(1), Decimal(1)
    if book is not None and rules is not None:
        best = Decimal(repr(book.ask if side is Side.BUY else book.bid))
        price = rules.price_aggressive(best, side)
        wanted = view.limits.order_notional_max / price if side is Side.BUY else view.free_base
        quantity = max(rules.quantity_down(max(wanted, ZERO)), rules.smallest(price))
    asked = OrderProposed(
        decision_id=DecisionId(f"why not {pair}"),
        trace_id=TraceId(""),
        pair=pair,
        strategy="why not",
        side=side,
        order_type=OrderType.LIMIT,
        quantity=Quantity(quantity),
        price=Price(price),
        time_in_force=TimeInForce.IOC,
        reason="asked",
        worksheet=(),
        proposed_at_ns=view.now_ns,
        expires_at_ns=TimeNs(view.now_ns),
        reply_to="",
        purpose=Purpose.ENTRY if side is Side.BUY else Purpose.EXIT,
    )
    ruling = judge(asked, view)
    return ruling.refusal if ruling.verdict is Verdict.DENY else None


def _losses(view: View) -> list[LimitUse]:
    standing, limits = view.standing, view.limits
    if standing is None:
        return []
    fall, lost = drawdown(standing), daily_loss(standing)
    shares = (
        (Code.DAILY_LOSS, limits.daily_loss_share, lost),
        (Code.DRAWDOWN_HALF, limits.drawdown_half_share, fall),
        (Code.DRAWDOWN_REDUCE, limits.drawdown_reduce_share, fall),
        (Code.DRAWDOWN_HALT, limits.drawdown_halt_share, fall),
    )
    lock = view.lock
    found = []
    for code, limit, used in shares:
        percent = _use(code, None, limit * _PERCENT, max(used, ZERO) * _PERCENT, "%")
        if lock is not None and lock.code == code and lock.pair is None:
            percent, lock = _denying(percent), None
        found.append(percent)
    return found if lock is None else [*found, _locked(lock)]


def _locked(lock: Lock) -> LimitUse:
    return LimitUse(
        code=lock.code,
        pair=lock.pair,
        limit="no lock",
        used=lock.reason,
        left="0",
        unit="",
        denies=True,
    )


def _denying(use: LimitUse) -> LimitUse:
    return LimitUse(
        code=use.code,
        pair=use.pair,
        limit=use.limit,
        used=use.used,
        left="0",
        unit=use.unit,
        denies=True,
    )


def _use(code: Code, pair: Pair | None, limit: Decimal, used: Decimal, unit: str) -> LimitUse:
    left = max(difference(limit, used), ZERO)
    return LimitUse(
        code=code,
        pair=pair,
        limit=plain(limit),
        used=plain(used),
        left=plain(left),
        unit=unit,
        denies=not left,
    )
