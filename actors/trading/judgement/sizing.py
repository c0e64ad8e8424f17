"""How large an entry may be: every bound, and the smallest wins. Pure.

| bound | base units at most |
|---|---|
| `order_notional` | the setting, over the price |
| `risk` | `risk_bps` of equity, over what a unit loses between the price and its stop |
| `volatility` | equity times `volatility_target` over the yearly volatility, over the price |
| `depth` | `depth_share` of what is offered near the mid, over the price |
| `kelly` | `kelly_cap` of equity, or less by the Kelly criterion after costs, over the price |
| `pair_share` | `pair_share_max` of equity less what is held, over the price |

What is not known bounds nothing and is listed without a quantity. The risk guard bounds all of it
once more, by its own limits.
"""

import math
from collections.abc import Callable, Iterable
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from actors.trading.judgement.skill import Record
from state.config.decision import DecisionSettings
from state.messages.orders import Bound
from state.values import NS_PER_S, ZERO, Quantity

BPS = Decimal(10_000)
YEAR_S = 365.0 * 86_400.0


class Odds(Struct, frozen=True, kw_only=True):
    """How opinions came out so far."""

    resolved: int
    hits: int
    won_bps: float
    lost_bps: float

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Odds":
        """Return the odds of several sources together."""
        all_of = tuple(records)
        return cls(
            resolved=sum(one.resolved for one in all_of),
            hits=sum(one.hits for one in all_of),
            won_bps=sum(one.won_bps for one in all_of),
            lost_bps=sum(one.lost_bps for one in all_of),
        )

    @property
    def hit_rate(self) -> float:
        """How often they were right."""
        return self.hits / self.resolved

    def won(self, cost_bps: float) -> float:
        """Return what a hit brought as a mean, less what a way in and out costs; bps."""
        return (self.won_bps / self.hits if self.hits else 0.0) - cost_bps

    def lost(self, cost_bps: float) -> float:
        """Return what a miss cost as a mean, and a way in and out beside it; bps."""
        misses = self.resolved - self.hits
        return (self.lost_bps / misses if misses else 0.0) + cost_bps

    def gain_loss(self, cost_bps: float) -> float:
        """Return what a hit brought over what a miss cost, after costs.

        0 where a hit brought no more than that, 1 where a miss cost nothing or there was no hit.
        """
        won, lost = self.won(cost_bps), self.lost(cost_bps)
        if not self.hits or not lost:
            return 1.0
        return max(0.0, won / lost)


class Facts(Struct, frozen=True, kw_only=True):
    """What an entry is sized by; None is not known."""

    price: Decimal
    """What a unit costs at worst, in quote units."""
    order_notional: Decimal
    stop_bps: Decimal
    """How far below its entry a position is sold at a loss."""
    equity: Decimal | None
    volatility: float | None
    """One standard deviation of a year's return, as a share."""
    offered: float
    """Quote units offered within reach."""
    held: Decimal
    """Base units held already."""
    cost_bps: float
    """What a way in and out costs: the taker's fee twice, and the spread."""
    odds: Odds | None
    """Of the sources that decide; None before enough of their opinions were scored."""


def worksheet(
    facts: Facts, settings: DecisionSettings, rounded: Callable[[Decimal], Quantity]
) -> tuple[Bound, ...]:
    """Return every bound of an entry, in the order of the table above.

    Args:
        facts: What is known.
        settings: How much of it is used.
        rounded: A quantity as the exchange takes it, never more.
    """
    price, equity = facts.price, facts.equity
    found = {
        "order_notional": facts.order_notional / price,
        "risk": _of(equity, settings.risk_bps / BPS, price * facts.stop_bps / BPS),
        "volatility": _of(equity, _volatility_share(facts, settings), price),
        "depth": Decimal(repr(facts.offered)) * settings.depth_share / price,
        "kelly": _of(equity, _kelly_share(facts, settings), price),
        "pair_share": _pair_share(facts, settings),
    }
    return tuple(
        Bound(
            name=name,
            quantity=None if quantity is None else rounded(max(ZERO, quantity)),
            because=_odds_told(facts) if name == "kelly" else "",
        )
        for name, quantity in found.items()
    )


def smallest(bounds: Iterable[Bound]) -> Quantity:
    """Return what the smallest known bound leaves."""
    return Quantity(min(bound.quantity for bound in bounds if bound.quantity is not None))


def kelly(hit_rate: float, gain_loss: float) -> float:
    """Return the share of capital that grows fastest, never below 0.

    Source: Kelly (1956), "A new interpretation of information rate": f = p - (1 - p) / b.
    """
    return max(0.0, hit_rate - (1.0 - hit_rate) / gain_loss) if gain_loss else 0.0


def _of(equity: Decimal | None, share: Decimal | None, unit: Decimal) -> Decimal | None:
    return None if equity is None or share is None or unit <= 0 else equity * share / unit


def _volatility_share(facts: Facts, settings: DecisionSettings) -> Decimal | None:
    if not facts.volatility:
        return None
    return _decimal(settings.volatility_target / facts.volatility)


def _kelly_share(facts: Facts, settings: DecisionSettings) -> Decimal | None:
    odds = facts.odds
    if odds is None:
        return None
    return _decimal(settings.kelly_cap * kelly(odds.hit_rate, odds.gain_loss(facts.cost_bps)))


def _odds_told(facts: Facts) -> str:
    odds, cost_bps = facts.odds, facts.cost_bps
    if odds is None:
        return ""
    return (
        f"right {odds.hit_rate:.1%} of {odds.resolved} times; a hit {odds.won(cost_bps):+.1f} bps, "
        f"a miss {-odds.lost(cost_bps):+.1f} bps, with {cost_bps:.1f} bps of costs"
    )


def _pair_share(facts: Facts, settings: DecisionSettings) -> Decimal | None:
    if facts.equity is None:
        return None
    return facts.equity * settings.pair_share_max / facts.price - facts.held


def _decimal(share: float) -> Decimal:
    # A share is a measure: twelve digits of it are more than anybody knows.
    return Decimal(f"{share:.12g}")


class Volatility(Struct, frozen=True, kw_only=True):
    """The volatility of a pair, from closes of one timeframe: an exponential mean of squares.

    Source: RiskMetrics (1996): lambda = 0.94 a period.
    """

    period_s: float
    close: float = 0.0
    open_ns: int = 0
    """Opening of the newest candle in it."""
    count: int = 0
    square: float = 0.0

    KEEP = 0.94
    WARM = 20
    """Returns before it is believed."""

    def apply(self, close: float, open_ns: int) -> "Volatility":
        """Return the volatility after one more closed candle; one that came before is no news."""
        if open_ns <= self.open_ns:
            return self
        follows = open_ns == self.open_ns + int(self.period_s * NS_PER_S)
        if not self.close or not follows:
            # A return over a hole is of more than one period: what is known stays, it counts not.
            return replace(self, close=close, open_ns=open_ns)
        square = math.log(close / self.close) ** 2
        count = self.count + 1
        # The plain mean until there is something to forget.
        keep = min(self.KEEP, 1.0 - 1.0 / count)
        mean = keep * self.square + (1.0 - keep) * square
        return replace(self, close=close, open_ns=open_ns, count=count, square=mean)

    @property
    def yearly(self) -> float | None:
        """One standard deviation of a year's return, as a share; None until it is warm."""
        if self.count < self.WARM or not self.square:
            return None
        return math.sqrt(self.square * YEAR_S / self.period_s)
