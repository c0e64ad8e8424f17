"""The one thread that owns all sockets.

It moves bytes and never computes: whoever is called here hands the message on and returns, or
every other socket waits.
"""

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from loguru import logger

T = TypeVar("T")


class LoopThread:
    """A daemon thread that runs an asyncio loop (uvloop, off Windows) from construction on."""

    def __init__(self, name: str = "sockets") -> None:
        self._loop = _new_loop()
        self._loop.set_exception_handler(_report)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run `coroutine` on the loop and return at once. Any thread may call.

        Raises:
            RuntimeError: The loop is closed.
        """
        if self._closing:
            coroutine.close()
            raise RuntimeError("the loop is closed")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Call `function` on the loop soon; False when the loop is closed. Any thread may call."""
        if self._closing:
            return False
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return False
        return True

    def close(self, deadline_s: float) -> bool:
        """Cancel everything that runs, wait for it, end the thread. Twice is harmless.

        Args:
            deadline_s: How long to wait; what still runs then is left to the end of the process.

        Returns:
            Whether everything ended in time.
        """
        if not self._closing:
            self._closing = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(_cancel_all())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            logger.warning("a task ended badly while the loop closed: {!r}", outcome)


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - not there on Windows

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    logger.opt(exception=error).error("on the socket loop: {}", context.get("message"))
