"""What traders would have done with other settings, under one plain model of fills.

After the first decision that differs, the recorded fills answer orders that were never placed. So
both runs, with the recorded settings and the changed ones, hear the market, the opinions and the
session of the recording, and none of its orders, positions and refusals: each proposal is filled
whole, at once, at its own price, for the taker's fee. They differ in nothing but the settings.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from actors import addresses
from adapters.halt_latch import Latch
from adapters.recording import Born, Heard, Recording
from state.config import Config
from state.messages.accounts import PositionChanged, PositionWanted
from state.messages.held import OrdersHeld
from state.messages.market import BookMeasured
from state.messages.orders import DecisionDropped, OrderProposed, OrdersWanted, Refusal
from state.values import ZERO, Pair, Quantity, Side, TimeNs
from supervisor.replay.player import Mute, Players, Sent
from supervisor.tree import recorded_births

NOTE = (
    "Modelled, not recorded: every proposal is filled whole, at once, at its own price, for the "
    "taker's fee; no limit of risk, no queue, no latency, no effect on the market. The recording's "
    "own fills and refusals are left out of both runs: they answer orders of that time."
)
_OWN_FATE = frozenset(
    {
        "state.messages.accounts:PositionChanged",
        "state.messages.held:OrdersHeld",
        "state.messages.journal:Journaled",
        "state.messages.orders:DecisionDropped",
    }
)
"""What the recording says of orders that the replay places otherwise."""


class Outcome(Struct, frozen=True, kw_only=True):
    """One pair under one set of settings; money in quote units."""

    entries: int
    exits: int
    held: Decimal
    """Base units at the end."""
    fees: Decimal
    profit: Decimal
    """After fees, what is held valued at the last bid."""


class Changed(Struct, frozen=True, kw_only=True):
    """One pair, as it was set and as it would have been."""

    pair: Pair
    recorded: Outcome
    changed: Outcome
    same: int
    """Decisions that both runs make, at the same instant, alike in side, quantity and price."""
    only_recorded: int
    only_changed: int


class Comparison(Struct, frozen=True, kw_only=True):
    """What other settings would have changed."""

    pairs: tuple[Changed, ...]
    messages: int
    note: str


def what_if(
    recording: Recording,
    changed: Config,
    window: tuple[int, int],
    fee: Decimal,
    advance: Callable[[int], object] = id,
) -> Comparison:
    """Return how the traders of a recording decide as they were set, and as `changed`.

    Args:
        recording: Of one process.
        changed: The configuration with other settings.
        window: From and to, UTC nanoseconds: outside of it nothing is counted.
        fee: The taker's, as a share of what is traded.
        advance: Called with the instant now and then, for a progress bar.
    """
    was = msgspec.json.decode(recording.config, type=Config)
    runs = [_Run(was, recording.process, fee), _Run(changed, recording.process, fee)]
    messages = 0
    for item in recording.items():
        if not isinstance(item, Born | Heard) or item.address == addresses.RISK_GUARD:
            continue
        if item.now_ns > window[1]:
            break
        messages += 1
        if messages % 1000 == 0:
            advance(item.now_ns)
        for run in runs:
            run.play(item, counts=item.now_ns >= window[0])
    return Comparison(
        pairs=tuple(
            _changed(pair, runs[0].books[pair], runs[1].books[pair])
            for pair in was.pairs
            if pair in runs[0].books and pair in runs[1].books
        ),
        messages=messages,
        note=NOTE,
    )


def concerns_traders(was: Config, changed: Config) -> bool:
    """Return whether any trader would be born otherwise; if not, nothing can come out otherwise."""
    return _traders_of(was) != _traders_of(changed)


def _traders_of(config: Config) -> dict[str, object]:
    births = recorded_births(config, Mute(), Latch(), "")
    return {pair: births[addresses.trader(pair)].args for pair in config.pairs}


class _Book:
    """What one pair did in one run."""

    def __init__(self) -> None:
        self.decided: set[tuple[int, Side, Quantity, Decimal]] = set()
        self.held = ZERO
        self.cost = ZERO
        self.fees = ZERO
        self.counts = {Side.BUY: 0, Side.SELL: 0}
        self.bid = 0.0
        self._is_counted = False

    def count(self) -> None:
        """From here on it counts: what is held already has cost what it is worth now."""
        if not self._is_counted:
            self._is_counted = True
            self.cost = self.held * Decimal(repr(self.bid))

    def outcome(self) -> Outcome:
        self.count()  # Where nothing happened within the window.
        worth = self.held * Decimal(repr(self.bid))
        return Outcome(
            entries=self.counts[Side.BUY],
            exits=self.counts[Side.SELL],
            held=self.held,
            fees=self.fees,
            profit=worth - self.cost - self.fees,
        )


class _Run:
    def __init__(self, config: Config, process: str, fee: Decimal) -> None:
        self._players = Players(config, process)
        self._fee = fee
        self.books: dict[Pair, _Book] = {pair: _Book() for pair in config.pairs}
        self._pairs = {addresses.trader(pair): pair for pair in config.pairs}

    def play(self, item: Born | Heard, *, counts: bool) -> None:
        pair = self._pairs.get(item.address)
        if pair is None or (isinstance(item, Heard) and item.kind in _OWN_FATE):
            return
        book = self.books[pair]
        if isinstance(item, Heard) and item.kind.endswith(":BookMeasured"):
            measured = item.message
            assert isinstance(measured, BookMeasured)
            book.bid = measured.bid
        if counts:
            book.count()
        self._answer(item, pair, self._players.play(item), counts=counts)

    def _answer(self, item: Born | Heard, pair: Pair, sent: list[Sent], *, counts: bool) -> None:
        for one in sent:
            for told in self._answers(item, pair, one.message, counts=counts):
                self._answer(item, pair, self._tell(item, told), counts=counts)

    def _answers(
        self, item: Born | Heard, pair: Pair, message: object, *, counts: bool
    ) -> list[object]:
        match message:
            case PositionWanted():
                return [self._position(item, pair)]
            case OrdersWanted():
                return [OrdersHeld(pair=pair, orders=(), request=message.request)]
            case OrderProposed():
                self._fill(item, pair, message, counts=counts)
                dropped = DecisionDropped(
                    decision_id=message.decision_id,
                    pair=pair,
                    refusal=Refusal(code="FILLED", limit="", value=""),
                )
                return [self._position(item, pair), dropped]
            case _:
                return []

    def _fill(self, item: Born | Heard, pair: Pair, order: OrderProposed, *, counts: bool) -> None:
        book, value = self.books[pair], order.quantity * order.price
        if counts:
            decided = (item.now_ns, order.side, order.quantity, Decimal(order.price))
            book.decided.add(decided)
            book.counts[order.side] += 1
            book.fees += value * self._fee
            book.cost += value * order.side.sign
        book.held += order.quantity * order.side.sign

    def _position(self, item: Born | Heard, pair: Pair) -> PositionChanged:
        return PositionChanged(
            pair=pair,
            quantity=self.books[pair].held,
            average_entry=ZERO,
            realised=ZERO,
            fees=ZERO,
            at_ns=TimeNs(item.now_ns),
        )

    def _tell(self, item: Born | Heard, message: Any) -> list[Sent]:
        return self._players.tell(item, message)


def _changed(pair: Pair, was: _Book, now: _Book) -> Changed:
    return Changed(
        pair=pair,
        recorded=was.outcome(),
        changed=now.outcome(),
        same=len(was.decided & now.decided),
        only_recorded=len(was.decided - now.decided),
        only_changed=len(now.decided - was.decided),
    )
