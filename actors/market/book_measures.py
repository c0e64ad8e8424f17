"""Measures of one order book's best levels. Pure.

Prices are quote units, sizes base units, all above 0; `bid < ask`.
"""

from collections.abc import Sequence
from math import exp
from operator import mul

BPS = 10_000.0


def mid(bid: float, ask: float) -> float:
    """Return the middle of the best prices, quote units."""
    return (bid + ask) / 2


def spread_bps(bid: float, ask: float) -> float:
    """Return best ask less best bid in basis points of the mid, above 0."""
    return (ask - bid) / mid(bid, ask) * BPS


def weighted_mid(bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Return the mid weighted by the other side's size; it lies between the best prices.

    Source: Gatheral & Oomen (2010), "Zero-intelligence realized variance estimation".
    """
    return (bid * ask_size + ask * bid_size) / (bid_size + ask_size)


def queue_imbalance(bid_size: float, ask_size: float) -> float:
    """Return how far resting size leans to the bid, in [-1, 1].

    Source: Gould & Bonart (2016), "Queue imbalance as a one-tick-ahead price predictor".
    """
    return (bid_size - ask_size) / (bid_size + ask_size)


def levels_imbalance(bids: Sequence[float], asks: Sequence[float], count: int) -> float | None:
    """Return the queue imbalance of the `count` best levels together, in [-1, 1].

    Args:
        bids: Base units of each level, best last, as in `SideView.sizes`.
        asks: The same of the other side.
        count: How many levels of each side; where there are fewer, all of them.

    Source: Cao, Hansch & Wang (2009), "The information content of an open limit-order book".
    """
    bid, ask = sum(bids[-count:]), sum(asks[-count:])
    return (bid - ask) / (bid + ask) if bid + ask > 0 else None


DECAY = 0.5
"""How much less a level weighs than the one before it, as an exponent."""
WEIGHTS = tuple(exp(-DECAY * place) for place in range(10))
"""Of the ten best levels, best first: 1, 0.61, 0.37, 0.22, 0.14, 0.08, 0.05, 0.03, 0.02, 0.01."""


def weighted_imbalance(bids: Sequence[float], asks: Sequence[float]) -> float | None:
    """Return the imbalance of the ten best levels, each weighted by `WEIGHTS`, in [-1, 1].

    Arguments as of `levels_imbalance`. Weights that fall exponentially from the best level on are
    those of Cartea, Donnelly & Jaimungal (2018), "Enhancing trading strategies with order book
    signals".
    """
    count = len(WEIGHTS)
    bid = sum(map(mul, WEIGHTS, bids[: -count - 1 : -1]))
    ask = sum(map(mul, WEIGHTS, asks[: -count - 1 : -1]))
    return (bid - ask) / (bid + ask) if bid + ask > 0 else None
