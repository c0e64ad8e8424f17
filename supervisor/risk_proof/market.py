"""Prices of a schedule, and the books and trades that the guard was shown of them."""

from decimal import Decimal
from random import Random

from state.messages.market import BookLost, BookMeasured
from state.values import Pair
from supervisor.risk_proof.facts import candle
from supervisor.risk_proof.stage import PAIRS, RiskStage

_OPENING = {PAIRS[0]: 10_000, PAIRS[1]: 5_000, PAIRS[2]: 1_000}
"""Mid prices in hundredths."""
_LOWEST = 200


class Market:
    """One per schedule.

    Args:
        chance: The schedule's.
        stage: Where guard and recorder live.
    """

    def __init__(self, chance: Random, stage: RiskStage) -> None:
        self._chance = chance
        self._stage = stage
        self._mids = dict(_OPENING)
        self._births = 0
        self.books: dict[Pair, tuple[BookMeasured, int]] = {}
        """What the living guard has seen, and when, by the monotonic clock."""
        self.last_trades: dict[Pair, Decimal] = {}
        self.lost: set[Pair] = set()

    def mid(self, pair: Pair) -> Decimal:
        """Return the middle price, in quote units."""
        return Decimal(self._mids[pair]) / 100

    def bids(self) -> dict[Pair, Decimal]:
        """Return the best bids that the guard has seen."""
        self.forget_if_reborn()
        return {pair: Decimal(repr(book.bid)) for pair, (book, _) in self.books.items()}

    def forget_if_reborn(self) -> None:
        """What an earlier guard saw, its successor has not seen."""
        if self._births != self._stage.births:
            self._births = self._stage.births
            self.books.clear()
            self.last_trades.clear()

    def move(self) -> None:
        """Let one pair's price move, and show it."""
        pair = self._chance.choice(PAIRS)
        steps = self._chance.choice([-600, -200, -60, -20, -5, 5, 20, 60, 200, 300])
        self._mids[pair] = max(_LOWEST, int(self._mids[pair] * (1 + Decimal(steps) / 10_000)))
        self.show(pair)

    def fall(self, pair: Pair) -> None:
        """Let a pair lose much of its worth at once, and show it."""
        left = self._chance.choice([70, 80, 90, 95])
        self._mids[pair] = max(_LOWEST, self._mids[pair] * left // 100)
        self.show(pair)

    def show(self, pair: Pair) -> None:
        """Publish the pair's book, as a rule a sound one, and now and then a trade."""
        self.forget_if_reborn()
        chance, mid = self._chance, self._mids[pair] / 100
        half = mid * chance.choice([1, 1, 1, 1, 2, 40]) / 20_000
        book = BookMeasured(
            pair=pair,
            event_time_ns=self._stage.now_ns,
            sequence=1,
            bid=round(mid - half, 4),
            bid_size=1.0,
            ask=round(mid + half, 4),
            ask_size=1.0,
            mid=mid,
            weighted_mid=mid,
            spread_bps=half * 2 / mid * 10_000,
            imbalance=0.0,
            bid_depth=1e6,
            ask_depth=chance.choice([1e6, 1e5, 3000.0, 500.0]),
            depth_bps=10.0,
            levels=chance.choice([100, 100, 50, 20, 7, 3]),
            polled=chance.random() < 0.03,
        )
        self.books[pair] = (book, self._stage.clock.elapsed_ns)
        self.lost.discard(pair)
        self._stage.publish(book)
        if chance.random() < 0.3:
            last = round(mid * (1 + chance.choice([0, 0, 10, -10, 45, -60]) / 10_000), 2)
            self.last_trades[pair] = Decimal(repr(last))
            self._stage.publish(candle(pair, last, self._stage.now_ns))

    def lose(self) -> None:
        """Let the book of one pair be lost."""
        pair = self._chance.choice(PAIRS)
        self.lost.add(pair)
        self._stage.publish(BookLost(pair=pair, reason="trial"))
