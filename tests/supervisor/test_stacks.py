"""All stacks on a signal: written each time, and the process goes on."""

import os
import signal
import threading
import time

from supervisor.stacks import StacksOnSignal

WITHIN_S = 20.0


def deep(levels, call):
    return deep(levels - 1, call) if levels else call()


def test_each_signal_has_the_stack_of_every_thread_written(tmp_path):
    path, over = tmp_path / "stacks.txt", threading.Event()
    waiting = threading.Thread(target=deep, args=(3, over.wait))
    waiting.start()
    try:
        with path.open("a") as file, StacksOnSignal(signal.SIGQUIT, file):
            for number in (1, 2):
                os.kill(os.getpid(), signal.SIGQUIT)
                deadline_s = time.monotonic() + WITHIN_S
                while path.read_text().count("in deep") < 4 * number:
                    assert time.monotonic() < deadline_s, f"dump {number} was not written"
                    time.sleep(0.002)
        assert "Current thread" in path.read_text()
        assert signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL
    finally:
        over.set()
        waiting.join()
