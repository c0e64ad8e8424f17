"""What the tables of protections and of trigger orders hold: the projector's part of them.

A position's row changes in the transaction of the fill that changes the position.
"""

import sqlite3
from collections.abc import Callable, Mapping

import msgspec

from state.messages.orders import OrderFilled
from state.messages.protection import LastFired, TriggerIntended
from state.position import Position
from state.protection import Protection, ProtectionFact, protection_of
from state.store.refusals import RecordRefused
from state.store.tables import Row
from state.trigger import Trigger, TriggerFact
from state.values import Pair, plain

GIVEN_UP_KEPT = 200
"""The newest of those that were given up are looked for at the exchange for ever."""

_encode = msgspec.json.Encoder().encode
_decode_trigger = msgspec.json.Decoder(Trigger).decode
_decode_protection = msgspec.json.Decoder(Protection).decode


class Protecting:
    """Folds one transaction at a time, as the projector does.

    Args:
        protections: As the tables have them.
        stored_trigger: Gives a trigger order's (fold, intent_seq), or None where there is none.
    """

    def __init__(
        self,
        protections: Mapping[Pair, Protection],
        stored_trigger: Callable[[str], Row | None],
    ) -> None:
        self.protections = dict(protections)
        self._stored_trigger = stored_trigger
        self.begin()

    def begin(self) -> None:
        """Take what was applied as stored."""
        self._pairs: set[Pair] = set()
        self._triggers: dict[str, tuple[Trigger, int]] = {}
        self._last_seq: dict[str, int] = {}

    def filled(self, fill: OrderFilled, position: Position) -> None:
        """Fold a fill that made the position what it is."""
        self._put(protection_of(self.protections, fill.pair).filled(fill, position))

    def decided(self, event: ProtectionFact) -> None:
        """Fold what somebody decided about a protection."""
        self._put(protection_of(self.protections, event.pair).apply(event))

    def triggered(self, seq: int, event: TriggerFact) -> None:
        """Fold one fact about a trigger order.

        Raises:
            RecordRefused: If the journal has no such trigger order.
        """
        name = event.trigger_id
        if isinstance(event, TriggerIntended):
            self._triggers[name] = (Trigger(intent=event), seq)
        else:
            known = self._triggers.get(name) or self._fetched(name)
            if known is None or known[0].pair != event.pair:
                what = type(event).__name__
                raise RecordRefused(f"{what} of {name}: the journal has no such trigger order")
            self._triggers[name] = (known[0].apply(event), known[1])
        self._last_seq[name] = seq

    def rows(self) -> dict[str, list[Row]]:
        """Return what to write for what was applied, by table."""
        return {
            "protections": [protection_row(self.protections[pair]) for pair in sorted(self._pairs)],
            "triggers": [
                _trigger_row(trigger, intent_seq, self._last_seq[name])
                for name, (trigger, intent_seq) in self._triggers.items()
            ],
        }

    def _put(self, protection: Protection) -> None:
        self.protections[protection.pair] = protection
        self._pairs.add(protection.pair)

    def _fetched(self, name: str) -> tuple[Trigger, int] | None:
        row = self._stored_trigger(name)
        return None if row is None else (_decode_trigger(row[0]), row[1])


def trigger_reader(connection: sqlite3.Connection) -> Callable[[str], Row | None]:
    """Return what gives a trigger order's (fold, intent_seq) as `connection` has it."""

    def stored_trigger(name: str) -> Row | None:
        row: Row | None = connection.execute(
            "SELECT fold, intent_seq FROM triggers WHERE trigger_id = ?", (name,)
        ).fetchone()
        return row

    return stored_trigger


def stored_protections(connection: sqlite3.Connection) -> dict[Pair, Protection]:
    """Return how each pair is protected."""
    rows = connection.execute("SELECT fold FROM protections ORDER BY pair")
    folds = [_decode_protection(fold) for (fold,) in rows]
    return {fold.pair: fold for fold in folds}


def searched_triggers(connection: sqlite3.Connection) -> list[Trigger]:
    """Return those that may still sell something and the newest that were given up, by age."""
    rows = connection.execute(
        "SELECT fold FROM (SELECT intent_seq, fold FROM triggers WHERE state <> 'ended'"
        " UNION SELECT * FROM (SELECT intent_seq, fold FROM triggers"
        " WHERE state = 'ended' AND ended_as IN ('not_placed', 'refused')"
        " ORDER BY intent_seq DESC LIMIT ?)) ORDER BY intent_seq",
        (GIVEN_UP_KEPT,),
    )
    return [_decode_trigger(fold) for (fold,) in rows]


def trigger_numbers(connection: sqlite3.Connection) -> dict[Pair, int]:
    """Return the highest number of a trigger order, by pair."""
    return dict(connection.execute("SELECT pair, max(number) FROM triggers GROUP BY pair"))


def last_fired(connection: sqlite3.Connection) -> list[LastFired]:
    """Return the newest order of each pair that a trigger order became."""
    rows = connection.execute(
        "SELECT pair, max(seq), max(intended_at_ns) FROM orders"
        " WHERE decision_id GLOB 'trigger/*' GROUP BY pair ORDER BY pair"
    )
    return [LastFired(pair=pair, seq=seq, at_ns=at_ns) for pair, seq, at_ns in rows]


def protection_row(protection: Protection) -> Row:
    """Return the row of `protections`."""
    stop, target = protection.stop, protection.target
    return (
        protection.pair,
        plain(protection.quantity),
        plain(protection.entry),
        None if stop is None else plain(stop),
        None if target is None else plain(target),
        protection.began_at_ns,
        protection.flatten,
        _encode(protection).decode(),
    )


def _trigger_row(trigger: Trigger, intent_seq: int, seq: int) -> Row:
    intent, ended = trigger.intent, trigger.ended
    return (
        intent_seq,
        intent.trigger_id,
        intent.pair,
        intent.number,
        intent.purpose,
        plain(intent.trigger_price),
        plain(intent.price),
        plain(intent.quantity),
        intent.expiration_s,
        intent.at_ns,
        seq,
        trigger.state,
        None if ended is None else ended.end,
        trigger.venue_trigger_id,
        None if ended is None else ended.fired_order_id,
        _encode(trigger).decode(),
    )
