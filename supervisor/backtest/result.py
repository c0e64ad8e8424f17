"""What came of a run, beside what doing nothing would have brought."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from state.messages.market import CandleClosed
from state.messages.orders import OrderProposed
from state.values import ZERO, Pair, Side


class Trade(Struct, frozen=True):
    """One entry and the exit after it."""

    opened_ns: int
    """When the bar closed that the entry was decided on."""
    cost: Decimal
    """Quote units, with the fee."""
    proceeds: Decimal | None = None
    """Quote units, without the fee; None while it is open."""

    @property
    def profit(self) -> Decimal:
        """Quote units after both fees; 0 while it is open."""
        return ZERO if self.proceeds is None else self.proceeds - self.cost


@dataclass
class Result:
    """One pair."""

    pair: Pair
    capital: Decimal
    entries: int = 0
    exits: int = 0
    """Stops among them."""
    stops: int = 0
    fees: Decimal = ZERO
    decisions: list[tuple[int, str, str, str]] = field(default_factory=list)
    """(instant, side, quantity, price) of each, as the trader proposed it."""
    equity: list[float] = field(default_factory=list)
    """At each bar's close, all fees taken off."""
    closes: list[float] = field(default_factory=list)
    held_bars: int = 0
    trades: list[Trade] = field(default_factory=list)

    def decide(self, order: OrderProposed) -> None:
        """Note a decision."""
        self.decisions.append(
            (order.proposed_at_ns, str(order.side), str(order.quantity), str(order.price))
        )

    def fill(self, at_ns: int, side: Side, value: Decimal, fee: Decimal) -> None:
        """Note a fill: of an entry, or of all that is held.

        Args:
            at_ns: Close of the bar before.
            side: Of the fill.
            value: Quote units, before the fee.
            fee: Quote units.
        """
        self.fees += fee
        if side is Side.BUY:
            self.entries += 1
            self.trades.append(Trade(at_ns, value + fee))
        else:
            self.exits += 1
            self.trades[-1] = replace(self.trades[-1], proceeds=value - fee)

    def mark(self, candle: CandleClosed, worth: float, *, holds: bool) -> None:
        """Note how things stand at a bar's close."""
        self.equity.append(worth)
        self.closes.append(candle.close)
        self.held_bars += holds

    def figures(self) -> "Figures":
        """Return it in numbers."""
        equity = np.asarray(self.equity)
        return Figures(
            pair=self.pair,
            bars=len(equity),
            entries=self.entries,
            exits=self.exits,
            stops=self.stops,
            fees=float(self.fees),
            profit_percent=100 * (float(equity[-1]) / float(self.capital) - 1),
            hold_percent=100 * (self.closes[-1] / self.closes[0] - 1),
            exposed_percent=100 * self.held_bars / len(equity),
            drawdown_percent=100 * drawdown(equity),
        )


class Figures(Struct, frozen=True, kw_only=True):
    """One pair in numbers."""

    pair: Pair
    bars: int
    entries: int
    exits: int
    stops: int
    fees: float
    """Quote units."""
    profit_percent: float
    """Of the capital, after fees."""
    hold_percent: float
    """Buying at the first close and holding, before fees."""
    exposed_percent: float
    """Of the bars, how many something was held at."""
    drawdown_percent: float
    """The deepest, of the highest equity before it."""


class Against(Struct, frozen=True, kw_only=True):
    """One pair's trades beside those under other settings; a trade is the same by its entry."""

    pair: Pair
    same: int
    """Entries that both have."""
    filtered: int
    """Entries that only the other settings have."""
    filtered_profit: float
    """What those earned there, quote units after fees."""
    added: int
    """Entries that only these settings have."""
    added_profit: float
    """What those earned, quote units after fees."""
    profit_percent: float
    """Of the other settings, of the capital."""


def against(result: Result, other: Result) -> Against:
    """Return what `result`'s settings filtered of `other`'s trades, and what it added."""
    here = {one.opened_ns: one.profit for one in result.trades}
    there = {one.opened_ns: one.profit for one in other.trades}
    return Against(
        pair=result.pair,
        same=len(here.keys() & there.keys()),
        filtered=len(there.keys() - here.keys()),
        filtered_profit=float(sum(there[at] for at in there.keys() - here.keys())),
        added=len(here.keys() - there.keys()),
        added_profit=float(sum(here[at] for at in here.keys() - there.keys())),
        profit_percent=other.figures().profit_percent,
    )


class Together(Struct, frozen=True, kw_only=True):
    """All pairs, the capital spread evenly and never moved between them."""

    pairs: tuple[Figures, ...]
    profit_percent: float
    hold_percent: float
    """Equal weight: each pair bought at its first close, and held."""
    drawdown_percent: float
    fees: float
    t_statistic: float | None
    """Of the daily returns' mean; None for fewer than three days. Below 2 it says nothing."""
    days: int


def together(results: Sequence[Result]) -> Together:
    """Return the figures of all pairs and of the whole."""
    figures = tuple(one.figures() for one in results)
    length = min(len(one.equity) for one in results)
    equity = np.sum([np.asarray(one.equity[-length:]) for one in results], axis=0)
    days = equity[1440 - 1 :: 1440]
    returns = np.diff(days) / days[:-1] if len(days) > 1 else np.array([])
    spread = float(returns.std(ddof=1)) if len(returns) > 2 else 0.0
    t_statistic = float(returns.mean()) / spread * math.sqrt(len(returns)) if spread else None
    capital = float(sum(one.capital for one in results))
    return Together(
        pairs=figures,
        profit_percent=100 * (float(equity[-1]) / capital - 1),
        hold_percent=float(np.mean([one.hold_percent for one in figures])),
        drawdown_percent=100 * drawdown(equity),
        fees=sum(one.fees for one in figures),
        t_statistic=t_statistic,
        days=len(days),
    )


def drawdown(equity: np.ndarray) -> float:
    """Return the deepest fall below an earlier peak, as a share of that peak."""
    peaks = np.maximum.accumulate(equity)
    return float(np.max((peaks - equity) / peaks))
