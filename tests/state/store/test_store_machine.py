"""Whatever is done to the store, in whatever order, it says what a plain list would say."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from state.invariants import journal_violations
from state.messages.journal import Entry, Record
from state.messages.operations import EpochBegan
from state.store import (
    DATABASE_NAME,
    DataLock,
    backup,
    prune,
    rebuild,
    self_check,
)
from state.store.chain import key_of
from state.values import Currency, TimeNs
from tests.state.examples import a_comparison, an_alert
from tests.state.stores import an_order_of, append, opened
from tests.state.strategies import funds_moved


class StoreMachine(RuleBasedStateMachine):
    batches = Bundle("batches")

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.lives = 0
        self.orders = 0
        self.events = []
        self.keys = {}
        self.pruned = 0

    @initialize()
    def start(self):
        self.lock = DataLock(self.root / "0")
        self._open()

    def teardown(self):
        self.store.close()
        self.lock.release()
        shutil.rmtree(self.root)

    def _open(self):
        self.store = opened(self.lock)
        self.lives += 1
        self.events.append(EpochBegan(epoch=self.lives, version="test", at_ns=TimeNs(1)))

    def _remember(self, entries, seqs):
        for entry, seq in zip(entries, seqs, strict=True):
            key = key_of(entry)
            if key is not None and key in self.keys:
                assert seq == self.keys[key]
                continue
            self.events.append(entry.event)
            assert seq == len(self.events)
            if key is not None:
                self.keys[key] = seq

    @rule(target=batches, count=st.integers(1, 3), flows=st.lists(funds_moved(), max_size=2))
    def make_a_batch(self, count, flows):
        events = [*flows]
        for _ in range(count):
            self.orders += 1
            events += an_order_of(self.orders)
        events.append(an_alert())
        return [Entry(event=e, key=f"k{self.orders}-{n}") for n, e in enumerate(events)]

    @rule(batch=batches, durable=st.booleans())
    def append_a_batch(self, batch, durable):
        self._remember(batch, self.store.append(batch, "machine", durable=durable))

    @rule(first=batches, second=batches)
    def append_several_at_once(self, first, second):
        records = [Record(entries=tuple(batch), sender="machine") for batch in (first, second)]
        before = len(self.events)
        written = self.store.append_many(records)
        for batch, seqs in zip((first, second), written.outcomes, strict=True):
            self._remember(batch, seqs)
        assert [one.event for one in written.journaled] == self.events[before:]

    @rule(batch=batches)
    def be_killed_in_a_transaction(self, batch):
        self.store._connection.execute("BEGIN IMMEDIATE")
        self.store._write([Record(entries=tuple(batch), sender="machine")], [])
        self.store._connection.close()
        self._open()

    @rule()
    def restart_beside_the_old_one(self):
        old = self.store
        self._open()
        old.close()

    @rule()
    def rebuild_the_projections(self):
        rebuild(self.store)

    @rule()
    def compare_and_prune(self):
        event = a_comparison(fills=self.store.ledger(Currency("USDT")).fills)
        append(self.store, event)
        self.events.append(event)
        prune(self.store, TimeNs(10**9))
        self.pruned = self.store.base(Currency("USDT"))[0]

    @rule()
    def move_to_a_backup(self):
        target = self.root / str(self.lives)
        lock = DataLock(target)
        backup(self.store.connection, target / DATABASE_NAME)
        self.store.close()
        self.lock.release()
        self.lock = lock
        self._open()

    @invariant()
    def the_journal_is_the_list(self):
        journal = self.store.read(self.pruned, 10**6)
        assert [one.event for one in journal] == self.events[self.pruned :]
        assert journal_violations(journal) == []
        assert self.store.last_seq == len(self.events)
        assert self.store.verify() == len(self.events) - self.pruned

    @invariant()
    def the_tables_say_what_the_journal_says(self):
        assert self_check(self.store).differing == []
        assert self.store.unsettled_orders() == []


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=20, stateful_step_count=15)
