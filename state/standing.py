"""Daily loss and drawdown as a fold of equity: what is lost, and what that forbids. Pure.

Decisions compare exact products, never a rounded share. What is moved in or out scales the
high-water mark and the day's opening in proportion, so that the share lost stays what it was.
"""

from decimal import Decimal

from msgspec.structs import replace

from state.config.limits import RiskSettings
from state.exact import difference, exactly, share
from state.messages.risk import Lock, RiskMarked, Tier
from state.values import NS_PER_S, ZERO, Pair, TimeNs

DAY_NS = 86_400 * NS_PER_S
DAILY_LOSS = "DAILY_LOSS"
TOLD_EVERY_NS = 60 * NS_PER_S
_TOLD_RISE = Decimal("0.0001")
_ONE = Decimal(1)


def begin(equity: Decimal, flows: Decimal, at_ns: TimeNs) -> RiskMarked:
    """Return how an account stands whose equity is marked for the first time."""
    return RiskMarked(
        at_ns=at_ns,
        equity=equity,
        flows=flows,
        peak=equity,
        peak_at_ns=at_ns,
        day=at_ns // DAY_NS,
        day_opening=equity,
        tier=Tier.NORMAL,
        tier_since_ns=at_ns,
        reason="first mark",
    )


def marked(
    last: RiskMarked, equity: Decimal, flows: Decimal, at_ns: TimeNs, limits: RiskSettings
) -> RiskMarked:
    """Return how the account stands at one more mark.

    Args:
        last: How it stood.
        equity: What everything is worth now, quote units.
        flows: Moved in, less out, since the opening.
        at_ns: Now, by a clock that is believed.
        limits: When a loss is too much.
    """
    now = _with_flows(last, equity, flows)
    if at_ns // DAY_NS > now.day:
        # What was last known before midnight; a day on which nobody looked begins with it too.
        now = replace(now, day=at_ns // DAY_NS, day_opening=now.equity)
    now = replace(now, at_ns=at_ns, equity=equity, locks=_alive(now.locks, at_ns), reason="")
    if equity > now.peak:
        now = replace(now, peak=equity, peak_at_ns=at_ns)
    return _with_day(_with_tier(now, limits), limits)


def locked(standing: RiskMarked, lock: Lock) -> RiskMarked:
    """Return `standing` with a lock; one of the same code and pair is only ever prolonged."""
    same = [one for one in standing.locks if (one.code, one.pair) == (lock.code, lock.pair)]
    if any(one.until_ns >= lock.until_ns for one in same):
        return standing
    others = tuple(one for one in standing.locks if one not in same)
    since_ns = min([lock.since_ns, *(one.since_ns for one in same)])
    lock = replace(lock, since_ns=since_ns)
    told = "; ".join(filter(None, (standing.reason, f"{lock.code}: {lock.reason}")))
    return replace(standing, locks=(*others, lock), reason=told)


def resumed(standing: RiskMarked, at_ns: TimeNs, reason: str) -> RiskMarked:
    """Return `standing` after an operator ended a halt: what is left is the new high-water mark."""
    return replace(
        standing,
        peak=standing.equity,
        peak_at_ns=at_ns,
        tier=Tier.NORMAL,
        tier_since_ns=at_ns,
        halt_told=True,
        reason=reason,
    )


def lock_on(standing: RiskMarked, pair: Pair, at_ns: TimeNs) -> Lock | None:
    """Return what forbids entries in `pair` for the longest, None when nothing does."""
    found = [one for one in standing.locks if one.pair in (None, pair) and at_ns < one.until_ns]
    return max(found, key=lambda one: one.until_ns, default=None)


def daily_loss(standing: RiskMarked) -> Decimal:
    """Return what today lost, as a share of its opening, to be looked at; a gain is below 0."""
    return _lost_share(standing.day_opening, standing.equity)


def drawdown(standing: RiskMarked) -> Decimal:
    """Return how far equity is below its highest, as a share of that, to be looked at."""
    return _lost_share(standing.peak, standing.equity)


def is_to_be_told(told: RiskMarked | None, now: RiskMarked) -> bool:
    """Whether `now` differs enough from what was journalled last to be journalled too."""
    if told is None or is_grave(told, now) or now.flows != told.flows:
        return True
    with exactly():
        if now.peak > told.peak + told.peak * _TOLD_RISE:
            return True
    moved = (now.equity, now.peak) != (told.equity, told.peak)
    return moved and now.at_ns - told.at_ns >= TOLD_EVERY_NS


def is_grave(told: RiskMarked | None, now: RiskMarked) -> bool:
    """Whether it must be on the platter: another tier, lock or day allows or forbids something."""
    if told is None:
        return True
    kept = (told.tier, told.day, told.halt_told, told.locks)
    return kept != (now.tier, now.day, now.halt_told, now.locks)


def _with_flows(last: RiskMarked, equity: Decimal, flows: Decimal) -> RiskMarked:
    if flows == last.flows:
        return last
    moved = difference(flows, last.flows)
    before = difference(equity, moved)

    def scaled(amount: Decimal) -> Decimal:
        if before > 0 and equity > 0:
            return share(amount, equity, before)
        with exactly():  # From or to nothing there is no proportion.
            return max(amount + moved, ZERO)

    return replace(
        last,
        flows=flows,
        equity=scaled(last.equity),
        peak=scaled(last.peak),
        day_opening=scaled(last.day_opening),
    )


def _with_day(now: RiskMarked, limits: RiskSettings) -> RiskMarked:
    if not _has_lost(now.day_opening, now.equity, limits.daily_loss_share):
        return now
    if any(one.code == DAILY_LOSS for one in now.locks):
        # Where the day lost too much is known; it is not lost anew at every mark.
        return now
    hold_ns = int(limits.daily_loss_hold_s * NS_PER_S)
    until_ns = max((now.day + 1) * DAY_NS, now.at_ns + hold_ns)
    lost = daily_loss(now)
    lock = Lock(
        code=DAILY_LOSS,
        pair=None,
        since_ns=now.at_ns,
        until_ns=TimeNs(until_ns),
        reason=f"lost {lost:.4%} of the day's opening",
    )
    return locked(now, lock)


def _with_tier(now: RiskMarked, limits: RiskSettings) -> RiskMarked:
    order = list(Tier)
    thresholds = _thresholds(limits)
    reached = _deepest(now, thresholds, ZERO)
    if order.index(reached) > order.index(now.tier):
        return _entered(now, reached)
    if now.tier in (Tier.NORMAL, Tier.HALT):
        return now  # A halt is ended by an operator alone.
    rested_ns = now.at_ns - now.tier_since_ns
    if rested_ns < int(limits.drawdown_cooldown_s * NS_PER_S):
        return now
    left = _deepest(now, thresholds, limits.drawdown_hysteresis_share)
    return _entered(now, left) if order.index(left) < order.index(now.tier) else now


def _entered(now: RiskMarked, tier: Tier) -> RiskMarked:
    reason = f"drawdown {drawdown(now):.4%}: {now.tier} to {tier}"
    return replace(
        now, tier=tier, tier_since_ns=now.at_ns, halt_told=tier is not Tier.HALT, reason=reason
    )


def _thresholds(limits: RiskSettings) -> dict[Tier, Decimal]:
    return {
        Tier.WARN: limits.drawdown_warn_share,
        Tier.HALF: limits.drawdown_half_share,
        Tier.REDUCE: limits.drawdown_reduce_share,
        Tier.HALT: limits.drawdown_halt_share,
    }


def _deepest(now: RiskMarked, thresholds: dict[Tier, Decimal], slack: Decimal) -> Tier:
    """Return the deepest tier whose threshold, less `slack`, is reached."""
    reached = Tier.NORMAL
    for tier, threshold in thresholds.items():
        if _has_lost(now.peak, now.equity, max(difference(threshold, slack), ZERO)):
            reached = tier
    return reached


def _has_lost(from_: Decimal, to: Decimal, threshold: Decimal) -> bool:
    if threshold <= 0:
        return to < from_
    with exactly():
        return from_ > 0 and from_ - to >= threshold * from_


def _lost_share(from_: Decimal, to: Decimal) -> Decimal:
    return share(_ONE, difference(from_, to), from_) if from_ > 0 else ZERO


def _alive(locks: tuple[Lock, ...], at_ns: TimeNs) -> tuple[Lock, ...]:
    return tuple(one for one in locks if at_ns < one.until_ns)
