"""The store: one SQLite file per venue, journal and projections in one.

`open_store` (with a `DataLock`) and `store_over` give the one writer; `open_reader` gives anybody
else a look. Nothing outside this package writes SQL.
"""

from state.store.backup import backup
from state.store.chain import Stored
from state.store.lock import DataLock
from state.store.opening import DATABASE_NAME, open_store, pending_migrations, store_over
from state.store.refusals import EpochStale, EventsPruned, RecordRefused
from state.store.snapshots import ActorSnapshot, save_snapshots, stored_snapshots
from state.store.writer import Store, Written

__all__ = [
    "DATABASE_NAME",
    "ActorSnapshot",
    "DataLock",
    "EpochStale",
    "EventsPruned",
    "RecordRefused",
    "Store",
    "Stored",
    "Written",
    "backup",
    "open_store",
    "pending_migrations",
    "save_snapshots",
    "store_over",
    "stored_snapshots",
]
