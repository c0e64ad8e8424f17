"""What may be lost, counted anew: day, fall from the highest, and what closed trades forbid.

Sampled at quiet moments alone, so its highest is never above the guard's and its fall never
deeper: whatever it forbids, the guard must forbid.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from state.config.limits import ProtectionSettings, RiskSettings
from state.messages.accounts import TradeClosed
from state.values import Pair, Purpose

ZERO = Decimal(0)
DAY_S = 86_400
MINUTE_S = 60


@dataclass
class Losses:
    """The account's past, in seconds of the exchange's clock."""

    limits: RiskSettings
    protections: ProtectionSettings
    peak: Decimal | None = None
    opening: Decimal = ZERO
    equity: Decimal = ZERO
    day: int = 0
    day_until_s: float = 0.0
    """Until when a lost day forbids entries."""
    is_halted: bool = False
    is_reduced: bool = False
    is_half: bool = False
    trades: list[TradeClosed] = field(default_factory=list)
    locks: dict[tuple[str, Pair | None], float] = field(default_factory=dict)
    """By code and pair: until when."""

    def sample(self, equity: Decimal, now_s: float) -> None:
        """Take equity at a quiet moment."""
        if self.peak is None:
            self.peak = self.opening = self.equity = equity
            self.day = int(now_s // DAY_S)
        if now_s // DAY_S > self.day:
            self.day, self.opening = int(now_s // DAY_S), self.equity
        self.equity = equity
        self.peak = max(self.peak, equity)
        limits = self.limits
        if self.opening - equity >= limits.daily_loss_share * self.opening:
            hold_s = max((self.day + 1) * DAY_S, now_s + limits.daily_loss_hold_s)
            if now_s >= self.day_until_s:
                self.day_until_s = hold_s
        fall = self.peak - equity
        self.is_half = fall >= limits.drawdown_half_share * self.peak
        self.is_reduced = fall >= limits.drawdown_reduce_share * self.peak
        self.is_halted = self.is_halted or fall >= limits.drawdown_halt_share * self.peak

    def move(self, change: Decimal) -> None:
        """Take money that came or went."""
        if self.peak is None or self.equity <= 0:
            return
        grown = (self.equity + change) / self.equity
        self.peak, self.opening = self.peak * grown, self.opening * grown
        self.equity += change

    def resume(self) -> None:
        """Take an operator's word that trading goes on after a halt."""
        if self.is_halted:
            self.is_halted = self.is_reduced = self.is_half = False
            self.peak = self.equity

    def close(self, trade: TradeClosed) -> None:
        """Take a trade that was closed, and what it forbids."""
        self.trades.append(trade)
        closed_s = trade.closed_at_ns / 1e9
        guard = self.protections.stoploss_guard
        if guard.enabled:
            stops = [
                one
                for one in self._within(closed_s, guard.lookback_period)
                if one.purpose is Purpose.STOP_LOSS and _ratio(one) < guard.required_profit
            ]
            if len(stops) >= guard.trade_limit:
                self._lock("STOPLOSS_GUARD", None, stops, guard.stop_duration)
        fall = self.protections.max_drawdown
        if fall.enabled:
            some = self._within(closed_s, fall.lookback_period)
            if len(some) >= fall.trade_limit and _worst_run(some) > fall.max_allowed_drawdown:
                self._lock("MAX_DRAWDOWN", None, some, fall.stop_duration)
        poor = self.protections.low_profit_pairs
        if poor.enabled:
            some = [
                one
                for one in self._within(closed_s, poor.lookback_period)
                if one.pair == trade.pair
            ]
            earned = sum(map(_ratio, some), ZERO)
            if len(some) >= poor.trade_limit and earned < poor.required_profit:
                self._lock("LOW_PROFIT_PAIRS", trade.pair, some, poor.stop_duration)
        rest = self.protections.cooldown_period
        if rest.enabled:
            self._lock("COOLDOWN_PERIOD", trade.pair, [trade], rest.stop_duration)

    def forbidden(self, pair: Pair, now_s: float) -> dict[str, str]:
        """Return by code why no entry may be approved in `pair`."""
        found = {}
        if now_s < self.day_until_s:
            found["DAILY_LOSS"] = f"the day lost {self.opening - self.equity} of {self.opening}"
        if self.is_halted:
            found["DRAWDOWN_HALT"] = f"{self.equity} of {self.peak}"
        elif self.is_reduced:
            found["DRAWDOWN_REDUCE"] = f"{self.equity} of {self.peak}"
        for (code, where), until_s in self.locks.items():
            if where in (None, pair) and now_s < until_s:
                found[code] = f"for {until_s - now_s:.0f} s more"
        return found

    def _within(self, now_s: float, minutes: int) -> list[TradeClosed]:
        return [one for one in self.trades if one.closed_at_ns / 1e9 > now_s - minutes * MINUTE_S]

    def _lock(self, code: str, pair: Pair | None, some: list[TradeClosed], minutes: int) -> None:
        last_s = max(one.closed_at_ns for one in some) / 1e9
        until_s = last_s + minutes * MINUTE_S
        self.locks[code, pair] = max(until_s, self.locks.get((code, pair), 0.0))


def _ratio(trade: TradeClosed) -> Decimal:
    earned = trade.proceeds - trade.cost - trade.fees
    return earned / trade.cost if trade.cost else ZERO


def _worst_run(trades: list[TradeClosed]) -> Decimal:
    """Return the largest loss of any run of trades in a row: the deepest fall of their sum."""
    ratios = [_ratio(one) for one in trades]
    return max(
        (
            -sum(ratios[start:end], ZERO)
            for start in range(len(ratios))
            for end in range(start + 1, len(ratios) + 1)
        ),
        default=ZERO,
    )
