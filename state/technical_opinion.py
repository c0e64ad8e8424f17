"""The technical opinion: what trend, patterns and levels together say of a pair. Pure.

    direction  = clamp(0.60 trend + 0.25 patterns + 0.15 levels) x (confirmed ? 1 : share)
    confidence = 0.6 x weight with a say x (1 + max(0, agreement)) / 2

* trend: the bias of `state.trend`, in [-1, 1].
* patterns: of each directed pattern not older than `FRESH_BARS` bars of its own timeframe and not
  refuted by the newest close, sign x quality x the timeframe's weight over the largest weight;
  summed, cut to [-1, 1].
* levels: strength of the support at most one average true range below the close, less that of the
  resistance as near above it; of the first of 15m, 5m, 1m, 1h that has levels and a range.
* confirmed: by the rule of `state.trend`, on the same side; the share is a setting.

It has no opinion (None) while the bias is unknown. Where the direction is 0 it has nothing to say:
confidence 0. It never trusts itself beyond 0.6: none of this is known to earn anything, the record
that others keep of it decides. It is refuted at the far side of the nearest support (resistance)
within `REACH` average true ranges, else two of them away.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from state.candle import length_ns
from state.messages.market import Timeframe
from state.messages.signals import (
    LevelRole,
    LevelState,
    Opinion,
    PatternFound,
    PriceLevel,
    Reason,
    TrendMeasured,
)
from state.trend import LATE_NS, WEIGHTS
from state.values import NS_PER_S, TimeNs

SOURCE = "technical"
HORIZON_S = 3600.0
LIVES_NS = 120 * NS_PER_S + LATE_NS
"""The next one comes with the next minute; one may be late."""
FRESH_BARS = 3
REACH = 3.0
STANDARD_ATRS = 2.0
MOST_CONFIDENT = 0.6
LEVELS_OF = (Timeframe.M15, Timeframe.M5, Timeframe.M1, Timeframe.H1)
_HEAVIEST = max(WEIGHTS.values())


class Ground(NamedTuple):
    """What one timeframe gives to stand on."""

    levels: tuple[PriceLevel, ...]
    atr: float | None


def fresh(patterns: Iterable[PatternFound], at_ns: int, close: float) -> tuple[PatternFound, ...]:
    """Return those that may still be counted at `at_ns` and this close."""
    return tuple(
        one
        for one in patterns
        if at_ns - one.event_time_ns < FRESH_BARS * length_ns(one.timeframe)
        and not (
            one.invalidation is not None and one.direction.sign * (close - one.invalidation) < 0
        )
    )


def opinion(
    trend: TrendMeasured,
    close: float,
    patterns: tuple[PatternFound, ...],
    grounds: Mapping[Timeframe, Ground],
    unconfirmed_share: float = 0.5,
) -> Opinion | None:
    """Return what all of it says together; None while the trend is unknown.

    Args:
        trend: Of all timeframes; its time is the opinion's.
        close: Newest close of the smallest timeframe, quote units.
        patterns: Those that are fresh.
        grounds: By timeframe.
        unconfirmed_share: What is left of a direction that is not confirmed, in [0, 1].
    """
    if trend.bias is None:
        return None
    told = [one for one in patterns if one.direction.sign]
    shapes = _cut(
        sum(one.direction.sign * one.quality * WEIGHTS[one.timeframe] / _HEAVIEST for one in told)
    )
    ground = _ground(grounds)
    support, resistance = _nearest(ground, close)
    near = _pull(support, ground, close) - _pull(resistance, ground, close)
    direction = _cut(0.60 * trend.bias + 0.25 * shapes + 0.15 * near)
    side = (direction > 0) - (direction < 0)
    is_confirmed = trend.confirmed is not None and trend.confirmed.sign == side
    if not is_confirmed:
        direction *= unconfirmed_share
        side = side if direction else 0  # The share of what is hardly anything is nothing.
    heard = sum(weight for one, weight in WEIGHTS.items() if one not in trend.missing)
    agreed = max(0.0, trend.agreement or 0.0)
    reasons = [Reason(says=_trend_in_words(trend, is_confirmed=is_confirmed), refers="trend")]
    reasons += [
        Reason(
            says=f"{one.pattern} on {one.timeframe} points {one.direction}",
            refers=f"pattern:{one.pattern}:{one.timeframe}:{one.open_time_ns}",
        )
        for one in told
    ]
    reasons += [
        Reason(
            says=f"{level.role} at {level.price:.8g}, {level.touches} touches, {level.state}",
            refers=f"level:{level.id}",
        )
        for level in (support, resistance)
        if level is not None and _pull(level, ground, close)
    ]
    return Opinion(
        source=SOURCE,
        pair=trend.pair,
        direction=direction,
        confidence=MOST_CONFIDENT * min(1.0, heard) * (1 + agreed) / 2 if side else 0.0,
        horizon_s=HORIZON_S,
        invalidation=_invalidation(side, close, support, resistance, ground),
        reasons=tuple(reasons),
        as_of_ns=trend.event_time_ns,
        expires_at_ns=TimeNs(trend.event_time_ns + LIVES_NS),
    )


def _cut(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _ground(grounds: Mapping[Timeframe, Ground]) -> Ground:
    for timeframe in LEVELS_OF:
        ground = grounds.get(timeframe)
        if ground is not None and ground.levels and ground.atr:
            return ground
    ranges = [ground.atr for ground in grounds.values() if ground.atr]
    return Ground((), ranges[0] if ranges else None)


def _nearest(ground: Ground, close: float) -> tuple[PriceLevel | None, PriceLevel | None]:
    """Return the support below and the resistance above that are nearest and not broken."""
    whole = [one for one in ground.levels if one.state is not LevelState.BROKEN]
    below = [one for one in whole if one.role is LevelRole.SUPPORT and one.price <= close]
    above = [one for one in whole if one.role is LevelRole.RESISTANCE and one.price >= close]
    return (
        max(below, key=lambda one: one.price, default=None),
        min(above, key=lambda one: one.price, default=None),
    )


def _pull(level: PriceLevel | None, ground: Ground, close: float) -> float:
    """Return the strength of a level that is near, else 0."""
    if level is None or not ground.atr or abs(close - level.price) > ground.atr:
        return 0.0
    return level.strength


def _invalidation(
    side: int,
    close: float,
    support: PriceLevel | None,
    resistance: PriceLevel | None,
    ground: Ground,
) -> float | None:
    if not side or not ground.atr:
        return None
    level = support if side > 0 else resistance
    if level is not None and abs(close - level.price) <= REACH * ground.atr:
        price = level.price - side * level.tolerance
    else:
        price = close - side * STANDARD_ATRS * ground.atr
    return price if price > 0 else None


def _trend_in_words(trend: TrendMeasured, *, is_confirmed: bool) -> str:
    sides = ", ".join(
        f"{one.timeframe} {one.regime}" for one in trend.timeframes if one.regime is not None
    )
    agreement = "unknown" if trend.agreement is None else f"{trend.agreement:+.2f}"
    how = "confirmed" if is_confirmed else "not confirmed"
    return f"bias {trend.bias:+.2f}, agreement {agreement}, {how} ({sides})"
