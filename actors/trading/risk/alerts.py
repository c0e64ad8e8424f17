"""What somebody should look at when the account's standing changes. Pure."""

from state.messages.operations import AlertRaised, Severity
from state.messages.risk import Lock, RiskMarked, Tier
from state.standing import DAILY_LOSS, drawdown

_SEVERITY = {
    Tier.NORMAL: Severity.INFO,
    Tier.WARN: Severity.WARNING,
    Tier.HALF: Severity.WARNING,
    Tier.REDUCE: Severity.CRITICAL,
    Tier.HALT: Severity.CRITICAL,
}
_MEANING = {
    Tier.NORMAL: "everything is allowed again",
    Tier.WARN: "a warning; everything is allowed",
    Tier.HALF: "entries are made half as large",
    Tier.REDUCE: "nothing is entered",
    Tier.HALT: "positions are closed; an operator has to resume trading",
}


def alerts_of(before: RiskMarked | None, now: RiskMarked) -> list[AlertRaised]:
    """Return one alert for each tier and lock that `now` has and `before` had not."""
    tier = Tier.NORMAL if before is None else before.tier
    found = [] if now.tier is tier else [_of_tier(now)]
    known = () if before is None else before.locks
    since = {(lock.code, lock.pair, lock.since_ns) for lock in known}
    new = [one for one in now.locks if (one.code, one.pair, one.since_ns) not in since]
    return [*found, *map(_of_lock, new)]


def _of_tier(now: RiskMarked) -> AlertRaised:
    return AlertRaised(
        alert=f"drawdown_{now.tier}",
        severity=_SEVERITY[now.tier],
        text=f"equity is {drawdown(now):.2%} below its highest: {_MEANING[now.tier]}",
        at_ns=now.tier_since_ns,
    )


def _of_lock(lock: Lock) -> AlertRaised:
    where = lock.pair or "all pairs"
    return AlertRaised(
        alert=f"{lock.code.lower()}_{lock.pair}" if lock.pair else lock.code.lower(),
        severity=Severity.CRITICAL if lock.code == DAILY_LOSS else Severity.WARNING,
        text=f"nothing is entered in {where} for a while: {lock.reason}",
        at_ns=lock.since_ns,
    )
