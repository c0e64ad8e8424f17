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
