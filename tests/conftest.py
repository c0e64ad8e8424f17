"""The order of the files: those that wait for processes begin first, so that none is left to last.

A run is as long as its busiest worker. Files of a few long tests that began at the end would keep
one worker waiting for its processes while the others have nothing left to do.
"""

import contextlib
import resource
from collections.abc import Callable, Iterator

import pytest

LONGEST_FIRST = ("system", "docs", "contracts", "scripts", "supervisor", "crash", "adapters")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by the folder under `tests`, as `LONGEST_FIRST` has it; the rest keeps its order."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folders = item.nodeid.split("/")
    folder = folders[1] if len(folders) > 2 else ""
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture
def small_disk() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """Give a context in which no file of this process grows beyond so many bytes."""

    @contextlib.contextmanager
    def limited(size_bytes: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
