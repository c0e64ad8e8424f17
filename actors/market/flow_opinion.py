"""What book and flow together expect: the rule behind the opinion `microstructure`. Pure.

Four parts, each in [-1, 1], positive for up; the direction is their weighted mean:

| part | weight | what |
|---|---|---|
| order flow | 0.30 | tanh of the order-flow imbalance of 10 s, in tens of best levels' sizes |
| trades | 0.30 | trade imbalance of the last minute |
| book | 0.25 | imbalance of the ten best levels, exponentially weighted |
| micro-price | 0.15 | how far it is from the mid, in half spreads |

A part that is not known is left out; where less than half of the weight is known there is no
opinion. The confidence is the share of the known weight whose parts agree with the direction, times
0.5, times the liquidity score over 50 where that is less than 1: nothing here was ever proved to
earn, so it never trusts itself more than half. It is refuted five spreads, 10 basis points at
least, against its direction.
"""

from math import tanh

from state.messages.flow import FlowMeasured, LiquidityMeasured
from state.messages.signals import Opinion, Reason
from state.values import NS_PER_S, TimeNs

SOURCE = "microstructure"
WEIGHTS = {"order_flow": 0.30, "trades": 0.30, "book": 0.25, "micro_price": 0.15}
"""They add up to 1."""
KNOWN_MIN = 0.5
FLOW_SCALE = 10.0
CONFIDENCE_MAX = 0.5
SCORE_ENOUGH = 50.0
HORIZON_S = 60.0
REFUTED_SPREADS = 5.0
REFUTED_BPS = 10.0


def parts(book: LiquidityMeasured, flow: FlowMeasured) -> dict[str, float]:
    """Return what is known, each in [-1, 1]."""
    known = {}
    if book.order_flow_depths is not None:
        known["order_flow"] = tanh(book.order_flow_depths / FLOW_SCALE)
    if flow.imbalance_60s is not None:
        known["trades"] = flow.imbalance_60s
    if book.weighted_imbalance is not None:
        known["book"] = book.weighted_imbalance
    if book.micro_price is not None:
        half_spread = book.mid * book.spread_bps / 20_000
        known["micro_price"] = min(1.0, max(-1.0, (book.micro_price - book.mid) / half_spread))
    return known


def opinion(book: LiquidityMeasured, flow: FlowMeasured, valid_s: float) -> Opinion | None:
    """Return what both expect; None where too little is known.

    Args:
        book: The newest of a live book.
        flow: The newest of the same pair.
        valid_s: How long it may be used, > 0.
    """
    known = parts(book, flow)
    weight = sum(WEIGHTS[name] for name in known)
    if weight < KNOWN_MIN:
        return None
    direction = sum(WEIGHTS[name] * part for name, part in known.items()) / weight
    direction = min(1.0, max(-1.0, direction))
    agreeing = sum(WEIGHTS[name] for name, part in known.items() if part * direction > 0)
    confidence = CONFIDENCE_MAX * agreeing / weight * min(1.0, book.score / SCORE_ENOUGH)
    away = book.mid * max(REFUTED_SPREADS * book.spread_bps, REFUTED_BPS) / 10_000
    invalidation = book.mid - away if direction > 0 else book.mid + away
    as_of_ns = TimeNs(max(book.event_time_ns, flow.event_time_ns))
    return Opinion(
        source=SOURCE,
        pair=book.pair,
        direction=direction,
        confidence=min(1.0, max(0.0, confidence)),
        horizon_s=HORIZON_S,
        # Of a wide book the price beyond which it is refuted may not exist.
        invalidation=invalidation if direction and invalidation > 0 else None,
        reasons=tuple(
            Reason(says=f"{name} {part:+.2f}, weight {WEIGHTS[name]:g}", refers=_REFERS[name])
            for name, part in known.items()
        ),
        as_of_ns=as_of_ns,
        expires_at_ns=TimeNs(as_of_ns + int(valid_s * NS_PER_S)),
    )


_REFERS = {
    "order_flow": "liquidity:order_flow_depths",
    "trades": "flow:imbalance_60s",
    "book": "liquidity:weighted_imbalance",
    "micro_price": "liquidity:micro_price",
}
