"""Questions of yes or no: may this be done at all now? The first no decides. Pure."""

from collections.abc import Callable
from decimal import Decimal

from actors.trading.risk.codes import Code
from actors.trading.risk.view import View
from state.messages.market import BookMeasured
from state.messages.orders import OrderProposed, Refusal
from state.messages.risk import Tier
from state.standing import drawdown
from state.values import Purpose, Session, Side, plain

BPS = Decimal(10_000)
REDUCING = (Session.READY, Session.PAUSED, Session.DRAINING)
PROTECTING = (*REDUCING, Session.STARTING)
_ENTERING = (Session.READY,)

Question = Callable[[OrderProposed, View], Refusal | None]


def refusal(code: Code, limit: str, value: str) -> Refusal:
    """Return why not, in numbers."""
    return Refusal(code=code, limit=limit, value=value)


def is_entry(proposal: OrderProposed) -> bool:
    """Whether it adds to what is held; whatever its purpose says."""
    return proposal.side is Side.BUY


def protects(proposal: OrderProposed) -> bool:
    """Whether it ends a risk that somebody decided not to carry any longer."""
    return proposal.side is Side.SELL and proposal.purpose.is_protective


def _halt(proposal: OrderProposed, view: View) -> Refusal | None:
    del proposal
    return None if view.halted is None else refusal(Code.HALTED, "no halt", view.halted)


def _accounts(proposal: OrderProposed, view: View) -> Refusal | None:
    del proposal
    if view.informed:
        return None
    return refusal(Code.ACCOUNTS_UNKNOWN, "known accounts", "the journal has not told")


def _session(proposal: OrderProposed, view: View) -> Refusal | None:
    # Selling what is held reduces risk: it is allowed wherever anything is. A protective sale may
    # not wait for the start to end either; the router sends it as soon as it can.
    if is_entry(proposal):
        allowed: tuple[Session, ...] = _ENTERING
    else:
        allowed = PROTECTING if protects(proposal) else REDUCING
        if proposal.purpose is Purpose.FLATTEN:
            allowed = (*allowed, Session.EMERGENCY)  # Only where the halt latch lets it.
    if view.session in allowed:
        return None
    return refusal(Code.SESSION, " or ".join(allowed), view.session)


def _expiry(proposal: OrderProposed, view: View) -> Refusal | None:
    late_ns = view.now_ns - proposal.expires_at_ns
    return None if late_ns <= 0 else refusal(Code.EXPIRED, "0 ms", f"{late_ns / 1e6:.0f} ms")


def _repetition(proposal: OrderProposed, view: View) -> Refusal | None:
    if not view.repeated:
        return None
    return refusal(Code.REPEATED, "one order a decision", proposal.decision_id)


def _clock(proposal: OrderProposed, view: View) -> Refusal | None:
    # Days, locks and rates are counted by the clock.
    if view.clock_doubt is None or not is_entry(proposal):
        return None
    return refusal(Code.CLOCK_JUMP, "a clock that is believed", view.clock_doubt)


def _pair(proposal: OrderProposed, view: View) -> Refusal | None:
    if view.rules is None:
        return refusal(Code.UNKNOWN_PAIR, "a pair with known rules", proposal.pair)
    if proposal.side not in view.rules.tradable_at(view.now_ns):
        return refusal(Code.PAIR_HALTED, f"{proposal.side} allowed", "not allowed")
    if is_entry(proposal) and view.rules.delisted_at_ns is not None:
        # Whoever gets in now has to get out again before the end.
        return refusal(Code.DELISTING, "a pair that stays", "a pair that will be delisted")
    return None


def _book(proposal: OrderProposed, view: View) -> Refusal | None:
    if protects(proposal):
        # It is bounded by its own worst price and the band; it does not wait for the feed.
        known = view.last_book is not None
        return None if known else refusal(Code.NO_BOOK, "a book seen once", "none")
    if view.book is None:
        return refusal(Code.NO_BOOK, "a verified book", "none")
    if view.book_age_ns > view.stale_after_ns:
        limit, age = f"{view.stale_after_ns / 1e6:.0f} ms", f"{view.book_age_ns / 1e6:.0f} ms"
        return refusal(Code.STALE_BOOK, limit, age)
    return _book_to_enter_on(view.book, view) if is_entry(proposal) else None


def _book_to_enter_on(book: BookMeasured, view: View) -> Refusal | None:
    if book.polled:
        return refusal(Code.POLLED_BOOK, "a streamed book", "snapshots only")
    if book.levels < view.limits.book_levels_min:
        limit = f"{view.limits.book_levels_min} levels"
        return refusal(Code.UNVERIFIED_BOOK, limit, f"{book.levels} levels")
    spread = Decimal(repr(book.spread_bps))
    if spread > view.limits.spread_bps_max:
        return refusal(Code.SPREAD_MAX, f"{plain(view.limits.spread_bps_max)} bps", f"{spread} bps")
    return None


def _steps(proposal: OrderProposed, view: View) -> Refusal | None:
    rules = view.rules
    assert rules is not None
    if proposal.price % rules.price_step or proposal.price <= 0:
        return refusal(Code.PRICE_STEP, plain(rules.price_step), plain(proposal.price))
    if proposal.quantity % rules.quantity_step or proposal.quantity <= 0:
        return refusal(Code.QUANTITY_STEP, plain(rules.quantity_step), plain(proposal.quantity))
    return None


def _band(proposal: OrderProposed, view: View) -> Refusal | None:
    book = view.book or view.last_book
    assert book is not None
    assert view.rules is not None
    middle = Decimal(repr(book.mid))
    theirs = view.rules.up_rate if proposal.price > middle else view.rules.down_rate
    limits = view.limits
    most_bps = limits.protective_band_bps if protects(proposal) else limits.price_band_bps
    if theirs is not None:
        most_bps = min(most_bps, theirs * BPS)
    return _too_far(Code.PRICE_BAND, proposal.price, middle, most_bps)


def _fat_finger(proposal: OrderProposed, view: View) -> Refusal | None:
    if view.last_trade is None or not is_entry(proposal):
        return None
    most_bps = view.limits.fat_finger_bps
    return _too_far(Code.FAT_FINGER, proposal.price, view.last_trade, most_bps)


def _too_far(code: Code, price: Decimal, from_: Decimal, most_bps: Decimal) -> Refusal | None:
    off_bps = abs(price - from_) / from_ * BPS
    if off_bps <= most_bps:
        return None
    return refusal(code, f"{plain(most_bps)} bps", f"{off_bps:.1f} bps")


def _cover(proposal: OrderProposed, view: View) -> Refusal | None:
    # What is held without protection must not grow.
    if not view.uncovered or not is_entry(proposal):
        return None
    return refusal(Code.UNCOVERED, "a protected position", view.uncovered)


def _losses(proposal: OrderProposed, view: View) -> Refusal | None:
    if not is_entry(proposal):
        return None
    standing = view.standing
    if standing is None:
        return refusal(Code.EQUITY_UNKNOWN, "a price of all that is held", "none")
    if standing.tier in (Tier.HALT, Tier.REDUCE):
        halted = standing.tier is Tier.HALT
        code = Code.DRAWDOWN_HALT if halted else Code.DRAWDOWN_REDUCE
        limits = view.limits
        limit = limits.drawdown_halt_share if halted else limits.drawdown_reduce_share
        return refusal(code, f"{limit:.2%}", f"{drawdown(standing):.2%}")
    if view.lock is not None:
        left_s = (view.lock.until_ns - view.now_ns) / 1e9
        return refusal(Code(view.lock.code), "no lock", f"{view.lock.reason}; {left_s:.0f} s left")
    return None


def _counts(proposal: OrderProposed, view: View) -> Refusal | None:
    if not is_entry(proposal):
        return None
    limits = view.limits
    for code, used, most, per in (
        (Code.ORDER_RATE, view.orders_last_minute, limits.orders_per_minute, " a minute"),
        (
            Code.PAIR_ORDER_RATE,
            view.pair_orders_last_minute,
            limits.pair_orders_per_minute,
            " a minute",
        ),
        (Code.OPEN_ORDERS_MAX, view.open_orders, limits.open_orders_max, ""),
        (Code.PAIR_OPEN_ORDERS_MAX, view.pair_open_orders, limits.pair_open_orders_max, ""),
    ):
        if used >= most:  # This one would be one more.
            return refusal(code, f"{most}{per}", str(used + 1))
    for code, seen, most, per in (
        (
            Code.REJECTION_RATE,
            view.rejections_last_minute,
            limits.rejections_per_minute,
            " a minute",
        ),
        (Code.CANCEL_RATE, view.cancels_last_minute, limits.cancels_per_minute, " a minute"),
        (Code.UNKNOWN_ORDERS_MAX, view.unknown_orders, limits.unknown_orders_max, ""),
    ):
        if seen >= most:
            return refusal(code, f"fewer than {most}{per}", str(seen))
    return None


QUESTIONS: tuple[Question, ...] = (
    _halt,
    _accounts,
    _session,
    _expiry,
    _repetition,
    _clock,
    _pair,
    _book,
    _steps,
    _band,
    _fat_finger,
    _cover,
    _losses,
    _counts,
)
