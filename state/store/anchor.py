"""Where the journal begins: after what retention has taken, with the accounts as they were."""

import sqlite3

import msgspec
from msgspec import Struct

from state.ledger import Ledger
from state.trade import Trip
from state.values import Currency, Pair


class Anchor(Struct, frozen=True, kw_only=True):
    """What the kept part of the journal builds on."""

    seq: int
    """Of the last event that went; 0: none went."""
    ledger: Ledger
    """The accounts then. `quote` is empty: the store does not know in which one somebody counts."""
    trips: dict[Pair, Trip]


def anchored(connection: sqlite3.Connection) -> Anchor:
    """Return where the journal begins."""
    seq, ledger, trips = connection.execute("SELECT seq, ledger, trips FROM anchor").fetchone()
    return Anchor(
        seq=seq,
        ledger=msgspec.json.decode(ledger, type=Ledger) if ledger else Ledger(quote=Currency("")),
        trips=msgspec.json.decode(trips, type=dict[Pair, Trip]) if trips else {},
    )


def move_anchor(connection: sqlite3.Connection, anchor: Anchor) -> None:
    """Let the journal begin after `anchor.seq`, whose event is still there."""
    connection.execute(
        "UPDATE anchor SET seq = ?1, ledger = ?2, trips = ?3,"
        " hash = (SELECT hash FROM events WHERE seq = ?1)",
        (
            anchor.seq,
            msgspec.json.encode(anchor.ledger).decode(),
            msgspec.json.encode(anchor.trips).decode(),
        ),
    )
