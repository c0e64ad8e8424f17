"""The store: one SQLite file per venue, journal and projections in one.

`open_store` (with a `DataLock`) and `store_over` give the one writer; `open_reader` gives anybody
else a look, `inspect` one that leaves no trace. Nothing outside this package writes SQL.
"""

from state.store.advice_rows import (
    advice_books,
    advice_tallies,
    last_authority,
    resolved_advice,
)
from state.store.backup import backup
from state.store.blank import blank_database
from state.store.chain import Stored
from state.store.check import store_violations
from state.store.demonstration import seed_demonstration
from state.store.inspection import Inspection, inspect
from state.store.lock import DataLock
from state.store.opening import (
    DATABASE_NAME,
    open_store,
    pending_migrations,
    store_over,
)
from state.store.protecting import (
    last_fired,
    searched_triggers,
    stored_protections,
    trigger_numbers,
)
from state.store.reader import Reader, open_reader
from state.store.rebuild import SelfCheck, rebuild, self_check
from state.store.recovery import (
    closed_trades,
    fill_cursors,
    known_of,
    last_agreement,
    last_risk,
    last_session,
    order_named,
    pair_sessions,
    pending_amendments,
    pending_decisions,
    recent_risk,
)
from state.store.refusals import EpochStale, EventsPruned, RecordRefused
from state.store.retention import prunable_up_to, prune
from state.store.snapshots import ActorSnapshot, save_snapshots, stored_snapshots
from state.store.writer import Store, Written

__all__ = [
    "DATABASE_NAME",
    "ActorSnapshot",
    "DataLock",
    "EpochStale",
    "EventsPruned",
    "Inspection",
    "Reader",
    "RecordRefused",
    "SelfCheck",
    "Store",
    "Stored",
    "Written",
    "advice_books",
    "advice_tallies",
    "backup",
    "blank_database",
    "closed_trades",
    "fill_cursors",
    "inspect",
    "known_of",
    "last_agreement",
    "last_authority",
    "last_fired",
    "last_risk",
    "last_session",
    "open_reader",
    "open_store",
    "order_named",
    "pair_sessions",
    "pending_amendments",
    "pending_decisions",
    "pending_migrations",
    "prunable_up_to",
    "prune",
    "rebuild",
    "recent_risk",
    "resolved_advice",
    "save_snapshots",
    "searched_triggers",
    "seed_demonstration",
    "self_check",
    "store_over",
    "store_violations",
    "stored_protections",
    "stored_snapshots",
    "trigger_numbers",
]
