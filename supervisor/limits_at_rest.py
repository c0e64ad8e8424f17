"""How much of every limit is used, as a journal says it of which no house is running."""

import contextlib
import sqlite3

from msgspec.structs import replace

from actors.trading.risk.known import Known
from actors.trading.risk.uses import uses
from state.config import Config
from state.messages.journal import Books
from state.messages.risk import LimitUse
from state.standing import lock_on
from state.store import (
    Reader,
    closed_trades,
    last_risk,
    last_session,
    recent_risk,
    store_over,
)
from state.values import Pair, TimeNs


def limits_at_rest(reader: Reader, config: Config, now_ns: TimeNs) -> dict[Pair, list[LimitUse]]:
    """Return the use of every limit by pair; what is held counts at what it cost.

    Args:
        reader: The journal, which is copied and left as it is.
        config: Whose limits.
        now_ns: Now.
    """
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        reader.connection.backup(copy)
        store = store_over(copy, venue=config.venue, version="look", at_ns=now_ns)
        books = Books(
            last_seq=store.last_seq,
            epoch=store.epoch,
            ledger=store.ledger(config.quote),
            orders=tuple(store.unsettled_orders()),
            decisions=(),  # An approval dies with its process.
            parents=tuple(store.open_parents()),
            session=last_session(store),
            trades=tuple(closed_trades(store, now_ns)),
            risk=last_risk(store),
            recent=tuple(recent_risk(store, now_ns)),
        )
    known = Known(
        config.risk,
        config.protections,
        pairs=config.pairs,
        stale_after_s=config.feed.book_stale_after_s,
    )
    known.look(now_ns, now_ns)
    known.begin(books)
    found = {}
    for pair in config.pairs:
        # How the account stood when it was last marked: without prices it cannot be marked anew.
        lock = None if books.risk is None else lock_on(books.risk, pair, books.risk.at_ns)
        view = replace(known.view(pair, halted=None), standing=books.risk, lock=lock)
        found[pair] = list(uses(pair, view))
    return found
