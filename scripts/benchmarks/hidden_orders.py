"""How many hidden orders are found, and how many of those told are there: on injected truth.

Markets are made up from seeds: executions that come at random, of sizes that follow a log-normal
or are popular round ones, and a best level that is traded at, cancelled and refilled. Into half of
them one split order or one iceberg is put. What is told of its side, or level, while it is at work
is right; everything else that is told, and all that is told of the others, is a false alarm.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from actors.market.icebergs import Icebergs
from actors.market.split_orders import SplitOrders
from actors.market.tape import Execution
from scripts.benchmarks.figures import Figure
from state.order_book import Best
from state.values import NS_PER_MS, NS_PER_S, Side

MARKETS = 30
"""With an order in it, of each kind; as many again without."""
_DURATION_S = 600
_POPULAR = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
_TICK = 0.1


@dataclass(frozen=True)
class Found:
    """What came of all markets."""

    injected: int
    found: int
    """Of the injected."""
    told: int
    """Orders told, each once."""
    right: int
    """Of those told."""

    @property
    def recall(self) -> float:
        """Share of the injected that were found."""
        return self.found / self.injected

    @property
    def precision(self) -> float:
        """Share of those told that are there."""
        return self.right / self.told if self.told else 1.0


def measure() -> list[Figure]:
    """Return precision and recall of both detectors; about a minute."""
    figures = []
    for name, jitter in (("even", 0.02), ("jittered by 10 %", 0.10), ("jittered by 20 %", 0.20)):
        figures += _figures(f"split orders, {name}", split_orders(MARKETS, jitter=jitter))
    for name, share in (("refills at once", 0.0), ("one refill in ten is late", 0.1)):
        figures += _figures(f"icebergs, {name}", icebergs(MARKETS, late=share))
    return figures


def _figures(name: str, found: Found) -> list[Figure]:
    of = f"{found.found} of {found.injected} found; {found.right} of {found.told} told are right"
    return [
        Figure(f"{name}: precision", found.precision, "", note=of),
        Figure(f"{name}: recall", found.recall, ""),
    ]


def split_orders(markets: int, *, jitter: float, seed: int = 0) -> Found:
    """Return how split orders are found whose intervals vary by `jitter`, a share of them."""

    def one(chance: random.Random, *, injected: bool) -> tuple[bool, int, int]:
        executions = list(_executions(chance))
        side, began_ns, ended_ns = Side.BUY, 0, -1
        if injected:
            slices = _slices(chance, jitter)
            side, began_ns, ended_ns = slices[0].taker, slices[0].at_ns, slices[-1].at_ns
            executions = sorted(executions + slices, key=lambda execution: execution.at_ns)
        watch, told = SplitOrders(), dict[tuple[Side, int], bool]()
        for execution in executions:
            order = watch.add(execution)
            if order is not None:
                is_right = order.side is side and began_ns <= order.last_ns <= ended_ns
                key = (order.side, order.first_ns)
                told[key] = told.get(key, False) or is_right
        return any(told.values()), len(told), sum(told.values())

    return _over(markets, seed, one)


def icebergs(markets: int, *, late: float, seed: int = 0) -> Found:
    """Return how icebergs are found that refill at once, but for a share of times."""

    def one(chance: random.Random, *, injected: bool) -> tuple[bool, int, int]:
        return _Level(chance, late=late, injected=injected).run()

    return _over(markets, seed, one)


def _over(markets: int, seed: int, one: Callable[..., tuple[bool, int, int]]) -> Found:
    found = told = right = 0
    for number in range(2 * markets):
        injected = number < markets
        was_found, count, good = one(random.Random(f"{seed}:{number}"), injected=injected)  # noqa: S311 - replays
        found += was_found and injected
        told += count
        right += good if injected else 0
    return Found(markets, found, told, right)


def _executions(chance: random.Random) -> list[Execution]:
    """Return what comes at random: two a second, half of it of popular sizes."""
    at_s, executions = 0.0, []
    while at_s < _DURATION_S:
        at_s += chance.expovariate(2.0)
        popular = chance.random() < 0.5
        size = chance.choice(_POPULAR) if popular else chance.lognormvariate(-4, 1.5)
        executions.append(_execution(at_s, chance.choice(tuple(Side)), size))
    return executions


def _slices(chance: random.Random, jitter: float) -> list[Execution]:
    side, size = chance.choice(tuple(Side)), chance.lognormvariate(-3, 1.0)
    interval_s, at_s = chance.uniform(3.0, 20.0), chance.uniform(10.0, 100.0)
    return [
        _execution(
            at_s + interval_s * (number + chance.uniform(-jitter, jitter) / 2),
            side,
            size * (1 + chance.uniform(-0.02, 0.02)),
        )
        for number in range(16)
    ]


def _execution(at_s: float, side: Side, size: float) -> Execution:
    return Execution(int(at_s * 1000) * NS_PER_MS, side, 100.0, size, 100.0 * size)


class _Level:
    """A market of best levels alone: each is traded at, cancelled from and added to, until gone."""

    def __init__(self, chance: random.Random, *, late: float, injected: bool) -> None:
        self._chance = chance
        self._late = late
        self._starts = chance.randrange(500, 2000) if injected else -1
        self._side = chance.choice(tuple(Side))
        self._price = {Side.BUY: 100.0, Side.SELL: 100.1}
        self._size = {side: self._usual() for side in Side}
        self._peak = 0.0
        self._hidden = 0.0
        self._at = 0.0
        """Price of the iceberg, 0 while there is none."""

    def _usual(self) -> float:
        return self._chance.lognormvariate(0, 0.7)

    def run(self) -> tuple[bool, int, int]:
        """Return whether it was found, how many levels were told, and how many rightly."""
        watch, told = Icebergs(), dict[tuple[Side, float], bool]()
        for number in range(_DURATION_S * 10):
            at_ns = number * NS_PER_S // 10
            if number == self._starts:
                self._peak = self._size[self._side]
                self._hidden, self._at = 15 * self._peak, self._price[self._side]
            for side in Side:
                self._step(side, watch, at_ns - 50 * NS_PER_MS)
            best = Best(
                self._price[Side.BUY],
                self._size[Side.BUY],
                self._price[Side.SELL],
                self._size[Side.SELL],
            )
            for iceberg in watch.look(best, at_ns):
                key = (iceberg.side, iceberg.price)
                told[key] = key == (self._side, self._at)
        return any(told.values()), len(told), sum(told.values())

    def _step(self, side: Side, watch: Icebergs, at_ns: int) -> None:
        chance, price = self._chance, self._price[side]
        if chance.random() < 0.3:
            taken = min(self._size[side], self._usual() * 0.6)
            self._size[side] -= taken
            watch.add(at_ns, side.opposite, price, taken)
        if self._hidden > 0 and (side, price) == (self._side, self._at):
            self._refill(side)
        elif chance.random() < 0.4:
            self._size[side] += self._usual() * 0.3
        elif chance.random() < 0.2:
            self._size[side] *= chance.uniform(0.5, 1.0)
        if self._size[side] <= 1e-9:
            self._move(side)

    def _refill(self, side: Side) -> None:
        back = min(self._peak - self._size[side], self._hidden)
        # Where all is taken at once the next part follows at once, or the price would be gone.
        if self._size[side] <= 1e-9 or self._chance.random() >= self._late:
            self._size[side] += back
            self._hidden -= back

    def _move(self, side: Side) -> None:
        """The level is gone: both sides go on by a tick."""
        step = -_TICK if side is Side.BUY else _TICK
        for one in Side:
            self._price[one] = round(self._price[one] + step, 1)
            self._size[one] = self._usual()
