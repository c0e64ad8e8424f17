"""Whatever byte of the journal changes, the record it belongs to is named."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state.errors import StoreCorrupt
from state.store import DATABASE_NAME, chain
from tests.state.examples import an_alert
from tests.state.stores import a_day, append, in_memory, opened

COLUMNS = ("epoch", "actor", "type", "trace_id", "key", "at_ns", "payload", "hash")


@given(data=st.data())
def test_a_record_changed_in_any_column_is_named(data):
    store = in_memory()
    append(store, *a_day())
    seq = data.draw(st.integers(1, store.last_seq))
    column = data.draw(st.sampled_from(COLUMNS))
    change = {
        "epoch": f"{column} + 1",
        "at_ns": f"{column} - 1",
        "key": "'forged'",
        "hash": "zeroblob(32)",
    }.get(column, f"{column} || ' '")
    statement = f"UPDATE events SET {column} = {change} WHERE seq = ?"  # noqa: S608
    store.connection.execute(statement, (seq,))
    with pytest.raises(StoreCorrupt, match=rf"memory: record seq {seq} \("):
        store.verify()
    store.close()


@given(seq=st.integers(1, 15))
def test_a_missing_record_is_named(seq):
    store = in_memory()
    append(store, *a_day())
    store.connection.execute("DELETE FROM events WHERE seq = ?", (seq,))
    with pytest.raises(StoreCorrupt, match=rf"record seq {seq} is missing"):
        store.verify()
    store.close()


def test_a_forged_last_record_does_not_fit_the_head(memory_store):
    append(memory_store, an_alert())
    question = f"SELECT {chain.COLUMNS} FROM events WHERE seq = 2"  # noqa: S608
    row = memory_store.connection.execute(question).fetchone()
    [before] = memory_store.connection.execute("SELECT hash FROM events WHERE seq = 1").fetchone()
    forged = (*row[:-1], row[-1].replace("silent", "loud"))
    memory_store.connection.execute(
        "UPDATE events SET payload = ?, hash = ? WHERE seq = 2",
        (forged[-1], chain.link(before, forged)),
    )
    with pytest.raises(StoreCorrupt, match="record seq 2 is not the last one written"):
        memory_store.verify()


def test_only_the_newest_are_checked_when_asked(memory_store):
    append(memory_store, *a_day())
    connection = memory_store.connection
    assert chain.verify(connection, "x", newest=3) == 3
    assert chain.verify(connection, "x", newest=10**6) == memory_store.last_seq
    connection.execute("UPDATE events SET actor = 'forged' WHERE seq = 2")
    assert chain.verify(connection, "x", newest=3) == 3
    connection.execute("DELETE FROM events WHERE seq = ?", (memory_store.last_seq - 3,))
    with pytest.raises(StoreCorrupt):
        chain.verify(connection, "x", newest=3)


def test_text_that_is_none_any_more_is_named(memory_store):
    append(memory_store, *a_day())
    memory_store.connection.execute(
        "UPDATE events SET payload = CAST(x'ff00ff' AS TEXT) WHERE seq = 5"
    )
    with pytest.raises(StoreCorrupt, match="record seq 5"):
        memory_store.verify()


def payloads(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT payload FROM events ORDER BY seq").fetchall()
    connection.close()
    return [payload for (payload,) in rows]


@settings(max_examples=60)
@given(place=st.floats(0.02, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_in_the_file_is_found_or_harmless(lock, tmp_path, place, bit):
    """Never a wrong event: the chain names the record, or all events are as they were."""
    path = lock.directory / DATABASE_NAME
    if not path.exists():
        store = opened(lock)
        append(store, *a_day())
        store.close()
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    content = bytearray(copy.read_bytes())
    content[int(len(content) * place)] ^= 1 << bit
    copy.write_bytes(content)
    connection = sqlite3.connect(copy)
    try:
        chain.verify(connection, str(copy))
    except StoreCorrupt as error:
        found = str(error)
    else:
        found = "all is well"
        assert payloads(copy) == payloads(path)
    finally:
        connection.close()
    assert re.search("copy.db: record seq|all is well", found)
