"""Chart patterns and reversals of one timeframe: shapes of confirmed pivots, completed by a close.

A shape is watched from the bar that confirms its last pivot. The first close beyond its line makes
it a pattern, told once; a close beyond its refuting price, or too many bars, end it. A pattern that
was told is never taken back: nothing later went in. Pure.
"""

from typing import NamedTuple

from state.indicators.bars import Bar
from state.messages.signals import Direction, PatternKind, PatternPoint
from state.patterns.shapes import Shape, tops
from state.pivots import Pivot

KEPT = 8
"""Pivots looked at; the largest shape needs six."""
SWING = 1.5
"""A turn counts when it is so many average true ranges from the turn before: less is noise."""

UPSIDE_DOWN = {
    "double_top": "double_bottom",
    "head_and_shoulders": "inverse_head_and_shoulders",
    "descending_triangle": "ascending_triangle",
    "symmetrical_triangle": "symmetrical_triangle",
    "bear_flag": "bull_flag",
    "uptrend_reversal": "downtrend_reversal",
}
"""What a shape that breaks downwards is called upside down."""


class Found(NamedTuple):
    """A pattern that a bar completed."""

    name: str
    kind: PatternKind
    direction: Direction
    quality: float
    """In [0, 1]."""
    invalidation: float
    """A close beyond it refutes the pattern; quote units."""
    points: tuple[PatternPoint, ...]


class _Watched(NamedTuple):
    sign: int
    """+1 as drawn, -1 upside down."""
    shape: Shape


class ChartPatterns:
    """Watches one timeframe, fed with each closed bar once."""

    def __init__(self) -> None:
        self._pivots: list[Pivot] = []
        """Highs and lows in turn."""
        self._watched: dict[tuple[object, ...], _Watched] = {}
        self._now = -1

    def apply(self, bar: Bar, pivots: tuple[Pivot, ...], atr: float | None) -> tuple[Found, ...]:
        """Take a closed bar, the pivots it confirmed and the average true range as of it.

        Returns what it completed.
        """
        self._now += 1
        for pivot in pivots:
            if atr is not None and atr > 0.0 and self._turned(pivot, SWING * atr):
                self._watch(atr)
        return tuple(self._judged(bar)) if self._watched else ()

    def _turned(self, pivot: Pivot, least: float) -> bool:
        """Keep a pivot, so that highs and lows alternate; returns whether anything changed."""
        if self._pivots and self._pivots[-1].is_high == pivot.is_high:
            last = self._pivots[-1]
            is_further = pivot.price > last.price if pivot.is_high else pivot.price < last.price
            if not is_further:
                return False
            self._pivots.pop()
        elif self._pivots:
            last = self._pivots[-1]
            # One bar that is high and low at once says nothing about their order.
            if last.place == pivot.place or abs(last.price - pivot.price) < least:
                return False
        self._pivots.append(pivot)
        del self._pivots[:-KEPT]
        return True

    def _watch(self, unit: float) -> None:
        for sign in (1, -1):
            seen = self._pivots if sign == 1 else [_upside_down(one) for one in self._pivots]
            for shape in tops(seen, unit):
                key = (sign, shape.name, *(point.place for point in shape.points))
                self._watched.setdefault(key, _Watched(sign, shape))

    def _judged(self, bar: Bar) -> list[Found]:
        found, over = [], []
        for key, (sign, shape) in self._watched.items():
            close = sign * bar.close
            if close > shape.refuted or self._now > shape.until:
                over.append(key)
            elif close < shape.line.at(self._now):
                over.append(key)
                found.append(_found(sign, shape))
        for key in over:
            del self._watched[key]
        return found


def _upside_down(pivot: Pivot) -> Pivot:
    return pivot._replace(is_high=not pivot.is_high, price=-pivot.price)


def _found(sign: int, shape: Shape) -> Found:
    return Found(
        name=shape.name if sign == 1 else UPSIDE_DOWN[shape.name],
        kind=PatternKind.REVERSAL if shape.name == "uptrend_reversal" else PatternKind.CHART,
        direction=Direction.DOWN if sign == 1 else Direction.UP,
        quality=max(0.0, min(1.0, shape.quality)),
        invalidation=sign * shape.refuted,
        points=tuple(
            PatternPoint(open_time_ns=one.open_time_ns, price=sign * one.price)
            for one in shape.points
        ),
    )
