"""Support and resistance of one pair and timeframe, from confirmed pivots alone. Pure.

A pivot touches the nearest level whose tolerance it falls into, else it founds one. The tolerance
is `TOLERANCE` average true ranges at the founding and never changes; the price is the mean of the
touches. A close beyond price and tolerance breaks a level. A broken one that a pivot meets from
the other side has flipped: support is resistance now. A close back on its old side before that
makes it hold again: the break was false.

    strength = (1 - 2^(-touches / 2)) x 2^(-bars since the last touch / 250) x (1/2 while broken)

A level's id is its timeframe, the kind of its founding pivot and that bar's opening: the same bars
give the same ids, in any life. Weak levels are forgotten beyond `MOST`.
"""

from dataclasses import dataclass

from state.indicators.bars import Bar
from state.messages.market import Timeframe
from state.messages.signals import LevelRole, LevelState, PriceLevel
from state.pivots import Pivot
from state.values import TimeNs

TOLERANCE = 0.5
HALF_LIFE_BARS = 250
MOST = 24


@dataclass(slots=True)
class _Level:
    id: str
    price: float
    tolerance: float
    role: LevelRole
    first_ns: TimeNs
    last_ns: TimeNs
    first: int
    """Number of the bar of the first touch."""
    last: int
    touches: int = 1
    state: LevelState = LevelState.HOLDING

    def strength(self, now: int) -> float:
        """Return it, in [0, 1], at bar number `now`."""
        touched: float = 1.0 - 2.0 ** (-self.touches / 2)
        fresh: float = 2.0 ** (-(now - self.last) / HALF_LIFE_BARS)
        return touched * fresh * (0.5 if self.state is LevelState.BROKEN else 1.0)


class LevelBook:
    """The levels of one timeframe, fed with each closed bar once."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._timeframe = timeframe
        self._levels: list[_Level] = []
        self._now = -1

    def apply(self, bar: Bar, pivots: tuple[Pivot, ...], atr: float | None) -> bool:
        """Take a closed bar, the pivots it confirmed and the average true range as of it.

        Returns whether a level was founded, touched, broken, flipped or regained.
        """
        self._now += 1
        changed = False
        for pivot in pivots:
            changed |= self._touched(pivot, atr)
        for level in self._levels:
            changed |= _crossed(level, bar.close)
        return changed

    def levels(self) -> tuple[PriceLevel, ...]:
        """Return what stands, strongest first."""
        ranked = sorted((-one.strength(self._now), one.id, one) for one in self._levels)
        return tuple(
            PriceLevel(
                id=level.id,
                price=level.price,
                tolerance=level.tolerance,
                role=level.role,
                state=level.state,
                touches=level.touches,
                first_touch_ns=level.first_ns,
                last_touch_ns=level.last_ns,
                age_bars=self._now - level.first,
                strength=-negative,
            )
            for negative, _, level in ranked
        )

    def _rank(self, level: _Level) -> tuple[float, str]:
        return -level.strength(self._now), level.id

    def _touched(self, pivot: Pivot, atr: float | None) -> bool:
        near = [one for one in self._levels if abs(one.price - pivot.price) <= one.tolerance]
        if near:
            level = min(near, key=lambda one: abs(one.price - pivot.price))
            level.touches += 1
            level.price += (pivot.price - level.price) / level.touches
            level.last, level.last_ns = pivot.place, pivot.open_time_ns
            meets = LevelRole.RESISTANCE if pivot.is_high else LevelRole.SUPPORT
            if level.state is LevelState.BROKEN and meets is not level.role:
                level.role, level.state = meets, LevelState.FLIPPED
            return True
        if atr is None or atr <= 0.0:
            return False
        kind = "high" if pivot.is_high else "low"
        level = _Level(
            id=f"{self._timeframe}-{kind}-{pivot.open_time_ns}",
            price=pivot.price,
            tolerance=TOLERANCE * atr,
            role=LevelRole.RESISTANCE if pivot.is_high else LevelRole.SUPPORT,
            first_ns=pivot.open_time_ns,
            last_ns=pivot.open_time_ns,
            first=pivot.place,
            last=pivot.place,
        )
        self._levels.append(level)
        if len(self._levels) > MOST:
            old = [one for one in self._levels if one is not level]
            self._levels.remove(max(old, key=self._rank))
        return True


def _crossed(level: _Level, close: float) -> bool:
    """Break a level that this close went through, or let one hold that it came back over."""
    side = 1 if level.role is LevelRole.SUPPORT else -1
    beyond = side * (close - level.price)
    if level.state is LevelState.BROKEN:
        if beyond > level.tolerance:
            level.state = LevelState.HOLDING
            return True
    elif beyond < -level.tolerance:
        level.state = LevelState.BROKEN
        return True
    return False
