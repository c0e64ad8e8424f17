"""A lane has no more threads than it needs, and never keeps a job waiting while it may have one."""

import threading
import time
from functools import partial

import pytest

from adapters.gate.lanes import Job, Lane, RateWindows
from adapters.gate.rate_limit import Limit

KEY = (Limit(requests=1000, window_s=1.0), "anything")
WITHIN_S = 5.0


@pytest.fixture
def windows():
    return RateWindows(time.monotonic_ns)


def threads_of(name):
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(f"{name}-")}


def test_a_second_thread_begins_when_the_first_is_busy_and_no_third_beyond_the_limit(windows):
    lane = Lane("busy lane", windows, threads=2, capacity=8)
    assert threads_of("busy lane") == {"busy lane-0"}
    running, go_on = threading.Semaphore(0), threading.Event()
    ended = []

    def run(number):
        running.release()
        assert go_on.wait(WITHIN_S)
        windows.ended(KEY)
        ended.append(number)

    for number in range(3):
        assert lane.put(Job(key=KEY, run=partial(run, number), abandon=pytest.fail))
    # Both run at once, while nobody has let the first go on.
    assert running.acquire(timeout=WITHIN_S)
    assert running.acquire(timeout=WITHIN_S)
    assert threads_of("busy lane") == {"busy lane-0", "busy lane-1"}
    assert not running.acquire(blocking=False)
    go_on.set()
    assert running.acquire(timeout=WITHIN_S)
    lane.stop()
    assert lane.join(WITHIN_S)
    assert sorted(ended) == [0, 1, 2]
    assert threads_of("busy lane") == set()


def test_patient_jobs_come_last_and_leave_a_thread_for_all_others(windows):
    lane = Lane("patient lane", windows, threads=2, capacity=8)
    running, go_on = threading.Semaphore(0), threading.Semaphore(0)
    begun = []

    def run(name, *, waits):
        begun.append(name)
        running.release()
        assert not waits or go_on.acquire(timeout=WITHIN_S)
        windows.ended(KEY)

    def put(name, *, patient, waits):
        job = partial(run, name, waits=waits)
        assert lane.put(Job(key=KEY, run=job, abandon=pytest.fail, patient=patient))

    for number in range(3):
        put(f"patient {number}", patient=True, waits=True)
    assert running.acquire(timeout=WITHIN_S)
    for number in range(2):
        put(f"hasty {number}", patient=False, waits=False)
        assert running.acquire(timeout=WITHIN_S)
    put("hasty 2", patient=False, waits=True)
    put("hasty 3", patient=False, waits=False)
    assert running.acquire(timeout=WITHIN_S)
    # Both threads have something to do.
    go_on.release(5)
    for _ in range(3):
        assert running.acquire(timeout=WITHIN_S)
    lane.stop()
    assert lane.join(WITHIN_S)
    assert begun[:4] == ["patient 0", "hasty 0", "hasty 1", "hasty 2"]
    assert set(begun[4:]) == {"hasty 3", "patient 1", "patient 2"}
