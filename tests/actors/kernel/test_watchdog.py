"""The promise: a starved machine is not taken for an actor that hangs, and a hang is found."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.kernel import Actor, Birthright
from actors.kernel.live import LiveRuntime
from actors.kernel.patience import LEAST_SHARE, counted_ns, present_ns
from actors.kernel.watchdog import Watchdog
from adapters.clock import SystemClock
from adapters.ports import ThreadTime

POLL_S = 0.02
LIMIT_S = 1.0
MS = 1_000_000
OWN, OTHER = 7, 8
PATIENCE_S = 10

spans = st.integers(0, 10_000 * MS)


class HandClock:
    """A clock and an account of threads that a test sets."""

    def __init__(self):
        self.ns = 0
        self.ran_ns = self.waited_ns = 0
        self.thread = 0
        self.asked = 0

    def now_ns(self):
        return self.ns

    def monotonic_ns(self):
        return self.ns

    def times(self):
        self.asked += 1
        return {self.thread: ThreadTime(self.ran_ns, 0), OTHER: ThreadTime(0, self.waited_ns)}


class Stuck(Actor):
    """Waits in a handler for the test."""

    def __init__(self, inside, gate):
        super().__init__()
        self._inside, self._gate = inside, gate

    def on_receive(self, message):
        self._inside.set()
        self._gate.wait(PATIENCE_S)


@pytest.fixture
def scene():
    """Give a watchdog that looks when told to, at an actor in a handler that does not return."""
    clock, inside, gate = HandClock(), threading.Event(), threading.Event()
    runtime = LiveRuntime(SystemClock(), watchdog_poll_s=3600)
    watchdog = Watchdog(runtime, clock, POLL_S, clock)
    watchdog.close()
    watchdog._thread.join()
    birth = Birthright(make=Stuck, args=(inside, gate), hang_s=LIMIT_S)
    runtime.spawn("stuck", birth, parent=None)
    runtime.tell("stuck", "wait")
    assert inside.wait(PATIENCE_S)
    [worker] = [one for pool in runtime.pools() for one in pool.workers if one.inbox is not None]
    assert worker.thread is not None
    assert worker.thread.native_id is not None
    clock.thread = worker.thread.native_id
    watchdog._looked_ns = 0
    watchdog.look()
    yield watchdog, clock
    gate.set()
    runtime.close()


def looks_until_found(watchdog, clock, most, *, late_ns=0, waited_ns=0, ran_ns=0):
    """Return how many looks it takes; each comes a poll and `late_ns` after the one before."""
    for number in range(1, most + 1):
        clock.ns += int(POLL_S * 1e9) + late_ns
        clock.waited_ns += waited_ns
        clock.ran_ns += ran_ns
        watchdog.look()
        if watchdog.zombies()[0]:
            return number
    return None


def test_who_waits_for_ever_is_found_at_its_limit(scene):
    watchdog, clock = scene
    assert looks_until_found(watchdog, clock, 100) == LIMIT_S / POLL_S
    assert clock.asked == 2, "the system is asked at suspicion and at the verdict, not at each look"


def test_a_pause_of_the_whole_process_counts_as_one_look(scene):
    watchdog, clock = scene
    clock.ns += 30 * 10**9
    watchdog.look()
    assert watchdog.zombies() == (0, 0)
    assert looks_until_found(watchdog, clock, 100) == LIMIT_S / POLL_S - 1


def test_looks_that_all_come_late_stretch_the_limit(scene):
    watchdog, clock = scene
    assert looks_until_found(watchdog, clock, 100, late_ns=80 * MS) == LIMIT_S / POLL_S
    assert clock.ns == pytest.approx(5e9)


@pytest.mark.parametrize(("waited_ms", "times"), [(10, 2), (15, 4), (20, 8), (100, 8)])
def test_on_a_starved_machine_it_is_found_later_but_found(scene, waited_ms, times):
    watchdog, clock = scene
    looks = looks_until_found(watchdog, clock, 1000, waited_ns=waited_ms * MS)
    # The first quarter of the limit is counted by the looks alone.
    expected = LIMIT_S / POLL_S * (1 / 4 + 3 / 4 * times)
    assert expected * 0.85 <= looks <= expected * 1.05


def test_who_computes_for_ever_is_found_however_starved_all_others_are(scene):
    watchdog, clock = scene
    looks = looks_until_found(watchdog, clock, 100, waited_ns=100 * MS, ran_ns=20 * MS)
    assert looks == LIMIT_S / POLL_S


@given(spans, spans, spans)
def test_never_less_than_what_it_computed_nor_more_than_the_clock_says(spent, waited, ran):
    before = {OWN: ThreadTime(5, 3), OTHER: ThreadTime(1, 1)}
    after = {OWN: ThreadTime(5 + ran, 3), OTHER: ThreadTime(1, 1 + waited), 9: ThreadTime(9, 9**9)}
    counted = counted_ns(spent, before, after, OWN)
    assert counted >= max(ran, spent // LEAST_SHARE)
    assert counted <= max(ran, spent)
    if waited == 0:
        assert counted == max(ran, spent)


@given(spans)
def test_without_an_account_only_the_looks_tell(spent):
    assert counted_ns(spent, {}, {}, None) == spent
    assert present_ns(spent, 20 * MS) == min(spent, 20 * MS)
