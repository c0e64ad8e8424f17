"""Houses and exchanges as processes; whatever a test starts is gone when it is over."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.proofs.nursery import Nursery
from scripts.proofs.processes import Exchange, House, environment

pytestmark = pytest.mark.slow

StartHouse = Callable[..., House]
StartExchange = Callable[..., Exchange]


@pytest.fixture(scope="session")
def forks() -> Iterator[Nursery]:
    """Give where both are forked: a test waits for what they do, not for their imports."""
    with Nursery(environment()) as started:
        yield started


@pytest.fixture
def nursery(forks: Nursery) -> Nursery | None:
    """Give the same for houses; tests whose houses are whole processes give none."""
    return forks


@pytest.fixture
def houses(tmp_path: Path, nursery: Nursery | None) -> Iterator[StartHouse]:
    """Give a function that starts a house, by default always in the same data directory."""
    with contextlib.ExitStack() as open_ones:

        def start(data_dir: Path | None = None, **wanted: Any) -> House:
            if "environ" not in wanted:
                wanted.setdefault("nursery", nursery)
            return open_ones.enter_context(House(data_dir or tmp_path / "house", **wanted))

        yield start


@pytest.fixture
def exchanges(tmp_path: Path, forks: Nursery) -> Iterator[StartExchange]:
    """Give a function that starts an exchange, by default always with the same database."""
    with contextlib.ExitStack() as open_ones:

        def start(folder: Path | None = None, **wanted: Any) -> Exchange:
            wanted.setdefault("nursery", forks)
            return open_ones.enter_context(Exchange(folder or tmp_path / "exchange", **wanted))

        yield start
