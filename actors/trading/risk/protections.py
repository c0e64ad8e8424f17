"""The four protections of freqtrade: closed trades forbid entries for a while. Pure.

Names, settings and meanings are freqtrade's. A trade's profit is a share of its cost, after fees.
A lock begins with the trade that caused it and ends `stop_duration` after the last trade that was
counted had been closed.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from actors.trading.risk.codes import Code
from state.config.limits import (
    CooldownPeriodSettings,
    LowProfitPairsSettings,
    MaxDrawdownSettings,
    ProtectionSettings,
    StoplossGuardSettings,
)
from state.messages.accounts import TradeClosed
from state.messages.risk import Lock
from state.values import NS_PER_S, ZERO, Pair, Purpose, TimeNs

MINUTE_NS = 60 * NS_PER_S


def locks_after(
    trades: Iterable[TradeClosed], now_ns: TimeNs, settings: ProtectionSettings
) -> list[Lock]:
    """Return what the trades closed so far forbid at `now_ns`; nothing that is over already."""
    known = sorted(trades, key=lambda trade: (trade.closed_at_ns, trade.seq))
    pairs = dict.fromkeys(trade.pair for trade in known)
    found = [
        *_stoploss_guard(known, pairs, now_ns, settings.stoploss_guard),
        *_max_drawdown(known, now_ns, settings.max_drawdown),
        *_low_profit_pairs(known, pairs, now_ns, settings.low_profit_pairs),
        *_cooldown_period(known, pairs, now_ns, settings.cooldown_period),
    ]
    return [lock for lock in found if now_ns < lock.until_ns]


def lookback_ns(settings: ProtectionSettings) -> int:
    """Return how long a closed trade may still count for anything."""
    minutes = [
        settings.stoploss_guard.lookback_period + settings.stoploss_guard.stop_duration,
        settings.max_drawdown.lookback_period + settings.max_drawdown.stop_duration,
        settings.low_profit_pairs.lookback_period + settings.low_profit_pairs.stop_duration,
        settings.cooldown_period.stop_duration,
    ]
    return max(minutes) * MINUTE_NS


def _stoploss_guard(
    trades: Sequence[TradeClosed],
    pairs: Iterable[Pair],
    now_ns: TimeNs,
    settings: StoplossGuardSettings,
) -> list[Lock]:
    if not settings.enabled:
        return []
    stopped = [
        trade
        for trade in _since(trades, now_ns, settings.lookback_period)
        if trade.purpose is Purpose.STOP_LOSS
        and trade.profit_ratio
        and trade.profit_ratio < settings.required_profit
    ]

    def lock(counted: list[TradeClosed], pair: Pair | None) -> list[Lock]:
        if len(counted) < settings.trade_limit:
            return []
        reason = f"{len(counted)} stop-losses in {settings.lookback_period} min"
        return [_lock(Code.STOPLOSS_GUARD, pair, counted, settings.stop_duration, reason)]

    if not settings.only_per_pair and (everywhere := lock(stopped, None)):
        return everywhere
    of_pairs = (([one for one in stopped if one.pair == pair], pair) for pair in pairs)
    return [one for counted, pair in of_pairs for one in lock(counted, pair)]


def _max_drawdown(
    trades: Sequence[TradeClosed], now_ns: TimeNs, settings: MaxDrawdownSettings
) -> list[Lock]:
    if not settings.enabled:
        return []
    counted = _since(trades, now_ns, settings.lookback_period)
    if len(counted) < settings.trade_limit:
        return []
    fall = _deepest_fall(trade.profit_ratio for trade in counted)
    if fall <= settings.max_allowed_drawdown:
        return []
    reason = f"{fall:.2%} lost in {settings.lookback_period} min"
    return [_lock(Code.MAX_DRAWDOWN, None, counted, settings.stop_duration, reason)]


def _low_profit_pairs(
    trades: Sequence[TradeClosed],
    pairs: Iterable[Pair],
    now_ns: TimeNs,
    settings: LowProfitPairsSettings,
) -> list[Lock]:
    if not settings.enabled:
        return []
    found = []
    recent = _since(trades, now_ns, settings.lookback_period)
    for pair in pairs:
        counted = [trade for trade in recent if trade.pair == pair]
        if len(counted) < settings.trade_limit:
            continue
        profit = sum((trade.profit_ratio for trade in counted), ZERO)
        if profit < settings.required_profit:
            reason = f"{profit:.2%} earned in {settings.lookback_period} min"
            found.append(
                _lock(Code.LOW_PROFIT_PAIRS, pair, counted, settings.stop_duration, reason)
            )
    return found


def _cooldown_period(
    trades: Sequence[TradeClosed],
    pairs: Iterable[Pair],
    now_ns: TimeNs,
    settings: CooldownPeriodSettings,
) -> list[Lock]:
    if not settings.enabled:
        return []
    recent = _since(trades, now_ns, settings.stop_duration)
    found = []
    for pair in pairs:
        counted = [trade for trade in recent if trade.pair == pair]
        if counted:
            reason = f"rest of {settings.stop_duration} min after a trade"
            lock = _lock(Code.COOLDOWN_PERIOD, pair, counted[-1:], settings.stop_duration, reason)
            found.append(lock)
    return found


def _since(trades: Sequence[TradeClosed], now_ns: TimeNs, minutes: int) -> list[TradeClosed]:
    since_ns = now_ns - minutes * MINUTE_NS
    return [trade for trade in trades if trade.closed_at_ns > since_ns]


def _deepest_fall(profits: Iterable[Decimal]) -> Decimal:
    """Return how far the running sum of `profits` fell below its highest, from 0 on."""
    total = best = deepest = ZERO
    for profit in profits:
        total += profit
        best = max(best, total)
        deepest = max(deepest, best - total)
    return deepest


def _lock(
    code: Code, pair: Pair | None, counted: list[TradeClosed], minutes: int, reason: str
) -> Lock:
    last_ns = max(trade.closed_at_ns for trade in counted)
    return Lock(
        code=code,
        pair=pair,
        since_ns=last_ns,
        until_ns=TimeNs(last_ns + minutes * MINUTE_NS),
        reason=reason,
    )
