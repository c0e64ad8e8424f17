"""The door of an emergency stop: the latch first, then everybody; from any thread and a file."""

import signal
import threading

import pytest

from actors import addresses
from adapters.halt_file import HALT_FILE, HaltFile
from adapters.halt_latch import Latch
from state.messages.operations import SessionWanted
from state.messages.orders import SweepOrders
from state.values import Session
from supervisor.emergency_door import EmergencyDoor

WITHIN_S = 10.0


class Told:
    """What the door told the house, and with what the latch was set at that moment."""

    def __init__(self, latch):
        self.latch = latch
        self.messages = []
        self.halted = threading.Event()

    def __call__(self, address, message):
        self.messages.append((address, message, self.latch.reason))
        if address == addresses.SESSION_KEEPER:
            self.halted.set()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "simulated").mkdir()
    return tmp_path / "simulated"


@pytest.fixture
def told(folder):
    return Told(Latch(HaltFile(folder)))


@pytest.fixture
def door(told):
    made = EmergencyDoor(told.latch, told)
    yield made
    made.close()


def test_whoever_pulls_sets_the_latch_before_anybody_is_told(door, told):
    door.open()
    door.pull("fire", "uid 1000")
    wish = SessionWanted(session=Session.EMERGENCY, reason="fire", caller="uid 1000")
    assert told.messages == [
        (addresses.ORDER_ROUTER, SweepOrders(reason="fire"), "fire"),
        (addresses.SESSION_KEEPER, wish, "fire"),
    ]


def test_a_file_that_is_there_already_stops_before_the_door_is_open(folder, door, told):
    (folder / HALT_FILE).write_text("left by the night shift\n")
    door.open()
    assert told.latch.reason == "left by the night shift"


def test_a_file_that_is_put_there_stops(folder, door, told):
    door.open()
    (folder / HALT_FILE).write_text("prices look wrong\n")
    assert told.halted.wait(WITHIN_S)
    [_, (_, wish, _)] = told.messages
    assert (wish.reason, wish.caller) == ("prices look wrong", "file")


def test_a_signal_stops_whatever_the_main_thread_is_at(door, told):
    door.open()
    before = signal.signal(signal.SIGUSR1, lambda *_: door.pull_from_signal("the signal", "signal"))
    try:
        signal.raise_signal(signal.SIGUSR1)
        assert told.latch.reason == "the signal", "at once"
        assert told.halted.wait(WITHIN_S)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_pulled_often_by_many_it_is_pulled(door, told):
    door.open()
    threads = [threading.Thread(target=door.pull, args=(f"{n}", "somebody")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.latch.reason in {f"{n}" for n in range(8)}
    assert len(told.messages) == 16


def test_however_it_was_pulled_the_next_process_finds_the_file(folder, door, told):
    door.open()
    door.pull("fire", "uid 1000")
    door.close()
    told.latch.look()
    again = Latch(HaltFile(folder))
    assert again.look() == "fire"
