"""The meter reads this process, in the units the port promises."""

import mmap
import os
import threading
import time

from adapters.process_meter import SystemProcessMeter


def test_cpu_is_a_share_of_one_core_since_the_last_call():
    meter = SystemProcessMeter()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    busy = meter.cpu_percent()
    assert 10 < busy < 100 * (os.cpu_count() or 1) + 50


def test_memory_is_in_bytes_and_grows_with_what_we_hold():
    meter = SystemProcessMeter()
    # Of the system and not of the heap: there it may be what other tests have left.
    with mmap.mmap(-1, 32 * 1024 * 1024) as held:
        before = meter.rss_bytes()
        held.write(bytes(len(held)))
        assert meter.rss_bytes() - before > len(held) // 2


def test_threads_and_descriptors_are_counted():
    meter = SystemProcessMeter()
    threads, fds = meter.threads(), meter.fds()
    stop = threading.Event()
    extra = [threading.Thread(target=stop.wait) for _ in range(20)]
    pipes = [os.pipe() for _ in range(10)]
    for thread in extra:
        thread.start()
    try:
        # Threads of earlier tests may end meanwhile, so not to the last one.
        assert abs(meter.threads() - threads - 20) < 5
        assert abs(meter.fds() - fds - 20) < 5
    finally:
        stop.set()
        for thread in extra:
            thread.join()
        for end in (end for pipe in pipes for end in pipe):
            os.close(end)
