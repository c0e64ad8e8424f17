"""Stores to test: one on disk, one in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from state.store import DataLock, Store
from tests.state.stores import in_memory, opened


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[DataLock]:
    with DataLock(tmp_path / "simulated") as lock:
        yield lock


@pytest.fixture
def store(lock: DataLock) -> Iterator[Store]:
    store = opened(lock)
    yield store
    store.close()


@pytest.fixture
def memory_store() -> Iterator[Store]:
    store = in_memory()
    yield store
    store.close()
