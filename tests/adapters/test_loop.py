"""The socket loop runs what it is given, survives what fails, and ends in good order."""

import asyncio
import threading

import pytest

from adapters.loop import LoopThread


@pytest.fixture
def loop():
    loop = LoopThread("test-loop")
    yield loop
    assert loop.close(5)


def test_it_runs_coroutines_on_a_daemon_thread_of_its_own(loop):
    async def where():
        return threading.current_thread()

    thread = loop.submit(where()).result(5)
    assert thread.name == "test-loop"
    assert thread.daemon


def test_a_call_that_fails_is_logged_and_the_loop_goes_on(loop):
    def fail():
        raise RuntimeError("no")

    async def fine():
        return 1

    assert loop.call(fail)
    assert loop.submit(fine()).result(5) == 1


def test_closing_cancels_what_runs_and_lets_it_clean_up():
    loop = LoopThread()
    cleaned = threading.Event()
    started = threading.Event()

    async def forever():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    loop.submit(forever())
    assert started.wait(5)
    assert loop.close(5)
    assert cleaned.is_set()


def test_closing_twice_is_harmless_and_nothing_is_taken_afterwards():
    loop = LoopThread()
    assert loop.close(5)
    assert loop.close(5)
    assert not loop.call(print)

    async def late():
        return 1

    assert loop.call(print) is False
    with pytest.raises(RuntimeError, match="closed"):
        loop.submit(late())


def test_a_task_that_refuses_to_end_is_left_behind_at_the_deadline():
    loop = LoopThread()
    started, let_go = threading.Event(), threading.Event()

    async def stubborn():
        started.set()
        let_go.wait()

    loop.submit(stubborn())
    assert started.wait(5)
    assert loop.close(0.05) is False
    let_go.set()
    assert loop.close(5)
