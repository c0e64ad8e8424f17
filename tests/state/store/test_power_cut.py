"""A kill or a cut at any moment: the store opens clean, and what was answered for is there."""

import random
import shutil
import signal
import subprocess
import sys

import pytest

from state.store import DATABASE_NAME, DataLock, self_check
from tests.state.stores import ROOT, a_day, an_order_of, append, opened

# Writes orders for ever, one line for each durable answer; batches of several kinds in between.
_WRITER = """
import pathlib, sys
from state.store import DataLock, save_snapshots, ActorSnapshot
from tests.state.stores import an_order_of, append, opened

store = opened(DataLock(pathlib.Path(sys.argv[1])))
number = store.last_seq * 1000
while True:
    number += 1
    for event in an_order_of(number):
        [seq] = append(store, event, durable=True)
        print(seq, flush=True)
    append(store, *an_order_of(number + 10**9))
    save_snapshots(store, [ActorSnapshot(address="a", schema=1, at_ns=number, payload=b"x" * 999)])
    store.checkpoint()
"""


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_loses_nothing_it_answered_for(tmp_path):
    chance = random.Random(7)
    kills = 12
    for kill in range(1, kills + 1):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        answered = [writer.stdout.readline() for _ in range(chance.randint(1, 60))][-1]
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.stdout.close()
        writer.wait()
        # A line cut off in the middle was not answered.
        lines = [line for line in (answered + rest).split(b"\n")[:-1] if line]
        with DataLock(tmp_path) as lock:
            store = opened(lock)
            assert store.epoch == kill * 2
            assert store.last_seq > int(lines[-1])
            assert store.verify() == store.last_seq
            assert self_check(store).differing == []
            store.close()


def test_a_cut_at_any_byte_of_the_log_loses_at_most_what_was_not_answered(tmp_path):
    with DataLock(tmp_path / "whole") as lock:
        store = opened(lock)
        store.connection.execute("PRAGMA wal_autocheckpoint = 0")
        file = lock.directory / DATABASE_NAME
        log = file.with_name(f"{DATABASE_NAME}-wal")
        answered = []  # (length of the log, newest seq) after each durable answer
        for event in [*a_day(), *an_order_of(3), *an_order_of(4)]:
            [seq] = append(store, event, durable=True)
            answered.append((log.stat().st_size, seq))
        content, log_content = file.read_bytes(), log.read_bytes()
        store.close()
    first = answered[0][0]
    chance = random.Random(11)
    cuts = [first, len(log_content), *(chance.randint(first, len(log_content)) for _ in range(60))]
    for cut in cuts:
        target = tmp_path / "cut"
        shutil.rmtree(target, ignore_errors=True)
        with DataLock(target) as lock:
            (target / DATABASE_NAME).write_bytes(content)
            (target / f"{DATABASE_NAME}-wal").write_bytes(log_content[:cut])
            reopened = opened(lock)
            owed = max(seq for length, seq in answered if length <= cut)
            # One more: the record of this opening.
            assert reopened.last_seq == owed + 1
            assert reopened.verify() == owed + 1
            assert self_check(reopened).differing == []
            reopened.close()
