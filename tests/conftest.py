"""The order of the files: those that wait for processes run beside those that compute.

A run is as long as its busiest worker. All at once, the files that wait would leave the processors
idle, and those that compute would then fight over them. In both the folders of long files come
first, so that none is left to last.
"""

import contextlib
import resource
from collections.abc import Callable, Iterator

import pytest

WAITING = ("system", "docs", "contracts", "scripts")
COMPUTING = ("crash", "mutants", "supervisor", "adapters")
"""Folders under `tests`; what is in neither computes too, and is soon done."""
_WAIT_UNTIL = 0.8
"""At this part of the order the last file that waits has begun."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread both kinds of files over the run, each in the order of its folders."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.split("::", maxsplit=1)[0], []).append(item)
    waiting = sorted((file for file in files if _folder(file) in WAITING), key=_rank)
    computing = sorted((file for file in files if _folder(file) not in WAITING), key=_rank)
    places = {file: _WAIT_UNTIL * at / len(waiting) for at, file in enumerate(waiting)}
    places |= {file: at / len(computing) for at, file in enumerate(computing)}
    items[:] = [item for file in sorted(files, key=places.__getitem__) for item in files[file]]


def _rank(file: str) -> int:
    known = (*WAITING, *COMPUTING)
    return known.index(_folder(file)) if _folder(file) in known else len(known)


def _folder(file: str) -> str:
    """Return the folder under `tests`, or nothing."""
    parts = file.split("/")
    return parts[1] if len(parts) > 2 else ""


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
