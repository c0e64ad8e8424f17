"""Shapes that confirmed pivots draw: what they are, and with which tolerances. Pure.

Each function looks at the newest pivots, highs and lows in turn, and says which shape they are, if
any. All are written for tops, which break downwards; bottoms are the same pivots upside down.
A shape is no pattern yet: it becomes one when a close breaks its line (`chart.py`).

`unit` is the average true range when the last pivot was confirmed. Every shape is at least
`TALL` units high, so that noise of one bar draws none. Definitions follow Edwards and Magee,
"Technical Analysis of Stock Trends", the numbers are ours.
"""

from typing import NamedTuple

from state.pivots import Pivot

TALL = 3.0
"""Least height of a shape, in average true ranges."""
EVEN = 0.15
"""Tops (bottoms) count as equal, and a triangle's side as level, within this part of the height."""
SHOULDERS = 0.25
"""Shoulders, and the two ends of a neckline, differ by no more than this part of the height."""
HEAD = 0.2
"""A head stands above both shoulders by at least this part of the height."""
SPAN_BARS = (6, 120)
"""From the first top to the last: no less, no more."""
SLOPING = 0.2
"""A triangle's side slopes if it moves by at least this part of the height."""
POLE = 4.0
"""Least height of a flag's pole, in average true ranges."""
POLE_BARS, FLAG_BARS = 15, 30
"""A pole is no longer, and what hangs on it neither."""
RETRACED = (0.1, 0.5)
"""A flag takes back at least and at most these parts of its pole."""


class Line(NamedTuple):
    """A straight line through two pivots."""

    place: int
    price: float
    slope: float
    """A bar."""

    @classmethod
    def through(cls, one: Pivot, other: Pivot) -> "Line":
        """Return the line through two pivots of different bars."""
        slope = (other.price - one.price) / (other.place - one.place)
        return cls(one.place, one.price, slope)

    def at(self, place: int) -> float:
        """Return its price at bar number `place`."""
        return self.price + self.slope * (place - self.place)


class Shape(NamedTuple):
    """What a close beyond a line would make a pattern of."""

    name: str
    points: tuple[Pivot, ...]
    line: Line
    """A close below it completes the pattern."""
    refuted: float
    """A close above it ends the shape."""
    quality: float
    """In [0, 1]."""
    until: int
    """Number of the last bar that may complete it."""


def tops(pivots: list[Pivot], unit: float) -> list[Shape]:
    """Return the shapes of `pivots`, alternating, newest last, that break downwards."""
    makers = (_double_top, _head_and_shoulders, _triangle, _flag, _turn)
    return [shape for make in makers if (shape := make(pivots, unit)) is not None]


def _double_top(pivots: list[Pivot], unit: float) -> Shape | None:
    """Two highs alike over a valley, reached from below it by at least the height."""
    if len(pivots) < 4 or not pivots[-1].is_high:
        return None
    start, first, valley, second = pivots[-4:]
    height = min(first.price, second.price) - valley.price
    apart = abs(first.price - second.price)
    if height < TALL * unit or apart > EVEN * height or not _spans(first, second):
        return None
    if first.price - start.price < height:
        return None
    return Shape(
        "double_top",
        (first, valley, second),
        Line(valley.place, valley.price, 0.0),
        max(first.price, second.price),
        1 - apart / (EVEN * height),
        second.place + (second.place - first.place),
    )


def _head_and_shoulders(pivots: list[Pivot], unit: float) -> Shape | None:
    """A high above two lower ones alike, over a neckline that is nearly level."""
    if len(pivots) < 6 or not pivots[-1].is_high:
        return None
    start, left, low, head, other_low, right = pivots[-6:]
    neckline = Line.through(low, other_low)
    height = head.price - neckline.at(head.place)
    if height < TALL * unit or not _spans(left, right):
        return None
    uneven = abs(left.price - right.price) / height
    tilt = abs(low.price - other_low.price) / height
    over = (head.price - max(left.price, right.price)) / height
    shoulder = (min(left.price, right.price) - max(low.price, other_low.price)) / height
    if uneven > SHOULDERS or tilt > SHOULDERS or over < HEAD or shoulder < HEAD:
        return None
    if left.price - start.price < shoulder * height:
        return None
    return Shape(
        "head_and_shoulders",
        (left, low, head, other_low, right),
        neckline,
        head.price,
        1 - max(uneven, tilt) / SHOULDERS,
        right.place + (right.place - left.place),
    )


def _triangle(pivots: list[Pivot], unit: float) -> Shape | None:
    """Five turns between two lines that meet: here those that break down through the lower one."""
    if len(pivots) < 5:
        return None
    points = pivots[-5:]
    upper = [one for one in points if one.is_high]
    lower = [one for one in points if not one.is_high]
    above, below = Line.through(upper[0], upper[-1]), Line.through(lower[0], lower[-1])
    begin, end = points[0].place, points[-1].place
    height = above.at(begin) - below.at(begin)
    if height < TALL * unit or not _spans(points[0], points[-1]):
        return None
    middle = upper[1] if len(upper) == 3 else lower[1]
    side = above if len(upper) == 3 else below
    off = abs(middle.price - side.at(middle.place)) / height
    falls = (upper[0].price - upper[-1].price) / height
    rises = (lower[-1].price - lower[0].price) / height
    if off > EVEN or falls < SLOPING:
        return None
    if abs(rises) <= EVEN:
        name = "descending_triangle"
    elif rises >= SLOPING:
        name = "symmetrical_triangle"
    else:
        return None
    apex = begin + height / (below.slope - above.slope)
    return Shape(
        name, tuple(points), below, upper[-1].price, 1 - off / EVEN, min(int(apex), end + 120)
    )


def _flag(pivots: list[Pivot], unit: float) -> Shape | None:
    """A steep fall, then a small rise between two turns on either side: a bear flag."""
    if len(pivots) < 4 or pivots[-1].is_high:
        return None
    top, bottom, back, hold = pivots[-4:]
    pole = top.price - bottom.price
    if pole < POLE * unit or bottom.place - top.place > POLE_BARS:
        return None
    taken, rise = (back.price - bottom.price) / pole, (hold.price - bottom.price) / pole
    if not RETRACED[0] <= taken <= RETRACED[1] or not 0.0 < rise < taken:
        return None
    if hold.place - bottom.place > FLAG_BARS:
        return None
    line = Line.through(bottom, hold)
    quality = 1 - (taken - RETRACED[0]) / (RETRACED[1] - RETRACED[0])
    refuted = bottom.price + RETRACED[1] * pole
    return Shape(
        "bear_flag", (top, bottom, back, hold), line, refuted, quality, bottom.place + FLAG_BARS
    )


def _turn(pivots: list[Pivot], unit: float) -> Shape | None:
    """Higher highs over higher lows: a close below the newest low would end that."""
    if len(pivots) < 4 or not pivots[-1].is_high:
        return None
    low, high, higher_low, higher_high = pivots[-4:]
    leg = higher_high.price - higher_low.price
    if leg < TALL * unit or high.price - higher_low.price <= 0:
        return None
    if higher_high.price <= high.price or higher_low.price <= low.price:
        return None
    return Shape(
        "uptrend_reversal",
        (low, high, higher_low, higher_high),
        Line(higher_low.place, higher_low.price, 0.0),
        higher_high.price,
        min(1.0, leg / (2 * TALL * unit)),
        higher_high.place + 2 * (higher_high.place - low.place),
    )


def _spans(first: Pivot, last: Pivot) -> bool:
    least, most = SPAN_BARS
    return least <= last.place - first.place <= most
