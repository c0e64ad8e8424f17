"""Where the journal begins: after what retention has taken, with the accounts as they were."""

import sqlite3

import msgspec

from state.ledger import Ledger
from state.values import Currency


def anchored(connection: sqlite3.Connection) -> tuple[int, Ledger]:
    """Return the seq of the last event that went and the accounts then: (0, empty) if none went.

    The ledger's `quote` is empty: the store does not know in which currency somebody counts.
    """
    seq, ledger = connection.execute("SELECT seq, ledger FROM anchor").fetchone()
    if not ledger:
        return seq, Ledger(quote=Currency(""))
    return seq, msgspec.json.decode(ledger, type=Ledger)
