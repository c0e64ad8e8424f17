"""Orders that show a part of themselves: levels that refill when they are taken. Pure; inference.

Between two looks at the book so much was traded at a best price, and its level fell by less: the
difference was put back within that time. An iceberg puts back its visible part, so that the level
shows about the same size after each refill. Anybody else may refill a level as well.

**Confidence.** How often a level that was traded at is back at its size by chance is learned from
the pair itself, all levels alike: the base rate. n refills of one level in a row have the chance
base^n, and the confidence is 1 - base^n * TRIES. The smallest base rate believed is 5 %.
"""

from collections import deque

from msgspec import Struct

from state.order_book import Best
from state.values import NS_PER_S, Side

PEAK_TOLERANCE = 0.10
"""How far a refilled level may be from its size before, as a share."""
REFILLS_MIN = 3
CONFIDENCE_MIN = 0.95
TRIES = 200.0
"""Levels watched within some minutes, either side; each might have been lucky (Bonferroni)."""
BASE_WEIGHT = 1 / 200
"""Of each level that was traded at."""
BASE_START = 0.3
BASE_MIN = 0.05
SILENT_NS = 60 * NS_PER_S
"""A level nobody traded at for so long is forgotten."""
SHARE_MIN = 0.2
"""Of the level's size has to be traded for a refill to say anything."""
LEVELS_KEPT = 8
"""So few are not worth looking through."""
WAITING_MAX = 4096
"""Trades that wait for the next look at the book."""


class Iceberg(Struct, frozen=True, kw_only=True):
    """A level seems to hold more than it shows."""

    side: Side
    """Of the hidden order: a buyer refills the bid."""
    price: float
    peak: float
    """What it shows, base units."""
    refills: int
    traded: float
    """Base units traded at it so far."""
    first_ns: int
    last_ns: int
    confidence: float
    """In [0, 1]: see above."""


class _Level:
    __slots__ = ("first_ns", "last_ns", "peak", "refills", "traded")

    def __init__(self, at_ns: int, peak: float) -> None:
        self.first_ns = self.last_ns = at_ns
        self.peak = peak
        self.refills = 0
        self.traded = 0.0


class Icebergs:
    """Looks for them in one pair's trades and best levels.

    Trades and books come on streams of their own. A look is judged when the next one is there, by
    the trades that happened between the two by the exchange's clock.
    """

    def __init__(self) -> None:
        self._trades: deque[tuple[int, Side, float, float]] = deque(maxlen=WAITING_MAX)
        self._looks: deque[tuple[int, Best]] = deque(maxlen=3)
        self._levels: dict[tuple[Side, float], _Level] = {}
        self._base = BASE_START

    def begin(self) -> None:
        """Forget the book and the trades: some may be missing."""
        self._trades.clear()
        self._looks.clear()
        self._levels.clear()

    def add(self, at_ns: int, taker: Side, price: float, quantity: float) -> None:
        """Count one trade."""
        self._trades.append((at_ns, taker, price, quantity))

    def look(self, best: Best, at_ns: int) -> list[Iceberg]:
        """Take the newest best levels; return the icebergs that were refilled."""
        self._looks.append((at_ns, best))
        if len(self._looks) < 3:
            return []
        (since_ns, before), (until_ns, after), _ = self._looks
        found = []
        # As a rule nothing was traded at the best price in between, and there is nothing to judge.
        sold, bought = self._traded(since_ns, until_ns, before)
        for taker, volume, price, had in (
            (Side.SELL, sold, before.bid, before.bid_size),
            (Side.BUY, bought, before.ask, before.ask_size),
        ):
            if volume < SHARE_MIN * had:
                continue
            if taker is Side.SELL:
                now = _left(price, after.bid, after.bid_size)
            else:
                now = _left(-price, -after.ask, after.ask_size)
            if now is not None:
                iceberg = self._judge((taker.opposite, price), volume, had, now, until_ns)
                if iceberg is not None:
                    found.append(iceberg)
        if len(self._levels) > LEVELS_KEPT:
            self._forget(until_ns)
        return found

    def _traded(self, since_ns: int, until_ns: int, best: Best) -> tuple[float, float]:
        """Return what was sold and bought at the best prices, after one look until the other."""
        sold = bought = 0.0
        waiting = self._trades
        while waiting and waiting[0][0] <= until_ns:
            at_ns, taker, price, quantity = waiting.popleft()
            if at_ns > since_ns:
                if taker is Side.SELL:
                    if price == best.bid:
                        sold += quantity
                elif price == best.ask:
                    bought += quantity
        return sold, bought

    def _judge(
        self, key: tuple[Side, float], volume: float, had: float, now: float, at_ns: int
    ) -> Iceberg | None:
        # Back at its size, although something was taken: what is missing is less than the volume.
        refilled = abs(now / had - 1) <= PEAK_TOLERANCE and volume > had - now
        level = self._levels.get(key)
        # What one level keeps doing must not teach what is usual: only its first time counts.
        if level is None or not level.refills:
            self._base += BASE_WEIGHT * (refilled - self._base)
        if not refilled:
            # A level that gave way is no iceberg's, unless it shows its full size again.
            self._levels.pop(key, None)
            return None
        if level is None or abs(now / level.peak - 1) > PEAK_TOLERANCE:
            level = self._levels[key] = _Level(at_ns, now)
        level.last_ns = at_ns
        level.refills += 1
        level.traded += volume
        base = max(self._base, BASE_MIN)
        confidence = 1 - TRIES * base**level.refills
        if level.refills < REFILLS_MIN or confidence < CONFIDENCE_MIN:
            return None
        side, price = key
        return Iceberg(
            side=side,
            price=price,
            peak=level.peak,
            refills=level.refills,
            traded=level.traded,
            first_ns=level.first_ns,
            last_ns=at_ns,
            confidence=confidence,
        )

    def _forget(self, now_ns: int) -> None:
        self._levels = {
            key: level for key, level in self._levels.items() if now_ns - level.last_ns <= SILENT_NS
        }


def _left(before: float, after: float, size: float) -> float | None:
    """Return what a level shows now: 0 where it is gone, None where a better one hides it."""
    if after == before:
        return size
    return 0.0 if after < before else None
