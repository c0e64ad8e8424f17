"""What the operator is shown of how positions are protected. Pure."""

from decimal import Decimal
from typing import Any

from state.messages.protection import Cover, PositionCovered
from state.protection import BPS
from state.store.reader import Rows
from state.values import NS_PER_S, Price, plain

UNHEARD = "unknown"


def cover_view(covered: PositionCovered | None, bid: float | None, now_ns: int) -> dict[str, Any]:
    """Return how a pair's position is protected.

    Args:
        covered: What its protector said last; None while it has not.
        bid: Best bid, quote per base; None without a live book.
        now_ns: Now.
    """
    if covered is None:
        return {"state": UNHEARD, "uncovered_s": 0.0}
    since_s = round((now_ns - covered.since_ns) / NS_PER_S, 1)
    return {
        "state": covered.cover.value,
        "since_s": since_s,
        "uncovered_s": since_s if covered.cover is Cover.UNCOVERED else 0.0,
        "quantity": plain(covered.quantity),
        "stop": _price(covered.stop),
        "stop_distance_bps": _distance_bps(covered.stop, bid),
        "target": _price(covered.target),
        "resident": plain(covered.resident),
        "watched": covered.watched,
        "why": covered.reason,
    }


def with_cover(positions: Rows, covers: dict[str, dict[str, Any]]) -> Rows:
    """Return the positions, each with how it is protected."""
    unheard = cover_view(None, None, 0)
    return [row | {"protection": covers.get(row["pair"], unheard)} for row in positions]


def _price(price: Price | None) -> str | None:
    return None if price is None else plain(price)


def _distance_bps(stop: Price | None, bid: float | None) -> float | None:
    """Return how far the best bid is above the stop; below 0 it should be on its way out."""
    if stop is None or not bid:
        return None
    now = Decimal(repr(bid))
    return round(float((now - stop) / now * BPS), 1)
