"""The market of a recorded tape: its book, its trades, its update ids. Pure.

The fill model:

- A taker meets the taped book, level by level. What it takes is gone until the tape speaks of that
  level again; the tape itself does not react.
- A resting order joins the queue of its level behind the taped size. Taped trades at its price
  move it forward, and what they have left fills it; taped trades at worse prices fill it at once.
  Taped size that goes away without a trade leaves from behind it first.
- Taped levels that cross a resting order are orders that arrive: they fill it at its price.

Update ids are the tape's own. Changes by accounts' orders are told with the next taped diff.

The first snapshot is often older than diffs received before it (its id lies inside one of them),
so diffs are kept until it comes, and those that end after it are applied to it.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from adapters.simulated.core.pair_market import PairMarket
from adapters.simulated.core.venue import Venue
from state.errors import ConfigurationInvalid
from state.values import Side

Kind = Literal["snapshot", "diff", "trade"]


class TapeMessage(NamedTuple):
    """One message of a tape: a snapshot, a diff, or a trade with its one row."""

    kind: Kind
    time_ns: int
    """When the recorder received it, else the exchange's time; never goes back."""
    first_id: int
    last_id: int
    rows: list[tuple[Side, int, int]]
    """(side, ticks, lots); of a trade the taker's side."""


class TapeMarket:
    """Replays a tape into one pair.

    Args:
        venue: Whose book it moves.
        market: The pair; its update ids follow the tape from now on.
        messages: The tape, in replay order.
        now_ns: When the tape's first snapshot happens here.
        speed: Seconds of tape per second of venue time.

    Raises:
        ConfigurationInvalid: If the tape has no snapshot.
    """

    def __init__(
        self,
        venue: Venue,
        market: PairMarket,
        messages: Iterator[TapeMessage],
        *,
        now_ns: int,
        speed: float = 1.0,
    ) -> None:
        self._venue = venue
        self._market = market
        self._messages = messages
        self._began_ns = now_ns
        self._speed = speed
        self._tape_began_ns = 0
        market.book.id_step = 0
        self._begin(now_ns)
        self._next = next(messages, None)

    @property
    def finished(self) -> bool:
        """Whether the tape is at its end."""
        return self._next is None

    def restart_clock(self, now_ns: int) -> None:
        """Let the tape's time begin at `now_ns`: reading its beginning may have taken a while."""
        self._began_ns = now_ns

    def _begin(self, now_ns: int) -> None:
        before: list[TapeMessage] = []
        for message in self._messages:
            if message.kind == "snapshot":
                self._tape_began_ns = message.time_ns
                self._market.book.update_id = message.last_id
                self._replace(message, now_ns)
                for each in before:
                    if each.kind == "trade" or each.last_id > message.last_id:
                        self._apply(each, now_ns)
                return
            before.append(message)
        text = "the tape has no snapshot, so there is no book to begin with"
        raise ConfigurationInvalid(text)

    def _due_ns(self, message: TapeMessage) -> int:
        return self._began_ns + int((message.time_ns - self._tape_began_ns) / self._speed)

    def next_due_ns(self) -> int | None:
        """See `core.venue.Market.next_due_ns`."""
        return None if self._next is None else self._due_ns(self._next)

    def advance(self, now_ns: int) -> None:
        """See `core.venue.Market.advance`."""
        while self._next is not None and (due_ns := self._due_ns(self._next)) <= now_ns:
            self._apply(self._next, due_ns)
            self._next = next(self._messages, None)

    def _apply(self, message: TapeMessage, now_ns: int) -> None:
        match message.kind:
            case "diff":
                self._set_levels(message.rows, now_ns)
                self._market.book.update_id = message.last_id
                self._venue.outbox += self._market.reports(now_ns, first_id=message.first_id)
            case "trade":
                [(taker, ticks, lots)] = message.rows
                self._venue.street_print(self._market, taker, ticks, lots, message.last_id, now_ns)
            case "snapshot":
                # A later one, to check by: its ids lie inside the next diff, which tells them.
                self._replace(message, now_ns)

    def _replace(self, message: TapeMessage, now_ns: int) -> None:
        kept = {(side, ticks) for side, ticks, _ in message.rows}
        for side in (self._market.book.bids, self._market.book.asks):
            for key in side.keys.copy():
                if (side.side, key * side.sign) not in kept and side.levels[key].street:
                    self._quote(side.side, key * side.sign, 0, now_ns)
        self._set_levels(message.rows, now_ns)

    def _set_levels(self, rows: list[tuple[Side, int, int]], now_ns: int) -> None:
        # What goes away goes first, or a level would cross one that the same diff removes.
        for side, ticks, lots in rows:
            if not lots:
                self._quote(side, ticks, 0, now_ns)
        for side, ticks, lots in rows:
            if lots:
                self._quote(side, ticks, lots, now_ns)

    def _quote(self, side: Side, ticks: int, lots: int, now_ns: int) -> None:
        self._venue.street_quote(self._market, side, ticks, lots, now_ns)
