"""Each thread of this process is told apart: what it computed, and that it lives."""

import sys
import threading
import time

import pytest

from adapters.thread_meter import LinuxThreadMeter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the account is Linux's")


def test_a_thread_that_computes_is_told_from_one_that_waits():
    meter, gate = LinuxThreadMeter(), threading.Event()
    waiting = threading.Thread(target=gate.wait)
    waiting.start()
    before, began_ns = meter.times(), time.thread_time_ns()
    while time.thread_time_ns() - began_ns < 50_000_000:
        pass
    after, own = meter.times(), threading.get_native_id()
    other = waiting.native_id
    assert other is not None
    gate.set()
    waiting.join()
    assert after[own].ran_ns - before[own].ran_ns >= 40_000_000
    assert after[other].ran_ns - before[other].ran_ns < 40_000_000
    assert min(one.waited_ns for one in after.values()) >= 0
