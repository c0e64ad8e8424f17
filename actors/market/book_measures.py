"""Measures of one order book's best levels. Pure.

Prices are quote units, sizes base units, all above 0; `bid < ask`.
"""

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
