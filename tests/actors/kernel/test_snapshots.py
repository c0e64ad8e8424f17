"""The promise: a restarted actor goes on from its newest snapshot, whatever version wrote it."""

from typing import Any, ClassVar

import pytest
from msgspec import Struct

from actors.kernel import Actor, ExitKind, Shutdown
from actors.kernel.snapshots import MemorySnapshots, SnapshotUnreadable, Stored, decode
from tests.actors.kernel.worlds import Listener


class Tally(Struct, frozen=True):
    total: int = 0
    names: tuple[str, ...] = ()


class Teller(Actor):
    """Adds up what it hears."""

    snapshot_type = Tally
    snapshot_schema = 2
    snapshot_upgrades: ClassVar[dict[int, Any]] = {1: lambda old: {**old, "names": ["of old"]}}

    def __init__(self):
        super().__init__()
        self.state = Tally()

    def snapshot(self):
        return self.state

    def restore(self, snapshot):
        self.state = snapshot

    def on_receive(self, message):
        if message == "crash":
            raise ValueError(message)
        if isinstance(message, int):
            self.state = Tally(self.state.total + message, self.state.names)
        return self.state


def test_the_cadence_keeps_the_state_and_a_crash_brings_it_back(world):
    world.spawn("teller", Teller, snapshot_every_s=0.01)
    world.runtime.ask("teller", 5, timeout_s=10)
    world.until(lambda: world.runtime.snapshots.newest("teller") is not None)
    world.until(lambda: b"5" in world.runtime.snapshots.newest("teller").payload)
    world.runtime.tell("teller", "crash")
    world.until(lambda: world.runtime.mailboxes["teller"].inbox is None)
    world.spawn("teller", Teller)
    assert world.runtime.ask("teller", 1, timeout_s=10) == Tally(6)


def test_a_stop_keeps_the_last_state(world):
    world.spawn("teller", Teller, snapshot_every_s=None)
    world.runtime.ask("teller", 7, timeout_s=10)
    world.runtime.tell("teller", Shutdown(), control=True)
    world.until(lambda: world.runtime.mailboxes["teller"].inbox is None)
    world.spawn("teller", Teller)
    assert world.runtime.ask("teller", 0, timeout_s=10) == Tally(7)
    assert world.runtime.snapshot_taken_ns("teller") is not None


def test_an_older_schema_is_brought_forward():
    old = Stored(1, b'{"total": 3}', 0)
    assert decode(old, Tally, 2, Teller.snapshot_upgrades) == Tally(3, ("of old",))


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (Stored(3, b"{}", 0), "newer than ours"),
        (Stored(0, b"{}", 0), "no upgrade"),
        (Stored(2, b'{"total": "many"}', 0), "Tally"),
        (Stored(2, b'{"total"', 0), "Tally"),
    ],
)
def test_a_state_that_cannot_be_read_is_refused_not_guessed(stored, says):
    with pytest.raises(SnapshotUnreadable, match=says):
        decode(stored, Tally, 2, Teller.snapshot_upgrades)


def test_an_unreadable_state_fails_the_start(world):
    heard = []
    world.spawn("parent", Listener, heard)
    world.runtime.snapshots.save("teller", Stored(99, b"{}", 0))
    world.spawn("teller", Teller, parent="parent")
    world.until(lambda: heard)
    assert (heard[0].kind, heard[0].started) == (ExitKind.ERROR, False)
    assert "newer than ours" in heard[0].reason


def test_memory_snapshots_can_be_primed():
    stored = Stored(1, b"{}", 0)
    assert MemorySnapshots({"a": stored}).newest("a") is stored
    assert MemorySnapshots().newest("a") is None
