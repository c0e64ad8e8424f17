"""Every contract test runs in every world; what concerns streams alone, in one of each kind."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from state.messages.venue import CancelPlaced, FetchOpenOrders, Succeeded
from tests.adapters.simulated.exchange_process import ExchangeProcess, running_exchange
from tests.contracts.worlds import PAIRS, InProcessWorld, ProcessWorld, World, ask


@pytest.fixture(scope="session")
def exchange_process() -> Iterator[ExchangeProcess]:
    """Serve one exchange for all tests of this directory.

    It counts no requests: each test brings a new client, which cannot know how many its
    predecessors have made.
    """
    options = ("--pairs", ",".join(PAIRS), "--seed", "7", "--no-rate-limits")
    with running_exchange(*options) as process:
        yield process


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the worlds of a test: by which way orders go does not matter to streams."""
    if "world" in metafunc.fixturenames:
        is_of_orders = "stream" not in metafunc.module.__name__
        worlds = ["process", *(["rest"] if is_of_orders else []), "in_process"]
        metafunc.parametrize("world", worlds, indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a world, with nothing left resting in it afterwards."""
    with _world(request, by_obu=False) as made:
        yield made


@pytest.fixture(params=["process", "in_process"])
def obu_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Give a world whose books come whole over the stream."""
    with _world(request, by_obu=True) as made:
        yield made


@contextmanager
def _world(request: pytest.FixtureRequest, *, by_obu: bool) -> Iterator[World]:
    made: ProcessWorld | InProcessWorld
    if request.param != "in_process":
        process = request.getfixturevalue("exchange_process")
        made = ProcessWorld(process, by_obu=by_obu, enters=request.param == "process")
    else:
        made = InProcessWorld(seed=7, by_obu=by_obu)
    yield made
    made.set_faults()
    made.halted = None
    leftover = ask(made, FetchOpenOrders())
    assert isinstance(leftover, Succeeded)
    for order in leftover.orders:
        cancel = CancelPlaced(
            pair=order.pair,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
        )
        ask(made, cancel)
    made.close()
